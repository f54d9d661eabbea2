use super::*;
use crate::conntrack::Serving;
use crate::error::NetfilterError;
use crate::model::Protocol;
use crate::testing::{endpoint, port, service};

/// What a front handed over.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Full(Vec<String>),
    /// Names of Services, each with whether it was there before and is there after.
    Change(Vec<(String, bool, bool)>),
}

/// Records what it is handed, and takes all but what it is told to refuse.
#[derive(Debug, Default)]
struct Recorder {
    calls: Vec<Call>,
    refuse: Vec<String>,
    fail: bool,
    panic: bool,
    flushed: bool,
}

impl Recorder {
    fn answer(&mut self, call: Call, keys: Vec<ServiceKey>) -> Result<Applied> {
        self.calls.push(call);
        assert!(!self.panic, "told to panic");
        if self.fail {
            return Err(NetfilterError::Mode { mode: "recorder".into(), why: "told to fail".into() });
        }
        let refused = keys.into_iter().filter(|key| self.refuse.contains(&key.service));
        Ok(Applied { refused: refused.map(|key| (key, "no".to_owned())).collect(), ..Applied::default() })
    }
}

fn shown(key: &ServiceKey) -> String {
    format!("{} {}", key.service, key.family)
}

impl Backend for Recorder {
    fn full(&mut self, state: &State) -> Result<Applied> {
        self.answer(Call::Full(state.keys().map(shown).collect()), state.keys().cloned().collect())
    }

    fn change(&mut self, delta: &Delta) -> Result<Applied> {
        let changes =
            delta.iter().map(|(key, change)| (shown(key), change.before.is_some(), change.after.is_some())).collect();
        self.answer(Call::Change(changes), delta.keys().cloned().collect())
    }

    fn verify(&mut self) -> Result<bool> {
        Ok(!self.flushed)
    }

    fn cleanup(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What it was asked to reconcile.
#[derive(Debug, Default)]
struct Asked(Vec<Serving>);

impl Flows for Asked {
    fn reconcile(&mut self, _: Family, serving: &Serving) -> Result<usize> {
        self.0.push(serving.clone());
        Ok(1)
    }
}

type TestFront = Front<Recorder, Asked>;

fn front() -> TestFront {
    Front::new(Recorder::default(), Asked::default())
}

fn view(name: &str, endpoints: &[&str]) -> Service {
    let endpoints = endpoints.iter().map(|ip| endpoint(ip, 53, true)).collect();
    Service {
        cluster_ip: Some("10.96.0.7".parse().unwrap()),
        ports: vec![port("", Protocol::Udp, 53, endpoints)],
        ..service("shop", name)
    }
}

fn set(front: &mut TestFront, name: &str, endpoints: &[&str]) {
    front.set(&format!("shop/{name}"), vec![view(name, endpoints)]);
}

fn calls(front: &mut TestFront) -> Vec<Call> {
    std::mem::take(&mut front.backend.calls)
}

fn changed<const N: usize>(changes: [(&str, bool, bool); N]) -> Vec<Call> {
    vec![Call::Change(changes.map(|(name, before, after)| (name.to_owned(), before, after)).into())]
}

/// A front with Services a and b in the kernel.
fn running() -> TestFront {
    let mut front = front();
    set(&mut front, "a", &["10.0.0.1"]);
    set(&mut front, "b", &["10.0.0.2"]);
    assert!(front.sync().unwrap().full);
    assert_eq!(calls(&mut front), [Call::Full(vec!["shop/a IPv4".into(), "shop/b IPv4".into()])]);
    front
}

#[test]
fn only_what_changed_is_handed_over() {
    let mut front = running();
    front.sync().unwrap();
    assert_eq!(calls(&mut front), [], "nothing was set");
    set(&mut front, "a", &["10.0.0.1"]);
    front.set("shop/never-there", vec![]);
    front.sync().unwrap();
    assert_eq!(calls(&mut front), [], "nothing differs");
    set(&mut front, "a", &["10.0.0.3"]);
    set(&mut front, "c", &[]);
    front.set("shop/b", vec![]);
    assert!(!front.sync().unwrap().full);
    let expected = [("shop/a IPv4", true, true), ("shop/b IPv4", true, false), ("shop/c IPv4", false, true)];
    assert_eq!(calls(&mut front), changed(expected));
}

#[test]
fn a_service_set_twice_between_syncs_changes_once() {
    let mut front = running();
    set(&mut front, "a", &[]);
    set(&mut front, "a", &["10.0.0.1"]);
    set(&mut front, "c", &[]);
    front.set("shop/c", vec![]);
    front.sync().unwrap();
    assert_eq!(calls(&mut front), []);
}

#[test]
fn each_family_of_a_service_comes_and_goes_by_itself() {
    let mut front = running();
    let six = Service { family: Family::Ipv6, cluster_ip: Some("fd00::7".parse().unwrap()), ..service("shop", "a") };
    front.set("shop/a", vec![view("a", &["10.0.0.1"]), six]);
    front.sync().unwrap();
    assert_eq!(calls(&mut front), changed([("shop/a IPv6", false, true)]));
    front.set("shop/a", vec![view("a", &["10.0.0.1"])]);
    front.sync().unwrap();
    assert_eq!(calls(&mut front), changed([("shop/a IPv6", true, false)]));
}

#[test]
fn after_an_error_or_a_panic_everything_is_handed_over() {
    for panics in [false, true] {
        let mut front = running();
        (front.backend.fail, front.backend.panic) = (!panics, panics);
        set(&mut front, "c", &[]);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| front.sync().is_err()));
        assert!(result.unwrap_or(true));
        (front.backend.fail, front.backend.panic) = (false, false);
        calls(&mut front);
        assert!(front.sync().unwrap().full);
        let all = ["shop/a IPv4", "shop/b IPv4", "shop/c IPv4"].map(str::to_owned);
        assert_eq!(calls(&mut front), [Call::Full(all.into())]);
    }
}

