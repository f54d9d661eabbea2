import { type FieldSet, LEAF, subtractSets } from './field-set.js';
import { groupOf } from './gvk.js';
import { compareEntries } from './managed-fields.js';
import type { ManagedFieldsEntry } from './meta.js';

/**
 * The scale subresource shows one field of an object as a Scale. Who owns spec.replicas of the object owns it of the Scale, and
 * the other way round.
 */
const SCALE_VERSION = 'autoscaling/v1';
const REPLICAS: FieldSet = Object.freeze({ 'f:spec': Object.freeze({ 'f:replicas': LEAF }) });

/** The managers of a Scale, of those of its object. `group` is the object's. */
export function scaleManagers(managers: readonly ManagedFieldsEntry[], group: string): ManagedFieldsEntry[] {
  return managers
    .filter((entry) => isKnown(entry, group) && ownsReplicas(entry))
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
): readonly ManagedFieldsEntry[] {
  const left = scale.filter(ownsReplicas);
  const after: ManagedFieldsEntry[] = [];
  for (const entry of before) {
    if (!isKnown(entry, groupOf(apiVersion))) continue;
    if (!ownsReplicas(entry)) {
      after.push(entry);
      continue;
    }
    const index = left.findIndex((owner) => isSame(owner, entry));
    if (index >= 0) {
      const [owner] = left.splice(index, 1);
      after.push(owner!.time === entry.time ? entry : { ...entry, time: owner!.time });
      continue;
    }
    const fieldsV1 = subtractSets(entry.fieldsV1 as FieldSet, REPLICAS);
    if (fieldsV1 !== undefined) after.push({ ...entry, fieldsV1 });
  }
  for (const owner of left) after.push({ ...owner, apiVersion, fieldsV1: REPLICAS });
  const unchanged = after.length === before.length && after.every((entry, i) => entry === before[i]);
  return unchanged ? before : after.sort(compareEntries);
}

function ownsReplicas({ fieldsV1 }: ManagedFieldsEntry): boolean {
  return (fieldsV1 as FieldSet | undefined)?.['f:spec']?.['f:replicas'] !== undefined;
}

function isKnown({ apiVersion }: ManagedFieldsEntry, group: string): boolean {
  return groupOf(apiVersion) === group;
}

function isSame(a: ManagedFieldsEntry, b: ManagedFieldsEntry): boolean {
  return a.manager === b.manager && a.operation === b.operation && (a.subresource ?? '') === (b.subresource ?? '');
}
