//! All units together: reconciling them with the configuration file.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::config::{Config, ConfigError};
use crate::process::{Process, Records, restrict};
use crate::unit::{Status, Unit};
use crate::{control, logs};

const ROTATE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

#[derive(Debug)]
pub struct Supervisor {
    path: PathBuf,
    config: Config,
    records: Records,
    units: Vec<Unit>,
}

/// Runs until it is told to shut down.
pub fn run(path: &Path) -> Result<(), SupervisorError> {
    let config = Config::load(path)?;
    // The runtime's files below it are for processes of other users, too, who have to pass.
    make_dir(&config.run_dir, 0o711)?;
    make_dir(&config.log_dir, 0o750)?;
    logs::restrict_all(&config.log_dir)
        .map_err(|source| SupervisorError::Io { what: config.log_dir.display().to_string(), source })?;
    let socket = config.run_dir.join("supervisor.sock");
    let listener =
        control::bind(&socket).map_err(|source| SupervisorError::Io { what: "control socket".into(), source })?;
    let records_dir = config.run_dir.join("processes");
    let records = Records::open(records_dir.clone())
        .map_err(|source| SupervisorError::Io { what: records_dir.display().to_string(), source })?;
    let log_dir = config.log_dir.clone();
    let mut supervisor = Supervisor { path: path.into(), config, records, units: Vec::new() };
    supervisor.stop_strangers();
    supervisor.reconcile();
    let supervisor = Arc::new(Mutex::new(supervisor));
    spawn_rotation(supervisor.clone(), log_dir);
    let ending = control::serve(listener, &supervisor);
    let _ = std::fs::remove_file(socket);
    // The process closes it.
    std::mem::forget(ending);
    Ok(())
}

impl Supervisor {
    /// Reads the configuration again and makes the units equal to it.
    pub fn apply(&mut self) -> Result<(), ConfigError> {
        self.config = Config::load(&self.path)?;
        self.reconcile();
        Ok(())
    }

    fn reconcile(&mut self) {
        let wanted = &self.config.units;
        for unit in self.units.iter_mut().rev().filter(|unit| !wanted.contains(&unit.config)) {
            unit.stop();
        }
        let mut kept: Vec<Unit> = self.units.drain(..).filter(|unit| wanted.contains(&unit.config)).collect();
        for config in wanted {
            let unit = match kept.iter().position(|unit| unit.config == *config) {
                Some(at) => kept.swap_remove(at),
                None => self.launch(config),
            };
            self.units.push(unit);
        }
    }

    fn launch(&self, config: &crate::config::UnitConfig) -> Unit {
        Unit::start(config.clone(), self.records.clone(), logs::path(&self.config.log_dir, &config.name))
    }

    /// Ends what an earlier supervisor ran that is not configured now, or is configured otherwise; the rest is adopted.
    fn stop_strangers(&self) {
        for name in self.records.names() {
            let Some(record) = self.records.load(&name) else { continue };
            if self.config.units.iter().any(|unit| record.is_of(unit)) {
                continue;
            }
            let signal = record.unit.stop_signal;
            let patience = Duration::from_secs(record.unit.stop_seconds);
            if let Some(mut process) = Process::adopt(record)
                && let Ok(handle) = process.handle()
            {
                handle.ask_to_stop(signal);
                let (done, ended) = std::sync::mpsc::channel::<()>();
                let killer = std::thread::spawn(move || {
                    if ended.recv_timeout(patience).is_err() {
                        handle.kill();
                    }
                });
                process.wait();
                let _ = done.send(());
                let _ = killer.join();
            }
            self.records.remove(&name);
        }
    }

    pub fn restart(&mut self, name: &str) -> bool {
        let Some(at) = self.units.iter().position(|unit| unit.config.name == name) else { return false };
        self.units[at].stop();
        let config = self.units[at].config.clone();
        self.units[at] = self.launch(&config);
        true
    }

    pub fn stop_all(&mut self) {
        for unit in self.units.iter_mut().rev() {
            unit.stop();
        }
    }

    pub fn status(&self) -> Vec<Status> {
        self.units.iter().map(Unit::status).collect()
    }
}

/// Also closes one that an earlier version left open to everybody.
fn make_dir(dir: &Path, mode: u32) -> Result<(), SupervisorError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(dir).and_then(|()| restrict(dir, mode));
    made.map_err(|source| SupervisorError::Io { what: dir.display().to_string(), source })
}

/// The supervisor's own log is rotated with the others: `supervisor.log`, where `berth up` lets it write.
fn spawn_rotation(supervisor: Arc<Mutex<Supervisor>>, log_dir: PathBuf) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(ROTATE_EVERY);
            let mut names: Vec<String> = supervisor
                .lock()
                .expect("no poisoned lock")
                .units
                .iter()
                .map(|unit| unit.config.name.clone())
                .collect();
            names.push("supervisor".to_owned());
            for name in names {
                if let Err(error) = logs::rotate(&logs::path(&log_dir, &name), logs::LIMIT) {
                    eprintln!("{name}: its log cannot be rotated: {error}");
                }
            }
        }
    });
}
