//! ARP: who-has to reply (RFC 826), probes and announcements (RFC 5227).

use std::net::Ipv4Addr;

use crate::arp::{Arp, ArpOperation};
use crate::ethernet::{EtherType, EthernetHeader};
use crate::frame::Frame;
use crate::mac::MacAddr;
use crate::mark::Mark;
use crate::responder::DropReason;
use crate::responder::receive::Question;

/// Reads the payload of an ARP frame.
pub(super) fn read(payload: &[u8]) -> Result<Arp, DropReason> {
    let packet = Arp::decode(payload)?;
    // A group's address as the sender's would make us answer to the whole link; no host has one for its own either.
    let sender = packet.sender_protocol_address;
    if !packet.sender_hardware_address.is_unicast()
        || sender.is_multicast()
        || sender.is_broadcast()
    {
        return Err(DropReason::Malformed);
    }
    Ok(packet)
}

/// What a packet from another station asks. A probe (sender address unspecified, RFC 5227 §2.1.1) is a question like any
/// other; an announcement (sender and target address the same, §2.3) is none.
pub(super) fn question(
    header: &EthernetHeader,
    packet: &Arp,
    mac: MacAddr,
) -> Result<Question<Ipv4Addr>, DropReason> {
    if packet.operation != ArpOperation::REQUEST {
        return Err(DropReason::ArpReply);
    }
    if header.destination != MacAddr::BROADCAST && header.destination != mac {
        return Err(DropReason::EthernetDestination);
    }
    if packet.sender_protocol_address == packet.target_protocol_address {
        return Err(DropReason::Gratuitous);
    }
    Ok(Question {
        address: packet.target_protocol_address,
        asker: packet.sender_protocol_address,
        asker_mac: packet.sender_hardware_address,
    })
}

/// The answer to a question: a unicast reply.
pub(super) fn reply(mac: MacAddr, question: &Question<Ipv4Addr>) -> Frame {
    let reply = Arp {
        operation: ArpOperation::REPLY,
        sender_hardware_address: mac,
        sender_protocol_address: question.address,
        target_hardware_address: question.asker_mac,
        target_protocol_address: question.asker,
    };
    frame(mac, question.asker_mac, &reply)
}

/// An announcement in both forms, since some stations heed only the one and some only the other (RFC 5227 §3): request
/// and reply, both broadcast, with the address as sender and as target.
pub(super) fn announcement(mac: MacAddr, address: Ipv4Addr, mark: Option<Mark>) -> [Frame; 2] {
    let request = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: mac,
        sender_protocol_address: address,
        target_hardware_address: MacAddr::BROADCAST,
        target_protocol_address: address,
    };
    let reply = Arp {
        operation: ArpOperation::REPLY,
        ..request
    };
    [request, reply].map(|packet| {
        let mut frame = frame(mac, MacAddr::BROADCAST, &packet);
        if let Some(mark) = mark {
            mark.encode_behind_arp(&mut frame);
        }
        frame
    })
}

/// A probe: who has this address, asked by nobody in particular (RFC 5227 §1.1), of everybody or of one station.
pub(super) fn probe(mac: MacAddr, address: Ipv4Addr, destination: MacAddr) -> Frame {
    let request = Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: mac,
        sender_protocol_address: Ipv4Addr::UNSPECIFIED,
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: address,
    };
    frame(mac, destination, &request)
}

fn frame(source: MacAddr, destination: MacAddr, arp: &Arp) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source,
        vlan: None,
        ether_type: EtherType::ARP,
    }
    .encode(&mut frame);
    arp.encode(&mut frame);
    frame
}
