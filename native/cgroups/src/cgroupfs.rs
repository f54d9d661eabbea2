use std::{
    fs,
    io::ErrorKind,
    path::{Component, Path, PathBuf},
    thread,
    time::Duration,
};

use crate::{
    convert::shares_to_weight,
    driver::{CgroupDriver, Resources},
    error::{Error, Result, io},
    hierarchy::Hierarchy,
};

/// Exiting processes leave a cgroup a little after the kill.
const EMPTY_ATTEMPTS: u32 = 50;
const EMPTY_PAUSE: Duration = Duration::from_millis(10);

/// Writes the cgroup files itself. `prefix` is where the pods' tree starts in each hierarchy ("" for its root).
pub struct CgroupfsDriver {
    hierarchy: Hierarchy,
    prefix: PathBuf,
}

impl CgroupfsDriver {
    pub fn new(mount: &Path, prefix: &str) -> Result<Self> {
        Ok(Self { hierarchy: Hierarchy::detect(mount)?, prefix: relative(prefix)? })
    }

    pub fn hierarchy(&self) -> &Hierarchy {
        &self.hierarchy
    }

    fn place(&self, root: &Path, path: &str) -> Result<PathBuf> {
        Ok(root.join(&self.prefix).join(relative(path)?))
    }

    /// Creates the folders one by one: cpuset on v1 needs its masks filled at each level, v2 needs its controllers
    /// delegated from each parent.
    fn create(&self, root: &Path, path: &str) -> Result<PathBuf> {
        let target = self.place(root, path)?;
        let mut current = root.to_path_buf();
        let below = target.strip_prefix(root).unwrap_or(Path::new("")).to_path_buf();
        for part in below.components() {
            if let Hierarchy::V2(_) = self.hierarchy {
                delegate(&current)?;
            }
            let parent = current.clone();
            current.push(part);
            match fs::create_dir(&current) {
                Ok(()) => inherit_cpuset(&parent, &current)?,
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io("create", &current)(error)),
            }
        }
        Ok(target)
    }

    fn write_v1(&self, path: &str, resources: &Resources) -> Result<()> {
        let set = |controller: &str, file: &str, value: Option<String>| -> Result<()> {
            let (Some(root), Some(value)) = (self.hierarchy.root(controller), value) else { return Ok(()) };
            write(&self.place(root, path)?.join(file), &value)
        };
        set("cpu", "cpu.shares", resources.cpu_shares.map(|shares| shares.max(2).to_string()))?;
        set("cpu", "cpu.cfs_period_us", resources.cpu_period.map(|period| period.to_string()))?;
        set("cpu", "cpu.cfs_quota_us", resources.cpu_quota.map(|quota| quota.to_string()))?;
        set("memory", "memory.limit_in_bytes", resources.memory_limit.map(|limit| limit.to_string()))?;
        set("pids", "pids.max", resources.pids_limit.map(or_max))
    }

    fn write_v2(&self, root: &Path, path: &str, resources: &Resources) -> Result<()> {
        let directory = self.place(root, path)?;
        let set = |file: &str, value: Option<String>| match value {
            Some(value) => write(&directory.join(file), &value),
            None => Ok(()),
        };
        set("cpu.weight", resources.cpu_shares.map(|shares| shares_to_weight(shares).to_string()))?;
        let quota = resources.cpu_quota.map(or_max);
        set(
            "cpu.max",
            match (quota, resources.cpu_period) {
                (Some(quota), Some(period)) => Some(format!("{quota} {period}")),
                (quota, _) => quota,
            },
        )?;
        set("memory.max", resources.memory_limit.map(or_max))?;
        set("pids.max", resources.pids_limit.map(or_max))
    }
}

impl CgroupDriver for CgroupfsDriver {
    fn version(&self) -> u8 {
        match self.hierarchy {
            Hierarchy::V1(_) => 1,
            Hierarchy::V2(_) => 2,
        }
    }

    fn apply(&self, path: &str, resources: &Resources) -> Result<()> {
        for root in self.hierarchy.roots() {
            self.create(root, path)?;
        }
        match &self.hierarchy {
            Hierarchy::V1(_) => self.write_v1(path, resources),
            Hierarchy::V2(root) => self.write_v2(root, path, resources),
        }
    }

    fn exists(&self, path: &str) -> bool {
        self.hierarchy.roots().iter().all(|root| self.place(root, path).is_ok_and(|place| place.is_dir()))
    }

    fn remove(&self, path: &str) -> Result<()> {
        for root in self.hierarchy.roots() {
            let place = self.place(root, path)?;
            if place.is_dir() {
                remove_tree(&place)?;
            }
        }
        Ok(())
    }

