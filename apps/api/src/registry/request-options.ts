import { badRequest, bare, type FieldError, field, invalid, jsonTypeName, ownValue } from '#apimachinery';
import type { FieldValidation } from '../codec/body-decoder.js';

/** Query parameters and option objects of the verbs, read and checked as the reference does. */

export interface WriteRequestOptions {
  dryRun: boolean;
  fieldManager: string;
  fieldValidation: FieldValidation;
  force: boolean;
}

export interface DeleteRequestOptions {
  dryRun: boolean;
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
}

export interface ListRequestOptions {
  labelSelector: string;
  fieldSelector: string;
  resourceVersion: string;
  resourceVersionMatch: string;
  limit: number;
  continue: string;
  watch: boolean;
  allowWatchBookmarks: boolean;
  sendInitialEvents?: boolean;
  timeoutSeconds?: number;
}

const META = (kind: string) => ({ group: 'meta.k8s.io', kind });
const FIELD_MANAGER_MAX = 128;

const DEFAULT_WRITE: WriteRequestOptions = Object.freeze({
  dryRun: false,
  fieldManager: '',
  fieldValidation: 'Warn',
  force: false,
});

/** `kind` names the options in errors: CreateOptions, UpdateOptions, PatchOptions. */
export function parseWriteOptions(query: URLSearchParams, kind: string, isApply = false): WriteRequestOptions {
  if (query.size === 0 && !isApply) return DEFAULT_WRITE;
  const errors: FieldError[] = [];
  const dryRun = parseDryRun(query.getAll('dryRun'), errors);
  const fieldManager = query.get('fieldManager') ?? '';
  if (fieldManager.length > FIELD_MANAGER_MAX) errors.push(field.tooLong('fieldManager', FIELD_MANAGER_MAX));
  for (const char of fieldManager) {
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(char)) {
      errors.push(field.invalid('fieldManager', fieldManager, 'should only contain printable characters'));
      break;
    }
  }
  const fieldValidation = query.get('fieldValidation') || 'Warn';
  if (fieldValidation !== 'Strict' && fieldValidation !== 'Warn' && fieldValidation !== 'Ignore') {
    errors.push(field.notSupported('fieldValidation', fieldValidation, ['Ignore', 'Strict', 'Warn']));
  }
  const force = parseBoolean(query, 'force') ?? false;
  if (kind === 'PatchOptions') {
    if (isApply && fieldManager === '') {
      errors.push(field.required('fieldManager', 'is required for apply patch'));
    }
    if (!isApply && query.has('force'))
      errors.push(field.forbidden('force', 'may not be specified for non-apply patch'));
  }
  if (errors.length > 0) throw invalid(META(kind), '', errors);
  return { dryRun, fieldManager, fieldValidation: fieldValidation as FieldValidation, force };
}

function parseDryRun(values: readonly string[], errors: FieldError[]): boolean {
  for (const value of values) {
    if (value !== 'All') errors.push(field.notSupported('dryRun', values, ['All']));
  }
  return values.length > 0;
}

/** Options as an object of meta.k8s.io/v1, as admission gets them. */
export function optionsBody(
  kind: string,
  { dryRun, ...options }: WriteRequestOptions | DeleteRequestOptions,
): Record<string, unknown> {
  return { kind, apiVersion: 'meta.k8s.io/v1', ...options, ...(dryRun ? { dryRun: ['All'] } : undefined) };
}

/** A body wins over the query, as in the reference. */
export function parseDeleteOptions(body: unknown, query: URLSearchParams): DeleteRequestOptions {
  const errors: FieldError[] = [];
  const options: DeleteRequestOptions = { dryRun: false };
  if (body !== undefined) {
    readDeleteOptionsBody(body, options, errors);
  } else if (query.size > 0) {
    options.dryRun = parseDryRun(query.getAll('dryRun'), errors);
    options.gracePeriodSeconds = parseInteger(query, 'gracePeriodSeconds');
    options.orphanDependents = parseBoolean(query, 'orphanDependents');
    const policy = query.get('propagationPolicy');
    if (policy) options.propagationPolicy = policy as never;
  }
  checkPropagation(options, errors);
  if (errors.length > 0) throw invalid(META('DeleteOptions'), '', errors);
  return options;
}

