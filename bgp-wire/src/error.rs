//! What can be wrong with octets, and with values that shall become octets.
//!
//! How an error becomes a NOTIFICATION is in [`DecodeError::notification`].

use crate::iana::{AttrCode, CapabilityCode, MessageType};

/// A fault in a received message: what, and where in the message (header included) it was found.
///
/// A small `Copy` value: building one costs nothing, and the data of the NOTIFICATION is cut from the message only when
/// [`DecodeError::notification`] is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{kind} at octet {offset}")]
#[non_exhaustive]
pub struct DecodeError {
    /// What is wrong.
    pub kind: DecodeErrorKind,
    /// Offset from the first octet of the message. For a fault in a path attribute this is the offset of the
    /// attribute's flags octet.
    pub offset: u16,
}

impl DecodeError {
    /// Makes the error.
    #[must_use]
    pub const fn new(kind: DecodeErrorKind, offset: u16) -> Self {
        Self { kind, offset }
    }
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The marker is not all ones (RFC 4271 §6.1).
    #[error("marker is not all ones")]
    Marker,
    /// The length field is out of the bounds of this type of message (RFC 4271 §6.1).
    #[error("message length {0} is out of bounds")]
    MessageLength(u16),
    /// The type is not recognized (RFC 4271 §6.1).
    #[error("message type {} is not recognized", .0.0)]
    MessageType(MessageType),

    /// The version of an OPEN is not 4 (RFC 4271 §6.2).
    #[error("BGP version {0} is not supported")]
    UnsupportedVersion(u8),
    /// The AS number of an OPEN is zero, or differs from that of the capability (RFC 4271 §6.2, RFC 7607, RFC 6793).
    #[error("AS number of the OPEN is not acceptable")]
    BadPeerAs,
    /// The BGP identifier is zero (RFC 6286 §2.2).
    #[error("BGP identifier is zero")]
    BadBgpIdentifier,
    /// The hold time is one or two seconds (RFC 4271 §6.2).
    #[error("hold time of {0} seconds is not acceptable")]
    UnacceptableHoldTime(u16),
    /// An optional parameter of this type is not recognized (RFC 4271 §6.2).
    #[error("optional parameter {0} is not recognized")]
    UnsupportedOptionalParameter(u8),
    /// The optional parameters do not add up (RFC 4271 §6.2, RFC 9072).
    #[error("optional parameters are malformed")]
    MalformedOptionalParameters,
    /// A recognized capability has a value that cannot be its own (RFC 5492, and the RFC of the capability).
    #[error("capability {0} is malformed")]
    MalformedCapability(CapabilityCode),

    /// The lengths of an UPDATE's sections do not add up (RFC 4271 §6.3, RFC 7606 §3 b).
    #[error("lengths of the UPDATE do not add up")]
    MalformedAttributeList,
    /// An attribute runs over the end of the attributes (RFC 7606 §4).
    #[error("attribute {0} runs over the end of the attributes")]
    AttributeOverrun(AttrCode),
    /// An attribute occurs twice (RFC 7606 §3 g).
    #[error("attribute {0} occurs twice")]
    DuplicateAttribute(AttrCode),
    /// An attribute is flagged as well-known and is not recognized (RFC 4271 §6.3).
    #[error("well-known attribute {0} is not recognized")]
    UnrecognizedWellKnownAttribute(AttrCode),
    /// A mandatory attribute is missing (RFC 7606 §3 d).
    #[error("attribute {0} is missing")]
    MissingWellKnownAttribute(AttrCode),
    /// The Optional or Transitive flag is not that of the attribute (RFC 7606 §3 c).
    #[error("flags of attribute {0} are wrong")]
    AttributeFlags(AttrCode),
    /// The length is not one that the attribute can have (RFC 7606 §7).
    #[error("length of attribute {0} is wrong")]
    AttributeLength(AttrCode),
    /// ORIGIN has an undefined value (RFC 7606 §7.1).
    #[error("ORIGIN has an undefined value")]
    InvalidOrigin,
    /// The next hop is no host address (RFC 4271 §6.3, RFC 7606 §7.3).
    #[error("next hop of attribute {0} is no host address")]
    InvalidNextHop(AttrCode),
    /// The value of an optional attribute is wrong (RFC 4271 §6.3).
    #[error("value of attribute {0} is wrong")]
    OptionalAttribute(AttrCode),
    /// A prefix is too long for its family or runs over its field (RFC 4271 §6.3, RFC 7606 §5.3).
    #[error("prefix is too long or cut off")]
    InvalidNetworkField,
    /// The segments of an AS path do not add up, or it contains AS 0 (RFC 7606 §7.2, RFC 7607).
    #[error("AS path of attribute {0} is malformed")]
    MalformedAsPath(AttrCode),
    /// The attribute may not come from this peer: LOCAL_PREF from outside (RFC 7606 §7.5), AS4_PATH and AS4_AGGREGATOR
    /// from a peer with four-octet AS numbers (RFC 6793 §6).
    #[error("attribute {0} may not come from this peer")]
    UnexpectedAttribute(AttrCode),

    /// The length of a ROUTE-REFRESH is wrong, and the peer knows RFC 7313 (§5).
    #[error("length of the ROUTE-REFRESH is wrong")]
    RouteRefreshLength,
}

/// Why a value cannot become octets. Encoding never truncates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The message would be longer than the session allows (RFC 4271 §4.1, RFC 8654 §4).
    #[error("message of {len} octets is longer than {max}")]
    MessageTooLong {
        /// What it would need, in octets.
        len: usize,
        /// What is allowed, in octets.
        max: usize,
    },
    /// A field would be longer than its length field can say.
    #[error("field of {len} octets is longer than {max}")]
    FieldTooLong {
        /// What it would need, in octets.
        len: usize,
        /// What the length field can say.
        max: usize,
    },
    /// The attribute needs another way to be set than as an unknown one: a typed setter, or the NLRI of the message.
    #[error("attribute {0} is not an unknown one")]
    KnownAttribute(AttrCode),
    /// The AS path contains AS 0 (RFC 7607 §2).
    #[error("AS path contains AS 0")]
    InvalidAsPath,
    /// A prefix has a path identifier and the session has none, or the other way round (RFC 7911 §3).
    #[error("path identifiers are not what the session has")]
    PathIdentifier,
    /// Routes of this family cannot have that next hop in this session (RFC 4271 §5.1.3, RFC 2545, RFC 8950).
    #[error("next hop does not fit the family or the session")]
    NextHopFamily,
    /// A route is announced without next hop.
    #[error("routes are announced without next hop")]
    MissingNextHop,
    /// A restart time of more than 4095 seconds (RFC 4724 §3).
    #[error("restart time of {0} seconds is longer than 4095")]
    RestartTime(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_no_larger_than_a_word() {
        assert!(size_of::<DecodeError>() <= 8);
    }
}
