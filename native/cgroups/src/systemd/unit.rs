//! Names of slices, as kubelet's systemd driver gives them: `-` separates the levels, and each level contains the names of
//! all levels above it.

use std::path::{Path, PathBuf};

use crate::path::{Cgroup, QosClass};

/// The slice above all others.
const ROOT_SLICE: &str = "-.slice";

/// A slice of ours, as the names of its levels, the top first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice(Vec<String>);

impl Slice {
    /// The slice of a cgroup, below the node's root. A container is no slice but a scope in its pod's slice, which the
    /// runtime makes.
    pub fn of(prefix: &Path, cgroup: &Cgroup) -> Self {
        let mut levels: Vec<String> =
            prefix.components().map(|part| escaped(&part.as_os_str().to_string_lossy())).collect();
        let mut add = |name: &str| levels.push(escaped(name));
        match cgroup {
            Cgroup::Root => {}
            Cgroup::Pods | Cgroup::Class(QosClass::Guaranteed) => add("kubepods"),
            Cgroup::Class(class) => {
                add("kubepods");
                add(class_name(*class));
            }
            Cgroup::Pod(pod) | Cgroup::Container { pod, .. } => {
                add("kubepods");
                if pod.qos != QosClass::Guaranteed {
                    add(class_name(pod.qos));
                }
                add(&format!("pod{}", pod.uid.as_str()));
            }
        }
        Self(levels)
    }

    /// The unit's name, or None for the root of the machine.
    pub fn name(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| format!("{}.slice", self.0.join("-")))
    }

    /// Of the slice that this one lies in.
    pub fn parent_name(&self) -> String {
        self.above().last().and_then(|slice| slice.name()).unwrap_or_else(|| ROOT_SLICE.to_owned())
    }

    /// The slices that this one lies in, the top first, without the root of the machine.
    pub fn above(&self) -> impl Iterator<Item = Self> {
        (1..self.0.len()).map(|count| Self(self.0[..count].to_vec()))
    }

    /// Where systemd puts it in each hierarchy, relative to the hierarchy's root.
    pub fn path(&self) -> PathBuf {
        (1..=self.0.len()).filter_map(|count| Self(self.0[..count].to_vec()).name()).collect()
    }
}

fn class_name(class: QosClass) -> &'static str {
    match class {
        QosClass::Guaranteed => "",
        QosClass::Burstable => "burstable",
        QosClass::BestEffort => "besteffort",
    }
}

/// `-` would begin another level.
fn escaped(name: &str) -> String {
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::PodPath;

    fn pod(qos: QosClass) -> Cgroup {
        Cgroup::Pod(PodPath::new(qos, "1234-abcd").unwrap())
    }

    #[test]
    fn slices_have_the_names_that_kubelet_gives_them() {
        for (prefix, cgroup, name, parent, path) in [
            ("", Cgroup::Pods, "kubepods.slice", "-.slice", "kubepods.slice"),
            ("", Cgroup::Class(QosClass::Guaranteed), "kubepods.slice", "-.slice", "kubepods.slice"),
            (
                "",
                Cgroup::Class(QosClass::BestEffort),
                "kubepods-besteffort.slice",
                "kubepods.slice",
                "kubepods.slice/kubepods-besteffort.slice",
            ),
            (
                "",
                pod(QosClass::Guaranteed),
                "kubepods-pod1234_abcd.slice",
                "kubepods.slice",
                "kubepods.slice/kubepods-pod1234_abcd.slice",
            ),
            (
                "",
                pod(QosClass::Burstable),
                "kubepods-burstable-pod1234_abcd.slice",
                "kubepods-burstable.slice",
                "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234_abcd.slice",
            ),
            ("berth-a", Cgroup::Root, "berth_a.slice", "-.slice", "berth_a.slice"),
            (
                "berth/a",
                Cgroup::Pods,
                "berth-a-kubepods.slice",
                "berth-a.slice",
                "berth.slice/berth-a.slice/berth-a-kubepods.slice",
            ),
        ] {
            let slice = Slice::of(Path::new(prefix), &cgroup);
            assert_eq!(slice.name().as_deref(), Some(name));
            assert_eq!(slice.parent_name(), parent, "{name}");
            assert_eq!(slice.path(), Path::new(path));
        }
    }

    #[test]
    fn the_root_of_the_machine_is_no_slice_of_ours() {
        let root = Slice::of(Path::new(""), &Cgroup::Root);
        assert_eq!((root.name(), root.path()), (None, PathBuf::new()));
    }
}
