use std::{path::PathBuf, time::Duration};

use hyper_util::rt::TokioIo;
use prost::Message;
use prost::bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use tokio::net::UnixStream;
use tonic::{
    Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint, Uri},
};

use crate::{
    bytes_codec::BytesCodec,
    error::Error,
    proto::runtime::{self, image_service_client::ImageServiceClient, runtime_service_client::RuntimeServiceClient},
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
        let entry = METHODS.iter().find(|entry| entry.name == method);
        let entry = entry.ok_or_else(|| Error::UnknownMethod(method.to_owned()))?;
        let request = (entry.encode)(request).map_err(|source| Error::Request { method: method.to_owned(), source })?;
        let path = PathAndQuery::try_from(format!("/runtime.v1.{}/{method}", entry.service)).expect("names of methods");
        let mut grpc = Grpc::new(self.channel()).max_decoding_message_size(MAX_MESSAGE);
        grpc.ready().await.map_err(|error| Status::unknown(format!("Service was not ready: {error}")))?;
        let answer = grpc.unary(Request::new(request), path, BytesCodec).await?.into_inner();
        (entry.decode)(answer).map_err(|problem| match problem {
            Undecodable::Message(error) => Status::internal(error.to_string()).into(),
            Undecodable::Json(source) => Error::Response { method: method.to_owned(), source },
        })
    }
}

/// A method that is called by its name. Messages are bytes on their way through tonic: a call that is typed all the way is
/// compiled for each method, which took most of the time of this crate.
struct Method {
    service: &'static str,
    name: &'static str,
    /// The bytes of a request from its JSON.
    encode: fn(&str) -> Result<Vec<u8>, serde_json::Error>,
    /// The JSON of an answer from its bytes.
    decode: fn(Bytes) -> Result<String, Undecodable>,
    #[cfg(test)]
    types: (&'static str, &'static str),
}

enum Undecodable {
    Message(prost::DecodeError),
    Json(serde_json::Error),
}

fn encode<T: Message + DeserializeOwned>(json: &str) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::from_str::<T>(json).map(|request| request.encode_to_vec())
}

fn decode<T: Message + Default + Serialize>(bytes: Bytes) -> Result<String, Undecodable> {
    let answer = T::decode(bytes).map_err(Undecodable::Message)?;
    serde_json::to_string(&answer).map_err(Undecodable::Json)
}

macro_rules! methods {
    ($($service:literal { $($name:literal $request:ident $answer:ident),* $(,)? })*) => {
        &[$($(Method {
            service: $service,
            name: $name,
            encode: encode::<runtime::$request>,
            decode: decode::<runtime::$answer>,
            #[cfg(test)]
            types: (stringify!($request), stringify!($answer)),
        }),*),*]
    };
}

static METHODS: &[Method] = methods! {
    "RuntimeService" {
        "Version" VersionRequest VersionResponse,
        "Status" StatusRequest StatusResponse,
        "RuntimeConfig" RuntimeConfigRequest RuntimeConfigResponse,
        "UpdateRuntimeConfig" UpdateRuntimeConfigRequest UpdateRuntimeConfigResponse,
        "RunPodSandbox" RunPodSandboxRequest RunPodSandboxResponse,
        "StopPodSandbox" StopPodSandboxRequest StopPodSandboxResponse,
        "RemovePodSandbox" RemovePodSandboxRequest RemovePodSandboxResponse,
        "PodSandboxStatus" PodSandboxStatusRequest PodSandboxStatusResponse,
        "ListPodSandbox" ListPodSandboxRequest ListPodSandboxResponse,
        "UpdatePodSandboxResources" UpdatePodSandboxResourcesRequest UpdatePodSandboxResourcesResponse,
        "CreateContainer" CreateContainerRequest CreateContainerResponse,
        "StartContainer" StartContainerRequest StartContainerResponse,
        "StopContainer" StopContainerRequest StopContainerResponse,
        "RemoveContainer" RemoveContainerRequest RemoveContainerResponse,
        "ListContainers" ListContainersRequest ListContainersResponse,
        "ContainerStatus" ContainerStatusRequest ContainerStatusResponse,
        "UpdateContainerResources" UpdateContainerResourcesRequest UpdateContainerResourcesResponse,
        "ReopenContainerLog" ReopenContainerLogRequest ReopenContainerLogResponse,
        "ExecSync" ExecSyncRequest ExecSyncResponse,
        "Exec" ExecRequest ExecResponse,
        "Attach" AttachRequest AttachResponse,
        "PortForward" PortForwardRequest PortForwardResponse,
        "ContainerStats" ContainerStatsRequest ContainerStatsResponse,
        "ListContainerStats" ListContainerStatsRequest ListContainerStatsResponse,
        "PodSandboxStats" PodSandboxStatsRequest PodSandboxStatsResponse,
        "ListPodSandboxStats" ListPodSandboxStatsRequest ListPodSandboxStatsResponse,
    }
    "ImageService" {
        "ListImages" ListImagesRequest ListImagesResponse,
        "ImageStatus" ImageStatusRequest ImageStatusResponse,
        "PullImage" PullImageRequest PullImageResponse,
        "RemoveImage" RemoveImageRequest RemoveImageResponse,
        "ImageFsInfo" ImageFsInfoRequest ImageFsInfoResponse,
    }
};

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
    fn methods_have_the_services_and_messages_of_the_protocol() {
        let generated = include_str!("generated/runtime.v1.rs");
        for Method { service, name, types: (request, answer), .. } in METHODS {
            let path = format!("\"/runtime.v1.{service}/{name}\"");
            let (before, _) = generated.split_once(&path).unwrap_or_else(|| panic!("the protocol has no {path}"));
            let function = &before[before.rfind("pub async fn").unwrap()..];
            assert!(function.contains(&format!("IntoRequest<super::{request}>")), "{name}: {function}");
            assert!(function.contains(&format!("Response<super::{answer}>")), "{name}: {function}");
        }
    }

    #[test]
    fn text_bytes_are_strings_in_json() {
        let pair: crate::proto::runtime::KeyValue = serde_json::from_str(r#"{"key":"A","value":"ü"}"#).unwrap();
        assert_eq!(pair.value, "ü".as_bytes());
        let answer = crate::proto::runtime::ExecSyncResponse { stdout: vec![b'a', 0xff], ..Default::default() };
        assert_eq!(serde_json::to_value(&answer).unwrap()["stdout"], "a\u{fffd}");
    }
}
