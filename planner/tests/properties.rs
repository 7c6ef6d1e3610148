//! What holds for every snapshot.

mod arbitrary;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use planner::allocation::plan_allocation;
use planner::desired::desired_state;
use planner::effect::{ConditionStatus, Effect, EventReason};
use planner::names::NodeName;
use planner::snapshot::Snapshot;
use proptest::prelude::*;

use self::arbitrary::snapshot;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn applying_a_plan_and_planning_again_changes_nothing(mut snapshot in snapshot()) {
        let plan = plan_allocation(&snapshot);
        plan.apply(&mut snapshot);
        let again = plan_allocation(&snapshot);
        // Whoever is refused may be told anew, since what the others were given is in the way now.
        let mut effects = again.effects(&snapshot, &plan);
        effects.retain(|effect| match effect {
            Effect::EmitEvent(event) => event.reason != EventReason::AllocationFailed,
            Effect::PatchServiceStatus { ingress, condition: Some(condition), .. } => {
                condition.status == ConditionStatus::True || !ingress.is_empty()
            }
            _ => true,
        });
        prop_assert_eq!(effects, vec![]);
        prop_assert_eq!(again.usage, plan.usage);
    }

    #[test]
    fn an_announced_address_has_exactly_one_owner(snapshot in snapshot()) {
        for snapshot in [assigned(&snapshot), snapshot] {
            let mut owners: BTreeMap<IpAddr, Vec<&NodeName>> = BTreeMap::new();
            let mut announced: BTreeSet<IpAddr> = BTreeSet::new();
            for node in snapshot.nodes.keys() {
                let desired = desired_state(&snapshot, node);
                for address in desired.addresses.keys() {
                    owners.entry(*address).or_default().push(node);
                }
                let announcements = desired.verdicts.values().filter_map(|verdicts| verdicts.layer2.announcement());
                announced.extend(announcements.flat_map(|announcement| &announcement.addresses));
            }
            prop_assert!(owners.values().all(|nodes| nodes.len() == 1), "{:?}", owners);
            prop_assert_eq!(owners.into_keys().collect::<BTreeSet<_>>(), announced);
        }
    }

    #[test]
    fn a_route_lives_for_services_with_an_address_inside(snapshot in snapshot()) {
        let snapshot = assigned(&snapshot);
        for node in snapshot.nodes.keys() {
            let desired = desired_state(&snapshot, node);
            for (prefix, route) in desired.peers.values().flat_map(|peer| &peer.routes) {
                prop_assert!(!route.services.is_empty());
                for key in route.services.iter() {
                    prop_assert!(desired.verdicts[key].bgp.announcement().is_some());
                    prop_assert!(snapshot.services[key].addresses().any(|address| prefix.contains(&address)));
                }
            }
        }
    }
}

/// The snapshot once its plan has been carried out.
fn assigned(snapshot: &Snapshot) -> Snapshot {
    let mut assigned = snapshot.clone();
    plan_allocation(snapshot).apply(&mut assigned);
    assigned
}
