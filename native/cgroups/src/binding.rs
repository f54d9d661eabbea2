//! N-API: thin wrappers. The kernel may wait in any of these: the work is done on the driver's threads.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use std::{path::Path, sync::Arc};

use guard::{guarded, guarded_future};
use napi::{Error, Result, bindgen_prelude::create_custom_tokio_runtime};
use napi_derive::{module_init, napi};

use crate::{
    cgroupfs::CgroupfsDriver,
    driver::{Answer, CgroupDriver},
    error,
    limits::{Limits, PageSize},
    path::Cgroup,
    stats,
    systemd::SystemdDriver,
    weight::WeightCurve,
};

/// Each call holds one while the kernel waits.
const THREADS: usize = 8;

#[module_init]
fn start_runtime() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(THREADS)
        .thread_name("cgroups")
        // Messages to systemd.
        .enable_all()
        .build();
    if let Ok(runtime) = runtime {
        create_custom_tokio_runtime(runtime);
    }
}

fn failure(error: error::Error) -> Error {
    Error::from_reason(error.to_string())
}

/// Which cgroup is meant: nothing: all pods; with a class: its pods; with a uid: that pod; with a container: that one.
#[napi(object)]
pub struct CgroupPath {
    #[napi(ts_type = "'Guaranteed' | 'Burstable' | 'BestEffort'")]
    pub qos: Option<String>,
    pub uid: Option<String>,
    pub container: Option<String>,
}

impl CgroupPath {
    fn parse(self) -> error::Result<Cgroup> {
        Cgroup::from_parts(self.qos.as_deref(), self.uid.as_deref(), self.container)
    }
}

/// Absent fields leave the kernel's value; -1 is no limit.
#[napi(object)]
pub struct CgroupLimits {
    /// v1 scale, 2..262144.
    pub cpu_shares: Option<f64>,
    /// Microseconds of CPU time in a period.
    pub cpu_quota: Option<f64>,
    /// Microseconds.
    pub cpu_period: Option<f64>,
    /// Bytes.
    pub memory_limit: Option<f64>,
    /// Bytes from which on the kernel takes pages back. v2 only, as the next two.
    pub memory_high: Option<f64>,
    /// Bytes that the kernel never takes back.
    pub memory_min: Option<f64>,
    /// Bytes that the kernel takes back last.
    pub memory_low: Option<f64>,
    pub hugepages: Option<Vec<HugepageLimit>>,
    /// Processes.
    pub pids_limit: Option<f64>,
}

#[napi(object)]
pub struct HugepageLimit {
    /// As the kernel's files name it: `2MB`.
    pub page_size: String,
    /// Bytes.
    pub limit: f64,
}

impl CgroupLimits {
    fn parse(self) -> error::Result<Limits> {
        let limits = self;
        let hugepages = limits.hugepages.unwrap_or_default();
        Ok(Limits {
            cpu_shares: limits.cpu_shares.map(|shares| shares as u64),
            cpu_quota: limits.cpu_quota.map(|quota| quota as i64),
            cpu_period: limits.cpu_period.map(|period| period as u64),
            memory_limit: limits.memory_limit.map(|limit| limit as i64),
            memory_high: limits.memory_high.map(|limit| limit as i64),
            memory_min: limits.memory_min.map(|limit| limit as i64),
            memory_low: limits.memory_low.map(|limit| limit as i64),
            hugepages: hugepages
                .into_iter()
                .map(|HugepageLimit { page_size, limit }| Ok((PageSize::parse(&page_size)?, limit as i64)))
                .collect::<error::Result<_>>()?,
            pids_limit: limits.pids_limit.map(|limit| limit as i64),
        })
    }
}

#[napi(object)]
pub struct CgroupStats {
    /// Total CPU time used.
    pub cpu_usage_nanoseconds: f64,
    pub memory_usage_bytes: f64,
    /// Usage without the inactive file pages, which the kernel gives back under pressure.
    pub memory_working_set_bytes: f64,
    pub memory_rss_bytes: f64,
    pub memory_page_faults: f64,
    pub memory_major_page_faults: f64,
    pub processes: f64,
}

impl From<stats::Stats> for CgroupStats {
    fn from(stats: stats::Stats) -> Self {
        Self {
            cpu_usage_nanoseconds: stats.cpu_usage_nanoseconds as f64,
            memory_usage_bytes: stats.memory_usage_bytes as f64,
            memory_working_set_bytes: stats.memory_working_set_bytes as f64,
            memory_rss_bytes: stats.memory_rss_bytes as f64,
            memory_page_faults: stats.memory_page_faults as f64,
            memory_major_page_faults: stats.memory_major_page_faults as f64,
            processes: stats.processes as f64,
        }
    }
}

/// What happened in a cgroup and below it.
#[napi(object)]
pub struct CgroupEvents {
    /// Whether a process is in it.
    pub populated: bool,
    /// Processes that the kernel killed for want of memory, since the cgroup was made.
    pub oom_kills: f64,
}

/// Where the cgroups of pods are, and who makes them.
#[napi(object)]
pub struct CgroupOptions {
    /// Usually /sys/fs/cgroup.
    pub mount: String,
    /// Where the tree of pods starts below it, "" for its root.
    pub root: String,
    #[napi(ts_type = "'cgroupfs' | 'systemd'")]
    pub driver: String,
    /// How the runtime makes cpu.weight of cpu.shares.
    #[napi(ts_type = "'linear' | 'quadratic'")]
    pub weight_curve: String,
}

