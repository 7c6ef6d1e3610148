//! AGGREGATOR and AS4_AGGREGATOR (RFC 4271 §5.1.7, RFC 6793 §3).

use crate::asn::Asn;
use crate::context::AsnWidth;
use crate::cursor::Cursor;
use core::net::Ipv4Addr;

/// Who made an aggregate.
#[expect(clippy::exhaustive_structs, reason = "RFC 4271 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Aggregator {
    /// AS of the speaker.
    pub asn: Asn,
    /// Its identifier.
    pub address: Ipv4Addr,
}

impl Aggregator {
    /// Reads the value, which has six or eight octets; `None` for any other length.
    pub(crate) fn decode(value: &[u8], width: AsnWidth) -> Option<Self> {
        let mut cursor = Cursor::new(value, 0);
        let asn = match width {
            AsnWidth::Two => Asn::from(cursor.u16()?),
            AsnWidth::Four => Asn(cursor.u32()?),
        };
        let address = Ipv4Addr::from_bits(cursor.u32()?);
        cursor.is_empty().then_some(Self { asn, address })
    }
}
