//! AS paths: segments, and the merge with AS4_PATH (RFC 4271 §4.3, RFC 5065 §3, RFC 6793 §4.2.3).

use crate::asn::Asn;
use crate::context::{AsnWidth, PeerKind};
use crate::cursor::Cursor;
use alloc::vec::Vec;
use core::fmt;
use core::iter::FusedIterator;

/// Type of a path segment.
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4271 and RFC 5065 know these four; any other is malformed"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SegmentType {
    /// Unordered: the ASes that an aggregate was made of.
    AsSet = 1,
    /// Ordered: the ASes that the route went through, the nearest first.
    AsSequence = 2,
    /// Ordered: member ASes of the local confederation.
    AsConfedSequence = 3,
    /// Unordered: member ASes of the local confederation.
    AsConfedSet = 4,
}

impl SegmentType {
    /// Whether the segment holds member ASes of a confederation.
    #[must_use]
    pub const fn is_confederation(self) -> bool {
        matches!(self, Self::AsConfedSequence | Self::AsConfedSet)
    }

    const fn from_u8(value: u8) -> Option<Self> {
        match value {
            1 => Some(Self::AsSet),
            2 => Some(Self::AsSequence),
            3 => Some(Self::AsConfedSequence),
            4 => Some(Self::AsConfedSet),
            _ => None,
        }
    }
}

/// An AS path: its segments with four-octet AS numbers, in one buffer.
///
/// `Display` writes sequences bare, sets in braces, and confederation segments in parentheses and brackets:
/// `(65001) 64500 64501 {64510,64511}`.
///
/// ```
/// # use bgp_wire::{AsPath, Asn};
/// let path = AsPath::sequence([Asn(64501), Asn(64502)]).prepended(Asn(64500), 2);
/// assert_eq!(path.to_string(), "64500 64500 64501 64502");
/// assert_eq!(path.as_ref().path_len(), 4);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsPath {
    octets: Vec<u8>,
}

impl AsPath {
    /// The path without segments, as an internal peer's own routes have it.
    #[must_use]
    pub const fn empty() -> Self {
        Self { octets: Vec::new() }
    }

    /// A path of one AS_SEQUENCE, or of several where it has more than 255 AS numbers.
    #[must_use]
    pub fn sequence(asns: impl IntoIterator<Item = Asn>) -> Self {
        let mut path = Self::empty();
        path.push(SegmentType::AsSequence, asns);
        path
    }

    /// Adds a segment at the far end; one of more than 255 AS numbers becomes several, one of none becomes none.
    pub fn push(&mut self, kind: SegmentType, asns: impl IntoIterator<Item = Asn>) {
        let asns: Vec<Asn> = asns.into_iter().collect();
        for chunk in asns.chunks(MAX_SEGMENT) {
            self.octets.push(kind as u8);
            self.octets
                .push(u8::try_from(chunk.len()).unwrap_or(u8::MAX));
            chunk
                .iter()
                .for_each(|asn| self.octets.extend_from_slice(&asn.0.to_be_bytes()));
        }
    }

    /// The path with `asn` put `count` times before it, into the first AS_SEQUENCE where that has room
    /// (RFC 4271 §5.1.2).
    #[must_use]
    pub fn prepended(&self, asn: Asn, count: usize) -> Self {
        let lead = core::iter::repeat_n(asn, count);
        let mut segments = self.as_ref().segments();
        let mut path = Self::empty();
        match segments.clone().next() {
            Some(first) if first.kind() == SegmentType::AsSequence => {
                segments.next();
                path.push(SegmentType::AsSequence, lead.chain(first.asns()));
            }
            _ => path.push(SegmentType::AsSequence, lead),
        }
        for segment in segments {
            path.push(segment.kind(), segment.asns());
        }
        path
    }

    /// Borrows the path.
    #[must_use]
    pub fn as_ref(&self) -> AsPathRef<'_> {
        AsPathRef {
            octets: &self.octets,
            width: AsnWidth::Four,
        }
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

/// An AS path in the octets it arrived in. Iteration ends at the first fault: validate first.
///
/// ```text
/// +-----------------------+------------------------+------------------------------+
/// | segment type, 1 octet | segment length, number | segment value: AS numbers of |
/// |                       | of ASes, 1 octet       | 2 or 4 octets each           |
/// +-----------------------+------------------------+------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AsPathRef<'a> {
    octets: &'a [u8],
    width: AsnWidth,
}

