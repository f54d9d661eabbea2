use std::{path::PathBuf, time::Duration};

use hyper_util::rt::TokioIo;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use tonic::{
    Request,
    transport::{Channel, Endpoint, Uri},
};

use crate::{
    error::Error,
    proto::runtime::{image_service_client::ImageServiceClient, runtime_service_client::RuntimeServiceClient},
};

/// The runtime may answer a list of every container in one message.
const MAX_MESSAGE: usize = 64 << 20;

/// One multiplexed connection to the runtime. It connects at the first call and again after the runtime restarted.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// `endpoint` is a socket path, with or without `unix://`.
    pub fn new(endpoint: &str) -> Result<Self, Error> {
        let path = PathBuf::from(endpoint.strip_prefix("unix://").unwrap_or(endpoint));
        if !path.is_absolute() {
            return Err(Error::Endpoint(format!("the runtime endpoint {endpoint:?} is not the path of a unix socket")));
        }
        let channel =
            Endpoint::from_static("http://localhost").connect_with_connector_lazy(tower::service_fn(move |_: Uri| {
                let path = path.clone();
                async move {
                    UnixStream::connect(&path).await.map(TokioIo::new).map_err(|error| {
                        std::io::Error::new(error.kind(), format!("dial unix {}: {error}", path.display()))
                    })
                }
            }));
        Ok(Self { channel })
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub fn runtime(&self) -> RuntimeServiceClient<Channel> {
        RuntimeServiceClient::new(self.channel()).max_decoding_message_size(MAX_MESSAGE)
    }

    pub fn images(&self) -> ImageServiceClient<Channel> {
        ImageServiceClient::new(self.channel()).max_decoding_message_size(MAX_MESSAGE)
    }

    /// Calls `method` by its CRI name with a JSON request; the answer is JSON. A timeout of zero waits for ever.
    pub async fn call(&self, method: &str, request: &str, timeout: Duration) -> Result<String, Error> {
        if timeout.is_zero() {
            return self.dispatch(method, request).await;
        }
        match tokio::time::timeout(timeout, self.dispatch(method, request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Timeout),
        }
    }

    async fn dispatch(&self, method: &str, request: &str) -> Result<String, Error> {
        macro_rules! table {
            ($($service:ident { $($name:literal => $function:ident),* $(,)? })*) => {
                match method {
                    $($($name => {
                        let request = decode(method, request)?;
                        encode(method, &self.$service().$function(request).await?.into_inner())
                    })*)*
                    _ => Err(Error::UnknownMethod(method.to_owned())),
                }
            };
        }
        table! {
            runtime {
                "Version" => version,
                "Status" => status,
                "RuntimeConfig" => runtime_config,
                "UpdateRuntimeConfig" => update_runtime_config,
                "RunPodSandbox" => run_pod_sandbox,
                "StopPodSandbox" => stop_pod_sandbox,
                "RemovePodSandbox" => remove_pod_sandbox,
                "PodSandboxStatus" => pod_sandbox_status,
                "ListPodSandbox" => list_pod_sandbox,
                "UpdatePodSandboxResources" => update_pod_sandbox_resources,
                "CreateContainer" => create_container,
                "StartContainer" => start_container,
                "StopContainer" => stop_container,
                "RemoveContainer" => remove_container,
                "ListContainers" => list_containers,
                "ContainerStatus" => container_status,
                "UpdateContainerResources" => update_container_resources,
                "ReopenContainerLog" => reopen_container_log,
                "ExecSync" => exec_sync,
                "Exec" => exec,
                "Attach" => attach,
                "PortForward" => port_forward,
                "ContainerStats" => container_stats,
                "ListContainerStats" => list_container_stats,
                "PodSandboxStats" => pod_sandbox_stats,
                "ListPodSandboxStats" => list_pod_sandbox_stats,
            }
            images {
                "ListImages" => list_images,
                "ImageStatus" => image_status,
                "PullImage" => pull_image,
                "RemoveImage" => remove_image,
                "ImageFsInfo" => image_fs_info,
            }
        }
    }
}

fn decode<T: DeserializeOwned>(method: &str, json: &str) -> Result<Request<T>, Error> {
    serde_json::from_str(json).map(Request::new).map_err(|source| Error::Request { method: method.to_owned(), source })
}

fn encode<T: Serialize>(method: &str, answer: &T) -> Result<String, Error> {
    serde_json::to_string(answer).map_err(|source| Error::Response { method: method.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[tokio::test]
    async fn a_missing_socket_is_unavailable() {
        let client = Client::new("unix:///nonexistent/runtime.sock").unwrap();
        let error = client.call("Version", "{}", Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(error.code(), Code::Unavailable, "{error}");
    }

    #[tokio::test]
    async fn a_relative_endpoint_is_refused() {
        assert!(Client::new("containerd.sock").is_err());
    }

    #[tokio::test]
    async fn bad_json_and_unknown_methods_are_told_before_anything_is_sent() {
        let client = Client::new("/nonexistent/runtime.sock").unwrap();
        let error = client.call("RunPodSandbox", r#"{"config": 1}"#, Duration::ZERO).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        let error = client.call("Reboot", "{}", Duration::ZERO).await.unwrap_err();
        assert_eq!(error.code(), Code::Unimplemented);
    }

    #[tokio::test]
    async fn a_silent_runtime_times_out() {
        let directory = std::env::temp_dir().join(format!("berth-cri-{}", std::process::id()));
        let _ = std::fs::remove_file(&directory);
        let listener = tokio::net::UnixListener::bind(&directory).unwrap();
        let keep = tokio::spawn(async move {
            let mut streams = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                streams.push(stream);
            }
        });
        let client = Client::new(directory.to_str().unwrap()).unwrap();
        let error = client.call("Version", "{}", Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(error.code(), Code::DeadlineExceeded);
        keep.abort();
        let _ = std::fs::remove_file(&directory);
    }

    #[test]
    fn text_bytes_are_strings_in_json() {
        let pair: crate::proto::runtime::KeyValue = serde_json::from_str(r#"{"key":"A","value":"ü"}"#).unwrap();
        assert_eq!(pair.value, "ü".as_bytes());
        let answer = crate::proto::runtime::ExecSyncResponse { stdout: vec![b'a', 0xff], ..Default::default() };
        assert_eq!(serde_json::to_value(&answer).unwrap()["stdout"], "a\u{fffd}");
    }
}