    fn remove_if_empty(&self, path: &str) -> Result<()> {
        for root in self.hierarchy.roots() {
            // The kernel refuses what is in use, and nobody is asked to leave.
            let _ = fs::remove_dir(self.place(root, path)?);
        }
        Ok(())
    }

    fn processes(&self, path: &str) -> Result<Vec<u32>> {
        let Some(root) = self.hierarchy.root("memory") else { return Ok(Vec::new()) };
        let place = self.place(root, path)?;
        let mut found = Vec::new();
        if place.is_dir() {
            collect_processes(&place, &mut found)?;
        }
        Ok(found)
    }

    fn children(&self, path: &str) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for root in self.hierarchy.roots() {
            for child in folders(&self.place(root, path)?)? {
                let name = child.file_name().unwrap_or_default().to_string_lossy().into_owned();
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Ok(names)
    }
}

fn or_max(value: i64) -> String {
    if value < 0 { "max".to_owned() } else { value.to_string() }
}

fn relative(path: &str) -> Result<PathBuf> {
    let trimmed = Path::new(path.trim_start_matches('/'));
    if trimmed.components().all(|part| matches!(part, Component::Normal(_))) {
        Ok(trimmed.to_path_buf())
    } else {
        Err(Error::Escape(path.to_owned()))
    }
}

fn write(path: &Path, value: &str) -> Result<()> {
    match fs::write(path, value) {
        // A controller that the kernel was built without has no files; the limit cannot be set and is not missed.
        Err(error) if error.kind() == ErrorKind::NotFound && path.parent().is_some_and(Path::is_dir) => Ok(()),
        other => other.map_err(io("write", path)),
    }
}

/// v2: children get the controllers that their parent lists. Each is asked for alone, so that one that cannot be
/// enabled does not hide the others.
fn delegate(parent: &Path) -> Result<()> {
    let available = match fs::read_to_string(parent.join("cgroup.controllers")) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io("read", parent.join("cgroup.controllers"))(error)),
    };
    let file = parent.join("cgroup.subtree_control");
    let enabled = fs::read_to_string(&file).unwrap_or_default();
    for controller in available.split_whitespace() {
        if enabled.split_whitespace().any(|name| name == controller) {
            continue;
        }
        let _ = fs::write(&file, format!("+{controller}"));
    }
    Ok(())
}

/// v1: a new cpuset accepts no process until its masks are filled in.
fn inherit_cpuset(parent: &Path, child: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let (Ok(own), Ok(inherited)) = (fs::read_to_string(child.join(file)), fs::read_to_string(parent.join(file)))
        else {
            continue;
        };
        if own.trim().is_empty() && !inherited.trim().is_empty() {
            write(&child.join(file), inherited.trim())?;
        }
    }
    Ok(())
}

fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("read", path)(error)),
    };
    Ok(entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()).collect())
}

fn collect_processes(path: &Path, found: &mut Vec<u32>) -> Result<()> {
    let file = path.join("cgroup.procs");
    match fs::read_to_string(&file) {
        Ok(text) => found.extend(text.lines().filter_map(|line| line.trim().parse::<u32>().ok())),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(io("read", file)(error)),
    }
    for child in folders(path)? {
        collect_processes(&child, found)?;
    }
    Ok(())
}

/// Depth first; only `rmdir`, which is all that cgroupfs offers: its files go with their folder.
fn remove_tree(path: &Path) -> Result<()> {
    for child in folders(path)? {
        remove_tree(&child)?;
    }
    let mut attempt = 0;
    loop {
        match fs::remove_dir(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) if attempt >= EMPTY_ATTEMPTS => return Err(Error::Busy { path: path.to_path_buf(), source }),
            Err(_) => {
                if attempt == 0 {
                    kill_all(path);
                }
                attempt += 1;
                thread::sleep(EMPTY_PAUSE);
            }
        }
    }
}

