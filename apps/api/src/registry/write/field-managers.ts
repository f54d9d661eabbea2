import {
  type KubeObject,
  type ManagedFieldsEntry,
  managerFromUserAgent,
  type OwnershipUpdate,
  ownershipSteps,
  type SchemaNode,
  updateManagedFields,
} from '#apimachinery';
import { inTurns } from '../../codec/large-bodies.js';
import type { ResourceEntry } from '../resource-table.js';

export interface TrackedWrite {
  entry: ResourceEntry;
  /** Undefined for a create. */
  live: KubeObject | undefined;
  /** What will be stored; its managedFields are set here. */
  object: KubeObject;
  manager: string;
  subresource: string;
  now: Date;
}

/** Records in `object` who owns which fields after this write. */
export function trackUpdate(write: TrackedWrite): void {
  record(write, updateManagedFields(ownershipUpdate(write)));
}

/** As trackUpdate, for large objects: others have their turns meanwhile. */
export async function trackLargeUpdate(write: TrackedWrite): Promise<void> {
  record(write, await inTurns(ownershipSteps(ownershipUpdate(write))));
}

function ownershipUpdate({ entry, live, object, manager, subresource, now }: TrackedWrite): OwnershipUpdate {
  // A creator's status is dropped where status has its own endpoint, so nobody owns it.
  const current =
    live === undefined && object.status !== undefined && entry.subresources.has('status')
      ? { ...object, status: undefined }
      : object;
  return { old: live, current, manager, apiVersion: entry.apiVersion, subresource, now, schema: schemaOf(entry) };
}

function record({ object }: TrackedWrite, entries: ManagedFieldsEntry[] | undefined): void {
  if (entries === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

export function managerOf(fieldManager: string, userAgent: string): string {
  return fieldManager !== '' ? fieldManager : managerFromUserAgent(userAgent);
}

const schemas = new WeakMap<ResourceEntry, SchemaNode>();

export function schemaOf(entry: ResourceEntry): SchemaNode {
  let schema = schemas.get(entry);
  if (!schema) {
    schema = entry.definition.schema;
    schemas.set(entry, schema);
  }
  return schema;
}
