use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Trees of v1, with systemd's named one and the v2 tree of a hybrid system. Where one is mounted, the pod's cgroup
/// exists in it, since the runtime puts its containers below the pod in each of them.
const V1_CONTROLLERS: [&str; 16] = [
    "cpu",
    "cpuacct",
    "memory",
    "pids",
    "cpuset",
    "blkio",
    "devices",
    "freezer",
    "hugetlb",
    "net_cls",
    "net_prio",
    "perf_event",
    "rdma",
    "misc",
    "systemd",
    "unified",
];

/// What is mounted at a cgroup mount point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hierarchy {
    /// One tree a controller: (controller, its root). Controllers that are mounted together share a root.
    V1(Vec<(String, PathBuf)>),
    V2(PathBuf),
}

impl Hierarchy {
    /// Looks at `mount` (`/sys/fs/cgroup`); a hybrid system counts as v1, since its controllers are bound there.
    pub fn detect(mount: &Path) -> Result<Self> {
        if mount.join("cgroup.controllers").is_file() {
            return Ok(Self::V2(mount.to_path_buf()));
        }
        let mut found: Vec<(String, PathBuf)> = Vec::new();
        for name in V1_CONTROLLERS {
            let Ok(root) = mount.join(name).canonicalize() else { continue };
            // systemd leaves folders for controllers that it could not mount.
            if !root.join("cgroup.procs").is_file() {
                continue;
            }
            found.push((name.to_owned(), root));
        }
        if !found.iter().any(|(name, _)| name == "memory") {
            return Err(Error::NoHierarchy(mount.to_path_buf()));
        }
        Ok(Self::V1(found))
    }

    /// Every distinct tree.
    pub fn roots(&self) -> Vec<&Path> {
        match self {
            Self::V2(root) => vec![root.as_path()],
            Self::V1(list) => {
                let mut roots: Vec<&Path> = Vec::new();
                for (_, root) in list {
                    if !roots.contains(&root.as_path()) {
                        roots.push(root);
                    }
                }
                roots
            }
        }
    }

    pub fn root(&self, controller: &str) -> Option<&Path> {
        match self {
            Self::V2(root) => Some(root),
            Self::V1(list) => list.iter().find(|(name, _)| name == controller).map(|(_, root)| root.as_path()),
        }
    }
}
