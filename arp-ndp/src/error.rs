//! Why octets are not the frame they are read as.

use std::net::Ipv6Addr;

/// Why octets were refused by one of the codecs. Offsets count from the first octet that the codec was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It ends before its fixed part, or the part that a length field promises, does.
    #[error("{needed} octets are needed, {available} are there")]
    Truncated {
        /// How many octets it takes.
        needed: usize,
        /// How many there are.
        available: usize,
    },
    /// ARP for another link layer than Ethernet (RFC 826, `ar$hrd`).
    #[error("ARP hardware type {found}, not 1 (Ethernet)")]
    HardwareType {
        /// The hardware type.
        found: u16,
    },
    /// ARP for another protocol than IPv4 (RFC 826, `ar$pro`).
    #[error("ARP protocol type {found:#06x}, not 0x0800 (IPv4)")]
    ProtocolType {
        /// The protocol type.
        found: u16,
    },
    /// ARP with address lengths other than 6 and 4 (RFC 826, `ar$hln` and `ar$pln`).
    #[error("ARP address lengths {hardware} and {protocol}, not 6 and 4")]
    AddressLength {
        /// The length of a hardware address.
        hardware: u8,
        /// The length of a protocol address.
        protocol: u8,
    },
    /// Not IPv6 although the EtherType says so.
    #[error("IP version {found}, not 6")]
    IpVersion {
        /// The version field.
        found: u8,
    },
    /// IPv6, but not with ICMPv6 right behind the fixed header.
    #[error("IPv6 next header {found}, not 58 (ICMPv6)")]
    NextHeader {
        /// The next header field.
        found: u8,
    },
    /// The hop limit is not 255, so a router forwarded it (RFC 4861 §7.1.1, §7.1.2).
    #[error("IPv6 hop limit {found}, not 255")]
    HopLimit {
        /// The hop limit.
        found: u8,
    },
    /// The checksum does not fit the message (RFC 4861 §7.1.1, §7.1.2).
    #[error("ICMPv6 checksum {found:#06x}, not {expected:#06x}")]
    Checksum {
        /// The one in the message.
        found: u16,
        /// The right one.
        expected: u16,
    },
    /// ICMPv6 of another type than the one read.
    #[error("ICMPv6 type {found}, not {expected}")]
    MessageType {
        /// The type in the message.
        found: u8,
        /// The type read.
        expected: u8,
    },
    /// The ICMPv6 code is not 0 (RFC 4861 §7.1.1, §7.1.2).
    #[error("ICMPv6 code {found}, not 0")]
    Code {
        /// The code.
        found: u8,
    },
    /// The target is a multicast address (RFC 4861 §7.1.1, §7.1.2).
    #[error("target {target} is a multicast address")]
    MulticastTarget {
        /// The target.
        target: Ipv6Addr,
    },
    /// The source is a multicast address, which no packet may come from (RFC 4291 §2.7).
    #[error("source {source_address} is a multicast address")]
    MulticastSource {
        /// The source.
        source_address: Ipv6Addr,
    },
    /// A solicitation from the unspecified address that was not sent to a solicited-node group (RFC 4861 §7.1.1).
    #[error(
        "from the unspecified address, but to {destination}, which is not a solicited-node group"
    )]
    ProbeDestination {
        /// The destination.
        destination: Ipv6Addr,
    },
    /// A solicitation from the unspecified address with a source link-layer address option (RFC 4861 §7.1.1).
    #[error("from the unspecified address, but with a source link-layer address option")]
    ProbeLinkLayer,
    /// An advertisement to a group with the Solicited flag set (RFC 4861 §7.1.2).
    #[error("solicited, but to the group {destination}")]
    SolicitedMulticast {
        /// The destination.
        destination: Ipv6Addr,
    },
    /// An option whose length is zero or reaches past the end of the message (RFC 4861 §4.6, §7.1.1, §7.1.2).
    #[error("option at offset {offset} has length {length} (in units of 8 octets)")]
    OptionLength {
        /// Where the option starts, from the first option on.
        offset: usize,
        /// Its length field.
        length: u8,
    },
    /// A link-layer address option that does not hold one Ethernet address (RFC 2464 §6).
    #[error("link-layer address option of {length} octets, not 6")]
    LinkLayerLength {
        /// How many octets of address it holds.
        length: usize,
    },
}
