//! Prefixes on the wire (RFC 4271 §4.3, RFC 4760 §5, RFC 7911 §3).

use crate::afi_safi::AfiSafi;
use crate::cursor::Cursor;
use alloc::vec::Vec;
use core::fmt;
use core::hash::Hash;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::net::{Ipv4Addr, Ipv6Addr};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A path identifier: tells paths for one prefix apart, between two speakers (RFC 7911 §3).
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 7911 closes the type: any four octets are a path identifier"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(
    /// The number, which means nothing to the receiver.
    pub u32,
);

/// A prefix, with its path identifier where the session has them (RFC 7911 §3).
#[expect(clippy::exhaustive_structs, reason = "RFC 7911 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nlri<P> {
    /// The path identifier.
    pub path_id: Option<PathId>,
    /// The prefix.
    pub prefix: P,
}

impl<P> From<P> for Nlri<P> {
    fn from(prefix: P) -> Self {
        Self {
            path_id: None,
            prefix,
        }
    }
}

/// An address family whose routes this crate gives a type.
///
/// Sealed: the implementations are [`Ipv4Unicast`] and [`Ipv6Unicast`].
pub trait Family: sealed::PrefixOctets {
    /// The family.
    const FAMILY: AfiSafi;
}

/// IPv4 unicast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ipv4Unicast;

/// IPv6 unicast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ipv6Unicast;

impl Family for Ipv4Unicast {
    const FAMILY: AfiSafi = AfiSafi::IPV4_UNICAST;
}

impl Family for Ipv6Unicast {
    const FAMILY: AfiSafi = AfiSafi::IPV6_UNICAST;
}

pub(crate) mod sealed {
    use super::{Hash, IpNet, fmt};

    /// The octets of a family's prefixes.
    #[expect(unnameable_types, reason = "seals `Family`")]
    pub trait PrefixOctets: Copy + fmt::Debug + 'static {
        /// A prefix. Bits behind its length are zero.
        type Prefix: Copy + Ord + Hash + fmt::Debug + fmt::Display + Into<IpNet>;
        /// Bits of an address.
        const BITS: u8;
        /// Makes a prefix from its length, which is at most `BITS`, and the octets that begin with its own.
        fn from_wire(bits: u8, octets: &[u8]) -> Self::Prefix;
        /// The length of a prefix and its whole address.
        type Octets: AsRef<[u8]>;
        /// The octets of a prefix, and how many of them the wire has.
        fn to_wire(prefix: Self::Prefix) -> (Self::Octets, usize);
    }
}

impl sealed::PrefixOctets for Ipv4Unicast {
    type Prefix = Ipv4Net;
    type Octets = [u8; 5];
    const BITS: u8 = 32;

    #[inline]
    fn from_wire(bits: u8, octets: &[u8]) -> Ipv4Net {
        let mask = !u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
        let address = Ipv4Addr::from_bits(u32::from_be_bytes(leading(octets)) & mask);
        Ipv4Net::new(address, bits).unwrap_or_default()
    }

    #[inline]
    fn to_wire(prefix: Ipv4Net) -> (Self::Octets, usize) {
        let (bits, [a, b, c, d]) = (prefix.prefix_len(), prefix.network().octets());
        ([bits, a, b, c, d], wire_len(bits))
    }
}

impl sealed::PrefixOctets for Ipv6Unicast {
    type Prefix = Ipv6Net;
    type Octets = [u8; 17];
    const BITS: u8 = 128;

    #[inline]
    fn from_wire(bits: u8, octets: &[u8]) -> Ipv6Net {
        let mask = !u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
        let address = Ipv6Addr::from_bits(u128::from_be_bytes(leading(octets)) & mask);
        Ipv6Net::new(address, bits).unwrap_or_default()
    }

    #[inline]
    fn to_wire(prefix: Ipv6Net) -> (Self::Octets, usize) {
        let mut octets = [prefix.prefix_len(); 17];
        let [_, address @ ..] = &mut octets;
        *address = prefix.network().octets();
        (octets, wire_len(prefix.prefix_len()))
    }
}

