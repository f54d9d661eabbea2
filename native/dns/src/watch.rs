//! Keeps the zone equal to the API's Services and EndpointSlices.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, RwLock};

use api_watch::{Client, EndpointSlice, Error, Event, Object, Query, Service, follow};

use crate::zone::{Key, Zone, key_of};

pub fn client(kubeconfig: &Path) -> Result<Client, Error> {
    Client::new(kubeconfig, concat!("berth-dns/", env!("CARGO_PKG_VERSION")))
}

pub async fn run(client: Client, zone: Arc<RwLock<Zone>>) {
    let services = keep::<Service>(
        &client,
        &zone,
        Actions { put: Zone::put_service, remove: Zone::remove_service, read: Zone::services_read },
    );
    let slices = keep::<EndpointSlice>(
        &client,
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

async fn keep<K: Object>(client: &Client, zone: &RwLock<Zone>, actions: Actions<K>) {
    let on_event = |event| {
        let mut zone = zone.write().expect("no poisoned lock");
        match event {
            Event::Listed(objects) => {
                objects.iter().for_each(|object| (actions.put)(&mut zone, object));
                (actions.read)(&mut zone, &objects.iter().map(|object| key_of(object.metadata())).collect());
            }
            Event::Put(object) => (actions.put)(&mut zone, &object),
            Event::Gone(object) => (actions.remove)(&mut zone, &key_of(object.metadata())),
        }
    };
    follow::<K>(client, &Query::default(), on_event, |error| eprintln!("berth-dns: {error}")).await;
}
