//! What the API is told: the addresses in the status of each Ingress, and an Event for each problem.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use api_watch::{Client, Error};
use hyper::Method;
use serde_json::json;
use tokio::sync::watch;

use crate::access_log::rfc3339;
use crate::cluster::Cluster;
use crate::compile::Problem;
use crate::objects::{Key, key_of};

/// After a write that failed.
const AGAIN: Duration = Duration::from_secs(10);
/// Changes that come together are told together.
const TOGETHER: Duration = Duration::from_millis(200);
/// Longest message of an Event.
const MESSAGE: usize = 1024;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Publication {
    pub addresses: Vec<String>,
    /// Those whose status has other addresses.
    pub stale: Vec<Key>,
    pub problems: Vec<(Problem, About)>,
}

/// The Ingress of an Event.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct About {
    pub uid: String,
    pub version: String,
}

impl Publication {
    pub fn of(cluster: &Cluster, problems: &[Problem]) -> Self {
        let addresses = cluster.addresses_of_nodes();
        let is_stale = |ingress: &&crate::objects::Ingress| {
            let shown = ingress.status.load_balancer.ingress.iter().map(|shown| &shown.ip);
            !addresses.is_empty() && !shown.eq(addresses.iter())
        };
        let own = cluster.own_ingresses();
        let stale = own.into_iter().filter(is_stale).map(|ingress| key_of(&ingress.metadata)).collect();
        let about = |problem: &Problem| {
            let meta = &cluster.ingresses.get(&problem.ingress)?.metadata;
            Some((problem.clone(), About { uid: meta.uid.clone(), version: meta.resource_version.clone() }))
        };
        Publication { stale, problems: problems.iter().filter_map(about).collect(), addresses }
    }
}

/// Never returns.
pub async fn run(client: Client, mut publications: watch::Receiver<Publication>, instance: String) {
    let mut told: HashSet<(String, Problem)> = HashSet::new();
    loop {
        let publication = publications.borrow_and_update().clone();
        let failed = publish(&client, &publication, &mut told, &instance).await;
        let changed = publications.changed();
        match failed {
            Some(error) => {
                eprintln!("berth-ingress: {error}");
                let _ = tokio::time::timeout(AGAIN, changed).await;
            }
            None => {
                let _ = changed.await;
            }
        }
        tokio::time::sleep(TOGETHER).await;
    }
}

async fn publish(
    client: &Client,
    publication: &Publication,
    told: &mut HashSet<(String, Problem)>,
    instance: &str,
) -> Option<Error> {
    let mut failed = None;
    for key in &publication.stale {
        failed = write_status(client, key, &publication.addresses).await.err().or(failed);
    }
    let current: HashSet<_> =
        publication.problems.iter().map(|(problem, about)| (about.uid.clone(), problem.clone())).collect();
    // A problem that is mended and comes back is told again.
    told.retain(|problem| current.contains(problem));
    for (problem, about) in &publication.problems {
        let known = (about.uid.clone(), problem.clone());
        if told.contains(&known) {
            continue;
        }
        match write_event(client, problem, about, instance).await {
            Ok(()) => {
                told.insert(known);
            }
            Err(error) => failed = Some(error),
        }
    }
    failed
}

async fn write_status(client: &Client, Key { namespace, name }: &Key, addresses: &[String]) -> Result<(), Error> {
    let path = format!("/apis/networking.k8s.io/v1/namespaces/{namespace}/ingresses/{name}/status");
    let result = client.send(Method::PATCH, &path, ("application/merge-patch+json", status(addresses))).await;
    settled(result)
}

fn status(addresses: &[String]) -> Vec<u8> {
    let addresses: Vec<_> = addresses.iter().map(|ip| json!({ "ip": ip })).collect();
    json!({ "status": { "loadBalancer": { "ingress": addresses } } }).to_string().into_bytes()
}

async fn write_event(client: &Client, problem: &Problem, about: &About, instance: &str) -> Result<(), Error> {
    let path = format!("/api/v1/namespaces/{}/events", problem.ingress.namespace);
    let name = format!("{}.{:016x}", problem.ingress.name, rand::random::<u64>());
    let event = event(problem, about, instance, &name, &rfc3339(SystemTime::now()));
    settled(client.send(Method::POST, &path, ("application/json", event)).await)
}

fn event(problem: &Problem, about: &About, instance: &str, name: &str, now: &str) -> Vec<u8> {
    let Key { namespace, name: ingress } = &problem.ingress;
    let message: String = problem.message.chars().take(MESSAGE).collect();
    json!({
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": { "name": name, "namespace": namespace },
        "involvedObject": {
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "namespace": namespace, "name": ingress,
            "uid": about.uid, "resourceVersion": about.version,
        },
        "type": "Warning",
        "reason": problem.reason,
        "message": message,
        "source": { "component": "berth-ingress", "host": instance },
        "reportingComponent": "berth-ingress",
        "reportingInstance": instance,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    })
    .to_string()
    .into_bytes()
}

/// The object, or its namespace, is about to go: there is nothing to tell any more.
fn settled(result: Result<(), Error>) -> Result<(), Error> {
    match result {
        Err(error) if matches!(error.code(), Some(403 | 404 | 409)) => {
            eprintln!("berth-ingress: {error}");
            Ok(())
        }
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_an_ingress_is_written_when_it_differs() {
        let mut cluster = Cluster::default();
        let shown = |name: &str, ip: &str| {
            let mut ingress = crate::testing::ingress(name, "a.example", "/", json!({}));
            ingress["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": ip }] } });
            ingress
        };
        let mut foreign = shown("foreign", "10.0.0.9");
        foreign["spec"]["ingressClassName"] = json!("nginx");
        crate::testing::fill(&mut cluster, &[shown("stale", "10.0.0.9"), shown("right", "10.0.0.2"), foreign]);
        assert!(Publication::of(&cluster, &[]).stale.is_empty(), "as long as no node is Ready");
        let node = json!({ "metadata": { "name": "a" }, "status": {
            "addresses": [{ "type": "InternalIP", "address": "10.0.0.2" }],
            "conditions": [{ "type": "Ready", "status": "True" }],
        } });
        cluster.nodes.insert(Key::new("", "a"), serde_json::from_value(node).unwrap());
        assert_eq!(Publication::of(&cluster, &[]).stale, [Key::new("n", "stale")]);
    }

    #[test]
    fn an_event_is_about_its_ingress() {
        let problem = Problem { ingress: Key::new("shop", "web"), reason: "BadCertificate", message: "x".repeat(2000) };
        let about = About { uid: "u".into(), version: "7".into() };
        let event: serde_json::Value =
            serde_json::from_slice(&event(&problem, &about, "node", "web.1", "2026-01-01T00:00:00Z")).unwrap();
        assert_eq!(event["involvedObject"]["uid"], "u");
        assert_eq!(event["metadata"]["namespace"], "shop");
        assert_eq!(event["message"].as_str().unwrap().len(), MESSAGE);
        let status: serde_json::Value = serde_json::from_slice(&status(&["192.0.2.1".into()])).unwrap();
        assert_eq!(status, json!({ "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } } }));
    }
}
