//! Who owns what, given who is alive and what each says of its links.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;
use std::net::IpAddr;

use planner::announcements::Announcements;
use planner::departure::Departure;
use planner::desired::{AddressDesired, Tenure, desired_state};
use planner::eligible::Exclusion;
use planner::members::{Member, MemberLink, Members};
use planner::names::NodeName;
use planner::report::AddressReport;
use planner::snapshot::Snapshot;
use planner::verdict::{NotOwner, Reason};

const ADDRESS: &str = "198.51.100.1";

/// Three nodes, one Service with [`ADDRESS`].
fn cluster(l2: &str, service: &str) -> Snapshot {
    let nodes = "nodes: {n1: , n2: , n3: }";
    let pools = "pools: {web: {addresses: [198.51.100.0/24, 2001:db8::/64]}}";
    fixture::snapshot(&format!(
        "{pools}\n{nodes}\nl2: {{all: {l2}}}\nservices: {{a/web: {{{service}}}}}"
    ))
}

fn plain() -> Snapshot {
    cluster("", "ips: [198.51.100.1], endpoints: {n1: [ready]}")
}

/// A member with links such as `eth0 up 198.51.100.0/24`.
fn member(links: &[&str]) -> Member {
    let links = links.iter().map(|text| {
        let mut words = text.split(' ');
        let name = words.next().unwrap().into();
        let link = MemberLink {
            is_up: words.next() == Some("up"),
            subnets: words.map(|subnet| subnet.parse().unwrap()).collect(),
            macs: BTreeSet::new(),
        };
        (name, link)
    });
    Member {
        links: links.collect(),
        is_draining: false,
    }
}

fn members<const N: usize>(members: [(&str, Member); N]) -> Members {
    let named = members.map(|(node, member)| (NodeName::from(node), member));
    named.into_iter().collect()
}

/// Members that differ in the links of one node alone.
fn with_odd(odd: &str, its: &[&str], others: &[&str]) -> Members {
    let named = ["n1", "n2", "n3"].map(|node| {
        let links = if node == odd { its } else { others };
        (node, member(links))
    });
    members(named)
}

fn hearing(node: &str, snapshot: &Snapshot, members: &Members) -> Announcements {
    let mut announcements = Announcements::new(node.into());
    announcements.decide_anew(snapshot);
    announcements.set_members(snapshot, Some(members.clone()));
    announcements
}

fn of_address(snapshot: &Snapshot, members: &Members) -> AddressReport {
    let announcements = hearing("n1", snapshot, members);
    let address = ADDRESS.parse().unwrap();
    announcements.address_report(snapshot, &address).unwrap()
}

fn order(report: &AddressReport) -> Vec<&str> {
    let ranking = report.ranking.iter();
    ranking.map(|ranked| ranked.node.as_str()).collect()
}

/// The order with everybody alive and nothing known of links.
fn natural_order(snapshot: &Snapshot) -> Vec<String> {
    let silent = with_odd("", &[], &[]);
    let report = of_address(snapshot, &silent);
    order(&report).into_iter().map(str::to_owned).collect()
}

fn held(addresses: &[&str]) -> BTreeSet<IpAddr> {
    let parsed = addresses.iter().map(|address| address.parse().unwrap());
    parsed.collect()
}

fn desired<'a>(announcements: &'a Announcements, address: &str) -> Option<&'a AddressDesired> {
    let address: IpAddr = address.parse().unwrap();
    announcements.desired().addresses.get(&address)
}

fn tenure(announcements: &Announcements) -> Option<Tenure> {
    desired(announcements, ADDRESS).map(|desired| desired.tenure)
}

#[test]
fn who_is_not_heard_of_owns_nothing_and_the_next_in_order_does() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let mut alive = with_odd("", &[], &[]);
    alive.remove(&natural[0].as_str().into());
    let report = of_address(&snapshot, &alive);
    assert_eq!(order(&report), natural[1..]);
    let excluded = &report.excluded[natural[0].as_str()];
    assert_eq!(*excluded, Exclusion::NotAlive);
    assert_eq!(excluded.to_string(), "its speaker is not heard of");
    let [dead, heir] = [0, 1].map(|rank| hearing(&natural[rank], &snapshot, &alive));
    assert_eq!(tenure(&dead), None);
    assert_eq!(tenure(&heir), Some(Tenure::Owner));
}

#[test]
fn where_nobody_asks_who_is_alive_everybody_counts_as_alive() {
    let snapshot = plain();
    let mut announcements = hearing("n1", &snapshot, &Members::new());
    let reason = announcements.desired().verdicts[&fixture::key("a/web")]
        .layer2
        .reason();
    assert_eq!(reason, Some(&Reason::NotOwner(NotOwner::NoCandidate)));
    announcements.set_members(&snapshot, None);
    assert_eq!(
        announcements.desired(),
        &desired_state(&snapshot, &"n1".into())
    );
}

