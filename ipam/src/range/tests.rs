use std::format;
use std::net::IpAddr;
use std::string::ToString;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;

fn range(text: &str) -> IpRange {
    text.parse().unwrap()
}

fn fault(text: &str) -> String {
    text.parse::<IpRange>().unwrap_err().to_string()
}

#[test]
fn both_notations_are_understood_with_spaces_around_the_parts() {
    assert_eq!(
        range(" 198.51.100.0/30 "),
        range("198.51.100.0 - 198.51.100.3")
    );
    assert_eq!(range("2001:db8::/126"), range("2001:db8::-2001:db8::3"));
}

#[test]
fn bits_right_of_the_prefix_are_dropped() {
    assert_eq!(range("198.51.100.77/24"), range("198.51.100.0/24"));
}

#[test]
fn a_fault_is_named() {
    for (text, expected) in [
        (
            "",
            "the range is empty; write it as 203.0.113.0/24 or 203.0.113.7-203.0.113.9",
        ),
        (
            "  ",
            "the range is empty; write it as 203.0.113.0/24 or 203.0.113.7-203.0.113.9",
        ),
        ("web/24", "\"web\" is not an IP address"),
        ("192.0.2.1-", "\"\" is not an IP address"),
        ("192.0.2.256/24", "\"192.0.2.256\" is not an IP address"),
        (
            "192.0.2.1-192.0.2.2-192.0.2.3",
            "\"192.0.2.2-192.0.2.3\" is not an IP address",
        ),
        (
            "192.0.2.1",
            "192.0.2.1 is a single address; write 192.0.2.1/32 for a range of one",
        ),
        (
            "2001:db8::1",
            "2001:db8::1 is a single address; write 2001:db8::1/128 for a range of one",
        ),
        (
            "192.0.2.0/33",
            "\"33\" is not a prefix length of IPv4, which is at most 32",
        ),
        (
            "192.0.2.0/",
            "\"\" is not a prefix length of IPv4, which is at most 32",
        ),
        (
            "192.0.2.0/+8",
            "\"+8\" is not a prefix length of IPv4, which is at most 32",
        ),
        (
            "2001:db8::/129",
            "\"129\" is not a prefix length of IPv6, which is at most 128",
        ),
        (
            "192.0.2.1-2001:db8::1",
            "192.0.2.1-2001:db8::1 mixes IPv4 and IPv6",
        ),
        (
            "192.0.2.9-192.0.2.8",
            "192.0.2.9-192.0.2.8 ends before it begins",
        ),
        (
            "::ffff:192.0.2.0/120",
            "::ffff:192.0.2.0 is an IPv4 address inside an IPv6 one; write 192.0.2.0",
        ),
    ] {
        assert_eq!(fault(text), expected, "{text:?}");
    }
}

#[test]
fn a_range_is_printed_as_a_network_where_it_is_one() {
    for (text, expected) in [
        ("198.51.100.0-198.51.100.255", "198.51.100.0/24"),
        ("198.51.100.7-198.51.100.7", "198.51.100.7/32"),
        ("198.51.100.1-198.51.100.2", "198.51.100.1-198.51.100.2"),
        ("198.51.100.2-198.51.100.5", "198.51.100.2-198.51.100.5"),
        ("0.0.0.0-255.255.255.255", "0.0.0.0/0"),
        ("::/0", "::/0"),
        ("2001:db8::1-2001:db8::ffff", "2001:db8::1-2001:db8::ffff"),
    ] {
        assert_eq!(range(text).to_string(), expected);
    }
}

#[test]
fn lengths_reach_to_the_whole_address_space() {
    assert_eq!(range("0.0.0.0/0").len(), 1 << 32);
    assert_eq!(range("2001:db8::/64").len(), 1 << 64);
    assert_eq!(range("::/0").len(), u128::MAX);
    assert_eq!(range("192.0.2.1/32").len(), 1);
}

#[test]
fn families_never_meet() {
    let (all_v4, all_v6) = (range("0.0.0.0/0"), range("::/0"));
    assert!(!all_v4.overlaps(&all_v6) && !all_v6.overlaps(&all_v4));
    assert!(!all_v6.contains("192.0.2.1".parse().unwrap()));
    assert!(!all_v4.contains("2001:db8::1".parse().unwrap()));
}

#[test]
fn the_last_address_of_the_space_ends_the_walk() {
    let addresses: Vec<IpAddr> = range("255.255.255.254/31").addresses().collect();
    assert_eq!(
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["255.255.255.254", "255.255.255.255"]
    );
    assert_eq!(
        range("::/0").addresses().next_back().unwrap(),
        range("::/0").last()
    );
}

/// Short ranges of both families that often overlap.
fn any_range() -> impl Strategy<Value = IpRange> {
    (any::<bool>(), 0..40_u32, 0..20_u32).prop_map(|(v4, first, more)| {
        let family = if v4 { Family::V4 } else { Family::V6 };
        let address = |offset: u32| family.address((0xc633_6400_u128) + u128::from(offset));
        IpRange::try_new(address(first), address(first + more)).unwrap()
    })
}

proptest! {
    #[test]
    fn text_and_range_are_inverse(range in any_range()) {
        prop_assert_eq!(range.to_string().parse::<IpRange>().unwrap(), range);
        prop_assert_eq!(format!("{}-{}", range.first(), range.last()).parse::<IpRange>().unwrap(), range);
    }

    #[test]
    fn overlap_contains_and_length_agree_with_the_list_of_addresses(a in any_range(), b in any_range()) {
        let list: Vec<IpAddr> = a.addresses().collect();
        prop_assert_eq!(u128::try_from(list.len()).unwrap(), a.len());
        prop_assert!(list.iter().all(|address| a.contains(*address)));
        prop_assert_eq!(a.overlaps(&b), list.iter().any(|address| b.contains(*address)));
        prop_assert_eq!(a.overlaps(&b), b.overlaps(&a));
    }
}

proptest! {
    #[test]
    fn what_is_left_without_holes_is_the_rest(
        first in 0..60_u128,
        more in 0..60_u128,
        holes in prop::collection::vec((0..8_u128, 0..8_u128), 0..8),
    ) {
        let range = |first: u128, more: u128| {
            IpRange::try_new(Family::V6.address(first), Family::V6.address(first + more)).unwrap()
        };
        let whole = range(first, more);
        let mut next = 0;
        let holes: Vec<IpRange> = holes
            .into_iter()
            .map(|(gap, more)| {
                let hole = range(next + gap, more);
                next += gap + more + 1;
                hole
            })
            .collect();
        let left: Vec<IpAddr> = whole.without(&holes).iter().flat_map(IpRange::addresses).collect();
        let is_left = |address: &IpAddr| !holes.iter().any(|hole| hole.contains(*address));
        prop_assert_eq!(left, whole.addresses().filter(is_left).collect::<Vec<_>>());
    }
}
