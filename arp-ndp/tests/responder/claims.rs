//! What other stations claim, and what the caller makes of it (RFC 5227 §2.4).

use std::collections::BTreeSet;
use std::time::Duration;

use arp_ndp::{
    Announcement, Arp, ArpOperation, Config, DropReason, Event, Frame, Input, Link, LinkState,
    MacAddr, NeighborAdvertisement, NeighborSolicitation, Output, Role, Tenure, Verdict,
};

use crate::{
    OTHER, OURS, Station, THIRD, announced, arp_frame, claim, dropped, events, frames, ip, ip4,
    ip6, ipv6_header, probe,
};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];

fn settled() -> Station {
    let mut station = Station::with(&BOTH);
    station.run(Duration::from_secs(10));
    station
}

fn claimed(address: &str, by: MacAddr) -> Event {
    Event::Claimed {
        address: ip(address),
        by,
        mark: None,
    }
}

fn defended(address: &str) -> Event {
    Event::Announced {
        address: ip(address),
        announcement: Announcement::Defence,
    }
}

/// Every way in which ARP says that OTHER has 198.51.100.10.
fn arp_claims() -> Vec<Frame> {
    let ours = ip4("198.51.100.10");
    let packet = |operation, target_protocol_address| Arp {
        operation,
        sender_hardware_address: OTHER,
        sender_protocol_address: ours,
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address,
    };
    vec![
        arp_frame(
            OTHER,
            MacAddr::BROADCAST,
            &packet(ArpOperation::REQUEST, ours),
        ),
        arp_frame(
            OTHER,
            MacAddr::BROADCAST,
            &packet(ArpOperation::REPLY, ours),
        ),
        arp_frame(
            OTHER,
            OURS,
            &packet(ArpOperation::REPLY, ip4("198.51.100.2")),
        ),
        arp_frame(
            OTHER,
            MacAddr::BROADCAST,
            &packet(ArpOperation::REQUEST, ip4("198.51.100.2")),
        ),
    ]
}

/// Every way in which Neighbor Discovery says that OTHER has 2001:db8::10.
fn ndp_claims() -> Vec<Frame> {
    let ours = ip6("2001:db8::10");
    let advertisement = |target_link_layer| {
        let mut frame = ipv6_header(OTHER, OURS);
        NeighborAdvertisement {
            source: ip6("fe80::2"),
            destination: ip6("fe80::1"),
            target: ours,
            flags: arp_ndp::AdvertisementFlags::SOLICITED,
            target_link_layer,
            mark: None,
        }
        .encode(&mut frame);
        frame
    };
    let mut solicitation = ipv6_header(OTHER, MacAddr([0x33, 0x33, 0xff, 0, 0, 0x11]));
    NeighborSolicitation {
        source: ours,
        destination: ip6("ff02::1:ff00:11"),
        target: ip6("2001:db8::11"),
        source_link_layer: Some(OTHER),
    }
    .encode(&mut solicitation);
    vec![
        claim("2001:db8::10", OTHER),
        advertisement(Some(OTHER)),
        advertisement(None),
        solicitation,
    ]
}

#[test]
fn whatever_says_that_another_station_has_our_address_is_told_and_changes_nothing() {
    let arp = arp_claims().into_iter().map(|frame| (BOTH[0], frame));
    let ndp = ndp_claims().into_iter().map(|frame| (BOTH[1], frame));
    for (address, frame) in arp.chain(ndp) {
        let mut station = settled();
        let outputs = station.receive(&frame);
        assert_eq!(events(&outputs), [claimed(address, OTHER)], "{frame:?}");
        assert_eq!(frames(&outputs), []);
        assert_eq!(station.tenure(address), Some(Tenure::Held));
    }
}

#[test]
fn a_claim_to_an_address_that_is_not_ours_or_by_nobody_is_none() {
    let mut station = settled();
    for frame in [
        claim("198.51.100.11", OTHER),
        claim("2001:db8::11", OTHER),
        claim("198.51.100.10", MacAddr::BROADCAST),
        claim("2001:db8::10", MacAddr::ZERO),
    ] {
        assert_eq!(events(&station.receive(&frame)), []);
    }
}