fn driver(CgroupOptions { mount, root, driver, weight_curve }: CgroupOptions) -> error::Result<Arc<dyn CgroupDriver>> {
    let curve = match weight_curve.as_str() {
        "linear" => WeightCurve::Linear,
        "quadratic" => WeightCurve::Quadratic,
        _ => return Err(error::Error::Name { what: "weight curve", name: weight_curve }),
    };
    let mount = Path::new(&mount);
    match driver.as_str() {
        "cgroupfs" => Ok(Arc::new(CgroupfsDriver::new(mount, &root, curve)?)),
        "systemd" => Ok(Arc::new(SystemdDriver::new(mount, &root, curve)?)),
        _ => Err(error::Error::Name { what: "cgroup driver", name: driver }),
    }
}

/// The node's cgroups of pods.
#[napi]
pub struct Cgroups {
    driver: Arc<dyn CgroupDriver>,
}

#[napi]
impl Cgroups {
    /// Fails where the driver is systemd's and systemd does not run.
    #[napi(constructor)]
    pub fn new(options: CgroupOptions) -> Result<Self> {
        guarded(|| Ok(Self { driver: driver(options).map_err(failure)? }))
    }

    /// 1, also for a hybrid system, or 2.
    #[napi(getter)]
    pub fn version(&self) -> Result<u32> {
        guarded(|| Ok(u32::from(self.driver.version())))
    }

    /// The cgroup parent that the runtime is told for a pod.
    #[napi]
    pub fn runtime_parent(&self, pod: CgroupPath) -> Result<String> {
        guarded(|| match pod.parse().map_err(failure)? {
            Cgroup::Pod(pod) => Ok(self.driver.runtime_parent(&pod)),
            _ => Err(Error::from_reason("the runtime's parent is the cgroup of a pod")),
        })
    }

    /// Makes the cgroup and those above it; what exists is left as it is.
    #[napi]
    pub async fn create(&self, cgroup: CgroupPath) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.create(cgroup)).await
    }

    /// Makes the cgroup where it is missing, and applies the limits.
    #[napi]
    pub async fn apply(&self, cgroup: CgroupPath, limits: CgroupLimits) -> Result<()> {
        let limits = limits.parse().map_err(failure)?;
        self.work(cgroup, |driver, cgroup| driver.apply(cgroup, &limits)).await
    }

    /// Moves a process into the cgroup.
    #[napi]
    pub async fn attach(&self, cgroup: CgroupPath, process: u32) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.attach(cgroup, process)).await
    }

    /// Stops every process in the cgroup and below it, or lets them go on; resolves when it is so.
    #[napi]
    pub async fn freeze(&self, cgroup: CgroupPath, freeze: bool) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.freeze(cgroup, freeze)).await
    }

    /// Kills every process in the cgroup and below it; resolves when none is left. A missing cgroup is fine.
    #[napi]
    pub async fn kill(&self, cgroup: CgroupPath) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.kill(cgroup)).await
    }

    /// Kills what is still in it. A missing cgroup is fine.
    #[napi]
    pub async fn remove(&self, cgroup: CgroupPath) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.remove(cgroup)).await
    }

    /// Leaves a cgroup that has processes or others below it.
    #[napi]
    pub async fn remove_if_empty(&self, cgroup: CgroupPath) -> Result<()> {
        self.work(cgroup, |driver, cgroup| driver.remove_if_empty(cgroup)).await
    }

    /// Null when the cgroup is gone.
    #[napi]
    pub async fn stats(&self, cgroup: CgroupPath) -> Result<Option<CgroupStats>> {
        Ok(self.work(cgroup, |driver, cgroup| driver.stats(cgroup)).await?.map(Into::into))
    }

    /// Null when the cgroup is gone.
    #[napi]
    pub async fn events(&self, cgroup: CgroupPath) -> Result<Option<CgroupEvents>> {
        let events = self.work(cgroup, |driver, cgroup| driver.events(cgroup)).await?;
        Ok(events.map(|stats::Events { populated, oom_kills }| CgroupEvents { populated, oom_kills: oom_kills as f64 }))
    }

    /// As `remove`, for the root of the tree, which must not be that of the machine.
    #[napi]
    pub async fn remove_root(&self) -> Result<()> {
        guarded_future(async { self.driver.remove(&Cgroup::Root).await.map_err(failure) }).await
    }

    /// As `removeIfEmpty`, for the root of the tree.
    #[napi]
    pub async fn remove_root_if_empty(&self) -> Result<()> {
        guarded_future(async { self.driver.remove_if_empty(&Cgroup::Root).await.map_err(failure) }).await
    }

    async fn work<T>(
        &self,
        cgroup: CgroupPath,
        ask: impl FnOnce(&dyn CgroupDriver, &Cgroup) -> Answer<T>,
    ) -> Result<T> {
        guarded_future(async {
            let cgroup = cgroup.parse().map_err(failure)?;
            ask(self.driver.as_ref(), &cgroup).await.map_err(failure)
        })
        .await
    }
}
