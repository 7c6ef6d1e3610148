//! A short frame on the stack, which the codecs write into.

use std::fmt;

/// A whole Ethernet frame, without frame check sequence and not padded: as long as the longest one of this crate, a
/// tagged neighbor advertisement with its options.
#[derive(Clone, Copy)]
pub struct Frame {
    octets: [u8; Self::MAX_LEN],
    len: usize,
}

impl Frame {
    /// The longest frame: Ethernet 14, VLAN tag 4, IPv6 40, neighbor advertisement 24, an address option 8,
    /// a mark option 24.
    pub const MAX_LEN: usize = 114;

    /// A frame with nothing in it yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            octets: [0; Self::MAX_LEN],
            len: 0,
        }
    }

    /// Appends octets. What does not fit is left out; no codec of this crate writes that much into a new frame.
    pub(crate) fn extend(&mut self, octets: &[u8]) {
        debug_assert!(
            self.len + octets.len() <= Self::MAX_LEN,
            "a frame of this crate fits"
        );
        let free = self.octets.iter_mut().skip(self.len);
        for (slot, octet) in free.zip(octets) {
            *slot = *octet;
            self.len += 1;
        }
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Frame {}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Frame(")?;
        for octet in self.as_ref() {
            write!(f, "{octet:02x}")?;
        }
        f.write_str(")")
    }
}
