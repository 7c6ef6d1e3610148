//! Pools whose addresses the cluster uses for something else, for snapshots in YAML.

mod fixture;

use planner::overlap::Overlaps;

fn told(overlaps: &Overlaps) -> Vec<String> {
    let overlaps = overlaps.by_pool().into_iter();
    overlaps
        .map(|overlap| format!("{}: {overlap}", overlap.pool))
        .collect()
}

const HELP: &str = "; take these addresses out of the pool, or exclude them with the annotation \
                    ferrolb.io/excluded-addresses";

#[test]
fn addresses_of_nodes_and_ranges_of_pods_and_services_are_told_once_a_pool_and_kind() {
    let snapshot = fixture::snapshot(
        "
pools:
  a: {addresses: [192.0.2.0/28, 198.51.100.0/24]}
  b: {addresses: [198.51.101.0/24, \"2001:db8::/64\"]}
  c: {addresses: [203.0.113.0/24]}
nodes:
  n1: {addresses: [192.0.2.1, \"2001:db8::1\"], podRanges: [198.51.100.0/23]}
  n2: {addresses: [192.0.2.2], podRanges: [198.51.102.0/24]}
serviceRanges: {kubernetes: [\"2001:db8::/112\"]}
services: {shop/web: {clusterIPs: [203.0.113.1]}}
",
    );
    let expected = [
        "a: 192.0.2.0/28 overlaps the address 192.0.2.1 of Node n1 and 1 more like it",
        "a: 198.51.100.0/24 overlaps the pod range 198.51.100.0/23 of Node n1",
        "b: 2001:db8::/64 overlaps the address 2001:db8::1 of Node n1",
        "b: 198.51.101.0/24 overlaps the pod range 198.51.100.0/23 of Node n1",
        "b: 2001:db8::/64 overlaps the range 2001:db8::/112 of ServiceCIDR kubernetes",
    ];
    assert_eq!(
        told(&Overlaps::new(&snapshot)),
        expected.map(|text| format!("{text}{HELP}"))
    );
}

#[test]
fn excluded_addresses_overlap_nothing() {
    let snapshot = fixture::snapshot(
        "
pools: {a: {addresses: [192.0.2.0/24], excluded: [192.0.2.0/29]}}
nodes: {n1: {addresses: [192.0.2.1, 192.0.2.7]}}
",
    );
    assert_eq!(told(&Overlaps::new(&snapshot)), Vec::<String>::new());
}

#[test]
fn where_the_ranges_of_services_are_not_known_their_cluster_ips_tell() {
    let mut snapshot = fixture::snapshot(
        "
pools: {a: {addresses: [192.0.2.0/24]}}
services:
  shop/far: {clusterIPs: [10.0.0.1]}
  shop/folder: {clusterIPs: [0.0.0.0]}
",
    );
    let mut overlaps = Overlaps::new(&snapshot);
    assert_eq!(told(&overlaps), Vec::<String>::new());
    let near = fixture::snapshot("services: {shop/near: {clusterIPs: [192.0.2.9]}}");
    snapshot.services.extend(near.services);
    let key = fixture::key("shop/near");
    overlaps.update_services(&snapshot, [&key]);
    let text = "a: 192.0.2.0/24 overlaps the ClusterIP 192.0.2.9 of Service shop/near";
    assert_eq!(told(&overlaps), [format!("{text}{HELP}")]);
    assert_eq!(told(&overlaps), told(&Overlaps::new(&snapshot)));
    snapshot.services.remove(&key);
    overlaps.update_services(&snapshot, [&key]);
    assert_eq!(told(&overlaps), Vec::<String>::new());
}
