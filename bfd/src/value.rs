//! The values in a packet: state, discriminators, intervals.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// The state of a session as its sender sees it (RFC 5880 §4.1, Sta).
#[expect(
    clippy::exhaustive_enums,
    reason = "two bits, all four values assigned"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum State {
    /// Held down by the operator (§6.8.16).
    AdminDown = 0,
    /// Down, or just created.
    Down = 1,
    /// The other end is heard, but does not hear us yet.
    Init = 2,
    /// Both ends hear each other.
    Up = 3,
}

impl State {
    /// The state of the two bits on the left of an octet, as they stand in the packet.
    pub(crate) const fn from_high_bits(octet: u8) -> Self {
        match octet >> 6 {
            0 => Self::AdminDown,
            1 => Self::Down,
            2 => Self::Init,
            _ => Self::Up,
        }
    }

    /// The inverse of [`Self::from_high_bits`].
    pub(crate) const fn high_bits(self) -> u8 {
        (self as u8) << 6
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AdminDown => "AdminDown",
            Self::Down => "Down",
            Self::Init => "Init",
            Self::Up => "Up",
        })
    }
}

/// The number of a session at one of its ends, unique there and never zero (RFC 5880 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Discriminator(NonZeroU32);

impl Discriminator {
    /// A discriminator; `None` for zero, which stands for "not known".
    #[must_use]
    pub const fn try_new(number: u32) -> Option<Self> {
        match NonZeroU32::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Discriminator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:08x}", self.0)
    }
}

/// A time between packets: whole microseconds, at most some 71 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Interval(u32);

impl Interval {
    /// None; its meaning depends on the field.
    pub const ZERO: Self = Self(0);

    /// So many microseconds.
    #[must_use]
    pub const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    /// How many microseconds it has.
    #[must_use]
    pub const fn as_micros(self) -> u32 {
        self.0
    }
}

impl From<Interval> for Duration {
    fn from(interval: Interval) -> Self {
        Self::from_micros(u64::from(interval.0))
    }
}

impl TryFrom<Duration> for Interval {
    type Error = IntervalTooLong;

    /// Drops what is less than a microsecond.
    fn try_from(duration: Duration) -> Result<Self, IntervalTooLong> {
        u32::try_from(duration.as_micros())
            .map(Self)
            .map_err(|_| IntervalTooLong { duration })
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from(*self))
    }
}

/// A time that has more microseconds than a packet can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{duration:?} is longer than 2^32 - 1 microseconds")]
#[non_exhaustive]
pub struct IntervalTooLong {
    /// The time.
    pub duration: Duration,
}
