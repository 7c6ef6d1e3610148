//! Neighbor Discovery: RFC 4861 §7 and RFC 4862 §5.4.

use std::net::Ipv6Addr;

use arp_ndp::{
    ALL_NODES, AdvertisementFlags, DropReason, EtherType, EthernetHeader, Event, Frame, Input,
    MacAddr, NeighborAdvertisement, NeighborSolicitation, Output, multicast_mac,
    solicited_node_group,
};

use crate::{OTHER, OURS, Station, advertisement_frame, dropped, ip, ip6};

/// OTHER at fe80::2 asks for 2001:db8::10.
fn solicitation() -> NeighborSolicitation {
    NeighborSolicitation {
        source: ip6("fe80::2"),
        destination: solicited_node_group(ip6("2001:db8::10")),
        target: ip6("2001:db8::10"),
        source_link_layer: Some(OTHER),
    }
}

fn frame_to(destination: MacAddr, solicitation: &NeighborSolicitation) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source: OTHER,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    solicitation.encode(&mut frame);
    frame
}

fn to_group(solicitation: &NeighborSolicitation) -> Frame {
    frame_to(multicast_mac(solicitation.destination), solicitation)
}

fn advertisement(destination: Ipv6Addr, flags: AdvertisementFlags) -> NeighborAdvertisement {
    NeighborAdvertisement {
        source: ip6("2001:db8::10"),
        destination,
        target: ip6("2001:db8::10"),
        flags,
        target_link_layer: Some(OURS),
        mark: None,
    }
}

#[test]
fn a_solicitation_is_answered_to_the_asker_solicited_and_without_override() {
    let mut station = Station::with(&["2001:db8::10"]);
    let answer = advertisement(ip6("fe80::2"), AdvertisementFlags::SOLICITED);
    let answered = Event::Answered {
        address: ip("2001:db8::10"),
        asker: ip("fe80::2"),
        asker_mac: OTHER,
    };
    let expected = [
        Output::Transmit(advertisement_frame(OTHER, &answer)),
        Output::Event(answered),
    ];
    assert_eq!(station.receive(&to_group(&solicitation())), expected);
    let counters = station.responder.addresses()[&ip("2001:db8::10")].counters;
    assert_eq!(
        (counters.requests_received, counters.responses_sent),
        (1, 1)
    );
}

#[test]
fn a_solicitation_for_an_address_that_is_not_ours_is_dropped() {
    // The same solicited-node group.
    let mut station = Station::with(&["2001:db8:1::10", "198.51.100.10"]);
    assert_eq!(
        station.receive(&to_group(&solicitation())),
        dropped(DropReason::AnnounceIp)
    );
}

/// RFC 4862 §5.4.3, RFC 4861 §7.2.4: all nodes, and not solicited.
#[test]
fn duplicate_address_detection_is_answered_to_all_nodes() {
    let mut station = Station::with(&["2001:db8::10"]);
    let probe = NeighborSolicitation {
        source: ip6("::"),
        source_link_layer: None,
        ..solicitation()
    };
    let answer = advertisement(ALL_NODES, AdvertisementFlags::empty());
    let outputs = station.receive(&to_group(&probe));
    let everybody = MacAddr([0x33, 0x33, 0, 0, 0, 1]);
    assert_eq!(
        outputs[0],
        Output::Transmit(advertisement_frame(everybody, &answer))
    );
}

/// RFC 4861 §4.3: the option may be left out of a unicast solicitation, and of no other with a source.
#[test]
fn the_source_link_layer_address_may_be_missing_from_a_unicast_solicitation_only() {
    let mut station = Station::with(&["2001:db8::10"]);
    let bare = NeighborSolicitation {
        source_link_layer: None,
        ..solicitation()
    };
    assert_eq!(
        station.receive(&to_group(&bare)),
        dropped(DropReason::NoSourceLinkLayer)
    );

    let unicast = NeighborSolicitation {
        destination: bare.target,
        ..bare
    };
    let answer = advertisement(ip6("fe80::2"), AdvertisementFlags::SOLICITED);
    let outputs = station.receive(&frame_to(OURS, &unicast));
    assert_eq!(
        outputs[0],
        Output::Transmit(advertisement_frame(OTHER, &answer))
    );
}

#[test]
fn what_is_not_a_valid_solicitation_to_us_is_dropped_with_its_reason() {
    let mut station = Station::with(&["2001:db8::10"]);
    let changed = |offset: usize, value: u8| {
        let mut octets = to_group(&solicitation()).as_ref().to_vec();
        octets[offset] = value;
        octets
    };
    let cases = [
        (changed(14 + 7, 254), DropReason::HopLimit),
        (changed(14 + 42, 0xa5), DropReason::Checksum),
        (changed(14 + 40, 133), DropReason::MessageType),
        (changed(14 + 6, 17), DropReason::MessageType),
        (changed(14, 0x45), DropReason::Malformed),
    ];
    for (octets, reason) in cases {
        assert_eq!(station.give(Input::Frame(&octets)), dropped(reason));
    }
    let elsewhere = frame_to(MacAddr([0x02, 0, 0, 0, 0, 0x0c]), &solicitation());
    assert_eq!(
        station.receive(&elsewhere),
        dropped(DropReason::EthernetDestination)
    );
    let own = NeighborSolicitation {
        source_link_layer: Some(OURS),
        ..solicitation()
    };
    assert_eq!(
        station.receive(&to_group(&own)),
        dropped(DropReason::OwnFrame)
    );
    let everybody = NeighborSolicitation {
        source_link_layer: Some(MacAddr::BROADCAST),
        ..solicitation()
    };
    assert_eq!(
        station.receive(&to_group(&everybody)),
        dropped(DropReason::Malformed)
    );
    let from_group = NeighborSolicitation {
        source: ip6("ff02::1"),
        ..solicitation()
    };
    assert_eq!(
        station.receive(&to_group(&from_group)),
        dropped(DropReason::Malformed)
    );
    assert_eq!(station.responder.drops().values().sum::<u64>(), 9);
}
