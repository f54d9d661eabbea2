//! Keeps what is served equal to the objects of the API.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use api_watch::{Client, Event, Object, Query, follow};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use crate::certificates::{Certificate, Resolver};
use crate::cluster::Cluster;
use crate::compile::{self, Kept};
use crate::objects::{EndpointSlice, Ingress, IngressClass, Key, Node, Secret, Service, key_of};
use crate::proxy::Proxy;
use crate::publish::Publication;

/// Changes that come together are compiled together.
const TOGETHER: Duration = Duration::from_millis(10);
/// Most of the time is for requests, also where thousands of Ingresses change.
const PAUSE_PER_COMPILATION: u32 = 4;
/// Releases of Helm and tokens are large, and no Ingress names them.
const NO_SECRETS: &str = "type!=helm.sh/release.v1,type!=kubernetes.io/service-account-token";

enum Change {
    Ingress(Event<Ingress>),
    Class(Event<IngressClass>),
    Service(Event<Service>),
    Slice(Event<EndpointSlice>),
    Secret(Event<Secret>),
    Node(Event<Node>),
}

/// Paths of the kinds that were listed.
#[derive(Debug, Default)]
struct Listed(HashSet<&'static str>);

impl Listed {
    fn see<K: Object>(&mut self, event: &Event<K>) {
        if matches!(event, Event::Listed(_)) {
            self.0.insert(K::PATH);
        }
    }

    /// Before that, what is not there yet and what does not exist look the same.
    fn is_complete(&self) -> bool {
        self.0.len() == 6
    }
}

/// What a change asks for.
#[derive(Debug, Default)]
struct Due {
    table: bool,
    status: bool,
    services: HashSet<Key>,
}

pub struct Controller {
    pub proxy: Arc<Proxy>,
    pub resolver: Arc<Resolver>,
    pub default: Option<Certificate>,
    pub publications: watch::Sender<Publication>,
    cluster: Cluster,
    kept: Kept,
    problems: Vec<compile::Problem>,
    listed: Listed,
}

impl Controller {
    pub fn new(
        proxy: Arc<Proxy>,
        resolver: Arc<Resolver>,
        default: Option<Certificate>,
        publications: watch::Sender<Publication>,
    ) -> Self {
        Controller {
            proxy,
            resolver,
            default,
            publications,
            cluster: Cluster::default(),
            kept: Kept::default(),
            problems: Vec::new(),
            listed: Listed::default(),
        }
    }

    /// Never returns. `ready` is told when the first table is served.
    pub async fn run(mut self, client: Client, ready: tokio::sync::oneshot::Sender<()>) {
        let (sender, mut changes) = unbounded_channel();
        let all = Query::default();
        let secrets = Query { field_selector: NO_SECRETS.into(), ..Query::default() };
        let mut ready = Some(ready);
        tokio::join!(
            one(&client, &all, &sender, Change::Ingress),
            one(&client, &all, &sender, Change::Class),
            one(&client, &all, &sender, Change::Service),
            one(&client, &all, &sender, Change::Slice),
            one(&client, &secrets, &sender, Change::Secret),
            one(&client, &all, &sender, Change::Node),
            async {
                let mut due = Due::default();
                let mut next = Instant::now();
                loop {
                    self.turn(&mut changes, &mut due, &mut next).await;
                    if self.proxy.metrics.compilations.load(Relaxed) > 0
                        && let Some(ready) = ready.take()
                    {
                        let _ = ready.send(());
                    }
                    tokio::time::sleep(TOGETHER).await;
                }
            }
        );
    }

    /// Waits for a change, and acts on it and on all that came with it: on endpoints at once, on all else from `next` on.
    async fn turn(&mut self, changes: &mut UnboundedReceiver<Change>, due: &mut Due, next: &mut Instant) {
        let waits = self.listed.is_complete() && (due.table || due.status);
        let change = match waits {
            true => tokio::time::timeout_at((*next).into(), changes.recv()).await.ok().flatten(),
            false => changes.recv().await,
        };
        if let Some(change) = change {
            self.take(change, due);
        }
        while let Ok(change) = changes.try_recv() {
            self.take(change, due);
        }
        if !self.listed.is_complete() {
            return;
        }
        self.refresh(&std::mem::take(&mut due.services));
        let begun = Instant::now();
        let table = due.table || self.proxy.metrics.compilations.load(Relaxed) == 0;
        if begun < *next || !(table || due.status) {
            return;
        }
        match table {
            true => self.compile(),
            false => self.publish(),
        }
        (due.table, due.status) = (false, false);
        *next = Instant::now() + begun.elapsed() * PAUSE_PER_COMPILATION;
    }

    fn compile(&mut self) {
        let metrics = &self.proxy.metrics;
        let compiled = compile::compile(&self.cluster, &mut self.kept, metrics, self.default.as_ref());
        metrics.routes.store(compiled.table.len() as u64, Relaxed);
        metrics.problems.store(compiled.problems.len() as u64, Relaxed);
        self.resolver.set(compiled.certificates);
        self.proxy.set(compiled.table);
        self.problems = compiled.problems;
        metrics.compilations.fetch_add(1, Relaxed);
        self.publish();
    }

    /// Endpoints came or went: the routes stay.
    fn refresh(&self, services: &HashSet<Key>) {
        if services.is_empty() {
            return;
        }
        for upstream in self.kept.upstreams.values().filter(|upstream| services.contains(&upstream.key.service)) {
            upstream.set(&self.cluster.addresses(&upstream.key).unwrap_or_default());
        }
    }

    fn publish(&self) {
        self.publications.send_replace(Publication::of(&self.cluster, &self.problems));
    }

    fn take(&mut self, change: Change, due: &mut Due) {
        let cluster = &mut self.cluster;
        match change {
            Change::Ingress(event) => {
                self.listed.see(&event);
                let known = &mut cluster.ingresses;
                let gone = gone(&event, known.keys());
                each(event, gone, |key, ingress| {
                    due.table |= !ingress.as_ref().zip(known.get(&key)).is_some_and(|(new, old)| is_same(new, old));
                    due.status = true;
                    match ingress {
                        Some(ingress) => known.insert(key, ingress),
                        None => known.remove(&key),
                    };
                });
            }
            Change::Class(event) => {
                self.listed.see(&event);
                let known = &mut cluster.classes;
                let gone = gone(&event, known.keys());
                due.table = true;
                each(event, gone, |key, class| {
                    match class {
                        Some(class) => known.insert(key, class),
                        None => known.remove(&key),
                    };
                });
            }
            Change::Service(event) => {
                self.listed.see(&event);
                let known = &mut cluster.services;
                let gone = gone(&event, known.keys());
                let used: HashSet<&Key> = self.kept.upstreams.keys().map(|key| &key.service).collect();
                each(event, gone, |key, service| {
                    due.table |= used.contains(&key);
                    match service {
                        Some(service) => known.insert(key, service),
                        None => known.remove(&key),
                    };
                });
            }
            Change::Slice(event) => {
                self.listed.see(&event);
                let gone = gone(&event, cluster.slice_keys());
                each(event, gone, |key, slice| {
                    due.services.extend(match slice {
                        Some(slice) => cluster.put_slice(slice),
                        None => cluster.remove_slice(&key),
                    });
                });
            }
            Change::Secret(event) => {
                self.listed.see(&event);
                let (known, named) = (&mut cluster.secrets, &self.kept.secrets);
                let gone = gone(&event, known.keys());
                each(event, gone, |key, secret| {
                    due.table |= named.contains(&key);
                    match secret {
                        Some(secret) => known.insert(key, secret),
                        None => known.remove(&key),
                    };
                });
            }
            Change::Node(event) => {
                self.listed.see(&event);
                let before = cluster.addresses_of_nodes();
                let known = &mut cluster.nodes;
                let gone = gone(&event, known.keys());
                each(event, gone, |key, node| {
                    match node {
                        Some(node) => known.insert(key, node),
                        None => known.remove(&key),
                    };
                });
                due.status |= cluster.addresses_of_nodes() != before;
            }
        }
    }
}

/// Those that a list does not have any more.
fn gone<'a, K: Object>(event: &Event<K>, known: impl Iterator<Item = &'a Key>) -> Vec<Key> {
    let Event::Listed(objects) = event else { return Vec::new() };
    let there: HashSet<Key> = objects.iter().map(|object| key_of(object.metadata())).collect();
    known.filter(|key| !there.contains(key)).cloned().collect()
}

