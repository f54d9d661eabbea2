//! The code of the protocol is kept in `src/generated`, so that a build needs neither a compiler of .proto files nor a
//! generator: they took longer than the crate. This test generates it again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes what was generated, instead of comparing.
const WRITE: &str = "BERTH_WRITE_GENERATED";

/// Without protoc. Every message gets serde derives, so that a request is JSON with camelCase names and any field may be left
/// out.
fn generate(into: &Path) {
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = ["runtime.proto", "health.proto", "containerd_events.proto", "containerd_snapshots.proto"];
    let files = protox::compile(files.map(|file| proto.join(file)), [&proto]).unwrap();
    tonic_prost_build::configure()
        .build_server(false)
        .message_attribute(".runtime.v1", "#[derive(serde::Serialize, serde::Deserialize)]")
        .message_attribute(".runtime.v1", "#[serde(rename_all = \"camelCase\", default)]")
        .field_attribute(".runtime.v1.KeyValue.value", "#[serde(with = \"crate::text\")]")
        .field_attribute(".runtime.v1.ExecSyncResponse.stdout", "#[serde(with = \"crate::text\")]")
        .field_attribute(".runtime.v1.ExecSyncResponse.stderr", "#[serde(with = \"crate::text\")]")
        .out_dir(into)
        .compile_fds(files)
        .unwrap();
}

fn sources(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

#[test]
fn the_code_that_is_kept_is_what_proto_gives() {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/generated");
    if std::env::var_os(WRITE).is_some() {
        return generate(&kept);
    }
    let folder = tempfile::tempdir().unwrap();
    generate(folder.path());
    let (kept, generated) = (sources(&kept), sources(folder.path()));
    assert_eq!(kept.keys().collect::<Vec<_>>(), generated.keys().collect::<Vec<_>>());
    for (file, text) in &generated {
        assert!(kept[file] == *text, "{file} differs; {WRITE}=1 cargo test -p cri --test generated writes it");
    }
}
