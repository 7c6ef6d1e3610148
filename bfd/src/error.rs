//! Why octets are no packet, and why a packet may not be sent.

use crate::value::State;

/// Why a packet must be discarded (RFC 5880 §6.8.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Fewer octets than every packet has.
    #[error("the payload has {payload} octets, a packet has at least 24")]
    Truncated {
        /// How many octets there are.
        payload: usize,
    },
    /// "If the version number is not correct (1), the packet MUST be discarded."
    #[error("version {version} is not 1")]
    Version {
        /// The version.
        version: u8,
    },
    /// "If the Length field is less than the minimum correct value (24 if the A bit is clear, or 26 if the A bit is set),
    /// the packet MUST be discarded."
    #[error("length {length} is less than {minimum}")]
    LengthTooSmall {
        /// The length field.
        length: u8,
        /// The least that it must be.
        minimum: u8,
    },
    /// "If the Length field is greater than the payload of the encapsulating protocol, the packet MUST be discarded."
    #[error("length {length} is more than the {payload} octets of the payload")]
    LengthTooLarge {
        /// The length field.
        length: u8,
        /// How many octets there are.
        payload: usize,
    },
    /// "If the Detect Mult field is zero, the packet MUST be discarded."
    #[error("the detection time multiplier is zero")]
    DetectMultZero,
    /// "If the Multipoint (M) bit is nonzero, the packet MUST be discarded."
    #[error("the multipoint bit is set")]
    Multipoint,
    /// "If the My Discriminator field is zero, the packet MUST be discarded."
    #[error("my discriminator is zero")]
    MyDiscriminatorZero,
    /// "If the Your Discriminator field is zero and the State field is not Down or AdminDown, the packet MUST be
    /// discarded."
    #[error("your discriminator is zero in state {state}")]
    YourDiscriminatorZero {
        /// The state.
        state: State,
    },
    /// The authentication section has fewer octets than its type and length (2), or more than the packet (§4.2–4.4).
    #[error("authentication length {auth_len} is not between 2 and {available}")]
    AuthLen {
        /// The length field of the section.
        auth_len: u8,
        /// How many octets the packet has from the section's first to its last.
        available: usize,
    },
}

impl DecodeError {
    /// The offset of the octet at fault, from the first of the packet.
    #[must_use]
    pub const fn offset(&self) -> usize {
        match self {
            Self::Truncated { payload } => *payload,
            Self::Version { .. } => 0,
            Self::Multipoint => 1,
            Self::DetectMultZero => 2,
            Self::LengthTooSmall { .. } | Self::LengthTooLarge { .. } => 3,
            Self::MyDiscriminatorZero => 4,
            Self::YourDiscriminatorZero { .. } => 8,
            Self::AuthLen { .. } => 25,
        }
    }
}

/// Why a packet may not be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The other end would discard it (RFC 5880 §6.8.6).
    #[error("your discriminator is zero in state {state}")]
    YourDiscriminatorZero {
        /// The state.
        state: State,
    },
    /// "A BFD Control packet MUST NOT have both the Poll (P) and Final (F) bits set." (RFC 5880 §6.5)
    #[error("poll and final are both set")]
    PollAndFinal,
}
