//! Addresses on their way to another station.

use std::time::Duration;

use arp_ndp::{Config, DropReason, Event, Link, Output, Role, Tenure, Verdict};

use crate::{OTHER, OURS, Station, THIRD, announced, claim, dropped, events, frames, ip, probe};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];

fn handed_over(address: &str, to: Option<arp_ndp::MacAddr>) -> Event {
    Event::HandedOver {
        address: ip(address),
        to,
    }
}

#[test]
fn a_leaving_address_is_answered_for_until_another_station_claims_it() {
    for address in BOTH {
        let mut station = Station::with(&[address]);
        assert_eq!(station.set_role(Role::Leaving, &[address]), []);
        assert_eq!(station.tenure(address), Some(Tenure::Leaving));
        let question = probe(address, THIRD, None);
        assert_eq!(frames(&station.receive(&question)).len(), 1);

        let outputs = station.receive(&claim(address, OTHER));
        assert_eq!(events(&outputs), [handed_over(address, Some(OTHER))]);
        assert_eq!(station.receive(&question), dropped(DropReason::HandedOver));
        assert_eq!(station.responder.poll_timeout(), None);
    }
}

#[test]
fn a_leaving_address_that_nobody_claims_is_answered_for_half_a_second_and_announced_no_more() {
    let mut station = Station::with(&BOTH[..1]);
    station.set_role(Role::Leaving, &BOTH[..1]);
    let done = station.run(Duration::from_secs(60));
    let expected = Output::Event(handed_over(BOTH[0], None));
    assert_eq!(done, [(Duration::from_millis(500), expected)]);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::HandedOver));
}

#[test]
fn the_time_for_a_hand_over_can_be_set_and_may_be_for_ever() {
    for (hand_over, expected) in [(Duration::from_secs(3), 1), (Duration::MAX, 0)] {
        let config = Config::default().with_hand_over(hand_over);
        let mut station = Station::new(Link::new(OURS), config);
        station.set_addresses(&BOTH[..1]);
        station.set_role(Role::Leaving, &BOTH[..1]);
        assert_eq!(station.run(Duration::from_millis(2999)), []);
        assert_eq!(station.run(Duration::from_secs(100)).len(), expected);
    }
}

#[test]
fn what_is_not_answered_for_is_handed_over_at_once() {
    let mut station = Station::with(&[]);
    assert_eq!(
        events(&station.set_role(Role::Leaving, &BOTH[..1])),
        [handed_over(BOTH[0], None)]
    );

    let mut station = Station::with(&BOTH[..1]);
    station.settle(BOTH[0], OTHER, Verdict::Yield);
    assert_eq!(
        events(&station.set_role(Role::Leaving, &BOTH[..1])),
        [handed_over(BOTH[0], Some(OTHER))]
    );
    assert_eq!(station.responder.poll_timeout(), None);
}

#[test]
fn an_address_that_stays_after_all_is_announced_again() {
    for role in [Role::Owner, Role::NewOwner, Role::IfFree] {
        let mut station = Station::with(&BOTH[..1]);
        station.set_role(Role::Leaving, &BOTH[..1]);
        station.run(Duration::from_millis(100));
        assert_eq!(
            announced(&station.set_role(role, &BOTH[..1])),
            [ip(BOTH[0])]
        );
        assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
        station.run(Duration::from_secs(10));
        assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
    }
}

#[test]
fn what_was_handed_over_can_be_had_back_and_is_looked_for_first_if_that_is_its_role() {
    let mut station = Station::with(&BOTH[..1]);
    station.set_role(Role::Leaving, &BOTH[..1]);
    station.receive(&claim(BOTH[0], OTHER));
    assert_eq!(station.set_role(Role::IfFree, &BOTH[..1]), []);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Probing));
    station.set_role(Role::Leaving, &BOTH[..1]);
    let outputs = station.set_role(Role::Owner, &BOTH[..1]);
    assert_eq!(announced(&outputs), [ip(BOTH[0])]);
}

#[test]
fn a_verdict_does_not_keep_what_is_leaving() {
    let mut station = Station::with(&BOTH[..1]);
    station.set_role(Role::Leaving, &BOTH[..1]);
    assert_eq!(station.settle(BOTH[0], OTHER, Verdict::Defend), []);
    station.run(Duration::from_secs(1));
    assert_eq!(station.settle(BOTH[0], OTHER, Verdict::Defend), []);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::HandedOver));
}
