//! Who gets which address, what is written and what is told, for snapshots in YAML.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

use planner::allocation::{AllocationPlan, Outcome, plan_allocation};
use planner::effect::{Effect, EventReason, EventType};
use planner::snapshot::Snapshot;

const POOLS: &str = "
pools:
  dual: {addresses: [198.51.100.0/30, \"2001:db8:1::/126\"]}
";

fn plan(yaml: &str) -> AllocationPlan {
    plan_allocation(&fixture::snapshot(yaml))
}

/// The addresses of a Service, or why it has none, as text.
fn outcome(plan: &AllocationPlan, key: &str) -> String {
    match &plan.services[&fixture::key(key)].outcome {
        Outcome::Assigned { pool, addresses } => format!("{addresses} from {pool}"),
        Outcome::Refused(refusal) => format!("{refusal}; {}", refusal.remedy()),
        other => format!("{other:?}"),
    }
}

fn events(plan: &AllocationPlan, key: &str) -> Vec<(EventReason, String)> {
    plan.services[&fixture::key(key)]
        .events
        .iter()
        .map(|event| (event.reason, event.message.clone()))
        .collect()
}

/// Everything that the plan changes, as text.
fn effects(snapshot: &Snapshot, previous: &AllocationPlan) -> Vec<String> {
    let texts = plan_allocation(snapshot)
        .effects(snapshot, previous)
        .into_iter()
        .map(|effect| match effect {
            Effect::PatchServiceStatus {
                service,
                ingress,
                pool,
                condition,
                ..
            } => {
                format!(
                    "{service} {ingress:?} {} {}",
                    pool.map_or_else(String::new, |pool| pool.to_string()),
                    condition.map_or_else(String::new, |condition| condition.reason.into_owned())
                )
            }
            Effect::PoolStatus { pool, usage } => {
                format!("{pool} {} of {}", usage.assigned_ipv4, usage.available_ipv4)
            }
            Effect::EmitEvent(event) => format!("{} {}", event.involved, event.reason),
            other => format!("{other:?}"),
        });
    texts.collect()
}

#[test]
fn a_new_service_gets_the_lowest_address_and_an_event_says_so() {
    let plan = plan(&format!("{POOLS}services: {{default/web: }}"));
    assert_eq!(outcome(&plan, "default/web"), "198.51.100.0 from dual");
    let told = events(&plan, "default/web");
    assert_eq!(
        told,
        [(
            EventReason::IpAllocated,
            "Assigned IP [\"198.51.100.0\"]".to_owned()
        )]
    );
    assert_eq!(EventReason::IpAllocated.event_type(), EventType::Normal);
    assert_eq!(
        EventReason::IpAllocated.source_component(),
        "metallb-controller"
    );
}

#[test]
fn a_dual_stack_service_gets_ipv4_then_ipv6_and_an_existing_order_is_left_alone() {
    let plan = plan(&format!(
        "{POOLS}services:
  default/new: {{clusterIPs: [\"fd00::1\", 10.0.0.1], familyPolicy: RequireDualStack}}
  default/old: {{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: RequireDualStack, ips: [\"2001:db8:1::2\", 198.51.100.2]}}"
    ));
    assert_eq!(
        outcome(&plan, "default/new"),
        "198.51.100.0, 2001:db8:1:: from dual"
    );
    assert_eq!(
        outcome(&plan, "default/old"),
        "2001:db8:1::2, 198.51.100.2 from dual"
    );
    assert_eq!(events(&plan, "default/old"), []);
}

#[test]
fn prefer_dual_stack_adds_the_second_family_in_place() {
    let plan = plan(&format!(
        "{POOLS}services:
  default/web: {{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, ips: [198.51.100.2], from: dual}}"
    ));
    assert_eq!(
        outcome(&plan, "default/web"),
        "198.51.100.2, 2001:db8:1:: from dual"
    );
    let text = "Assigned additional IP \"2001:db8:1::\"".to_owned();
    assert_eq!(
        events(&plan, "default/web"),
        [(EventReason::IpAllocated, text)]
    );
}

#[test]
fn prefer_dual_stack_without_the_second_family_tells_so() {
    let plan = plan(
        "pools: {four: {addresses: [198.51.100.0/30]}}
services: {default/web: {clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, ips: [198.51.100.2]}}",
    );
    assert_eq!(outcome(&plan, "default/web"), "198.51.100.2 from four");
    let (reason, text) = events(&plan, "default/web").remove(0);
    assert_eq!(reason, EventReason::AdditionalAssignFailed);
    assert!(
        text.starts_with("cannot assign additional IP in PreferDualStack: ")
            && text.contains("four"),
        "{text}"
    );
}

#[test]
fn prefer_dual_stack_with_one_cluster_ip_keeps_one_address() {
    let plan = plan(&format!(
        "{POOLS}services: {{default/web: {{familyPolicy: PreferDualStack, ips: [198.51.100.2], from: dual}}}}"
    ));
    assert_eq!(outcome(&plan, "default/web"), "198.51.100.2 from dual");
    assert_eq!(events(&plan, "default/web"), []);
}

#[test]
fn require_dual_stack_with_one_cluster_ip_is_cleared_with_its_own_event() {
    let plan = plan(&format!(
        "{POOLS}services: {{default/web: {{familyPolicy: RequireDualStack, ips: [198.51.100.2], from: dual}}}}"
    ));
    assert!(outcome(&plan, "default/web").contains("fewer than two ClusterIPs"));
    let text = "Service requires dual stack but not enough clusterips [10.0.0.1]".to_owned();
    assert_eq!(
        events(&plan, "default/web"),
        [(EventReason::NotEnoughClusterIps, text)]
    );
}

#[test]
fn an_address_that_left_all_pools_is_cleared_and_replaced() {
    let plan = plan(&format!(
        "{POOLS}services: {{default/web: {{ips: [192.0.2.1], from: old}}}}"
    ));
    assert_eq!(outcome(&plan, "default/web"), "198.51.100.0 from dual");
    let told = events(&plan, "default/web");
    let reasons: Vec<_> = told.iter().map(|(reason, _)| *reason).collect();
    assert_eq!(
        reasons,
        [EventReason::ClearAssignment, EventReason::IpAllocated]
    );
    let text = "current IP for \"default/web\" not allowed by config, will attempt for new IP assignment: ";
    assert!(told[0].1.starts_with(text), "{}", told[0].1);
}

#[test]
fn without_pools_every_service_is_cleared_with_the_reason() {
    let plan = plan("services: {default/web: {ips: [192.0.2.1], from: old}, default/new: }");
    for key in ["default/web", "default/new"] {
        assert!(outcome(&plan, key).ends_with("; create an IPAddressPool"));
    }
    let reasons: Vec<_> = events(&plan, "default/web")
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        [EventReason::ClearAssignment, EventReason::AllocationFailed]
    );
}

#[test]
fn a_request_that_makes_no_sense_keeps_what_is_held_and_fails_what_is_not() {
    let plan = plan(&format!(
        "{POOLS}services:
  default/held: {{ips: [198.51.100.2], from: dual, wants: bogus}}
  default/new: {{wants: 198.51.100.1, loadBalancerIp: 198.51.100.1}}"
    ));
    assert_eq!(outcome(&plan, "default/held"), "198.51.100.2 from dual");
    let text = "invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: \"bogus\""
        .to_owned();
    assert_eq!(
        events(&plan, "default/held"),
        [(EventReason::LoadBalancerFailed, text)]
    );
    let (reason, text) = events(&plan, "default/new").remove(0);
    assert_eq!(reason, EventReason::AllocationFailed);
    assert!(
        text.starts_with("Failed to allocate IP for \"default/new\": service can not have both"),
        "{text}"
    );
}

#[test]
fn each_failure_says_what_is_wrong_and_what_would_help() {
    let plan = plan(
        "pools:
  auto-off: {addresses: [198.51.100.0/30], autoAssign: false}
  full: {addresses: [203.0.113.128/32]}
  theirs: {addresses: [203.0.113.136/30], serviceAllocation: {namespaces: [other]}}
services:
  a/holder: {ips: [203.0.113.128], ports: [80]}
  b/exhausted: {}
  b/no-such-pool: {pool: nowhere}
  b/not-admitted: {pool: theirs}
  b/outside: {wants: 192.0.2.1}
  b/taken: {wants: 203.0.113.128}
  b/two-wishes: {wants: 198.51.100.1, pool: full}
  b/wrong-family: {wants: \"2001:db8::1\"}",
    );
    // The allocator words the problem; here it counts that it names what is in the way.
    let expected = [
        (
            "b/exhausted",
            "full",
            "add IPv4 addresses to pool full, or free one",
        ),
        (
            "b/no-such-pool",
            "nowhere",
            "create the IPAddressPool nowhere, or correct the annotation",
        ),
        (
            "b/not-admitted",
            "serviceAllocation",
            "make serviceAllocation of theirs match",
        ),
        (
            "b/outside",
            "192.0.2.1",
            "add 192.0.2.1 to an IPAddressPool",
        ),
        (
            "b/taken",
            "a/holder",
            "give a/holder and this Service the same metallb.io/allow",
        ),
        (
            "b/two-wishes",
            "auto-off",
            "remove the annotation metallb.io/address-pool, or make it auto-off",
        ),
        (
            "b/wrong-family",
            "2001:db8::1",
            "ask for addresses that are IPv4",
        ),
    ];
    for (key, problem, remedy) in expected {
        let text = outcome(&plan, key);
        let (before, after) = text.rsplit_once("; ").unwrap();
        assert!(before.contains(problem), "{key}: {text}");
        assert!(after.starts_with(remedy), "{key}: {text}");
    }
}

#[test]
fn a_pool_that_must_be_asked_for_is_named_in_the_remedy() {
    let plan =
        plan("pools: {p: {addresses: [198.51.100.0/30], autoAssign: false}}\nservices: {a/web: }");
    let text = outcome(&plan, "a/web");
    assert!(
        text.ends_with(
            "ask for pool p with the annotation metallb.io/address-pool, or turn its autoAssign on"
        ),
        "{text}"
    );
}

#[test]
fn a_pool_for_others_is_passed_over_by_namespace_and_label() {
    let plan = plan(
        "pools:
  gold: {addresses: [198.51.100.0/30], serviceAllocation: {priority: 5, services: [{tier: gold}], namespaces: [a]}}
  nobody: {addresses: [198.51.100.4/30], serviceAllocation: {priority: 1, namespaces: []}}
  rest: {addresses: [198.51.100.8/30]}
services:
  a/gold: {labels: {tier: gold}}
  a/plain: {}
  b/gold: {labels: {tier: gold}}",
    );
    assert_eq!(outcome(&plan, "a/gold"), "198.51.100.0 from gold");
    assert_eq!(outcome(&plan, "a/plain"), "198.51.100.8 from rest");
    assert_eq!(outcome(&plan, "b/gold"), "198.51.100.9 from rest");
}

#[test]
fn an_address_of_another_class_is_taken_and_not_touched() {
    let snapshot = fixture::snapshot(
        "pools: {p: {addresses: [198.51.100.0/31]}}
services:
  a/theirs: {class: other, ips: [198.51.100.0], from: whatever}
  b/ours: {wants: 198.51.100.0}
  c/ours: {}",
    );
    let plan = plan_allocation(&snapshot);
    assert_eq!(
        plan.services[&fixture::key("a/theirs")].outcome,
        Outcome::NotOurClass
    );
    assert!(outcome(&plan, "b/ours").contains("a/theirs"));
    assert_eq!(outcome(&plan, "c/ours"), "198.51.100.1 from p");
    assert!(
        !effects(&snapshot, &AllocationPlan::default())
            .iter()
            .any(|effect| effect.starts_with("a/theirs"))
    );
}

#[test]
fn what_is_left_on_a_service_of_another_type_is_cleared_whatever_class_is_served() {
    let snapshot = fixture::snapshot(
        "options: {class: ours}
services: {a/former: {otherType: true, from: p}, a/plain: {otherType: true}}",
    );
    assert_eq!(
        effects(&snapshot, &AllocationPlan::default()),
        ["a/former []  "]
    );
}

#[test]
fn services_share_with_equal_keys_and_backends_and_different_ports() {
    let plan = plan(
        "pools: {p: {addresses: [198.51.100.0/32]}}
services:
  a/one: {share: x, ports: [80]}
  a/two: {share: x, ports: [443]}
  b/same-port: {share: x, ports: [80]}
  c/local: {share: x, ports: [53], local: true, selector: {app: dns}}",
    );
    assert_eq!(outcome(&plan, "a/one"), "198.51.100.0 from p");
    assert_eq!(outcome(&plan, "a/two"), "198.51.100.0 from p");
    for key in ["b/same-port", "c/local"] {
        assert!(
            plan.services[&fixture::key(key)]
                .outcome
                .refusal()
                .is_some(),
            "{key}"
        );
    }
}

#[test]
fn what_a_service_of_another_type_has_left_is_cleared() {
    let snapshot = fixture::snapshot(&format!(
        "{POOLS}services: {{a/web: {{otherType: true, ips: [198.51.100.0], from: dual}}, b/web: }}"
    ));
    let changes = effects(&snapshot, &AllocationPlan::default());
    assert_eq!(
        changes[..2],
        ["a/web []  ", "b/web [198.51.100.0] dual Assigned"]
    );
}

#[test]
fn cluster_ips_that_make_no_sense_leave_things_as_they_are() {
    let plan = plan(&format!(
        "{POOLS}services:
  a/held: {{clusterIPs: [None], ips: [198.51.100.0], from: dual}}
  a/new: {{clusterIPs: [None]}}
  a/none: {{clusterIPs: []}}"
    ));
    assert_eq!(
        plan.services[&fixture::key("a/held")].outcome,
        Outcome::Untouched
    );
    assert_eq!(
        events(&plan, "a/held")[0].0,
        EventReason::NoClusterIpsIpFamily
    );
    assert!(
        outcome(&plan, "a/new")
            .starts_with("the ClusterIPs of the Service are not one address a family")
    );
    assert!(outcome(&plan, "a/none").starts_with("the Service has no ClusterIP"));
}

#[test]
fn a_status_that_is_no_address_is_replaced_and_told() {
    let plan = plan(&format!("{POOLS}services: {{a/web: {{ips: [bogus]}}}}"));
    assert_eq!(outcome(&plan, "a/web"), "198.51.100.0 from dual");
    let reasons: Vec<_> = events(&plan, "a/web")
        .into_iter()
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(
        reasons,
        [EventReason::NoLbIpsIpFamily, EventReason::IpAllocated]
    );
}

#[test]
fn a_deprecated_annotation_is_told_of_when_the_service_is_written_anyway() {
    let deprecated = "deprecated: [metallb.universe.tf/address-pool], pool: dual";
    let plan = plan(&format!(
        "{POOLS}services:
  a/new: {{{deprecated}}}
  a/settled: {{{deprecated}, ips: [198.51.100.3], from: dual}}"
    ));
    let text = "Service uses deprecated annotation metallb.universe.tf/address-pool".to_owned();
    assert_eq!(
        events(&plan, "a/new")[1],
        (EventReason::DeprecatedAnnotation, text)
    );
    assert_eq!(events(&plan, "a/settled"), []);
}

#[test]
fn effects_are_differences_and_each_event_is_told_once() {
    let mut snapshot = fixture::snapshot(
        "pools: {p: {addresses: [198.51.100.0/32]}}
services: {a/first: {created: 1}, a/second: {created: 2}}",
    );
    let plan = plan_allocation(&snapshot);
    assert_eq!(
        effects(&snapshot, &AllocationPlan::default()),
        [
            "a/first [198.51.100.0] p Assigned",
            "Service a/first IPAllocated",
            "a/second []  Exhausted",
            "Service a/second AllocationFailed",
            "p 1 of 0"
        ]
    );
    // Not seen back yet: the writes are tried again, but nothing is told twice.
    assert_eq!(
        effects(&snapshot, &plan),
        [
            "a/first [198.51.100.0] p Assigned",
            "a/second []  Exhausted",
            "p 1 of 0"
        ]
    );
    plan.apply(&mut snapshot);
    assert_eq!(effects(&snapshot, &plan), Vec::<String>::new());
    // The holder goes, and whoever waited is served.
    snapshot.services.remove(&fixture::key("a/first"));
    assert_eq!(
        effects(&snapshot, &plan),
        [
            "a/second [198.51.100.0] p Assigned",
            "Service a/second IPAllocated"
        ]
    );
}
