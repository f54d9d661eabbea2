//! The whole program against real processes.

use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

struct Rig {
    dir: tempfile::TempDir,
    supervisor: Option<Child>,
}

impl Rig {
    fn new(units: Value) -> Self {
        let mut rig = Rig { dir: tempfile::tempdir().unwrap(), supervisor: None };
        rig.configure(units);
        rig.start();
        rig
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn configure(&self, units: Value) {
        let config = json!({ "runDir": self.path("run"), "logDir": self.path("logs"), "units": units });
        std::fs::write(self.path("config.json"), config.to_string()).unwrap();
    }

    fn start(&mut self) {
        let child = Command::new(env!("CARGO_BIN_EXE_berth-supervisor")).arg(self.path("config.json")).spawn().unwrap();
        self.supervisor = Some(child);
        until("the control socket answers", || UnixStream::connect(self.path("run/supervisor.sock")).is_ok());
    }

    fn kill_supervisor(&mut self) {
        let mut child = self.supervisor.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn ask(&self, request: Value) -> Value {
        let mut stream = UnixStream::connect(self.path("run/supervisor.sock")).unwrap();
        writeln!(stream, "{request}").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn unit(&self, name: &str) -> Value {
        let answer = self.ask(json!({ "do": "status" }));
        let units = answer["units"].as_array().unwrap();
        for unit in units {
            assert_eq!(unit["state"] == "running", unit["pid"] != 0, "running is what has a process: {unit}");
        }
        units.iter().find(|unit| unit["name"] == name).cloned().unwrap_or(Value::Null)
    }

    /// Waits until the unit runs as a process other than `but`.
    fn pid_of(&self, name: &str, but: i64) -> i64 {
        until(&format!("{name} runs"), || {
            let unit = self.unit(name);
            unit["state"] == "running" && unit["pid"] != but
        });
        self.unit(name)["pid"].as_i64().unwrap()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if UnixStream::connect(self.path("run/supervisor.sock")).is_err() {
            self.start();
        }
        self.ask(json!({ "do": "shutdown" }));
        if let Some(mut child) = self.supervisor.take() {
            child.wait().unwrap();
        }
    }
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn alive(pid: i64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Gone, or waiting for init to collect it when its parent is no more.
fn ended(pid: i64) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

fn child_of(parent: u32) -> Option<i64> {
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).find(|pid: &i64| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(1)) == Some(&parent.to_string())
    })
}

fn kill(pid: i64) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn sleeper(name: &str) -> Value {
    json!({ "name": name, "argv": ["sleep", "600"] })
}

#[test]
fn a_killed_process_runs_again_and_shutdown_ends_all() {
    let rig = Rig::new(json!([sleeper("a"), sleeper("b")]));
    let (a, b) = (rig.pid_of("a", 0), rig.pid_of("b", 0));
    kill(a);
    let again = rig.pid_of("a", a);
    assert_eq!(rig.unit("a")["restarts"], 1);
    assert_eq!(rig.pid_of("b", 0), b, "the other one is not touched");
    drop(rig);
    assert!(!alive(again) && !alive(b));
}

#[test]
fn processes_outlive_a_killed_supervisor_and_the_next_one_adopts_them() {
    let mut rig = Rig::new(json!([sleeper("a")]));
    let a = rig.pid_of("a", 0);
    rig.kill_supervisor();
    assert!(alive(a));
    rig.start();
    assert_eq!(rig.pid_of("a", 0), a);
    kill(a);
    rig.pid_of("a", a);
}

#[test]
fn the_connection_that_asked_for_a_shutdown_closes_with_the_supervisor() {
    let mut rig = Rig::new(json!([sleeper("a")]));
    let mut child = rig.supervisor.take().unwrap();
    let mut stream = UnixStream::connect(rig.path("run/supervisor.sock")).unwrap();
    writeln!(stream, "{}", json!({ "do": "shutdown" })).unwrap();
    stream.read_to_string(&mut String::new()).unwrap();
    // A process lets go of its memory before its files.
    assert_eq!(std::fs::read_to_string(format!("/proc/{}/cmdline", child.id())).unwrap_or_default(), "");
    child.wait().unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn what_it_makes_is_closed_to_others_and_holds_no_environment() {
    let unit = |password: &str| json!([{ "name": "a", "argv": ["sh", "-c", "umask; exec sleep 600"], "env": { "DATABASE_URL": password } }]);
    let mut rig = Rig::new(unit("postgresql://u:secret@h/d"));
    let a = rig.pid_of("a", 0);
    let files = [
        ("run", 0o711),
        ("run/supervisor.sock", 0o600),
        ("run/processes", 0o700),
        ("run/processes/a.json", 0o600),
        ("logs", 0o750),
        ("logs/a.log", 0o640),
    ];
    for (name, expected) in files {
        assert_eq!(mode(&rig.path(name)) & !expected, 0, "{name}");
    }
    let record = std::fs::read_to_string(rig.path("run/processes/a.json")).unwrap();
    assert!(!record.contains("secret") && !record.contains("DATABASE_URL"), "{record}");
    until("the unit runs with the usual umask", || {
        std::fs::read_to_string(rig.path("logs/a.log")).is_ok_and(|log| log.trim() == "0022")
    });

    // As an earlier version left them.
    rig.kill_supervisor();
    for (name, _) in files {
        std::fs::set_permissions(rig.path(name), Permissions::from_mode(0o777)).unwrap();
    }
    rig.start();
    assert_eq!(rig.pid_of("a", 0), a, "it is adopted by what stands for its environment");
    for (name, expected) in files {
        assert_eq!(mode(&rig.path(name)) & !expected, 0, "{name} after a start");
    }
    rig.configure(unit("postgresql://u:other@h/d"));
    rig.ask(json!({ "do": "apply" }));
    let b = rig.pid_of("a", a);
    rig.kill_supervisor();
    rig.configure(unit("postgresql://u:third@h/d"));
    rig.start();
    rig.pid_of("a", b);
    until("a supervisor that finds another environment ends what ran with the old one", || ended(b));
}

#[test]
fn nothing_runs_twice_when_the_supervisor_is_killed_before_it_could_write_a_record() {
    let mut rig = Rig { dir: tempfile::tempdir().unwrap(), supervisor: None };
    let began = rig.path("began");
    let script = format!("echo $$ >> {}; exec sleep 60", began.display());
    rig.configure(json!([{ "name": "a", "argv": ["sh", "-c", script] }]));
    // Who opens a pipe to write waits for a reader: the record is never written.
    let records = rig.path("run/processes");
    std::fs::create_dir_all(&records).unwrap();
    assert!(Command::new("mkfifo").arg(records.join("a.new")).status().unwrap().success());
    rig.start();
    let supervisor = rig.supervisor.as_ref().unwrap().id();
    until("it has begun to start the unit", || child_of(supervisor).is_some());
    let child = child_of(supervisor).unwrap();
    rig.kill_supervisor();
    std::fs::remove_file(records.join("a.new")).unwrap();
    until("what has no record is gone with its supervisor", || ended(child));
    rig.start();
    let pid = rig.pid_of("a", 0);
    until("it runs", || began.exists());
    assert_eq!(std::fs::read_to_string(&began).unwrap().trim(), pid.to_string());
}

#[test]
fn apply_restarts_what_changed_and_keeps_the_rest() {
    let rig = Rig::new(json!([sleeper("kept"), sleeper("changed"), sleeper("gone")]));
    let (kept, changed, gone) = (rig.pid_of("kept", 0), rig.pid_of("changed", 0), rig.pid_of("gone", 0));
    rig.configure(json!([sleeper("new"), sleeper("kept"), { "name": "changed", "argv": ["sleep", "601"] }]));
    assert_eq!(rig.ask(json!({ "do": "apply" }))["error"], Value::Null);
    assert_ne!(rig.pid_of("changed", 0), changed);
    assert_eq!(rig.pid_of("kept", 0), kept);
    rig.pid_of("new", 0);
    assert!(!alive(gone) && !alive(changed));
}

#[test]
fn a_new_supervisor_ends_what_is_no_longer_configured() {
    let mut rig = Rig::new(json!([sleeper("old")]));
    let old = rig.pid_of("old", 0);
    rig.kill_supervisor();
    rig.configure(json!([sleeper("new")]));
    rig.start();
    rig.pid_of("new", 0);
    until("the old one ends", || ended(old));
}

#[test]
fn a_unit_waits_for_what_it_requires() {
    let dir = tempfile::tempdir().unwrap();
    let needed = dir.path().join("socket");
    let rig = Rig::new(json!([{ "name": "a", "argv": ["sleep", "600"], "requires": [needed] }]));
    until("it says what it waits for", || rig.unit("a")["message"].as_str().unwrap().contains("socket"));
    assert_eq!(rig.unit("a")["state"], "waiting");
    std::fs::write(&needed, "").unwrap();
    rig.pid_of("a", 0);
}

#[test]
fn a_process_that_ignores_its_signal_is_killed() {
    let rig = Rig::new(
        json!([{ "name": "deaf", "argv": ["sh", "-c", "trap '' TERM; echo up; while :; do sleep 1; done"], "stopSeconds": 1 }]),
    );
    let pid = rig.pid_of("deaf", 0);
    until("the trap is set", || std::fs::read_to_string(rig.path("logs/deaf.log")).is_ok_and(|log| log.contains("up")));
    drop(rig);
    assert!(!alive(pid));
}

#[test]
fn what_cannot_start_is_said_and_tried_again() {
    let rig = Rig::new(json!([{ "name": "a", "argv": ["/nonexistent/program"] }]));
    until("it says why", || rig.unit("a")["message"].as_str().unwrap().contains("/nonexistent/program"));
    until("it tries again", || rig.unit("a")["restarts"].as_i64().unwrap() > 1);
}

#[test]
fn a_bad_configuration_is_one_line_and_a_failure() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("config.json");
    std::fs::write(&config, r#"{"runDir":"/tmp","logDir":"/tmp","units":[],"colour":1}"#).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_berth-supervisor")).arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("unknown field `colour`") && text.lines().count() == 1, "{text}");
}
