import { kebabCase } from '../kind-modules.mjs';
import { checkPascalCase } from './names.mjs';

export const usage = 'scheduler-plugin NAME (as in NodeAffinity)';

/** A plugin that filters nodes by their own properties, with its test. */
export function template([name = '']) {
  checkPascalCase('name', name);
  const file = kebabCase(name).replaceAll('-', '_');
  return {
    files: {
      [`native/sched-core/src/plugins/${file}.rs`]: `//! ${name}: a pod that names its node runs there or nowhere.

use super::{Filter, Plugin, Rejection, Score};
use crate::cluster_event::ClusterEvent;
use crate::intern::Interner;
use crate::pod::NodeRules;
use crate::snapshot::Node;

const REASON: &str = "node(s) didn't match";

pub const PLUGIN: Plugin = Plugin {
    name: "${name}",
    events: &[ClusterEvent::NodeAdd],
    pod_fields: &["nodeName"],
    filter: Filter::Node(passes),
    score: Score::None,
    weight: 0,
    explain: |_, _, _, _, _| Rejection::unresolvable(REASON),
};

fn passes(rules: &NodeRules, node: &Node, _: &Interner) -> bool {
    rules.node_name.is_none_or(|name| name == node.name)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Cluster, node, pod};
    use serde_json::json;

    #[test]
    fn only_nodes_that_match_pass() {
        let mut cluster = Cluster::new([node("a"), node("b")]);
        for (case, spec, expected) in [
            ("a pod that asks for nothing", json!({}), vec!["", ""]),
            ("write a pod that only one node takes", json!({}), vec!["${name}", ""]),
        ] {
            assert_eq!(cluster.verdicts(pod(spec)), expected, "{case}");
        }
    }
}
`,
    },
    steps: [
      `Add it to native/sched-core/src/plugins/mod.rs: mod ${file}; and ${file}::PLUGIN in REGISTRY, at its place in the default profile.`,
      `Write the table of the test, then filter, score, weight and REASON, which are the reference's words.`,
      'Declare in events which events can undo its rejection, and in pod_fields which fields of a pod it reads.',
      'cargo test -p sched-core, then npm test -- integration scheduler',
    ],
  };
}
