//! What a change of the interface does.

use std::time::Duration;

use arp_ndp::{
    Arp, ArpOperation, Config, DropReason, Input, Link, LinkState, MacAddr, Output, Protocols,
};

use crate::{OTHER, OURS, Station, announced, arp_frame, dropped, frames, ip, ip4, ip6};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];

fn settled() -> Station {
    let mut station = Station::new(Link::new(OURS), Config::default().with_refresh(None));
    station.set_addresses(&BOTH);
    station.run(Duration::from_secs(10));
    station
}

fn who_has() -> Arp {
    Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: OTHER,
        sender_protocol_address: ip4("198.51.100.2"),
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: ip4("198.51.100.10"),
    }
}

#[test]
fn the_same_link_again_changes_nothing() {
    let mut station = settled();
    assert_eq!(station.give(Input::SetLink(Link::new(OURS))), []);
    assert_eq!(station.responder.poll_timeout(), None);
}

#[test]
fn a_new_hardware_address_is_announced_for_every_address_and_used_in_answers() {
    let mut station = settled();
    let new = MacAddr([0x02, 0, 0, 0, 0, 0x1a]);
    let outputs = station.give(Input::SetLink(Link::new(new)));
    assert_eq!(announced(&outputs), BOTH.map(ip));
    assert!(
        frames(&outputs)
            .iter()
            .all(|frame| frame.as_ref()[6..12] == new.octets())
    );
    assert_eq!(
        announced(
            station
                .run(Duration::from_secs(10))
                .iter()
                .map(|(_, output)| output)
        )
        .len(),
        12
    );

    let answer = station.receive(&arp_frame(OTHER, MacAddr::BROADCAST, &who_has()));
    let reply = Arp {
        operation: ArpOperation::REPLY,
        sender_hardware_address: new,
        sender_protocol_address: ip4("198.51.100.10"),
        target_hardware_address: OTHER,
        target_protocol_address: ip4("198.51.100.2"),
    };
    assert_eq!(answer[0], Output::Transmit(arp_frame(new, OTHER, &reply)));
}

/// Another port of a bridge or bond: the switch has to learn where we are.
#[test]
fn another_path_below_the_link_is_announced_for_every_address() {
    let mut station = settled();
    let link = Link::new(OURS).with_path(7);
    assert_eq!(announced(&station.give(Input::SetLink(link))), BOTH.map(ip));
    station.run(Duration::from_secs(10));
    assert_eq!(station.give(Input::SetLink(link)), []);
}

#[test]
fn a_link_that_goes_down_is_silent_and_announces_when_it_comes_back() {
    let mut station = settled();
    let down = Link::new(OURS).with_state(LinkState::Down);
    assert_eq!(station.give(Input::SetLink(down)), []);
    let request = arp_frame(OTHER, MacAddr::BROADCAST, &who_has());
    assert_eq!(station.receive(&request), dropped(DropReason::Inactive));
    assert_eq!(station.responder.poll_timeout(), None);

    let outputs = station.give(Input::SetLink(Link::new(OURS)));
    assert_eq!(announced(&outputs), BOTH.map(ip));
    assert_eq!(
        outputs.len(),
        5,
        "three frames and two events, groups stay joined: {outputs:?}"
    );
}

#[test]
fn a_burst_ends_when_the_link_goes_down() {
    let mut station = Station::with(&BOTH);
    station.give(Input::SetLink(Link::new(OURS).with_state(LinkState::Down)));
    assert_eq!(station.run(Duration::from_secs(3600)), []);
}

#[test]
fn addresses_given_while_the_link_is_down_are_announced_when_it_comes_up() {
    let down = Link::new(OURS).with_state(LinkState::Down);
    let mut station = Station::new(down, Config::default());
    assert_eq!(
        station.set_addresses(&BOTH),
        [Output::JoinGroup(ip6("ff02::1:ff00:10"))]
    );
    assert_eq!(
        announced(&station.give(Input::SetLink(Link::new(OURS)))),
        BOTH.map(ip)
    );
}

#[test]
fn a_protocol_that_the_link_learns_is_announced_and_one_that_it_loses_falls_silent() {
    let group = ip6("ff02::1:ff00:10");
    let arp_only = Link::new(OURS).with_protocols(Protocols::ARP);
    let mut station = Station::new(arp_only, Config::default().with_refresh(None));
    assert_eq!(
        announced(&station.set_addresses(&BOTH)),
        [ip("198.51.100.10")]
    );
    station.run(Duration::from_secs(10));

    let outputs = station.give(Input::SetLink(Link::new(OURS)));
    assert_eq!(outputs[0], Output::JoinGroup(group));
    assert_eq!(announced(&outputs), [ip("2001:db8::10")]);

    assert_eq!(
        station.give(Input::SetLink(arp_only)),
        [Output::LeaveGroup(group)]
    );
    assert_eq!(station.run(Duration::from_secs(10)), []);
}
