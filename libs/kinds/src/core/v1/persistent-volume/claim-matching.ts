import { cachedLabelMatcher, ownValue, Quantity } from '#apimachinery';
import type {
  Node,
  ObjectReference,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from '../../../generated/types.js';
import { selectsNode } from '../pod/node-affinity.js';

/** Which volume a claim gets. The binder and the scheduler ask the same questions, so the answers are here. */

export const BIND_COMPLETED = 'pv.kubernetes.io/bind-completed';
export const BOUND_BY_CONTROLLER = 'pv.kubernetes.io/bound-by-controller';
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';
export const SELECTED_NODE = 'volume.kubernetes.io/selected-node';
/** A class of volumes that an administrator makes by hand. */
export const NO_PROVISIONER = 'kubernetes.io/no-provisioner';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export function hasAnnotation({ metadata }: PersistentVolume | PersistentVolumeClaim, name: string): boolean {
  return ownValue(metadata.annotations, name) !== undefined;
}

/** The claim's StorageClass; empty: none. */
export function claimClass({ metadata, spec }: PersistentVolumeClaim): string {
  return ownValue(metadata.annotations, CLASS_ANNOTATION) ?? spec.storageClassName ?? '';
}

/** Whether the claim says which class it wants; an empty name is a choice, too. */
export function namesClass(claim: PersistentVolumeClaim): boolean {
  return hasAnnotation(claim, CLASS_ANNOTATION) || claim.spec.storageClassName !== undefined;
}

export function volumeClass({ metadata, spec }: PersistentVolume): string {
  return ownValue(metadata.annotations, CLASS_ANNOTATION) ?? spec.storageClassName ?? '';
}

/** Whether volumes of the class wait for the first pod. */
export function waitsForConsumer(storageClass: StorageClass | undefined): boolean {
  return storageClass?.volumeBindingMode === 'WaitForFirstConsumer';
}

/** Whether claim and volume know each other and the binder has said so. */
export function isFullyBound(claim: PersistentVolumeClaim): boolean {
  return Boolean(claim.spec.volumeName) && hasAnnotation(claim, BIND_COMPLETED);
}

/** Whether the volume is reserved for the claim, or bound to it. */
export function isReservedFor({ spec: { claimRef } }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  if (!claimRef || claimRef.name !== metadata.name || claimRef.namespace !== metadata.namespace) return false;
  return !claimRef.uid || claimRef.uid === metadata.uid;
}

/** The volume as it has to be to belong to the claim; undefined when it is. */
export function boundVolume(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const reserved = isReservedFor(volume, claim);
  const marks = !reserved && !hasAnnotation(volume, BOUND_BY_CONTROLLER);
  if (reserved && volume.spec.claimRef?.uid === claim.metadata.uid) return undefined;
  const { metadata } = volume;
  const annotations = marks ? { ...metadata.annotations, [BOUND_BY_CONTROLLER]: 'yes' } : metadata.annotations;
  return { ...volume, metadata: { ...metadata, annotations }, spec: { ...volume.spec, claimRef: referenceTo(claim) } };
}

export function referenceTo({ metadata }: PersistentVolumeClaim): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion };
}

/** A volume without node affinity can be reached from every node. */
export function reachableFrom({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || selectsNode(required, node);
}

export function requestedStorage({ spec }: PersistentVolumeClaim): Quantity {
  return quantityOf(spec.resources?.requests);
}

export function storageCapacity({ spec }: PersistentVolume): Quantity {
  return quantityOf(spec.capacity);
}

function quantityOf(quantities: Record<string, string | number> | undefined): Quantity {
  const storage = ownValue(quantities, 'storage');
  return storage === undefined ? Quantity.zero : Quantity.parse(storage);
}

function sameMode({ spec: claim }: PersistentVolumeClaim, { spec: volume }: PersistentVolume): boolean {
  return (claim.volumeMode ?? 'Filesystem') === (volume.volumeMode ?? 'Filesystem');
}

function sameAttributes({ spec: claim }: PersistentVolumeClaim, { spec: volume }: PersistentVolume): boolean {
  return (claim.volumeAttributesClassName ?? '') === (volume.volumeAttributesClassName ?? '');
}

function hasAccessModes({ spec: volume }: PersistentVolume, { spec: claim }: PersistentVolumeClaim): boolean {
  return (claim.accessModes ?? []).every((mode) => volume.accessModes?.includes(mode));
}

/** Why a volume that the claim asks for by name cannot be its, in Kubernetes' words; undefined when it can. */
export function unsatisfied(volume: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  if (volume.metadata.deletionTimestamp !== undefined) {
    return `the volume is marked for deletion ${JSON.stringify(volume.metadata.name)}`;
  }
  if (storageCapacity(volume).compare(requestedStorage(claim)) < 0) return 'requested PV is too small';
  if (volumeClass(volume) !== claimClass(claim)) return 'storageClassName does not match';
  if (!sameAttributes(claim, volume)) return 'volumeAttributesClassName does not match';
  if (!sameMode(claim, volume)) return 'incompatible volumeMode';
  return hasAccessModes(volume, claim) ? undefined : 'incompatible accessMode';
}

export interface MatchOptions {
  /** The volume must be reachable from there; absent: from anywhere. */
  node?: Node;
  /** The claim waits for its first pod: without a node only a volume that is reserved for it counts. */
  delayed?: boolean;
  /** Names of volumes that are promised to others. */
  taken?: { has(name: string): boolean };
}

/**
 * The volume for a claim: the one reserved for it, else the smallest that is large enough; of those that differ in access
 * modes, one with the fewest. Undefined when there is none, also when the reserved one is on another node.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: Iterable<PersistentVolume>,
  { node, delayed = false, taken }: MatchOptions = {},
): PersistentVolume | undefined {
  const requested = requestedStorage(claim);
  const wantedClass = claimClass(claim);
  const { selector } = claim.spec;
  const labels = selector ? cachedLabelMatcher(selector) : undefined;
  let best: { volume: PersistentVolume; capacity: Quantity; modes: number } | undefined;
  for (const volume of volumes) {
    const reserved = isReservedFor(volume, claim);
    if (taken?.has(volume.metadata.name!) || (volume.spec.claimRef && !reserved)) continue;
    const capacity = storageCapacity(volume);
    if (capacity.compare(requested) < 0 || !sameMode(claim, volume) || !sameAttributes(claim, volume)) continue;
    if (volume.metadata.deletionTimestamp !== undefined || !hasAccessModes(volume, claim)) continue;
    const reachable = node === undefined || reachableFrom(volume, node);
    if (reserved) return reachable ? volume : undefined;
    if (delayed && !node) continue;
    if (volume.status?.phase !== 'Available' || volumeClass(volume) !== wantedClass || !reachable) continue;
    if (labels && !labels.matches(volume.metadata.labels ?? {})) continue;
    // The scheduler, which asks for one node, only minds the size.
    const modes = node ? 0 : new Set(volume.spec.accessModes).size;
    if (best && (modes > best.modes || (modes === best.modes && capacity.compare(best.capacity) >= 0))) continue;
    best = { volume, capacity, modes };
  }
  return best?.volume;
}
