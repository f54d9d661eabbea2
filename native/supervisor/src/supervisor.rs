//! All units together: reconciling them with the configuration file.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::{Config, ConfigError, UnitConfig};
use crate::logs;
use crate::process::{Process, Records};
use crate::unit::{Status, Unit};

#[derive(Debug)]
pub struct Supervisor {
    path: PathBuf,
    config: Config,
    records: Records,
    units: Vec<Unit>,
}

impl Supervisor {
    /// Ends what is not configured any more, adopts what still runs, and starts the rest. `path` is where `apply` reads the
    /// configuration again.
    pub fn start(path: &Path, config: Config, records: Records) -> Self {
        let mut supervisor = Self { path: path.into(), config, records, units: Vec::new() };
        supervisor.stop_strangers();
        supervisor.reconcile();
        supervisor
    }

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

    fn launch(&self, config: &UnitConfig) -> Unit {
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

    pub fn unit_names(&self) -> Vec<String> {
        self.units.iter().map(|unit| unit.config.name.clone()).collect()
    }
}
