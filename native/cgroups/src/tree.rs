//! Folders and files of cgroups below a mount point, in whatever hierarchies are mounted there. Paths are relative to a
//! hierarchy's root. Calls wait for the kernel.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    controllers::{self, FreezeFiles, Setting},
    error::{Error, Result, io},
    hierarchy::Hierarchy,
    limits::Limits,
    stats::{Events, Stats},
    weight::WeightCurve,
};

/// How often, and how long after each other, the kernel is asked whether it is done: half a second.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(10);

pub struct Tree {
    hierarchy: Hierarchy,
    curve: WeightCurve,
}

impl Tree {
    pub fn new(hierarchy: Hierarchy, curve: WeightCurve) -> Self {
        Self { hierarchy, curve }
    }

    pub fn version(&self) -> u8 {
        match self.hierarchy {
            Hierarchy::V1(_) => 1,
            Hierarchy::V2(_) => 2,
        }
    }

    fn places(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        self.hierarchy.roots().into_iter().map(move |root| root.join(path))
    }

    /// As [`Self::places`], for what must not be done to all of the machine.
    fn own_places(&self, path: &Path) -> Result<impl Iterator<Item = PathBuf>> {
        if path.as_os_str().is_empty() { Err(Error::Machine) } else { Ok(self.places(path)) }
    }

    pub fn create(&self, path: &Path) -> Result<()> {
        self.hierarchy.roots().into_iter().try_for_each(|root| self.create_below(root, path))
    }

    /// Creates the folders one by one: cpuset on v1 needs its masks filled at each level, v2 needs its controllers
    /// delegated from each parent.
    fn create_below(&self, root: &Path, path: &Path) -> Result<()> {
        let mut current = root.to_path_buf();
        for part in path.components() {
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
        Ok(())
    }

    /// Makes the cgroup where it is missing.
    pub fn apply(&self, path: &Path, limits: &Limits) -> Result<()> {
        self.create(path)?;
        let settings = match self.hierarchy {
            Hierarchy::V1(_) => controllers::settings_v1(limits),
            Hierarchy::V2(_) => controllers::settings_v2(limits, self.curve),
        };
        for Setting { controller, file, value } in settings {
            let Some(root) = self.hierarchy.root(controller) else { continue };
            write(&root.join(path).join(&*file), &value)?;
        }
        Ok(())
    }

    pub fn attach(&self, path: &Path, process: u32) -> Result<()> {
        for place in self.places(path) {
            let file = place.join("cgroup.procs");
            fs::write(&file, process.to_string()).map_err(io("write", file))?;
        }
        Ok(())
    }

    /// Fails, and lets the processes go on, when they do not stop in time.
    pub fn freeze(&self, path: &Path, freeze: bool) -> Result<()> {
        if path.as_os_str().is_empty() {
            return Err(Error::Machine);
        }
        let files = FreezeFiles::of(&self.hierarchy);
        let Some(place) = self.hierarchy.root("freezer").map(|root| root.join(path)) else { return Ok(()) };
        for _ in 0..ATTEMPTS {
            // v1 may need to be asked more than once, while processes are being made.
            files.ask(&place, freeze).map_err(io("freeze", &place))?;
            if files.is_done(&place, freeze).map_err(io("read the freezer of", &place))? {
                return Ok(());
            }
            thread::sleep(PAUSE);
        }
        let _ = files.ask(&place, false);
        Err(Error::Slow { what: if freeze { "freeze" } else { "thaw" }, path: place })
    }

    pub fn kill(&self, path: &Path) -> Result<()> {
        for place in self.own_places(path)? {
            let mut left = processes(&place)?;
            for _ in 0..ATTEMPTS {
                if left.is_empty() {
                    break;
                }
                kill_all(&place);
                thread::sleep(PAUSE);
                left = processes(&place)?;
            }
            if !left.is_empty() {
                return Err(Error::Slow { what: "lose its processes", path: place });
            }
        }
        Ok(())
    }

    pub fn remove(&self, path: &Path) -> Result<()> {
        self.own_places(path)?.filter(|place| place.is_dir()).try_for_each(|place| remove_tree(&place))
    }

    pub fn remove_if_empty(&self, path: &Path) {
        for place in self.own_places(path).into_iter().flatten() {
            // The kernel refuses what is in use, and nobody is asked to leave.
            let _ = fs::remove_dir(place);
        }
    }

    pub fn exists(&self, path: &Path) -> bool {
        self.places(path).any(|place| place.is_dir())
    }

    /// Whether no process is in it, and no cgroup below it, in any hierarchy. A missing one is unused.
    pub fn is_unused(&self, path: &Path) -> Result<bool> {
        for place in self.places(path) {
            if !folders(&place)?.is_empty() || !processes(&place)?.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A cgroup right below this one, by the end of its name.
    pub fn child_ending(&self, path: &Path, end: &str) -> Result<Option<PathBuf>> {
        for place in self.places(path) {
            for child in folders(&place)? {
                if let Some(name) = child.file_name().filter(|name| name.to_string_lossy().ends_with(end)) {
                    return Ok(Some(path.join(name)));
                }
            }
        }
        Ok(None)
    }

    pub fn stats(&self, path: &Path) -> Option<Stats> {
        controllers::stats(&self.hierarchy, path)
    }

    pub fn events(&self, path: &Path) -> Result<Option<Events>> {
        let Some(place) = self.hierarchy.root("memory").map(|root| root.join(path)) else { return Ok(None) };
        if !place.is_dir() {
            return Ok(None);
        }
        let populated = !processes(&place)?.is_empty();
        Ok(Some(Events { populated, oom_kills: controllers::oom_kills(&place).unwrap_or(0) }))
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

/// Processes in the cgroup and below it; none when it is gone.
fn processes(path: &Path) -> Result<Vec<u32>> {
    let file = path.join("cgroup.procs");
    let mut found: Vec<u32> = match fs::read_to_string(&file) {
        Ok(text) => text.lines().filter_map(|line| line.trim().parse().ok()).collect(),
        // Gone before it was opened, or while it was being read.
        Err(error) if error.kind() == ErrorKind::NotFound || error.raw_os_error() == Some(ENODEV) => Vec::new(),
        Err(error) => return Err(io("read", file)(error)),
    };
    for child in folders(path)? {
        found.extend(processes(&child)?);
    }
    Ok(found)
}

/// What a file of a cgroup answers that was removed after the file was opened.
const ENODEV: i32 = 19;

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
            Err(source) if attempt >= ATTEMPTS => return Err(Error::Busy { path: path.to_path_buf(), source }),
            Err(_) => {
                kill_all(path);
                attempt += 1;
                // Exiting processes leave a cgroup a little after the kill.
                thread::sleep(PAUSE);
            }
        }
    }
}

fn kill_all(path: &Path) {
    // v2 kills a whole cgroup through one file.
    if fs::OpenOptions::new()
        .write(true)
        .open(path.join("cgroup.kill"))
        .is_ok_and(|mut file| std::io::Write::write_all(&mut file, b"1").is_ok())
    {
        return;
    }
    for id in processes(path).unwrap_or_default() {
        if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
