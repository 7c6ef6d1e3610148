//! Ethernet (MAC, EUI-48) addresses.

use std::fmt;
use std::str::FromStr;

/// An Ethernet hardware address: six octets in transmission order.
///
/// ```
/// let mac: arp_ndp::MacAddr = "02:00:5e:10:00:01".parse().unwrap();
/// assert!(mac.is_unicast());
/// assert_eq!(mac.to_string(), "02:00:5e:10:00:01");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "IEEE 802 closes the type: 48 bits and nothing else"
)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// `ff:ff:ff:ff:ff:ff`: every station on the link.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// `00:00:00:00:00:00`: what ARP carries where an address is not known yet.
    pub const ZERO: Self = Self([0; 6]);

    /// The six octets, in transmission order.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether the group bit is set; the broadcast address is one of these.
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 0x01 != 0
    }

    /// Whether this can be the address of one station: neither a group's nor all zero.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a [`MacAddr`]: it is not six pairs of hexadecimal digits joined by colons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected six pairs of hexadecimal digits joined by colons")]
#[non_exhaustive]
pub struct ParseMacAddrError;

impl FromStr for MacAddr {
    type Err = ParseMacAddrError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            let pair = pairs.next().ok_or(ParseMacAddrError)?;
            // `from_str_radix` alone would take "+1".
            if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(ParseMacAddrError);
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|_| ParseMacAddrError)?;
        }
        match pairs.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(ParseMacAddrError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        let mac = MacAddr([0x02, 0x00, 0x5e, 0xab, 0xcd, 0xef]);
        assert_eq!("02:00:5E:ab:cd:ef".parse(), Ok(mac));
        assert_eq!(mac.to_string().parse(), Ok(mac));
    }

    #[test]
    fn text_of_another_shape_is_refused() {
        for text in [
            "",
            "02:00:5e:ab:cd",
            "02:00:5e:ab:cd:ef:01",
            "2:0:5e:ab:cd:ef",
            "02-00-5e-ab-cd-ef",
            "+2:00:5e:ab:cd:ef",
        ] {
            assert_eq!(text.parse::<MacAddr>(), Err(ParseMacAddrError), "{text:?}");
        }
    }

    #[test]
    fn group_and_zero_addresses_are_not_unicast() {
        assert!(!MacAddr::BROADCAST.is_unicast());
        assert!(!MacAddr::ZERO.is_unicast());
        assert!(!MacAddr([0x33, 0x33, 0, 0, 0, 1]).is_unicast());
        assert!(MacAddr([0x02, 0, 0, 0, 0, 1]).is_unicast());
    }
}
