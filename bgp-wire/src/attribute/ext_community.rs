//! Extended communities (RFC 4360, with the four-octet AS form of RFC 5668).

use super::community::decimal;
use crate::asn::Asn;
use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

/// An extended community: a type, for most types a subtype, and a value (RFC 4360 §2).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type high    |  Type low(*)  |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+          Value                |
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 4360 closes the type: any eight octets are an extended community"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtCommunity(
    /// The octets as on the wire.
    pub [u8; 8],
);

impl ExtCommunity {
    /// A route target of a two-octet AS (RFC 4360 §4), or of a four-octet AS with the lower half of `value`
    /// (RFC 5668 §2): `None` where that would lose bits.
    #[must_use]
    pub fn route_target(asn: Asn, value: u32) -> Option<Self> {
        Self::from_asn(SUBTYPE_ROUTE_TARGET, asn, value)
    }

    /// The route origin, in the same forms as [`route_target`](Self::route_target) (RFC 4360 §5).
    #[must_use]
    pub fn route_origin(asn: Asn, value: u32) -> Option<Self> {
        Self::from_asn(SUBTYPE_ROUTE_ORIGIN, asn, value)
    }

    /// Whether the community goes over the border of an AS (RFC 4360 §2, the T bit).
    #[must_use]
    pub const fn is_transitive(self) -> bool {
        self.0[0] & 0x40 == 0
    }

    fn from_asn(subtype: u8, asn: Asn, value: u32) -> Option<Self> {
        let [a, b, c, d] = asn.0.to_be_bytes();
        let [e, f, g, h] = value.to_be_bytes();
        if asn.is_two_octet() {
            Some(Self([TYPE_TWO_OCTET_AS, subtype, c, d, e, f, g, h]))
        } else {
            (value <= 0xffff).then_some(Self([TYPE_FOUR_OCTET_AS, subtype, a, b, c, d, g, h]))
        }
    }

    fn from_address(subtype: u8, address: Ipv4Addr, value: u16) -> Self {
        let [a, b, c, d] = address.octets();
        let [e, f] = value.to_be_bytes();
        Self([TYPE_IPV4, subtype, a, b, c, d, e, f])
    }
}

impl fmt::Display for ExtCommunity {
    /// Writes route targets and origins as `rt:64500:100` and `ro:192.0.2.1:7`, all others as `0x` and 16 digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([kind, subtype, a, b, c, d, e, g]) = *self;
        let name = match subtype {
            SUBTYPE_ROUTE_TARGET => "rt",
            SUBTYPE_ROUTE_ORIGIN => "ro",
            _ => return write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        };
        match kind {
            TYPE_TWO_OCTET_AS => {
                write!(
                    f,
                    "{name}:{}:{}",
                    u16::from_be_bytes([a, b]),
                    u32::from_be_bytes([c, d, e, g])
                )
            }
            TYPE_IPV4 => write!(
                f,
                "{name}:{}:{}",
                Ipv4Addr::new(a, b, c, d),
                u16::from_be_bytes([e, g])
            ),
            // The `L` (RFC 5668 §3 leaves the text open) keeps small numbers in the long form apart.
            TYPE_FOUR_OCTET_AS => {
                let asn = u32::from_be_bytes([a, b, c, d]);
                let mark = if Asn(asn).is_two_octet() { "L" } else { "" };
                write!(f, "{name}:{asn}{mark}:{}", u16::from_be_bytes([e, g]))
            }
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

/// The text is no extended community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an extended community: write rt:ASN:VALUE, ro:ASN:VALUE, rt:ADDRESS:VALUE, or 0x and 16 digits"
)]
#[non_exhaustive]
pub struct ParseExtCommunityError;

impl FromStr for ExtCommunity {
    type Err = ParseExtCommunityError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, ParseExtCommunityError> {
        read(text).ok_or(ParseExtCommunityError)
    }
}

fn read(text: &str) -> Option<ExtCommunity> {
    if let Some(digits) = text.strip_prefix("0x") {
        let hex = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return hex
            .then(|| u64::from_str_radix(digits, 16).ok())
            .flatten()
            .map(|n| ExtCommunity(n.to_be_bytes()));
    }
    let (name, rest) = text.split_once(':')?;
    let subtype = match name {
        "rt" => SUBTYPE_ROUTE_TARGET,
        "ro" => SUBTYPE_ROUTE_ORIGIN,
        _ => return None,
    };
    let (administrator, value) = rest.split_once(':')?;
    if let Ok(address) = administrator.parse::<Ipv4Addr>() {
        return Some(ExtCommunity::from_address(
            subtype,
            address,
            decimal(value)?,
        ));
    }
    if let Some(long) = administrator.strip_suffix('L') {
        let [a, b, c, d] = decimal::<u32>(long)?.to_be_bytes();
        let [e, f] = decimal::<u16>(value)?.to_be_bytes();
        return Some(ExtCommunity([
            TYPE_FOUR_OCTET_AS,
            subtype,
            a,
            b,
            c,
            d,
            e,
            f,
        ]));
    }
    ExtCommunity::from_asn(subtype, Asn(decimal(administrator)?), decimal(value)?)
}

const TYPE_TWO_OCTET_AS: u8 = 0x00;
const TYPE_IPV4: u8 = 0x01;
const TYPE_FOUR_OCTET_AS: u8 = 0x02;
const SUBTYPE_ROUTE_TARGET: u8 = 0x02;
const SUBTYPE_ROUTE_ORIGIN: u8 = 0x03;

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn route_targets_take_the_form_that_fits_the_as_number() {
        let short = ExtCommunity([0, 2, 0xfb, 0xf4, 0, 0, 0, 100]);
        let long = ExtCommunity([2, 2, 0, 1, 0, 0, 0, 100]);
        assert_eq!(ExtCommunity::route_target(Asn(64500), 100), Some(short));
        assert_eq!(ExtCommunity::route_target(Asn(65536), 100), Some(long));
        assert_eq!(ExtCommunity::route_target(Asn(65536), 65536), None);
    }

    #[test]
    fn every_text_form_reads_back() {
        for text in [
            "rt:64500:100",
            "rt:65536:100",
            "rt:100L:7",
            "ro:192.0.2.1:7",
            "0x030b000000000001",
        ] {
            assert_eq!(text.parse::<ExtCommunity>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "rt",
            "rt:1",
            "rt:65536:65536",
            "0x1",
            "0x+30b000000000001",
            "xx:1:2",
        ] {
            assert_eq!(
                text.parse::<ExtCommunity>(),
                Err(ParseExtCommunityError),
                "{text:?}"
            );
        }
    }

    #[test]
    fn the_t_bit_says_whether_a_community_crosses_the_border() {
        assert!(ExtCommunity([0x00; 8]).is_transitive());
        assert!(!ExtCommunity([0x40; 8]).is_transitive());
    }
}