impl<'a> AsPathRef<'a> {
    pub(crate) const fn new(octets: &'a [u8], width: AsnWidth) -> Self {
        Self { octets, width }
    }

    /// The segments, the nearest first.
    #[must_use]
    pub const fn segments(self) -> SegmentIter<'a> {
        SegmentIter {
            cursor: Cursor::new(self.octets, 0),
            width: self.width,
        }
    }

    /// All AS numbers of all segments, the nearest first.
    pub fn asns(self) -> impl FusedIterator<Item = Asn> + Clone + 'a {
        self.segments().flat_map(SegmentRef::asns)
    }

    /// Length as route selection counts it: a set is one, a confederation segment nothing (RFC 4271 §9.1.2.2,
    /// RFC 5065 §5.3).
    #[must_use]
    pub fn path_len(self) -> usize {
        self.segments().map(SegmentRef::path_len).sum()
    }

    /// The AS that the route comes from: the last one of the path, unless it ends in a set.
    #[must_use]
    pub fn origin_as(self) -> Option<Asn> {
        let last = self.segments().last()?;
        (last.kind() == SegmentType::AsSequence)
            .then(|| last.asns().last())
            .flatten()
    }

    /// The neighbour's AS: the first one of the path, unless it begins with something else than a sequence.
    #[must_use]
    pub fn first_as(self) -> Option<Asn> {
        let first = self.segments().next()?;
        (first.kind() == SegmentType::AsSequence)
            .then(|| first.asns().next())
            .flatten()
    }

    /// Whether the path has no segment.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.octets.is_empty()
    }

    /// Copies the path, with four-octet AS numbers.
    #[must_use]
    pub fn to_owned(self) -> AsPath {
        if self.width == AsnWidth::Four {
            return AsPath {
                octets: self.octets.to_vec(),
            };
        }
        let mut path = AsPath::empty();
        for segment in self.segments() {
            path.push(segment.kind(), segment.asns());
        }
        path
    }

    /// The octets as on the wire, in the width of [`Self::width`].
    pub(crate) const fn octets(self) -> &'a [u8] {
        self.octets
    }

    /// What is wrong with the path, if anything: segments that do not add up (RFC 7606 §7.2), AS 0 (RFC 7607 §2), or
    /// members of a confederation from a peer that is in none of ours (RFC 5065 §5).
    #[inline]
    pub(crate) fn is_well_formed(self, peer: PeerKind) -> bool {
        let mut segments = self.segments();
        for segment in &mut segments {
            let misplaced =
                segment.kind.is_confederation() && !peer.exchanges_confederation_segments();
            if misplaced || segment.octets.is_empty() || segment.asns().any(|asn| asn == Asn::ZERO)
            {
                return false;
            }
        }
        segments.cursor.is_empty()
    }

    /// Puts the path together that an old speaker passed on in two halves (RFC 6793 §4.2.3): `self` is AS_PATH.
    ///
    /// An AS4_PATH that is longer than the AS_PATH is ignored; confederation segments in it are discarded (§6).
    pub(crate) fn merged_with(self, as4_path: AsPathRef<'_>) -> AsPath {
        let as4 = || {
            as4_path
                .segments()
                .filter(|segment| !segment.kind.is_confederation())
        };
        let as4_len: usize = as4().map(SegmentRef::path_len).sum();
        let Some(mut missing) = self.path_len().checked_sub(as4_len) else {
            return self.to_owned();
        };
        let mut merged = Merged::default();
        for segment in self.segments() {
            // Also where nothing is missing any more: the segment is leading, or beside one that was taken.
            if segment.kind.is_confederation() {
                merged.push(segment.kind, segment.asns());
                continue;
            }
            if missing == 0 {
                break;
            }
            let ordered = segment.kind == SegmentType::AsSequence;
            let taken = if ordered { missing } else { usize::MAX };
            merged.push(segment.kind, segment.asns().take(taken));
            if segment.path_len() > missing {
                break;
            }
            missing = missing.saturating_sub(segment.path_len());
        }
        as4().for_each(|segment| merged.push(segment.kind, segment.asns()));
        merged.finish()
    }
}

