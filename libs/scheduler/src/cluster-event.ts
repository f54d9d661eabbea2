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
