use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::request::Protocol;

const fn at(bits: u128) -> Position {
    Position { range: 0, bits }
}

fn tcp(numbers: &[u16]) -> BTreeSet<Port> {
    numbers
        .iter()
        .map(|number| Port::new(Protocol::Tcp, *number))
        .collect()
}

#[test]
fn the_first_address_without_the_ports_is_found() {
    let mut group = Group::new();
    group.join(at(1), &"a", &tcp(&[80, 443]));
    group.join(at(2), &"b", &tcp(&[80]));
    assert_eq!(group.first_fit(&tcp(&[25]), None), Some(at(1)));
    assert_eq!(group.first_fit(&tcp(&[443]), None), Some(at(2)));
    assert_eq!(group.first_fit(&tcp(&[80]), None), None);
    assert_eq!(group.first_fit(&tcp(&[443]), Some(at(2))), None);
    assert_eq!(
        group.conflicts(at(2), &tcp(&[443, 80])).next(),
        Some((Port::new(Protocol::Tcp, 80), &"b"))
    );
}

#[test]
fn a_closed_address_fits_nobody() {
    let mut group = Group::new();
    group.join(at(1), &"a", &tcp(&[80]));
    group.close(at(1));
    assert_eq!(group.first_fit(&tcp(&[25]), None), None);
    group.reopen(at(1));
    assert_eq!(group.first_fit(&tcp(&[25]), None), Some(at(1)));
    assert_eq!(group.first_fit(&tcp(&[80]), None), None);
}

#[test]
fn a_port_that_is_given_up_fits_again() {
    let mut group = Group::new();
    for bits in 0..3 {
        group.join(at(bits), &"a", &tcp(&[80, 443]));
    }
    assert_eq!(group.first_fit(&tcp(&[80]), None), None);
    group.leave(at(1), &"a", &tcp(&[80]));
    assert_eq!(group.first_fit(&tcp(&[80]), None), Some(at(1)));
    assert_eq!(group.first_fit(&tcp(&[443]), None), None);
    group.remove(at(1));
    assert_eq!(group.first_fit(&tcp(&[80]), None), None);
}

#[test]
fn marks_pass_each_address_once_when_one_port_is_wanted_again_and_again() {
    let mut group = Group::new();
    for bits in 0..1000 {
        assert_eq!(group.first_fit(&tcp(&[443]), None), None);
        group.join(at(bits), &"a", &tcp(&[443]));
    }
    assert_eq!(group.first_fit(&tcp(&[443]), None), None);
    assert_eq!(
        group.marks.get(&Port::new(Protocol::Tcp, 443)),
        Some(&at(999))
    );
}

proptest! {
    #[test]
    fn marks_never_hide_an_address_that_fits(
        steps in prop::collection::vec((0..30_u128, prop::collection::btree_set(0..4_u16, 1..3), 0..32_u128), 1..60),
    ) {
        let mut group = Group::new();
        let mut naive: BTreeMap<Position, BTreeSet<Port>> = BTreeMap::new();
        for (bits, numbers, limit) in steps {
            let ports = tcp(&numbers.into_iter().collect::<Vec<_>>());
            let limit = (limit < 30).then_some(at(limit));
            let fits = |(position, served): &(&Position, &BTreeSet<Port>)| {
                limit.is_none_or(|limit| **position < limit) && served.is_disjoint(&ports)
            };
            let expected = naive.iter().find(fits).map(|(position, _)| *position);
            prop_assert_eq!(group.first_fit(&ports, limit), expected);
            let position = expected.unwrap_or_else(|| at(bits));
            if naive.get(&position).is_none_or(|served| served.is_disjoint(&ports)) {
                group.join(position, &"a", &ports);
                naive.entry(position).or_default().extend(ports);
            }
        }
    }
}
