//! Path attributes (RFC 4271 §5): one TLV, the index over a list of them, and their flags.

pub(crate) mod aggregator;
pub(crate) mod as_path;
pub(crate) mod builder;
pub(crate) mod community;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod ext_community;
pub(crate) mod index;
pub(crate) mod large_community;
pub(crate) mod mp;
pub(crate) mod owned;
pub(crate) mod rules;
pub(crate) mod unknown;
pub(crate) mod view;

use crate::iana::AttrCode;

bitflags::bitflags! {
    /// The flags octet of an attribute (RFC 4271 §4.3). The lower four bits are reserved.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub struct AttrFlags: u8 {
        /// Not every speaker must know the attribute.
        const OPTIONAL = 0x80;
        /// Speakers that do not know the attribute pass it on.
        const TRANSITIVE = 0x40;
        /// A speaker that did not know the attribute has passed it on.
        const PARTIAL = 0x20;
        /// The length has two octets.
        const EXTENDED_LENGTH = 0x10;
    }
}

impl AttrFlags {
    /// The two flags that the attribute's definition fixes.
    pub(crate) const KIND: Self = Self::OPTIONAL.union(Self::TRANSITIVE);
}

/// One attribute in the octets it arrived in.
///
/// ```text
/// +-------------------+------------------+---------------------+-------------------+
/// | Attribute Flags,  | Attribute Type   | Attribute Length,   | Attribute Value   |
/// | 1 octet           | Code, 1 octet    | 1 or 2 octets       | (variable)        |
/// +-------------------+------------------+---------------------+-------------------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct AttrRef<'a> {
    /// The flags; reserved bits are left out.
    pub flags: AttrFlags,
    /// The type.
    pub code: AttrCode,
    /// The value.
    pub value: &'a [u8],
}

/// The values of an ORIGIN (RFC 4271 §5.1.1).
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4271 knows these three; any other is malformed"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Origin {
    /// Interior to the originating AS.
    Igp = 0,
    /// Learned by EGP (RFC 904).
    Egp = 1,
    /// Learned by some other means.
    Incomplete = 2,
}

impl Origin {
    /// Reads the value of the attribute.
    pub(crate) const fn decode(value: &[u8]) -> Option<Self> {
        match value {
            [0] => Some(Self::Igp),
            [1] => Some(Self::Egp),
            [2] => Some(Self::Incomplete),
            _ => None,
        }
    }
}

impl core::fmt::Display for Origin {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(match self {
            Self::Igp => "igp",
            Self::Egp => "egp",
            Self::Incomplete => "incomplete",
        })
    }
}
