//! The driver that asks systemd: the slices of pods are units of systemd, made by the agent; the scopes of containers are
//! the runtime's. Hierarchies and files that systemd does not manage are written as the cgroupfs driver writes them.

mod bus;
mod properties;
mod unit;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use guard::caught;

use self::{
    bus::{Started, Systemd},
    unit::Slice,
};
use crate::{
    cgroupfs::relative,
    driver::{Answer, CgroupDriver},
    error::{Error, Result},
    hierarchy::Hierarchy,
    limits::Limits,
    path::{Cgroup, Name, PodPath},
    stats::{Events, Stats},
    tree::Tree,
    weight::WeightCurve,
};

/// Exists exactly where systemd is process 1.
const BOOTED: &str = "/run/systemd/system";

pub struct SystemdDriver {
    shared: Arc<Shared>,
    prefix: PathBuf,
}

struct Shared {
    tree: Arc<Tree>,
    systemd: Systemd,
    curve: WeightCurve,
}

impl SystemdDriver {
    /// `prefix` is where the tree of pods starts, "" for the root: `/a/b` is `a-b.slice`.
    pub fn new(mount: &Path, prefix: &str, curve: WeightCurve) -> Result<Self> {
        let booted = Path::new(BOOTED);
        if !booted.is_dir() {
            return Err(Error::NoSystemd(booted.to_path_buf()));
        }
        let tree = Arc::new(Tree::new(Hierarchy::detect(mount)?, curve));
        Ok(Self { shared: Arc::new(Shared { tree, systemd: Systemd::default(), curve }), prefix: relative(prefix)? })
    }

    fn slice(&self, cgroup: &Cgroup) -> Slice {
        Slice::of(&self.prefix, cgroup)
    }

    /// Work on the files of a cgroup, which may be a container's.
    fn work<T: Send + 'static>(
        &self,
        cgroup: &Cgroup,
        work: impl FnOnce(&Tree, &Path) -> Result<T> + Send + 'static,
    ) -> Answer<T> {
        let (shared, slice) = (self.shared.clone(), self.slice(cgroup).path());
        let container = match cgroup {
            Cgroup::Container { id, .. } => Some(id.clone()),
            _ => None,
        };
        Box::pin(async move {
            shared
                .files(move |tree| work(tree, &container.map_or(Ok(slice.clone()), |id| scope(tree, &slice, &id))?))
                .await
        })
    }

    /// Work on a slice, with its unit. A container's scope is the runtime's unit.
    fn with_unit<T, F>(&self, cgroup: &Cgroup, work: impl FnOnce(Arc<Shared>, Slice) -> F + Send + 'static) -> Answer<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send,
    {
        let (shared, slice) = (self.shared.clone(), self.slice(cgroup));
        let is_container = matches!(cgroup, Cgroup::Container { .. });
        Box::pin(async move { if is_container { Err(Error::RuntimesOwn) } else { work(shared, slice).await } })
    }
}

impl Shared {
    async fn files<T: Send + 'static>(&self, work: impl FnOnce(&Tree) -> Result<T> + Send + 'static) -> Result<T> {
        let tree = self.tree.clone();
        tokio::task::spawn_blocking(move || caught(|| work(&tree))).await.unwrap_or(Err(Error::Stopped))
    }

    /// Starts the units that are missing, the top first: systemd would make those above by itself, but without accounting.
    /// Then makes the folders in the hierarchies that systemd does not manage.
    async fn create(&self, slice: &Slice) -> Result<()> {
        for above in slice.above() {
            if !self.tree.exists(&above.path()) {
                self.start(&above).await?;
            }
        }
        self.start(slice).await?;
        let path = slice.path();
        self.files(move |tree| tree.create(&path)).await
    }

    async fn start(&self, slice: &Slice) -> Result<()> {
        let Some(name) = slice.name() else { return Ok(()) };
        let properties = properties::of_slice(&name, &slice.parent_name(), self.tree.version());
        if self.systemd.start_transient(&name, &properties).await? == Started::Before
            && !self.tree.exists(&slice.path())
        {
            self.systemd.start(&name).await?;
        }
        Ok(())
    }

    async fn apply(&self, slice: &Slice, limits: &Limits) -> Result<()> {
        self.create(slice).await?;
        let limits = properties::representable(limits);
        if let Some(name) = slice.name() {
            let properties = match self.tree.version() {
                1 => properties::of_limits_v1(&limits),
                _ => properties::of_limits_v2(&limits, self.curve),
            };
            self.systemd.set(&name, &properties).await?;
        }
        let path = slice.path();
        self.files(move |tree| tree.apply(&path, &limits)).await
    }

    /// Processes go first: systemd asks politely, and waits, before it kills what is in a slice that it stops.
    async fn remove(&self, slice: &Slice) -> Result<()> {
        let Some(name) = slice.name() else { return Err(Error::Machine) };
        let path = slice.path();
        self.files(move |tree| tree.kill(&path)).await?;
        let stopped = self.systemd.stop(&name).await;
        let path = slice.path();
        self.files(move |tree| tree.remove(&path)).await?;
        stopped
    }

    async fn remove_if_empty(&self, slice: &Slice) -> Result<()> {
        let Some(name) = slice.name() else { return Ok(()) };
        let path = slice.path();
        if !self.files(move |tree| tree.is_unused(&path)).await? {
            return Ok(());
        }
        let stopped = self.systemd.stop(&name).await;
        let path = slice.path();
        self.files(move |tree| {
            tree.remove_if_empty(&path);
            Ok(())
        })
        .await?;
        stopped
    }
}

impl CgroupDriver for SystemdDriver {
    fn version(&self) -> u8 {
        self.shared.tree.version()
    }

    fn runtime_parent(&self, pod: &PodPath) -> String {
        format!("/{}", self.slice(&Cgroup::Pod(pod.clone())).path().display())
    }

    fn create(&self, cgroup: &Cgroup) -> Answer<()> {
        self.with_unit(cgroup, |shared, slice| async move { shared.create(&slice).await })
    }

    fn apply(&self, cgroup: &Cgroup, limits: &Limits) -> Answer<()> {
        let limits = limits.clone();
        self.with_unit(cgroup, |shared, slice| async move { shared.apply(&slice, &limits).await })
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
        self.with_unit(cgroup, |shared, slice| async move { shared.remove(&slice).await })
    }

    fn remove_if_empty(&self, cgroup: &Cgroup) -> Answer<()> {
        self.with_unit(cgroup, |shared, slice| async move { shared.remove_if_empty(&slice).await })
    }

    fn stats(&self, cgroup: &Cgroup) -> Answer<Option<Stats>> {
        self.work(cgroup, |tree, path| Ok(tree.stats(path)))
    }

    fn events(&self, cgroup: &Cgroup) -> Answer<Option<Events>> {
        self.work(cgroup, Tree::events)
    }
}

/// The scope of a container has a prefix that each runtime chooses: `cri-containerd-<id>.scope`, `crio-<id>.scope`. One that
/// is gone gets a path that does not exist.
fn scope(tree: &Tree, slice: &Path, id: &Name) -> Result<PathBuf> {
    let end = format!("-{}.scope", id.as_str());
    Ok(tree.child_ending(slice, &end)?.unwrap_or_else(|| slice.join(format!("cri-containerd{end}"))))
}