/// Calls `set` with each object that is new or changed (`Some`), or gone (`None`).
fn each<K: Object>(event: Event<K>, gone: Vec<Key>, mut set: impl FnMut(Key, Option<K>)) {
    for key in gone {
        set(key, None);
    }
    match event {
        Event::Listed(objects) => {
            for object in objects {
                set(key_of(object.metadata()), Some(object));
            }
        }
        Event::Put(object) => set(key_of(object.metadata()), Some(object)),
        Event::Gone(object) => set(key_of(object.metadata()), None),
    }
}

/// A status that we wrote ourselves changes no route.
fn is_same(new: &Ingress, old: &Ingress) -> bool {
    new.spec == old.spec && new.metadata.annotations == old.metadata.annotations && new.metadata.uid == old.metadata.uid
}

async fn one<K: Object + Send + 'static>(
    client: &Client,
    query: &Query,
    changes: &UnboundedSender<Change>,
    change: fn(Event<K>) -> Change,
) {
    let told = |event| {
        // The receiver lives as long as this program.
        let _ = changes.send(change(event));
    };
    follow(client, query, told, |error| eprintln!("berth-ingress: {error}")).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::AccessLog;
    use crate::metrics::Metrics;
    use serde_json::json;

    #[tokio::test]
    async fn endpoints_change_during_the_pause_of_compilations() {
        let metrics = Arc::new(Metrics::default());
        let proxy = Arc::new(Proxy::new(metrics.clone(), AccessLog::new(false, metrics.clone()), 443));
        let mut controller = Controller::new(proxy, Arc::default(), None, watch::Sender::default());
        let (sender, mut changes) = unbounded_channel();
        crate::testing::fill(&mut controller.cluster, &[]);
        let service = controller.cluster.services.values().next().unwrap().clone();
        let class = controller.cluster.classes[&Key::new("", "berth")].clone();
        let ingress = |name: &str| serde_json::from_value(crate::testing::ingress(name, name, "/", json!({}))).unwrap();
        for change in [
            Change::Ingress(Event::Listed(vec![ingress("one.example")])),
            Change::Class(Event::Listed(vec![class])),
            Change::Service(Event::Listed(vec![service])),
            Change::Slice(Event::Listed(vec![])),
            Change::Secret(Event::Listed(vec![])),
            Change::Node(Event::Listed(vec![])),
        ] {
            assert!(sender.send(change).is_ok());
        }
        let (mut due, mut next) = (Due::default(), Instant::now());
        controller.turn(&mut changes, &mut due, &mut next).await;
        assert_eq!(metrics.compilations.load(Relaxed), 1);
        next = Instant::now() + Duration::from_millis(200);
        let slice = crate::testing::slice("web-1", "web", "10.0.0.1", 8080);
        assert!(sender.send(Change::Ingress(Event::Put(ingress("two.example")))).is_ok());
        assert!(sender.send(Change::Slice(Event::Put(slice))).is_ok());
        controller.turn(&mut changes, &mut due, &mut next).await;
        assert_eq!(metrics.compilations.load(Relaxed), 1);
        assert_eq!(controller.kept.upstreams.values().next().unwrap().endpoints().len(), 1);
        controller.turn(&mut changes, &mut due, &mut next).await;
        assert_eq!(metrics.compilations.load(Relaxed), 2, "the Ingress is served after the pause");
    }
}
