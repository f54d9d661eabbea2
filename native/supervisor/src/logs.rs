//! Log rotation by copy and truncate: the processes append to their files themselves, so a supervisor's death costs no line.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::access::restrict;

/// A log is rotated when it is larger than this, in bytes.
pub const LIMIT: u64 = 10 * 1024 * 1024;
/// Rotated files that are kept: `<name>.log.1` is the newest.
pub const KEPT: u32 = 3;

pub fn path(dir: &Path, unit: &str) -> PathBuf {
    dir.join(format!("{unit}.log"))
}

/// Processes say what they work with: nobody but the owner, and its group, reads that.
const MODE: u32 = 0o640;

pub fn open(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(MODE).open(log)
}

/// Closes logs that an earlier version left open to everybody.
pub fn restrict_all(dir: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            restrict(&entry.path(), MODE)?;
        }
    }
    Ok(())
}

/// Rotates one log if it is over the limit.
pub fn rotate(log: &Path, limit: u64) -> io::Result<bool> {
    match std::fs::metadata(log) {
        Ok(metadata) if metadata.len() > limit => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    }
    for n in (1..KEPT).rev() {
        let from = numbered(log, n);
        if from.exists() {
            std::fs::rename(from, numbered(log, n + 1))?;
        }
    }
    std::fs::copy(log, numbered(log, 1))?;
    OpenOptions::new().write(true).open(log)?.set_len(0)?;
    Ok(true)
}

fn numbered(log: &Path, n: u32) -> PathBuf {
    let mut name = log.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_files_and_an_appending_writer_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let log = path(dir.path(), "server");
        let mut writer = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        use std::io::Write;
        for round in 0..6 {
            write!(writer, "round {round} of many bytes").unwrap();
            assert!(rotate(&log, 10).unwrap());
        }
        assert!(!rotate(&log, 10).unwrap(), "an empty log stays");
        assert_eq!(std::fs::read_to_string(numbered(&log, 1)).unwrap(), "round 5 of many bytes");
        assert_eq!(std::fs::read_to_string(numbered(&log, 3)).unwrap(), "round 3 of many bytes");
        assert!(!numbered(&log, 4).exists());
        write!(writer, "after").unwrap();
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "after");
    }

    #[test]
    fn a_missing_log_is_nothing_to_rotate() {
        assert!(!rotate(Path::new("/nonexistent/x.log"), 10).unwrap());
    }
}
