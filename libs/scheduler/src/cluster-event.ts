import { bare } from '#apimachinery';
/** What happened in the cluster, as far as it can make a waiting pod fit. Flags, since one update can be several. */
export const ClusterEvent = {
  NodeAdd: 1 << 0,
  NodeLabel: 1 << 1,
  NodeTaint: 1 << 2,
  NodeAllocatable: 1 << 3,
  NodeDelete: 1 << 4,
  AssignedPodAdd: 1 << 5,
  /** Labels changed, or the pod began to leave. */
  AssignedPodUpdate: 1 << 6,
  AssignedPodDelete: 1 << 7,
  ClaimChange: 1 << 8,
  /** Requests changed. */
  AssignedPodResize: 1 << 9,
  /** Time passed: pods are not left waiting for an event that was missed. */
  Flush: 1 << 30,
} as const;

/**
 * The events that can undo a plugin's rejection (source: each plugin's EventsToRegister). A pod that a plugin rejected
 * waits until one of these happens.
 */
const HINTS = bare<number>({
  NodeName: ClusterEvent.NodeAdd,
  NodeUnschedulable: ClusterEvent.NodeAdd | ClusterEvent.NodeTaint,
  TaintToleration: ClusterEvent.NodeAdd | ClusterEvent.NodeTaint,
  NodeAffinity: ClusterEvent.NodeAdd | ClusterEvent.NodeLabel,
  NodePorts: ClusterEvent.NodeAdd | ClusterEvent.AssignedPodDelete,
  NodeResourcesFit:
    ClusterEvent.NodeAdd |
    ClusterEvent.NodeAllocatable |
    ClusterEvent.AssignedPodDelete |
    ClusterEvent.AssignedPodResize,
  VolumeBinding: ClusterEvent.ClaimChange,
  PodTopologySpread:
    ClusterEvent.NodeAdd |
    ClusterEvent.NodeDelete |
    ClusterEvent.NodeLabel |
    ClusterEvent.NodeTaint |
    ClusterEvent.AssignedPodAdd |
    ClusterEvent.AssignedPodUpdate |
    ClusterEvent.AssignedPodDelete,
  InterPodAffinity:
    ClusterEvent.NodeAdd |
    ClusterEvent.NodeLabel |
    ClusterEvent.AssignedPodAdd |
    ClusterEvent.AssignedPodUpdate |
    ClusterEvent.AssignedPodDelete,
});

const EVERYTHING = ~0;

/** The events that a pod waits for. Without a plugin to blame (no nodes at all), any event is worth a try. */
export function hintsOf(plugins: readonly string[]): number {
  if (plugins.length === 0) return EVERYTHING;
  let mask = ClusterEvent.Flush as number;
  for (const plugin of plugins) mask |= HINTS[plugin] ?? EVERYTHING;
  return mask;
}
