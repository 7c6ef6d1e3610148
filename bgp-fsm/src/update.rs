//! A received UPDATE, lent to its reader.

use bgp_wire::{DecodeError, Frame, SessionContext, UpdateRef, Validated};
use bytes::Bytes;

/// An UPDATE that was received and found good enough not to end the session.
///
/// It holds the message as it arrived and lends views of it, so that reading routes copies nothing and borrows nothing
/// from the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedUpdate {
    frame: Bytes,
    context: SessionContext,
}

impl ReceivedUpdate {
    pub(crate) const fn new(frame: Bytes, context: SessionContext) -> Self {
        Self { frame, context }
    }

    /// The whole message, header included.
    #[must_use]
    pub const fn octets(&self) -> &Bytes {
        &self.frame
    }

    /// How it is to be read.
    #[must_use]
    pub const fn context(&self) -> &SessionContext {
        &self.context
    }

    /// What the message comes to under RFC 7606: routes, or only withdrawals.
    ///
    /// # Errors
    /// A fault that ends a session. The session has checked that there is none, so one given out by it has none.
    pub fn validate(&self) -> Result<Validated<'_>, DecodeError> {
        let frame = Frame::split(&self.frame, self.context.receive.max_len)?;
        let Some((frame, _)) = frame else {
            return Err(DecodeError::new(
                bgp_wire::DecodeErrorKind::MalformedAttributeList,
                0,
            ));
        };
        UpdateRef::decode(frame, &self.context)?.validate(&self.context)
    }
}
