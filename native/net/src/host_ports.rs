//! The portmap plugin never removes its shared chains; once no pod has a host port they are empty, and can go.

use std::collections::BTreeSet;

use xtables::{
    error::Result,
    ruleset::{Saved, TableChange},
    tables::Tables,
};

const DNAT: &str = "CNI-HOSTPORT-DNAT";
const SHARED: [&str; 3] = [DNAT, "CNI-HOSTPORT-SETMARK", "CNI-HOSTPORT-MASQ"];
const BUILT_IN: [&str; 3] = ["PREROUTING", "OUTPUT", "POSTROUTING"];

/// Takes the plugin's shared chains away unless a pod uses them.
pub fn cleanup(tables: &mut impl Tables) -> Result<()> {
    let Ok(saved) = tables.save("nat") else { return Ok(()) };
    let input = removal(Saved(&saved));
    if input.is_empty() { Ok(()) } else { tables.restore(&input) }
}

fn removal(saved: Saved<'_>) -> String {
    if saved.rules().any(|(chain, _)| chain == DNAT) {
        return String::new();
    }
    let removed: BTreeSet<String> = saved.chains().filter(|chain| SHARED.contains(chain)).map(str::to_owned).collect();
    let jumps = saved.rules().filter(|(chain, rule)| {
        let target = rule.rsplit_once("-j ").map(|(_, target)| target);
        BUILT_IN.contains(chain) && target.is_some_and(|target| removed.contains(target))
    });
    let hooks = jumps.fold(String::new(), |text, (chain, rule)| text + "-D " + chain + " " + rule + "\n");
    TableChange { removed, hooks, ..TableChange::default() }.input("nat")
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNUSED: &str = "*nat\n:PREROUTING ACCEPT [0:0]\n:CNI-HOSTPORT-DNAT - [0:0]\n:CNI-HOSTPORT-MASQ - [0:0]\n\
        -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n\
        -A POSTROUTING -m comment --comment \"CNI portfwd requiring masquerade\" -j CNI-HOSTPORT-MASQ\n\
        -A POSTROUTING -j KUBE-POSTROUTING\n-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE\nCOMMIT\n";

    #[test]
    fn shared_chains_go_when_no_pod_has_a_host_port() {
        assert_eq!(
            removal(Saved(UNUSED)),
            "*nat\n:CNI-HOSTPORT-DNAT - [0:0]\n:CNI-HOSTPORT-MASQ - [0:0]\n\
            -D PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n\
            -D POSTROUTING -m comment --comment \"CNI portfwd requiring masquerade\" -j CNI-HOSTPORT-MASQ\n\
            -X CNI-HOSTPORT-DNAT\n-X CNI-HOSTPORT-MASQ\nCOMMIT\n"
        );
        let used = UNUSED.replace("COMMIT", "-A CNI-HOSTPORT-DNAT -p tcp -j CNI-DN-1\nCOMMIT");
        assert_eq!(removal(Saved(&used)), "");
        assert_eq!(removal(Saved("*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")), "");
    }
}
