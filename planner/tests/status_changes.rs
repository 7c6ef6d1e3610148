//! What a node has to tell, change by change.

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};

use planner::allocation::plan_allocation;
use planner::desired::{Desired, desired_state};
use planner::names::{AdvertisementName, ServiceKey};
use planner::observed::{Observed, SessionObserved};
use planner::snapshot::Snapshot;
use planner::status::{Contradictions, NodeStatus, Statuses, node_status};
use planner::verdict::{Conflict, Reason};
use proptest::collection::vec;
use proptest::prelude::*;

use self::arbitrary::{node_name, snapshot};

proptest! {
    #[test]
    fn status_step_by_step_is_status_at_once(
        steps in vec((snapshot(), vec(0..4_usize, 2), 0..3_usize), 1..5),
    ) {
        let me = node_name(0);
        let mut status = NodeStatus::new(me.clone(), &Statuses::new());
        for (snapshot, sent, interfaces) in steps {
            let desired = desired_state(&assigned(&snapshot), &me);
            let observed = observed(&desired, &sent, interfaces);
            let before = status.statuses().clone();
            let news = status.update(&desired, &observed);
            let (whole, _) = node_status(&desired, &observed, &me);
            prop_assert_eq!(status.statuses(), &whole);
            let mut differs: BTreeSet<_> = before.keys().chain(whole.keys()).cloned().collect();
            differs.retain(|id| before.get(id) != whole.get(id));
            prop_assert_eq!(news.statuses, differs);
        }
    }

    #[test]
    fn contradictions_step_by_step_are_those_of_all_services(steps in vec(snapshot(), 1..6)) {
        let mut contradictions = Contradictions::default();
        for snapshot in steps {
            let desired = desired_state(&assigned(&snapshot), &node_name(0));
            contradictions.update(&desired);
            let found: Vec<(String, String)> = contradictions
                .problems()
                .into_iter()
                .map(|problem| (problem.name, problem.message))
                .collect();
            prop_assert_eq!(found, contradicting(&desired));
        }
    }
}

/// The advertisement at fault and what is wrong with it, by a look at every Service.
fn contradicting(desired: &Desired) -> Vec<(String, String)> {
    let mut pairs = BTreeMap::new();
    for (service, verdicts) in &desired.verdicts {
        if let Some(Reason::ConflictingAdvertisements(Conflict::Advertisements(one, other))) =
            verdicts.bgp.reason()
        {
            pairs.entry((other, one)).or_insert(service);
        }
    }
    let message = |((other, one), service): (
        (&AdvertisementName, &AdvertisementName),
        &ServiceKey,
    )| {
        let message = format!(
            "spec.localPref: contradicts BGPAdvertisement {one}, which selects Service {service} too; the Service is not \
             announced by BGP"
        );
        (other.to_string(), message)
    };
    pairs.into_iter().map(message).collect()
}

/// Sessions that have sent all routes but every `sent`th, on so many interfaces.
fn observed(desired: &Desired, sent: &[usize], interfaces: usize) -> Observed {
    let sessions = desired.peers.iter().zip(sent).map(|((name, peer), every)| {
        let prefixes = peer.routes.keys().enumerate();
        let prefixes = prefixes.filter(|(index, _)| every.checked_rem(index + 1) != Some(0));
        let session = SessionObserved {
            sent: prefixes.map(|(_, prefix)| *prefix).collect(),
            ..SessionObserved::default()
        };
        (name.clone(), session)
    });
    Observed {
        sessions: sessions.collect(),
        interfaces: (0..interfaces)
            .map(|index| format!("eth{index}").as_str().into())
            .collect(),
        ..Observed::default()
    }
}

/// The snapshot once its plan has been carried out.
fn assigned(snapshot: &Snapshot) -> Snapshot {
    let mut assigned = snapshot.clone();
    plan_allocation(snapshot).apply(&mut assigned);
    assigned
}
