//! ARP: RFC 826 and RFC 5227.

use arp_ndp::{
    Arp, ArpOperation, DropReason, EtherType, EthernetHeader, Event, Frame, MacAddr, Output,
    VlanTag,
};

use crate::{OTHER, OURS, Station, arp_frame, dropped, ip, ip4};

/// OTHER at 198.51.100.2 asks for 198.51.100.10.
fn request() -> Arp {
    Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: OTHER,
        sender_protocol_address: ip4("198.51.100.2"),
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: ip4("198.51.100.10"),
    }
}

fn broadcast(arp: &Arp) -> Frame {
    arp_frame(OTHER, MacAddr::BROADCAST, arp)
}

#[test]
fn who_has_one_of_our_addresses_is_answered_to_the_asker_alone() {
    let mut station = Station::with(&["198.51.100.10", "198.51.100.11"]);
    let reply = Arp {
        operation: ArpOperation::REPLY,
        sender_hardware_address: OURS,
        sender_protocol_address: ip4("198.51.100.10"),
        target_hardware_address: OTHER,
        target_protocol_address: ip4("198.51.100.2"),
    };
    let answered = Event::Answered {
        address: ip("198.51.100.10"),
        asker: ip("198.51.100.2"),
        asker_mac: OTHER,
    };
    let expected = [
        Output::Transmit(arp_frame(OURS, OTHER, &reply)),
        Output::Event(answered),
    ];
    assert_eq!(station.receive(&broadcast(&request())), expected);

    let counters = station.responder.addresses()[&ip("198.51.100.10")].counters;
    assert_eq!(
        (counters.requests_received, counters.responses_sent),
        (1, 1)
    );
    let counters = station.responder.addresses()[&ip("198.51.100.11")].counters;
    assert_eq!(
        (counters.requests_received, counters.responses_sent),
        (0, 0)
    );
}

#[test]
fn a_request_sent_to_our_own_hardware_address_is_answered_too() {
    let mut station = Station::with(&["198.51.100.10"]);
    assert_eq!(
        station.receive(&arp_frame(OTHER, OURS, &request())).len(),
        2
    );
    let reason = DropReason::EthernetDestination;
    let elsewhere = arp_frame(OTHER, MacAddr([0x02, 0, 0, 0, 0, 0x0c]), &request());
    assert_eq!(station.receive(&elsewhere), dropped(reason));
}

#[test]
fn who_has_an_address_that_is_not_ours_is_dropped_and_counted() {
    let mut station = Station::with(&["198.51.100.11", "2001:db8::10"]);
    for _ in 0..3 {
        assert_eq!(
            station.receive(&broadcast(&request())),
            dropped(DropReason::AnnounceIp)
        );
    }
    assert_eq!(station.responder.drops()[&DropReason::AnnounceIp], 3);
}

/// RFC 5227 §2.1.1: whoever wants to use one of our addresses has to hear that it is taken.
#[test]
fn a_probe_is_answered() {
    let mut station = Station::with(&["198.51.100.10"]);
    let probe = Arp {
        sender_protocol_address: ip4("0.0.0.0"),
        ..request()
    };
    let outputs = station.receive(&broadcast(&probe));
    let reply = Arp {
        operation: ArpOperation::REPLY,
        sender_hardware_address: OURS,
        sender_protocol_address: ip4("198.51.100.10"),
        target_hardware_address: OTHER,
        target_protocol_address: ip4("0.0.0.0"),
    };
    assert_eq!(outputs[0], Output::Transmit(arp_frame(OURS, OTHER, &reply)));
}

/// RFC 5227 §2.3: an announcement asks nothing.
#[test]
fn an_announcement_by_another_station_is_not_answered_but_told() {
    let mut station = Station::with(&["198.51.100.10"]);
    let announcement = Arp {
        sender_protocol_address: ip4("198.51.100.10"),
        ..request()
    };
    let expected = [
        Output::Event(Event::Claimed {
            address: ip("198.51.100.10"),
            by: OTHER,
            mark: None,
        }),
        Output::Event(Event::Dropped(DropReason::Gratuitous)),
    ];
    assert_eq!(station.receive(&broadcast(&announcement)), expected);

    let of_its_own = Arp {
        sender_protocol_address: ip4("198.51.100.2"),
        target_protocol_address: ip4("198.51.100.2"),
        ..request()
    };
    assert_eq!(
        station.receive(&broadcast(&of_its_own)),
        dropped(DropReason::Gratuitous)
    );
}

#[test]
fn what_is_not_a_request_from_another_station_is_dropped() {
    let mut station = Station::with(&["198.51.100.10"]);
    let reply = Arp {
        operation: ArpOperation::REPLY,
        ..request()
    };
    assert_eq!(
        station.receive(&broadcast(&reply)),
        dropped(DropReason::ArpReply)
    );
    let own = Arp {
        sender_hardware_address: OURS,
        ..request()
    };
    assert_eq!(
        station.receive(&broadcast(&own)),
        dropped(DropReason::OwnFrame)
    );
    // An answer to it would go to everybody.
    for sender_hardware_address in [MacAddr::BROADCAST, MacAddr::ZERO] {
        let nobody = Arp {
            sender_hardware_address,
            ..request()
        };
        assert_eq!(
            station.receive(&broadcast(&nobody)),
            dropped(DropReason::Malformed)
        );
    }
    for sender_protocol_address in ["224.0.0.1", "255.255.255.255"].map(ip4) {
        let group = Arp {
            sender_protocol_address,
            ..request()
        };
        assert_eq!(
            station.receive(&broadcast(&group)),
            dropped(DropReason::Malformed)
        );
    }
    let cut_off = broadcast(&request()).as_ref()[..41].to_vec();
    assert_eq!(
        station.give(arp_ndp::Input::Frame(&cut_off)),
        dropped(DropReason::Malformed)
    );
}

#[test]
fn a_tag_that_names_a_vlan_is_for_another_interface_and_a_mere_priority_is_not() {
    let mut station = Station::with(&["198.51.100.10"]);
    let tagged = |tag| {
        let mut frame = Frame::new();
        let (destination, source) = (MacAddr::BROADCAST, OTHER);
        let vlan = Some(VlanTag(tag));
        EthernetHeader {
            destination,
            source,
            vlan,
            ether_type: EtherType::ARP,
        }
        .encode(&mut frame);
        request().encode(&mut frame);
        frame
    };
    assert_eq!(station.receive(&tagged(100)), dropped(DropReason::Vlan));
    assert_eq!(station.receive(&tagged(0xe000)).len(), 2);
}

#[test]
fn other_ether_types_are_dropped() {
    let mut station = Station::with(&["198.51.100.10"]);
    let mut frame = Frame::new();
    let (destination, source) = (MacAddr::BROADCAST, OTHER);
    EthernetHeader {
        destination,
        source,
        vlan: None,
        ether_type: EtherType::IPV4,
    }
    .encode(&mut frame);
    assert_eq!(station.receive(&frame), dropped(DropReason::EtherType));
}
