import {
  compareEntries,
  compareSteps,
  conflictingFields,
  deepEqual,
  equalSets,
  type FieldSet,
  formatTime,
  type KubeObject,
  type ManagedFieldsEntry,
  managersBeforeApply,
  Pace,
  type SchemaNode,
  type Steps,
  subtractSets,
  unionSets,
} from '#apimachinery';
import { withoutReset } from '../write/reset-fields.js';
import { conflictError, mergeApplied, pruneApplied } from './apply-merge.js';

/** What a manager wants of an object, and the fields that it names. */
export interface Configuration {
  readonly applied: KubeObject;
  readonly set: FieldSet | undefined;
}

/** Who applies, to what kind of object. */
export interface Applier {
  readonly name: string;
  readonly apiVersion: string;
  readonly subresource: string;
  readonly force: boolean;
  readonly schema: SchemaNode;
  /** Fields that the endpoint does not change. */
  readonly reset: readonly (readonly string[])[];
  /** Reads what was merged as an object. */
  decode(object: KubeObject): KubeObject;
}

export function applierEntry(
  { apiVersion, name, subresource }: Applier,
  set: FieldSet | undefined,
  now: Date,
): ManagedFieldsEntry {
  return {
    manager: name,
    operation: 'Apply',
    apiVersion,
    time: formatTime(now),
    fieldsType: 'FieldsV1',
    fieldsV1: set ?? {},
    ...(subresource === '' ? undefined : { subresource }),
  };
}

/** The object with what the applier wants of it, and without what it wants no more; pauses where that takes long. */
export function* applySteps(
  applier: Applier,
  old: KubeObject,
  { applied, set }: Configuration,
  now: Date,
): Steps<KubeObject> {
  const { schema, force, reset } = applier;
  const mine = applierEntry(applier, set, now);
  const before = managersBeforeApply(old, { ...applier, now });
  yield;
  const isMine = (entry: ManagedFieldsEntry) =>
    entry.operation === 'Apply' &&
    entry.manager === mine.manager &&
    (entry.subresource ?? '') === (mine.subresource ?? '');
  const previous = before.find(isMine);
  let others = before.filter((entry) => !isMine(entry));

  const merged = mergeApplied(schema, old, applied) as KubeObject;
  yield;
  const changes = yield* compareSteps(schema, old, withoutReset(merged, old, reset), new Pace());
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
  const object = applier.decode(merged);
  yield;

  const { managedFields: _, ...metadata } = old.metadata;
  const same =
    previous !== undefined &&
    equalSets(previous.fieldsV1 as FieldSet, set) &&
    deepEqual({ ...object, metadata: { ...object.metadata, managedFields: undefined } }, { ...old, metadata });
  object.metadata.managedFields = same ? old.metadata.managedFields : [mine, ...others].sort(compareEntries);
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
