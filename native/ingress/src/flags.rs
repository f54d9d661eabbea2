//! Command line.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use lexopt::prelude::*;

pub const HELP: &str = "\
Usage: berth-ingress --kubeconfig FILE [flags]

Flags:
  --kubeconfig FILE              how to reach the API
  --name NAME                    what Events call this process (default: berth-ingress)
  --bind-address IP              address to serve on (default: ::, which is all of both families)
  --http-port PORT               port of HTTP (default: 80)
  --https-port PORT              port of HTTPS (default: 443)
  --default-certificate FILE     for hosts without a certificate of their own; PEM
  --default-key FILE             its key
  --metrics-bind-address IP:PORT address of /metrics and /healthz (default: 127.0.0.1:10254)
  --access-log true|false        write a line for each request to standard output (default: true)
";

#[derive(Debug)]
pub struct Flags {
    pub kubeconfig: PathBuf,
    pub name: String,
    pub bind_address: IpAddr,
    pub http_port: u16,
    pub https_port: u16,
    pub default_certificate: Option<(PathBuf, PathBuf)>,
    pub metrics: SocketAddr,
    pub access_log: bool,
}

#[derive(Debug)]
pub enum Parsed {
    Run(Flags),
    Help,
}

#[derive(Debug, thiserror::Error)]
pub enum FlagError {
    #[error(transparent)]
    Syntax(#[from] lexopt::Error),
    #[error("--{flag}: {value} is no {what}")]
    Value { flag: &'static str, value: String, what: &'static str },
    #[error("--{0} is missing")]
    Missing(&'static str),
}

fn value<T: std::str::FromStr>(
    parser: &mut lexopt::Parser,
    flag: &'static str,
    what: &'static str,
) -> Result<T, FlagError> {
    let value = parser.value()?.string()?;
    value.parse().map_err(|_| FlagError::Value { flag, value, what })
}

pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, FlagError> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let (mut kubeconfig, mut certificate, mut key) = (None, None, None);
    let mut flags = Flags {
        kubeconfig: PathBuf::new(),
        name: "berth-ingress".to_owned(),
        bind_address: Ipv6Addr::UNSPECIFIED.into(),
        http_port: 80,
        https_port: 443,
        default_certificate: None,
        metrics: SocketAddr::from(([127, 0, 0, 1], 10254)),
        access_log: true,
    };
    while let Some(argument) = parser.next()? {
        match argument {
            Long("kubeconfig") => kubeconfig = Some(PathBuf::from(parser.value()?)),
            Long("name") => flags.name = parser.value()?.string()?,
            Long("bind-address") => flags.bind_address = value(&mut parser, "bind-address", "IP")?,
            Long("http-port") => flags.http_port = value(&mut parser, "http-port", "port")?,
            Long("https-port") => flags.https_port = value(&mut parser, "https-port", "port")?,
            Long("default-certificate") => certificate = Some(PathBuf::from(parser.value()?)),
            Long("default-key") => key = Some(PathBuf::from(parser.value()?)),
            Long("metrics-bind-address") => {
                flags.metrics = value(&mut parser, "metrics-bind-address", "IP:PORT")?;
            }
            Long("access-log") => flags.access_log = value(&mut parser, "access-log", "true or false")?,
            Short('h') | Long("help") => return Ok(Parsed::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    flags.kubeconfig = kubeconfig.ok_or(FlagError::Missing("kubeconfig"))?;
    flags.default_certificate = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        (Some(_), None) => return Err(FlagError::Missing("default-key")),
        (None, Some(_)) => return Err(FlagError::Missing("default-certificate")),
    };
    Ok(Parsed::Run(flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Flags, String> {
        let arguments = ["berth-ingress"].iter().chain(arguments).map(OsString::from);
        match parse(arguments) {
            Ok(Parsed::Run(flags)) => Ok(flags),
            Ok(Parsed::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let flags = parsed(&["--kubeconfig=/k", "--http-port", "8080", "--access-log=false"]).unwrap();
        assert_eq!((flags.http_port, flags.https_port, flags.access_log), (8080, 443, false));
        assert_eq!(flags.metrics.to_string(), "127.0.0.1:10254");
    }

    #[test]
    fn a_bad_flag_is_named() {
        for (arguments, message) in [
            (vec![], "--kubeconfig is missing"),
            (vec!["--kubeconfig=a", "--http-port=x"], "--http-port: x is no port"),
            (vec!["--kubeconfig=a", "--default-certificate=c"], "--default-key is missing"),
            (vec!["--kubeconfig=a", "--access-log=1"], "--access-log: 1 is no true or false"),
            (vec!["--colour"], "invalid option '--colour'"),
        ] {
            assert_eq!(parsed(&arguments).unwrap_err(), message);
        }
    }
}
