//! Who gets through to an Ingress.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::limiter::Limiter;
use crate::passwords::Users;
use crate::upstream::Upstream;

/// What an Ingress keeps from one version of it to the next.
#[derive(Debug, Default)]
pub struct Guards {
    pub allow: Vec<IpNet>,
    pub deny: Vec<IpNet>,
    pub limiter: Arc<Limiter>,
    pub users: Option<Arc<Users>>,
    pub realm: String,
    /// The Service of `auth-url`.
    pub auth: Option<Arc<Upstream>>,
}

impl Guards {
    pub fn lets_in(&self, client: IpAddr) -> bool {
        let within = |ranges: &[IpNet]| ranges.iter().any(|range| range.contains(&client));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_ranges_come_before_allowed_ones() {
        let ranges = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        let guards =
            |allow: &[&str], deny: &[&str]| Guards { allow: ranges(allow), deny: ranges(deny), ..Guards::default() };
        for (allow, deny, client, expected) in [
            (&[][..], &[][..], "192.0.2.1", true),
            (&["10.0.0.0/8"], &[], "10.9.9.9", true),
            (&["10.0.0.0/8"], &[], "192.0.2.1", false),
            (&["10.0.0.0/8"], &["10.1.0.0/16"], "10.1.0.1", false),
            (&[], &["10.1.0.0/16"], "10.2.0.1", true),
            (&["10.0.0.0/8"], &[], "fd00::1", false),
        ] {
            assert_eq!(guards(allow, deny).lets_in(client.parse().unwrap()), expected, "{client}");
        }
    }
}
