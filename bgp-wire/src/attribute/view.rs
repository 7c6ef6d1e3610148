//! Typed access to a list of attributes, in place.

use super::aggregator::Aggregator;
use super::as_path::{AsPath, AsPathRef};
use super::community::Community;
use super::decode::{self, AttrIter};
use super::ext_community::ExtCommunity;
use super::index::AttrIndex;
use super::large_community::LargeCommunity;
use super::{AttrRef, Origin};
use crate::asn::Asn;
use crate::context::AsnWidth;
use crate::cursor::Cursor;
use crate::iana::AttrCode;
use core::iter::FusedIterator;
use core::net::Ipv4Addr;

/// The attributes of an UPDATE in the octets they arrived in.
///
/// Every getter finds its attribute without a walk, and returns `None` where it is absent, was discarded, or has no
/// value of its type.
#[derive(Clone, Copy, Debug)]
pub struct PathAttributesRef<'a> {
    pub(crate) octets: &'a [u8],
    pub(crate) index: AttrIndex,
    pub(crate) width: AsnWidth,
}

impl<'a> PathAttributesRef<'a> {
    /// The attributes one by one.
    #[must_use]
    pub fn iter(&self) -> AttrIter<'a> {
        AttrIter::new(self.octets, self.index)
    }

    /// The attribute of this type.
    #[must_use]
    pub fn get(&self, code: AttrCode) -> Option<AttrRef<'a>> {
        if AttrIndex::covers(code) {
            decode::read_at(self.octets, self.index.get(code)?)
        } else {
            self.iter().find(|attribute| attribute.code == code)
        }
    }

    /// ORIGIN (RFC 4271 §5.1.1).
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        Origin::decode(self.value(AttrCode::ORIGIN)?)
    }

    /// AS_PATH as it was sent (RFC 4271 §5.1.2): from an old speaker it may have AS_TRANS where
    /// [`full_as_path`](Self::full_as_path) knows better.
    #[must_use]
    pub fn as_path(&self) -> Option<AsPathRef<'a>> {
        Some(AsPathRef::new(self.value(AttrCode::AS_PATH)?, self.width))
    }

    /// AS_PATH put together with the AS4_PATH that came through an old speaker (RFC 6793 §4.2.3).
    #[must_use]
    pub fn full_as_path(&self) -> Option<AsPath> {
        let as_path = self.as_path()?;
        // RFC 6793 §4.2.3: an AGGREGATOR that says otherwise than the AS4_AGGREGATOR beside it is that of an old
        // speaker, which made a new path too: what came in the AS4 attributes is about the old one.
        let aggregated = self.value(AttrCode::AS4_AGGREGATOR).is_some()
            && self
                .raw_aggregator()
                .is_some_and(|aggregator| aggregator.asn != Asn::AS_TRANS);
        match self.value(AttrCode::AS4_PATH) {
            Some(as4_path) if self.width == AsnWidth::Two && !aggregated => {
                Some(as_path.merged_with(AsPathRef::new(as4_path, AsnWidth::Four)))
            }
            _ => Some(as_path.to_owned()),
        }
    }

    /// NEXT_HOP (RFC 4271 §5.1.3); that of MP_REACH_NLRI is with its prefixes.
    #[must_use]
    pub fn next_hop(&self) -> Option<Ipv4Addr> {
        self.four_octets(AttrCode::NEXT_HOP)
            .map(Ipv4Addr::from_bits)
    }

    /// MULTI_EXIT_DISC (RFC 4271 §5.1.4).
    #[must_use]
    pub fn med(&self) -> Option<u32> {
        self.four_octets(AttrCode::MULTI_EXIT_DISC)
    }

    /// LOCAL_PREF (RFC 4271 §5.1.5).
    #[must_use]
    pub fn local_pref(&self) -> Option<u32> {
        self.four_octets(AttrCode::LOCAL_PREF)
    }

    /// Whether ATOMIC_AGGREGATE is there (RFC 4271 §5.1.6).
    #[must_use]
    pub fn atomic_aggregate(&self) -> bool {
        self.value(AttrCode::ATOMIC_AGGREGATE).is_some()
    }

    /// AGGREGATOR, with the four-octet number of AS4_AGGREGATOR where an old speaker wrote AS_TRANS
    /// (RFC 4271 §5.1.7, RFC 6793 §4.2.3).
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        let aggregator = self.raw_aggregator()?;
        if self.width == AsnWidth::Four || aggregator.asn != Asn::AS_TRANS {
            return Some(aggregator);
        }
        let as4 = self
            .value(AttrCode::AS4_AGGREGATOR)
            .and_then(|value| Aggregator::decode(value, AsnWidth::Four));
        Some(as4.unwrap_or(aggregator))
    }

    /// COMMUNITIES (RFC 1997), in the order of the wire.
    #[must_use]
    pub fn communities(&self) -> CommunityIter<'a> {
        CommunityIter {
            cursor: self.list(AttrCode::COMMUNITIES),
        }
    }

    /// EXTENDED COMMUNITIES (RFC 4360), in the order of the wire.
    #[must_use]
    pub fn ext_communities(&self) -> ExtCommunityIter<'a> {
        ExtCommunityIter {
            cursor: self.list(AttrCode::EXTENDED_COMMUNITIES),
        }
    }

    /// LARGE_COMMUNITY (RFC 8092), in the order of the wire.
    #[must_use]
    pub fn large_communities(&self) -> LargeCommunityIter<'a> {
        LargeCommunityIter {
            cursor: self.list(AttrCode::LARGE_COMMUNITY),
        }
    }

    /// The attributes that this crate gives no type.
    pub fn unknown(&self) -> impl FusedIterator<Item = AttrRef<'a>> + Clone + use<'a> {
        self.iter().filter(|attribute| !is_typed(attribute.code))
    }

    #[inline]
    pub(crate) fn value(&self, code: AttrCode) -> Option<&'a [u8]> {
        decode::read_at(self.octets, self.index.get(code)?).map(|attribute| attribute.value)
    }

    fn raw_aggregator(&self) -> Option<Aggregator> {
        Aggregator::decode(self.value(AttrCode::AGGREGATOR)?, self.width)
    }

    fn four_octets(&self, code: AttrCode) -> Option<u32> {
        self.value(code)?.try_into().ok().map(u32::from_be_bytes)
    }

    fn list(&self, code: AttrCode) -> Cursor<'a> {
        Cursor::new(self.value(code).unwrap_or_default(), 0)
    }
}

