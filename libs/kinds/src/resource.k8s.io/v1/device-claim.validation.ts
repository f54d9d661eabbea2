import { isDNS1123Label, isDNS1123Subdomain, isJsonObject, type Steps } from '#apimachinery';
import type {
  DeviceClaim,
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
} from '../../generated/types.js';
import type { FieldCursor } from '../../validation/field-cursor.js';
import type { Rule } from '../../validation/rules.js';
import { checkDeclaredDriver, checkFullyQualifiedName } from './device-names.validation.js';
import { checkSelectors, judgeSelectors, selectorRules } from './device-selectors.validation.js';
import { checkDeviceToleration } from './device-taints.validation.js';
import { eachUniqueUpTo, eachUpTo } from './limited-lists.validation.js';
import { shownOrder } from './shown-items.js';

/** Which devices a claim asks for. */

export const MAX_ITEMS = 32;
const MAX_ALTERNATIVES = 8;
const MAX_PARAMETER_BYTES = 10 * 1024;
const allocationModes = ['All', 'ExactCount'];
const notARequest =
  "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";

/** What is checked of a claim and of a template of claims. */
export const deviceClaimRules: readonly Rule[] = [
  'requests: at most 32, with unique DNS labels as names, each with exactly one of exactly and firstAvailable (at most 8)',
  'deviceClassName is required and a name',
  'allocationMode is one of All, ExactCount; count is positive with ExactCount and unset with All',
  ...selectorRules,
  'tolerations: key is a label key, operator is one of Equal, Exists, effect is one of NoExecute, NoSchedule, None',
  'constraints: at most 32, with matchAttribute or distinctAttribute, for requests of the claim',
  'config: at most 32, with a driver and parameters that are a JSON object of at most 10240 bytes, for requests of the claim',
];

/** Does what takes long of the check: as long as the limits of the lists allow. */
export function* judgeDeviceClaim({ requests }: DeviceClaim): Steps<void> {
  for (const { exactly, firstAvailable } of (requests ?? []).slice(0, MAX_ITEMS)) {
    yield* judgeSelectors(exactly?.selectors);
    for (const { selectors } of (firstAvailable ?? []).slice(0, MAX_ALTERNATIVES)) yield* judgeSelectors(selectors);
  }
}

/** With the cursor at the claim's devices. */
export function checkDeviceClaim(at: FieldCursor, { requests, constraints, config }: DeviceClaim): void {
  const names = requestNames({ requests: requests ?? [] });
  const unique = { keyOf: ({ name }: DeviceRequest) => name, order: shownOrder.request };
  eachUniqueUpTo(at, 'requests', requests, MAX_ITEMS, unique, (request) => checkRequest(at, request));
  eachUpTo(at, 'constraints', constraints, MAX_ITEMS, (constraint) => checkConstraint(at, constraint, names));
  eachUpTo(at, 'config', config, MAX_ITEMS, ({ requests: of, opaque }) => {
    checkRequestRefs(at, of, names);
    checkConfiguration(at, opaque);
  });
}

/** `request` and `request/alternative`. */
export function requestNames({ requests = [] }: DeviceClaim): ReadonlySet<string> {
  const names = requests?.flatMap(({ name, firstAvailable }) => [
    name,
    ...(firstAvailable ?? []).map((alternative) => `${name}/${alternative.name}`),
  ]);
  return new Set(names);
}

function checkRequest(at: FieldCursor, { name, exactly, firstAvailable = [] }: DeviceRequest): void {
  at.format('name', name ?? '', isDNS1123Label);
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly === undefined && firstAvailable.length === 0) at.required('', one);
  else if (exactly !== undefined && firstAvailable.length > 0) {
    at.invalid('', null, `${one}, but multiple fields are set`);
  } else if (exactly !== undefined) {
    at.within('exactly', () => {
      checkClassName(at, exactly.deviceClassName);
      checkDevices(at, exactly);
    });
  } else {
    const unique = { keyOf: ({ name: of }: DeviceSubRequest) => of, order: shownOrder.alternative };
    eachUniqueUpTo(at, 'firstAvailable', firstAvailable, MAX_ALTERNATIVES, unique, (alternative) => {
      at.format('name', alternative.name ?? '', isDNS1123Label);
      at.declared(() => checkClassName(at, alternative.deviceClassName));
      checkDevices(at, alternative);
    });
  }
}

function checkClassName(at: FieldCursor, name: string | undefined): void {
  if (name) at.format('deviceClassName', name, isDNS1123Subdomain);
  else at.required('deviceClassName');
}

function checkDevices(at: FieldCursor, request: Omit<ExactDeviceRequest, 'deviceClassName'>): void {
  const { selectors, allocationMode: mode = '', count = 0, tolerations } = request;
  checkSelectors(at, selectors);
  if (mode === 'All') {
    if (count !== 0) at.invalid('count', count, "must not be specified when allocationMode is 'All'");
  } else if (mode === 'ExactCount') at.positive('count', count);
  else at.declared(() => at.notSupported('allocationMode', mode, allocationModes));
  at.each('tolerations', tolerations, (toleration) => checkDeviceToleration(at, toleration));
}

function checkConstraint(at: FieldCursor, constraint: DeviceConstraint, names: ReadonlySet<string>): void {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  checkRequestRefs(at, requests, names);
  if (matchAttribute !== undefined) {
    checkFullyQualifiedName(at, 'matchAttribute', matchAttribute);
  } else if (distinctAttribute !== undefined) {
    checkFullyQualifiedName(at, 'distinctAttribute', distinctAttribute);
  } else {
    const text = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
    at.required('', text);
  }
}

export function checkRequestRefs(
  at: FieldCursor,
  requests: readonly string[] | undefined,
  names: ReadonlySet<string>,
): void {
  const unique = { keyOf: (name: string) => name };
  eachUniqueUpTo(at, 'requests', requests, MAX_ITEMS, unique, (name) => checkRequestRef(at, '', name, names));
}

export function checkRequestRef(at: FieldCursor, path: string, name: string, names: ReadonlySet<string>): void {
  const segments = name.split('/');
  if (segments.length > 2) {
    at.invalid(path, name, notARequest);
    return;
  }
  for (const segment of segments) at.format(path, segment, isDNS1123Label);
  if (!names.has(name)) at.invalid(path, name, notARequest);
}

/** `known` parameters are stored already. */
export function checkConfiguration(
  at: FieldCursor,
  opaque: OpaqueDeviceConfiguration | undefined,
  known = false,
): void {
  if (opaque === undefined) {
    at.required('opaque');
    return;
  }
  at.within('opaque', () => {
    const { driver, parameters } = opaque;
    checkDeclaredDriver(at, driver);
    if (parameters === undefined || parameters === null) at.required('parameters');
    else if (!known && Buffer.byteLength(JSON.stringify(parameters)) > MAX_PARAMETER_BYTES) {
      at.tooLong('parameters', MAX_PARAMETER_BYTES);
    } else if (!isJsonObject(parameters)) at.invalid('parameters', '<value omitted>', 'must be a valid JSON object');
  });
}
