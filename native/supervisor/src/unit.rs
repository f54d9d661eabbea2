//! The life of one unit: wait for what it requires, run, back off, run again, until it is told to stop.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::config::UnitConfig;
use crate::process::{Handle, Process, Records};

const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(10);
/// A run of this length counts as healthy: the next failure starts at the first delay again.
const HEALTHY: Duration = Duration::from_secs(10);
const REQUIRES_POLL: Duration = Duration::from_millis(25);

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    pub name: String,
    pub state: State,
    /// 0 when it does not run.
    pub pid: i32,
    pub restarts: u64,
    /// How the last run ended, or why it cannot start.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Waiting,
    Running,
    Backoff,
    Stopped,
}

#[derive(Debug)]
struct Shared {
    status: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug)]
struct Inner {
    status: Status,
    stopping: bool,
    handle: Option<Handle>,
}

/// A unit under supervision; dropping it does not stop its process.
#[derive(Debug)]
pub struct Unit {
    pub config: UnitConfig,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Unit {
    pub fn start(config: UnitConfig, records: Records, log: PathBuf) -> Self {
        let shared = Arc::new(Shared {
            status: Mutex::new(Inner {
                status: Status {
                    name: config.name.clone(),
                    state: State::Waiting,
                    pid: 0,
                    restarts: 0,
                    message: String::new(),
                },
                stopping: false,
                handle: None,
            }),
            changed: Condvar::new(),
        });
        let thread = std::thread::Builder::new()
            .name(config.name.clone())
            .stack_size(128 * 1024)
            .spawn({
                let (config, shared) = (config.clone(), shared.clone());
                move || supervise(&config, &shared, &records, &log)
            })
            .expect("a thread can be started");
        Unit { config, shared, thread: Some(thread) }
    }

    pub fn status(&self) -> Status {
        self.shared.lock().status.clone()
    }

    /// Asks the process to end, kills it when its time is over, and returns when it is gone.
    pub fn stop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(self.config.stop_seconds);
        let mut inner = self.shared.lock();
        inner.stopping = true;
        if let Some(handle) = &inner.handle {
            handle.ask_to_stop(self.config.stop_signal);
        }
        self.shared.changed.notify_all();
        while inner.status.state != State::Stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                if let Some(handle) = &inner.handle {
                    handle.kill();
                }
                break;
            }
            inner = self.shared.changed.wait_timeout(inner, left).expect("no poisoned lock").0;
        }
        drop(inner);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.status.lock().expect("no poisoned lock")
    }

    fn set(&self, state: State, message: Option<String>) {
        let mut inner = self.lock();
        inner.status.state = state;
        if let Some(message) = message {
            inner.status.message = message;
        }
        self.changed.notify_all();
    }

    /// Records in one step that no process runs any more, so that nobody reads a running unit without one. True when it
    /// was asked to stop.
    fn ended(&self, message: &str) -> bool {
        let mut inner = self.lock();
        inner.handle = None;
        inner.status.pid = 0;
        inner.status.state = if inner.stopping { State::Stopped } else { State::Backoff };
        message.clone_into(&mut inner.status.message);
        self.changed.notify_all();
        inner.stopping
    }

    /// Sleeps, but not past a request to stop. True when it was asked to stop.
    fn pause(&self, time: Duration) -> bool {
        let inner = self.lock();
        let (inner, _) =
            self.changed.wait_timeout_while(inner, time, |inner| !inner.stopping).expect("no poisoned lock");
        inner.stopping
    }
}

fn supervise(config: &UnitConfig, shared: &Shared, records: &Records, log: &Path) {
    let mut delay = FIRST_DELAY;
    let mut adopted = records.load(&config.name).and_then(Process::adopt);
    loop {
        let started = match adopted.take() {
            Some(process) => Ok(process),
            None => {
                if wait_for_required(config, shared) {
                    break;
                }
                Process::start(config, log, records)
            }
        };
        let begun = Instant::now();
        let ended = match started.and_then(|process| Ok((process.handle()?, process))) {
            Ok((handle, mut process)) => {
                {
                    let mut inner = shared.lock();
                    if inner.stopping {
                        handle.ask_to_stop(config.stop_signal);
                    }
                    inner.handle = Some(handle);
                    inner.status.state = State::Running;
                    inner.status.pid = process.record.pid;
                }
                process.wait()
            }
            Err(error) => format!("cannot start {}: {error}", config.argv.first().map_or("", String::as_str)),
        };
        records.remove(&config.name);
        if begun.elapsed() >= HEALTHY {
            delay = FIRST_DELAY;
        }
        if shared.ended(&ended) {
            return;
        }
        eprintln!("{}: {ended}; again in {} ms", config.name, delay.as_millis());
        if shared.pause(delay) {
            break;
        }
        delay = (delay * 2).min(LONGEST_DELAY);
        shared.lock().status.restarts += 1;
    }
    shared.set(State::Stopped, None);
}

/// True when it was asked to stop meanwhile.
fn wait_for_required(config: &UnitConfig, shared: &Shared) -> bool {
    let mut said = false;
    loop {
        let Some(missing) = config.requires.iter().find(|path| !path.exists()) else {
            return shared.lock().stopping;
        };
        if !said {
            shared.set(State::Waiting, Some(format!("waits for {}", missing.display())));
            said = true;
        }
        if shared.pause(REQUIRES_POLL) {
            return true;
        }
    }
}
