//! Marks: what announcements carry for those who know their meaning, and what is told of them.

use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::{
    Config, EtherType, EthernetHeader, Event, Frame, Input, Link, MacAddr, Mark, Marker,
    NeighborAdvertisement, Output, Role, Verdict,
};

use crate::{OTHER, OURS, Station, THIRD, claim, events, frames, ip, probe};

const BOTH: [&str; 2] = ["198.51.100.10", "2001:db8::10"];

/// Says of an address and a hardware address how both end.
fn marker() -> Marker {
    Marker::new(mark_of)
}

fn mark_of(address: IpAddr, mac: MacAddr) -> Mark {
    let last = match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets()[15],
    };
    let mut mark = [0xa5; Mark::LEN];
    mark[..2].copy_from_slice(&[last, mac.octets()[5]]);
    Mark(mark)
}

fn marking() -> Station {
    let mut station = Station::new(Link::new(OURS), Config::default());
    assert_eq!(station.give(Input::SetMarker(Some(marker()))), []);
    station
}

/// The mark in a frame.
fn mark(frame: &Frame) -> Option<Mark> {
    let (header, payload) = EthernetHeader::decode(frame.as_ref()).unwrap();
    match header.ether_type {
        EtherType::ARP => Mark::behind_arp(payload),
        _ => NeighborAdvertisement::decode(payload).ok()?.mark,
    }
}

/// The address as another station claims it, with a mark.
fn marked(address: &str, by: MacAddr, mark: Mark) -> Frame {
    let frame = claim(address, by);
    let (header, payload) = EthernetHeader::decode(frame.as_ref()).unwrap();
    if header.ether_type == EtherType::ARP {
        let mut frame = frame;
        mark.encode_behind_arp(&mut frame);
        return frame;
    }
    let mut frame = Frame::new();
    header.encode(&mut frame);
    let mark = Some(mark);
    let advertisement = NeighborAdvertisement::decode(payload).unwrap();
    NeighborAdvertisement {
        mark,
        ..advertisement
    }
    .encode(&mut frame);
    frame
}

fn claimed(address: &str, by: MacAddr, mark: Option<Mark>) -> Event {
    let address = ip(address);
    Event::Claimed { address, by, mark }
}

fn numbered(number: u8) -> Mark {
    Mark([number; Mark::LEN])
}

#[test]
fn a_mark_is_behind_the_arp_packet_and_in_an_option_of_the_advertisement() {
    let mut plain = Station::new(Link::new(OURS), Config::default());
    for address in BOTH {
        let mut station = marking();
        let unmarked = frames(&plain.set_addresses(&[address]));
        let announced = frames(&station.set_addresses(&[address]));
        assert_eq!(announced.len(), unmarked.len());
        let mark = mark_of(ip(address), OURS).0;
        for (marked, unmarked) in announced.iter().zip(unmarked) {
            let (marked, unmarked) = (marked.as_ref(), unmarked.as_ref());
            if ip(address).is_ipv4() {
                let expected = [unmarked, b"Fe", &mark].concat();
                assert_eq!(marked, expected);
                assert_eq!(marked.len(), 60, "the least length of a frame");
            } else {
                // Payload length and checksum differ.
                assert_eq!(marked[58..86], unmarked[58..]);
                let option = [&[253, 3], &b"Fe"[..], &mark, &[0; 4]].concat();
                assert_eq!(marked[86..], option);
            }
        }
    }
}

#[test]
fn every_announcement_is_marked_and_neither_answers_nor_probes_are() {
    for address in BOTH {
        let mut station = marking();
        let mut sent = frames(&station.set_addresses(&[address]));
        let later = station.run(Duration::from_secs(100)).into_iter();
        sent.extend(later.flat_map(|(_, output)| frames(&[output])));
        sent.extend(frames(&station.settle(address, OTHER, Verdict::Defend)));
        sent.extend(frames(&station.give(Input::Refresh)));
        sent.extend(frames(&station.give(Input::Remind)));
        assert!(sent.len() > 10);
        let expected = Some(mark_of(ip(address), OURS));
        assert!(sent.iter().all(|frame| mark(frame) == expected));

        let answer = frames(&station.receive(&probe(address, THIRD, None)));
        let mut looking = marking();
        looking.set_role(Role::NewOwner, &[address]);
        let looked = looking.run(Duration::from_millis(150)).into_iter();
        let probes: Vec<_> = looked.flat_map(|(_, output)| frames(&[output])).collect();
        assert!(answer.len() == 1 && !probes.is_empty());
        assert!(
            answer
                .iter()
                .chain(&probes)
                .all(|frame| mark(frame).is_none())
        );
    }
}

