/** What happened in the cluster, as far as it can make a waiting pod fit. Flags, since one update can be several. */
export const ClusterEvent = {
  NodeAdd: 1 << 0,
  NodeLabel: 1 << 1,
  NodeTaint: 1 << 2,
  NodeAllocatable: 1 << 3,
  NodeDelete: 1 << 4,
  AssignedPodAdd: 1 << 5,
  /** Labels changed, or the pod began to terminate. */
  AssignedPodUpdate: 1 << 6,
  AssignedPodDelete: 1 << 7,
  ClaimChange: 1 << 8,
  VolumeChange: 1 << 10,
  StorageClassChange: 1 << 11,
  /** Requests changed. */
  AssignedPodResize: 1 << 9,
  /** Time passed: pods are not left waiting for an event that was missed. */
  Flush: 1 << 30,
} as const;

export const ANY_EVENT = ~0;

/** Kube-scheduler's names of the events, as its metrics have them. */
const LABELS: readonly (readonly [flag: number, label: string])[] = [
  [ClusterEvent.NodeAdd, 'NodeAdd'],
  [ClusterEvent.NodeLabel, 'NodeUpdateNodeLabel'],
  [ClusterEvent.NodeTaint, 'NodeUpdateNodeTaint'],
  [ClusterEvent.NodeAllocatable, 'NodeUpdateNodeAllocatable'],
  [ClusterEvent.NodeDelete, 'NodeDelete'],
  [ClusterEvent.AssignedPodAdd, 'AssignedPodAdd'],
  [ClusterEvent.AssignedPodUpdate, 'AssignedPodUpdatePodLabel'],
  [ClusterEvent.AssignedPodDelete, 'AssignedPodDelete'],
  [ClusterEvent.AssignedPodResize, 'AssignedPodUpdatePodScaleDown'],
  [ClusterEvent.ClaimChange, 'PersistentVolumeClaimUpdate'],
  [ClusterEvent.VolumeChange, 'PersistentVolumeUpdate'],
  [ClusterEvent.StorageClassChange, 'storage.k8s.io/StorageClassUpdate'],
  [ClusterEvent.Flush, 'UnschedulableTimeout'],
];

/** Other reasons for which a pod comes into a queue. */
export const QUEUE_REASONS = {
  added: 'UnscheduledPodAdd',
  changed: 'TargetPodUpdate',
  failed: 'ScheduleAttemptFailure',
  backoffOver: 'BackoffComplete',
} as const;

export const EVENT_LABELS: readonly string[] = [...LABELS.map(([, label]) => label), ...Object.values(QUEUE_REASONS)];

/** The name of the first of these events. */
export function eventLabel(events: number): string {
  return LABELS.find(([flag]) => flag & events)?.[1] ?? 'UnschedulableTimeout';
}
