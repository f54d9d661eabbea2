//! Keeps the zone equal to the API's Services and EndpointSlices.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, RwLock};

use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt, watcher as watch};
use kube::{Api, Client, Config, Resource};

use crate::zone::{Key, Zone, key_of};

pub async fn client(kubeconfig: &Path) -> Result<Client, Box<dyn std::error::Error>> {
    let file = Kubeconfig::read_from(kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    // A watch is silent for as long as nothing changes; bookmarks come about every minute.
    config.read_timeout = Some(std::time::Duration::from_secs(295));
    Ok(Client::try_from(config)?)
}

pub async fn run(client: Client, zone: Arc<RwLock<Zone>>) {
    let services = follow::<Service>(
        Api::all(client.clone()),
        &zone,
        Actions { put: Zone::put_service, remove: Zone::remove_service, read: Zone::services_read },
    );
    let slices = follow::<EndpointSlice>(
        Api::all(client),
        &zone,
        Actions { put: Zone::put_slice, remove: Zone::remove_slice, read: Zone::slices_read },
    );
    tokio::join!(services, slices);
}

struct Actions<K> {
    put: fn(&mut Zone, &K),
    remove: fn(&mut Zone, &Key),
    read: fn(&mut Zone, &HashSet<Key>),
}

async fn follow<K>(api: Api<K>, zone: &RwLock<Zone>, actions: Actions<K>)
where
    K: Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
{
    let mut seen = HashSet::new();
    let mut events = std::pin::pin!(watch(api, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                eprintln!("berth-dns: {error}");
                continue;
            }
        };
        let mut zone = zone.write().expect("no poisoned lock");
        match event {
            Event::Init => seen.clear(),
            Event::InitApply(object) => {
                seen.extend(key_of(object.meta()));
                (actions.put)(&mut zone, &object);
            }
            Event::InitDone => (actions.read)(&mut zone, &std::mem::take(&mut seen)),
            Event::Apply(object) => (actions.put)(&mut zone, &object),
            Event::Delete(object) => {
                if let Some(key) = key_of(object.meta()) {
                    (actions.remove)(&mut zone, &key);
                }
            }
        }
    }
}
