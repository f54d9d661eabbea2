use std::{env, error::Error};

/// Compiles our .proto files without protoc; every message gets serde derives, so that a request is JSON with
/// camelCase names and any field may be left out.
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(
        [
            "proto/runtime.proto",
            "proto/health.proto",
            "proto/containerd_events.proto",
            "proto/containerd_snapshots.proto",
        ],
        ["proto"],
    )?;
    tonic_prost_build::configure()
        .build_server(false)
        .message_attribute(".runtime.v1", "#[derive(serde::Serialize, serde::Deserialize)]")
        .message_attribute(".runtime.v1", "#[serde(rename_all = \"camelCase\", default)]")
        .field_attribute(".runtime.v1.KeyValue.value", "#[serde(with = \"crate::text\")]")
        .field_attribute(".runtime.v1.ExecSyncResponse.stdout", "#[serde(with = \"crate::text\")]")
        .field_attribute(".runtime.v1.ExecSyncResponse.stderr", "#[serde(with = \"crate::text\")]")
        .compile_fds(files)?;
    if env::var_os("CARGO_FEATURE_NAPI").is_some() {
        #[cfg(feature = "napi")]
        napi_build::setup();
    }
    Ok(())
}
