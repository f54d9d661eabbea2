//! What a pod's volumes say of nodes. The caller works it out, because it follows claims, volumes and classes; here it is one
//! more property of the pod.

use crate::input::VolumeRulesInput;
use crate::intern::{Interner, Symbol};

/// Why a node cannot give the pod its volumes: one bit for each reason. `libs/scheduler/src/volumes` has the same table.
pub mod reason {
    /// No volume that is reachable from there can be bound to a claim.
    pub const NO_VOLUME: u8 = 1;
    /// A volume of a claim is elsewhere.
    pub const ELSEWHERE: u8 = 1 << 1;
    /// A claim is bound to a volume that does not exist.
    pub const NO_SUCH_VOLUME: u8 = 1 << 2;
    /// A volume is of another zone.
    pub const OTHER_ZONE: u8 = 1 << 3;
    /// Another pod uses a claim that only one may use.
    pub const IN_USE: u8 = 1 << 4;
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct VolumeRules {
    /// Of nodes that differ from the others, by name.
    nodes: Vec<(Symbol, u8)>,
    others: u8,
    /// Who is the cause of [`reason::IN_USE`].
    pub users: Vec<u32>,
}

impl VolumeRules {
    pub fn compile(input: &VolumeRulesInput, interner: &mut Interner) -> Self {
        let mut nodes: Vec<_> = input.nodes.iter().map(|(name, &reasons)| (interner.intern(name), reasons)).collect();
        nodes.sort_unstable();
        Self { nodes, others: input.others, users: input.users.clone() }
    }

    /// The same once its claims have no other users; None when they have none now.
    pub fn once_free(input: &VolumeRulesInput) -> Option<VolumeRulesInput> {
        let free = |reasons: u8| reasons & !reason::IN_USE;
        (!input.users.is_empty()).then(|| VolumeRulesInput {
            nodes: input.nodes.iter().map(|(name, &reasons)| (name.clone(), free(reasons))).collect(),
            others: free(input.others),
            users: Vec::new(),
        })
    }

    /// The reasons of a node; 0: its volumes can be had there.
    pub fn of(&self, node: Symbol) -> u8 {
        match self.nodes.binary_search_by_key(&node, |&(name, _)| name) {
            Ok(at) => self.nodes[at].1,
            Err(_) => self.others,
        }
    }
}
