import { isAlreadyExists, isNotFound, type KubeObject, largest, safeEncode, semanticEqual } from '#apimachinery';
import type { Client } from '#client';
import { type ControllerRevision, gvr } from '#kinds';
import { controllerReference } from './controller-ref.js';
import { canonicalJson, fnv32a } from './template-hash.js';

export const CONTROLLER_REVISION_HASH = 'controller-revision-hash';

export interface RevisionHistory {
  /** The revision whose data is the owner's own; its number is the highest. */
  current: ControllerRevision;
  old: ControllerRevision[];
}

export interface RevisionOwner extends KubeObject {
  status?: { collisionCount?: number };
}

/**
 * Finds or makes the revision with this data. `kubectl rollout undo` applies `data` as a strategic merge patch to the
 * owner. `existing` are the revisions that the owner controls. Throws the conflict when the hash is taken by other data:
 * `onCollision` has then raised the owner's count.
 */
export async function syncHistory(
  client: Client,
  owner: RevisionOwner,
  data: unknown,
  labels: Record<string, string>,
  existing: readonly ControllerRevision[],
  onCollision: (collisionCount: number) => Promise<void>,
): Promise<RevisionHistory> {
  const namespace = owner.metadata.namespace!;
  const equal = existing.filter((revision) => semanticEqual(revision.data, data)).sort(byNumber);
  const old = existing.filter((revision) => !equal.includes(revision));
  const number =
    largest(
      old.map((revision) => revision.revision ?? 0),
      0,
    ) + 1;
  const latest = equal.at(-1);
  if (latest) {
    const current =
      (latest.revision ?? 0) >= number
        ? latest
        : await client.update<ControllerRevision>(gvr.controllerrevisions, namespace, { ...latest, revision: number });
    return { current, old: [...old, ...equal.slice(0, -1)] };
  }
  const wanted = buildRevision(owner, data, labels, number);
  try {
    return { current: await client.create<ControllerRevision>(gvr.controllerrevisions, namespace, wanted), old };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const found = await client.get<ControllerRevision>(gvr.controllerrevisions, namespace, wanted.metadata.name!);
    const ours = found.metadata.ownerReferences?.some(({ uid }) => uid === owner.metadata.uid);
    if (ours && semanticEqual(found.data, data)) return { current: found, old };
    await onCollision((owner.status?.collisionCount ?? 0) + 1);
    throw error;
  }
}

function buildRevision(
  owner: RevisionOwner,
  data: unknown,
  labels: Record<string, string>,
  revision: number,
): ControllerRevision {
  const collision = owner.status?.collisionCount;
  const hash = safeEncode(String(fnv32a(canonicalJson(data) + (collision === undefined ? '' : `/${collision}`))));
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${owner.metadata.name!.slice(0, 223)}-${hash}`,
      namespace: owner.metadata.namespace,
      labels: { ...labels, [CONTROLLER_REVISION_HASH]: hash },
      annotations: owner.metadata.annotations,
      ownerReferences: [controllerReference(owner)],
    },
    // Clients compare it with what they compute, byte by byte: keys in order, as Go writes maps.
    data: JSON.parse(canonicalJson(data)) as ControllerRevision['data'],
    revision,
  };
}

export function revisionHash(revision: ControllerRevision): string {
  return revision.metadata.labels?.[CONTROLLER_REVISION_HASH] ?? revision.metadata.name!;
}

/** Deletes the oldest revisions beyond the limit that no pod runs any more. */
export async function trimHistory(
  client: Client,
  old: readonly ControllerRevision[],
  limit: number,
  hashesInUse: ReadonlySet<string>,
): Promise<void> {
  const unused = old.filter((revision) => !hashesInUse.has(revisionHash(revision))).sort(byNumber);
  for (const revision of unused.slice(0, Math.max(0, unused.length - limit))) {
    try {
      await client.delete(gvr.controllerrevisions, revision.metadata.namespace!, revision.metadata.name!);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

function byNumber(a: ControllerRevision, b: ControllerRevision): number {
  return (a.revision ?? 0) - (b.revision ?? 0);
}