#[test]
fn a_mark_is_made_for_the_hardware_address_that_announces_and_no_longer_without_a_marker() {
    for address in BOTH {
        let mut station = marking();
        station.set_addresses(&[address]);
        let anew = frames(&station.give(Input::SetLink(Link::new(THIRD))));
        assert_eq!(mark(&anew[0]), Some(mark_of(ip(address), THIRD)));
        assert_eq!(station.give(Input::SetMarker(None)), []);
        let refreshed = frames(&station.give(Input::Refresh));
        assert!(!refreshed.is_empty());
        assert!(refreshed.iter().all(|frame| mark(frame).is_none()));
    }
}

#[test]
fn a_claim_is_told_with_its_mark_whether_the_address_is_held_or_looked_for() {
    for address in BOTH {
        let mark = Some(numbered(7));
        let frame = marked(address, OTHER, numbered(7));
        let conflict = Event::Conflict {
            address: ip(address),
            by: OTHER,
            mark,
        };
        for (role, expected) in [
            (Role::Owner, claimed(address, OTHER, mark)),
            (Role::IfFree, claimed(address, OTHER, mark)),
            (Role::NewOwner, conflict),
        ] {
            let mut station = Station::with(&[]);
            station.set_role(role, &[address]);
            assert_eq!(events(&station.receive(&frame)), [expected], "{role:?}");
        }
    }
}

#[test]
fn other_padding_is_no_mark_and_makes_no_claim_invalid() {
    let frame = claim(BOTH[0], OTHER);
    let marked = marked(BOTH[0], OTHER, numbered(7));
    let zeros = [frame.as_ref(), &[0; 18]].concat();
    let cut = &marked.as_ref()[..59];
    for padded in [zeros.as_slice(), cut] {
        let mut station = Station::with(&BOTH);
        let told = events(&station.give(Input::Frame(padded)));
        assert_eq!(told, [claimed(BOTH[0], OTHER, None)]);
    }
}

/// What is told at once, and what the interval later, of claims to one address that come together.
fn told(claims: &[Frame]) -> Vec<Event> {
    let mut station = Station::with(&BOTH);
    station.run(Duration::from_secs(10));
    let mut outputs: Vec<Output> = Vec::new();
    for claim in claims {
        outputs.extend(station.receive(claim));
    }
    let later = station.run(Duration::from_millis(100));
    outputs.extend(later.into_iter().map(|(_, output)| output));
    events(&outputs)
}

#[test]
fn of_claims_that_come_too_fast_no_mark_is_lost_and_the_last_one_counts() {
    for address in BOTH {
        let unmarked = |by| claim(address, by);
        let marked = |number| marked(address, OTHER, numbered(number));
        let claimed = |by, number: Option<u8>| claimed(address, by, number.map(numbered));
        for (claims, expected) in [
            (
                vec![unmarked(OTHER), marked(1), unmarked(OTHER)],
                (None, (OTHER, Some(1))),
            ),
            (
                vec![unmarked(OTHER), unmarked(OTHER), marked(1)],
                (None, (OTHER, Some(1))),
            ),
            (
                vec![marked(1), marked(2), unmarked(OTHER)],
                (Some(1), (OTHER, Some(2))),
            ),
            // A mark that was not told yet is news, and so is another station.
            (
                vec![unmarked(OTHER), marked(1), unmarked(THIRD)],
                (None, (OTHER, Some(1))),
            ),
            (
                vec![marked(1), marked(1), unmarked(THIRD)],
                (Some(1), (THIRD, None)),
            ),
            (
                vec![marked(1), unmarked(OTHER), unmarked(THIRD)],
                (Some(1), (THIRD, None)),
            ),
            (
                vec![marked(1), unmarked(THIRD), marked(2)],
                (Some(1), (THIRD, None)),
            ),
        ] {
            let (first, (by, second)) = expected;
            let expected = [claimed(OTHER, first), claimed(by, second)];
            assert_eq!(told(&claims), expected, "{claims:?}");
        }
    }
}
