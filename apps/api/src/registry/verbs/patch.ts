import {
  appendAll,
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
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
  unsupportedMediaType,
} from '#apimachinery';
import { type Decoded, DecodeError, findKind } from '#kinds';
import { jsonOf } from '../../codec/body-ahead.js';
import { type ExpectedKind, unreadableType } from '../../codec/body-decoder.js';
import { breath, inTurns, isLarge } from '../../codec/large-bodies.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { parseWriteOptions, type WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { schemaOf } from '../write/field-managers.js';
import { applyObject } from './apply.js';
import { updateWith } from './update.js';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_PATCH = 'application/strategic-merge-patch+json';
export const APPLY_PATCH = 'application/apply-patch+yaml';
const PATCH_TYPES = [JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH];

/** Media type without its parameters. Throws 415 for what is no patch. */
export function patchTypeOf(request: ApiRequest): string {
  const semicolon = request.contentType.indexOf(';');
  const type = semicolon < 0 ? request.contentType : request.contentType.slice(0, semicolon).trim();
  if (!PATCH_TYPES.includes(type)) throw unsupportedMediaType(PATCH_TYPES);
  return type;
}

/**
 * A patch names no revision unless it patches resourceVersion itself, so it is made again on the newer object when
 * somebody else was faster.
 */
export async function patchObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  warnings: string[],
): Promise<ApiResult> {
  const type = patchTypeOf(request);
  const options = parseWriteOptions(request.query, 'PatchOptions', type === APPLY_PATCH);
  if (type === APPLY_PATCH) return applyObject(context, entry, request, options, warnings);
  const patch = readPatch(request, options);
  let first = true;
  return updateWith(context, entry, request, warnings, {
    options,
    subresource: request.subresource,
    repeatable: !namesRevision(patch.value),
    next: async (old) => {
      const notes = first ? warnings : [];
      first = false;
      // The patch of a long list may be short.
      const patched =
        type === JSON_PATCH
          ? ((await inTurns(jsonPatchSteps(old, patch.value))) as KubeObject)
          : applyPatch(type, entry, old, patch.value);
      if (isLarge(request)) await breath();
      const object = readPatched(patched, old, entry.definition, options, notes, patch);
      entry.definition.strategy.applyDefaults(object);
      return object;
    },
  });
}

/** Applies the request's patch to `document`, and reads the result as `expected`. */
export function patchDocument(
  entry: ResourceEntry,
  request: ApiRequest,
  document: KubeObject,
  expected: ExpectedKind,
  options: WriteRequestOptions,
  warnings: string[],
  patch: Patch = readPatch(request, options),
): KubeObject {
  return readPatched(
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
  patched: KubeObject,
  document: KubeObject,
  expected: ExpectedKind,
  options: WriteRequestOptions,
  warnings: string[],
  patch: Patch,
): KubeObject {
  // A strategic patch is merged into the typed object: what it says of the type goes nowhere.
  if (patch.type === STRATEGIC_PATCH) Object.assign(patched, { kind: document.kind, apiVersion: document.apiVersion });
  else checkType(patched, expected);
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
function checkType(patched: KubeObject, { group, version, kind }: ExpectedKind): void {
  if (patched.kind === kind && patched.apiVersion === formatGroupVersion(group, version)) return;
  const unreadable = unreadableType(patched);
  if (unreadable !== undefined) throw invalidPatch(patched, unreadable);
  const given = parseGroupVersion(patched.apiVersion ?? '') ?? { group: '', version: '' };
  const hub = group === '' ? 'core' : group.split('.')[0];
  const known = findKind(given.group, given.version, patched.kind ?? '') !== undefined;
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

function readPatch(request: ApiRequest, { fieldValidation }: WriteRequestOptions): Patch {
  const type = patchTypeOf(request);
  const { body } = request;
  if (!Buffer.isBuffer(body)) return { type, value: body, strict: [] };
  const checked = fieldValidation !== 'Ignore';
  try {
    const { value, duplicates } = jsonOf(request, body, checked);
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
