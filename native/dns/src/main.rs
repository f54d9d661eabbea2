//! `berth-dns`: cluster DNS of one node. It watches Services and EndpointSlices, answers for the cluster domain by the
//! Kubernetes DNS specification (version 1.1.0), and forwards every other name.
//!
//! When the API cannot be reached it goes on answering with what it knows.

mod answer;
mod clients;
mod flags;
mod forward;
mod limit;
mod server;
mod watch;
mod zone;

use std::process::ExitCode;
use std::sync::{Arc, RwLock};

use clients::Clients;
use flags::Parsed;
use server::{Limits, Server};
use zone::Zone;

fn main() -> ExitCode {
    let flags = match flags::parse(std::env::args_os()) {
        Ok(Parsed::Run(flags)) => flags,
        Ok(Parsed::Help) => {
            print!("{}", flags::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("berth-dns: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    // One thread answers tens of thousands of queries a second; a second one would cost memory on every node.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    match runtime.block_on(run(flags)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth-dns: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(flags: flags::Flags) -> Result<(), Box<dyn std::error::Error>> {
    let zone = Arc::new(RwLock::new(Zone::default()));
    let forwarder = forward::Forwarder::new(flags.upstream, flags.listen);
    let clients = Clients::new(flags.cluster_cidrs);
    let server =
        Server::bind(flags.listen, &flags.cluster_domain, zone.clone(), forwarder, clients, Limits::of_process())
            .await?;
    let client = watch::client(&flags.kubeconfig)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        () = watch::run(client, zone) => Ok(()),
        () = server.run() => Ok(()),
        _ = terminate.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}
