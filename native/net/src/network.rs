//! Keeps the node's network as it is wanted. Asked again and again, it repairs what somebody else changed.

use std::{collections::BTreeMap, path::Path};

use xtables::{
    address::{Cidr, Family},
    tables::Tables,
};

use crate::{
    cni,
    config::NetworkConfig,
    error::Result,
    host_ports, link,
    rules::{Ranges, Rules},
    sysctls,
};

/// What an application of the wanted state did.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was not as wanted, and is now.
    pub changed: Vec<String>,
    /// What cannot be as wanted, with why. All else is.
    pub problems: Vec<Problem>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub subject: String,
    pub message: String,
}

impl Report {
    fn take(&mut self, subject: &str, result: std::result::Result<bool, String>) {
        match result {
            Ok(true) => self.changed.push(subject.to_owned()),
            Ok(false) => {}
            Err(message) => self.problems.push(Problem { subject: subject.to_owned(), message }),
        }
    }
}

#[derive(Debug)]
pub struct NodeNetwork<T> {
    config: NetworkConfig,
    rules: BTreeMap<Family, Rules<T>>,
}

impl<T: Tables> NodeNetwork<T> {
    pub fn new(config: NetworkConfig, tables: impl Fn(Family) -> T) -> Self {
        let rules = config.families().into_iter().map(|family| (family, Rules::new(tables(family)))).collect();
        NodeNetwork { config, rules }
    }

    /// Makes all as wanted with these addresses for the node's pods; none as long as it has none. Every part is tried.
    pub fn apply(&mut self, pod_cidrs: &[Cidr]) -> Report {
        self.apply_below(pod_cidrs, Path::new("/proc/sys"))
    }

    fn apply_below(&mut self, pod_cidrs: &[Cidr], sysctl_root: &Path) -> Report {
        let mut report = Report::default();
        for sysctl in sysctls::wanted(&self.config) {
            let failed = |error| format!("cannot be set to {}: {error}; needed: {}", sysctl.value, sysctl.why);
            report.take(&sysctl.name(), sysctl.apply(sysctl_root).map_err(failed));
        }
        for (family, rules) in &mut self.rules {
            let Some(cluster) = self.config.cluster_cidr(*family) else { continue };
            let pods = pod_cidrs.iter().copied().find(|cidr| cidr.family() == *family);
            let result = rules.apply(Ranges { cluster, pods });
            report.take(&format!("{family} rules"), result.map_err(|error| error.to_string()));
        }
        if let Some(directory) = &self.config.cni_config_dir
            && !pod_cidrs.is_empty()
        {
            report
                .take("CNI configuration", self.configure_cni(directory, pod_cidrs).map_err(|error| error.to_string()));
        }
        report
    }

    fn configure_cni(&self, directory: &Path, pod_cidrs: &[Cidr]) -> Result<bool> {
        if cni::has_foreign(directory)? {
            return Ok(false);
        }
        let mtu = link::mtu_of(self.config.node_ip)?;
        cni::write(directory, &cni::config(directory, pod_cidrs, mtu, self.config.bandwidth_plugin)?)
    }

    /// Takes away what this network and its CNI plugins left: rules, bridge, configuration. Kernel settings stay, since
    /// nobody knows what they were. Every part is tried; the first failure is returned.
    pub fn cleanup(&mut self, mut tables: impl FnMut(Family) -> T) -> Result<()> {
        let mut result = Ok(());
        for (family, rules) in &mut self.rules {
            result = result.and(rules.cleanup().map_err(Into::into));
            result = result.and(host_ports::cleanup(&mut tables(*family)).map_err(Into::into));
        }
        result = result.and(link::delete(cni::BRIDGE));
        match &self.config.cni_config_dir {
            Some(directory) => result.and(cni::remove(directory)),
            None => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use xtables::memory::Memory;

    #[test]
    fn a_part_that_cannot_be_made_keeps_no_other() {
        let root = tempfile::tempdir().unwrap();
        let sysctls = root.path().join("sys");
        fs::create_dir_all(sysctls.join("net/ipv4/conf/all")).unwrap();
        fs::write(sysctls.join("net/ipv4/ip_forward"), "0\n").unwrap();
        fs::write(sysctls.join("net/ipv4/conf/all/route_localnet"), "0\n").unwrap();
        let config = NetworkConfig {
            cluster_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
            node_ip: "127.0.0.1".parse().unwrap(),
            cni_config_dir: Some(root.path().join("net.d")),
            bandwidth_plugin: false,
            service_rules: true,
            policy_rules: false,
        };
        let mut network = NodeNetwork::new(config, |_| Memory { fail: true, ..Memory::default() });
        let pods = ["10.244.3.0/24".parse().unwrap()];
        let first = network.apply_below(&pods, &sysctls);
        assert_eq!(first.changed, ["net.ipv4.ip_forward", "net.ipv4.conf.all.route_localnet", "CNI configuration"]);
        let subjects: Vec<_> = first.problems.iter().map(|problem| problem.subject.as_str()).collect();
        assert_eq!(subjects, ["net.bridge.bridge-nf-call-iptables", "IPv4 rules"]);
        assert!(
            first.problems[0].message.contains("needed: pods of one bridge meet the rules of policies"),
            "{:?}",
            first.problems
        );
        let again = network.apply_below(&pods, &sysctls);
        assert_eq!(again.changed, [""; 0], "what is so stays");
        fs::write(sysctls.join("net/ipv4/ip_forward"), "0\n").unwrap();
        fs::remove_file(root.path().join("net.d").join(cni::FILE)).unwrap();
        let repaired = network.apply_below(&pods, &sysctls);
        assert_eq!(repaired.changed, ["net.ipv4.ip_forward", "CNI configuration"]);
    }

    #[test]
    fn without_a_range_for_pods_the_runtime_gets_no_network() {
        let root = tempfile::tempdir().unwrap();
        let config = NetworkConfig {
            cluster_cidrs: vec!["10.244.0.0/16".parse().unwrap()],
            node_ip: "127.0.0.1".parse().unwrap(),
            cni_config_dir: Some(root.path().join("net.d")),
            bandwidth_plugin: false,
            service_rules: false,
            policy_rules: false,
        };
        let mut network = NodeNetwork::new(config, |_| Memory::default());
        assert_eq!(network.apply_below(&[], root.path()).changed, ["IPv4 rules"]);
        assert!(!root.path().join("net.d").exists());
    }
}
