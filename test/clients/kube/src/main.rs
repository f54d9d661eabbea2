//! Uses the cluster of KUBECONFIG through kube-rs, and runs a small operator on it. Prints `ok NAME` or `FAIL NAME: REASON` for each part.

mod operator;

use std::{future::Future, pin::Pin, process::ExitCode, time::Duration};

use futures::TryStreamExt;
use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Namespace},
};
use kube_rs::{
    Client, Error, ResourceExt,
    api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams},
    discovery::Discovery,
    runtime::{WatchStreamExt, watcher},
};
use serde_json::json;

pub type Failure = Box<dyn std::error::Error + Send + Sync>;
pub type Outcome = Result<(), Failure>;
type Part = fn(Client, String) -> Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// How long one part may take.
const LONGEST: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> Result<ExitCode, Failure> {
    let parts: [(&str, Part); 6] = [
        ("discovery", |client, _| Box::pin(discovery(client))),
        ("typed objects", |client, namespace| Box::pin(typed(client, namespace))),
        ("patches", |client, namespace| Box::pin(patches(client, namespace))),
        ("server-side apply", |client, namespace| Box::pin(apply(client, namespace))),
        ("watches", |client, namespace| Box::pin(watches(client, namespace))),
        ("an operator", |client, namespace| Box::pin(operator::part(client, namespace))),
    ];
    let client = Client::try_default().await?;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut failed = false;
    for (name, part) in parts {
        let namespace: Namespace = serde_json::from_value(json!({ "metadata": { "generateName": "kube-rs-" } }))?;
        let namespace = namespaces.create(&PostParams::default(), &namespace).await?.name_any();
        let outcome = match tokio::time::timeout(LONGEST, part(client.clone(), namespace.clone())).await {
            Ok(outcome) => outcome,
            Err(late) => Err(late.into()),
        };
        match outcome {
            Ok(()) => println!("ok {name}"),
            Err(error) => {
                failed = true;
                println!("FAIL {name}: {:?}", format!("{error:?}"));
            }
        }
        namespaces.delete(&namespace, &DeleteParams::default()).await?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// An error of a condition that does not hold.
pub fn expect(holds: bool, what: impl Into<String>) -> Outcome {
    if holds { Ok(()) } else { Err(format!("expected {}", what.into()).into()) }
}

fn config_map(name: &str) -> Result<ConfigMap, Failure> {
    Ok(serde_json::from_value(
        json!({ "metadata": { "name": name, "labels": { "app": "web" } }, "data": { "k": "v" } }),
    )?)
}

fn has_code<T>(result: Result<T, Error>, code: u16) -> Outcome {
    match result {
        Err(Error::Api(status)) if status.code == code => Ok(()),
        Err(error) => Err(format!("expected {code}, got {error:?}").into()),
        Ok(_) => Err(format!("expected {code}").into()),
    }
}

async fn discovery(client: Client) -> Outcome {
    let version = client.apiserver_version().await?;
    expect(version.major == "1", format!("version 1, got {version:?}"))?;
    let found = Discovery::new(client).run().await?;
    expect(found.has_group("apps") && found.groups().count() > 10, "all groups")
}

async fn typed(client: Client, namespace: String) -> Outcome {
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let mut made = maps.create(&PostParams::default(), &config_map("a")?).await?;
    has_code(maps.create(&PostParams::default(), &config_map("a")?).await, 409)?;
    has_code(maps.create(&PostParams::default(), &config_map("A")?).await, 422)?;
    has_code(maps.get("none").await, 404)?;
    made.data.get_or_insert_default().insert("k".into(), "w".into());
    maps.replace("a", &PostParams::default(), &made).await?;
    has_code(maps.replace("a", &PostParams::default(), &made).await, 409)?;
    let list = maps.list(&ListParams::default().labels("app=web").limit(5)).await?;
    expect(list.items.len() == 1, format!("one map, got {list:?}"))?;
    maps.delete("a", &DeleteParams::default()).await?;
    expect(maps.get_opt("a").await?.is_none(), "no map")
}

async fn patches(client: Client, namespace: String) -> Outcome {
    let deployments: Api<Deployment> = Api::namespaced(client, &namespace);
    let deployment: Deployment = serde_json::from_value(json!({
        "metadata": { "name": "web" },
        "spec": {
            "selector": { "matchLabels": { "app": "web" } },
            "template": {
                "metadata": { "labels": { "app": "web" } },
                "spec": { "containers": [{ "name": "c", "image": "i" }] },
            },
        },
    }))?;
    deployments.create(&PostParams::default(), &deployment).await?;
    let params = PatchParams::default();
    deployments.patch("web", &params, &Patch::Merge(json!({ "spec": { "replicas": 2 } }))).await?;
    let containers = json!({ "spec": { "template": { "spec": { "containers": [{ "name": "d", "image": "i" }] } } } });
    deployments.patch("web", &params, &Patch::Strategic(containers)).await?;
    let scale = deployments.get_scale("web").await?;
    expect(scale.spec.and_then(|spec| spec.replicas) == Some(2), "two replicas")?;
    let read = deployments.get("web").await?;
    let containers = read.spec.template.spec.map_or(0, |spec| spec.containers.len());
    expect(containers == 2, format!("two containers, got {containers}"))
}

async fn apply(client: Client, namespace: String) -> Outcome {
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    let wanted = |value: &str| {
        Patch::Apply(
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "k": value } }),
        )
    };
    maps.patch("m", &PatchParams::apply("one"), &wanted("1")).await?;
    has_code(maps.patch("m", &PatchParams::apply("two"), &wanted("2")).await, 409)?;
    maps.patch("m", &PatchParams::apply("two").force(), &wanted("2")).await?;
    let read = maps.get("m").await?;
    expect(read.data.and_then(|data| data.get("k").cloned()).as_deref() == Some("2"), "the forced value")
}

async fn watches(client: Client, namespace: String) -> Outcome {
    let maps: Api<ConfigMap> = Api::namespaced(client, &namespace);
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let mut events = Box::pin(watcher(maps.clone(), config.labels("app=web")).touched_objects());
        let change = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            maps.create(&PostParams::default(), &config_map("w")?).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            maps.delete("w", &DeleteParams::default()).await?;
            Ok::<_, Failure>(())
        };
        let follow = async {
            for _ in 0..2 {
                let seen = events.try_next().await?.ok_or("the watch ended")?;
                expect(seen.name_any() == "w", format!("w, got {}", seen.name_any()))?;
            }
            Ok::<_, Failure>(())
        };
        futures::future::try_join(change, follow).await?;
    }
    Ok(())
}