/// How many octets the wire has of a prefix: its length, and as much of the address as that covers.
#[inline]
fn wire_len(bits: u8) -> usize {
    1 + usize::from(bits.div_ceil(8))
}

/// The first `N` octets, filled up with zeros where there are fewer.
#[inline]
fn leading<const N: usize>(octets: &[u8]) -> [u8; N] {
    // A fixed-size load wherever the field goes on long enough: what belongs to the next prefix is masked off.
    octets.first_chunk().copied().unwrap_or_else(|| {
        let mut array = [0; N];
        array
            .iter_mut()
            .zip(octets)
            .for_each(|(to, from)| *to = *from);
        array
    })
}

/// Whether a field's prefixes carry path identifiers (RFC 7911 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum PathIds {
    Absent,
    Present,
}

/// The prefixes of one field of an UPDATE, of one family.
#[derive(Clone, Copy, Debug)]
pub struct NlriField<'a> {
    family: AfiSafi,
    octets: &'a [u8],
    path_ids: PathIds,
}

impl<'a> NlriField<'a> {
    pub(crate) const fn new(family: AfiSafi, octets: &'a [u8], path_ids: PathIds) -> Self {
        Self {
            family,
            octets,
            path_ids,
        }
    }

    /// The family.
    #[must_use]
    pub const fn family(self) -> AfiSafi {
        self.family
    }

    /// The octets as on the wire: all there is for a family without a type.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// Whether there is no prefix.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// The prefixes where they are of family `F`, without path identifiers; nothing for another family.
    #[must_use]
    pub fn iter<F: Family>(self) -> NlriIter<'a, F> {
        NlriIter {
            paths: self.paths(),
        }
    }

    /// The prefixes with their path identifiers where they are of family `F`; nothing for another family.
    #[must_use]
    pub fn paths<F: Family>(self) -> PathIter<'a, F> {
        let octets = if self.family == F::FAMILY {
            self.octets
        } else {
            &[]
        };
        PathIter {
            cursor: Cursor::new(octets, 0),
            path_ids: self.path_ids,
            family: PhantomData,
        }
    }

    /// The prefixes of either typed family; nothing for another.
    pub fn prefixes(self) -> impl FusedIterator<Item = IpNet> + Clone + 'a {
        let ipv4 = self.iter::<Ipv4Unicast>().map(IpNet::V4);
        ipv4.chain(self.iter::<Ipv6Unicast>().map(IpNet::V6))
    }

    /// Copies the prefixes that [`paths`](Self::paths) finds into just as much memory as they need.
    pub(crate) fn to_vec<F: Family>(self) -> Vec<Nlri<F::Prefix>> {
        let paths = self.paths::<F>();
        let mut copied = Vec::with_capacity(paths.clone().count());
        copied.extend(paths);
        copied
    }

    /// Whether every prefix is whole and no longer than its family allows; a family without a type always is.
    #[inline]
    pub(crate) fn is_well_formed(self) -> bool {
        match self.family {
            AfiSafi::IPV4_UNICAST => are_prefixes(self.octets, 32, self.path_ids),
            AfiSafi::IPV6_UNICAST => are_prefixes(self.octets, 128, self.path_ids),
            _ => true,
        }
    }
}

/// Walks over the lengths of prefixes.
fn are_prefixes(octets: &[u8], max_bits: u8, path_ids: PathIds) -> bool {
    let mut cursor = Cursor::new(octets, 0);
    while !cursor.is_empty() {
        if path_ids == PathIds::Present && cursor.u32().is_none() {
            return false;
        }
        let whole = match cursor.u8() {
            Some(bits) if bits <= max_bits => cursor.take(usize::from(bits.div_ceil(8))).is_some(),
            _ => false,
        };
        if !whole {
            return false;
        }
    }
    true
}

/// The prefixes of a field. Ends at the first fault: validate first.
#[derive(Clone, Debug)]
pub struct NlriIter<'a, F> {
    paths: PathIter<'a, F>,
}

