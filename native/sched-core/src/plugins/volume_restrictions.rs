//! VolumeRestrictions: a claim with the access mode ReadWriteOncePod is for one pod at a time.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::volume_rules::reason::IN_USE;

const REASON: &str =
    "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeRestrictions",
    events: &[ClusterEvent::AssignedPodDelete, ClusterEvent::NodeAdd, ClusterEvent::ClaimChange],
    pod_fields: &[],
    filter: Filter::Volumes(IN_USE),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::resolvable(REASON),
};
