import type { ObjectKey } from '../storage/store.js';
import type { ResourceEntry } from './resource-table.js';

export function keyOf(entry: ResourceEntry, namespace: string, name: string): ObjectKey {
  const { storageResource, namespaced } = entry.definition;
  return { resource: storageResource, namespace: namespaced ? namespace : '', name };
}

/** Group and plural of a storage resource. */
export function groupResourceOf(storageResource: string): { group: string; resource: string } {
  const slash = storageResource.indexOf('/');
  if (slash < 0) return { group: '', resource: storageResource };
  return { group: storageResource.slice(0, slash), resource: storageResource.slice(slash + 1) };
}