#[test]
fn bgp_does_not_ask_who_is_alive() {
    let snapshot = fixture::snapshot(
        "
pools: {web: {addresses: [198.51.100.0/24]}}
nodes: {n1: }
peers: {far: {my: 64512, peer: \"64513\", address: 203.0.113.1}}
bgp: {all: }
services: {a/web: {ips: [198.51.100.1], endpoints: {n1: [ready]}}}
",
    );
    let announcements = hearing("n1", &snapshot, &Members::new());
    assert_eq!(announcements.desired().peers["far"].routes.len(), 1);
}

#[test]
fn of_the_links_only_those_count_that_advertisements_name() {
    for (l2, passed_over) in [
        ("", false),
        ("{interfaces: [eth1]}", true),
        ("{interfaces: [eth9]}", false),
    ] {
        let snapshot = cluster(l2, "ips: [198.51.100.1], endpoints: {n1: [ready]}");
        let natural = natural_order(&snapshot);
        let odd = ["eth0 up", "eth1 down"];
        let members = with_odd(&natural[0], &odd, &["eth0 up", "eth1 up"]);
        let report = of_address(&snapshot, &members);
        let excluded = report.excluded.get(natural[0].as_str());
        let expected = passed_over.then_some(&Exclusion::LinkDown);
        assert_eq!(excluded, expected, "{l2}");
        assert_eq!(order(&report), natural[usize::from(passed_over)..], "{l2}");
    }
}

#[test]
fn who_is_not_on_the_subnet_is_passed_over_where_another_is() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let near = ["eth0 up 198.51.100.7/24 2001:db8::7/64"];
    let far = ["eth0 up 203.0.113.0/24", "eth1 down 198.51.100.0/24"];
    let report = of_address(&snapshot, &with_odd(&natural[0], &far, &near));
    assert_eq!(order(&report), natural[1..]);
    let excluded = report.excluded[natural[0].as_str()];
    assert_eq!(excluded, Exclusion::NotOnSubnet);
    // Who says nothing may well be.
    let report = of_address(&snapshot, &with_odd(&natural[0], &[], &near));
    assert_eq!(order(&report), natural);
}

#[test]
fn where_all_or_none_are_on_the_subnet_the_order_is_that_of_metallb() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    for links in [
        ["eth0 up 198.51.100.0/24"],
        ["eth0 up 203.0.113.0/24"],
        ["eth0 up"],
        ["eth0 down"],
    ] {
        let report = of_address(&snapshot, &with_odd("", &links, &links));
        assert_eq!(order(&report), natural, "{links:?}");
        assert!(report.excluded.is_empty(), "{links:?}");
    }
}

#[test]
fn the_first_address_decides_for_both_families() {
    for (ips, passed_over) in [
        ("198.51.100.1, 2001:db8::1", false),
        ("2001:db8::1, 198.51.100.1", true),
    ] {
        let service = format!("ips: [{ips}], endpoints: {{n1: [ready]}}");
        let snapshot = cluster("", &service);
        let natural = natural_order(&snapshot);
        let both = ["eth0 up 198.51.100.0/24 2001:db8::/64"];
        let members = with_odd(&natural[0], &["eth0 up 198.51.100.0/24"], &both);
        let owner = natural[usize::from(passed_over)].as_str();
        let owner = hearing(owner, &snapshot, &members);
        assert!(desired(&owner, ADDRESS).is_some());
        assert!(desired(&owner, "2001:db8::1").is_some());
    }
}

#[test]
fn who_says_that_it_leaves_owns_only_what_no_other_can() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let leaving = Member {
        is_draining: true,
        ..Member::default()
    };
    let mut alive = with_odd("", &[], &[]);
    alive.insert(natural[0].as_str().into(), leaving.clone());
    let report = of_address(&snapshot, &alive);
    assert_eq!(order(&report), natural[1..]);
    let excluded = report.excluded[natural[0].as_str()];
    assert_eq!(excluded, Exclusion::Leaving);
    assert_eq!(excluded.to_string(), "its speaker says that it leaves");
    let alone = members([(natural[0].as_str(), leaving)]);
    assert_eq!(order(&of_address(&snapshot, &alone)), natural[..1]);
}

