//! Starting a program so that no run of it is ever lost: it does not begin before its record is written.
//!
//! What is started is this program again, as a launcher that waits at a socket. Once its record is written the supervisor
//! lets it go on, and it becomes the unit's program: same process id, same start time. When the supervisor dies before, the
//! socket closes and the launcher ends. So at each moment either the next supervisor finds a record, or nothing runs.
//! Looking for children later, by a mark in their environment, would miss one between fork and exec, and find their children.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::fs::Mode;
use rustix::process::umask;

use crate::config::UnitConfig;
use crate::logs;

/// First argument of a launcher; the unit's program and its arguments follow.
pub const ARGUMENT: &str = "--launch";

/// Itself even when the file was replaced by a new build meanwhile.
const SELF: &str = "/proc/self/exe";

/// A process that waits to be told to begin; dropping `gate` ends it.
#[derive(Debug)]
pub struct Launch {
    pub child: Child,
    gate: UnixStream,
}

impl Launch {
    /// A launcher in a process group of its own, its output appended to `log`.
    pub fn prepare(unit: &UnitConfig, log: &Path) -> io::Result<Self> {
        if unit.argv.is_empty() {
            return Err(io::Error::other("argv is empty"));
        }
        let output = logs::open(log)?;
        let (gate, theirs) = UnixStream::pair()?;
        let mut command = Command::new(SELF);
        command
            .arg(ARGUMENT)
            .args(&unit.argv)
            .envs(&unit.env)
            .stdin(OwnedFd::from(theirs))
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0);
        if let Some(cwd) = &unit.cwd {
            command.current_dir(cwd);
        }
        Ok(Launch { child: command.spawn()?, gate })
    }

    /// Lets the program begin. Fails with what the launcher says when it cannot be run.
    pub fn go(mut self) -> io::Result<Child> {
        // One that was killed meanwhile cannot be told; how it ended is seen by whoever waits for it.
        let _ = self.gate.write_all(b"\n");
        let mut failure = String::new();
        let _ = self.gate.read_to_string(&mut failure);
        if failure.is_empty() {
            return Ok(self.child);
        }
        let _ = self.child.wait();
        Err(io::Error::other(failure))
    }

    pub fn cancel(mut self) {
        drop(self.gate);
        let _ = self.child.wait();
    }
}

/// The launcher: waits, then becomes the program.
pub fn launch(mut argv: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(program) = argv.next() else { return ExitCode::from(2) };
    // A copy that closes when the program begins: by that the supervisor knows.
    let Ok(gate) = io::stdin().as_fd().try_clone_to_owned() else { return ExitCode::FAILURE };
    let mut gate = UnixStream::from(gate);
    if gate.read_exact(&mut [0]).is_ok() {
        // What a program makes must not depend on the umask of whoever called `up`: a strict one would lock its users out.
        umask(Mode::from_raw_mode(0o022));
        let error = Command::new(program).args(argv).stdin(Stdio::null()).exec();
        let _ = write!(gate, "{error}");
    }
    ExitCode::FAILURE
}
