//! Attributes to octets: canonical order and lengths, and the two forms of AS numbers (RFC 6793 §4.2.2).

use super::aggregator::Aggregator;
use super::as_path::{AsPath, AsPathRef, SegmentRef};
use super::owned::PathAttributes;
use super::view::PathAttributesRef;
use super::{AttrFlags, AttrRef, decode};
use crate::asn::Asn;
use crate::context::AsnWidth;
use crate::cursor::Cursor;
use crate::error::EncodeError;
use crate::iana::AttrCode;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The attributes of a message as one session has them, and where NEXT_HOP goes.
pub(crate) struct AttributeBlock<'a> {
    octets: Cow<'a, [u8]>,
    next_hop_at: usize,
}

impl<'a> AttributeBlock<'a> {
    /// Puts AS numbers into the form of the session: as they are, or in two octets beside AS4_PATH and AS4_AGGREGATOR.
    pub(crate) fn new(
        attributes: &'a PathAttributes,
        width: AsnWidth,
    ) -> Result<Self, EncodeError> {
        let octets = match width {
            AsnWidth::Four => Cow::Borrowed(attributes.octets()),
            AsnWidth::Two => Cow::Owned(two_octet(attributes)?),
        };
        let next_hop_at = next_hop_at(&octets);
        Ok(Self {
            octets,
            next_hop_at,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.octets.len()
    }

    /// The octets before and behind the place of NEXT_HOP, so that types ascend (RFC 4271 §5).
    pub(crate) fn halves(&self) -> (&[u8], &[u8]) {
        self.octets
            .split_at_checked(self.next_hop_at)
            .unwrap_or((&self.octets, &[]))
    }
}

/// The flags that an attribute is sent with.
pub(crate) const fn flags(code: AttrCode) -> AttrFlags {
    match code {
        AttrCode::ORIGIN
        | AttrCode::AS_PATH
        | AttrCode::NEXT_HOP
        | AttrCode::LOCAL_PREF
        | AttrCode::ATOMIC_AGGREGATE => AttrFlags::TRANSITIVE,
        AttrCode::MULTI_EXIT_DISC | AttrCode::MP_REACH_NLRI | AttrCode::MP_UNREACH_NLRI => {
            AttrFlags::OPTIONAL
        }
        _ => AttrFlags::KIND,
    }
}

/// Appends one attribute, with a length of two octets only where it needs them.
pub(crate) fn push(
    out: &mut Vec<u8>,
    flags: AttrFlags,
    code: AttrCode,
    value: &[u8],
) -> Result<(), EncodeError> {
    let flags = flags.difference(AttrFlags::EXTENDED_LENGTH);
    if let Ok(len) = u8::try_from(value.len()) {
        out.extend([flags.bits(), code.0, len]);
    } else {
        let len = value.len();
        let len = u16::try_from(len).map_err(|_| EncodeError::FieldTooLong {
            len,
            max: usize::from(u16::MAX),
        })?;
        out.extend([flags.union(AttrFlags::EXTENDED_LENGTH).bits(), code.0]);
        out.extend(len.to_be_bytes());
    }
    out.extend_from_slice(value);
    Ok(())
}

/// The eight octets of an AGGREGATOR.
pub(crate) fn aggregator(aggregator: Aggregator) -> [u8; 8] {
    let [a, b, c, d] = aggregator.asn.0.to_be_bytes();
    let [e, f, g, h] = aggregator.address.octets();
    [a, b, c, d, e, f, g, h]
}

/// Puts received attributes in canonical form, without what belongs to the prefixes.
pub(crate) fn canonical(attributes: &PathAttributesRef<'_>) -> Vec<u8> {
    let kept = attributes
        .iter()
        .filter(|attribute| !is_left_out(attribute.code));
    // Nothing but an old speaker's path grows.
    let mut octets = Vec::with_capacity(attributes.octets.len());
    let mut last = AttrCode(0);
    for attribute in kept.clone() {
        if attribute.code < last {
            let mut sorted: Vec<AttrRef<'_>> = kept.collect();
            sorted.sort_unstable_by_key(|attribute| attribute.code);
            octets.clear();
            for attribute in sorted {
                push_canonical(&mut octets, attributes, attribute);
            }
            break;
        }
        last = attribute.code;
        push_canonical(&mut octets, attributes, attribute);
    }
    octets
}

/// What canonical octets do not hold: the next hop, the prefixes, and what is merged into something else.
const fn is_left_out(code: AttrCode) -> bool {
    matches!(
        code,
        AttrCode::NEXT_HOP
            | AttrCode::MP_REACH_NLRI
            | AttrCode::MP_UNREACH_NLRI
            | AttrCode::AS4_PATH
            | AttrCode::AS4_AGGREGATOR
    )
}

fn push_canonical(
    octets: &mut Vec<u8>,
    attributes: &PathAttributesRef<'_>,
    attribute: AttrRef<'_>,
) {
    let AttrRef { flags, code, value } = attribute;
    // Only an optional attribute can have been passed on by somebody who did not know it (RFC 4271 §4.3).
    let partial = flags.contains(AttrFlags::OPTIONAL) && flags.contains(AttrFlags::PARTIAL);
    let flags = flags.difference(AttrFlags::PARTIAL).union(if partial {
        AttrFlags::PARTIAL
    } else {
        AttrFlags::empty()
    });
    let pushed = match code {
        AttrCode::AS_PATH if attributes.width == AsnWidth::Two => {
            let path = attributes.full_as_path().unwrap_or_default();
            push(octets, flags, code, path.as_ref().octets())
        }
        AttrCode::AGGREGATOR if attributes.width == AsnWidth::Two => {
            match attributes.aggregator() {
                Some(wide) => push(octets, flags, code, &aggregator(wide)),
                None => Ok(()),
            }
        }
        _ => push(octets, flags, code, value),
    };
    // Only a path of an old speaker grows here, and validation refuses one that would outgrow its length.
    debug_assert!(
        pushed.is_ok() || attributes.width == AsnWidth::Two,
        "a received value fits its length field"
    );
}

/// Where an attribute of type 3 goes.
fn next_hop_at(octets: &[u8]) -> usize {
    let mut cursor = Cursor::new(octets, 0);
    loop {
        let offset = usize::from(cursor.offset());
        match decode::read(&mut cursor) {
            Ok(attribute) if attribute.code < AttrCode::NEXT_HOP => {}
            _ => return offset,
        }
    }
}

/// The attributes as an old speaker takes them (RFC 6793 §4.2.2).
fn two_octet(attributes: &PathAttributes) -> Result<Vec<u8>, EncodeError> {
    let mut octets = Vec::with_capacity(attributes.octets().len());
    let as4_path = attributes.as_path().and_then(as4_path);
    let as4_aggregator = attributes
        .aggregator()
        .filter(|aggregator| !aggregator.asn.is_two_octet());
    let mut as4 = Some((as4_path, as4_aggregator));
    for AttrRef { flags, code, value } in attributes.iter() {
        if code > AttrCode::AS4_AGGREGATOR {
            if let Some(as4) = as4.take() {
                push_as4(&mut octets, as4)?;
            }
        }
        match code {
            AttrCode::AS_PATH => {
                let path = two_octet_path(AsPathRef::new(value, AsnWidth::Four));
                push(&mut octets, flags, code, &path)?;
            }
            AttrCode::AGGREGATOR => match value {
                [a, b, c, d, address @ ..] => {
                    let asn = Asn(u32::from_be_bytes([*a, *b, *c, *d]))
                        .to_two_octet()
                        .to_be_bytes();
                    push(&mut octets, flags, code, &[&asn, address].concat())?;
                }
                _ => push(&mut octets, flags, code, value)?,
            },
            _ => push(&mut octets, flags, code, value)?,
        }
    }
    if let Some(as4) = as4.take() {
        push_as4(&mut octets, as4)?;
    }
    Ok(octets)
}

fn push_as4(
    octets: &mut Vec<u8>,
    (path, wide): (Option<AsPath>, Option<Aggregator>),
) -> Result<(), EncodeError> {
    if let Some(path) = path {
        push(
            octets,
            AttrFlags::KIND,
            AttrCode::AS4_PATH,
            path.as_ref().octets(),
        )?;
    }
    if let Some(wide) = wide {
        push(
            octets,
            AttrFlags::KIND,
            AttrCode::AS4_AGGREGATOR,
            &aggregator(wide),
        )?;
    }
    Ok(())
}

/// AS4_PATH: the path without confederation segments, unless two octets hold every number (RFC 6793 §4.2.2).
fn as4_path(path: AsPathRef<'_>) -> Option<AsPath> {
    let segments = path
        .segments()
        .filter(|segment| !segment.kind().is_confederation());
    let needed = segments
        .clone()
        .flat_map(SegmentRef::asns)
        .any(|asn| !asn.is_two_octet());
    needed.then(|| {
        let mut path = AsPath::empty();
        segments.for_each(|segment| path.push(segment.kind(), segment.asns()));
        path
    })
}

fn two_octet_path(path: AsPathRef<'_>) -> Vec<u8> {
    let mut octets = Vec::with_capacity(path.octets().len());
    for segment in path.segments() {
        // A segment that was read has at most 255 AS numbers.
        octets.extend([
            segment.kind() as u8,
            u8::try_from(segment.asns().len()).unwrap_or(u8::MAX),
        ]);
        segment
            .asns()
            .for_each(|asn| octets.extend(asn.to_two_octet().to_be_bytes()));
    }
    octets
}
