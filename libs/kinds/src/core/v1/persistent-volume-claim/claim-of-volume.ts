import type { PersistentVolumeClaim, Pod, Volume } from '../../../generated/types.js';

/** The claim of a pod's volume; undefined when it has none. A generic ephemeral volume's is named for its pod. */
export function claimNameOf(pod: Pod, { name, persistentVolumeClaim, ephemeral }: Volume): string | undefined {
  if (persistentVolumeClaim) return persistentVolumeClaim.claimName;
  return ephemeral ? `${pod.metadata.name}-${name}` : undefined;
}

/** `namespace/name` of each claim that the pod's volumes have, once each. */
export function claimKeysOf(pod: Pod): string[] {
  const names = (pod.spec.volumes ?? []).map((volume) => claimNameOf(pod, volume));
  return [...new Set(names)].filter((name) => name !== undefined).map((name) => `${pod.metadata.namespace}/${name}`);
}

/**
 * Why an ephemeral volume may not use this claim, in Kubernetes' words; undefined when the claim was made for the pod. A
 * claim of the same name may be somebody else's.
 */
export function foreignClaim(pod: Pod, claim: PersistentVolumeClaim): string | undefined {
  const owned = claim.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === pod.metadata.uid);
  if (owned) return undefined;
  const { namespace, name } = claim.metadata;
  return `PVC ${namespace}/${name} was not created for pod ${pod.metadata.namespace}/${pod.metadata.name} (pod is not owner)`;
}
