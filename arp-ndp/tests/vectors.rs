//! Frames that Linux 6.18, arping 2.23 and ndisc6 1.0.8 sent, read and written again; and what is refused.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::net::{Ipv4Addr, Ipv6Addr};

use arp_ndp::{
    AdvertisementFlags, Arp, ArpOperation, EtherType, EthernetHeader, Frame, FrameError, MacAddr,
    Mark, NeighborAdvertisement, NeighborSolicitation, VlanTag,
};

const A: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
const B: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);

/// `arping 198.51.100.1`, with its padding.
const ARP_REQUEST: &str = "ffffffffffff02000000000b0806 0001080006040001 02000000000bc6336402 000000000000c6336401\
                           00000000000000000000000000000000";
/// The kernel's answer.
const ARP_REPLY: &str =
    "02000000000b02000000000a0806 0001080006040002 02000000000ac6336401 02000000000bc6336402";
/// `ndisc6 2001:db8::1 eth0`.
const SOLICITATION: &str = "3333ff00000102000000000b86dd 600de62100203aff fe80000000000000000000fffe00000b \
                            ff0200000000000000000001ff000001 87004c4d00000000 20010db8000000000000000000000001 \
                            010102000000000b";
/// The kernel's answer.
const ADVERTISEMENT: &str = "02000000000b02000000000a86dd 6000000000203aff 20010db8000000000000000000000001 \
                             fe80000000000000000000fffe00000b 8800ba9960000000 20010db8000000000000000000000001 \
                             020102000000000a";
/// The kernel's Duplicate Address Detection, with a nonce option (RFC 7527).
const PROBE: &str = "3333ff00000102000000000a86dd 6000000000203aff 00000000000000000000000000000000 \
                     ff0200000000000000000001ff000001 8700c08500000000 20010db8000000000000000000000001 \
                     0e013bfc32910fd1";

fn ip4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn ip6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0] << 4 | pair[1]).unwrap())
        .collect()
}

/// The IPv6 packet in one of the frames above.
fn packet(hex: &str) -> Vec<u8> {
    octets(hex)[14..].to_vec()
}

fn encoded(encode: impl FnOnce(&mut Frame)) -> Vec<u8> {
    let mut frame = Frame::new();
    encode(&mut frame);
    frame.as_ref().to_vec()
}

#[test]
fn arp_request_of_arping_is_read_without_its_padding() {
    let frame = octets(ARP_REQUEST);
    let (header, payload) = EthernetHeader::decode(&frame).unwrap();
    let expected = EthernetHeader {
        destination: MacAddr::BROADCAST,
        source: B,
        vlan: None,
        ether_type: EtherType::ARP,
    };
    assert_eq!(header, expected);
    let arp = Arp::decode(payload).unwrap();
    let expected = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: B,
        sender_protocol_address: ip4("198.51.100.2"),
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: ip4("198.51.100.1"),
    };
    assert_eq!(arp, expected);
    let written = encoded(|out| {
        header.encode(out);
        arp.encode(out);
    });
    assert_eq!(written, frame[..42]);
}

#[test]
fn arp_reply_of_the_kernel_is_written_as_it_was_read() {
    let frame = octets(ARP_REPLY);
    let (header, payload) = EthernetHeader::decode(&frame).unwrap();
    let arp = Arp::decode(payload).unwrap();
    assert_eq!(
        (arp.operation, arp.sender_hardware_address),
        (ArpOperation::REPLY, A)
    );
    let written = encoded(|out| {
        header.encode(out);
        arp.encode(out);
    });
    assert_eq!(written, frame);
}

#[test]
fn neighbor_solicitation_of_ndisc6_is_read_and_written_without_its_flow_label() {
    let read = NeighborSolicitation::decode(&packet(SOLICITATION)).unwrap();
    let expected = NeighborSolicitation {
        source: ip6("fe80::ff:fe00:b"),
        destination: ip6("ff02::1:ff00:1"),
        target: ip6("2001:db8::1"),
        source_link_layer: Some(B),
    };
    assert_eq!(read, expected);
    let mut canonical = packet(SOLICITATION);
    canonical[..4].copy_from_slice(&[0x60, 0, 0, 0]);
    assert_eq!(encoded(|out| read.encode(out)), canonical);
}

