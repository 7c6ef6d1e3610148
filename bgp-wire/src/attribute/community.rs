//! Communities (RFC 1997).

use core::fmt;
use core::str::FromStr;

/// A community: an AS number in the upper half and a value of that AS in the lower (RFC 1997).
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 1997 closes the type: any four octets are a community"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Community(
    /// The four octets as an unsigned integer.
    pub u32,
);

impl Community {
    /// Prefer other routes: this one goes away soon (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xffff_0000);
    /// Discard traffic to the prefix (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xffff_029a);
    /// Do not advertise outside the AS or confederation (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xffff_ff01);
    /// Do not advertise to any peer (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xffff_ff02);
    /// Do not advertise to any external peer, not even within the confederation (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xffff_ff03);

    /// Makes the community `asn:value`.
    #[must_use]
    pub const fn new(asn: u16, value: u16) -> Self {
        Self(((asn as u32) << 16) | value as u32)
    }

    /// The two halves: AS number and value.
    #[must_use]
    pub const fn parts(self) -> (u16, u16) {
        let [a, b, c, d] = self.0.to_be_bytes();
        (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
    }

    /// The name in the IANA registry of well-known communities.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        WELL_KNOWN
            .iter()
            .find(|(community, _)| *community == self)
            .map(|&(_, name)| name)
    }
}

impl fmt::Display for Community {
    /// Writes `64500:100`, for well-known communities too.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (asn, value) = self.parts();
        write!(f, "{asn}:{value}")
    }
}

/// The text is no community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a community: write two numbers of 0 to 65535 with a colon between, or a well-known name"
)]
#[non_exhaustive]
pub struct ParseCommunityError;

impl FromStr for Community {
    type Err = ParseCommunityError;

    /// Reads `64500:100` and the names of well-known communities, such as `no-export`.
    fn from_str(text: &str) -> Result<Self, ParseCommunityError> {
        if let Some(&(community, _)) = WELL_KNOWN.iter().find(|(_, name)| *name == text) {
            return Ok(community);
        }
        let (asn, value) = text.split_once(':').ok_or(ParseCommunityError)?;
        let asn = decimal(asn).ok_or(ParseCommunityError)?;
        let value = decimal(value).ok_or(ParseCommunityError)?;
        Ok(Self::new(asn, value))
    }
}

/// Reads digits only: `FromStr` of the integers also takes a sign.
pub(crate) fn decimal<T: FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

const WELL_KNOWN: [(Community, &str); 5] = [
    (Community::GRACEFUL_SHUTDOWN, "graceful-shutdown"),
    (Community::BLACKHOLE, "blackhole"),
    (Community::NO_EXPORT, "no-export"),
    (Community::NO_ADVERTISE, "no-advertise"),
    (Community::NO_EXPORT_SUBCONFED, "no-export-subconfed"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn numbers_and_names_are_read_and_numbers_are_written() {
        assert_eq!("64500:100".parse(), Ok(Community(0xfbf4_0064)));
        assert_eq!("no-export".parse(), Ok(Community::NO_EXPORT));
        assert_eq!(Community::NO_EXPORT.to_string(), "65535:65281");
        assert_eq!(Community::NO_EXPORT.name(), Some("no-export"));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            ":",
            "1:",
            ":1",
            "65536:1",
            "1:65536",
            "1:2:3",
            "+1:2",
            "no_export",
        ] {
            assert_eq!(
                text.parse::<Community>(),
                Err(ParseCommunityError),
                "{text:?}"
            );
        }
    }
}
