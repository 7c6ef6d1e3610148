//! Graceful restart (RFC 4724 §3), with the N bit of RFC 8538 §2.

use crate::afi_safi::{Afi, AfiSafi, Safi};
use crate::cursor::Cursor;
use crate::error::EncodeError;
use crate::writer::Writer;
use alloc::vec::Vec;
use core::time::Duration;

/// How a speaker restarts.
///
/// ```text
/// +--------------------------------------------------+
/// | Restart Flags (4 bits)                           |
/// +--------------------------------------------------+
/// | Restart Time in seconds (12 bits)                |
/// +--------------------------------------------------+
/// | Address Family Identifier (16 bits)              |
/// +--------------------------------------------------+
/// | Subsequent Address Family Identifier (8 bits)    |
/// +--------------------------------------------------+
/// | Flags for Address Family (8 bits)                |
/// +--------------------------------------------------+
/// | ...                                              |
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GracefulRestart {
    flags: RestartFlags,
    seconds: u16,
    families: Vec<RestartFamily>,
}

bitflags::bitflags! {
    /// The restart flags; the other two bits are reserved.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct RestartFlags: u8 {
        /// R: the speaker has just restarted.
        const RESTARTED = 0b1000;
        /// N: routes are kept over a NOTIFICATION too (RFC 8538 §2).
        const NOTIFICATION = 0b0100;
    }
}

/// A family that the speaker can keep over a restart.
#[expect(clippy::exhaustive_structs, reason = "RFC 4724 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestartFamily {
    /// The family.
    pub family: AfiSafi,
    /// Whether it was kept over the last restart.
    pub forwarding: ForwardingState,
}

/// The F bit of a family.
#[expect(clippy::exhaustive_enums, reason = "the two values of one bit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForwardingState {
    /// Routes of the family were lost.
    Lost,
    /// Routes of the family were kept (F bit set).
    Preserved,
}

impl GracefulRestart {
    /// The longest restart time.
    pub const MAX_RESTART_TIME: Duration = Duration::from_secs(0x0fff);

    /// A speaker that is back within `restart_time`, cut to whole seconds. Without families it only helps others.
    ///
    /// # Errors
    /// [`EncodeError::RestartTime`] for more than 4095 seconds: the field has twelve bits.
    pub fn try_new(
        flags: RestartFlags,
        restart_time: Duration,
        families: impl IntoIterator<Item = RestartFamily>,
    ) -> Result<Self, EncodeError> {
        let seconds = u16::try_from(restart_time.as_secs())
            .ok()
            .filter(|seconds| *seconds <= 0x0fff);
        let seconds = seconds.ok_or(EncodeError::RestartTime(restart_time.as_secs()))?;
        Ok(Self {
            flags,
            seconds,
            families: families.into_iter().collect(),
        })
    }

    /// The restart flags.
    #[must_use]
    pub const fn flags(&self) -> RestartFlags {
        self.flags
    }

    /// How long the speaker takes to come back.
    #[must_use]
    pub const fn restart_time(&self) -> Duration {
        Duration::from_secs(self.seconds as u64)
    }

    /// The families that the speaker can keep.
    #[must_use]
    pub fn families(&self) -> &[RestartFamily] {
        &self.families
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        let [high, low] = cursor.array()?;
        let flags = RestartFlags::from_bits_truncate(high >> 4);
        let seconds = u16::from_be_bytes([high & 0x0f, low]);
        let mut families = Vec::new();
        while !cursor.is_empty() {
            let family = AfiSafi::new(Afi(cursor.u16()?), Safi(cursor.u8()?));
            let preserved = cursor.u8()? & FORWARDING_PRESERVED != 0;
            let forwarding = if preserved {
                ForwardingState::Preserved
            } else {
                ForwardingState::Lost
            };
            families.push(RestartFamily { family, forwarding });
        }
        Some(Self {
            flags,
            seconds,
            families,
        })
    }

    pub(super) fn encode(&self, w: &mut Writer<'_>) {
        let [high, low] = self.seconds.to_be_bytes();
        w.u8((self.flags.bits() << 4) | high);
        w.u8(low);
        for entry in &self.families {
            w.u16(entry.family.afi.0);
            w.u8(entry.family.safi.0);
            w.u8(match entry.forwarding {
                ForwardingState::Lost => 0,
                ForwardingState::Preserved => FORWARDING_PRESERVED,
            });
        }
    }
}

const FORWARDING_PRESERVED: u8 = 0x80;
