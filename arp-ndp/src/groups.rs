//! The multicast groups of Neighbor Discovery, and their hardware addresses.

use std::net::Ipv6Addr;

use crate::mac::MacAddr;

/// `ff02::1`: every node on the link (RFC 4291 §2.7.1).
pub const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// The solicited-node group of an address, where questions for it are sent: `ff02::1:ff00:0/104` and the last 24 bits of
/// the address (RFC 4291 §2.7.1). Addresses that end alike share a group.
///
/// ```
/// let group = arp_ndp::solicited_node_group("2001:db8::12:3456".parse().unwrap());
/// assert_eq!(group.to_string(), "ff02::1:ff12:3456");
/// ```
#[must_use]
pub const fn solicited_node_group(address: Ipv6Addr) -> Ipv6Addr {
    Ipv6Addr::from_bits(SOLICITED_NODE_PREFIX | address.to_bits() & LOW_24)
}

/// Whether an address is some solicited-node group.
#[must_use]
pub const fn is_solicited_node_group(address: Ipv6Addr) -> bool {
    address.to_bits() & !LOW_24 == SOLICITED_NODE_PREFIX
}

/// The hardware address that a multicast group is sent to: `33:33` and its last four octets (RFC 2464 §7).
#[must_use]
pub const fn multicast_mac(group: Ipv6Addr) -> MacAddr {
    let [.., a, b, c, d] = group.octets();
    MacAddr([0x33, 0x33, a, b, c, d])
}

const SOLICITED_NODE_PREFIX: u128 = 0xff02_0000_0000_0000_0000_0001_ff00_0000;
const LOW_24: u128 = 0x00ff_ffff;