impl PartialEq for AsPathRef<'_> {
    /// Compares what the paths say, whatever the width.
    fn eq(&self, other: &Self) -> bool {
        let says = |path: &Self| {
            path.segments()
                .map(|segment| (segment.kind, segment.octets.len() / segment.width.octets()))
        };
        says(self).eq(says(other)) && self.asns().eq(other.asns())
    }
}

impl Eq for AsPathRef<'_> {}

impl fmt::Display for AsPathRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            let (open, separator, close) = match segment.kind {
                SegmentType::AsSequence => ("", " ", ""),
                SegmentType::AsSet => ("{", ",", "}"),
                SegmentType::AsConfedSequence => ("(", " ", ")"),
                SegmentType::AsConfedSet => ("[", ",", "]"),
            };
            f.write_str(open)?;
            for (position, asn) in segment.asns().enumerate() {
                write!(f, "{}{asn}", if position > 0 { separator } else { "" })?;
            }
            f.write_str(close)?;
        }
        Ok(())
    }
}

/// One segment of a path.
#[derive(Clone, Copy, Debug)]
pub struct SegmentRef<'a> {
    kind: SegmentType,
    octets: &'a [u8],
    width: AsnWidth,
}

impl<'a> SegmentRef<'a> {
    /// Type of the segment.
    #[must_use]
    pub const fn kind(self) -> SegmentType {
        self.kind
    }

    /// Its AS numbers.
    #[must_use]
    pub const fn asns(self) -> AsnIter<'a> {
        AsnIter {
            cursor: Cursor::new(self.octets, 0),
            width: self.width,
        }
    }

    /// What the segment adds to the length of the path.
    fn path_len(self) -> usize {
        match self.kind {
            SegmentType::AsSequence => self.asns().len(),
            SegmentType::AsSet => 1,
            SegmentType::AsConfedSequence | SegmentType::AsConfedSet => 0,
        }
    }
}

/// The segments of a path.
#[derive(Clone, Debug)]
pub struct SegmentIter<'a> {
    cursor: Cursor<'a>,
    width: AsnWidth,
}

impl<'a> Iterator for SegmentIter<'a> {
    type Item = SegmentRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<SegmentRef<'a>> {
        // Only a whole segment moves the cursor, so what is left at the end tells whether the path was in order.
        let mut cursor = self.cursor;
        let kind = SegmentType::from_u8(cursor.u8()?)?;
        let count = cursor.u8()?;
        let octets = cursor.take(usize::from(count) * self.width.octets())?;
        self.cursor = cursor;
        Some(SegmentRef {
            kind,
            octets,
            width: self.width,
        })
    }
}

impl FusedIterator for SegmentIter<'_> {}

/// The AS numbers of a segment.
#[derive(Clone, Debug)]
pub struct AsnIter<'a> {
    cursor: Cursor<'a>,
    width: AsnWidth,
}

impl Iterator for AsnIter<'_> {
    type Item = Asn;

    #[inline]
    fn next(&mut self) -> Option<Asn> {
        match self.width {
            AsnWidth::Two => self.cursor.u16().map(Asn::from),
            AsnWidth::Four => self.cursor.u32().map(Asn),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.cursor.remaining() / self.width.octets();
        (len, Some(len))
    }
}

impl ExactSizeIterator for AsnIter<'_> {}
impl FusedIterator for AsnIter<'_> {}

/// Joins sequences that touch, so that a path that was cut in two comes out as it was.
#[derive(Default)]
struct Merged {
    path: AsPath,
    sequence: Vec<Asn>,
}

impl Merged {
    fn push(&mut self, kind: SegmentType, asns: impl Iterator<Item = Asn>) {
        if kind == SegmentType::AsSequence {
            self.sequence.extend(asns);
        } else {
            self.flush();
            self.path.push(kind, asns);
        }
    }

    fn flush(&mut self) {
        let sequence = core::mem::take(&mut self.sequence);
        self.path.push(SegmentType::AsSequence, sequence);
    }

    fn finish(mut self) -> AsPath {
        self.flush();
        self.path
    }
}

/// AS numbers of one segment: its count has one octet.
const MAX_SEGMENT: usize = 255;

#[cfg(test)]
mod tests;
