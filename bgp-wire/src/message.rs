//! Any message, by its type.

use crate::context::SessionContext;
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::header::{Frame, MaxLen, MessageHeader, TYPE_OFFSET};
use crate::iana::MessageType;
use crate::notification::{Notification, NotificationRef};
use crate::open::{Open, OpenRef};
use crate::route_refresh::{RouteRefresh, RouteRefreshRef};
use crate::update::UpdateRef;
use crate::update::owned::Update;
use crate::writer::Writer;
use bytes::BytesMut;

/// A message in the octets it arrived in.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum MessageRef<'a> {
    /// RFC 4271 §4.2.
    Open(OpenRef<'a>),
    /// RFC 4271 §4.3.
    Update(UpdateRef<'a>),
    /// RFC 4271 §4.5.
    Notification(NotificationRef<'a>),
    /// RFC 4271 §4.4.
    Keepalive,
    /// RFC 2918, RFC 7313.
    RouteRefresh(RouteRefreshRef<'a>),
}

impl<'a> MessageRef<'a> {
    /// Reads one whole message, such as a [`Framer`](crate::Framer) hands out.
    ///
    /// An OPEN comes out checked, an UPDATE only framed: [`UpdateRef::validate`] comes next.
    ///
    /// # Errors
    /// The fault of the message, which knows its [NOTIFICATION](DecodeError::notification). A type that is not known is
    /// one (RFC 4271 §6.1); whoever wants to look at such messages stays with [`Frame`]. Octets that are no whole
    /// message, or more than one, have a wrong length.
    #[inline]
    pub fn decode(message: &'a [u8], cx: &SessionContext) -> Result<Self, DecodeError> {
        let wrong_length = || {
            let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
            DecodeError::new(
                DecodeErrorKind::MessageLength(length),
                crate::header::LENGTH_OFFSET,
            )
        };
        let (frame, rest) = Frame::split(message, cx.receive.max_len)?.ok_or_else(wrong_length)?;
        if !rest.is_empty() {
            return Err(wrong_length());
        }
        Self::decode_frame(frame, cx)
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn decode_frame(frame: Frame<'a>, cx: &SessionContext) -> Result<Self, DecodeError> {
        match frame.message_type() {
            MessageType::OPEN => OpenRef::decode(frame).map(Self::Open),
            MessageType::UPDATE => UpdateRef::decode(frame, cx).map(Self::Update),
            MessageType::NOTIFICATION => NotificationRef::decode(frame).map(Self::Notification),
            MessageType::KEEPALIVE => Ok(Self::Keepalive),
            MessageType::ROUTE_REFRESH => {
                RouteRefreshRef::decode(frame, cx).map(Self::RouteRefresh)
            }
            unknown => Err(DecodeError::new(
                DecodeErrorKind::MessageType(unknown),
                TYPE_OFFSET,
            )),
        }
    }

    /// The type of the message.
    #[must_use]
    pub const fn message_type(&self) -> MessageType {
        match self {
            Self::Open(_) => MessageType::OPEN,
            Self::Update(_) => MessageType::UPDATE,
            Self::Notification(_) => MessageType::NOTIFICATION,
            Self::Keepalive => MessageType::KEEPALIVE,
            Self::RouteRefresh(_) => MessageType::ROUTE_REFRESH,
        }
    }
}

/// A message to send.
#[expect(
    clippy::large_enum_variant,
    reason = "made one at a time and encoded at once: a box would cost more than it saves"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// RFC 4271 §4.2.
    Open(Open),
    /// RFC 4271 §4.3.
    Update(Update),
    /// RFC 4271 §4.5.
    Notification(Notification),
    /// RFC 4271 §4.4.
    Keepalive,
    /// RFC 2918, RFC 7313.
    RouteRefresh(RouteRefresh),
}

impl Message {
    /// Appends the message to `out`, which after an error holds what it held before.
    ///
    /// # Errors
    /// As the `encode` of each message.
    pub fn encode(&self, cx: &SessionContext, out: &mut BytesMut) -> Result<(), EncodeError> {
        match self {
            Self::Open(open) => open.encode(out),
            Self::Update(update) => update.encode(cx, out),
            Self::Notification(notification) => notification.encode(cx.send.max_len, out),
            Self::Keepalive => {
                encode_keepalive(out);
                Ok(())
            }
            Self::RouteRefresh(refresh) => refresh.encode(cx.send.max_len, out),
        }
    }
}

impl From<Open> for Message {
    fn from(open: Open) -> Self {
        Self::Open(open)
    }
}

impl From<Update> for Message {
    fn from(update: Update) -> Self {
        Self::Update(update)
    }
}

impl From<Notification> for Message {
    fn from(notification: Notification) -> Self {
        Self::Notification(notification)
    }
}

impl From<RouteRefresh> for Message {
    fn from(refresh: RouteRefresh) -> Self {
        Self::RouteRefresh(refresh)
    }
}

/// Appends a KEEPALIVE to `out` (RFC 4271 §4.4).
pub fn encode_keepalive(out: &mut BytesMut) {
    let written = Writer::message(out, MessageType::KEEPALIVE, MaxLen::Standard, |_| Ok(()));
    debug_assert!(
        written.is_ok(),
        "{} octets are within every limit",
        MessageHeader::LEN
    );
}
