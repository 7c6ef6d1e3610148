//! The rules for addresses, in the order of compat/metallb.md 5.1 to 5.10, as far as `allocation.rs` does not show them.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

use planner::allocation::{AllocationPlan, Outcome, plan_allocation};
use planner::effect::{ConditionStatus, EventReason, EventType};

const POOLS: &str = "
pools:
  dual: {addresses: [198.51.100.0/30, \"2001:db8:1::/126\"]}
  four: {addresses: [203.0.113.0/29]}
";

fn plan(yaml: &str) -> AllocationPlan {
    plan_allocation(&fixture::snapshot(yaml))
}

/// The addresses of a Service and their pool, or the reason of its condition.
fn outcome(plan: &AllocationPlan, key: &str) -> String {
    let allocation = &plan.services[&fixture::key(key)];
    match (&allocation.outcome, &allocation.condition) {
        (Outcome::Assigned { pool, addresses }, _) => format!("{addresses} from {pool}"),
        (_, Some(condition)) => condition.reason.to_string(),
        (other, None) => format!("{other:?}"),
    }
}

/// Checks one Service of each line `name: {what it is} => outcome; reasons of events`.
fn check(pools: &str, cases: &[(&str, &str, &str)]) {
    for (service, expected, told) in cases {
        let plan = plan(&format!("{pools}\nservices: {{a/web: {service}}}"));
        assert_eq!(outcome(&plan, "a/web"), *expected, "{service}");
        let events = &plan.services[&fixture::key("a/web")].events;
        let reasons: Vec<&str> = events.iter().map(|event| event.reason.as_str()).collect();
        assert_eq!(reasons.join(" "), *told, "{service}");
    }
}

/// 5.1, rows 5 to 11b: what is held is confirmed, changed or cleared.
#[test]
fn what_is_held_is_confirmed_or_cleared_row_by_row() {
    check(
        POOLS,
        &[
            // Row 5.
            (
                "{clusterIPs: [], ips: [198.51.100.1], from: dual}",
                "NoClusterIPs",
                "AllocationFailed",
            ),
            // Row 8: neither is an event.
            (
                "{ips: [\"2001:db8:1::1\"], from: dual}",
                "198.51.100.0 from dual",
                "IPAllocated",
            ),
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: RequireDualStack, ips: [198.51.100.1], from: dual}",
                "198.51.100.0, 2001:db8:1:: from dual",
                "IPAllocated",
            ),
            // Row 9.
            (
                "{ips: [192.0.2.1], from: gone}",
                "198.51.100.0 from dual",
                "ClearAssignment IPAllocated",
            ),
            // Row 10.
            (
                "{ips: [198.51.100.1], from: dual, pool: four}",
                "203.0.113.0 from four",
                "IPAllocated",
            ),
            (
                "{ips: [203.0.113.5], from: four, pool: four}",
                "203.0.113.5 from four",
                "",
            ),
            // Row 11.
            (
                "{ips: [198.51.100.1], from: dual, wants: 198.51.100.3}",
                "198.51.100.3 from dual",
                "IPAllocated",
            ),
            (
                "{ips: [198.51.100.1], from: dual, loadBalancerIp: 198.51.100.1}",
                "198.51.100.1 from dual",
                "",
            ),
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: RequireDualStack, from: dual, \
                 ips: [\"2001:db8:1::1\", 198.51.100.1], wants: \"198.51.100.1,2001:db8:1::1\"}",
                "2001:db8:1::1, 198.51.100.1 from dual",
                "",
            ),
            (
                "{ips: [198.51.100.1], from: dual, wants: 198.51.100.1, loadBalancerIp: 198.51.100.1}",
                "198.51.100.1 from dual",
                "LoadBalancerFailed",
            ),
            // Row 11b: the second family comes from the same pool, and its lack takes nothing away.
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, ips: [203.0.113.5], from: four}",
                "203.0.113.5 from four",
                "AdditionalAssignFailed",
            ),
        ],
    );
}

