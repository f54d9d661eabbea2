import { ownValue } from '#apimachinery';
import {
  boundVolume,
  claimClass,
  findVolume,
  NO_PROVISIONER,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  reachableFrom,
  requestedStorage,
  SELECTED_NODE,
  type StorageClass,
} from '#kinds';
import type { PodClaims } from './pod-claims.js';

/** Why a node cannot give the pod its volumes, a bit for each reason: `native/sched-core/src/volume_rules.rs` knows them. */
export const Reason = {
  NoVolume: 1,
  Elsewhere: 1 << 1,
  NoSuchVolume: 1 << 2,
  OtherZone: 1 << 3,
  InUse: 1 << 4,
} as const;

/** Labels that say where a volume is; the first two are the older names. */
const TOPOLOGY: readonly [label: string, newer: string][] = [
  ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'],
  ['topology.kubernetes.io/zone', 'topology.kubernetes.io/zone'],
  ['topology.kubernetes.io/region', 'topology.kubernetes.io/region'],
];

export interface VolumeLookup {
  volume(name: string): PersistentVolume | undefined;
  volumesOfClass(name: string): Iterable<PersistentVolume>;
  storageClass(name: string): StorageClass | undefined;
}

/** What has to be written so that a pod gets its volumes on a node. */
export interface NodeVolumes {
  /** Volumes as they are when they belong to the claims. */
  volumes: PersistentVolume[];
  /** The claims of those volumes. */
  matched: PersistentVolumeClaim[];
  /** Claims as they are when their volume is to be made for that node. */
  provisioned: PersistentVolumeClaim[];
}

/** Pure: what the node could give to the pod's claims, or the reasons why it cannot. */
export function volumesOn(node: Node, { bound, delayed }: PodClaims, lookup: VolumeLookup): NodeVolumes | number {
  const reasons = boundReasons(node, bound, lookup);
  const found = delayedVolumes(node, delayed, lookup);
  if (found === undefined) return reasons | Reason.NoVolume;
  return reasons === 0 ? found : reasons;
}

function boundReasons(node: Node, claims: readonly PersistentVolumeClaim[], lookup: VolumeLookup): number {
  let reasons = 0;
  for (const claim of claims) {
    const volume = lookup.volume(claim.spec.volumeName!);
    if (!volume) return reasons | Reason.NoSuchVolume;
    if (!reachableFrom(volume, node)) reasons |= Reason.Elsewhere;
    if (!isOfZone(volume, node)) reasons |= Reason.OtherZone;
  }
  return reasons;
}

/** A node without any of the labels is everywhere. */
function isOfZone({ metadata }: PersistentVolume, node: Node): boolean {
  const labels = node.metadata.labels ?? {};
  if (!TOPOLOGY.some(([label]) => ownValue(labels, label) !== undefined)) return true;
  return TOPOLOGY.every(([label, newer]) => {
    const places = ownValue(metadata.labels, label);
    if (places === undefined) return true;
    const place = ownValue(labels, label) ?? ownValue(labels, newer);
    return place !== undefined && places.split('__').includes(place);
  });
}

/** The smallest claims choose first: what is large enough for others is left to them. */
function delayedVolumes(
  node: Node,
  claims: readonly PersistentVolumeClaim[],
  lookup: VolumeLookup,
): NodeVolumes | undefined {
  const found: NodeVolumes = { volumes: [], matched: [], provisioned: [] };
  const taken = new Set<string>();
  const bySize = [...claims].sort((a, b) => requestedStorage(a).compare(requestedStorage(b)));
  for (const claim of bySize) {
    const selected = ownValue(claim.metadata.annotations, SELECTED_NODE);
    if (selected !== undefined && selected !== node.metadata.name) return undefined;
    const className = claimClass(claim);
    const candidates = lookup.volumesOfClass(className);
    const volume = selected === undefined ? findVolume(claim, candidates, { node, delayed: true, taken }) : undefined;
    if (volume) {
      taken.add(volume.metadata.name!);
      found.volumes.push(boundVolume(volume, claim) ?? volume);
      found.matched.push(claim);
      continue;
    }
    if (!canProvision(lookup.storageClass(className), node)) return undefined;
    const annotations = { ...claim.metadata.annotations, [SELECTED_NODE]: node.metadata.name! };
    found.provisioned.push({ ...claim, metadata: { ...claim.metadata, annotations } });
  }
  return found;
}

function canProvision(storageClass: StorageClass | undefined, node: Node): boolean {
  if (!storageClass?.provisioner || storageClass.provisioner === NO_PROVISIONER) return false;
  const { allowedTopologies = [] } = storageClass;
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const label = ownValue(node.metadata.labels, key);
      return label !== undefined && values.includes(label);
    }),
  );
}

/**
 * The reasons of all nodes as the native side reads them; undefined when every node will do. `users`: the pods without which
 * none would have the reason InUse.
 */
export function volumeRules(reasons: ReadonlyMap<string, number>, users: readonly number[] = []): string | undefined {
  const counts = new Map<number, number>();
  for (const value of reasons.values()) counts.set(value, (counts.get(value) ?? 0) + 1);
  let others = 0;
  for (const [value, count] of counts) if (count > (counts.get(others) ?? 0)) others = value;
  const nodes = Object.fromEntries([...reasons].filter(([, value]) => value !== others).sort());
  return others === 0 && Object.keys(nodes).length === 0
    ? undefined
    : JSON.stringify({ nodes, others, ...(users.length > 0 && { users: [...new Set(users)].sort((a, b) => a - b) }) });
}
