import { badRequest, type ObjectMeta } from '#apimachinery';
import type { ResourceEntry } from '../resource-table.js';

/** Puts the request's namespace into the object, or refuses another one. */
export function settleNamespace(entry: ResourceEntry, metadata: ObjectMeta, namespace: string): void {
  if (!entry.definition.namespaced) {
    if (metadata.namespace) {
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    }
    delete metadata.namespace;
    return;
  }
  if (!metadata.namespace) metadata.namespace = namespace;
  else if (metadata.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

/** Same owner twice is kept once, with a warning, as the reference does. */
export function dropRepeatedOwners(metadata: ObjectMeta, warnings: string[]): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const seen = new Set<string>();
  const repeated: string[] = [];
  const kept = owners.filter((owner) => {
    const text = JSON.stringify([owner.apiVersion, owner.kind, owner.name, owner.uid, owner.controller ?? null]);
    if (!seen.has(text)) {
      seen.add(text);
      return true;
    }
    repeated.push(owner.uid);
    return false;
  });
  if (repeated.length === 0) return;
  metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}
