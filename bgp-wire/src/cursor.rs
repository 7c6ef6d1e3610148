//! The one way octets are read: a bounded big-endian reader that knows its absolute offset.

/// Reads big-endian values from a slice and never past its end.
///
/// Every method either consumes exactly what it returns, or returns `None` and consumes nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Cursor<'a> {
    /// Reads `octets`, whose first one is at `offset` of the message.
    #[inline]
    pub(crate) const fn new(octets: &'a [u8], offset: usize) -> Self {
        Self {
            rest: octets,
            offset,
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.offset += 1;
        Some(first)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&array, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        self.offset += N;
        Some(array)
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        self.offset += len;
        Some(taken)
    }

    /// A cursor over the next `len` octets, which this one skips.
    #[inline]
    pub(crate) fn sub(&mut self, len: usize) -> Option<Self> {
        let offset = self.offset;
        self.take(len).map(|octets| Self::new(octets, offset))
    }

    /// Whatever is left.
    #[inline]
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    pub(crate) const fn remaining(self) -> usize {
        self.rest.len()
    }

    #[inline]
    pub(crate) const fn is_empty(self) -> bool {
        self.rest.is_empty()
    }

    /// The absolute offset of the next octet. Messages end at 65 535, so this saturates only for a caller that reads
    /// something longer than a message.
    #[inline]
    pub(crate) fn offset(self) -> u16 {
        u16::try_from(self.offset).unwrap_or(u16::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_read_consumes_nothing() {
        let mut cursor = Cursor::new(&[1, 2, 3], 19);
        assert_eq!(cursor.u32(), None);
        assert_eq!(cursor.take(4), None);
        assert!(cursor.sub(4).is_none());
        assert_eq!(cursor.u16(), Some(0x0102));
        assert_eq!((cursor.offset(), cursor.remaining()), (21, 1));
        assert_eq!(cursor.u8(), Some(3));
        assert_eq!(cursor.u8(), None);
        assert!(cursor.is_empty());
    }

    #[test]
    fn a_sub_cursor_keeps_the_absolute_offset() {
        let mut cursor = Cursor::new(&[1, 2, 3, 4], 100);
        cursor.u8();
        let mut sub = cursor.sub(2).unwrap();
        assert_eq!((sub.offset(), cursor.offset()), (101, 103));
        assert_eq!(sub.array(), Some([2, 3]));
        assert_eq!(sub.rest(), &[] as &[u8]);
    }
}
