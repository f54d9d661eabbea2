//! The runtime's CNI configuration: a bridge with addresses from the node's pod CIDRs, host ports, and limits of bandwidth. The plugin does no
//! masquerading: one rule serves all pods (see `rules`).

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::Serialize;
use xtables::address::Cidr;

use crate::error::{Result, file};

pub const FILE: &str = "10-berth.conflist";
pub const BRIDGE: &str = "berth0";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigList<'a> {
    cni_version: &'a str,
    name: &'a str,
    plugins: Vec<Plugin<'a>>,
}

/// The runtime tells a plugin what a pod asks for, if it has the capability.
#[derive(Serialize)]
#[serde(untagged)]
enum Plugin<'a> {
    Bridge(Bridge<'a>),
    PortMap { r#type: &'a str, capabilities: Capabilities, snat: bool },
    Bandwidth { r#type: &'a str, capabilities: Capabilities },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bridge<'a> {
    r#type: &'a str,
    bridge: &'a str,
    is_gateway: bool,
    is_default_gateway: bool,
    hairpin_mode: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtu: Option<u32>,
    ipam: HostLocal<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HostLocal<'a> {
    r#type: &'a str,
    data_dir: &'a Path,
    ranges: Vec<[Range; 1]>,
}

#[derive(Serialize)]
struct Range {
    subnet: String,
}

type Capabilities = BTreeMap<&'static str, bool>;

/// The file's text. `mtu` in bytes; the plugin's own choice without one.
pub fn config(directory: &Path, pod_cidrs: &[Cidr], mtu: Option<u32>, bandwidth: bool) -> Result<String> {
    let data_dir = directory.parent().unwrap_or(directory).join("leases");
    let ranges = pod_cidrs.iter().map(|cidr| [Range { subnet: cidr.to_string() }]).collect();
    let bridge = Bridge {
        r#type: "bridge",
        bridge: BRIDGE,
        is_gateway: true,
        is_default_gateway: true,
        hairpin_mode: true,
        mtu,
        ipam: HostLocal { r#type: "host-local", data_dir: &data_dir, ranges },
    };
    let can = |capability| Capabilities::from([(capability, true)]);
    let port_map = Plugin::PortMap { r#type: "portmap", capabilities: can("portMappings"), snat: true };
    let mut plugins = vec![Plugin::Bridge(bridge), port_map];
    if bandwidth {
        plugins.push(Plugin::Bandwidth { r#type: "bandwidth", capabilities: can("bandwidth") });
    }
    let list = ConfigList { cni_version: "1.0.0", name: "berth", plugins };
    Ok(serde_json::to_string_pretty(&list)? + "\n")
}

/// Another configuration in the folder wins by its name: the operator's own network.
pub fn has_foreign(directory: &Path) -> Result<bool> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(file("read", directory))?,
    };
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.any(|name| name != FILE && [".conf", ".conflist", ".json"].iter().any(|end| name.ends_with(end))))
}

/// True when the file was not so.
pub fn write(directory: &Path, text: &str) -> Result<bool> {
    let path = directory.join(FILE);
    if fs::read_to_string(&path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    fs::create_dir_all(directory).map_err(file("make", directory))?;
    // The runtime watches the folder: it must never read half a file, nor take the temporary one for a configuration.
    let temporary = directory.join(format!("{FILE}.new"));
    fs::write(&temporary, text).map_err(file("write", &temporary))?;
    fs::rename(&temporary, &path).map_err(file("write", &path))?;
    Ok(true)
}

pub fn remove(directory: &Path) -> Result<()> {
    let path = directory.join(FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(file("remove", &path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "cniVersion": "1.0.0",
  "name": "berth",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "berth0",
      "isGateway": true,
      "isDefaultGateway": true,
      "hairpinMode": true,
      "mtu": 1400,
      "ipam": {
        "type": "host-local",
        "dataDir": "/data/cni/leases",
        "ranges": [
          [
            {
              "subnet": "10.244.3.0/24"
            }
          ]
        ]
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      },
      "snat": true
    }
  ]
}
"#;

    #[test]
    fn the_runtime_gets_a_bridge_and_host_ports() {
        let cidrs: [Cidr; 2] = ["10.244.3.0/24", "fd00:3::/64"].map(|cidr| cidr.parse().unwrap());
        let directory = Path::new("/data/cni/net.d");
        assert_eq!(config(directory, &cidrs[..1], Some(1400), false).unwrap(), TEXT);
        let dual = config(directory, &cidrs, None, true).unwrap();
        assert!(dual.contains("fd00:3::/64") && !dual.contains("mtu"));
        let list: serde_json::Value = serde_json::from_str(&dual).unwrap();
        let bandwidth = serde_json::json!({"type": "bandwidth", "capabilities": {"bandwidth": true}});
        assert_eq!(list["plugins"][2], bandwidth);
    }

    #[test]
    fn the_file_is_written_once_and_beside_no_other() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("net.d");
        assert!(!has_foreign(&directory).unwrap());
        assert!(write(&directory, "a").unwrap());
        assert!(!write(&directory, "a").unwrap());
        assert!(write(&directory, "b").unwrap());
        assert!(!has_foreign(&directory).unwrap());
        fs::write(directory.join("notes.txt"), "").unwrap();
        assert!(!has_foreign(&directory).unwrap());
        fs::write(directory.join("05-mine.conf"), "").unwrap();
        assert!(has_foreign(&directory).unwrap());
        remove(&directory).unwrap();
        remove(&directory).unwrap();
        assert!(!directory.join(FILE).exists() && directory.join("05-mine.conf").exists());
    }
}
