//! An operator for Echo objects: it keeps a ConfigMap with the text of each, reports how often it wrote one, and cleans up after them.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use k8s_openapi::{
    api::core::v1::ConfigMap, apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube_rs::{
    Client, CustomResource, CustomResourceExt, Resource, ResourceExt,
    api::{Api, DeleteParams, Patch, PatchParams, PostParams},
    runtime::{
        Controller,
        controller::Action,
        finalizer::{Event, finalizer},
        wait::{await_condition, conditions},
        watcher,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Failure, Outcome, expect};

#[derive(CustomResource, Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[kube(group = "kube-rs.example.com", version = "v1", kind = "Echo", namespaced, status = "EchoStatus")]
#[kube(crates(kube_core = "kube_rs::core"))]
pub struct EchoSpec {
    #[schemars(length(max = 20))]
    text: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct EchoStatus {
    echoed: String,
}

/// What the operator's own errors are to its library.
#[derive(Debug)]
struct Failed(Failure);

impl std::fmt::Display for Failed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(out)
    }
}

impl std::error::Error for Failed {}

const MANAGER: &str = "echo-operator";

async fn reconcile(echo: Arc<Echo>, client: Arc<Client>) -> Result<Action, Failed> {
    let namespace = echo.namespace().unwrap_or_default();
    let echoes: Api<Echo> = Api::namespaced((*client).clone(), &namespace);
    finalizer(&echoes, "kube-rs.example.com/cleanup", echo, |event| async {
        match event {
            Event::Apply(echo) => write(&client, &namespace, &echo).await?,
            Event::Cleanup(echo) => farewell(&client, &namespace, &echo).await?,
        }
        Ok::<_, kube_rs::Error>(Action::await_change())
    })
    .await
    .map_err(|error| Failed(error.into()))
}

async fn write(client: &Client, namespace: &str, echo: &Echo) -> Result<(), kube_rs::Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": echo.name_any(), "ownerReferences": [echo.controller_owner_ref(&())] },
        "data": { "text": echo.spec.text },
    });
    maps.patch(&echo.name_any(), &PatchParams::apply(MANAGER).force(), &Patch::Apply(map)).await?;
    let echoes: Api<Echo> = Api::namespaced(client.clone(), namespace);
    let status = json!({ "status": { "echoed": echo.spec.text } });
    echoes.patch_status(&echo.name_any(), &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

async fn farewell(client: &Client, namespace: &str, echo: &Echo) -> Result<(), kube_rs::Error> {
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), namespace);
    let map = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "farewell" }, "data": { "to": echo.name_any() } });
    maps.patch("farewell", &PatchParams::apply(MANAGER).force(), &Patch::Apply(map)).await?;
    Ok(())
}

pub async fn part(client: Client, namespace: String) -> Outcome {
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    let name = Echo::crd_name();
    definitions.patch(name, &PatchParams::apply(MANAGER).force(), &Patch::Apply(Echo::crd())).await?;
    await_condition(definitions.clone(), name, conditions::is_crd_established()).await?;
    let echoes: Api<Echo> = Api::namespaced(client.clone(), &namespace);
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &namespace);
    let operator = Controller::new(echoes.clone(), watcher::Config::default())
        .owns(maps.clone(), watcher::Config::default())
        .run(reconcile, |_, _: &Failed, _| Action::requeue(Duration::from_millis(200)), Arc::new(client))
        .for_each(|_| async {});
    let outcome = tokio::select! {
        outcome = life(&echoes, &maps) => outcome,
        () = operator => Err("the operator ended".into()),
    };
    definitions.delete(name, &DeleteParams::default()).await?;
    outcome
}

/// The life of one object, as its user sees it.
async fn life(echoes: &Api<Echo>, maps: &Api<ConfigMap>) -> Outcome {
    let long = Echo::new("long", EchoSpec { text: "x".repeat(21) });
    expect(echoes.create(&PostParams::default(), &long).await.is_err(), "a refusal of a long text")?;
    let echo = Echo::new("one", EchoSpec { text: "hello".into() });
    echoes.create(&PostParams::default(), &echo).await?;
    shown(maps, "one", "text", "hello").await?;
    echoes.patch("one", &PatchParams::default(), &Patch::Merge(json!({ "spec": { "text": "bye" } }))).await?;
    shown(maps, "one", "text", "bye").await?;
    maps.delete("one", &DeleteParams::default()).await?;
    shown(maps, "one", "text", "bye").await?;
    let status = echoes.get_status("one").await?.status.unwrap_or_default();
    expect(status.echoed == "bye", format!("bye in the status, got {status:?}"))?;
    echoes.delete("one", &DeleteParams::default()).await?;
    shown(maps, "farewell", "to", "one").await?;
    // The garbage collector takes what the object owned.
    for _ in 0..200 {
        if maps.get_opt("one").await?.is_none() && echoes.get_opt("one").await?.is_none() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the object or what it owned is still there".into())
}

async fn shown(maps: &Api<ConfigMap>, name: &str, key: &str, value: &str) -> Outcome {
    for _ in 0..200 {
        let map = maps.get_opt(name).await?;
        if map.and_then(|map| map.data).and_then(|data| data.get(key).cloned()).as_deref() == Some(value) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{name} never had {key}: {value}").into())
}