/// Whether this crate gives the attribute a type: all others are kept as they are.
pub(crate) const fn is_typed(code: AttrCode) -> bool {
    matches!(
        code,
        AttrCode::ORIGIN
            | AttrCode::AS_PATH
            | AttrCode::NEXT_HOP
            | AttrCode::MULTI_EXIT_DISC
            | AttrCode::LOCAL_PREF
            | AttrCode::ATOMIC_AGGREGATE
            | AttrCode::AGGREGATOR
            | AttrCode::COMMUNITIES
            | AttrCode::MP_REACH_NLRI
            | AttrCode::MP_UNREACH_NLRI
            | AttrCode::EXTENDED_COMMUNITIES
            | AttrCode::AS4_PATH
            | AttrCode::AS4_AGGREGATOR
            | AttrCode::LARGE_COMMUNITY
    )
}

/// An iterator over elements of one size.
macro_rules! element_iter {
    ($(#[$meta:meta])* $name:ident, $item:ty, $len:literal, $decode:expr) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name<'a> {
            cursor: Cursor<'a>,
        }

        impl Iterator for $name<'_> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<$item> {
                self.cursor.array::<$len>().map($decode)
            }

            fn size_hint(&self) -> (usize, Option<usize>) {
                let len = self.cursor.remaining() / $len;
                (len, Some(len))
            }
        }

        impl ExactSizeIterator for $name<'_> {}
        impl FusedIterator for $name<'_> {}
    };
}

element_iter!(
    /// The elements of COMMUNITIES.
    CommunityIter, Community, 4, |octets| Community(u32::from_be_bytes(octets))
);
element_iter!(
    /// The elements of EXTENDED COMMUNITIES.
    ExtCommunityIter, ExtCommunity, 8, ExtCommunity
);
element_iter!(
    /// The elements of LARGE_COMMUNITY.
    LargeCommunityIter, LargeCommunity, 12, LargeCommunity::from_octets
);
