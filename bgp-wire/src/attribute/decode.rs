//! The attribute loop: one TLV after the other (RFC 4271 §4.3, RFC 7606 §4).
//!
//! What a value may be is in [`super::rules`]. Only this loop decides where the next attribute begins.

use super::index::{AttrIndex, CodeSet};
use super::{AttrFlags, AttrRef};
use crate::cursor::Cursor;
use crate::iana::AttrCode;
use core::iter::FusedIterator;

/// The attributes of a list in the order of the wire: without those that were discarded, and of duplicates the first.
#[derive(Clone, Debug)]
pub struct AttrIter<'a> {
    cursor: Cursor<'a>,
    index: AttrIndex,
    seen: CodeSet,
}

impl<'a> AttrIter<'a> {
    pub(super) fn new(octets: &'a [u8], index: AttrIndex) -> Self {
        Self {
            cursor: Cursor::new(octets, 0),
            index,
            seen: CodeSet::default(),
        }
    }
}

impl<'a> Iterator for AttrIter<'a> {
    type Item = AttrRef<'a>;

    fn next(&mut self) -> Option<AttrRef<'a>> {
        while !self.cursor.is_empty() {
            let offset = usize::from(self.cursor.offset());
            let Ok(attribute) = read(&mut self.cursor) else {
                self.cursor = Cursor::new(&[], 0);
                return None;
            };
            let counts = if AttrIndex::covers(attribute.code) {
                self.index.get(attribute.code) == Some(offset)
            } else {
                self.seen.insert(attribute.code)
            };
            if counts {
                return Some(attribute);
            }
        }
        None
    }
}

impl FusedIterator for AttrIter<'_> {}

/// Notes where each attribute begins, up to the first that is cut off.
pub(crate) fn index(octets: &[u8]) -> AttrIndex {
    let mut index = AttrIndex::EMPTY;
    let mut cursor = Cursor::new(octets, 0);
    while !cursor.is_empty() {
        let offset = usize::from(cursor.offset());
        match read(&mut cursor) {
            Ok(attribute) => index.insert(attribute.code, offset),
            Err(_) => break,
        }
    }
    index
}

/// Reads the attribute at `offset` of a list.
#[inline]
pub(crate) fn read_at(octets: &[u8], offset: usize) -> Option<AttrRef<'_>> {
    read(&mut Cursor::new(octets.get(offset..)?, offset)).ok()
}

/// Reads one attribute.
///
/// # Errors
/// The type of the attribute that runs over the end, as far as that was still there (RFC 7606 §4).
#[inline]
pub(crate) fn read<'a>(cursor: &mut Cursor<'a>) -> Result<AttrRef<'a>, AttrCode> {
    let Some([flags, code]) = cursor.array() else {
        return Err(AttrCode(0));
    };
    let code = AttrCode(code);
    let flags = AttrFlags::from_bits_truncate(flags);
    let len = if flags.contains(AttrFlags::EXTENDED_LENGTH) {
        cursor.u16().map(usize::from)
    } else {
        cursor.u8().map(usize::from)
    };
    match len.and_then(|len| cursor.take(len)) {
        Some(value) => Ok(AttrRef { flags, code, value }),
        None => Err(code),
    }
}
