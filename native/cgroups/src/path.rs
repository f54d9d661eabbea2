//! Which cgroup is meant, whatever a driver names it.

use crate::error::{Error, Result};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QosClass {
    Guaranteed,
    Burstable,
    BestEffort,
}

impl QosClass {
    /// By the name that a pod's status has for it.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "Guaranteed" => Ok(Self::Guaranteed),
            "Burstable" => Ok(Self::Burstable),
            "BestEffort" => Ok(Self::BestEffort),
            _ => Err(Error::Name { what: "QoS class", name: text.to_owned() }),
        }
    }
}

/// Text that is one name in a path: nothing can leave the tree by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    pub fn parse(what: &'static str, text: String) -> Result<Self> {
        if text.is_empty() || text == "." || text == ".." || text.contains(['/', '\0']) {
            return Err(Error::Name { what, name: text });
        }
        Ok(Self(text))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodPath {
    pub qos: QosClass,
    pub uid: Name,
}

impl PodPath {
    pub fn new(qos: QosClass, uid: &str) -> Result<Self> {
        Ok(Self { qos, uid: Name::parse("pod uid", uid.to_owned())? })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cgroup {
    /// Where the tree of pods starts: the cgroup root of the node.
    Root,
    /// All pods.
    Pods,
    /// The pods of a class; guaranteed ones have no cgroup of their own and lie among all pods.
    Class(QosClass),
    Pod(PodPath),
    Container {
        pod: PodPath,
        id: Name,
    },
}

impl Cgroup {
    /// All pods without parts; with a class its pods, with a uid too that pod, with a container too that container. A part
    /// without those before it is an error: what is meant would be more than what is named.
    pub fn from_parts(qos: Option<&str>, uid: Option<&str>, container: Option<String>) -> Result<Self> {
        match (qos, uid, container) {
            (None, None, None) => Ok(Self::Pods),
            (Some(qos), None, None) => QosClass::parse(qos).map(Self::Class),
            (Some(qos), Some(uid), None) => PodPath::new(QosClass::parse(qos)?, uid).map(Self::Pod),
            (Some(qos), Some(uid), Some(id)) => {
                let pod = PodPath::new(QosClass::parse(qos)?, uid)?;
                Ok(Self::Container { pod, id: Name::parse("container id", id)? })
            }
            (None, Some(_), _) => Err(Error::Incomplete("QoS class")),
            (_, None, Some(_)) => Err(Error::Incomplete("pod uid")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_without_those_before_it_names_no_cgroup() {
        let from = |qos, uid, container: Option<&str>| Cgroup::from_parts(qos, uid, container.map(str::to_owned));
        assert_eq!(from(None, None, None).unwrap(), Cgroup::Pods);
        assert_eq!(from(Some("Burstable"), None, None).unwrap(), Cgroup::Class(QosClass::Burstable));
        assert!(matches!(from(Some("Burstable"), Some("u"), None).unwrap(), Cgroup::Pod(_)));
        assert!(matches!(from(Some("Burstable"), Some("u"), Some("c")).unwrap(), Cgroup::Container { .. }));
        for (qos, uid, container, missing) in [
            (None, Some("u"), None, "QoS class"),
            (None, None, Some("c"), "pod uid"),
            (Some("Burstable"), None, Some("c"), "pod uid"),
        ] {
            let error = from(qos, uid, container).unwrap_err();
            assert_eq!(error.to_string(), format!("the cgroup is named without its {missing}"));
        }
    }

    #[test]
    fn names_cannot_leave_the_tree() {
        for (uid, expected) in
            [("uid-1", true), ("", false), (".", false), ("..", false), ("a/b", false), ("a\0", false)]
        {
            assert_eq!(PodPath::new(QosClass::Burstable, uid).is_ok(), expected, "{uid:?}");
        }
    }

    #[test]
    fn classes_are_read_by_their_names() {
        assert_eq!(QosClass::parse("BestEffort").unwrap(), QosClass::BestEffort);
        assert_eq!(QosClass::parse("besteffort").unwrap_err().to_string(), r#""besteffort" is not a QoS class"#);
    }
}
