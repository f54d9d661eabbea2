import {
  appendAll,
  appliedSet,
  appliedSteps,
  badRequest,
  compareObjects,
  compareSteps,
  conflictingFields,
  deepCopy,
  deepEqual,
  equalSets,
  type FieldSet,
  formatTime,
  isJsonObject,
  jsonTypeName,
  type KubeObject,
  type ManagedFieldsEntry,
  Pace,
  pruneNulls,
  type SchemaNode,
  subtractSets,
  unionSets,
} from '#apimachinery';
import { decodeObjectAs, warningLines } from '../../codec/body-decoder.js';
import { breath, inTurns, isLarge } from '../../codec/large-bodies.js';
import { yamlOf } from '../../codec/yaml-body.js';
import { YamlError } from '../../codec/yaml-text.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import { authorizeOrThrow } from '../request-authorization.js';
import type { WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { schemaOf } from '../write/field-managers.js';
import { conflictError, mergeApplied, pruneApplied } from './apply-merge.js';
import { createDecoded } from './create.js';
import { updateWith } from './update.js';

/** Server-side apply: the manager states what it wants of an object; a missing object is created. */
export async function applyObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): Promise<ApiResult> {
  const applied = readApplied(entry, request, options, warnings);
  const large = isLarge(request);
  if (large) await breath();
  const schema = schemaOf(entry);
  const set = large ? await inTurns(appliedSteps(schema, applied, new Pace())) : appliedSet(schema, applied);
  let first = true;
  const decode = (object: KubeObject): KubeObject => {
    const decoded = decodeObjectAs(
      object as never,
      entry.definition,
      first ? options.fieldValidation : 'Ignore',
      [],
      warnings,
    );
    first = false;
    entry.definition.strategy.applyDefaults(decoded);
    return decoded;
  };
  const mine = (): ManagedFieldsEntry => ({
    manager: options.fieldManager,
    operation: 'Apply',
    apiVersion: entry.apiVersion,
    time: formatTime(context.now()),
    fieldsType: 'FieldsV1',
    fieldsV1: set ?? {},
    ...(request.subresource === '' ? undefined : { subresource: request.subresource }),
  });
  return updateWith(context, entry, request, warnings, {
    options,
    subresource: request.subresource,
    repeatable: applied.metadata.resourceVersion === undefined,
    ownsManagedFields: true,
    next: (old) => applyTo(schema, old, applied, set, mine(), options.force, decode, large),
    create:
      request.subresource === ''
        ? async () => {
            await authorizeOrThrow(context, { ...request, verb: 'create' });
            const object = decode(deepCopy(applied));
            return createDecoded(context, entry, request, object, options, warnings, (made) => {
              made.metadata.managedFields = [mine()];
            });
          }
        : undefined,
  });
}

function readApplied(
  entry: ResourceEntry,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): KubeObject {
  const value = readConfiguration(request, options, warnings) ?? {};
  if (!isJsonObject(value)) {
    throw badRequest(
      `error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`,
    );
  }
  const applied = pruneNulls(value) as unknown as KubeObject;
  // Of what is no text the reference reads none.
  const [apiVersion, kind] = [applied.apiVersion, applied.kind].map((item) => (typeof item === 'string' ? item : ''));
  if (apiVersion !== entry.apiVersion || kind !== entry.definition.kind) {
    const groupVersion = apiVersion!.includes('/') ? apiVersion : `/${apiVersion}`;
    throw badRequest(`invalid object type: ${groupVersion}, Kind=${kind}`);
  }
  applied.metadata ??= {};
  if (!isJsonObject(applied.metadata)) {
    throw badRequest(
      `error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(applied.metadata)} into Go value of type map[string]interface {}`,
    );
  }
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  applied.metadata.name ??= request.name;
  if (applied.metadata.name !== request.name) {
    const { name } = applied.metadata as { name: unknown };
    throw badRequest(
      `the name of the object (${typeof name === 'string' ? name : JSON.stringify(name)}) does not match the name on the URL (${request.name})`,
    );
  }
  return applied;
}

