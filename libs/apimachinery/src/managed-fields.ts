import { type Comparison, compareObjects } from './field-compare.js';
import { compareSteps } from './field-compare-steps.js';
import { type FieldSet, intersectSets, isEmptySet, subtractSets, unionSets } from './field-set.js';
import { deepEqual, isJsonObject } from './json.js';
import type { KubeObject, ManagedFieldsEntry } from './meta.js';
import type { SchemaNode } from './schema.js';
import { atOnce, Pace, type Steps } from './steps.js';
import { formatTime } from './time.js';

/** Update managers beyond this are folded into one entry, oldest first. */
const MAX_UPDATE_MANAGERS = 10;
const FOLDED_MANAGER = 'ancient-changes';

/** Longest name of a manager. */
const MANAGER_MAX_LENGTH = 128;

export interface OwnershipUpdate {
  /** Undefined for a create. */
  old: KubeObject | undefined;
  /** What will be stored; its metadata.managedFields is what the request said. Not changed. */
  current: KubeObject;
  /** fieldManager of the request, or what the user agent gives. */
  manager: string;
  /** The version that the request used. */
  apiVersion: string;
  /** '' for the main resource. */
  subresource: string;
  now: Date;
  schema: SchemaNode;
}

/**
 * Who owns which fields after an update that was not server-side apply: what the write added or changed belongs to its
 * manager and to nobody else, what it removed to nobody. Gives the list to store, or undefined when there is none.
 * When nothing changes the list is the old one, the same array.
 *
 * A request may carry managedFields of its own: an empty list (or one empty entry) ends tracking, a good list is taken
 * as the state before the write, and a bad one is ignored, as are all of them on subresources.
 */
export function updateManagedFields(update: OwnershipUpdate): ManagedFieldsEntry[] | undefined {
  const { old, current } = update;
  const before = entriesBefore(update);
  if (isUntracked(old, before)) return undefined;
  const changes = compareObjects(update.schema, old ?? EMPTY_OBJECT, current);
  return changes === undefined ? before : atOnce(mergeOwnership(before ?? [], changes, update));
}

/** As updateManagedFields, with pauses. */
export function* ownershipSteps(update: OwnershipUpdate): Steps<ManagedFieldsEntry[] | undefined> {
  const { old, current } = update;
  const before = entriesBefore(update);
  if (isUntracked(old, before)) return undefined;
  yield;
  const changes = yield* compareSteps(update.schema, old ?? EMPTY_OBJECT, current, new Pace());
  yield;
  return changes === undefined ? before : yield* mergeOwnership(before ?? [], changes, update);
}

/** An object that nobody tracks stays so until it is applied. */
function isUntracked(old: KubeObject | undefined, before: ManagedFieldsEntry[] | undefined): boolean {
  return old !== undefined && (before === undefined || before.length === 0);
}

const EMPTY_OBJECT = Object.freeze({});

function entriesBefore(update: OwnershipUpdate): ManagedFieldsEntry[] | undefined {
  const stored = update.old?.metadata.managedFields;
  const sent = update.current.metadata.managedFields;
  if (update.subresource !== '' || sent === undefined || sent === null || sent === stored) return stored;
  // What a client got is what most clients send back.
  if (deepEqual(stored, sent)) return stored;
  if (!Array.isArray(sent)) return stored;
  if (isReset(sent)) return [];
  return sent.every(isUsable) ? sent : stored;
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return (
    entries.length === 0 || (entries.length === 1 && Object.values(entries[0] ?? {}).every((value) => value === ''))
  );
}

function isUsable(entry: ManagedFieldsEntry): boolean {
  return isJsonObject(entry) && entryError(entry, 0) === undefined;
}

/** Why entries that a plugin left are none that the server can keep; undefined when they are good. */
export function managedFieldsError(entries: readonly ManagedFieldsEntry[] | undefined): string | undefined {
  for (const [i, entry] of (entries ?? []).entries()) {
    const error = entryError(entry, i);
    if (error !== undefined) return error;
  }
  return undefined;
}

function entryError(entry: ManagedFieldsEntry, index: number): string | undefined {
  if (entry.operation !== 'Apply' && entry.operation !== 'Update') return 'operation must be `Apply` or `Update`';
  if (typeof entry.apiVersion !== 'string' || entry.apiVersion === '') return 'apiVersion must not be empty';
  if (!entry.fieldsType) return `missing fieldsType in managed fields entry ${index}`;
  if (entry.fieldsType !== 'FieldsV1') {
    return `invalid fieldsType ${JSON.stringify(entry.fieldsType)} in managed fields entry ${index}`;
  }
  if (entry.fieldsV1 !== undefined && !isFieldSet(entry.fieldsV1)) {
    return `error decoding versioned set from managed fields entry ${index}`;
  }
  return undefined;
}

function isFieldSet(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  for (const element in value) {
    if (element !== '.' && !/^[fkvi]:/.test(element)) return false;
    if (!isFieldSet(value[element])) return false;
  }
  return true;
}

function setOf(entry: ManagedFieldsEntry): FieldSet {
  return (entry.fieldsV1 ?? {}) as FieldSet;
}

/** Entries of one manager: for appliers the version does not count. */
function sameManager(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    (a.subresource ?? '') === (b.subresource ?? '') &&
    (a.operation === 'Apply' || a.apiVersion === b.apiVersion)
  );
}