#[test]
fn an_address_that_does_not_move_back_stays_with_who_has_it_while_none_is_more_able() {
    let service = "ips: [198.51.100.1], endpoints: {n1: [ready]}";
    let snapshot = cluster("{failbackOff: true}", service);
    let natural = natural_order(&snapshot);
    let everybody = with_odd("", &["eth0 up"], &["eth0 up"]);
    let [mut best, mut second] = [0, 1].map(|rank| hearing(&natural[rank], &snapshot, &everybody));
    assert_eq!(tenure(&second), None);
    second.set_held(held(&[ADDRESS]));
    assert_eq!(tenure(&second), Some(Tenure::Kept));
    assert_eq!(
        tenure(&best),
        Some(Tenure::OwnerIfFree),
        "it cannot know, and asks before it takes"
    );
    let gone = with_odd(&natural[0], &["eth0 down"], &["eth0 up"]);
    second.set_members(&snapshot, Some(gone));
    assert_eq!(tenure(&second), Some(Tenure::OwnerIfFree), "it is elected");
    second.set_members(&snapshot, Some(everybody.clone()));
    assert_eq!(tenure(&second), Some(Tenure::Kept));
    let down = with_odd(&natural[1], &["eth0 down"], &["eth0 up"]);
    second.set_members(&snapshot, Some(down));
    assert_eq!(tenure(&second), Some(Tenure::Leaving));
    second.set_held(BTreeSet::new());
    assert_eq!(tenure(&second), None);
    // Where addresses do move back, having one is no reason to keep it.
    let snapshot = cluster("", service);
    best = hearing(&natural[0], &snapshot, &everybody);
    second = hearing(&natural[1], &snapshot, &everybody);
    second.set_held(held(&[ADDRESS]));
    assert_eq!(tenure(&best), Some(Tenure::Owner));
    assert_eq!(tenure(&second), Some(Tenure::Leaving));
}

#[test]
fn an_address_that_nobody_takes_over_is_just_gone() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let mut gone = snapshot.clone();
    gone.endpoints.clear();
    let mut owner = hearing(&natural[0], &snapshot, &with_odd("", &[], &[]));
    owner.set_held(held(&[ADDRESS]));
    owner.decide_anew(&gone);
    assert_eq!(tenure(&owner), None);
}

#[test]
fn a_speaker_that_ends_hands_over_what_another_can_take() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let alone = members([(natural[0].as_str(), Member::default())]);
    for (alive, left) in [
        (with_odd("", &[], &[]), Some(Tenure::Leaving)),
        (alone, None),
    ] {
        let mut owner = hearing(&natural[0], &snapshot, &alive);
        owner.set_held(held(&[ADDRESS]));
        owner.set_departure(&snapshot, Departure::Gone);
        assert_eq!(tenure(&owner), left);
    }
}

#[test]
fn claims_are_ranked_alike_by_nodes_that_do_not_hear_each_other() {
    let snapshot = plain();
    let natural = natural_order(&snapshot);
    let address = ADDRESS.parse().unwrap();
    let alone = |node: &str| {
        let links = ["eth0 up"];
        let view = members([(node, member(&links))]);
        hearing(node, &snapshot, &view)
    };
    let [one, two] = [0, 1].map(|rank| alone(&natural[rank]));
    assert_eq!(tenure(&one), Some(Tenure::Owner));
    assert_eq!(tenure(&two), Some(Tenure::Owner));
    assert!(one.outranks(&address, &natural[1].as_str().into()));
    assert!(!two.outranks(&address, &natural[0].as_str().into()));
    assert!(!one.outranks(&address, &natural[0].as_str().into()));
    assert!(one.outranks(&address, &"stranger".into()));
    let unknown = "198.51.100.99".parse().unwrap();
    assert!(!one.outranks(&unknown, &natural[1].as_str().into()));
}

#[test]
fn the_claim_of_a_node_that_is_asked_to_drain_counts_last() {
    let natural = natural_order(&plain());
    let mut snapshot = plain();
    let best = NodeName::from(natural[0].as_str());
    let mut node = snapshot.nodes[&best].as_ref().clone();
    node.is_draining = true;
    snapshot.nodes.insert(best.clone(), node.into());
    let silent = with_odd("", &[], &[]);
    let address = ADDRESS.parse().unwrap();
    let second = hearing(&natural[1], &snapshot, &silent);
    assert!(second.outranks(&address, &best));
    let best = hearing(&natural[0], &snapshot, &silent);
    assert!(!best.outranks(&address, &natural[1].as_str().into()));
}

#[test]
fn a_member_is_found_by_its_hardware_address() {
    let mac = [2, 0, 0, 0, 0, 7];
    let mut seven = member(&["eth0 up"]);
    for link in seven.links.values_mut() {
        link.macs.insert(mac);
    }
    let members = members([("n1", member(&["eth0 up"])), ("n7", seven)]);
    assert_eq!(members.by_mac(mac), Some(&"n7".into()));
    assert_eq!(members.by_mac([0; 6]), None);
}
