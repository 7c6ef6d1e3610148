//! NOTIFICATION: the last message of a session (RFC 4271 §4.5).

use crate::afi_safi::AfiSafi;
use crate::cease::{ShutdownCommunication, ShutdownCommunicationError};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::header::{Frame, LENGTH_OFFSET, MaxLen};
use crate::iana::{
    Cease, ErrorCode, FsmSubcode, HeaderSubcode, MessageType, OpenSubcode,
    RouteRefreshErrorSubcode, UpdateSubcode,
};
use crate::writer::Writer;
use bytes::{BufMut, Bytes, BytesMut};
use core::fmt;

/// A NOTIFICATION: why the sender closes the connection.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Error code    | Error subcode |   Data (variable)             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// `Display` writes code, subcode and shutdown communication in words.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Notification {
    /// What kind of error.
    pub code: ErrorCode,
    /// Which error of that kind; the meaning depends on the code.
    pub subcode: u8,
    /// Data that depends on both.
    pub data: Bytes,
}

impl Notification {
    /// A NOTIFICATION without data.
    #[must_use]
    pub const fn new(code: ErrorCode, subcode: u8) -> Self {
        Self {
            code,
            subcode,
            data: Bytes::new(),
        }
    }

    /// The same NOTIFICATION with this data.
    #[must_use]
    pub fn with_data(self, data: impl Into<Bytes>) -> Self {
        Self {
            data: data.into(),
            ..self
        }
    }

    /// Cease without data (RFC 4271 §6.7, RFC 4486).
    #[must_use]
    pub const fn cease(cease: Cease) -> Self {
        Self::new(ErrorCode::CEASE, cease.0)
    }

    /// Cease with a text for the other operator (RFC 9003 §2).
    ///
    /// The text goes along with Administrative Shutdown and Administrative Reset; no other subcode can carry one, so it
    /// is left out there.
    #[must_use]
    pub fn cease_with_text(cease: Cease, text: &ShutdownCommunication) -> Self {
        let notification = Self::cease(cease);
        if !carries_text(cease) || text.is_empty() {
            return notification;
        }
        let mut data = BytesMut::with_capacity(1 + text.len());
        data.put_u8(text.octet_len());
        data.put_slice(text.as_bytes());
        notification.with_data(data)
    }

    /// Cease, Maximum Number of Prefixes Reached, with the family and the bound (RFC 4486 §4).
    #[must_use]
    pub fn maximum_prefixes(family: AfiSafi, bound: u32) -> Self {
        let mut data = BytesMut::with_capacity(7);
        data.put_u16(family.afi.0);
        data.put_u8(family.safi.0);
        data.put_u32(bound);
        Self::cease(Cease::MAXIMUM_PREFIXES).with_data(data)
    }

    /// Cease, Hard Reset, around the true reason: ends a session in full where the peers keep routes over a
    /// NOTIFICATION (RFC 8538 §3).
    #[must_use]
    pub fn hard_reset(reason: &Self) -> Self {
        let mut data = BytesMut::with_capacity(2 + reason.data.len());
        data.put_u8(reason.code.0);
        data.put_u8(reason.subcode);
        data.put_slice(&reason.data);
        Self::cease(Cease::HARD_RESET).with_data(data)
    }

    /// Hold Timer Expired (RFC 4271 §6.5).
    #[must_use]
    pub const fn hold_timer_expired() -> Self {
        Self::new(ErrorCode::HOLD_TIMER_EXPIRED, 0)
    }

    /// Send Hold Timer Expired (RFC 9687 §3).
    #[must_use]
    pub const fn send_hold_timer_expired() -> Self {
        Self::new(ErrorCode::SEND_HOLD_TIMER_EXPIRED, 0)
    }

    /// Finite State Machine Error; the data is the type of the message that was not expected (RFC 6608 §4).
    #[must_use]
    pub fn unexpected_message(subcode: FsmSubcode, message_type: MessageType) -> Self {
        Self::new(ErrorCode::FINITE_STATE_MACHINE, subcode.0)
            .with_data(Bytes::copy_from_slice(&[message_type.0]))
    }

