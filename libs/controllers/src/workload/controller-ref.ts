import { type GroupVersionResource, isNotFound, type KubeObject, type OwnerReference } from '#apimachinery';
import type { Client } from '#client';

/** The reference to the one owner that manages the object. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name!,
    uid: owner.metadata.uid!,
    controller: true,
    blockOwnerDeletion: true,
  };
}

const STRATEGIC_MERGE = 'application/strategic-merge-patch+json';

export type Claim = 'owned' | 'adopt' | 'release' | 'ignore';

/** What an owner should do about an object that may be its own. */
export function decideClaim(owner: KubeObject, object: KubeObject, matches: boolean): Claim {
  const controller = controllerOf(object);
  const ownerGoing = owner.metadata.deletionTimestamp !== undefined;
  if (controller) {
    if (controller.uid !== owner.metadata.uid) return 'ignore';
    if (matches) return 'owned';
    return ownerGoing ? 'ignore' : 'release';
  }
  if (ownerGoing || !matches || object.metadata.deletionTimestamp !== undefined) return 'ignore';
  return 'adopt';
}

export interface ClaimContext {
  client: Client;
  owner: KubeObject;
  ownerResource: GroupVersionResource;
  resource: GroupVersionResource;
  matches(object: KubeObject): boolean;
  /** What the owner holds its objects back with: they get it with the reference, and lose it with it. */
  finalizer?: string;
}

/**
 * Adopts and releases until the objects that belong to the owner are exactly those that its selector matches, and returns
 * them. Before the first adoption the owner is read from the server: a cached one may be gone already.
 */
export async function claimObjects<T extends KubeObject>(context: ClaimContext, objects: readonly T[]): Promise<T[]> {
  const { client, owner, resource, finalizer } = context;
  const claimed: T[] = [];
  let checked: Promise<void> | undefined;
  let failure: unknown;
  for (const object of objects) {
    const claim = decideClaim(owner, object, context.matches(object));
    const { namespace, name, uid } = object.metadata;
    try {
      if (claim === 'adopt') {
        checked ??= assertOwnerStays(context);
        await checked;
        const metadata = {
          uid,
          ownerReferences: [controllerReference(owner)],
          ...(finalizer && { finalizers: [finalizer] }),
        };
        const patch = { metadata };
        const adopted = await client.patch<T>(resource, namespace!, name!, STRATEGIC_MERGE, patch);
        claimed.push(adopted);
      } else if (claim === 'release') {
        const metadata = {
          uid,
          ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
          ...(finalizer && { '$deleteFromPrimitiveList/finalizers': [finalizer] }),
        };
        await client.patch(resource, namespace!, name!, STRATEGIC_MERGE, { metadata });
      } else if (claim === 'owned') claimed.push(object);
    } catch (error) {
      if (!isNotFound(error)) failure ??= error;
    }
  }
  if (failure) throw failure;
  return claimed;
}

async function assertOwnerStays({ client, owner, ownerResource }: ClaimContext): Promise<void> {
  const { namespace, name, uid } = owner.metadata;
  const fresh = await client.get(ownerResource, namespace!, name!);
  if (fresh.metadata.uid !== uid) {
    throw new Error(
      `original ${owner.kind} ${namespace}/${name} is gone: got uid ${fresh.metadata.uid}, wanted ${uid}`,
    );
  }
  if (fresh.metadata.deletionTimestamp !== undefined) {
    throw new Error(`${namespace}/${name} has just been deleted at ${fresh.metadata.deletionTimestamp}`);
  }
}