fn kill_all(path: &Path) {
    // v2 kills a whole cgroup through one file.
    if fs::write(path.join("cgroup.kill"), "1").is_ok() {
        return;
    }
    let mut processes = Vec::new();
    if collect_processes(path, &mut processes).is_ok() {
        for id in processes {
            if let Some(pid) = i32::try_from(id).ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v1() -> (tempfile::TempDir, CgroupfsDriver) {
        let mount = tempfile::tempdir().unwrap();
        for controller in ["cpu", "memory", "pids", "cpuset"] {
            fs::create_dir(mount.path().join(controller)).unwrap();
        }
        let driver = CgroupfsDriver::new(mount.path(), "").unwrap();
        (mount, driver)
    }

    fn v2() -> (tempfile::TempDir, CgroupfsDriver) {
        let mount = tempfile::tempdir().unwrap();
        fs::write(mount.path().join("cgroup.controllers"), "cpu memory pids").unwrap();
        let driver = CgroupfsDriver::new(mount.path(), "berth").unwrap();
        (mount, driver)
    }

    #[test]
    fn a_folder_without_controllers_is_told() {
        let mount = tempfile::tempdir().unwrap();
        assert!(matches!(CgroupfsDriver::new(mount.path(), ""), Err(Error::NoHierarchy(_))));
    }

    #[test]
    fn v1_makes_the_pod_in_every_controller() {
        let (mount, driver) = v1();
        driver.apply("kubepods/burstable/pod1", &Resources::default()).unwrap();
        for controller in ["cpu", "memory", "pids", "cpuset"] {
            assert!(mount.path().join(controller).join("kubepods/burstable/pod1").is_dir());
        }
        assert!(driver.exists("kubepods/burstable/pod1"));
        assert_eq!(driver.children("kubepods/burstable").unwrap(), ["pod1"]);
        driver.remove("kubepods").unwrap();
        assert!(!driver.exists("kubepods"));
        driver.remove("kubepods").unwrap();
    }

    #[test]
    fn only_an_empty_cgroup_is_removed_when_empty() {
        let (mount, driver) = v1();
        driver.apply("kubepods/pod1", &Resources::default()).unwrap();
        driver.remove_if_empty("kubepods").unwrap();
        assert!(mount.path().join("cpu/kubepods/pod1").is_dir());
        driver.remove_if_empty("kubepods/pod1").unwrap();
        driver.remove_if_empty("kubepods").unwrap();
        assert!(!mount.path().join("cpu/kubepods").exists());
        driver.remove_if_empty("kubepods").unwrap();
    }

    #[test]
    fn v2_asks_each_parent_to_delegate() {
        let (mount, driver) = v2();
        driver.apply("kubepods", &Resources::default()).unwrap();
        let control = fs::read_to_string(mount.path().join("cgroup.subtree_control")).unwrap();
        assert!(control.starts_with('+'), "{control}");
        assert!(mount.path().join("berth/kubepods").is_dir());
    }

    #[test]
    fn a_path_cannot_leave_the_tree() {
        let (_mount, driver) = v1();
        assert!(matches!(driver.remove("../other"), Err(Error::Escape(_))));
        assert!(matches!(driver.apply("kubepods/../../x", &Resources::default()), Err(Error::Escape(_))));
    }

    #[test]
    fn limits_are_written_in_each_hierarchys_own_words() {
        let resources = Resources {
            cpu_shares: Some(1024),
            cpu_quota: Some(-1),
            cpu_period: Some(100_000),
            memory_limit: Some(1 << 20),
            pids_limit: Some(-1),
        };
        let (mount, driver) = v2();
        driver.apply("p", &Resources::default()).unwrap();
        let pod = mount.path().join("berth/p");
        for file in ["cpu.weight", "cpu.max", "memory.max", "pids.max"] {
            fs::write(pod.join(file), "").unwrap();
        }
        driver.apply("p", &resources).unwrap();
        let read = |file: &str| fs::read_to_string(pod.join(file)).unwrap();
        assert_eq!(read("cpu.weight"), "39");
        assert_eq!(read("cpu.max"), "max 100000");
        assert_eq!(read("memory.max"), "1048576");
        assert_eq!(read("pids.max"), "max");
    }

    /// On the machine's own tree, where that may be written.
    #[test]
    fn the_real_tree_takes_limits() {
        let Ok(driver) = CgroupfsDriver::new(Path::new("/sys/fs/cgroup"), "") else { return };
        let name = format!("berth-test-{}", std::process::id());
        let resources = Resources { memory_limit: Some(64 << 20), cpu_shares: Some(512), ..Resources::default() };
        if driver.apply(&format!("{name}/pod1"), &resources).is_err() {
            let _ = driver.remove(&name);
            return;
        }
        let root = driver.hierarchy().root("memory").unwrap();
        let file = if driver.version() == 1 { "memory.limit_in_bytes" } else { "memory.max" };
        let limit = fs::read_to_string(root.join(&name).join("pod1").join(file)).unwrap();
        assert_eq!(limit.trim(), (64 << 20).to_string());
        assert!(driver.processes(&name).unwrap().is_empty());
        driver.remove(&name).unwrap();
        assert!(!driver.exists(&name));
    }
}