impl<F: Family> Iterator for NlriIter<'_, F> {
    type Item = F::Prefix;

    #[inline]
    fn next(&mut self) -> Option<F::Prefix> {
        self.paths.next().map(|nlri| nlri.prefix)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.paths.size_hint()
    }
}

impl<F: Family> FusedIterator for NlriIter<'_, F> {}

/// The prefixes of a field with their path identifiers. Ends at the first fault: validate first.
#[derive(Clone, Debug)]
pub struct PathIter<'a, F> {
    cursor: Cursor<'a>,
    path_ids: PathIds,
    family: PhantomData<F>,
}

impl<F: Family> PathIter<'_, F> {
    #[inline]
    fn read(&mut self) -> Option<Nlri<F::Prefix>> {
        let path_id = match self.path_ids {
            PathIds::Absent => None,
            PathIds::Present => Some(PathId(self.cursor.u32()?)),
        };
        let bits = self.cursor.u8().filter(|bits| *bits <= F::BITS)?;
        let octets = self.cursor.rest();
        self.cursor.take(usize::from(bits.div_ceil(8)))?;
        Some(Nlri {
            path_id,
            prefix: F::from_wire(bits, octets),
        })
    }
}

impl<F: Family> Iterator for PathIter<'_, F> {
    type Item = Nlri<F::Prefix>;

    #[inline]
    fn next(&mut self) -> Option<Nlri<F::Prefix>> {
        let read = self.read();
        if read.is_none() {
            self.cursor = Cursor::new(&[], 0);
        }
        read
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // The shortest prefix is its length alone, the longest has the whole address.
        let id = if self.path_ids == PathIds::Present {
            4
        } else {
            0
        };
        let longest = id + 1 + usize::from(F::BITS / 8);
        (
            self.cursor.remaining() / longest,
            Some(self.cursor.remaining() / (id + 1)),
        )
    }
}

impl<F: Family> FusedIterator for PathIter<'_, F> {}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(octets: &[u8]) -> NlriField<'_> {
        NlriField::new(AfiSafi::IPV4_UNICAST, octets, PathIds::Absent)
    }

    #[test]
    fn bits_behind_the_length_are_masked_and_the_next_prefix_is_not_eaten() {
        let field = ipv4(&[0, 9, 10, 0xff, 32, 192, 0, 2, 1, 24, 198, 51, 100]);
        let prefixes: Vec<_> = field.iter::<Ipv4Unicast>().collect();
        let expected = [
            "0.0.0.0/0",
            "10.128.0.0/9",
            "192.0.2.1/32",
            "198.51.100.0/24",
        ];
        assert_eq!(prefixes, expected.map(|text| text.parse().unwrap()));
        assert!(field.is_well_formed());
        assert!(field.iter::<Ipv6Unicast>().next().is_none());
    }

    #[test]
    fn a_prefix_that_is_too_long_or_cut_off_ends_the_iteration() {
        for octets in [&[33, 1, 2, 3, 4, 5][..], &[24, 1, 2], &[8, 1, 255]] {
            assert!(!ipv4(octets).is_well_formed(), "{octets:?}");
            let mut iter = ipv4(octets).iter::<Ipv4Unicast>();
            assert!(iter.by_ref().count() < 2);
            assert!(iter.next().is_none());
        }
    }

    #[test]
    fn path_identifiers_are_read_where_the_session_has_them() {
        let field = NlriField::new(
            AfiSafi::IPV6_UNICAST,
            &[0, 0, 0, 7, 32, 0x20, 1, 0xd, 0xb8],
            PathIds::Present,
        );
        let expected = Nlri {
            path_id: Some(PathId(7)),
            prefix: "2001:db8::/32".parse().unwrap(),
        };
        assert!(field.paths::<Ipv6Unicast>().eq([expected]));
        assert!(field.prefixes().eq(["2001:db8::/32".parse().unwrap()]));
        assert!(field.is_well_formed());
        assert!(
            !NlriField::new(AfiSafi::IPV6_UNICAST, &[0, 0, 7], PathIds::Present).is_well_formed()
        );
    }
}
