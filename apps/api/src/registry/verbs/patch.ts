import {
  appendAll,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  atOnce,
  badRequest,
  field,
  formatGroupVersion,
  invalid,
  isJsonObject,
  JsonSyntaxError,
  jsonPatchSteps,
  jsonPatchStrictErrors,
  jsonTypeName,
  type KubeObject,
  parseGroupVersion,
  quote,
  type Steps,
  unsupportedMediaType,
} from '#apimachinery';
import { type Decoded, DecodeError } from '#kinds';
import { jsonOf } from '../../codec/body-ahead.js';
import { type ExpectedKind, unreadableType } from '../../codec/body-decoder.js';
import { inTurns, isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions, type WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { schemaOf } from '../write/field-managers.js';
import { updateRefusal } from '../write/preconditions.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { WRITE } from '../write/write-stages.js';
import { applyObject } from './apply.js';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';
const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH];
/** Schemas of custom resources have no strategies. */
const CUSTOM_PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, APPLY_PATCH];

/** Media type without its parameters. Throws 415 for what is no patch, or none that the resource takes. */
export function patchTypeOf({ definition }: ResourceEntry, request: ApiRequest): string {
  const taken = definition.custom ? CUSTOM_PATCH_TYPES : PATCH_TYPES;
  const semicolon = request.contentType.indexOf(';');
  const type = semicolon < 0 ? request.contentType : request.contentType.slice(0, semicolon).trim();
  if (!taken.includes(type)) throw unsupportedMediaType(taken);
  return type;
}

/**
 * A patch names no revision unless it patches resourceVersion itself, so it is made again on the newer object when
 * somebody else was faster.
 */
export function patchObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const type = patchTypeOf(entry, request);
  const options = parseWriteOptions(request.query, 'PatchOptions', type === APPLY_PATCH);
  const large = isLarge(request);
  if (type === APPLY_PATCH) return applyObject(context, entry, request, options, warnings);
  let patch: Patch;
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: WRITE,
    options,
    optionsKind: 'PatchOptions',
    code: 200,
    decode: () => {
      patch = readPatch(entry, request, options);
    },
    next: (old) => {
      const steps = patchSteps(context, entry, old!, patch, options, warnings, large);
      // The patch of a long list may be short.
      return large || type === JSON_PATCH ? inTurns(steps) : atOnce(steps);
    },
    refusal: updateRefusal,
    repeatable: () => !namesRevision(patch.value),
  };
  return runWrite(new WriteCall(context, entry, request, plan, warnings, large));
}

function* patchSteps(
  context: RegistryContext,
  entry: ResourceEntry,
  old: KubeObject,
  patch: Patch,
  options: WriteRequestOptions,
  warnings: string[],
  large: boolean,
): Steps<KubeObject> {
  const patched =
    patch.type === JSON_PATCH
      ? ((yield* jsonPatchSteps(old, patch.value)) as KubeObject)
      : applyPatch(patch.type, entry, old, patch.value);
  if (large) yield;
  return readPatched(context, patched, old, entry.definition, options, warnings, patch);
}

/** Applies the request's patch to `document`, and reads the result as `expected`. */
export function patchDocument(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  document: KubeObject,
  expected: ExpectedKind,
  options: WriteRequestOptions,
  warnings: string[],
  patch: Patch = readPatch(entry, request, options),
): KubeObject {
  return readPatched(
    context,
    applyPatch(patch.type, entry, document, patch.value),
    document,
    expected,
    options,
    warnings,
    patch,
  );
}

