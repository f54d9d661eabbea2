//! What to run, as `berth up` writes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a valid configuration: {source}")]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("{path}: two units are named {name:?}")]
    Duplicate { path: PathBuf, name: String },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Config {
    /// Control socket, and next to it the process records.
    pub run_dir: PathBuf,
    pub log_dir: PathBuf,
    /// In starting order; they stop in reverse.
    pub units: Vec<UnitConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UnitConfig {
    pub name: String,
    pub argv: Vec<String>,
    /// Added to the supervisor's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    #[serde(default)]
    pub cwd: Option<PathBuf>,
    /// The unit starts once these paths exist: a socket or a file that another unit makes.
    #[serde(default)]
    pub requires: Vec<PathBuf>,
    /// Signal that asks the process to end: TERM or INT.
    #[serde(default)]
    pub stop_signal: StopSignal,
    /// Seconds until SIGKILL follows.
    #[serde(default = "default_stop_seconds")]
    pub stop_seconds: u64,
    /// Restarted when it changes although `argv` did not: a hash of the program's files.
    #[serde(default)]
    pub revision: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StopSignal {
    #[default]
    Term,
    Int,
}

fn default_stop_seconds() -> u64 {
    15
}

impl Config {
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        let config: Config =
            serde_json::from_slice(&text).map_err(|source| ConfigError::Parse { path: path.into(), source })?;
        let mut names = std::collections::BTreeSet::new();
        for unit in &config.units {
            if !names.insert(&unit.name) {
                return Err(ConfigError::Duplicate { path: path.into(), name: unit.name.clone() });
            }
        }
        Ok(config)
    }
}
