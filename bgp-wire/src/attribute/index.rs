//! Where the attributes of a list begin: a fixed array, so that each is found without a walk.

use crate::iana::AttrCode;

/// Offsets of the attributes that have a type of their own, or soon will.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct AttrIndex {
    offsets: [u16; SLOTS],
}

impl AttrIndex {
    pub(crate) const EMPTY: Self = Self {
        offsets: [ABSENT; SLOTS],
    };

    /// The offset of an attribute, from the first octet of the list.
    #[inline]
    pub(crate) fn get(&self, code: AttrCode) -> Option<usize> {
        let offset = *self.offsets.get(slot(code)?)?;
        (offset != ABSENT).then_some(usize::from(offset))
    }

    /// Notes where an attribute begins, unless it occurred before: of duplicates the first counts (RFC 7606 §3 g).
    #[inline]
    pub(crate) fn insert(&mut self, code: AttrCode, offset: usize) {
        let entry = slot(code).and_then(|slot| self.offsets.get_mut(slot));
        if let (Some(entry), Ok(offset)) = (entry, u16::try_from(offset)) {
            if *entry == ABSENT {
                *entry = offset;
            }
        }
    }

    /// Forgets an attribute: it was discarded.
    pub(crate) fn remove(&mut self, code: AttrCode) {
        if let Some(entry) = slot(code).and_then(|slot| self.offsets.get_mut(slot)) {
            *entry = ABSENT;
        }
    }

    /// Whether the index holds attributes of this type at all.
    pub(crate) const fn covers(code: AttrCode) -> bool {
        slot(code).is_some()
    }
}

impl core::fmt::Debug for AttrIndex {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let codes = (0..=u8::MAX).map(AttrCode);
        f.debug_map()
            .entries(codes.filter_map(|code| self.get(code).map(|offset| (code, offset))))
            .finish()
    }
}

/// A set of attribute types.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct CodeSet([u64; 4]);

impl CodeSet {
    /// Adds a type and says whether it was not there before.
    #[inline]
    pub(crate) fn insert(&mut self, code: AttrCode) -> bool {
        let bit = 1_u64 << (code.0 & 63);
        let Some(word) = self.0.get_mut(usize::from(code.0 >> 6)) else {
            return false;
        };
        let fresh = *word & bit == 0;
        *word |= bit;
        fresh
    }
}

const fn slot(code: AttrCode) -> Option<usize> {
    match code.0 {
        1..=18 => Some(code.0 as usize - 1),
        32 => Some(18),
        35 => Some(19),
        _ => None,
    }
}

const SLOTS: usize = 20;
/// No attribute can begin here: the list ends before.
const ABSENT: u16 = u16::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_two_attributes_counts() {
        let mut index = AttrIndex::EMPTY;
        index.insert(AttrCode::ORIGIN, 7);
        index.insert(AttrCode::ORIGIN, 9);
        index.insert(AttrCode(200), 11);
        assert_eq!(index.get(AttrCode::ORIGIN), Some(7));
        assert_eq!(index.get(AttrCode(200)), None);
        index.remove(AttrCode::ORIGIN);
        assert_eq!(index, AttrIndex::EMPTY);
    }

    #[test]
    fn no_two_types_share_a_slot() {
        let mut index = AttrIndex::EMPTY;
        let covered = || {
            (0..=u8::MAX)
                .map(AttrCode)
                .filter(|code| AttrIndex::covers(*code))
        };
        covered().for_each(|code| index.insert(code, usize::from(code.0)));
        assert!(covered().all(|code| index.get(code) == Some(usize::from(code.0))));
        assert_eq!(covered().count(), SLOTS);
    }

    #[test]
    fn a_set_tells_the_first_time_from_the_others() {
        let mut set = CodeSet::default();
        assert!((0..=u8::MAX).all(|code| set.insert(AttrCode(code))));
        assert!(!(0..=u8::MAX).any(|code| set.insert(AttrCode(code))));
    }
}
