import type { GroupVersionResource, KubeObject } from '#apimachinery';
import type { Client } from '#client';

/** A finalizer that holds an object back while others use it. Admission sets it; what came past admission gets it late. */
export interface Protection {
  resource: GroupVersionResource;
  finalizer: string;
}

const isHeld = (object: KubeObject, { finalizer }: Protection) =>
  (object.metadata.finalizers ?? []).includes(finalizer);

/** Is to go, and only the protection and other finalizers keep it. */
export function isDeletionCandidate(object: KubeObject, protection: Protection): boolean {
  return object.metadata.deletionTimestamp !== undefined && isHeld(object, protection);
}

export function isUnprotected(object: KubeObject, protection: Protection): boolean {
  return object.metadata.deletionTimestamp === undefined && !isHeld(object, protection);
}

/** Is there something for `protect` to do, as far as the object tells? */
export function needsProtection(object: KubeObject, protection: Protection): boolean {
  return isUnprotected(object, protection) || isDeletionCandidate(object, protection);
}

/** Lets an unused object go, and protects one that is not yet. `inUse` is asked only when the answer counts. */
export async function protect<T extends KubeObject>(
  client: Client,
  protection: Protection,
  object: T,
  inUse: () => Promise<boolean> | boolean,
): Promise<void> {
  const { resource, finalizer } = protection;
  const finalizers = object.metadata.finalizers ?? [];
  let wanted: string[];
  if (isUnprotected(object, protection)) wanted = [...finalizers, finalizer];
  else if (isDeletionCandidate(object, protection) && !(await inUse())) {
    wanted = finalizers.filter((name) => name !== finalizer);
  } else return;
  const changed = { ...object, metadata: { ...object.metadata, finalizers: wanted } };
  await client.update(resource, object.metadata.namespace ?? '', changed);
}
