//! The bodies of the fuzz targets, which `cargo test` runs over the corpus. Not an interface.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Instant;

use crate::{
    Arp, Config, EtherType, EthernetHeader, Event, Frame, FrameError, Input, Link, MacAddr, Mark,
    Marker, NeighborAdvertisement, NeighborSolicitation, Output, Responder, Role, Verdict,
};

/// Any octets as an Ethernet frame.
pub fn arp(frame: &[u8]) {
    if let Ok((header, payload)) = EthernetHeader::decode(frame) {
        let mut written = Frame::new();
        header.encode(&mut written);
        assert_eq!(
            EthernetHeader::decode(written.as_ref()),
            Ok((header, [].as_slice()))
        );
        if let Ok(arp) = Arp::decode(payload) {
            let mut written = Frame::new();
            arp.encode(&mut written);
            if let Some(mark) = Mark::behind_arp(payload) {
                mark.encode_behind_arp(&mut written);
            }
            assert!(payload.starts_with(written.as_ref()));
        }
    }
    answer(frame);
}

/// Any octets as an IPv6 packet, the checksum put right.
pub fn ndp(packet: &[u8]) {
    let mut packet = packet.to_vec();
    if let Err(FrameError::Checksum { expected, .. }) = NeighborSolicitation::decode(&packet) {
        put_checksum(&mut packet, expected);
    }
    if let Ok(read) = NeighborSolicitation::decode(&packet) {
        let mut written = Frame::new();
        read.encode(&mut written);
        assert_eq!(NeighborSolicitation::decode(written.as_ref()), Ok(read));
    }
    if let Err(FrameError::Checksum { expected, .. }) = NeighborAdvertisement::decode(&packet) {
        put_checksum(&mut packet, expected);
    }
    if let Ok(read) = NeighborAdvertisement::decode(&packet) {
        let mut written = Frame::new();
        read.encode(&mut written);
        assert_eq!(NeighborAdvertisement::decode(written.as_ref()), Ok(read));
    }
    let mut frame = Frame::new();
    EthernetHeader {
        destination: OURS,
        source: OTHER,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    let mut octets = frame.as_ref().to_vec();
    octets.extend(packet);
    answer(&octets);
}

fn put_checksum(packet: &mut [u8], checksum: u16) {
    for (slot, octet) in packet
        .iter_mut()
        .skip(IPV6_CHECKSUM)
        .zip(checksum.to_be_bytes())
    {
        *slot = octet;
    }
}

/// A frame between two happenings that follow from it, at a station whose addresses are in every tenure that there is.
fn answer(octets: &[u8]) {
    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; no time passes here"
    )]
    let mut now = Instant::now();
    let mut responder = Responder::new(Link::new(OURS), Config::default(), 0);
    let marker = Marker::new(|_, _| Mark([0xa5; Mark::LEN]));
    responder.handle_input(now, Input::SetMarker(Some(marker)));
    for role in [Role::Owner, Role::NewOwner, Role::IfFree, Role::Leaving] {
        let addresses = BTreeMap::from([(IPV4, role), (IPV6, role)]);
        responder.handle_input(now, Input::SetAddresses(addresses));
        for verdict in [Verdict::Defend, Verdict::Yield] {
            let claims = receive(&mut responder, now, octets);
            for (address, by) in claims {
                let settle = Input::Settle {
                    address,
                    by,
                    verdict,
                };
                responder.handle_input(now, settle);
            }
            now = pass(&mut responder, now);
        }
    }
}

/// One frame leads to one answer from us at most, and to one event that says what became of it. Returns the claims.
fn receive(responder: &mut Responder, now: Instant, octets: &[u8]) -> Vec<(IpAddr, MacAddr)> {
    responder.handle_timeout(now);
    while responder.poll_output().is_some() {}
    responder.handle_input(now, Input::Frame(octets));
    let (mut answers, mut answered, mut dropped) = (0, 0, 0);
    let mut claims = Vec::new();
    while let Some(output) = responder.poll_output() {
        match output {
            Output::Transmit(frame) => {
                answers += 1;
                assert!(
                    EthernetHeader::decode(frame.as_ref()).is_ok_and(|(header, payload)| {
                        header.source == OURS && mark(&header, payload).is_none()
                    })
                );
            }
            Output::Event(Event::Answered { .. }) => answered += 1,
            Output::Event(Event::Dropped(_)) => dropped += 1,
            Output::Event(
                Event::Claimed { address, by, .. } | Event::Conflict { address, by, .. },
            ) => {
                assert!(by != OURS && by.is_unicast());
                claims.push((address, by));
            }
            _ => {}
        }
    }
    assert_eq!((answers, answered + dropped), (answered, 1));
    claims
}

/// The mark in a frame.
fn mark(header: &EthernetHeader, payload: &[u8]) -> Option<Mark> {
    if header.ether_type == EtherType::ARP {
        return Mark::behind_arp(payload);
    }
    NeighborAdvertisement::decode(payload).ok()?.mark
}

/// Lets the next few deadlines pass, none of which may come back at once.
fn pass(responder: &mut Responder, mut now: Instant) -> Instant {
    for _ in 0..6 {
        let Some(at) = responder.poll_timeout() else {
            break;
        };
        now = now.max(at);
        responder.handle_timeout(now);
        assert!(responder.poll_timeout().is_none_or(|next| next > now));
        while responder.poll_output().is_some() {}
    }
    now
}

const OURS: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
const OTHER: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);
const IPV4: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1));
const IPV6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));
/// Where the ICMPv6 checksum is in an IPv6 packet.
const IPV6_CHECKSUM: usize = 42;
