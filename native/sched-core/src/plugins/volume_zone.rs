//! VolumeZone: volumes that are labelled with a zone or a region are used from there.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::volume_rules::reason::OTHER_ZONE;

const REASON: &str = "node(s) had no available volume zone";

pub const PLUGIN: Plugin = Plugin {
    name: "VolumeZone",
    events: &[
        ClusterEvent::NodeAdd,
        ClusterEvent::NodeLabel,
        ClusterEvent::ClaimChange,
        ClusterEvent::VolumeChange,
        ClusterEvent::StorageClassChange,
    ],
    pod_fields: &[],
    filter: Filter::Volumes(OTHER_ZONE),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};
