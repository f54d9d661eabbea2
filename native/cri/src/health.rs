//! A pod's grpc probe: one Check of the standard health service, in plain text, as kubelet asks it.

use std::time::Duration;

use tonic::{
    Code, Request,
    transport::{Endpoint, Error as TransportError},
};

use crate::proto::health::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

/// Err says why the service does not count as healthy.
pub async fn check(address: &str, service: &str, timeout: Duration) -> Result<(), String> {
    match tokio::time::timeout(timeout, ask(address, service, timeout)).await {
        Ok(result) => result,
        Err(_) => Err(within(address, timeout)),
    }
}

fn within(address: &str, timeout: Duration) -> String {
    format!(
        "timeout: failed to connect service {address:?} within {}s: context deadline exceeded",
        timeout.as_secs_f32()
    )
}

async fn ask(address: &str, service: &str, timeout: Duration) -> Result<(), String> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))
        .map_err(|error: TransportError| format!("error: {address:?} is no address: {error}"))?
        .user_agent("kube-probe/1.37")
        .map_err(|error| error.to_string())?;
    let channel = endpoint.connect().await.map_err(|error| {
        let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        format!("error: failed to connect service at {address:?}: {cause}")
    })?;
    let request = Request::new(HealthCheckRequest { service: service.to_owned() });
    match HealthClient::new(channel).check(request).await {
        Ok(answer) => match answer.into_inner().status() {
            ServingStatus::Serving => Ok(()),
            other => Err(format!("service unhealthy (responded with {:?})", other.as_str_name())),
        },
        Err(status) if status.code() == Code::Unimplemented => Err(format!(
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): {}",
            status.message()
        )),
        Err(status) if status.code() == Code::DeadlineExceeded => Err(within(address, timeout)),
        Err(status) => Err(format!("error: health rpc failed: {}", status.message())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_port_is_told() {
        let error = check("127.0.0.1:1", "", Duration::from_secs(1)).await.unwrap_err();
        assert!(error.contains("failed to connect service"), "{error}");
    }
}
