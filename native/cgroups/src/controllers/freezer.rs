use std::{fs, io, path::Path};

use crate::hierarchy::Hierarchy;

/// How a cgroup is frozen and thawed, and how the kernel says that it is done.
#[derive(Debug, Clone, Copy)]
pub struct FreezeFiles {
    file: &'static str,
    frozen: &'static str,
    thawed: &'static str,
    /// Where the state is read: itself on v1, among the events on v2.
    state: &'static str,
    is_frozen: fn(&str) -> bool,
}

impl FreezeFiles {
    pub fn of(hierarchy: &Hierarchy) -> Self {
        match hierarchy {
            Hierarchy::V1(_) => Self {
                file: "freezer.state",
                frozen: "FROZEN",
                thawed: "THAWED",
                state: "freezer.state",
                is_frozen: |text| text.trim() == "FROZEN",
            },
            Hierarchy::V2(_) => Self {
                file: "cgroup.freeze",
                frozen: "1",
                thawed: "0",
                state: "cgroup.events",
                is_frozen: |text| text.lines().any(|line| line == "frozen 1"),
            },
        }
    }

    pub fn ask(&self, place: &Path, freeze: bool) -> io::Result<()> {
        fs::write(place.join(self.file), if freeze { self.frozen } else { self.thawed })
    }

    /// Freezing takes time: a process may be in the kernel.
    pub fn is_done(&self, place: &Path, freeze: bool) -> io::Result<bool> {
        Ok((self.is_frozen)(&fs::read_to_string(place.join(self.state))?) == freeze)
    }
}
