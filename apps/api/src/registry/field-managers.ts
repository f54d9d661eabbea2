import { type KubeObject, managerFromUserAgent, type SchemaNode, updateManagedFields } from '#apimachinery';
import { schemaNode } from '#kinds';
import type { ResourceEntry } from './resource-table.js';

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
export function trackUpdate({ entry, live, object, manager, subresource, now }: TrackedWrite): void {
  // A creator's status is dropped where status has its own endpoint, so nobody owns it.
  const current =
    live === undefined && object.status !== undefined && entry.subresources.has('status')
      ? { ...object, status: undefined }
      : object;
  const entries = updateManagedFields({
    old: live,
    current,
    manager,
    apiVersion: entry.apiVersion,
    subresource,
    now,
    schema: schemaOf(entry),
  });
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
    schema = schemaNode(entry.definition.schemaName);
    schemas.set(entry, schema);
  }
  return schema;
}
