//! Attributes made by hand.

use super::aggregator::Aggregator;
use super::as_path::AsPath;
use super::community::Community;
use super::encode;
use super::ext_community::ExtCommunity;
use super::large_community::LargeCommunity;
use super::mp::NextHop;
use super::owned::PathAttributes;
use super::unknown::UnknownAttribute;
use super::view::is_typed;
use super::{AttrFlags, Origin};
use crate::asn::Asn;
use crate::error::EncodeError;
use crate::iana::AttrCode;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// Makes [`PathAttributes`]. Every setter replaces what it set before.
#[derive(Clone, Debug, Default)]
pub struct PathAttributesBuilder {
    origin: Option<Origin>,
    as_path: Option<AsPath>,
    next_hop: Option<NextHop>,
    med: Option<u32>,
    local_pref: Option<u32>,
    atomic_aggregate: bool,
    aggregator: Option<Aggregator>,
    communities: BTreeSet<Community>,
    ext_communities: BTreeSet<ExtCommunity>,
    large_communities: BTreeSet<LargeCommunity>,
    unknown: BTreeMap<AttrCode, UnknownAttribute>,
}

impl PathAttributesBuilder {
    /// ORIGIN (RFC 4271 §5.1.1).
    #[must_use]
    pub fn origin(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// AS_PATH (RFC 4271 §5.1.2).
    #[must_use]
    pub fn as_path(mut self, as_path: impl Into<Option<AsPath>>) -> Self {
        self.as_path = as_path.into();
        self
    }

    /// The next hop: goes into NEXT_HOP or MP_REACH_NLRI, as the prefixes need it.
    #[must_use]
    pub fn next_hop(mut self, next_hop: impl Into<Option<NextHop>>) -> Self {
        self.next_hop = next_hop.into();
        self
    }

    /// MULTI_EXIT_DISC (RFC 4271 §5.1.4).
    #[must_use]
    pub fn med(mut self, med: impl Into<Option<u32>>) -> Self {
        self.med = med.into();
        self
    }

    /// LOCAL_PREF (RFC 4271 §5.1.5).
    #[must_use]
    pub fn local_pref(mut self, local_pref: impl Into<Option<u32>>) -> Self {
        self.local_pref = local_pref.into();
        self
    }

    /// ATOMIC_AGGREGATE: there or not (RFC 4271 §5.1.6).
    #[must_use]
    pub const fn atomic_aggregate(mut self, present: bool) -> Self {
        self.atomic_aggregate = present;
        self
    }

    /// AGGREGATOR (RFC 4271 §5.1.7).
    #[must_use]
    pub fn aggregator(mut self, aggregator: impl Into<Option<Aggregator>>) -> Self {
        self.aggregator = aggregator.into();
        self
    }

    /// COMMUNITIES (RFC 1997): a set, so the order does not matter; without elements the attribute is left out.
    #[must_use]
    pub fn communities(mut self, communities: impl IntoIterator<Item = Community>) -> Self {
        self.communities = communities.into_iter().collect();
        self
    }

    /// EXTENDED COMMUNITIES (RFC 4360): a set, so the order does not matter; without elements the attribute is left out.
    #[must_use]
    pub fn ext_communities(mut self, communities: impl IntoIterator<Item = ExtCommunity>) -> Self {
        self.ext_communities = communities.into_iter().collect();
        self
    }

    /// LARGE_COMMUNITY (RFC 8092): a set, so the order does not matter; without elements the attribute is left out.
    #[must_use]
    pub fn large_communities(
        mut self,
        communities: impl IntoIterator<Item = LargeCommunity>,
    ) -> Self {
        self.large_communities = communities.into_iter().collect();
        self
    }

    /// The attributes that this crate gives no type; of two with one type the last counts.
    #[must_use]
    pub fn unknown(mut self, attributes: impl IntoIterator<Item = UnknownAttribute>) -> Self {
        self.unknown = attributes
            .into_iter()
            .map(|attribute| (attribute.code, attribute))
            .collect();
        self
    }

    /// Puts the attributes together.
    ///
    /// # Errors
    /// [`EncodeError::InvalidAsPath`] where the path contains AS 0 (RFC 7607 §2), [`EncodeError::KnownAttribute`] for an
    /// unknown attribute that has a setter of its own, [`EncodeError::FieldTooLong`] where a value or all of them
    /// together are longer than a message can be.
    pub fn build(self) -> Result<PathAttributes, EncodeError> {
        if self
            .as_path
            .as_ref()
            .is_some_and(|path| path.as_ref().asns().any(|asn| asn == Asn::ZERO))
        {
            return Err(EncodeError::InvalidAsPath);
        }
        if let Some(&code) = self.unknown.keys().find(|code| is_typed(**code)) {
            return Err(EncodeError::KnownAttribute(code));
        }
        let mut values: BTreeMap<AttrCode, (AttrFlags, Vec<u8>)> = BTreeMap::new();
        let mut set = |code, value: Vec<u8>| values.insert(code, (encode::flags(code), value));
        if let Some(origin) = self.origin {
            set(AttrCode::ORIGIN, [origin as u8].into());
        }
        if let Some(path) = &self.as_path {
            set(AttrCode::AS_PATH, path.as_ref().octets().into());
        }
        if let Some(med) = self.med {
            set(AttrCode::MULTI_EXIT_DISC, med.to_be_bytes().into());
        }
        if let Some(local_pref) = self.local_pref {
            set(AttrCode::LOCAL_PREF, local_pref.to_be_bytes().into());
        }
        if self.atomic_aggregate {
            set(AttrCode::ATOMIC_AGGREGATE, Vec::new());
        }
        if let Some(aggregator) = self.aggregator {
            set(AttrCode::AGGREGATOR, encode::aggregator(aggregator).into());
        }
        if !self.communities.is_empty() {
            set(
                AttrCode::COMMUNITIES,
                self.communities
                    .iter()
                    .flat_map(|community| community.0.to_be_bytes())
                    .collect(),
            );
        }
        if !self.ext_communities.is_empty() {
            set(
                AttrCode::EXTENDED_COMMUNITIES,
                self.ext_communities
                    .iter()
                    .flat_map(|community| community.0)
                    .collect(),
            );
        }
        if !self.large_communities.is_empty() {
            let octets = self
                .large_communities
                .iter()
                .flat_map(|community| community.to_octets());
            set(AttrCode::LARGE_COMMUNITY, octets.collect());
        }
        for (code, attribute) in self.unknown {
            values.insert(code, (attribute.flags, attribute.value));
        }
        let mut octets = Vec::new();
        for (code, (flags, value)) in &values {
            encode::push(&mut octets, *flags, *code, value)?;
        }
        if octets.len() > usize::from(u16::MAX) {
            return Err(EncodeError::FieldTooLong {
                len: octets.len(),
                max: usize::from(u16::MAX),
            });
        }
        Ok(PathAttributes::from_canonical(octets, self.next_hop))
    }
}

impl From<&PathAttributes> for PathAttributesBuilder {
    fn from(attributes: &PathAttributes) -> Self {
        let unknown = attributes.unknown().map(|attribute| {
            (
                attribute.code,
                UnknownAttribute::new(attribute.flags, attribute.code, attribute.value),
            )
        });
        Self {
            origin: attributes.origin(),
            as_path: attributes.as_path().map(|path| path.to_owned()),
            next_hop: attributes.next_hop(),
            med: attributes.med(),
            local_pref: attributes.local_pref(),
            atomic_aggregate: attributes.atomic_aggregate(),
            aggregator: attributes.aggregator(),
            communities: attributes.communities().collect(),
            ext_communities: attributes.ext_communities().collect(),
            large_communities: attributes.large_communities().collect(),
            unknown: unknown.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_octets_are_in_order_whatever_the_order_of_the_setters() {
        let one = PathAttributes::builder()
            .med(7)
            .origin(Origin::Igp)
            .communities([Community(2), Community(1)]);
        let two = PathAttributes::builder()
            .communities([Community(1), Community(2), Community(1)])
            .origin(Origin::Igp)
            .med(7);
        let octets = [
            0x40, 1, 1, 0, //
            0x80, 4, 4, 0, 0, 0, 7, //
            0xc0, 8, 8, 0, 0, 0, 1, 0, 0, 0, 2,
        ];
        assert_eq!(one.build().unwrap().octets(), octets);
        assert_eq!(two.build().unwrap().octets(), octets);
    }

    #[test]
    fn a_long_value_has_a_long_length_and_a_short_one_a_short() {
        let communities = |count| {
            PathAttributes::builder()
                .communities((0..count).map(Community))
                .build()
                .unwrap()
        };
        assert_eq!(&communities(63).octets()[..3], &[0xc0, 8, 252]);
        assert_eq!(&communities(64).octets()[..4], &[0xd0, 8, 1, 0]);
    }

    #[test]
    fn what_no_peer_would_take_is_refused() {
        let zero = PathAttributes::builder().as_path(AsPath::sequence([Asn(1), Asn::ZERO]));
        assert_eq!(zero.build(), Err(EncodeError::InvalidAsPath));
        let hidden = UnknownAttribute::new(AttrFlags::TRANSITIVE, AttrCode::AS4_PATH, []);
        let known = PathAttributes::builder().unknown([hidden]);
        assert_eq!(
            known.build(),
            Err(EncodeError::KnownAttribute(AttrCode::AS4_PATH))
        );
    }

    #[test]
    fn a_builder_made_from_attributes_makes_the_same_attributes() {
        let attributes = PathAttributes::builder()
            .origin(Origin::Incomplete)
            .as_path(AsPath::sequence([Asn(70000)]))
            .next_hop(NextHop::from(core::net::Ipv6Addr::LOCALHOST))
            .local_pref(100)
            .atomic_aggregate(true)
            .aggregator(Aggregator {
                asn: Asn(70000),
                address: core::net::Ipv4Addr::new(192, 0, 2, 1),
            })
            .ext_communities([ExtCommunity([1; 8])])
            .large_communities([LargeCommunity::new(1, 2, 3)])
            .unknown([UnknownAttribute::new(AttrFlags::KIND, AttrCode(99), [1, 2])])
            .build()
            .unwrap();
        assert_eq!(attributes.to_builder().build(), Ok(attributes));
    }
}
