import { normalize } from 'node:path/posix';
import {
  BOUND_BY_CONTROLLER,
  hasAnnotation,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PROVISIONED_BY,
  reachableFrom,
} from '#kinds';
import type { ClaimEvent } from './claim-binding.plan.js';

/** What is to be done for one volume. */
export type VolumeAction =
  | { do: 'setPhase'; phase: 'Available' | 'Bound' | 'Released' | 'Failed'; event?: ClaimEvent }
  /** Gives the volume back: the claim got another one. */
  | { do: 'unbind' }
  /** The claim does not know its volume yet. */
  | { do: 'wakeClaim' }
  | { do: 'tell'; volume: ClaimEvent; claim: ClaimEvent }
  | { do: 'nothing' };

/**
 * Pure: the next step of a volume (kube-controller-manager's `syncVolume`). `claim`: what bears the name of the volume's
 * claim; whose uid differs is another claim.
 */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined): VolumeAction {
  const { claimRef } = volume.spec;
  if (!claimRef?.uid) return { do: 'setPhase', phase: 'Available' };
  if (!claim || claim.metadata.uid !== claimRef.uid) return released(volume);
  if (claim.spec.volumeName === volume.metadata.name) return { do: 'setPhase', phase: 'Bound' };
  if (!claim.spec.volumeName) return unfinished(volume, claim);
  const provisioned = hasAnnotation(volume, PROVISIONED_BY);
  if (provisioned && volume.spec.persistentVolumeReclaimPolicy === 'Delete') return released(volume);
  return { do: 'unbind' };
}

/** The claim has yet to learn of its volume, unless it cannot. */
function unfinished(volume: PersistentVolume, claim: PersistentVolumeClaim): VolumeAction {
  if ((volume.spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem')) return { do: 'wakeClaim' };
  const event = (message: string): ClaimEvent => ({ type: 'Warning', reason: 'VolumeMismatch', message });
  const because = 'due to incompatible volumeMode.';
  return {
    do: 'tell',
    volume: event(
      `Cannot bind PersistentVolume to requested PersistentVolumeClaim ${JSON.stringify(claim.metadata.name)} ${because}`,
    ),
    claim: event(
      `Cannot bind PersistentVolume ${JSON.stringify(volume.metadata.name)} to requested PersistentVolumeClaim ${because}`,
    ),
  };
}

/** Nobody has the volume any more: it is released, then reclaimed as its policy says. */
function released(volume: PersistentVolume): VolumeAction {
  const phase = volume.status?.phase;
  // A failure stays for the user to see.
  if (phase !== 'Released' && phase !== 'Failed') return { do: 'setPhase', phase: 'Released' };
  const failed = (reason: string, message: string): VolumeAction =>
    phase === 'Failed'
      ? { do: 'nothing' }
      : { do: 'setPhase', phase: 'Failed', event: { type: 'Warning', reason, message } };
  switch (volume.spec.persistentVolumeReclaimPolicy) {
    case 'Delete':
      return deletedElsewhere(volume)
        ? { do: 'nothing' }
        : failed(
            'VolumeFailedDelete',
            `error getting deleter volume plugin for volume ${JSON.stringify(volume.metadata.name)}: no deletable volume plugin matched`,
          );
    case 'Recycle':
      return recycledPath(volume) === undefined
        ? failed('VolumeFailedRecycle', 'No recycler plugin found for the volume!')
        : { do: 'nothing' };
    case 'Retain':
    case undefined:
      return { do: 'nothing' };
    default:
      return failed('VolumeUnknownReclaimPolicy', 'Volume has unrecognized PersistentVolumeReclaimPolicy');
  }
}

/** Whether whoever made the volume deletes it as well. */
function deletedElsewhere(volume: PersistentVolume): boolean {
  const provisioner = volume.metadata.annotations?.[PROVISIONED_BY];
  if (provisioner) return !provisioner.startsWith('kubernetes.io/');
  return volume.spec.csi !== undefined;
}

/** The folder, on nodes that reach the volume, that is emptied before somebody else gets the volume. */
export function recycledPath({ spec }: PersistentVolume): string | undefined {
  if (spec.persistentVolumeReclaimPolicy !== 'Recycle' || spec.volumeMode === 'Block') return undefined;
  return (spec.hostPath ?? spec.local)?.path;
}

/**
 * Another volume with the same folder, or one above or below it, on any of these nodes: its files would be deleted as well.
 * Whether somebody has that volume now does not matter.
 */
export function volumeInFolder(
  volume: PersistentVolume,
  path: string,
  nodes: readonly Node[],
  all: readonly PersistentVolume[],
): PersistentVolume | undefined {
  const folder = asFolder(path);
  return all.find((other) => {
    const { hostPath, local } = other.spec;
    const theirs = (hostPath ?? local)?.path;
    if (theirs === undefined || other.metadata.name === volume.metadata.name) return false;
    const [one, two] = [folder, asFolder(theirs)];
    return (one.startsWith(two) || two.startsWith(one)) && nodes.some((node) => reachableFrom(other, node));
  });
}

/** With one slash at its end. */
function asFolder(path: string): string {
  return normalize(`${path}/`);
}

/** The folder of a volume that waits for being emptied. */
export function pathToScrub(volume: PersistentVolume): string | undefined {
  const phase = volume.status?.phase;
  const waits = volume.spec.claimRef?.uid !== undefined && (phase === 'Released' || phase === 'Failed');
  return waits && volume.metadata.deletionTimestamp === undefined ? recycledPath(volume) : undefined;
}

/** The volume as it is when it belongs to nobody; one that its administrator reserved stays reserved. */
export function unboundVolume(volume: PersistentVolume): PersistentVolume {
  const { metadata, spec } = volume;
  if (!hasAnnotation(volume, BOUND_BY_CONTROLLER)) {
    const { uid: _uid, resourceVersion: _version, ...claimRef } = spec.claimRef!;
    return { ...volume, spec: { ...spec, claimRef } };
  }
  const { claimRef: _claim, ...free } = spec;
  const { [BOUND_BY_CONTROLLER]: _mark, ...annotations } = metadata.annotations!;
  return { ...volume, metadata: { ...metadata, annotations }, spec: free };
}