/// 5.1, row 9: each reason for which an address may not stay.
#[test]
fn an_address_that_the_rules_forbid_is_cleared_with_the_reason() {
    let cases = [
        (
            "{addresses: [203.0.113.0/29], avoidBuggyIps: true}",
            "{ips: [203.0.113.0]}",
            "203.0.113.1 from p",
        ),
        (
            "{addresses: [203.0.113.0/29], serviceAllocation: {namespaces: [b]}}",
            "{ips: [203.0.113.1]}",
            "Exhausted",
        ),
        (
            "{addresses: [203.0.113.0/29], serviceAllocation: {services: [{tier: gold}]}}",
            "{ips: [203.0.113.1]}",
            "Exhausted",
        ),
    ];
    for (pool, service, expected) in cases {
        let plan = plan(&format!(
            "pools: {{p: {pool}}}\nservices: {{a/web: {service}}}"
        ));
        assert_eq!(outcome(&plan, "a/web"), expected);
        let events = &plan.services[&fixture::key("a/web")].events;
        assert_eq!(events[0].reason, EventReason::ClearAssignment, "{pool}");
    }
}

/// 5.1, row 7: a hostname counts as none, and is cleared with everything else.
#[test]
fn a_hostname_in_the_ingress_is_written_over_and_is_no_address() {
    for (pools, ingress) in [(POOLS, 1), ("pools: {}", 0)] {
        let mut snapshot = fixture::snapshot(&format!("{pools}\nservices: {{a/web: {{}}}}"));
        let service = snapshot.services.get_mut(&fixture::key("a/web"));
        std::sync::Arc::make_mut(service.unwrap()).has_hostname = true;
        let plan = plan_allocation(&snapshot);
        let reasons = &plan.services[&fixture::key("a/web")].events;
        assert!(
            reasons
                .iter()
                .all(|event| event.reason != EventReason::NoLbIpsIpFamily)
        );
        plan.apply(&mut snapshot);
        let service = &snapshot.services[&fixture::key("a/web")];
        assert_eq!(
            (service.ingress.len(), service.has_hostname),
            (ingress, false)
        );
    }
}

/// 5.2 and 5.8: addresses by request, by pool annotation, and from pools for certain Services.
#[test]
fn addresses_are_chosen_row_by_row() {
    let pools = "
pools:
  auto-off: {addresses: [198.51.100.0/30], autoAssign: false}
  buggy: {addresses: [203.0.113.0/30], avoidBuggyIps: true}
  theirs: {addresses: [203.0.113.8/30], serviceAllocation: {namespaces: [b]}}
  six: {addresses: [\"2001:db8:6::/126\"]}
";
    check(
        pools,
        &[
            ("{}", "203.0.113.1 from buggy", "IPAllocated"),
            (
                "{pool: auto-off}",
                "198.51.100.0 from auto-off",
                "IPAllocated",
            ),
            (
                "{wants: 198.51.100.2}",
                "198.51.100.2 from auto-off",
                "IPAllocated",
            ),
            ("{pool: theirs}", "NotAdmitted", "AllocationFailed"),
            ("{wants: 203.0.113.9}", "NotAdmitted", "AllocationFailed"),
            ("{wants: 203.0.113.0}", "NotInPool", "AllocationFailed"),
            ("{pool: nowhere}", "UnknownPool", "AllocationFailed"),
            (
                "{wants: 198.51.100.1, pool: buggy}",
                "WrongPool",
                "AllocationFailed",
            ),
            (
                "{wants: \"2001:db8:6::1\"}",
                "WrongFamilies",
                "AllocationFailed",
            ),
            // One address of each family, even where one would do, and of one pool.
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, wants: 198.51.100.1}",
                "WrongFamilies",
                "AllocationFailed",
            ),
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, wants: \"198.51.100.1,2001:db8:6::1\"}",
                "NotInPool",
                "AllocationFailed",
            ),
            // A pool that is asked for must have both families only if both are required.
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: RequireDualStack, pool: six}",
                "Exhausted",
                "AllocationFailed",
            ),
            (
                "{clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, pool: six}",
                "2001:db8:6:: from six",
                "IPAllocated AdditionalAssignFailed",
            ),
            // No pool has both: the primary family, from the first pool by name.
            (
                "{clusterIPs: [\"fd00::1\", 10.0.0.1], familyPolicy: PreferDualStack}",
                "2001:db8:6:: from six",
                "IPAllocated AdditionalAssignFailed",
            ),
        ],
    );
}

