//! `berth-ingress`: serves the Ingresses of the cluster on the ports of HTTP and HTTPS of this node. It watches Ingresses and
//! what they name, and sends each request straight to an endpoint of its Service.
//!
//! When the API cannot be reached it goes on serving what it knows.

mod access;
mod access_log;
mod annotations;
mod body;
mod call;
mod canary;
mod certificates;
mod cluster;
mod compile;
mod controller;
mod exchange;
mod external_auth;
mod flags;
mod headers;
mod limiter;
mod metrics;
mod objects;
mod passwords;
mod paths;
mod pool;
mod process;
mod proxy;
mod publish;
mod routes;
mod server;
#[cfg(test)]
mod testing;
mod tunnel;
mod upstream;
mod visit;

use std::process::ExitCode;

use flags::Parsed;

fn main() -> ExitCode {
    let flags = match flags::parse(std::env::args_os()) {
        Ok(Parsed::Run(flags)) => flags,
        Ok(Parsed::Help) => {
            print!("{}", flags::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("berth-ingress: {error}; see --help");
            return ExitCode::from(2);
        }
    };
    match process::run(flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("berth-ingress: {error}");
            ExitCode::FAILURE
        }
    }
}
