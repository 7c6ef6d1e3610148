use std::collections::BTreeSet;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn free(ranges: &[&str], avoid_buggy_ips: bool) -> FreeAddresses {
    let mut pool = Pool::try_new("a", ranges.iter().map(|range| range.parse().unwrap())).unwrap();
    pool.avoid_buggy_ips = avoid_buggy_ips;
    let mut free = FreeAddresses::new(Avoidance::of(&pool, Family::V4));
    let ranges = pool.ranges().iter().enumerate();
    for (index, range) in ranges.filter(|(_, range)| range.family() == Family::V4) {
        free.add(index, range);
    }
    free
}

/// Takes the first free address until there is none.
fn drain(mut free: FreeAddresses) -> Vec<Position> {
    core::iter::from_fn(|| free.first().inspect(|position| free.take(*position))).collect()
}

#[test]
fn ranges_are_used_up_in_their_order() {
    let taken = drain(free(
        &["203.0.113.0/31", "198.51.100.0/31", "2001:db8::/64"],
        false,
    ));
    let ranges: Vec<usize> = taken.iter().map(|position| position.range).collect();
    assert_eq!(ranges, [0, 0, 1, 1]);
    assert!(taken.is_sorted());
}

#[test]
fn taking_what_is_not_free_changes_nothing() {
    let mut free = free(&["198.51.100.0/30"], true);
    let before = free.gaps.clone();
    let outside = Position { range: 0, bits: 7 };
    let other_range = Position {
        range: 1,
        ..free.first().unwrap()
    };
    let avoided = Position {
        range: 0,
        bits: bits("198.51.100.0".parse().unwrap()),
    };
    for position in [outside, other_range, avoided] {
        free.take(position);
        assert_eq!(free.gaps, before);
    }
}

#[test]
fn used_addresses_side_by_side_leave_one_gap_over_avoided_ones() {
    let mut free = free(&["198.51.0.0/16"], true);
    for _ in 0..1000 {
        let first = free.first().unwrap();
        free.take(first);
    }
    assert_eq!(free.gaps.len(), 1);
}

proptest! {
    #[test]
    fn gaps_agree_with_a_set(
        avoid in any::<bool>(),
        steps in prop::collection::vec((0..2_usize, 0..600_u128, prop::bool::weighted(0.7)), 0..200),
    ) {
        let (first, second) = ("198.51.100.10-198.51.102.20", "198.51.99.0/28");
        let mut free = free(&[first, second], avoid);
        let mut naive: BTreeSet<Position> = [first, second]
            .iter()
            .enumerate()
            .flat_map(|(range, ends)| {
                let ends: IpRange = ends.parse().unwrap();
                ends.addresses().map(bits).map(move |bits| Position { range, bits })
            })
            .filter(|position| !avoid || !matches!(position.bits & 0xff, 0 | 0xff))
            .collect();
        let (all, gaps) = (naive.clone(), free.gaps.len());
        for (range, offset, is_taken) in steps {
            let base: IpAddr = if range == 0 { "198.51.100.0" } else { "198.51.99.0" }.parse().unwrap();
            let position = Position { range, bits: bits(base) + offset };
            if is_taken {
                free.take(position);
                naive.remove(&position);
            } else if all.contains(&position) && naive.insert(position) {
                free.give_back(position);
            }
            prop_assert_eq!(free.first(), naive.first().copied());
        }
        prop_assert_eq!(drain(free.clone()), naive.iter().copied().collect::<Vec<_>>());
        all.difference(&naive).for_each(|position| free.give_back(*position));
        prop_assert_eq!(free.gaps.len(), gaps);
        prop_assert_eq!(drain(free), all.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_number_of_usable_addresses_agrees_with_counting(first in 0..2000_u128, more in 0..1500_u128) {
        let address = |offset: u128| Family::V4.address((0xc633_6400) + offset);
        let range = IpRange::try_new(address(first), address(first + more)).unwrap();
        let counted = range.addresses().filter(|address| !matches!(bits(*address) & 0xff, 0 | 0xff)).count();
        prop_assert_eq!(Avoidance::Buggy.usable(&range), u128::try_from(counted).unwrap());
    }
}
