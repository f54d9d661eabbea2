import { isCIdentifier, isDNS1123Subdomain, isDNS1123SubdomainCaseless } from '#apimachinery';
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
}

export function checkPoolName(at: FieldCursor, name: string, pool: string | undefined): void {
  if (!pool) {
    at.required(name);
    return;
  }
  if (Buffer.byteLength(pool) > MAX_POOL_LENGTH) at.tooLong(name, MAX_POOL_LENGTH);
  for (const part of pool.split('/')) at.format(name, part, isDNS1123Subdomain);
}

/** `<domain>/<identifier>` */
export function checkFullyQualifiedName(at: FieldCursor, name: string, value: string): void {
  checkQualifiedName(at, name, value);
  if (!value.includes('/')) {
    at.invalid(name, value, 'a fully qualified name must be a domain and a name separated by a slash');
  }
}

/** The same, or an identifier in the domain of the driver. */
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
