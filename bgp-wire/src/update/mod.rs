//! UPDATE: routes announced and withdrawn (RFC 4271 §4.3).

pub(crate) mod builder;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod findings;
pub(crate) mod owned;

use crate::afi_safi::AfiSafi;
use crate::attribute::decode as attributes;
use crate::attribute::mp::{self, MpReachRef, MpUnreachRef};
use crate::attribute::view::PathAttributesRef;
use crate::context::{OneWay, SessionContext};
use crate::cursor::Cursor;
use crate::error::{DecodeError, DecodeErrorKind};
use crate::header::{Frame, MessageHeader};
use crate::iana::AttrCode;
use crate::nlri::NlriField;

/// An UPDATE in the octets it arrived in, its sections found and its attributes indexed, but nothing checked yet.
///
/// ```text
/// +-----------------------------------------------------+
/// |   Withdrawn Routes Length (2 octets)                |
/// +-----------------------------------------------------+
/// |   Withdrawn Routes (variable)                       |
/// +-----------------------------------------------------+
/// |   Total Path Attribute Length (2 octets)            |
/// +-----------------------------------------------------+
/// |   Path Attributes (variable)                        |
/// +-----------------------------------------------------+
/// |   Network Layer Reachability Information (variable) |
/// +-----------------------------------------------------+
/// ```
///
/// [`validate`](Self::validate) says what may be used of it, by RFC 7606; whoever looks without, sees what a peer claims.
#[derive(Clone, Copy, Debug)]
pub struct UpdateRef<'a> {
    withdrawn: &'a [u8],
    attributes: PathAttributesRef<'a>,
    nlri: &'a [u8],
    receive: OneWay,
}

impl<'a> UpdateRef<'a> {
    /// Finds the sections and indexes the attributes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::MalformedAttributeList`] where the two lengths of the message do not add up: then nothing can
    /// be found in it (RFC 4271 §6.3, RFC 7606 §3 b).
    #[inline]
    pub fn decode(frame: Frame<'a>, cx: &SessionContext) -> Result<Self, DecodeError> {
        let mut cursor = frame.cursor();
        let sections = sections(&mut cursor);
        let Some((withdrawn, list)) = sections else {
            return Err(DecodeError::new(
                DecodeErrorKind::MalformedAttributeList,
                cursor.offset(),
            ));
        };
        let attributes = PathAttributesRef {
            octets: list,
            index: attributes::index(list),
            width: cx.asn_width,
        };
        Ok(Self {
            withdrawn,
            attributes,
            nlri: cursor.rest(),
            receive: cx.receive,
        })
    }

    /// The attributes.
    #[must_use]
    pub const fn attributes(&self) -> &PathAttributesRef<'a> {
        &self.attributes
    }

    /// The IPv4 unicast prefixes of the section Withdrawn Routes.
    #[must_use]
    pub fn withdrawn_routes(&self) -> NlriField<'a> {
        mp::field(AfiSafi::IPV4_UNICAST, self.withdrawn, &self.receive)
    }

    /// The IPv4 unicast prefixes of the last section.
    #[must_use]
    pub fn nlri(&self) -> NlriField<'a> {
        mp::field(AfiSafi::IPV4_UNICAST, self.nlri, &self.receive)
    }

    /// MP_REACH_NLRI (RFC 4760 §3).
    #[must_use]
    pub fn mp_reach(&self) -> Option<MpReachRef<'a>> {
        MpReachRef::decode(
            self.attributes.value(AttrCode::MP_REACH_NLRI)?,
            &self.receive,
        )
    }

    /// MP_UNREACH_NLRI (RFC 4760 §4).
    #[must_use]
    pub fn mp_unreach(&self) -> Option<MpUnreachRef<'a>> {
        MpUnreachRef::decode(
            self.attributes.value(AttrCode::MP_UNREACH_NLRI)?,
            &self.receive,
        )
    }

    /// The family whose initial routes are all sent, where this is an End-of-RIB marker (RFC 4724 §2): an empty UPDATE
    /// for IPv4 unicast, one with nothing but an empty MP_UNREACH_NLRI for any other.
    #[must_use]
    pub fn end_of_rib(&self) -> Option<AfiSafi> {
        if !self.withdrawn.is_empty() || !self.nlri.is_empty() {
            return None;
        }
        if self.attributes.octets.is_empty() {
            return Some(AfiSafi::IPV4_UNICAST);
        }
        let mut cursor = Cursor::new(self.attributes.octets, 0);
        let only = attributes::read(&mut cursor)
            .ok()
            .filter(|_| cursor.is_empty())?;
        let unreach = self
            .mp_unreach()
            .filter(|_| only.code == AttrCode::MP_UNREACH_NLRI)?;
        unreach.nlri().is_empty().then_some(unreach.family())
    }

    /// Offset of the first attribute in the message.
    const fn attributes_offset(&self) -> usize {
        MessageHeader::LEN + 2 + self.withdrawn.len() + 2
    }
}

/// Cuts off the first two sections; the cursor is left in front of the third.
#[inline]
fn sections<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let len = cursor.u16()?;
    let withdrawn = cursor.take(usize::from(len))?;
    let len = cursor.u16()?;
    let attributes = cursor.take(usize::from(len))?;
    Some((withdrawn, attributes))
}