function readDeleteOptionsBody(body: unknown, options: DeleteRequestOptions, errors: FieldError[]): void {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('decoded object cannot be converted to DeleteOptions');
  }
  const given = body as Record<string, unknown>;
  if (given.kind !== undefined && given.kind !== '' && given.kind !== 'DeleteOptions') {
    throw badRequest('decoded object cannot be converted to DeleteOptions');
  }
  if (Array.isArray(given.dryRun)) options.dryRun = parseDryRun(given.dryRun as string[], errors);
  options.gracePeriodSeconds = typed(given, 'gracePeriodSeconds', 'number');
  options.orphanDependents = typed(given, 'orphanDependents', 'boolean');
  options.propagationPolicy = typed(given, 'propagationPolicy', 'string');
  const preconditions = typed<Record<string, unknown>>(given, 'preconditions', 'object');
  if (preconditions) {
    options.preconditions = {
      uid: typed(preconditions, 'uid', 'string'),
      resourceVersion: typed(preconditions, 'resourceVersion', 'string'),
    };
  }
}

function typed<T>(from: Record<string, unknown>, key: string, type: string): T | undefined {
  const value = ownValue(from, key);
  if (value === undefined || value === null) return undefined;
  if (typeof value !== type) {
    throw badRequest(
      `json: cannot unmarshal ${jsonTypeName(value)} into Go struct field DeleteOptions.${key} of type ${GO_TYPE[type]}`,
    );
  }
  return value as T;
}

const GO_TYPE = bare<string>({
  number: 'int64',
  boolean: 'bool',
  string: 'string',
  object: 'v1.Preconditions',
});

function checkPropagation(options: DeleteRequestOptions, errors: FieldError[]): void {
  const { propagationPolicy: policy, orphanDependents } = options;
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.push(
      field.invalid('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  if (policy !== undefined && policy !== 'Foreground' && policy !== 'Background' && policy !== 'Orphan') {
    errors.push(field.notSupported('propagationPolicy', policy, ['Background', 'Foreground', 'Orphan']));
  }
}

const DEFAULT_LIST: ListRequestOptions = Object.freeze({
  labelSelector: '',
  fieldSelector: '',
  resourceVersion: '',
  resourceVersionMatch: '',
  limit: 0,
  continue: '',
  watch: false,
  allowWatchBookmarks: false,
});

export function parseListOptions(query: URLSearchParams, watch: boolean): ListRequestOptions {
  if (query.size === 0 && !watch) return DEFAULT_LIST;
  const options: ListRequestOptions = {
    labelSelector: query.get('labelSelector') ?? '',
    fieldSelector: query.get('fieldSelector') ?? '',
    resourceVersion: query.get('resourceVersion') ?? '',
    resourceVersionMatch: query.get('resourceVersionMatch') ?? '',
    limit: parseInteger(query, 'limit') ?? 0,
    continue: query.get('continue') ?? '',
    watch,
    allowWatchBookmarks: parseBoolean(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: parseBoolean(query, 'sendInitialEvents'),
    timeoutSeconds: parseInteger(query, 'timeoutSeconds'),
  };
  const errors = watch ? checkWatchOptions(options) : checkListOptions(options);
  if (errors.length > 0) throw invalid(META('ListOptions'), '', errors);
  return options;
}

const MATCH = 'resourceVersionMatch';

function checkListOptions(options: ListRequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (match !== '') {
    if (options.resourceVersion === '') {
      errors.push(field.forbidden(MATCH, 'resourceVersionMatch is forbidden unless resourceVersion is provided'));
    }
    if (options.continue !== '') {
      errors.push(field.forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      errors.push(field.notSupported(MATCH, match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && options.resourceVersion === '0') {
      errors.push(field.forbidden(MATCH, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(field.forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function checkWatchOptions(options: ListRequestOptions): FieldError[] {
  const errors: FieldError[] = [];
  const match = options.resourceVersionMatch;
  if (options.sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    errors.push(field.forbidden(MATCH, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  }
  if (match !== '') {
    if (options.sendInitialEvents === undefined) {
      errors.push(
        field.forbidden(MATCH, 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'),
      );
    }
    if (match !== 'NotOlderThan') errors.push(field.notSupported(MATCH, match, ['NotOlderThan']));
    if (options.continue !== '') {
      errors.push(field.forbidden(MATCH, 'resourceVersionMatch is forbidden when continue is provided'));
    }
  }
  return errors;
}

/** Throws 400 when the parameter is there and no integer of 64 bits. */
export function parseInteger(query: URLSearchParams, key: string): number | undefined {
  const value = query.get(key);
  if (value === null || value === '') return undefined;
  if (!/^[+-]?\d+$/.test(value)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  // Fewer digits fit in any case.
  if (value.length > 18 && BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) {
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  }
  return Number(value);
}

/** Absent: undefined. Anything but `false` and `0` is true, as the reference's query conversion has it. */
export function parseBoolean(query: URLSearchParams, key: string): boolean | undefined {
  const value = query.get(key);
  if (value === null) return undefined;
  const lower = value.toLowerCase();
  return lower !== 'false' && lower !== '0';
}
