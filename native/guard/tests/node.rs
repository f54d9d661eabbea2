//! A panic in a library that Node loaded fails that call, and the process goes on.

use std::path::Path;
use std::process::Command;

const SCRIPT: &str = r"
const library = {};
process.dlopen({ get exports() { return library; }, set exports(value) { Object.assign(library, value); } }, process.argv[1]);
(async () => {
  for (const name of ['call', 'future', 'compute', 'resolve']) {
    for (const panics of [true, false, true]) {
      let said;
      try { said = await library[name](panics); } catch (error) { said = String(error); }
      console.log(`${name} ${panics}: ${said}`);
    }
  }
})();
";

#[test]
fn panics_reject_the_call_in_node() {
    // Examples are built beside the folder that holds the tests: target/<profile>/deps.
    let own = std::env::current_exe().expect("the test's own path");
    let profile = own.parent().and_then(Path::parent).expect("the profile's folder");
    let library = profile.join("examples/libpanicking.so");
    let output = Command::new("node").arg("-e").arg(SCRIPT).arg(&library).output().expect("node starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 12, "{said}");
    for (calls, name) in lines.chunks(3).zip(["call", "future", "compute", "resolve"]) {
        for failed in [calls[0], calls[2]] {
            assert!(failed.starts_with(&format!("{name} true: Error: panicked at ")), "{failed}");
            assert!(failed.contains("panicking.rs:") && failed.ends_with(&format!(": {name} failed")), "{failed}");
        }
        assert_eq!(calls[1], format!("{name} false: done"));
    }
}
