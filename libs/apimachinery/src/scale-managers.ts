import { type FieldSet, LEAF, subtractSets } from './field-set.js';
import { groupOf } from './gvk.js';
import { ownValue } from './json.js';
import { compareEntries } from './managed-fields.js';
import type { ManagedFieldsEntry } from './meta.js';

/**
 * The scale subresource shows one field of an object as a Scale. Who owns spec.replicas of the object owns it of the Scale, and
 * the other way round.
 */
const SCALE_VERSION = 'autoscaling/v1';
const IN_SCALE: ReplicasPath = ['spec', 'replicas'];
const REPLICAS = setOfPath(IN_SCALE);

export type ReplicasPath = readonly string[];

/** Where versions of an object have their replicas, by apiVersion: null for one without, undefined for one that is not known. */
export type ReplicasPaths = (apiVersion: string) => ReplicasPath | null | undefined;

/** Those of a kind that has them at spec.replicas in all versions of its group. */
export function replicasOfGroup(group: string): ReplicasPaths {
  return (apiVersion) => (groupOf(apiVersion) === group ? IN_SCALE : undefined);
}

/** The managers of a Scale, of those of its object. */
export function scaleManagers(managers: readonly ManagedFieldsEntry[], paths: ReplicasPaths): ManagedFieldsEntry[] {
  return managers
    .filter((entry) => owns(entry, paths(entry.apiVersion)))
    .map((entry) => ({ ...entry, apiVersion: SCALE_VERSION, fieldsV1: REPLICAS }));
}

/**
 * The managers of an object, of those that its Scale has after a write. Of the Scale's other fields nothing is stored, and nobody
 * owns them. As in the reference, entries of versions that the object does not have go. Gives the same list when nothing changes.
 */
export function parentManagers(
  before: readonly ManagedFieldsEntry[],
  scale: readonly ManagedFieldsEntry[],
  apiVersion: string,
  paths: ReplicasPaths,
): readonly ManagedFieldsEntry[] {
  const left = scale.filter((entry) => owns(entry, IN_SCALE));
  const after: ManagedFieldsEntry[] = [];
  for (const entry of before) {
    const path = paths(entry.apiVersion);
    if (path === undefined) continue;
    if (!owns(entry, path)) {
      after.push(entry);
      continue;
    }
    const index = left.findIndex((owner) => isSame(owner, entry));
    if (index >= 0) {
      const [owner] = left.splice(index, 1);
      after.push(owner!.time === entry.time ? entry : { ...entry, time: owner!.time });
      continue;
    }
    const fieldsV1 = subtractSets(entry.fieldsV1 as FieldSet, setOfPath(path!));
    if (fieldsV1 !== undefined) after.push({ ...entry, fieldsV1 });
  }
  const own = paths(apiVersion);
  if (own) for (const owner of left) after.push({ ...owner, apiVersion, fieldsV1: setOfPath(own) });
  const unchanged = after.length === before.length && after.every((entry, i) => entry === before[i]);
  return unchanged ? before : after.sort(compareEntries);
}

function owns({ fieldsV1 }: ManagedFieldsEntry, path: ReplicasPath | null | undefined): boolean {
  if (!path) return false;
  let set = fieldsV1 as FieldSet | undefined;
  for (const name of path) set = ownValue(set, `f:${name}`);
  return set !== undefined;
}

function setOfPath(path: ReplicasPath): FieldSet {
  let set: FieldSet = LEAF;
  for (const name of path.toReversed()) set = { [`f:${name}`]: set };
  return set;
}

function isSame(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '');
}
