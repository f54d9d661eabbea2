import {
  appendAll,
  appliedSet,
  appliedSteps,
  atOnce,
  badRequest,
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
  type Steps,
  subtractSets,
  unionSets,
} from '#apimachinery';
import { decodeObjectAs, type FieldValidation, warningLines } from '../../codec/body-decoder.js';
import { inTurns, isLarge } from '../../codec/large-bodies.js';
import { yamlOf } from '../../codec/yaml-body.js';
import { YamlError } from '../../codec/yaml-text.js';
import type { ApiRequest } from '../api-request.js';
import type { ApiResult } from '../api-result.js';
import type { RegistryContext } from '../registry-context.js';
import type { WriteRequestOptions } from '../request-options.js';
import type { ResourceEntry } from '../resource-table.js';
import { schemaOf } from '../write/field-managers.js';
import { updateRefusal } from '../write/preconditions.js';
import { resetFields, withoutReset } from '../write/reset-fields.js';
import { WriteCall } from '../write/write-call.js';
import { runWrite } from '../write/write-pipeline.js';
import type { WritePlan } from '../write/write-plan.js';
import { APPLY } from '../write/write-stages.js';
import { conflictError, mergeApplied, pruneApplied } from './apply-merge.js';

/** Server-side apply: the manager states what it wants of an object; a missing object is created. */
export function applyObject(
  context: RegistryContext,
  entry: ResourceEntry,
  request: ApiRequest,
  options: WriteRequestOptions,
  warnings: string[],
): Promise<ApiResult> {
  const large = isLarge(request);
  const manager: Manager = {
    entry,
    name: options.fieldManager,
    subresource: request.subresource,
    force: options.force,
    // Read again from what was merged, it says nothing new of unknown fields.
    decode: (object, validation) => {
      const decoded = decodeObjectAs(object as never, entry.definition, validation, [], warnings);
      entry.definition.strategy.applyDefaults(decoded);
      return decoded;
    },
  };
  let validation = options.fieldValidation;
  let configuration: Configuration;
  const mine = (now: Date) => entryOf(manager, configuration.set, now);
  const plan: WritePlan = {
    operation: 'UPDATE',
    stages: APPLY,
    options,
    optionsKind: 'PatchOptions',
    code: 200,
    isApply: true,
    decode: () => {
      const applied = readApplied(entry, request, options, warnings);
      const owned = withoutReset(applied, undefined, resetFields(entry, request.subresource));
      if (!large) {
        configuration = { applied, set: appliedSet(schemaOf(entry), owned) };
        return;
      }
      return inTurns(appliedSteps(schemaOf(entry), owned, new Pace())).then((set) => {
        configuration = { applied, set };
      });
    },
    next: (old, { now }) => {
      const steps = applySteps(manager, old!, configuration, mine(now), validation);
      validation = 'Ignore';
      return large ? inTurns(steps) : atOnce(steps);
    },
    refusal: updateRefusal,
    repeatable: () => configuration.applied.metadata.resourceVersion === undefined,
    create: () => {
      if (request.subresource !== '') return undefined;
      const creation: WritePlan = {
        operation: 'CREATE',
        stages: APPLY,
        options,
        code: 201,
        isApply: true,
        next: (_, { now }) => {
          const object = manager.decode(deepCopy(configuration.applied), validation);
          object.metadata.managedFields = [mine(now)];
          return object;
        },
      };
      return { permission: { ...request, verb: 'create' }, plan: creation };
    },
  };
  return runWrite(new WriteCall(context, entry, request, plan, warnings, large));
}

/** Who applies, and how what was merged is read. */
interface Manager {
  entry: ResourceEntry;
  name: string;
  subresource: string;
  force: boolean;
  decode(object: KubeObject, validation: FieldValidation): KubeObject;
}

/** What a manager wants, and the fields that it names. */
interface Configuration {
  applied: KubeObject;
  set: FieldSet | undefined;
}

function entryOf({ entry, name, subresource }: Manager, set: FieldSet | undefined, now: Date): ManagedFieldsEntry {
  return {
    manager: name,
    operation: 'Apply',
    apiVersion: entry.apiVersion,
    time: formatTime(now),
    fieldsType: 'FieldsV1',
    fieldsV1: set ?? {},
    ...(subresource === '' ? undefined : { subresource }),
  };
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

/** The stored object with what the manager wants of it, and without what it wants no more; pauses where that takes long. */
function* applySteps(
  { entry, subresource, force, decode }: Manager,
  old: KubeObject,
  { applied, set }: Configuration,
  mine: ManagedFieldsEntry,
  validation: FieldValidation,
): Steps<KubeObject> {
  const schema = schemaOf(entry);
  const before = old.metadata.managedFields ?? [];
  const isMine = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Apply' &&
    entry.manager === mine.manager &&
    (entry.subresource ?? '') === (mine.subresource ?? '');
  const previous = before.find(isMine);
  let others = before.filter((entry) => !isMine(entry));

  const merged = mergeApplied(schema, old, applied) as KubeObject;
  yield;
  const changes = yield* compareSteps(
    schema,
    old,
    withoutReset(merged, old, resetFields(entry, subresource)),
    new Pace(),
  );
  yield;
  const changed = changes && unionSets(changes.added, changes.modified);
  if (changed) {
    const conflicts = conflictingFields(others, changed, mine);
    if (conflicts.length > 0 && !force) throw conflictError(conflicts);
    others = withoutFields(others, conflicts);
  }
  yield;
  if (previous !== undefined) prune(schema, merged, previous, set, others);
  merged.metadata.managedFields = undefined;
  yield;
  const object = decode(merged, validation);
  yield;

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
