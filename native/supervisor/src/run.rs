//! The program's run: its folders, the control socket, the units, and the rotation of their logs.

use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::access::restrict;
use crate::config::{Config, ConfigError};
use crate::process::Records;
use crate::supervisor::Supervisor;
use crate::{control, logs};

const ROTATE_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{what}: {source}")]
    Io { what: String, source: io::Error },
}

/// Runs until it is told to shut down.
pub fn run(path: &Path) -> Result<(), RunError> {
    let config = Config::load(path)?;
    // The runtime's files below it are for processes of other users, too, who have to pass.
    make_dir(&config.run_dir, 0o711)?;
    make_dir(&config.log_dir, 0o750)?;
    logs::restrict_all(&config.log_dir)
        .map_err(|source| RunError::Io { what: config.log_dir.display().to_string(), source })?;
    let socket = config.run_dir.join("supervisor.sock");
    let listener = control::bind(&socket).map_err(|source| RunError::Io { what: "control socket".into(), source })?;
    let records_dir = config.run_dir.join("processes");
    let records = Records::open(records_dir.clone())
        .map_err(|source| RunError::Io { what: records_dir.display().to_string(), source })?;
    let log_dir = config.log_dir.clone();
    let supervisor = Arc::new(Mutex::new(Supervisor::start(path, config, records)));
    spawn_rotation(supervisor.clone(), log_dir);
    let ending = control::serve(listener, &supervisor);
    let _ = std::fs::remove_file(socket);
    // The process closes it.
    std::mem::forget(ending);
    Ok(())
}

/// Also closes one that an earlier version left open to everybody.
fn make_dir(dir: &Path, mode: u32) -> Result<(), RunError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(mode).create(dir).and_then(|()| restrict(dir, mode));
    made.map_err(|source| RunError::Io { what: dir.display().to_string(), source })
}

/// The supervisor's own log is rotated with the others: `supervisor.log`, where `berth up` lets it write.
fn spawn_rotation(supervisor: Arc<Mutex<Supervisor>>, log_dir: PathBuf) {
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(ROTATE_EVERY);
            let mut names = supervisor.lock().expect("no poisoned lock").unit_names();
            names.push("supervisor".to_owned());
            for name in names {
                if let Err(error) = logs::rotate(&logs::path(&log_dir, &name), logs::LIMIT) {
                    eprintln!("{name}: its log cannot be rotated: {error}");
                }
            }
        }
    });
}
