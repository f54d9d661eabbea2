//! `berth-supervisor`: starts Berth's processes, restarts them with back-off, rotates their logs, and outlives any of them.
//!
//! Usage: `berth-supervisor CONFIG.json`. It listens on the control socket named in the configuration (see `control`).
//! When it is killed itself, its processes go on; the next supervisor adopts them by process id and start time.

mod access;
mod config;
mod control;
mod launch;
mod logs;
mod process;
mod run;
mod supervisor;
mod unit;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1).peekable();
    if arguments.next_if(|argument| argument == launch::ARGUMENT).is_some() {
        return launch::launch(arguments);
    }
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: berth-supervisor CONFIG.json");
        return ExitCode::from(2);
    };
    match run::run(path.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth-supervisor: {error}");
            ExitCode::FAILURE
        }
    }
}
