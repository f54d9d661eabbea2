import {
  type KubeObject,
  type ManagedFieldsEntry,
  managedFieldsError,
  managerFromUserAgent,
  type OwnershipUpdate,
  ownershipSteps,
  type SchemaNode,
  updateManagedFields,
} from '#apimachinery';
import { inTurns } from '../../codec/large-bodies.js';
import type { ResourceEntry } from '../resource-table.js';
import { resetFields, withoutReset } from './reset-fields.js';

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
  const current = withoutReset(object, live, resetFields(entry, subresource));
  return { old: live, current, manager, apiVersion: entry.apiVersion, subresource, now, schema: schemaOf(entry) };
}

function record({ object }: TrackedWrite, entries: ManagedFieldsEntry[] | undefined): void {
  if (entries === undefined) delete object.metadata.managedFields;
  else object.metadata.managedFields = entries;
}

/**
 * Keeps what admission left of the managed fields only where the server can read it, as the reference does. `before`: what was there
 * when admission began.
 */
export function checkManagedFields(
  { metadata }: KubeObject,
  before: ManagedFieldsEntry[] | undefined,
  warnings: string[],
): void {
  if (metadata.managedFields === before) return;
  const error = managedFieldsError(metadata.managedFields);
  if (error === undefined) return;
  if (before === undefined) delete metadata.managedFields;
  else metadata.managedFields = before;
  warnings.push(
    `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${error}`,
  );
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
