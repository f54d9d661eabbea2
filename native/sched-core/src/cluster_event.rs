//! What happens in a cluster, as far as it can make a pod fit that no node would take.

/// The names are those under which the caller knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    NodeAdd,
    NodeLabel,
    NodeTaint,
    NodeAllocatable,
    NodeDelete,
    AssignedPodAdd,
    /// Labels changed, or the pod began to terminate.
    AssignedPodUpdate,
    AssignedPodDelete,
    /// Requests changed.
    AssignedPodResize,
    ClaimChange,
    VolumeChange,
    StorageClassChange,
}
