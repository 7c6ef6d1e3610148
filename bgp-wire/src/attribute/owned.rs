//! Owned attributes: one buffer in canonical order.

use super::aggregator::Aggregator;
use super::as_path::AsPathRef;
use super::builder::PathAttributesBuilder;
use super::decode::AttrIter;
use super::encode;
use super::index::AttrIndex;
use super::mp::NextHop;
use super::view::{CommunityIter, ExtCommunityIter, LargeCommunityIter, PathAttributesRef};
use super::{AttrRef, Origin, decode};
use crate::context::AsnWidth;
use crate::iana::AttrCode;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::iter::FusedIterator;

/// A set of path attributes, without the prefixes that have them.
///
/// All attributes lie in one buffer, in ascending order of their types, with four-octet AS numbers: what the wire can
/// say in several ways is said in one, so two sets that are equal have equal octets. `Eq`, `Ord` and `Hash` go by these
/// octets and the next hop. The next hop stands beside the buffer, because where it goes depends on the prefixes:
/// into NEXT_HOP, or in front of those in MP_REACH_NLRI.
///
/// ```
/// # use bgp_wire::{AsPath, Asn, Community, Origin, PathAttributes};
/// let attributes = PathAttributes::builder()
///     .origin(Origin::Igp)
///     .as_path(AsPath::sequence([Asn(64500)]))
///     .communities([Community::NO_EXPORT])
///     .build()?;
/// assert_eq!(attributes.communities().next(), Some(Community::NO_EXPORT));
/// # Ok::<(), bgp_wire::EncodeError>(())
/// ```
#[derive(Clone)]
pub struct PathAttributes {
    octets: Box<[u8]>,
    index: AttrIndex,
    next_hop: Option<NextHop>,
}

impl PathAttributes {
    /// A builder without any attribute.
    #[must_use]
    pub fn builder() -> PathAttributesBuilder {
        PathAttributesBuilder::default()
    }

    /// A builder with these attributes, to change some of them.
    #[must_use]
    pub fn to_builder(&self) -> PathAttributesBuilder {
        PathAttributesBuilder::from(self)
    }

    /// Takes octets that are canonical already.
    pub(super) fn from_canonical(octets: Vec<u8>, next_hop: Option<NextHop>) -> Self {
        let index = decode::index(&octets);
        Self {
            octets: octets.into_boxed_slice(),
            index,
            next_hop,
        }
    }

    /// The canonical octets: neither NEXT_HOP nor prefixes are among them.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// The attributes one by one.
    #[must_use]
    pub fn iter(&self) -> AttrIter<'_> {
        self.view().iter()
    }

    /// The attribute of this type.
    #[must_use]
    pub fn get(&self, code: AttrCode) -> Option<AttrRef<'_>> {
        self.view().get(code)
    }

    /// ORIGIN (RFC 4271 §5.1.1).
    #[must_use]
    pub fn origin(&self) -> Option<Origin> {
        self.view().origin()
    }

    /// AS_PATH (RFC 4271 §5.1.2).
    #[must_use]
    pub fn as_path(&self) -> Option<AsPathRef<'_>> {
        self.view().as_path()
    }

    /// The next hop.
    #[must_use]
    pub const fn next_hop(&self) -> Option<NextHop> {
        self.next_hop
    }

    /// MULTI_EXIT_DISC (RFC 4271 §5.1.4).
    #[must_use]
    pub fn med(&self) -> Option<u32> {
        self.view().med()
    }

    /// LOCAL_PREF (RFC 4271 §5.1.5).
    #[must_use]
    pub fn local_pref(&self) -> Option<u32> {
        self.view().local_pref()
    }

    /// Whether ATOMIC_AGGREGATE is there (RFC 4271 §5.1.6).
    #[must_use]
    pub fn atomic_aggregate(&self) -> bool {
        self.view().atomic_aggregate()
    }

    /// AGGREGATOR (RFC 4271 §5.1.7).
    #[must_use]
    pub fn aggregator(&self) -> Option<Aggregator> {
        self.view().aggregator()
    }

    /// COMMUNITIES (RFC 1997).
    #[must_use]
    pub fn communities(&self) -> CommunityIter<'_> {
        self.view().communities()
    }

    /// EXTENDED COMMUNITIES (RFC 4360).
    #[must_use]
    pub fn ext_communities(&self) -> ExtCommunityIter<'_> {
        self.view().ext_communities()
    }

    /// LARGE_COMMUNITY (RFC 8092).
    #[must_use]
    pub fn large_communities(&self) -> LargeCommunityIter<'_> {
        self.view().large_communities()
    }

    /// The attributes that this crate gives no type.
    pub fn unknown(&self) -> impl FusedIterator<Item = AttrRef<'_>> + Clone {
        self.view().unknown()
    }

    pub(crate) fn view(&self) -> PathAttributesRef<'_> {
        PathAttributesRef {
            octets: &self.octets,
            index: self.index,
            width: AsnWidth::Four,
        }
    }
}

impl PathAttributesRef<'_> {
    /// Copies the attributes, put in canonical form: AS4_PATH and AS4_AGGREGATOR are merged into AS_PATH and AGGREGATOR
    /// (RFC 6793 §4.2.3), MP_REACH_NLRI and MP_UNREACH_NLRI are left out, since their prefixes are no attribute.
    #[must_use]
    pub fn to_owned(&self) -> PathAttributes {
        PathAttributes::from_canonical(encode::canonical(self), self.next_hop().map(NextHop::Ipv4))
    }
}

impl Default for PathAttributes {
    fn default() -> Self {
        Self {
            octets: Box::default(),
            index: AttrIndex::EMPTY,
            next_hop: None,
        }
    }
}

impl fmt::Debug for PathAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for attribute in self.iter() {
            match attribute.code {
                AttrCode::AS_PATH => {
                    map.entry(&attribute.code, &self.as_path().map(|path| path.to_owned()))
                }
                code => map.entry(&code, &attribute.value),
            };
        }
        if let Some(next_hop) = self.next_hop {
            map.entry(&AttrCode::NEXT_HOP, &next_hop);
        }
        map.finish()
    }
}

impl PartialEq for PathAttributes {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for PathAttributes {}

impl PartialOrd for PathAttributes {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PathAttributes {
    fn cmp(&self, other: &Self) -> Ordering {
        self.octets
            .cmp(&other.octets)
            .then_with(|| self.next_hop.cmp(&other.next_hop))
    }
}

impl Hash for PathAttributes {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.octets.hash(state);
        self.next_hop.hash(state);
    }
}
