//! DefaultPreemption: when nothing fits, which running pods of lower priority would have to go, and from which node.
//! Disruption budgets are not asked.

use crate::failure::{Histogram, NO_VICTIMS, Nomination, Preemption};
use crate::plugins::PASSED;
use crate::pod::PodSpec;
use crate::scheduler::Scheduler;
use std::cmp::Reverse;
use std::sync::Arc;

/// Nodes that are tried: a tenth of those in question, and at least so many.
const LEAST_CANDIDATES: usize = 100;
const CANDIDATE_PERCENTAGE: usize = 10;

pub const NAME: &str = "DefaultPreemption";
/// The fields of a pod's spec that preemption reads; see [`crate::plugins::Plugin::pod_fields`].
pub const POD_FIELDS: &[&str] = &["priority", "preemptionPolicy"];

#[derive(Clone, Debug)]
struct Victim {
    pod: u32,
    priority: i32,
    started: i64,
}

impl Scheduler {
    /// `slots`: the nodes on which removing pods could help.
    pub(crate) fn preempt(
        &mut self,
        pod: u32,
        spec: &Arc<PodSpec>,
        slots: &[usize],
    ) -> (Preemption, Option<Nomination>) {
        if spec.never_preempts {
            return (Preemption::NotEligible("not eligible due to preemptionPolicy=Never."), None);
        }
        if self.nominated_slot(pod).is_some_and(|slot| self.is_being_freed(slot, spec.priority)) {
            return (Preemption::Waiting, None);
        }
        let wanted = LEAST_CANDIDATES.max(slots.len() * CANDIDATE_PERCENTAGE / 100);
        let offset = if slots.len() > wanted { self.draw(slots.len()) } else { 0 };
        let mut tried = Histogram::new();
        let mut candidates = Vec::new();
        for at in 0..slots.len() {
            let slot = slots[(at + offset) % slots.len()];
            match self.dry_run(spec, slot) {
                Ok(victims) => candidates.push((slot, victims)),
                Err(reasons) => reasons.into_iter().for_each(|reason| *tried.entry(reason).or_default() += 1),
            }
            if candidates.len() == wanted {
                break;
            }
        }
        match best(candidates) {
            Some(nomination) => (Preemption::Silent, Some(nomination)),
            None => (Preemption::Fruitless(tried), None),
        }
    }

    /// Whether a pod of lower priority is on its way out of the node.
    fn is_being_freed(&self, slot: usize, priority: i32) -> bool {
        let pods = self.snapshot.pods_on(slot).iter().filter_map(|&pod| self.snapshot.assigned(pod));
        pods.into_iter().any(|pod| pod.spec.priority < priority && pod.spec.topology.subject.terminating)
    }

    /// Takes all pods of lower priority off the node, and puts back as many as the pod leaves room for, the most
    /// important first. What does not fit back are the victims. The snapshot is the same afterwards.
    fn dry_run(&mut self, spec: &Arc<PodSpec>, slot: usize) -> Result<Vec<Victim>, Vec<String>> {
        let lower = |pod: &u32| {
            let assigned = self.snapshot.assigned(*pod)?;
            let (priority, started) = (assigned.spec.priority, assigned.started);
            (priority < spec.priority).then_some(Victim { pod: *pod, priority, started })
        };
        let mut lower: Vec<Victim> = self.snapshot.pods_on(slot).iter().filter_map(lower).collect();
        if lower.is_empty() {
            return Err(vec![NO_VICTIMS.to_owned()]);
        }
        lower.sort_by_key(|victim| (Reverse(victim.priority), victim.started, victim.pod));
        let removed: Vec<_> = lower.iter().map(|victim| self.snapshot.release(victim.pod).expect("assigned")).collect();
        let verdict = self.fits(spec, slot);
        let mut victims = Vec::new();
        if verdict == PASSED {
            for (victim, assigned) in lower.iter().zip(&removed) {
                self.snapshot.put_back(victim.pod, assigned);
                if self.fits(spec, slot) != PASSED {
                    self.snapshot.release(victim.pod);
                    victims.push(victim.clone());
                }
            }
        }
        let outcome =
            if verdict == PASSED { Ok(victims) } else { Err(self.rejection(&spec.class, slot, verdict).reasons) };
        for (victim, assigned) in lower.iter().zip(&removed) {
            self.snapshot.put_back(victim.pod, assigned);
        }
        outcome
    }
}

/// The node whose victims matter least: by the highest priority among them, their sum, their number; then the one whose
/// most important victims began last.
fn best(candidates: Vec<(usize, Vec<Victim>)>) -> Option<Nomination> {
    let cost = |(_, victims): &(usize, Vec<Victim>)| {
        let highest = victims.first().map_or(i32::MIN, |victim| victim.priority);
        let sum: i64 = victims.iter().map(|victim| i64::from(victim.priority) + i64::from(i32::MAX) + 1).sum();
        let foremost = victims.iter().filter(|victim| victim.priority == highest);
        let earliest = foremost.map(|victim| victim.started).min().unwrap_or(i64::MAX);
        (highest, sum, victims.len(), Reverse(earliest))
    };
    let (slot, victims) = candidates.into_iter().min_by_key(cost)?;
    Some(Nomination { slot, victims: victims.into_iter().map(|victim| victim.pod).collect() })
}

#[cfg(test)]
mod tests {
    use crate::input::PodInput;
    use crate::scheduler::Decision;
    use crate::testing::{Cluster, node, pod, requests};

    fn ranked(priority: i32, cpu: &str) -> PodInput {
        let mut pod = pod(requests(cpu, "1Mi"));
        pod.spec.priority = priority;
        pod
    }

