//! Images as read-only folders, for `image` volumes. CRI before containerd 2.1 cannot mount an image into a container;
//! containerd's snapshot service, on the same socket, has always been able to say how one is mounted. A view is kept
//! from containerd's garbage collection, and keeps its image's layers, until it is removed.

use std::{collections::HashMap, time::SystemTime};

use serde::Serialize;
use serde_json::Value;
use tonic::{Code, Request, Status};

use crate::{
    client::Client,
    error::Error,
    events::CONTAINERD_NAMESPACE,
    proto::{
        runtime::{ImageSpec, ImageStatusRequest, StatusRequest},
        snapshots::{ListSnapshotsRequest, SnapshotRequest, ViewSnapshotRequest, snapshots_client::SnapshotsClient},
    },
};

const DEFAULT_SNAPSHOTTER: &str = "overlayfs";
/// Containerd's label for what must stay though nothing refers to it.
const KEEP_LABEL: &str = "containerd.io/gc.root";
/// Whose view it is.
const OWNER_LABEL: &str = "berth.io/image-volume-owner";

/// One mount(2) call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mount {
    #[serde(rename = "type")]
    pub fs_type: String,
    pub source: String,
    pub options: Vec<String>,
}

/// Makes the view `key` of an image that is on the node, or finds it; gives the mounts that show it.
pub async fn open(client: &Client, image: &str, owner: &str, key: &str) -> Result<Vec<Mount>, Error> {
    let parent = chain_id(client, image).await?;
    let snapshotter = snapshotter(client).await?;
    let mut snapshots = SnapshotsClient::new(client.channel());
    let view = ViewSnapshotRequest {
        snapshotter: snapshotter.clone(),
        key: key.to_owned(),
        parent,
        labels: HashMap::from([
            (KEEP_LABEL.to_owned(), seconds_since_epoch()),
            (OWNER_LABEL.to_owned(), owner.to_owned()),
        ]),
    };
    let answer = match snapshots.view(in_namespace(view)).await {
        Err(status) if status.code() == Code::AlreadyExists => {
            snapshots.mounts(in_namespace(SnapshotRequest { snapshotter, key: key.to_owned() })).await?
        }
        other => other?,
    };
    let mounts = answer.into_inner().mounts.into_iter();
    Ok(mounts.map(|mount| Mount { fs_type: mount.r#type, source: mount.source, options: mount.options }).collect())
}

/// Removes every view of the owner; none is no error.
pub async fn close(client: &Client, owner: &str) -> Result<(), Error> {
    let snapshotter = snapshotter(client).await?;
    let mut snapshots = SnapshotsClient::new(client.channel());
    let filters = vec![format!("labels.{OWNER_LABEL:?}=={owner:?}")];
    let list = ListSnapshotsRequest { snapshotter: snapshotter.clone(), filters };
    let mut pages = snapshots.list(in_namespace(list)).await?.into_inner();
    let mut keys = Vec::new();
    while let Some(page) = pages.message().await? {
        keys.extend(page.info.into_iter().map(|info| info.name));
    }
    for key in keys {
        match snapshots.remove(in_namespace(SnapshotRequest { snapshotter: snapshotter.clone(), key })).await {
            Err(status) if status.code() != Code::NotFound => return Err(status.into()),
            _ => {}
        }
    }
    Ok(())
}

fn in_namespace<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request
        .metadata_mut()
        .insert("containerd-namespace", tonic::metadata::MetadataValue::from_static(CONTAINERD_NAMESPACE));
    request
}

/// The snapshot of an image's topmost layer: containerd tells it beside an image's status.
async fn chain_id(client: &Client, image: &str) -> Result<String, Error> {
    let spec = ImageSpec { image: image.to_owned(), ..Default::default() };
    let request = ImageStatusRequest { image: Some(spec), verbose: true };
    let answer = client.images().image_status(request).await?.into_inner();
    if answer.image.is_none() {
        return Err(Status::not_found(format!("image {image:?} is not on the node")).into());
    }
    text_at(&answer.info, "info", &["chainID"])
        .ok_or_else(|| Status::unimplemented("this container runtime cannot mount images as volumes").into())
}

async fn snapshotter(client: &Client) -> Result<String, Error> {
    let answer = client.runtime().status(StatusRequest { verbose: true }).await?.into_inner();
    Ok(text_at(&answer.info, "config", &["containerd", "snapshotter"])
        .unwrap_or_else(|| DEFAULT_SNAPSHOTTER.to_owned()))
}

/// From a map whose values are JSON; None for an empty text, too.
fn text_at(info: &HashMap<String, String>, entry: &str, path: &[&str]) -> Option<String> {
    let parsed: Value = serde_json::from_str(info.get(entry)?).ok()?;
    let found = path.iter().try_fold(&parsed, |value, name| value.get(name))?.as_str()?;
    (!found.is_empty()).then(|| found.to_owned())
}

fn seconds_since_epoch() -> String {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    elapsed.as_secs().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_from_json_in_a_map() {
        let info = HashMap::from([
            ("info".to_owned(), r#"{"chainID":"sha256:aa","imageSpec":{}}"#.to_owned()),
            ("config".to_owned(), r#"{"containerd":{"snapshotter":""}}"#.to_owned()),
            ("broken".to_owned(), "{".to_owned()),
        ]);
        assert_eq!(text_at(&info, "info", &["chainID"]).as_deref(), Some("sha256:aa"));
        assert_eq!(text_at(&info, "config", &["containerd", "snapshotter"]), None);
        assert_eq!(text_at(&info, "broken", &["x"]), None);
        assert_eq!(text_at(&info, "absent", &["x"]), None);
    }

    #[test]
    fn a_mount_is_json_with_the_names_of_the_wire() {
        let mount = Mount { fs_type: "bind".into(), source: "/s".into(), options: vec!["ro".into()] };
        assert_eq!(serde_json::to_string(&mount).unwrap(), r#"{"type":"bind","source":"/s","options":["ro"]}"#);
    }
}
