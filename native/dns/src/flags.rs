//! Command line.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use hickory_proto::rr::Name;
use ipnet::IpNet;
use lexopt::prelude::*;

pub const HELP: &str = "\
Usage: berth-dns --kubeconfig FILE --listen IP:PORT [flags]

Flags:
  --kubeconfig FILE       how to reach the API
  --listen IP:PORT        address to answer on, UDP and TCP
  --cluster-domain NAME   domain to answer for (default: cluster.local)
  --cluster-cidr CIDR,... addresses of pods: nobody is answered but they and this machine (default: 10.244.0.0/16)
  --upstream IP[:PORT]    where other names are asked; may repeat (default: the nameservers of /etc/resolv.conf)
";

#[derive(Debug)]
pub struct Flags {
    pub kubeconfig: PathBuf,
    pub listen: SocketAddr,
    pub cluster_domain: Name,
    pub cluster_cidrs: Vec<IpNet>,
    /// Empty: those of /etc/resolv.conf.
    pub upstream: Vec<SocketAddr>,
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

pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed, FlagError> {
    let mut parser = lexopt::Parser::from_iter(arguments);
    let (mut kubeconfig, mut listen) = (None, None);
    let mut cluster_domain = "cluster.local".to_owned();
    let mut cluster_cidr = "10.244.0.0/16".to_owned();
    let mut upstream = Vec::new();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("kubeconfig") => kubeconfig = Some(PathBuf::from(parser.value()?)),
            Long("listen") => {
                let value = parser.value()?.string()?;
                listen =
                    Some(value.parse().map_err(|_| FlagError::Value { flag: "listen", value, what: "IP:PORT" })?);
            }
            Long("cluster-domain") => cluster_domain = parser.value()?.string()?,
            Long("cluster-cidr") => cluster_cidr = parser.value()?.string()?,
            Long("upstream") => {
                let value = parser.value()?.string()?;
                upstream.push(server_address(&value).ok_or(FlagError::Value {
                    flag: "upstream",
                    value,
                    what: "IP[:PORT]",
                })?);
            }
            Short('h') | Long("help") => return Ok(Parsed::Help),
            other => return Err(other.unexpected().into()),
        }
    }
    let mut domain = Name::from_ascii(&cluster_domain).map_err(|_| FlagError::Value {
        flag: "cluster-domain",
        value: cluster_domain,
        what: "domain name",
    })?;
    domain.set_fqdn(true);
    let range = |text: &str| text.trim().parse().ok();
    let cluster_cidrs = cluster_cidr.split(',').map(range).collect::<Option<Vec<_>>>();
    Ok(Parsed::Run(Flags {
        kubeconfig: kubeconfig.ok_or(FlagError::Missing("kubeconfig"))?,
        listen: listen.ok_or(FlagError::Missing("listen"))?,
        cluster_domain: domain.to_lowercase(),
        cluster_cidrs: cluster_cidrs.ok_or(FlagError::Value {
            flag: "cluster-cidr",
            value: cluster_cidr,
            what: "list of CIDRs",
        })?,
        upstream,
    }))
}

/// `IP` or `IP:PORT`, port 53 when it names none.
pub fn server_address(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Flags, String> {
        let arguments = ["berth-dns"].iter().chain(arguments).map(OsString::from);
        match parse(arguments) {
            Ok(Parsed::Run(flags)) => Ok(flags),
            Ok(Parsed::Help) => Err("help".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let flags = parsed(&["--kubeconfig=/k", "--listen", "10.0.0.1:10053", "--upstream=9.9.9.9"]).unwrap();
        assert_eq!(flags.cluster_domain.to_string(), "cluster.local.");
        assert_eq!(flags.cluster_cidrs, ["10.244.0.0/16".parse().unwrap()]);
        assert_eq!(flags.upstream, ["9.9.9.9:53".parse().unwrap()]);
    }

    #[test]
    fn a_bad_flag_is_named() {
        for (arguments, message) in [
            (vec!["--listen=a"], "--listen: a is no IP:PORT"),
            (vec!["--upstream=a"], "--upstream: a is no IP[:PORT]"),
            (vec!["--listen=1.1.1.1:1"], "--kubeconfig is missing"),
            (vec!["--kubeconfig=a"], "--listen is missing"),
            (
                vec!["--kubeconfig=a", "--listen=1.1.1.1:1", "--cluster-cidr=10.0.0.0/8,x"],
                "--cluster-cidr: 10.0.0.0/8,x is no list of CIDRs",
            ),
            (vec!["--colour"], "invalid option '--colour'"),
        ] {
            assert_eq!(parsed(&arguments).unwrap_err(), message);
        }
    }
}