/// 5.4.
#[test]
fn an_address_is_shared_by_equal_keys_and_backends_with_different_ports() {
    let cases = [
        // The holder, the newcomer, and whether it gets in.
        ("share: x, ports: [80]", "share: x, ports: [443]", true),
        ("share: x, ports: [80]", "share: x, ports: [80]", false),
        ("share: x, ports: [80]", "share: y, ports: [443]", false),
        ("share: x, ports: [80]", "ports: [443]", false),
        ("ports: [80]", "ports: [443]", false),
        (
            "share: x, ports: [80]",
            "share: x, ports: [443], local: true, selector: {app: web}",
            false,
        ),
        (
            "share: x, ports: [80], local: true, selector: {app: web}",
            "share: x, ports: [443], local: true, selector: {app: web}",
            true,
        ),
        (
            "share: x, ports: [80], local: true, selector: {app: web}",
            "share: x, ports: [443], local: true, selector: {app: dns}",
            false,
        ),
        // With policy Local and no selector there are no pods to agree on.
        (
            "share: x, ports: [80]",
            "share: x, ports: [443], local: true",
            true,
        ),
    ];
    for (holder, newcomer, may_share) in cases {
        let plan = plan(&format!(
            "pools: {{p: {{addresses: [203.0.113.0/31]}}}}
services:
  a/holder: {{ips: [203.0.113.0], from: p, {holder}}}
  b/asks: {{wants: 203.0.113.0, {newcomer}}}"
        ));
        let expected = if may_share {
            "203.0.113.0 from p"
        } else {
            "AddressInUse"
        };
        assert_eq!(
            outcome(&plan, "b/asks"),
            expected,
            "{holder} and {newcomer}"
        );
        assert_eq!(outcome(&plan, "a/holder"), "203.0.113.0 from p");
    }
}

/// 5.4: who asks for no address in particular shares the first that can be, and else gets one of its own.
#[test]
fn sharing_is_taken_where_there_is_one() {
    let plan = plan(
        "pools: {p: {addresses: [203.0.113.0/30]}}
services:
  a/holder: {ips: [203.0.113.0], from: p, share: x, ports: [80]}
  b/fits: {share: x, ports: [443], created: 1}
  c/collides: {share: x, ports: [80], created: 2}",
    );
    assert_eq!(outcome(&plan, "b/fits"), "203.0.113.0 from p");
    assert_eq!(outcome(&plan, "c/collides"), "203.0.113.1 from p");
}

/// 5.5: a pool that is renamed takes its addresses along; one that grows, shrinks or goes is looked at anew.
#[test]
fn addresses_follow_their_pool() {
    check(
        "pools: {new: {addresses: [203.0.113.0/30]}}",
        &[
            (
                "{ips: [203.0.113.1], from: old}",
                "203.0.113.1 from new",
                "",
            ),
            (
                "{ips: [203.0.113.5], from: new}",
                "203.0.113.0 from new",
                "ClearAssignment IPAllocated",
            ),
        ],
    );
}

