//! The driver that writes the cgroup files itself, on threads of its own: the kernel may wait in any of them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use guard::caught;

use crate::{
    driver::{Answer, CgroupDriver},
    error::{Error, Result},
    hierarchy::Hierarchy,
    limits::Limits,
    path::{Cgroup, PodPath, QosClass},
    stats::{Events, Stats},
    tree::Tree,
    weight::WeightCurve,
};

pub struct CgroupfsDriver {
    tree: Arc<Tree>,
    prefix: PathBuf,
}

impl CgroupfsDriver {
    /// `mount` is usually /sys/fs/cgroup; `prefix` is where the tree of pods starts below it, "" for its root.
    pub fn new(mount: &Path, prefix: &str, curve: WeightCurve) -> Result<Self> {
        Ok(Self { tree: Arc::new(Tree::new(Hierarchy::detect(mount)?, curve)), prefix: relative(prefix)? })
    }

    fn path(&self, cgroup: &Cgroup) -> PathBuf {
        self.prefix.join(below_root(cgroup))
    }

    fn work<T: Send + 'static>(
        &self,
        cgroup: &Cgroup,
        work: impl FnOnce(&Tree, &Path) -> Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (tree, path) = (self.tree.clone(), self.path(cgroup));
        Box::pin(async move {
            tokio::task::spawn_blocking(move || caught(|| work(&tree, &path))).await.unwrap_or(Err(Error::Stopped))
        })
    }
}

impl CgroupDriver for CgroupfsDriver {
    fn version(&self) -> u8 {
        self.tree.version()
    }

    fn runtime_parent(&self, pod: &PodPath) -> String {
        format!("/{}", self.path(&Cgroup::Pod(pod.clone())).display())
    }

    fn create(&self, cgroup: &Cgroup) -> Answer<()> {
        self.work(cgroup, Tree::create)
    }

    fn apply(&self, cgroup: &Cgroup, limits: &Limits) -> Answer<()> {
        let limits = limits.clone();
        self.work(cgroup, move |tree, path| tree.apply(path, &limits))
    }

    fn attach(&self, cgroup: &Cgroup, process: u32) -> Answer<()> {
        self.work(cgroup, move |tree, path| tree.attach(path, process))
    }

    fn freeze(&self, cgroup: &Cgroup, freeze: bool) -> Answer<()> {
        self.work(cgroup, move |tree, path| tree.freeze(path, freeze))
    }

    fn kill(&self, cgroup: &Cgroup) -> Answer<()> {
        self.work(cgroup, Tree::kill)
    }

    fn remove(&self, cgroup: &Cgroup) -> Answer<()> {
        self.work(cgroup, Tree::remove)
    }

    fn remove_if_empty(&self, cgroup: &Cgroup) -> Answer<()> {
        self.work(cgroup, |tree, path| {
            tree.remove_if_empty(path);
            Ok(())
        })
    }

    fn stats(&self, cgroup: &Cgroup) -> Answer<Option<Stats>> {
        self.work(cgroup, |tree, path| Ok(tree.stats(path)))
    }

    fn events(&self, cgroup: &Cgroup) -> Answer<Option<Events>> {
        self.work(cgroup, Tree::events)
    }
}

/// As kubelet's cgroupfs driver names them.
fn below_root(cgroup: &Cgroup) -> PathBuf {
    let pods = PathBuf::from("kubepods");
    match cgroup {
        Cgroup::Root => PathBuf::new(),
        Cgroup::Pods | Cgroup::Class(QosClass::Guaranteed) => pods,
        Cgroup::Class(QosClass::Burstable) => pods.join("burstable"),
        Cgroup::Class(QosClass::BestEffort) => pods.join("besteffort"),
        Cgroup::Pod(pod) => below_root(&Cgroup::Class(pod.qos)).join(format!("pod{}", pod.uid.as_str())),
        Cgroup::Container { pod, id } => below_root(&Cgroup::Pod(pod.clone())).join(id.as_str()),
    }
}

/// A root of the tree of pods, as a path below the mount.
pub fn relative(path: &str) -> Result<PathBuf> {
    let trimmed = Path::new(path.trim_start_matches('/'));
    if trimmed.components().all(|part| matches!(part, std::path::Component::Normal(_))) {
        Ok(trimmed.to_path_buf())
    } else {
        Err(Error::Escape(path.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::Name;
    use std::fs;

    fn v2(prefix: &str) -> (tempfile::TempDir, Box<dyn CgroupDriver>) {
        let mount = tempfile::tempdir().unwrap();
        fs::write(mount.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
        let driver = CgroupfsDriver::new(mount.path(), prefix, WeightCurve::Linear).unwrap();
        (mount, Box::new(driver))
    }

    fn pod(qos: QosClass) -> PodPath {
        PodPath::new(qos, "uid-1").unwrap()
    }

    #[test]
    fn cgroups_have_the_names_that_kubelet_gives_them() {
        let container = Cgroup::Container {
            pod: pod(QosClass::Burstable),
            id: Name::parse("container id", "c1".to_owned()).unwrap(),
        };
        for (cgroup, expected) in [
            (Cgroup::Root, ""),
            (Cgroup::Pods, "kubepods"),
            (Cgroup::Class(QosClass::Guaranteed), "kubepods"),
            (Cgroup::Class(QosClass::BestEffort), "kubepods/besteffort"),
            (Cgroup::Pod(pod(QosClass::Guaranteed)), "kubepods/poduid-1"),
            (Cgroup::Pod(pod(QosClass::BestEffort)), "kubepods/besteffort/poduid-1"),
            (container, "kubepods/burstable/poduid-1/c1"),
        ] {
            assert_eq!(below_root(&cgroup), Path::new(expected));
        }
    }

    #[test]
    fn the_runtime_is_told_a_path_within_the_hierarchy() {
        for (prefix, expected) in
            [("", "/kubepods/burstable/poduid-1"), ("/berth/a", "/berth/a/kubepods/burstable/poduid-1")]
        {
            assert_eq!(v2(prefix).1.runtime_parent(&pod(QosClass::Burstable)), expected);
        }
    }

    #[test]
    fn a_root_cannot_leave_the_mount() {
        let (mount, _) = v2("");
        let outside = CgroupfsDriver::new(mount.path(), "../other", WeightCurve::Linear);
        assert!(matches!(outside.err(), Some(Error::Escape(_))));
    }

    #[tokio::test]
    async fn a_pods_cgroup_comes_and_goes() {
        let (mount, driver) = v2("berth");
        let cgroup = Cgroup::Pod(pod(QosClass::Burstable));
        let place = mount.path().join("berth/kubepods/burstable/poduid-1");
        driver.apply(&cgroup, &Limits::default()).await.unwrap();
        assert!(place.is_dir());
        assert_eq!(driver.events(&cgroup).await.unwrap(), Some(Events::default()));
        driver.remove_if_empty(&Cgroup::Pods).await.unwrap();
        assert!(place.is_dir());
        driver.remove(&cgroup).await.unwrap();
        assert!(!place.exists());
        assert_eq!(driver.stats(&cgroup).await.unwrap(), None);
        assert_eq!(driver.events(&cgroup).await.unwrap(), None);
        driver.remove(&cgroup).await.unwrap();
        driver.kill(&cgroup).await.unwrap();
    }
}