    /// Borrows the NOTIFICATION.
    #[must_use]
    pub fn as_ref(&self) -> NotificationRef<'_> {
        NotificationRef {
            code: self.code,
            subcode: self.subcode,
            data: &self.data,
        }
    }

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`EncodeError::MessageTooLong`] where the data does not fit.
    pub fn encode(&self, limit: MaxLen, out: &mut BytesMut) -> Result<(), EncodeError> {
        Writer::message(out, MessageType::NOTIFICATION, limit, |w| {
            w.u8(self.code.0);
            w.u8(self.subcode);
            w.slice(&self.data);
            Ok(())
        })
    }
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

/// A NOTIFICATION in the octets it arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct NotificationRef<'a> {
    /// What kind of error.
    pub code: ErrorCode,
    /// Which error of that kind; the meaning depends on the code.
    pub subcode: u8,
    /// Data that depends on both.
    pub data: &'a [u8],
}

impl<'a> NotificationRef<'a> {
    /// Reads the body of a NOTIFICATION.
    ///
    /// # Errors
    /// [`DecodeErrorKind::MessageLength`] for fewer than two octets. No NOTIFICATION answers a NOTIFICATION: an error
    /// here is logged, not sent (RFC 4271 §6.4).
    pub fn decode(frame: Frame<'a>) -> Result<Self, DecodeError> {
        let mut cursor = frame.cursor();
        match (cursor.u8(), cursor.u8()) {
            (Some(code), Some(subcode)) => Ok(Self {
                code: ErrorCode(code),
                subcode,
                data: cursor.rest(),
            }),
            _ => {
                let length = u16::try_from(frame.octets().len()).unwrap_or(u16::MAX);
                Err(DecodeError::new(
                    DecodeErrorKind::MessageLength(length),
                    LENGTH_OFFSET,
                ))
            }
        }
    }

    /// Copies the NOTIFICATION.
    #[must_use]
    pub fn to_owned(self) -> Notification {
        Notification {
            code: self.code,
            subcode: self.subcode,
            data: Bytes::copy_from_slice(self.data),
        }
    }

    /// The text that came with a Cease (RFC 9003 §2); `None` where there is none.
    ///
    /// # Errors
    /// [`ShutdownCommunicationError`] where the octets are not what RFC 9003 allows.
    pub fn shutdown_communication(
        self,
    ) -> Result<Option<ShutdownCommunication>, ShutdownCommunicationError> {
        if self.code != ErrorCode::CEASE || !carries_text(Cease(self.subcode)) {
            return Ok(None);
        }
        ShutdownCommunication::decode(self.data)
    }

    /// The true reason inside a Hard Reset (RFC 8538 §3); `None` for anything else.
    #[must_use]
    pub fn hard_reset_reason(self) -> Option<Self> {
        match (self.code, Cease(self.subcode), self.data) {
            (ErrorCode::CEASE, Cease::HARD_RESET, [code, subcode, data @ ..]) => Some(Self {
                code: ErrorCode(*code),
                subcode: *subcode,
                data,
            }),
            _ => None,
        }
    }

    /// The name of the subcode, where its registry has one.
    #[must_use]
    pub const fn subcode_name(self) -> Option<&'static str> {
        match self.code {
            ErrorCode::MESSAGE_HEADER => HeaderSubcode(self.subcode).name(),
            ErrorCode::OPEN_MESSAGE => OpenSubcode(self.subcode).name(),
            ErrorCode::UPDATE_MESSAGE => UpdateSubcode(self.subcode).name(),
            ErrorCode::FINITE_STATE_MACHINE => FsmSubcode(self.subcode).name(),
            ErrorCode::CEASE => Cease(self.subcode).name(),
            ErrorCode::ROUTE_REFRESH_MESSAGE => RouteRefreshErrorSubcode(self.subcode).name(),
            _ => None,
        }
    }
}

impl fmt::Display for NotificationRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(name) = self.subcode_name() {
            write!(f, ": {name}")?;
        }
        write!(f, " ({}/{})", self.code.0, self.subcode)?;
        if let Ok(Some(text)) = self.shutdown_communication() {
            write!(f, " {:?}", text.as_str())?;
        }
        // One level only: a peer may nest hard resets as deep as a message is long.
        if let Some(reason) = self.hard_reset_reason() {
            write!(
                f,
                " around {} ({}/{})",
                reason.code, reason.code.0, reason.subcode
            )?;
        }
        Ok(())
    }
}

/// The subcodes that RFC 9003 §2 gives a text.
const fn carries_text(cease: Cease) -> bool {
    matches!(
        cease,
        Cease::ADMINISTRATIVE_SHUTDOWN | Cease::ADMINISTRATIVE_RESET
    )
}