/// 5.6: who has an address comes before who has none, however old.
#[test]
fn holders_are_confirmed_before_newcomers_are_served() {
    let plan = plan(
        "pools: {p: {addresses: [203.0.113.0/32]}}
services:
  a/old: {created: 1, wants: 203.0.113.0}
  b/young: {created: 9, ips: [203.0.113.0], from: p}",
    );
    assert_eq!(outcome(&plan, "b/young"), "203.0.113.0 from p");
    assert_eq!(outcome(&plan, "a/old"), "AddressInUse");
}

/// 5.9.
#[test]
fn only_services_of_exactly_the_class_that_is_served_are_touched() {
    for (served, service, is_ours) in [
        ("{}", "{}", true),
        ("{}", "{class: x}", false),
        ("{class: x}", "{class: x}", true),
        ("{class: x}", "{class: xx}", false),
        ("{class: x}", "{}", false),
    ] {
        let plan = plan(&format!(
            "options: {served}{POOLS}services: {{a/web: {service}}}"
        ));
        let allocation = &plan.services[&fixture::key("a/web")];
        assert_eq!(
            allocation.outcome != Outcome::NotOurClass,
            is_ours,
            "{served} {service}"
        );
        assert_eq!(allocation.condition.is_some(), is_ours);
    }
}

/// 2.3: the type and the source of each event of the controller.
#[test]
fn events_have_the_types_and_the_source_of_metallb() {
    let normal = [
        EventReason::IpAllocated,
        EventReason::ClearAssignment,
        EventReason::AdditionalAssignFailed,
    ];
    let warning = [
        EventReason::AllocationFailed,
        EventReason::LoadBalancerFailed,
        EventReason::NoLbIpsIpFamily,
        EventReason::NoClusterIpsIpFamily,
        EventReason::NotEnoughClusterIps,
        EventReason::DeprecatedAnnotation,
    ];
    for reason in normal.into_iter().chain(warning) {
        let is_normal = normal.contains(&reason);
        let expected = if is_normal {
            EventType::Normal
        } else {
            EventType::Warning
        };
        assert_eq!(reason.event_type(), expected, "{reason}");
        assert_eq!(reason.source_component(), "metallb-controller");
    }
}

#[test]
fn a_condition_says_what_is_there_or_what_would_help() {
    let plan = plan(
        "pools: {four: {addresses: [203.0.113.0-203.0.113.2]}}
services:
  a/full: {created: 9}
  a/has: {ips: [203.0.113.0], from: four}
  a/half: {clusterIPs: [10.0.0.1, \"fd00::1\"], familyPolicy: PreferDualStack, ips: [203.0.113.1], from: four}
  a/wish: {ips: [203.0.113.2], from: four, wants: bogus}
  a/other: {otherType: true}",
    );
    let condition = |key: &str| plan.services[&fixture::key(key)].condition.clone();
    let says = |key: &str| {
        let condition = condition(key).unwrap();
        (
            condition.status,
            condition.reason.into_owned(),
            condition.message,
        )
    };
    assert_eq!(
        says("a/has"),
        (
            ConditionStatus::True,
            "Assigned".to_owned(),
            "203.0.113.0 from pool four".to_owned()
        )
    );
    let (status, reason, message) = says("a/full");
    assert_eq!(
        (status, reason.as_str()),
        (ConditionStatus::False, "Exhausted")
    );
    assert!(
        message.ends_with("; add IPv4 addresses to pool four, or free one that is in use"),
        "{message}"
    );
    // What it lacks, or what is wrong with its wish, although it has an address.
    for (key, parts) in [
        (
            "a/half",
            [
                "203.0.113.1 from pool four; ",
                "add IPv6 addresses to pool four",
            ],
        ),
        (
            "a/wish",
            [
                "203.0.113.2 from pool four; ",
                "make metallb.io/loadBalancerIPs one IPv4 address",
            ],
        ),
    ] {
        let (status, _, message) = says(key);
        assert_eq!(status, ConditionStatus::True);
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }
    assert_eq!(condition("a/other"), None);
}
