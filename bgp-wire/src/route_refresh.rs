//! ROUTE-REFRESH (RFC 2918, RFC 7313).

use crate::afi_safi::{Afi, AfiSafi, Safi};
use crate::context::{RouteRefreshKind, SessionContext};
use crate::error::{DecodeError, DecodeErrorKind, EncodeError};
use crate::header::{Frame, LENGTH_OFFSET, MaxLen, MessageHeader};
use crate::iana::{MessageType, RouteRefreshSubtype};
use crate::writer::Writer;
use bytes::{Bytes, BytesMut};

/// A ROUTE-REFRESH: please send again, or begin and end of doing so.
///
/// ```text
///  0       7      15      23      31
/// +-------+-------+-------+-------+
/// |      AFI      |Subtype| SAFI  |
/// +-------+-------+-------+-------+
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RouteRefresh {
    /// Family it is about.
    pub family: AfiSafi,
    /// What it says (RFC 7313 §3.2).
    pub subtype: RouteRefreshSubtype,
    /// Entries of outbound route filtering (RFC 5291 §5), kept as they are.
    pub filters: Bytes,
}

impl RouteRefresh {
    /// A message without entries of outbound route filtering.
    #[must_use]
    pub const fn new(family: AfiSafi, subtype: RouteRefreshSubtype) -> Self {
        Self {
            family,
            subtype,
            filters: Bytes::new(),
        }
    }

    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`EncodeError::MessageTooLong`] where the entries do not fit.
    pub fn encode(&self, limit: MaxLen, out: &mut BytesMut) -> Result<(), EncodeError> {
        Writer::message(out, MessageType::ROUTE_REFRESH, limit, |w| {
            w.u16(self.family.afi.0);
            w.u8(self.subtype.0);
            w.u8(self.family.safi.0);
            w.slice(&self.filters);
            Ok(())
        })
    }
}

/// A ROUTE-REFRESH in the octets it arrived in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct RouteRefreshRef<'a> {
    /// Family it is about.
    pub family: AfiSafi,
    /// What it says; a subtype that is not known is ignored (RFC 7313 §5).
    pub subtype: RouteRefreshSubtype,
    /// Entries of outbound route filtering (RFC 5291 §5).
    pub filters: &'a [u8],
}

impl<'a> RouteRefreshRef<'a> {
    /// Reads the body of a ROUTE-REFRESH.
    ///
    /// # Errors
    /// A body of fewer than four octets, or of more in a BoRR or EoRR, is
    /// [`RouteRefreshLength`](DecodeErrorKind::RouteRefreshLength) to a peer that knows RFC 7313 (§5), and
    /// [`MessageLength`](DecodeErrorKind::MessageLength) to any other.
    pub fn decode(frame: Frame<'a>, cx: &SessionContext) -> Result<Self, DecodeError> {
        let mut cursor = frame.cursor();
        let (Some(afi), Some(subtype), Some(safi)) = (cursor.u16(), cursor.u8(), cursor.u8())
        else {
            return Err(length_error(frame, cx));
        };
        let subtype = RouteRefreshSubtype(subtype);
        let marks = matches!(
            subtype,
            RouteRefreshSubtype::BORR | RouteRefreshSubtype::EORR
        );
        if marks && !cursor.is_empty() {
            return Err(length_error(frame, cx));
        }
        Ok(Self {
            family: AfiSafi::new(Afi(afi), Safi(safi)),
            subtype,
            filters: cursor.rest(),
        })
    }

    /// Copies the message.
    #[must_use]
    pub fn to_owned(self) -> RouteRefresh {
        RouteRefresh {
            family: self.family,
            subtype: self.subtype,
            filters: Bytes::copy_from_slice(self.filters),
        }
    }
}

fn length_error(frame: Frame<'_>, cx: &SessionContext) -> DecodeError {
    let length =
        u16::try_from(MessageHeader::LEN.saturating_add(frame.body().len())).unwrap_or(u16::MAX);
    match cx.route_refresh {
        RouteRefreshKind::Plain => {
            DecodeError::new(DecodeErrorKind::MessageLength(length), LENGTH_OFFSET)
        }
        RouteRefreshKind::Enhanced => {
            DecodeError::new(DecodeErrorKind::RouteRefreshLength, LENGTH_OFFSET)
        }
    }
}