/** What a patch made of `document`, as an object of the expected kind. */
function readPatched(
  context: RegistryContext,
  patched: KubeObject,
  document: KubeObject,
  expected: ExpectedKind,
  options: WriteRequestOptions,
  warnings: string[],
  patch: Patch,
): KubeObject {
  // A strategic patch is merged into the typed object: what it says of the type goes nowhere.
  if (patch.type === STRATEGIC_PATCH) Object.assign(patched, { kind: document.kind, apiVersion: document.apiVersion });
  else checkType(context, patched, expected);
  // The reference shows the whole object, unless the patch was merged as such.
  const shown = patch.type === STRATEGIC_PATCH ? patch.value : patched;
  let decoded: Decoded;
  try {
    decoded = expected.decode(patched);
  } catch (error) {
    if (error instanceof DecodeError) throw invalidPatch(shown, error.message);
    throw error;
  }
  const problems = [...patch.strict, ...decoded.unknownFields.map((path) => `unknown field ${JSON.stringify(path)}`)];
  if (problems.length > 0 && options.fieldValidation === 'Strict') {
    throw invalidPatch(shown, `strict decoding error: ${problems.join(', ')}`);
  }
  if (options.fieldValidation === 'Warn') appendAll(warnings, problems);
  const object = decoded.object as KubeObject;
  object.metadata ??= {};
  return object;
}

function applyPatch(type: string, entry: ResourceEntry, document: KubeObject, patch: unknown): KubeObject {
  switch (type) {
    case JSON_PATCH:
      return applyJsonPatch(document, patch) as KubeObject;
    case MERGE_PATCH:
      return applyMergePatch(document, patch) as KubeObject;
    default:
      return applyStrategicMergePatch(document, patch, schemaOf(entry)) as KubeObject;
  }
}

/** A patch may make another kind of the object only where that converts into this one. Throws 422. */
function checkType({ resources }: RegistryContext, patched: KubeObject, { group, version, kind }: ExpectedKind): void {
  if (patched.kind === kind && patched.apiVersion === formatGroupVersion(group, version)) return;
  const unreadable = unreadableType(patched);
  if (unreadable !== undefined) throw invalidPatch(patched, unreadable);
  const given = parseGroupVersion(patched.apiVersion ?? '') ?? { group: '', version: '' };
  const hub = group === '' ? 'core' : group.split('.')[0];
  const known = resources.catalog.findKind(given.group, given.version, patched.kind ?? '') !== undefined;
  const detail = known
    ? `converting (${given.version}.${patched.kind}) to (${hub}.${kind}): unknown conversion`
    : `no kind ${quote(patched.kind ?? '')} is registered for version ${quote(patched.apiVersion ?? '')}`;
  throw invalidPatch(patched, detail);
}

function invalidPatch(shown: unknown, detail: string): Error {
  return invalid({ group: '', kind: '' }, '', [field.invalid('patch', JSON.stringify(shown), detail)]);
}

interface Patch {
  type: string;
  value: unknown;
  /** What is repeated, or means nothing in a JSON patch, as strict decoding reports it. */
  strict: string[];
}

function readPatch(entry: ResourceEntry, request: ApiRequest, { fieldValidation }: WriteRequestOptions): Patch {
  const type = patchTypeOf(entry, request);
  const { body } = request;
  if (!Buffer.isBuffer(body)) {
    request.record?.sentDocument(body);
    return { type, value: body, strict: [] };
  }
  const checked = fieldValidation !== 'Ignore';
  try {
    const { value, duplicates } = jsonOf(request, body, checked);
    request.record?.sentDocument(value);
    if (!checked) return { type, value, strict: [] };
    checkShape(type, value);
    if (type !== JSON_PATCH) return { type, value, strict: duplicates };
    const strict = [...duplicates.map((text) => `json patch ${text}`), ...jsonPatchStrictErrors(value)];
    return { type, value, strict };
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest('invalid JSON patch');
    throw error;
  }
}

/** Whoever wants fields checked gets what the reference's checking reader says of a patch of another type. */
function checkShape(type: string, value: unknown): void {
  if (value === null || (type === JSON_PATCH ? Array.isArray(value) : isJsonObject(value))) return;
  const wanted = type === JSON_PATCH ? '[]handlers.jsonPatchOp' : 'map[string]interface {}';
  const cause = `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${wanted}`;
  throw badRequest(type === STRATEGIC_PATCH ? cause : `error decoding patch: ${cause}`);
}

function namesRevision(patch: unknown): boolean {
  if (Array.isArray(patch)) return patch.some((operation) => operation?.path === '/metadata/resourceVersion');
  return (patch as Partial<KubeObject> | null)?.metadata?.resourceVersion !== undefined;
}