#[test]
fn neighbor_advertisement_of_the_kernel_is_written_as_it_was_read() {
    let read = NeighborAdvertisement::decode(&packet(ADVERTISEMENT)).unwrap();
    let expected = NeighborAdvertisement {
        source: ip6("2001:db8::1"),
        destination: ip6("fe80::ff:fe00:b"),
        target: ip6("2001:db8::1"),
        flags: AdvertisementFlags::SOLICITED | AdvertisementFlags::OVERRIDE,
        target_link_layer: Some(A),
        mark: None,
    };
    assert_eq!(read, expected);
    assert_eq!(encoded(|out| read.encode(out)), packet(ADVERTISEMENT));
}

#[test]
fn duplicate_address_detection_of_the_kernel_is_read_past_its_nonce() {
    let read = NeighborSolicitation::decode(&packet(PROBE)).unwrap();
    assert!(read.source.is_unspecified());
    assert_eq!(
        (read.target, read.source_link_layer),
        (ip6("2001:db8::1"), None)
    );
}

#[test]
fn one_vlan_tag_is_read_and_written() {
    let mut frame = octets(ARP_REPLY);
    frame.splice(12..12, [0x81, 0x00, 0xa0, 0x64]);
    let (header, payload) = EthernetHeader::decode(&frame).unwrap();
    assert_eq!(
        (header.vlan, header.vlan.unwrap().id()),
        (Some(VlanTag(0xa064)), 100)
    );
    assert_eq!(
        (header.ether_type, payload.len()),
        (EtherType::ARP, Arp::LEN)
    );
    assert_eq!(encoded(|out| header.encode(out)), frame[..18]);
}

#[test]
fn an_ethernet_header_that_is_cut_off_is_refused() {
    let frame = octets(ARP_REPLY);
    for len in 0..14 {
        let error = FrameError::Truncated {
            needed: 14,
            available: len,
        };
        assert_eq!(EthernetHeader::decode(&frame[..len]), Err(error));
    }
    let mut tagged = frame;
    tagged.splice(12..12, [0x81, 0x00, 0xa0, 0x64]);
    for len in 14..18 {
        let error = FrameError::Truncated {
            needed: 18,
            available: len,
        };
        assert_eq!(EthernetHeader::decode(&tagged[..len]), Err(error));
    }
}

/// RFC 826, "Packet Reception": do I have the hardware type, do I speak the protocol?
#[test]
fn arp_for_anything_but_ipv4_over_ethernet_is_refused() {
    let packet = octets(ARP_REPLY)[14..].to_vec();
    let cases = [
        (1, 6, FrameError::HardwareType { found: 6 }),
        (2, 0x86, FrameError::ProtocolType { found: 0x8600 }),
        (
            4,
            8,
            FrameError::AddressLength {
                hardware: 8,
                protocol: 4,
            },
        ),
        (
            5,
            16,
            FrameError::AddressLength {
                hardware: 6,
                protocol: 16,
            },
        ),
    ];
    for (offset, value, error) in cases {
        let mut other = packet.clone();
        other[offset] = value;
        assert_eq!(Arp::decode(&other), Err(error));
    }
    let error = FrameError::Truncated {
        needed: 28,
        available: 27,
    };
    assert_eq!(Arp::decode(&packet[..27]), Err(error));
}

/// RFC 4861 §7.1.1, rule by rule: hop limit, checksum, code, length.
#[test]
fn a_solicitation_that_breaks_a_rule_of_the_fixed_part_is_refused() {
    let good = packet(SOLICITATION);
    let with = |changes: &[(usize, u8)]| {
        let mut packet = good.clone();
        for &(offset, value) in changes {
            packet[offset] = value;
        }
        NeighborSolicitation::decode(&packet)
    };
    assert_eq!(with(&[(0, 0x45)]), Err(FrameError::IpVersion { found: 4 }));
    assert_eq!(with(&[(6, 17)]), Err(FrameError::NextHeader { found: 17 }));
    assert_eq!(with(&[(7, 254)]), Err(FrameError::HopLimit { found: 254 }));
    assert_eq!(
        with(&[(40, 128)]),
        Err(FrameError::MessageType {
            found: 128,
            expected: 135
        })
    );
    let wrong = FrameError::Checksum {
        found: 0x4c4e,
        expected: 0x4c4d,
    };
    assert_eq!(with(&[(43, 0x4e)]), Err(wrong));
    for len in 0..good.len() {
        let error = FrameError::Truncated {
            needed: if len < 40 { 40 } else { 72 },
            available: len,
        };
        assert_eq!(NeighborSolicitation::decode(&good[..len]), Err(error));
    }
    let mut other = good.clone();
    other[41] = 1;
    assert_eq!(
        NeighborSolicitation::decode(&sealed(other)),
        Err(FrameError::Code { found: 1 })
    );
    let error = FrameError::Truncated {
        needed: 24,
        available: 23,
    };
    assert_eq!(
        NeighborSolicitation::decode(&sealed(good[..63].to_vec())),
        Err(error)
    );
}