/** Keys that it has twice are refused or warned about as asked for. Throws 400 for what is no YAML. */
function readConfiguration(request: ApiRequest, { fieldValidation }: WriteRequestOptions, warnings: string[]): unknown {
  const { body } = request;
  if (!Buffer.isBuffer(body)) return deepCopy(body);
  try {
    const yaml = yamlOf(request);
    const { strict } = yaml;
    if (fieldValidation === 'Strict' && strict.length > 0) {
      throw badRequest(`error strict decoding patch: error converting YAML to JSON: ${strict.join(', ')}`);
    }
    if (fieldValidation === 'Warn') appendAll(warnings, strict.flatMap(warningLines));
    return yaml.value();
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(`error encoding patch: ${error.message}`);
    throw error;
  }
}

async function applyTo(
  schema: SchemaNode,
  old: KubeObject,
  applied: KubeObject,
  set: FieldSet | undefined,
  mine: ManagedFieldsEntry,
  force: boolean,
  decode: (object: KubeObject) => KubeObject,
  large: boolean,
): Promise<KubeObject> {
  const before = old.metadata.managedFields ?? [];
  const isMine = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Apply' &&
    entry.manager === mine.manager &&
    (entry.subresource ?? '') === (mine.subresource ?? '');
  const previous = before.find(isMine);
  let others = before.filter((entry) => !isMine(entry));

  const merged = mergeApplied(schema, old, applied) as KubeObject;
  if (large) await breath();
  const changes = large
    ? await inTurns(compareSteps(schema, old, merged, new Pace()))
    : compareObjects(schema, old, merged);
  if (large) await breath();
  const changed = changes && unionSets(changes.added, changes.modified);
  if (changed) {
    const conflicts = conflictingFields(others, changed, mine);
    if (conflicts.length > 0 && !force) throw conflictError(conflicts);
    others = withoutFields(others, conflicts);
  }
  if (large) await breath();
  if (previous !== undefined) prune(schema, merged, previous, set, others);
  merged.metadata.managedFields = undefined;
  if (large) await breath();
  const object = decode(merged);
  if (large) await breath();

  const { managedFields: _, ...metadata } = old.metadata;
  const same =
    previous !== undefined &&
    equalSets(previous.fieldsV1 as FieldSet, set) &&
    deepEqual({ ...object, metadata: { ...object.metadata, managedFields: undefined } }, { ...old, metadata });
  object.metadata.managedFields = same ? old.metadata.managedFields : [mine, ...others];
  return object;
}

/** The metadata itself stays whatever was applied: what the server keeps in it is in nobody's set. */
function prune(
  schema: SchemaNode,
  merged: KubeObject,
  { fieldsV1 }: ManagedFieldsEntry,
  set: FieldSet | undefined,
  others: readonly ManagedFieldsEntry[],
): void {
  let kept = set;
  for (const entry of others) kept = unionSets(kept, entry.fieldsV1 as FieldSet);
  pruneApplied(schema, merged, fieldsV1 as FieldSet, { 'f:metadata': {}, ...kept });
}

/** Forced conflicts take the fields away from those who had them. */
function withoutFields(
  entries: ManagedFieldsEntry[],
  conflicts: readonly { entry: ManagedFieldsEntry; fields: FieldSet }[],
): ManagedFieldsEntry[] {
  const kept: ManagedFieldsEntry[] = [];
  for (const entry of entries) {
    const taken = conflicts.find((conflict) => conflict.entry === entry)?.fields;
    const rest = taken ? subtractSets(entry.fieldsV1 as FieldSet, taken) : (entry.fieldsV1 as FieldSet);
    if (rest !== undefined) kept.push(rest === entry.fieldsV1 ? entry : { ...entry, fieldsV1: rest });
  }
  return kept;
}
