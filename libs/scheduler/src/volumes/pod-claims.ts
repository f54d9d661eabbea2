import {
  claimClass,
  claimNameOf,
  foreignClaim,
  isFullyBound,
  type PersistentVolumeClaim,
  type Pod,
  type StorageClass,
  waitsForConsumer,
} from '#kinds';

/** The plugin that a pod is rejected by as a whole. */
export const VOLUME_BINDING = 'VolumeBinding';

/** The claims of a pod that can be placed. */
export interface PodClaims {
  bound: PersistentVolumeClaim[];
  /** They get a volume once the pod has a node. */
  delayed: PersistentVolumeClaim[];
}

export interface ClaimLookup {
  claim(namespace: string, name: string): PersistentVolumeClaim | undefined;
  storageClass(name: string): StorageClass | undefined;
}

export function hasClaims(pod: Pod): boolean {
  const { volumes } = pod.spec;
  return volumes?.some(({ persistentVolumeClaim, ephemeral }) => persistentVolumeClaim || ephemeral) === true;
}

/** Pure: the pod's claims, or why they keep the pod from every node, in kube-scheduler's words. */
export function podClaims(pod: Pod, lookup: ClaimLookup): PodClaims | string {
  const found: PodClaims = { bound: [], delayed: [] };
  let immediate = false;
  for (const volume of pod.spec.volumes ?? []) {
    const name = claimNameOf(pod, volume);
    if (name === undefined) continue;
    const shown = JSON.stringify(name);
    const claim = lookup.claim(pod.metadata.namespace!, name);
    if (!claim) {
      return volume.ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim ${shown}`
        : `persistentvolumeclaim ${shown} not found`;
    }
    const { volumeName } = claim.spec;
    if (claim.status?.phase === 'Lost') {
      return `persistentvolumeclaim ${shown} bound to non-existent persistentvolume ${JSON.stringify(volumeName ?? '')}`;
    }
    if (claim.metadata.deletionTimestamp !== undefined) return `persistentvolumeclaim ${shown} is being deleted`;
    const foreign = volume.ephemeral && foreignClaim(pod, claim);
    if (foreign) return foreign;
    if (isFullyBound(claim)) found.bound.push(claim);
    else if (!volumeName && waitsForConsumer(lookup.storageClass(claimClass(claim)))) found.delayed.push(claim);
    else immediate = true;
  }
  return immediate ? 'pod has unbound immediate PersistentVolumeClaims' : found;
}