function* mergeOwnership(
  before: readonly ManagedFieldsEntry[],
  changes: Comparison,
  update: OwnershipUpdate,
): Steps<ManagedFieldsEntry[] | undefined> {
  const taken = unionSets(changes.added, changes.modified);
  let entries: ManagedFieldsEntry[] = [];
  for (const entry of before) {
    const set = setOf(entry);
    const kept = subtractSets(set, taken);
    yield;
    const rest = subtractSets(kept, changes.removed);
    if (rest === set) entries.push(entry);
    else if (rest !== undefined) entries.push({ ...entry, fieldsV1: rest });
  }
  if (taken !== undefined) {
    const mine = newEntry(update, taken);
    const index = entries.findIndex((entry) => sameManager(entry, mine));
    yield;
    // The manager's own entry lost what it took just now; together they are what it owns.
    if (index >= 0) mine.fieldsV1 = unionSets(setOf(entries[index]!), taken)!;
    if (index >= 0) entries[index] = mine;
    else entries.push(mine);
    entries = foldUpdateManagers(entries);
  }
  return entries.length === 0 ? undefined : entries.sort(compareEntries);
}

function newEntry(update: OwnershipUpdate, set: FieldSet): ManagedFieldsEntry {
  const entry: ManagedFieldsEntry = {
    manager: update.manager === '' ? 'unknown' : update.manager,
    operation: 'Update',
    apiVersion: update.apiVersion,
    time: formatTime(update.now),
    fieldsType: 'FieldsV1',
    fieldsV1: set,
  };
  if (update.subresource !== '') entry.subresource = update.subresource;
  return entry;
}

/** The order in which they are stored: appliers first, then by time, manager, version, subresource. */
export function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    order(a.operation, b.operation) ||
    order(a.time ?? '', b.time ?? '') ||
    order(a.manager, b.manager) ||
    order(a.apiVersion, b.apiVersion) ||
    order(a.subresource ?? '', b.subresource ?? '')
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Keeps the number of update managers at the limit: of each version, the oldest entry stays until a second one of that
 * version has to go, and then both become the bucket of the version.
 */
function foldUpdateManagers(entries: ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const updaters = entries.filter((entry) => entry.operation === 'Update');
  let surplus = updaters.length - MAX_UPDATE_MANAGERS;
  if (surplus <= 0) return entries;
  updaters.sort((a, b) => order(a.time ?? '', b.time ?? '') || order(a.manager, b.manager));
  const dropped = new Set<ManagedFieldsEntry>();
  const buckets = new Map<string, ManagedFieldsEntry>();
  const oldest = new Map<string, ManagedFieldsEntry>();
  for (const entry of updaters) {
    if (surplus <= 0) break;
    const first = oldest.get(entry.apiVersion);
    if (first === undefined) {
      oldest.set(entry.apiVersion, entry);
      continue;
    }
    const bucket = buckets.get(entry.apiVersion) ?? first;
    dropped.add(first).add(entry);
    const { subresource: _dropped, ...kept } = entry;
    const fieldsV1 = unionSets(setOf(bucket), setOf(entry)) ?? {};
    buckets.set(entry.apiVersion, { ...kept, manager: FOLDED_MANAGER, fieldsV1 });
    surplus--;
  }
  return [...entries.filter((entry) => !dropped.has(entry)), ...buckets.values()];
}

/** Owns what an object has that nobody tracks, once somebody applies. */
const FORMER_MANAGER = 'before-first-apply';

/** The managers that an apply meets: where nobody is tracked, one that owns all there is. */
export function managersBeforeApply(
  object: KubeObject,
  { apiVersion, subresource, now, schema }: Pick<OwnershipUpdate, 'apiVersion' | 'subresource' | 'now' | 'schema'>,
): readonly ManagedFieldsEntry[] {
  const { managedFields = [], ...metadata } = object.metadata;
  if (managedFields.length > 0) return managedFields;
  const current = { ...object, metadata };
  return (
    updateManagedFields({ old: undefined, current, manager: FORMER_MANAGER, apiVersion, subresource, now, schema }) ??
    []
  );
}

/** Fields of `set` that other managers own: what server-side apply would have to force. */
export function conflictingFields(
  entries: readonly ManagedFieldsEntry[],
  set: FieldSet,
  self: ManagedFieldsEntry,
): { entry: ManagedFieldsEntry; fields: FieldSet }[] {
  const conflicts: { entry: ManagedFieldsEntry; fields: FieldSet }[] = [];
  for (const entry of entries) {
    if (sameManager(entry, self)) continue;
    const fields = intersectSets(setOf(entry), set);
    if (!isEmptySet(fields)) conflicts.push({ entry, fields: fields! });
  }
  return conflicts;
}

/** Manager of a request without fieldManager: the user agent up to its first slash. */
export function managerFromUserAgent(userAgent: string): string {
  const slash = userAgent.indexOf('/');
  const prefix = slash < 0 ? userAgent : userAgent.slice(0, slash);
  let manager = '';
  for (const char of prefix) {
    if (Buffer.byteLength(manager) + Buffer.byteLength(char) > MANAGER_MAX_LENGTH) break;
    if (/[\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(char)) manager += char;
  }
  return manager;
}
