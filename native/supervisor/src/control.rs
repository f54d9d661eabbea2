//! The control socket: one JSON request a line, one JSON answer a line.
//!
//! Requests: `{"do":"status"}`, `{"do":"apply"}` (read the configuration again: units that changed restart, new ones
//! start, those that went stop), `{"do":"restart","unit":NAME}`, `{"do":"shutdown"}` (stop all units and end; the connection
//! closes when the supervisor has ended).

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use rustix::fs::Mode;
use rustix::process::umask;
use serde::{Deserialize, Serialize};

use crate::supervisor::Supervisor;
use crate::unit::Status;

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Status,
    Apply,
    Restart { unit: String },
    Shutdown,
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    units: Vec<Status>,
}

/// Binds the socket for the supervisor's user alone. Fails when another supervisor answers there.
pub fn bind(path: &Path) -> std::io::Result<UnixListener> {
    if UnixStream::connect(path).is_ok() {
        return Err(std::io::Error::other(format!("another supervisor listens on {}", path.display())));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Closed from the first moment on, not only once its mode is changed.
    let before = umask(Mode::from_raw_mode(0o177));
    let listener = UnixListener::bind(path);
    umask(before);
    listener
}

/// Serves until a shutdown was asked for and done. Gives the connection that asked for it: it is to be closed by the end of
/// this process, which is how the other side knows of that end.
pub fn serve(listener: UnixListener, supervisor: &Arc<Mutex<Supervisor>>) -> Option<UnixStream> {
    let mut streams = listener.incoming().filter_map(Result::ok);
    streams.find_map(|stream| converse(stream, supervisor).unwrap_or(None))
}

/// Gives the connection when the supervisor is to end.
fn converse(stream: UnixStream, supervisor: &Mutex<Supervisor>) -> std::io::Result<Option<UnixStream>> {
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let request = serde_json::from_str::<Request>(&line);
        line.clear();
        let mut supervisor = supervisor.lock().expect("no poisoned lock");
        let ends = matches!(request, Ok(Request::Shutdown));
        let error = match request {
            Ok(Request::Status) => None,
            Ok(Request::Apply) => supervisor.apply().err().map(|error| error.to_string()),
            Ok(Request::Restart { unit }) => (!supervisor.restart(&unit)).then(|| format!("no unit is named {unit:?}")),
            Ok(Request::Shutdown) => {
                supervisor.stop_all();
                None
            }
            Err(error) => Some(error.to_string()),
        };
        let mut answer = serde_json::to_vec(&Answer { error, units: supervisor.status() })?;
        answer.push(b'\n');
        writer.write_all(&answer)?;
        if ends {
            return Ok(Some(writer));
        }
    }
    Ok(None)
}
