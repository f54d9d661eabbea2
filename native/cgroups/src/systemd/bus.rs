//! Calls to systemd over D-Bus. A call that makes a job waits until systemd has ended the job.

use std::{future::Future, time::Duration};

use futures_util::StreamExt;
use tokio::{sync::Mutex, time::timeout};
use zbus::{Connection, OwnedObjectPath, Variant, connection, proxy::CacheProperties};

use super::properties::{Property, Value};
use crate::error::{Error, Result};

/// How long systemd may take for one job, and for one answer.
const JOB_TIMEOUT: Duration = Duration::from_secs(30);
/// Root may speak to systemd without a bus between them: on machines without one.
const PRIVATE_SOCKET: &str = "unix:path=/run/systemd/private";

type Properties<'a> = Vec<(&'a str, Variant<'a>)>;

#[zbus::proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Manager {
    fn subscribe(&self) -> zbus::Result<()>;
    fn start_transient_unit(
        &self,
        name: &str,
        mode: &str,
        properties: Properties<'_>,
        auxiliary: Vec<(&str, Properties<'_>)>,
    ) -> zbus::Result<OwnedObjectPath>;
    fn start_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn stop_unit(&self, name: &str, mode: &str) -> zbus::Result<OwnedObjectPath>;
    fn reset_failed_unit(&self, name: &str) -> zbus::Result<()>;
    fn set_unit_properties(&self, name: &str, runtime: bool, properties: Properties<'_>) -> zbus::Result<()>;

    #[zbus(signal)]
    fn job_removed(&self, id: u32, job: OwnedObjectPath, unit: String, result: String);
}

#[derive(Debug, PartialEq, Eq)]
pub enum Started {
    Now,
    /// systemd knew the unit already; it may be one that does not run.
    Before,
}

/// Connects at the first call, and again after a connection broke.
#[derive(Default)]
pub struct Systemd {
    connection: Mutex<Option<Connection>>,
}

impl Systemd {
    pub async fn start_transient(&self, unit: &str, properties: &[Property]) -> Result<Started> {
        let started = self
            .job(unit, |manager| async move {
                manager.start_transient_unit(unit, "replace", wire(properties), Vec::new()).await
            })
            .await;
        match started {
            Ok(result) => done("start", unit, &result).map(|()| Started::Now),
            Err(error) if is(&error, "UnitExists") => Ok(Started::Before),
            Err(source) => Err(failure("start", unit, source)),
        }
    }

    pub async fn start(&self, unit: &str) -> Result<()> {
        let result = self
            .job(unit, |manager| async move { manager.start_unit(unit, "replace").await })
            .await
            .map_err(|source| failure("start", unit, source))?;
        done("start", unit, &result)
    }

    /// A unit that systemd does not know is fine.
    pub async fn stop(&self, unit: &str) -> Result<()> {
        match self.job(unit, |manager| async move { manager.stop_unit(unit, "replace").await }).await {
            Ok(_) => {}
            Err(error) if is(&error, "NoSuchUnit") => return Ok(()),
            Err(source) => return Err(failure("stop", unit, source)),
        }
        // systemd keeps a unit that failed until it is told that somebody has seen it; one that did not fail is an error here.
        let _ = self.call(|manager| async move { manager.reset_failed_unit(unit).await }).await;
        Ok(())
    }

    /// Until the unit ends: they are not written to /etc.
    pub async fn set(&self, unit: &str, properties: &[Property]) -> Result<()> {
        if properties.is_empty() {
            return Ok(());
        }
        self.call(|manager| async move { manager.set_unit_properties(unit, true, wire(properties)).await })
            .await
            .map_err(|source| failure("set the properties of", unit, source))
    }

    /// The result of the job that a call makes: `done`, or why not.
    async fn job<F>(&self, unit: &str, ask: impl Fn(ManagerProxy<'static>) -> F) -> zbus::Result<String>
    where
        F: Future<Output = zbus::Result<OwnedObjectPath>>,
    {
        let ask = &ask;
        self.call(|manager| async move {
            // Before the job is made: it may end before the answer is read.
            let mut ended = manager.receive_job_removed_with_args(&[(2, unit)]).await?;
            let job = ask(manager).await?;
            let found = timeout(JOB_TIMEOUT, async {
                while let Some(signal) = ended.next().await {
                    let args = signal.args()?;
                    if args.job == job {
                        return Ok(args.result.clone());
                    }
                }
                Err(zbus::Error::Failure("the connection to systemd ended".to_owned()))
            });
            found.await.unwrap_or_else(|_| Ok("timeout".to_owned()))
        })
        .await
    }

    /// A second time on a new connection, where the first was of no use any more: systemd, or the bus, was started again.
    async fn call<T, F>(&self, ask: impl Fn(ManagerProxy<'static>) -> F) -> zbus::Result<T>
    where
        F: Future<Output = zbus::Result<T>>,
    {
        let first = ask(self.manager().await?).await;
        match first {
            Err(zbus::Error::InputOutput(_)) => {
                *self.connection.lock().await = None;
                ask(self.manager().await?).await
            }
            other => other,
        }
    }

    async fn manager(&self) -> zbus::Result<ManagerProxy<'static>> {
        let mut held = self.connection.lock().await;
        let connection = match held.as_ref() {
            Some(connection) => connection.clone(),
            None => {
                let connection = connect().await?;
                // Without it the bus delivers no signals of jobs.
                proxy(&connection).await?.subscribe().await?;
                held.insert(connection).clone()
            }
        };
        proxy(&connection).await
    }
}

async fn connect() -> zbus::Result<Connection> {
    match connection::Builder::system().method_timeout(JOB_TIMEOUT).build().await {
        Ok(connection) => Ok(connection),
        Err(error) => {
            match connection::Builder::address(PRIVATE_SOCKET).p2p().method_timeout(JOB_TIMEOUT).build().await {
                Ok(connection) => Ok(connection),
                Err(_) => Err(error),
            }
        }
    }
}

async fn proxy(connection: &Connection) -> zbus::Result<ManagerProxy<'static>> {
    ManagerProxy::builder(connection).cache_properties(CacheProperties::No).build().await
}

fn wire(properties: &[Property]) -> Properties<'_> {
    properties
        .iter()
        .map(|(name, value)| {
            let value = match value {
                Value::Flag(flag) => Variant::from(*flag),
                Value::Number(number) => Variant::from(*number),
                Value::Text(text) => Variant::from(text.as_str()),
                Value::List(list) => Variant::from(list.iter().map(String::as_str).collect::<Vec<_>>()),
            };
            (*name, value)
        })
        .collect()
}

fn is(error: &zbus::Error, name: &str) -> bool {
    matches!(error, zbus::Error::MethodError(found, ..) if found.strip_prefix("org.freedesktop.systemd1.") == Some(name))
}

fn failure(operation: &'static str, unit: &str, source: zbus::Error) -> Error {
    let reason = match source {
        zbus::Error::MethodError(_, Some(text), _) => text,
        other => other.to_string(),
    };
    Error::Systemd { operation, unit: unit.to_owned(), reason }
}

fn done(operation: &'static str, unit: &str, result: &str) -> Result<()> {
    if result == "done" {
        return Ok(());
    }
    Err(Error::Systemd { operation, unit: unit.to_owned(), reason: format!("the job ended as {result}") })
}
