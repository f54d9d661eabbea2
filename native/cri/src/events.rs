//! What the runtime tells without being asked: which container changed. Consumers look the container up afterwards, so
//! an event is only a hint, and losing one costs a delay until the next relist.

use prost::Message;
use serde::Serialize;
use tonic::{Code, Request, Streaming};

use crate::{
    client::Client,
    error::Error,
    proto::{
        containerd::{Envelope, SubscribeRequest, TaskExit, TaskOom, events_client::EventsClient},
        runtime::{ContainerEventResponse, ContainerEventType, GetEventsRequest},
    },
};

/// Containerd keeps everything that came through CRI in this namespace of its own.
pub const CONTAINERD_NAMESPACE: &str = "k8s.io";

/// A subscription that has not been refused for this long is taken as open.
const ACCEPTED_AFTER: std::time::Duration = std::time::Duration::from_millis(100);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    pub kind: EventKind,
    /// Container or sandbox id.
    pub id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// The stream is open: a relist now misses nothing.
    Connected,
    Created,
    Started,
    Stopped,
    Deleted,
    OutOfMemory,
}

/// Runs until the stream ends. CRI's own stream when the runtime has it; containerd's exit events otherwise. Any other
/// runtime without a stream gives `Unimplemented`.
pub async fn watch(client: &Client, mut deliver: impl FnMut(Event)) -> Result<(), Error> {
    match client.runtime().get_container_events(Request::new(GetEventsRequest {})).await {
        Ok(answer) => {
            deliver(Event { kind: EventKind::Connected, id: String::new() });
            let mut stream = answer.into_inner();
            match forward_cri(&mut stream, &mut deliver).await {
                // Some servers answer Unimplemented only when the stream is read.
                Err(status) if lacks_stream(&status) => {}
                other => return other.map_err(Error::from),
            }
        }
        Err(status) if lacks_stream(&status) => {}
        Err(status) => return Err(status.into()),
    }
    watch_containerd(client, deliver).await
}

fn lacks_stream(status: &tonic::Status) -> bool {
    status.code() == Code::Unimplemented
}

async fn forward_cri(
    stream: &mut Streaming<ContainerEventResponse>,
    deliver: &mut impl FnMut(Event),
) -> Result<(), tonic::Status> {
    while let Some(event) = stream.message().await? {
        let kind = match event.container_event_type() {
            ContainerEventType::ContainerCreatedEvent => EventKind::Created,
            ContainerEventType::ContainerStartedEvent => EventKind::Started,
            ContainerEventType::ContainerStoppedEvent => EventKind::Stopped,
            ContainerEventType::ContainerDeletedEvent => EventKind::Deleted,
        };
        deliver(Event { kind, id: event.container_id });
    }
    Ok(())
}

async fn watch_containerd(client: &Client, mut deliver: impl FnMut(Event)) -> Result<(), Error> {
    let mut events = EventsClient::new(client.channel());
    let filters =
        ["/tasks/exit", "/tasks/oom"].map(|topic| format!("namespace=={CONTAINERD_NAMESPACE},topic==\"{topic}\""));
    let subscribe = events.subscribe(SubscribeRequest { filters: filters.into() });
    tokio::pin!(subscribe);
    // Containerd answers only with the first event; a refusal comes at once.
    let early = tokio::time::timeout(ACCEPTED_AFTER, &mut subscribe).await;
    if !matches!(early, Ok(Err(_))) {
        deliver(Event { kind: EventKind::Connected, id: String::new() });
    }
    let mut stream = match early {
        Ok(answer) => answer,
        Err(_) => subscribe.await,
    }?
    .into_inner();
    while let Some(envelope) = stream.message().await? {
        if let Some(event) = from_containerd(&envelope) {
            deliver(event);
        }
    }
    Ok(())
}

/// None for events that say nothing about a container: the end of an exec, a payload that is not understood.
fn from_containerd(envelope: &Envelope) -> Option<Event> {
    let payload = envelope.event.as_ref()?.value.as_slice();
    match envelope.topic.as_str() {
        "/tasks/exit" => {
            let exit = TaskExit::decode(payload).ok()?;
            (exit.id == exit.container_id).then_some(Event { kind: EventKind::Stopped, id: exit.container_id })
        }
        "/tasks/oom" => {
            let oom = TaskOom::decode(payload).ok()?;
            Some(Event { kind: EventKind::OutOfMemory, id: oom.container_id })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::containerd::Payload;

    fn envelope(topic: &str, value: Vec<u8>) -> Envelope {
        Envelope {
            namespace: CONTAINERD_NAMESPACE.into(),
            topic: topic.into(),
            event: Some(Payload { type_url: String::new(), value }),
        }
    }

    #[test]
    fn the_exit_of_the_first_process_is_a_stop_and_that_of_an_exec_is_nothing() {
        let exit = |id: &str| TaskExit { container_id: "c".into(), id: id.into() }.encode_to_vec();
        let stop = from_containerd(&envelope("/tasks/exit", exit("c"))).unwrap();
        assert_eq!(stop, Event { kind: EventKind::Stopped, id: "c".into() });
        assert_eq!(from_containerd(&envelope("/tasks/exit", exit("exec-1"))), None);
    }

    #[test]
    fn other_topics_are_ignored() {
        assert_eq!(from_containerd(&envelope("/images/create", vec![])), None);
    }
}
