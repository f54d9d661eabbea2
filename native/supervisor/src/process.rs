//! One process of ours, started by this supervisor or adopted from the one before.

use std::fs::OpenOptions;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Child;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use crate::access::restrict;
use crate::config::{StopSignal, UnitConfig};
use crate::launch::Launch;

/// Names one run of a process for good: ids are used again, an id with its start time is not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub pid: i32,
    /// Field 22 of /proc/<pid>/stat, in clock ticks since boot.
    pub start_time: u64,
    /// What it was started from, to see whether a changed configuration concerns it: without its environment, which may
    /// hold passwords.
    pub unit: UnitConfig,
    /// Stands for the environment. An earlier version recorded it itself, and not this.
    #[serde(default)]
    environment: u64,
}

impl Record {
    fn new(pid: i32, start_time: u64, unit: &UnitConfig) -> Self {
        let (unit, environment) = without_environment(unit);
        Record { pid, start_time, unit, environment }
    }

    /// Whether it was started from this very configuration.
    pub fn is_of(&self, unit: &UnitConfig) -> bool {
        let (unit, environment) = without_environment(unit);
        self.unit == unit && self.environment == environment
    }
}

fn without_environment(unit: &UnitConfig) -> (UnitConfig, u64) {
    let mut hasher = DefaultHasher::new();
    unit.env.hash(&mut hasher);
    (UnitConfig { env: Default::default(), ..unit.clone() }, hasher.finish())
}

#[derive(Debug)]
pub struct Process {
    pub record: Record,
    pidfd: OwnedFd,
    /// Present when it is our own child, whose status we must collect.
    child: Option<Child>,
}

impl Process {
    /// Starts the unit's program, once its record is written.
    pub fn start(unit: &UnitConfig, log: &Path, records: &Records) -> io::Result<Self> {
        let launch = Launch::prepare(unit, log)?;
        let pid = launch.child.id() as i32;
        let opened = Pid::from_raw(pid).ok_or_else(|| io::Error::other("no process id")).and_then(open);
        let pidfd = match opened {
            Ok(pidfd) => pidfd,
            Err(error) => {
                launch.cancel();
                return Err(error);
            }
        };
        let record = Record::new(pid, start_time(pid).unwrap_or(0), unit);
        if let Err(error) = records.save(&record) {
            // On a full disk it runs all the same: it may be what makes room.
            eprintln!("{}: its record cannot be written: {error}", unit.name);
        }
        Ok(Process { record, pidfd, child: Some(launch.go()?) })
    }

    /// Takes over a process that an earlier supervisor started, if it is still the one recorded.
    pub fn adopt(record: Record) -> Option<Self> {
        let pidfd = open(Pid::from_raw(record.pid)?).ok()?;
        // Opened first, compared second: now the descriptor cannot mean a later process.
        (start_time(record.pid)? == record.start_time).then_some(Process { record, pidfd, child: None })
    }

    /// Blocks until it ends; says how, as far as that can be known.
    pub fn wait(&mut self) -> String {
        loop {
            match poll(&mut [PollFd::new(&self.pidfd, PollFlags::IN)], None) {
                Ok(_) => break,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return format!("lost: {error}"),
            }
        }
        match self.child.as_mut().map(Child::wait) {
            Some(Ok(status)) => status.to_string(),
            Some(Err(error)) => format!("lost: {error}"),
            None => "ended".to_owned(),
        }
    }

    pub fn handle(&self) -> io::Result<Handle> {
        Ok(Handle { pidfd: self.pidfd.try_clone()? })
    }
}

/// Signals a process without the danger of hitting another one that got its id.
#[derive(Debug)]
pub struct Handle {
    pidfd: OwnedFd,
}

impl Handle {
    pub fn ask_to_stop(&self, signal: StopSignal) {
        let _ = pidfd_send_signal(
            &self.pidfd,
            match signal {
                StopSignal::Term => Signal::TERM,
                StopSignal::Int => Signal::INT,
            },
        );
    }

    pub fn kill(&self) {
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

fn open(pid: Pid) -> io::Result<OwnedFd> {
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Start time of a process, or None when it is gone or already a zombie.
fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name, in parentheses, may itself hold spaces and parentheses.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Process records, one file a unit, so that a new supervisor can adopt.
#[derive(Debug, Clone)]
pub struct Records {
    dir: PathBuf,
}

impl Records {
    pub fn open(dir: PathBuf) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        // Earlier versions left it, and what is in it, open to everybody.
        restrict(&dir, 0o700)?;
        let records = Records { dir };
        for name in records.names() {
            restrict(&records.path(&name), 0o600)?;
        }
        Ok(records)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.json"))
    }

    pub fn save(&self, record: &Record) -> io::Result<()> {
        let path = self.path(&record.unit.name);
        let temporary = path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        std::fs::rename(temporary, path)
    }

    pub fn load(&self, name: &str) -> Option<Record> {
        serde_json::from_slice(&std::fs::read(self.path(name)).ok()?).ok()
    }

    pub fn remove(&self, name: &str) {
        let _ = std::fs::remove_file(self.path(name));
    }

    /// Names of all units that have a record.
    pub fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.dir) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".json").map(str::to_owned)).collect()
    }
}
