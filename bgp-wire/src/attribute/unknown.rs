//! Attributes that this crate gives no type: kept bit for bit (RFC 4271 §5).

use super::AttrFlags;
use crate::iana::AttrCode;
use alloc::vec::Vec;

/// An attribute kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct UnknownAttribute {
    /// Its flags, without the one for the width of the length.
    pub flags: AttrFlags,
    /// Its type.
    pub code: AttrCode,
    /// Its value.
    pub value: Vec<u8>,
}

impl UnknownAttribute {
    /// Makes the attribute.
    #[must_use]
    pub fn new(flags: AttrFlags, code: AttrCode, value: impl Into<Vec<u8>>) -> Self {
        Self {
            flags: flags.difference(AttrFlags::EXTENDED_LENGTH),
            code,
            value: value.into(),
        }
    }

    /// The attribute as it is passed on by a speaker that does not know it: with the Partial flag where it is
    /// transitive, else not at all (RFC 4271 §5).
    #[must_use]
    pub fn passed_on(self) -> Option<Self> {
        let flags = self.flags | AttrFlags::PARTIAL;
        self.flags
            .contains(AttrFlags::TRANSITIVE)
            .then_some(Self { flags, ..self })
    }
}