/// RFC 4861 §7.1.1: the target, the options, and what a probe must look like.
#[test]
fn a_solicitation_that_breaks_a_rule_of_its_contents_is_refused() {
    let good = NeighborSolicitation::decode(&packet(SOLICITATION)).unwrap();
    let refused = |solicitation: NeighborSolicitation| {
        let written = encoded(|out| solicitation.encode(out));
        NeighborSolicitation::decode(&written).unwrap_err()
    };
    let target = ip6("ff02::1");
    let error = refused(NeighborSolicitation { target, ..good });
    assert_eq!(error, FrameError::MulticastTarget { target });

    let source_address = ip6("ff02::2");
    let error = refused(NeighborSolicitation {
        source: source_address,
        ..good
    });
    assert_eq!(error, FrameError::MulticastSource { source_address });

    let source = ip6("::");
    let error = refused(NeighborSolicitation { source, ..good });
    assert_eq!(error, FrameError::ProbeLinkLayer);

    let destination = ip6("2001:db8::1");
    let probe = NeighborSolicitation {
        source,
        destination,
        source_link_layer: None,
        ..good
    };
    assert_eq!(refused(probe), FrameError::ProbeDestination { destination });

    let mut empty_option = packet(SOLICITATION);
    empty_option.extend([0xfe, 0]);
    let error = FrameError::OptionLength {
        offset: 8,
        length: 0,
    };
    assert_eq!(
        NeighborSolicitation::decode(&sealed(empty_option)),
        Err(error)
    );
}

/// RFC 4861 §7.1.2.
#[test]
fn an_advertisement_to_all_nodes_must_not_be_solicited() {
    let good = NeighborAdvertisement::decode(&packet(ADVERTISEMENT)).unwrap();
    let destination = ip6("ff02::1");
    let solicited = NeighborAdvertisement {
        destination,
        ..good
    };
    let error = FrameError::SolicitedMulticast { destination };
    assert_eq!(
        NeighborAdvertisement::decode(&encoded(|out| solicited.encode(out))),
        Err(error)
    );

    let unsolicited = NeighborAdvertisement {
        flags: AdvertisementFlags::OVERRIDE,
        ..solicited
    };
    let written = encoded(|out| unsolicited.encode(out));
    assert_eq!(NeighborAdvertisement::decode(&written), Ok(unsolicited));
}

#[test]
fn what_follows_the_payload_of_ipv6_is_padding() {
    let mut padded = packet(ADVERTISEMENT);
    padded.extend([0xa5; 20]);
    let read = NeighborAdvertisement::decode(&padded).unwrap();
    assert_eq!(encoded(|out| read.encode(out)), packet(ADVERTISEMENT));
}

/// RFC 4861 §4.6: whoever does not know the option of a mark steps over it.
#[test]
fn a_marked_advertisement_is_written_as_it_was_read_and_has_a_right_checksum() {
    let mark = [0x5a; 16];
    let mut marked = packet(ADVERTISEMENT);
    marked.extend([&[253, 3], &b"Fe"[..], &mark, &[0; 4]].concat());
    let marked = sealed(marked);
    let read = NeighborAdvertisement::decode(&marked).unwrap();
    let unmarked = NeighborAdvertisement::decode(&packet(ADVERTISEMENT)).unwrap();
    let mark = Some(Mark(mark));
    assert_eq!(read, NeighborAdvertisement { mark, ..unmarked });
    assert_eq!(encoded(|out| read.encode(out)), marked);
}

/// Sets the payload length and the checksum (RFC 4443 §2.3), computed here in another way than in the crate.
fn sealed(mut packet: Vec<u8>) -> Vec<u8> {
    let len = u16::try_from(packet.len() - 40).unwrap();
    packet[4..6].copy_from_slice(&len.to_be_bytes());
    packet[42..44].fill(0);
    let mut summed = packet[8..].to_vec();
    summed.extend([0, 0, 0, 58]);
    summed.splice(32..32, u32::from(len).to_be_bytes());
    // An odd octet at the end is the upper half of a word.
    if len % 2 == 1 {
        summed.insert(36 + usize::from(len), 0);
    }
    let mut sum: u32 = summed
        .chunks(2)
        .map(|word| u32::from(word[0]) << 8 | u32::from(word[1]))
        .sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let checksum = !u16::try_from(sum).unwrap();
    packet[42..44].copy_from_slice(&checksum.to_be_bytes());
    packet
}
