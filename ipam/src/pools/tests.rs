use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::family::Family;
use crate::pool::PoolError;

fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool::try_new(name, ranges.iter().map(|range| range.parse().unwrap())).unwrap()
}

fn fault(name: &str, ranges: &[&str]) -> PoolError {
    Pool::try_new(name, ranges.iter().map(|range| range.parse().unwrap())).unwrap_err()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_pool_by_itself_can_be_wrong() {
    assert_eq!(fault("", &["192.0.2.0/24"]), PoolError::EmptyName);
    assert_eq!(fault("a", &[]).to_string(), "pool a has no addresses");
    let overlap = fault(
        "a",
        &[
            "192.0.2.128/25",
            "198.51.100.0/24",
            "192.0.2.100-192.0.2.130",
        ],
    );
    assert_eq!(
        overlap.to_string(),
        "pool a: 192.0.2.100-192.0.2.130 and 192.0.2.128/25 overlap"
    );
}

#[test]
fn an_overlap_names_both_pools_and_both_ranges() {
    let mut pools = Pools::try_new([pool("a", &["198.51.100.0/24", "2001:db8::/64"])]).unwrap();
    let before = pools.clone();
    let error = pools
        .insert(pool("b", &["192.0.2.0/24", "2001:db8::7-2001:db8::9"]))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "2001:db8::7-2001:db8::9 of pool b overlaps 2001:db8::/64 of pool a"
    );
    assert_eq!(pools, before, "what is refused leaves nothing behind");
}

#[test]
fn a_name_is_used_once() {
    let error = Pools::try_new([
        pool("a", &["192.0.2.0/24"]),
        pool("a", &["198.51.100.0/24"]),
    ])
    .unwrap_err();
    assert_eq!(error.to_string(), "there are two pools named a");
}

#[test]
fn pools_come_by_name() {
    let pools = Pools::try_new([
        pool("b", &["192.0.2.0/24"]),
        pool("a", &["198.51.100.0/24"]),
    ])
    .unwrap();
    assert_eq!(
        pools
            .iter()
            .map(|pool| pool.name().as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert!(!pools.is_empty() && Pools::new().is_empty());
    assert!(
        pools
            .get(&"a".into())
            .is_some_and(|pool| pool.has_family(Family::V4) && !pool.has_family(Family::V6))
    );
}

#[test]
fn the_one_pool_of_some_addresses_is_found_or_the_reason_given() {
    let mut avoiding = pool("b", &["198.51.100.0/24"]);
    avoiding.avoid_buggy_ips = true;
    let pools = Pools::try_new([pool("a", &["192.0.2.0/24", "2001:db8::/64"]), avoiding]).unwrap();
    let look_up = |texts: &[&str]| -> Result<String, String> {
        let found = pools.pool_for(texts.iter().map(|text| ip(text)));
        found
            .map(|pool| pool.name().to_string())
            .map_err(|error| error.to_string())
    };
    assert_eq!(look_up(&["192.0.2.255", "2001:db8::"]).unwrap(), "a");
    assert_eq!(look_up(&["198.51.100.1"]).unwrap(), "b");
    assert_eq!(look_up(&[]).unwrap_err(), "no address is given");
    assert_eq!(
        look_up(&["192.0.2.1", "203.0.113.1"]).unwrap_err(),
        "203.0.113.1 is in no pool"
    );
    assert_eq!(
        look_up(&["198.51.100.0"]).unwrap_err(),
        "pool b has avoidBuggyIPs set, which excludes 198.51.100.0"
    );
    assert_eq!(
        look_up(&["198.51.100.1", "2001:db8::1"]).unwrap_err(),
        "198.51.100.1 is in pool b, 2001:db8::1 in pool a; both must be in one"
    );
}

proptest! {
    #[test]
    fn the_index_agrees_with_looking_at_every_range(
        ranges in prop::collection::vec((any::<bool>(), 0..200_u128, 0..12_u128), 1..20),
    ) {
        let mut pools = Pools::new();
        for (number, (v4, first, more)) in ranges.into_iter().enumerate() {
            let family = if v4 { Family::V4 } else { Family::V6 };
            let range = IpRange::try_new(family.address(first), family.address(first + more)).unwrap();
            let free = pools.iter().all(|pool| !pool.ranges().iter().any(|other| other.overlaps(&range)));
            let pool = Pool::try_new(number.to_string().as_str(), [range]).unwrap();
            prop_assert_eq!(pools.insert(pool).is_ok(), free);
        }
        for family in [Family::V4, Family::V6] {
            for address in (0..220).map(|bits| family.address(bits)) {
                let expected = pools.iter().find(|pool| pool.contains(address));
                prop_assert_eq!(pools.containing(address), expected);
            }
        }
    }
}