    fn sized(name: &str) -> crate::input::NodeInput {
        node(name).allocatable("cpu", "4").allocatable("memory", "1Gi")
    }

    fn refused(cluster: &mut Cluster, pod: PodInput) -> crate::Failure {
        let spec = cluster.define(pod);
        match cluster.scheduler.schedule(cluster.last(), &spec) {
            Decision::Failed(failure) => failure,
            Decision::Node(slot) => panic!("placed on {slot}"),
        }
    }

    #[test]
    fn evicts_no_more_than_needed_and_the_least_important() {
        let mut cluster = Cluster::new([sized("a")]);
        let _kept = cluster.run(ranked(5, "1"), "a");
        let low = cluster.run(ranked(1, "2"), "a");
        let _equal = cluster.run(ranked(10, "1"), "a");
        let failure = refused(&mut cluster, ranked(10, "2"));
        assert_eq!(failure.message, "0/1 nodes are available: 1 Insufficient cpu.");
        let nomination = failure.nomination.unwrap();
        assert_eq!((nomination.slot, nomination.victims), (0, vec![low]));
        assert_eq!(cluster.scheduler.snapshot.usage.used_cpu[0], 4000, "the snapshot is as before");
    }

    #[test]
    fn prefers_the_node_whose_victims_matter_least() {
        let mut cluster = Cluster::new([sized("a"), sized("b"), sized("c")]);
        cluster.run(ranked(5, "4"), "a");
        let low = [cluster.run(ranked(1, "4"), "b")];
        cluster.run(ranked(1, "2"), "c");
        cluster.run(ranked(1, "2"), "c");
        let nomination = refused(&mut cluster, ranked(10, "4")).nomination.unwrap();
        assert_eq!((nomination.slot, nomination.victims.as_slice()), (1, low.as_slice()));
    }

    #[test]
    fn says_why_it_is_of_no_use() {
        let mut cluster = Cluster::new([sized("a"), sized("b").taint("k", "", "NoSchedule"), sized("c")]);
        cluster.run(ranked(10, "4"), "a");
        cluster.run(ranked(20, "3"), "c");
        cluster.run(ranked(1, "1"), "c");
        let failure = refused(&mut cluster, ranked(10, "2"));
        assert_eq!(
            failure.message,
            "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. preemption: 0/3 nodes are \
             available: 1 Insufficient cpu, 1 No preemption victims found for incoming pod, 1 Preemption is not helpful \
             for scheduling."
        );
        assert_eq!(failure.nomination, None);
        let mut meek = ranked(30, "2");
        meek.spec.preemption_policy = "Never".to_owned();
        let message = refused(&mut cluster, meek).message;
        assert!(message.ends_with(" preemption: not eligible due to preemptionPolicy=Never."), "{message}");
    }

    #[test]
    fn takes_a_claim_for_one_pod_from_who_matters_less() {
        let in_use = |users: &[u32], priority: i32| {
            let mut pod = ranked(priority, "1");
            pod.volume_rules.others = crate::volume_rules::reason::IN_USE;
            pod.volume_rules.users = users.to_vec();
            pod
        };
        let mut cluster = Cluster::new([sized("a"), sized("b")]);
        cluster.run(ranked(1, "1"), "a");
        let user = cluster.run(ranked(2, "1"), "b");
        cluster.run(ranked(1, "1"), "b");
        let nomination = refused(&mut cluster, in_use(&[user], 10)).nomination.unwrap();
        assert_eq!((nomination.slot, nomination.victims), (1, vec![user]), "others on the node stay");
        let failure = refused(&mut cluster, in_use(&[user], 2));
        assert_eq!(failure.nomination, None);
        let reason = "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod";
        assert_eq!(
            failure.message,
            format!("0/2 nodes are available: 2 {reason}. preemption: 0/2 nodes are available: 2 {reason}."),
            "both nodes have pods of less priority, which are not the ones"
        );
        // Users on two nodes: nobody can be taken off both.
        let other = cluster.run(ranked(1, "1"), "a");
        assert_eq!(refused(&mut cluster, in_use(&[user, other], 10)).nomination, None);
    }

    #[test]
    fn room_is_kept_for_the_nominated_pod() {
        let mut cluster = Cluster::new([sized("a")]);
        let low = cluster.run(ranked(1, "4"), "a");
        let spec = cluster.define(ranked(10, "4"));
        let preemptor = cluster.last();
        let Decision::Failed(failure) = cluster.scheduler.schedule(preemptor, &spec) else { panic!("full") };
        assert_eq!(failure.nomination.unwrap().victims, [low]);
        cluster.scheduler.snapshot.release(low);
        assert!(refused(&mut cluster, ranked(5, "1")).message.contains("Insufficient cpu"));
        assert_eq!(cluster.scheduler.schedule(preemptor, &spec), Decision::Node(0));
        assert_eq!(cluster.scheduler.snapshot.usage.used_cpu[0], 4000);
    }

    #[test]
    fn waits_while_the_nominated_node_is_being_freed() {
        let mut cluster = Cluster::new([sized("a")]);
        let low = cluster.run(ranked(1, "4"), "a");
        let spec = cluster.define(ranked(10, "4"));
        let preemptor = cluster.last();
        cluster.scheduler.schedule(preemptor, &spec);
        let mut leaving = ranked(1, "4");
        leaving.terminating = true;
        let leaving = cluster.define(leaving);
        cluster.scheduler.snapshot.assign(low, &leaving, 0, 0);
        let Decision::Failed(failure) = cluster.scheduler.schedule(preemptor, &spec) else { panic!("full") };
        assert!(failure.message.ends_with("not eligible due to a terminating pod on the nominated node."));
        assert_eq!(failure.nomination, None);
    }
}
