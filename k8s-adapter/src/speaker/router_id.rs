//! The BGP identifier of a session whose BGPPeer names none (compat/metallb.md 7.5).

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use arp_ndp::driver::Links;
use bgp_wire::RouterId;
use planner::desired::PeerSession;
use planner::names::NodeName;

/// As MetalLB: the session's own IPv4 address, else the first IPv4 address of the interface that has its IPv6 address,
/// else a number made of the node's name.
pub(super) fn router_id(node: &NodeName, settings: &PeerSession, links: &Links) -> RouterId {
    let own = match local_address(settings) {
        Some(IpAddr::V4(address)) => Some(address),
        Some(IpAddr::V6(address)) => ipv4_beside(IpAddr::V6(address), links),
        None => None,
    };
    own.and_then(|address| RouterId::try_new(address).ok())
        .unwrap_or_else(|| of_name(node.as_str()))
}

/// The address that the session would be opened from. Connecting a UDP socket asks for the route and sends nothing.
fn local_address(settings: &PeerSession) -> Option<IpAddr> {
    if settings.source.is_some() {
        return settings.source;
    }
    let any: SocketAddr = if settings.address.is_ipv4() {
        ANY_V4
    } else {
        ANY_V6
    };
    let socket = UdpSocket::bind(any).ok()?;
    socket.connect((settings.address, settings.port)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn ipv4_beside(address: IpAddr, links: &Links) -> Option<Ipv4Addr> {
    let link = links
        .values()
        .find(|link| link.addresses.iter().any(|own| own.address == address))?;
    link.addresses.iter().find_map(|own| match own.address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    })
}

fn of_name(name: &str) -> RouterId {
    let address = Ipv4Addr::from(crc32(name.as_bytes()));
    RouterId::try_new(address).unwrap_or_else(|_| of_name(&format!("{name}.")))
}

/// CRC-32 of IEEE 802.3, as Go's `crc32.ChecksumIEEE`.
fn crc32(octets: &[u8]) -> u32 {
    let step = |crc: u32| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    let fold = |crc: u32, octet: &u8| (0..8).fold(crc ^ u32::from(*octet), |crc, _| step(crc));
    !octets.iter().fold(!0, fold)
}

const ANY_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
const ANY_V6: SocketAddr = SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_ieee_802_3() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_node_without_addresses_has_an_identifier_of_its_own() {
        assert_ne!(of_name("node-a"), of_name("node-b"));
    }
}
