//! The message header (RFC 4271 §4.1, RFC 8654).

use crate::cursor::Cursor;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::iana::MessageType;

/// The sixteen octets in front of every message.
pub(crate) const MARKER: [u8; 16] = [0xff; 16];

/// How long a message may be.
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4271 and RFC 8654 know these two"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MaxLen {
    /// 4096 octets (RFC 4271 §4.1).
    #[default]
    Standard,
    /// 65 535 octets, but for OPEN and KEEPALIVE (RFC 8654 §4).
    Extended,
}

impl MaxLen {
    /// The limit in octets, header included, for the messages it is about.
    #[must_use]
    pub const fn octets(self) -> u16 {
        match self {
            Self::Standard => 4096,
            Self::Extended => 65535,
        }
    }

    /// The limit in octets for this type of message: that of OPEN and KEEPALIVE never grows (RFC 8654 §4).
    #[must_use]
    pub const fn for_type(self, message_type: MessageType) -> u16 {
        match message_type {
            MessageType::OPEN | MessageType::KEEPALIVE => Self::Standard.octets(),
            _ => self.octets(),
        }
    }
}

/// The header of a message, checked as RFC 4271 §6.1 wants.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// +                                                               +
/// |                                                               |
/// +                                                               +
/// |                           Marker                              |
/// +                                                               +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Length               |      Type     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MessageHeader {
    /// Length of the whole message in octets, header included.
    pub length: u16,
    /// Type of the message; types that this crate does not know pass, as the length is all that framing needs.
    pub message_type: MessageType,
}

impl MessageHeader {
    /// Octets of a header.
    pub const LEN: usize = 19;

    /// Reads the header in front of `octets`; `None` where fewer than [`LEN`](Self::LEN) are there.
    ///
    /// # Errors
    /// [`Marker`](DecodeErrorKind::Marker) and [`MessageLength`](DecodeErrorKind::MessageLength), with the bounds of
    /// RFC 4271 §6.1 for each type.
    #[inline]
    pub fn peek(octets: &[u8], limit: MaxLen) -> Result<Option<Self>, DecodeError> {
        let mut cursor = Cursor::new(octets, 0);
        let (Some(marker), Some(length), Some(message_type)) =
            (cursor.array(), cursor.u16(), cursor.u8())
        else {
            return Ok(None);
        };
        if marker != MARKER {
            return Err(DecodeError::new(DecodeErrorKind::Marker, 0));
        }
        let message_type = MessageType(message_type);
        let fits = match message_type {
            MessageType::OPEN => length >= 29,
            MessageType::UPDATE => length >= 23,
            MessageType::NOTIFICATION => length >= 21,
            MessageType::KEEPALIVE => length == 19,
            // The length of a ROUTE-REFRESH has an error code of its own (RFC 7313 §5), given by its decoder.
            _ => length >= 19,
        };
        if !fits || length > limit.for_type(message_type) {
            return Err(DecodeError::new(
                DecodeErrorKind::MessageLength(length),
                LENGTH_OFFSET,
            ));
        }
        Ok(Some(Self {
            length,
            message_type,
        }))
    }
}

/// One whole message, of which only the header was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Frame<'a> {
    octets: &'a [u8],
    body: &'a [u8],
    message_type: MessageType,
}

impl<'a> Frame<'a> {
    /// Cuts the first message off `octets` and returns it with the rest; `None` where it is not complete yet.
    ///
    /// # Errors
    /// As [`MessageHeader::peek`].
    #[inline]
    pub fn split(octets: &'a [u8], limit: MaxLen) -> Result<Option<(Self, &'a [u8])>, DecodeError> {
        let Some(header) = MessageHeader::peek(octets, limit)? else {
            return Ok(None);
        };
        let Some((octets, rest)) = octets.split_at_checked(usize::from(header.length)) else {
            return Ok(None);
        };
        let body = octets.get(MessageHeader::LEN..).unwrap_or_default();
        Ok(Some((
            Self {
                octets,
                body,
                message_type: header.message_type,
            },
            rest,
        )))
    }

    /// The whole message.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// What follows the header.
    #[must_use]
    pub const fn body(self) -> &'a [u8] {
        self.body
    }

    /// Type of the message.
    #[must_use]
    pub const fn message_type(self) -> MessageType {
        self.message_type
    }

    /// A cursor over the body, at its offset in the message.
    pub(crate) const fn cursor(self) -> Cursor<'a> {
        Cursor::new(self.body, MessageHeader::LEN)
    }
}

pub(crate) const LENGTH_OFFSET: u16 = 16;
pub(crate) const TYPE_OFFSET: u16 = 18;
