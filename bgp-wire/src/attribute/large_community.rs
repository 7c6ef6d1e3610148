//! Large communities (RFC 8092).

use super::community::decimal;
use core::fmt;
use core::str::FromStr;

/// A large community: three times four octets (RFC 8092 §3).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Global Administrator                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Local Data Part 1                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Local Data Part 2                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[expect(clippy::exhaustive_structs, reason = "RFC 8092 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LargeCommunity {
    /// The AS number that defines what the other parts mean.
    pub global_administrator: u32,
    /// First part, defined by that AS.
    pub local_data_1: u32,
    /// Second part, defined by that AS.
    pub local_data_2: u32,
}

impl LargeCommunity {
    /// Octets on the wire.
    pub const LEN: usize = 12;

    /// Makes the community from its three parts.
    #[must_use]
    pub const fn new(global_administrator: u32, local_data_1: u32, local_data_2: u32) -> Self {
        Self {
            global_administrator,
            local_data_1,
            local_data_2,
        }
    }

    pub(crate) fn to_octets(self) -> [u8; Self::LEN] {
        let value = (u128::from(self.global_administrator) << 64)
            | (u128::from(self.local_data_1) << 32)
            | u128::from(self.local_data_2);
        let [_, _, _, _, octets @ ..] = value.to_be_bytes();
        octets
    }

    pub(crate) const fn from_octets(octets: [u8; Self::LEN]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = octets;
        Self {
            global_administrator: u32::from_be_bytes([a, b, c, d]),
            local_data_1: u32::from_be_bytes([e, f, g, h]),
            local_data_2: u32::from_be_bytes([i, j, k, l]),
        }
    }
}

impl fmt::Display for LargeCommunity {
    /// Writes the canonical form of RFC 8092 §4: `64500:1:2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}:{}",
            self.global_administrator, self.local_data_1, self.local_data_2
        )
    }
}

/// The text is no large community.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a large community: write three numbers of 0 to 4294967295 with colons between")]
#[non_exhaustive]
pub struct ParseLargeCommunityError;

impl FromStr for LargeCommunity {
    type Err = ParseLargeCommunityError;

    /// Reads `64500:1:2`.
    fn from_str(text: &str) -> Result<Self, ParseLargeCommunityError> {
        let mut parts = text.split(':').map(decimal::<u32>);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(global)), Some(Some(local_1)), Some(Some(local_2)), None) => {
                Ok(Self::new(global, local_1, local_2))
            }
            _ => Err(ParseLargeCommunityError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn the_canonical_form_reads_back() {
        let community = LargeCommunity::new(64500, 0, u32::MAX);
        assert_eq!(community.to_string(), "64500:0:4294967295");
        assert_eq!("64500:0:4294967295".parse(), Ok(community));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "1:2",
            "1:2:3:4",
            "1:2:4294967296",
            "-1:2:3",
            "large:1:2:3",
        ] {
            assert_eq!(
                text.parse::<LargeCommunity>(),
                Err(ParseLargeCommunityError),
                "{text:?}"
            );
        }
    }
}
