//! N-API: thin wrappers. The work is a few short file operations, or runs on the thread pool where it may wait.
// The #[napi] macro expands to registration code that calls Node's C interface.
#![allow(unsafe_code)]

use std::{path::Path, sync::Arc};

use napi::{Error, Result, Task, bindgen_prelude::AsyncTask};
use napi_derive::napi;

use crate::{
    cgroupfs::CgroupfsDriver,
    driver::{CgroupDriver, Resources},
    stats,
};

fn failure(error: impl std::fmt::Display) -> Error {
    Error::from_reason(error.to_string())
}

#[napi]
pub struct Cgroups {
    driver: Arc<CgroupfsDriver>,
}

#[napi]
impl Cgroups {
    /// `mount` is usually /sys/fs/cgroup; `prefix` is where the pods' tree starts below it, "" for the root.
    #[napi(constructor)]
    pub fn new(mount: String, prefix: String) -> Result<Self> {
        CgroupfsDriver::new(Path::new(&mount), &prefix).map(|driver| Self { driver: Arc::new(driver) }).map_err(failure)
    }

    #[napi(getter)]
    pub fn version(&self) -> u32 {
        u32::from(self.driver.version())
    }

    /// `resources` is JSON: cpuShares, cpuQuota, cpuPeriod, memoryLimit, pidsLimit; all optional.
    #[napi]
    pub fn apply(&self, path: String, resources: String) -> Result<()> {
        let resources: Resources = serde_json::from_str(&resources).map_err(failure)?;
        self.driver.apply(&path, &resources).map_err(failure)
    }

    #[napi]
    pub fn exists(&self, path: String) -> bool {
        self.driver.exists(&path)
    }

    #[napi(ts_return_type = "Promise<void>")]
    pub fn remove(&self, path: String) -> AsyncTask<Remove> {
        AsyncTask::new(Remove { driver: self.driver.clone(), path })
    }

    #[napi]
    pub fn remove_if_empty(&self, path: String) -> Result<()> {
        self.driver.remove_if_empty(&path).map_err(failure)
    }

    #[napi]
    pub fn processes(&self, path: String) -> Result<Vec<u32>> {
        self.driver.processes(&path).map_err(failure)
    }

    #[napi]
    pub fn children(&self, path: String) -> Result<Vec<String>> {
        self.driver.children(&path).map_err(failure)
    }

    /// JSON, or null when the cgroup is gone. The path is from the hierarchy's root, not from the prefix.
    #[napi]
    pub fn stats(&self, path: String) -> Option<String> {
        stats::read(self.driver.hierarchy(), &path).and_then(|stats| serde_json::to_string(&stats).ok())
    }
}

pub struct Remove {
    driver: Arc<CgroupfsDriver>,
    path: String,
}

impl Task for Remove {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        self.driver.remove(&self.path).map_err(failure)
    }

    fn resolve(&mut self, _: napi::Env, (): ()) -> Result<()> {
        Ok(())
    }
}