#[test]
fn what_comes_back_from_ourselves_or_from_our_other_interfaces_is_no_claim() {
    let mut station = settled();
    let siblings = BTreeSet::from([THIRD]);
    assert_eq!(station.give(Input::SetSiblings(siblings)), []);
    for own in [OURS, THIRD] {
        for address in BOTH {
            assert_eq!(
                station.receive(&claim(address, own)),
                dropped(DropReason::OwnFrame)
            );
        }
    }
    assert_eq!(
        events(&station.receive(&claim(BOTH[0], OTHER))),
        [claimed(BOTH[0], OTHER)]
    );
}

/// A flood of claims is a trickle of events, and yet the last of them is told.
#[test]
fn claims_to_one_address_are_told_at_most_every_100_ms_and_the_last_is_not_lost() {
    let mut station = settled();
    let mut told = Vec::new();
    for _ in 0..9990 {
        told.extend(events(&station.receive(&claim(BOTH[0], OTHER))));
        let later = station.run(Duration::from_micros(100));
        told.extend(later.into_iter().flat_map(|(_, output)| events(&[output])));
    }
    assert_eq!(told, vec![claimed(BOTH[0], OTHER); 10]);
    let last = station.run(Duration::from_millis(100));
    assert_eq!(
        last.into_iter()
            .map(|(_, output)| output)
            .collect::<Vec<_>>(),
        [Output::Event(claimed(BOTH[0], OTHER))]
    );
}

#[test]
fn a_claim_by_a_third_station_is_told_although_the_second_repeats_its_own() {
    let mut station = settled();
    for by in [OTHER, OTHER, THIRD, OTHER] {
        station.receive(&claim(BOTH[0], by));
        station.run(Duration::from_millis(10));
    }
    let later = station.run(Duration::from_millis(100));
    assert_eq!(later[0].1, Output::Event(claimed(BOTH[0], THIRD)));
}

#[test]
fn to_defend_is_to_announce_at_once_and_not_to_disturb_what_was_planned() {
    for address in BOTH {
        let mut station = Station::with(&[address]);
        station.run(Duration::from_millis(500));
        let planned = station.responder.poll_timeout();
        station.receive(&claim(address, OTHER));
        let outputs = station.settle(address, OTHER, Verdict::Defend);
        assert_eq!(events(&outputs), [defended(address)]);
        let mut burst = Station::with(&[]);
        assert_eq!(frames(&outputs), frames(&burst.set_addresses(&[address])));
        assert_eq!(station.responder.poll_timeout(), planned);
    }
}

#[test]
fn an_address_is_defended_at_most_every_100_ms_and_the_last_word_is_ours() {
    let mut station = settled();
    let mut defences = 0;
    for _ in 0..999 {
        defences += announced(&station.settle(BOTH[0], OTHER, Verdict::Defend)).len();
        defences += station
            .run(Duration::from_millis(1))
            .iter()
            .filter(|(_, output)| *output == Output::Event(defended(BOTH[0])))
            .count();
    }
    assert_eq!(defences, 10);
    assert_eq!(
        announced(
            station
                .run(Duration::from_millis(100))
                .iter()
                .map(|(_, output)| output)
        ),
        [ip(BOTH[0])]
    );
}

#[test]
fn who_holds_an_address_asks_a_station_for_it_and_hears_of_it_where_that_has_it_as_well() {
    for address in BOTH {
        let mut station = Station::with(&[address]);
        let mut other = Station::new(Link::new(OTHER), Config::default());
        let question = Input::Ask {
            address: ip(address),
            station: OTHER,
        };
        let asked = station.give(question.clone());
        assert_eq!(frames(&asked), [probe(address, OURS, Some(OTHER))]);
        let [asked] = frames(&asked)[..] else {
            panic!("{asked:?}");
        };
        assert_eq!(frames(&other.receive(&asked)), []);
        other.set_addresses(&[address]);
        let answers = frames(&other.receive(&asked));
        assert_eq!(
            events(&station.receive(&answers[0])),
            [claimed(address, OTHER)]
        );
        station.settle(address, OTHER, Verdict::Yield);
        assert_eq!(station.give(question), [], "it is not held");
    }
}

