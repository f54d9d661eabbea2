//! What the core tells its caller once, when it is loaded: its plugins, and what each of them reads and waits for.

use crate::cluster_event::ClusterEvent;
use crate::plugins::REGISTRY;
use crate::preemption;

pub struct Declaration {
    pub name: &'static str,
    /// What can undo its rejection.
    pub events: &'static [ClusterEvent],
    /// The fields of a pod's spec that it reads.
    pub pod_fields: &'static [&'static str],
}

/// The plugins in the order of filters, and preemption last.
pub fn declarations() -> impl Iterator<Item = Declaration> {
    let plugins = REGISTRY.iter();
    let plugins =
        plugins.map(|plugin| Declaration { name: plugin.name, events: plugin.events, pod_fields: plugin.pod_fields });
    plugins.chain([Declaration { name: preemption::NAME, events: &[], pod_fields: preemption::POD_FIELDS }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugins::Filter;

    #[test]
    fn a_plugin_that_rejects_says_what_can_undo_it() {
        for plugin in REGISTRY {
            let rejects = !matches!(plugin.filter, Filter::None);
            assert_eq!(rejects, !plugin.events.is_empty(), "{}", plugin.name);
        }
    }

    #[test]
    fn names_are_declared_once() {
        let mut names: Vec<_> = declarations().map(|declaration| declaration.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
