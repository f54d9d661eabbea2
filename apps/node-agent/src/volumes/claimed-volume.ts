import { claimNameOf, foreignClaim, type PersistentVolume, type Volume } from '#kinds';
import type { ClaimSource } from '../pod/claim-source.js';
import { allContainers, type Pod } from '../pod/pod.js';
import { VolumeError } from './volume-plugin.js';

const PROTECTION = 'kubernetes.io/pvc-protection';

/** A claim that gives the pod no volume (yet): kubelet tells this of the pod's volumes as such, not of a mount. */
export class ClaimError extends VolumeError {
  constructor(volume: string, why: string) {
    super(
      `Unable to attach or mount volumes: unmounted volumes=[${volume}], unattached volumes=[], failed to process volumes=[${volume}]: ${why}`,
    );
  }
}

/** The persistent volume behind a pod's volume. Throws ClaimError while there is none for this pod. */
export async function claimedVolume(claims: ClaimSource, pod: Pod, volume: Volume): Promise<PersistentVolume> {
  const { namespace = '' } = pod.metadata;
  const name = claimNameOf(pod, volume)!;
  const refuse = (why: string): never => {
    throw new ClaimError(volume.name, why);
  };
  const unusable = (why: string): never => refuse(`error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await claims
    .claim(namespace, name)
    .catch((error: Error) => unusable(`failed to fetch PVC from API server: ${error.message}`));
  const { metadata, spec, status } = claim;
  if (metadata.deletionTimestamp !== undefined && !metadata.finalizers?.includes(PROTECTION)) {
    return unusable('PVC is being deleted');
  }
  if (status?.phase !== 'Bound') return unusable('PVC is not bound');
  if (!spec.volumeName) return unusable('PVC has empty pvc.Spec.VolumeName');
  const foreign = volume.ephemeral && foreignClaim(pod, claim);
  if (foreign) return refuse(foreign);
  const found = await claims
    .volume(spec.volumeName)
    .catch((error: Error) => unusable(`failed to fetch PV ${spec.volumeName} from API server: ${error.message}`));
  const { claimRef } = found.spec;
  if (!claimRef) {
    return unusable(
      `found PV object ${spec.volumeName} but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  }
  if (claimRef.uid !== metadata.uid) {
    return unusable(
      `found PV object ${spec.volumeName} but its pv.Spec.ClaimRef.UID ${claimRef.uid ?? ''} does not point to claim.UID ${metadata.uid}`,
    );
  }
  const mode = found.spec.volumeMode ?? 'Filesystem';
  const misused = (use: string) => refuse(`volume ${volume.name} has volumeMode ${mode}, but is specified in ${use}`);
  const containers = [...allContainers(pod)].map(({ container }) => container);
  const isNamed = ({ name: named }: { name: string }) => named === volume.name;
  if (mode !== 'Filesystem' && containers.some(({ volumeMounts }) => volumeMounts?.some(isNamed))) {
    return misused('volumeMounts');
  }
  if (mode !== 'Block' && containers.some(({ volumeDevices }) => volumeDevices?.some(isNamed))) {
    return misused('volumeDevices');
  }
  return found;
}