#[test]
fn a_refused_service_is_reported_by_its_name_and_tried_again_at_verification() {
    let mut front = running();
    front.backend.refuse = vec!["shop/a".into()];
    set(&mut front, "a", &[]);
    set(&mut front, "b", &[]);
    let refused = front.sync().unwrap().applied.refused;
    assert_eq!(
        refused.into_iter().map(|(key, why)| (shown(&key), why)).collect::<Vec<_>>(),
        [("shop/a IPv4".into(), "no".into())]
    );
    calls(&mut front);
    front.sync().unwrap();
    assert_eq!(calls(&mut front), [], "not at each sync");
    assert_eq!(front.verify().unwrap().unwrap().applied.refused.len(), 1);
    assert_eq!(calls(&mut front), changed([("shop/a IPv4", true, true)]));
    front.backend.refuse.clear();
    assert!(front.verify().unwrap().unwrap().applied.refused.is_empty());
    calls(&mut front);
    assert_eq!(front.verify().unwrap(), None);
    assert_eq!(calls(&mut front), []);
}

#[test]
fn a_refused_service_that_goes_is_not_tried_again() {
    let mut front = running();
    front.backend.refuse = vec!["shop/a".into()];
    set(&mut front, "a", &[]);
    front.sync().unwrap();
    front.backend.refuse.clear();
    front.set("shop/a", vec![]);
    front.sync().unwrap();
    assert_eq!(front.verify().unwrap(), None);
}

#[test]
fn what_somebody_flushed_is_handed_over_whole() {
    let mut front = running();
    assert_eq!(front.verify().unwrap(), None);
    front.backend.flushed = true;
    assert!(front.verify().unwrap().unwrap().full);
    assert!(matches!(calls(&mut front)[..], [Call::Full(_)]));
}

#[test]
fn flows_are_looked_through_once_the_kernel_leads_elsewhere() {
    let mut front = running();
    assert_eq!(front.flows.0.len(), 1, "an earlier process may have left some");
    front.backend.fail = true;
    set(&mut front, "a", &["10.0.0.9"]);
    assert!(front.sync().is_err());
    assert_eq!(front.flows.0.len(), 1, "they would come back by the old rules");
    front.backend.fail = false;
    assert_eq!(front.sync().unwrap().flows, Ok(1));
    assert_eq!(front.flows.0.len(), 2);
    front.sync().unwrap();
    assert_eq!(front.flows.0.len(), 2, "nothing changed");
    set(&mut front, "a", &["10.0.0.8"]);
    front.sync().unwrap();
    let serving: Vec<_> = front.flows.0[2].values().flatten().map(|(ip, _)| ip.to_string()).collect();
    assert_eq!(serving, ["10.0.0.8"]);
}