#[test]
fn who_yields_answers_and_announces_no_more_from_that_moment() {
    for address in BOTH {
        let mut station = Station::with(&[address]);
        station.receive(&claim(address, OTHER));
        assert_eq!(station.settle(address, OTHER, Verdict::Yield), []);
        assert_eq!(station.tenure(address), Some(Tenure::Yielded { to: OTHER }));
        let asked = station.receive(&probe(address, THIRD, None));
        assert_eq!(asked, dropped(DropReason::Yielded));
    }
}

#[test]
fn the_same_addresses_again_do_not_bring_a_yielded_one_back() {
    let mut station = settled();
    station.settle(BOTH[0], OTHER, Verdict::Yield);
    assert_eq!(station.set_addresses(&BOTH), []);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Yielded { to: OTHER }));
    station.set_addresses(&BOTH[1..]);
    assert_eq!(announced(&station.set_addresses(&BOTH)), [ip(BOTH[0])]);
}

#[test]
fn a_claim_by_a_third_station_to_what_was_yielded_is_told_and_can_be_settled() {
    let mut station = settled();
    station.settle(BOTH[0], OTHER, Verdict::Yield);
    assert_eq!(events(&station.receive(&claim(BOTH[0], OTHER))), []);
    assert_eq!(
        events(&station.receive(&claim(BOTH[0], THIRD))),
        [claimed(BOTH[0], THIRD)]
    );
    station.settle(BOTH[0], THIRD, Verdict::Yield);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Yielded { to: THIRD }));
    let taken = station.settle(BOTH[0], OTHER, Verdict::Defend);
    assert_eq!(announced(&taken), [ip(BOTH[0])]);
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
}

#[test]
fn a_verdict_on_what_is_not_ours_or_against_ourselves_does_nothing() {
    let mut station = settled();
    for verdict in [Verdict::Defend, Verdict::Yield] {
        assert_eq!(station.settle("198.51.100.99", OTHER, verdict), []);
        assert_eq!(station.settle(BOTH[0], OURS, verdict), []);
    }
    assert_eq!(station.tenure(BOTH[0]), Some(Tenure::Held));
}

#[test]
fn on_a_link_that_is_down_nothing_is_claimed_or_defended_and_what_was_yielded_stays_so() {
    let mut station = settled();
    station.settle(BOTH[1], OTHER, Verdict::Yield);
    station.give(Input::SetLink(Link::new(OURS).with_state(LinkState::Down)));
    assert_eq!(
        station.receive(&claim(BOTH[0], OTHER)),
        dropped(DropReason::Inactive)
    );
    assert_eq!(station.settle(BOTH[0], OTHER, Verdict::Defend), []);
    assert_eq!(station.responder.poll_timeout(), None);
    let up = station.give(Input::SetLink(Link::new(OURS)));
    assert_eq!(announced(&up), [ip(BOTH[0])]);
}

#[test]
fn refresh_announces_all_that_is_held_as_often_as_what_is_new_and_nothing_else() {
    let mut station = settled();
    station.settle(BOTH[0], OTHER, Verdict::Yield);
    let outputs = station.give(Input::Refresh);
    let announcement = Announcement::Takeover { round: 2 };
    let address = ip(BOTH[1]);
    assert_eq!(
        events(&outputs),
        [Event::Announced {
            address,
            announcement
        }]
    );
    let again = station.run(Duration::from_millis(600));
    let again = again.iter().filter(|(_, output)| {
        matches!(output, Output::Event(Event::Announced { address: other, .. }) if *other == address)
    });
    assert_eq!(again.count(), 2, "a frame may be lost");
    station.set_role(Role::Leaving, &BOTH);
    assert_eq!(station.give(Input::Refresh), []);
}

#[test]
fn remind_announces_what_is_held_one_address_after_the_other() {
    let mut station = settled();
    let mut reminded = || announced(&station.give(Input::Remind));
    let turns = [reminded(), reminded(), reminded()].concat();
    assert_eq!(turns, [BOTH[0], BOTH[1], BOTH[0]].map(ip));
    station.settle(BOTH[1], OTHER, Verdict::Yield);
    for _ in 0..3 {
        assert_eq!(announced(&station.give(Input::Remind)), [ip(BOTH[0])]);
    }
    station.set_role(Role::Leaving, &BOTH);
    assert_eq!(station.give(Input::Remind), []);
}
