//! ADD-PATH (RFC 7911 §4).

use crate::afi_safi::{Afi, AfiSafi, Safi};
use crate::cursor::Cursor;
use crate::writer::Writer;

/// One entry: several paths for a prefix of this family, in these directions.
///
/// ```text
/// +------------------------------------------------+
/// | Address Family Identifier (2 octets)           |
/// +------------------------------------------------+
/// | Subsequent Address Family Identifier (1 octet) |
/// +------------------------------------------------+
/// | Send/Receive (1 octet)                         |
/// +------------------------------------------------+
/// ```
#[expect(clippy::exhaustive_structs, reason = "RFC 7911 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddPath {
    /// Family of the routes.
    pub family: AfiSafi,
    /// 1 to take several paths, 2 to send them, 3 for both; an entry with another value is ignored (RFC 7911 §4).
    pub send_receive: u8,
}

impl AddPath {
    /// Takes several paths.
    pub const RECEIVE: u8 = 1;
    /// Sends several paths.
    pub const SEND: u8 = 2;
    /// Sends and takes several paths.
    pub const BOTH: u8 = 3;

    /// Whether the speaker takes several paths.
    #[must_use]
    pub const fn receives(self) -> bool {
        matches!(self.send_receive, Self::RECEIVE | Self::BOTH)
    }

    /// Whether the speaker sends several paths.
    #[must_use]
    pub const fn sends(self) -> bool {
        matches!(self.send_receive, Self::SEND | Self::BOTH)
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        let family = AfiSafi::new(Afi(cursor.u16()?), Safi(cursor.u8()?));
        Some(Self {
            family,
            send_receive: cursor.u8()?,
        })
    }

    pub(super) fn encode(self, w: &mut Writer<'_>) {
        w.u16(self.family.afi.0);
        w.u8(self.family.safi.0);
        w.u8(self.send_receive);
    }
}
