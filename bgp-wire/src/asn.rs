//! Autonomous system numbers (RFC 4271, 6793) and their texts (RFC 5396).

use core::fmt;
use core::str::FromStr;

/// An autonomous system number of four octets (RFC 6793).
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 6793 closes the type: any four octets are an AS number"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asn(
    /// The number.
    pub u32,
);

impl Asn {
    /// AS 0, which may appear in no OPEN and no path (RFC 7607).
    pub const ZERO: Self = Self(0);
    /// Stands for a number that two octets cannot hold (RFC 6793 §9).
    pub const AS_TRANS: Self = Self(23456);

    /// Whether two octets can hold the number: RFC 6793 calls it mappable.
    #[must_use]
    pub const fn is_two_octet(self) -> bool {
        self.0 <= 0xffff
    }

    /// The two octets that stand for the number towards a peer that knows no others: itself or AS_TRANS
    /// (RFC 6793 §4.2.2).
    #[must_use]
    pub fn to_two_octet(self) -> u16 {
        u16::try_from(self.0).unwrap_or(23456)
    }

    /// Whether the number is for private use (RFC 6996).
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self.0, 64512..=65534 | 4_200_000_000..=4_294_967_294)
    }

    /// Whether the number is for documentation (RFC 5398).
    #[must_use]
    pub const fn is_documentation(self) -> bool {
        matches!(self.0, 64496..=64511 | 65536..=65551)
    }

    /// Whether the number is reserved and so is nobody's: 0 (RFC 7607), AS_TRANS, 65535 and 4294967295 (RFC 7300).
    #[must_use]
    pub const fn is_reserved(self) -> bool {
        matches!(self.0, 0 | 23456 | 65535 | 4_294_967_295)
    }
}

impl fmt::Display for Asn {
    /// Writes asplain (RFC 5396 §2).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl From<u32> for Asn {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl From<u16> for Asn {
    fn from(value: u16) -> Self {
        Self(u32::from(value))
    }
}

impl From<Asn> for u32 {
    fn from(value: Asn) -> Self {
        value.0
    }
}

/// The text is neither asplain nor asdot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an AS number")]
#[non_exhaustive]
pub struct ParseAsnError;

impl FromStr for Asn {
    type Err = ParseAsnError;

    /// Reads asplain (`65536`) and asdot (`1.0`), RFC 5396 §2.
    fn from_str(text: &str) -> Result<Self, ParseAsnError> {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if let Some((high, low)) = text.split_once('.') {
            if !digits(high) || !digits(low) {
                return Err(ParseAsnError);
            }
            let high: u16 = high.parse().map_err(|_| ParseAsnError)?;
            let low: u16 = low.parse().map_err(|_| ParseAsnError)?;
            return Ok(Self((u32::from(high) << 16) | u32::from(low)));
        }
        if !digits(text) {
            return Err(ParseAsnError);
        }
        text.parse().map(Self).map_err(|_| ParseAsnError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn asplain_and_asdot_are_read_and_asplain_is_written() {
        assert_eq!("64512".parse(), Ok(Asn(64512)));
        assert_eq!("1.0".parse(), Ok(Asn(65536)));
        assert_eq!("65535.65535".parse(), Ok(Asn(u32::MAX)));
        assert_eq!(Asn(65536).to_string(), "65536");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "-1",
            "+1",
            "4294967296",
            "1.65536",
            "1.",
            ".1",
            "1.2.3",
            "AS1",
            " 1",
        ] {
            assert_eq!(text.parse::<Asn>(), Err(ParseAsnError), "{text:?}");
        }
    }

    #[test]
    fn a_number_that_two_octets_cannot_hold_becomes_as_trans() {
        assert_eq!(Asn(65535).to_two_octet(), 65535);
        assert_eq!(Asn(65536).to_two_octet(), 23456);
        assert!(Asn::AS_TRANS.is_reserved());
    }
}
