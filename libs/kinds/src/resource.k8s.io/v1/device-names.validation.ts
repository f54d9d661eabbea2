import { type FormatCheck, isCIdentifier, isDNS1123Subdomain, isDNS1123SubdomainCaseless } from '#apimachinery';
import { checkDriverName } from '../../core/v1/pod/pod-volumes.validation.js';
import type { FieldCursor } from '../../validation/field-cursor.js';

/** Names of drivers, pools and attributes of devices. */

const MAX_DRIVER_LENGTH = 63;
const MAX_POOL_LENGTH = 253;
const MAX_IDENTIFIER_LENGTH = 32;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Required; by the declared rule. */
export function checkDeclaredDriver(at: FieldCursor, driver: string | undefined): void {
  at.declared(() => {
    if (!driver) {
      at.required('driver');
      return;
    }
    at.format('driver', driver, isDNS1123SubdomainCaseless);
    if ([...driver].length > MAX_DRIVER_LENGTH) at.tooLongCharacters('driver', MAX_DRIVER_LENGTH);
  });
  // The rule from before counts bytes. What only it finds is reported as well.
  const length = [...(driver ?? '')].length;
  if (length <= MAX_DRIVER_LENGTH && Buffer.byteLength(driver ?? '') > MAX_DRIVER_LENGTH) {
    at.tooLong('driver', MAX_DRIVER_LENGTH);
  }
}

export function checkPoolName(at: FieldCursor, name: string, pool: string | undefined): void {
  if (!pool) {
    at.required(name);
    return;
  }
  if (Buffer.byteLength(pool) > MAX_POOL_LENGTH) at.tooLong(name, MAX_POOL_LENGTH);
  for (const part of pool.split('/')) at.format(name, part, isDNS1123Subdomain);
}

/** By the declared rule, which tells the parts apart. */
export function checkDeclaredPool(at: FieldCursor, name: string, pool: string | undefined): void {
  at.declared(() => {
    if (!pool) {
      at.required(name);
      return;
    }
    if (Buffer.byteLength(pool) > MAX_POOL_LENGTH) at.tooLong(name, MAX_POOL_LENGTH);
    pool.split('/').forEach((part, index) => {
      if (part === '') at.invalid(name, pool, `segment ${index}: must not be empty`);
      else for (const text of inBytes(isDNS1123Subdomain)(part)) at.invalid(name, part, `segment ${index}: ${text}`);
    });
  });
}

/** The format of a declared rule: it counts bytes in words, too. */
export function inBytes(check: FormatCheck): FormatCheck {
  return (value) => check(value).map((text) => text.replace(/^(must be no more than \d+) characters$/, '$1 bytes'));
}

/** `<domain>/<identifier>`; by the declared rule. */
export function checkFullyQualifiedName(at: FieldCursor, name: string, value: string): void {
  const [domain = '', identifier, ...more] = value.split('/');
  at.declared(() => {
    if (identifier === undefined) {
      checkIdentifier(at, name, domain);
      at.invalid(name, value, 'a fully qualified name must be a domain and a name separated by a slash');
    } else if (more.length === 0) {
      if (domain === '') at.invalid(name, '', 'prefix must not be empty');
      else {
        if (Buffer.byteLength(domain) > MAX_DRIVER_LENGTH) at.tooLong(name, MAX_DRIVER_LENGTH);
        for (const text of inBytes(isDNS1123Subdomain)(domain)) at.invalid(name, domain, `prefix: ${text}`);
      }
      if (identifier === '') at.invalid(name, '', 'name must not be empty');
      else checkIdentifier(at, name, identifier);
    }
  });
}

/** `<domain>/<identifier>`, or an identifier in the domain of the driver. */
export function checkQualifiedName(at: FieldCursor, name: string, value: string): void {
  const [domain = '', identifier, ...more] = value.split('/');
  if (identifier === undefined) checkIdentifier(at, name, domain);
  else if (more.length === 0) {
    if (domain === '') at.invalid(name, '', 'the domain must not be empty');
    else checkDriverName(at, domain, name);
    if (identifier === '') at.invalid(name, '', 'the name must not be empty');
    else checkIdentifier(at, name, identifier);
  }
}

/** Which share of a device; by the declared rule. */
export function checkShareId(at: FieldCursor, shareID: string | undefined): void {
  if (shareID === undefined || UUID.test(shareID)) return;
  at.declared(() => at.invalid('shareID', shareID, 'must be a lowercase UUID in 8-4-4-4-12 format'));
}

function checkIdentifier(at: FieldCursor, name: string, identifier: string): void {
  if (Buffer.byteLength(identifier) > MAX_IDENTIFIER_LENGTH) at.tooLong(name, MAX_IDENTIFIER_LENGTH);
  at.format(name, identifier, isCIdentifier);
}
