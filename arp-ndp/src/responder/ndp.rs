//! Neighbor Discovery: solicitation to advertisement (RFC 4861 §7.2), and both sides of Duplicate Address Detection
//! (RFC 4862 §5.4).

use std::net::Ipv6Addr;

use crate::ethernet::{EtherType, EthernetHeader};
use crate::frame::Frame;
use crate::groups::{ALL_NODES, multicast_mac, solicited_node_group};
use crate::mac::MacAddr;
use crate::mark::Mark;
use crate::ndp::{AdvertisementFlags, NeighborAdvertisement, NeighborSolicitation};
use crate::responder::DropReason;
use crate::responder::receive::Question;

/// What a solicitation asks.
pub(super) fn question(
    header: &EthernetHeader,
    solicitation: &NeighborSolicitation,
    mac: MacAddr,
) -> Result<Question<Ipv6Addr>, DropReason> {
    let to_group = solicitation.destination.is_multicast();
    if header.destination != mac && !(to_group && header.destination.is_multicast()) {
        return Err(DropReason::EthernetDestination);
    }
    // RFC 4861 §4.3: the option must be in a multicast solicitation and may be left out of a unicast one, whose sender
    // is then where the frame came from. A probe has none, and is answered to everybody.
    let asker_mac = match solicitation.source_link_layer {
        Some(asker_mac) => asker_mac,
        None if to_group && !solicitation.source.is_unspecified() => {
            return Err(DropReason::NoSourceLinkLayer);
        }
        None => header.source,
    };
    // A group's address as the sender's would make us answer to the whole link.
    if !asker_mac.is_unicast() {
        return Err(DropReason::Malformed);
    }
    Ok(Question {
        address: solicitation.target,
        asker: solicitation.source,
        asker_mac,
    })
}

/// The answer to a question (RFC 4861 §7.2.4): to the one who asked, or to all nodes if that was a probe.
///
/// Deviation from §7.2.4: the Override flag is not set, as §7.2.8 wants it of whoever answers for an address that its
/// interface does not have, so that an answer never replaces what a neighbour already has; only announcements do. The
/// random delay of §7.2.8 is for several who answer, and there is one at a time.
pub(super) fn reply(mac: MacAddr, question: &Question<Ipv6Addr>) -> Frame {
    let Question {
        address,
        asker,
        asker_mac,
    } = *question;
    if asker.is_unspecified() {
        return frame(
            mac,
            multicast_mac(ALL_NODES),
            address,
            ALL_NODES,
            AdvertisementFlags::empty(),
            None,
        );
    }
    frame(
        mac,
        asker_mac,
        address,
        asker,
        AdvertisementFlags::SOLICITED,
        None,
    )
}

/// An unsolicited advertisement (RFC 4861 §7.2.6): to all nodes, which replace what they have for the address.
pub(super) fn announcement(mac: MacAddr, address: Ipv6Addr, mark: Option<Mark>) -> Frame {
    frame(
        mac,
        multicast_mac(ALL_NODES),
        address,
        ALL_NODES,
        AdvertisementFlags::OVERRIDE,
        mark,
    )
}

/// A solicitation as Duplicate Address Detection sends it (RFC 4862 §5.4.2), to the target's group, but perhaps to one
/// station of it alone (RFC 6085).
pub(super) fn probe(mac: MacAddr, address: Ipv6Addr, destination_mac: MacAddr) -> Frame {
    let mut frame = header(mac, destination_mac);
    NeighborSolicitation {
        source: Ipv6Addr::UNSPECIFIED,
        destination: solicited_node_group(address),
        target: address,
        source_link_layer: None,
    }
    .encode(&mut frame);
    frame
}

/// The hardware address of everybody who may have this address.
pub(super) const fn group_mac(address: Ipv6Addr) -> MacAddr {
    multicast_mac(solicited_node_group(address))
}

fn frame(
    mac: MacAddr,
    destination_mac: MacAddr,
    address: Ipv6Addr,
    destination: Ipv6Addr,
    flags: AdvertisementFlags,
    mark: Option<Mark>,
) -> Frame {
    let mut frame = header(mac, destination_mac);
    NeighborAdvertisement {
        source: address,
        destination,
        target: address,
        flags,
        target_link_layer: Some(mac),
        mark,
    }
    .encode(&mut frame);
    frame
}

fn header(source: MacAddr, destination: MacAddr) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    frame
}
