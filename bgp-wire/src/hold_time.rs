//! The hold time of a session (RFC 4271 §4.2).

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

/// A hold time: zero, or at least three seconds, in whole seconds (RFC 4271 §4.2).
///
/// The order is that of the seconds, so the minimum of two hold times is what two speakers agree on: zero, which means
/// "never expires and no KEEPALIVEs", wins against everything, as RFC 4271 §4.2 wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldTime(u16);

impl HoldTime {
    /// The session never expires, and no KEEPALIVEs are sent.
    pub const ZERO: Self = Self(0);
    /// The smallest that is not zero.
    pub const MIN: Self = Self(3);
    /// What RFC 4271 §10 suggests: 90 seconds.
    pub const DEFAULT: Self = Self(90);
    /// What RFC 4271 §8.2.2 calls large and suggests for the wait for an OPEN: four minutes.
    pub const LARGE: Self = Self(240);

    /// Takes a number of seconds.
    ///
    /// # Errors
    /// [`HoldTimeError::TooShort`] for one and two seconds (RFC 4271 §4.2).
    pub const fn from_secs(seconds: u16) -> Result<Self, HoldTimeError> {
        match seconds {
            1 | 2 => Err(HoldTimeError::TooShort(seconds)),
            _ => Ok(Self(seconds)),
        }
    }

    /// The number of seconds, as on the wire.
    #[must_use]
    pub const fn as_secs(self) -> u16 {
        self.0
    }

    /// The hold time as a duration.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }

    /// Whether the session never expires.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The longest reasonable time between KEEPALIVEs, a third of the hold time (RFC 4271 §4.4), or `None` where none
    /// are sent.
    #[must_use]
    pub fn keepalive_interval(self) -> Option<Duration> {
        (!self.is_zero()).then(|| self.as_duration() / 3)
    }
}

impl Default for HoldTime {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for HoldTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}

impl TryFrom<Duration> for HoldTime {
    type Error = HoldTimeError;

    fn try_from(duration: Duration) -> Result<Self, HoldTimeError> {
        if duration.subsec_nanos() != 0 {
            return Err(HoldTimeError::NotWholeSeconds);
        }
        let seconds = u16::try_from(duration.as_secs()).map_err(|_| HoldTimeError::TooLong)?;
        Self::from_secs(seconds)
    }
}

impl FromStr for HoldTime {
    type Err = HoldTimeError;

    /// Reads a number of seconds, with or without an `s` behind it.
    fn from_str(text: &str) -> Result<Self, HoldTimeError> {
        let digits = text.strip_suffix('s').unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(HoldTimeError::Syntax);
        }
        Self::from_secs(digits.parse().map_err(|_| HoldTimeError::TooLong)?)
    }
}

/// Why something is no hold time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HoldTimeError {
    /// One or two seconds (RFC 4271 §4.2).
    #[error("a hold time is 0 or at least 3 seconds, not {0}")]
    TooShort(u16),
    /// More than 65 535 seconds.
    #[error("a hold time is at most 65535 seconds")]
    TooLong,
    /// The wire has whole seconds only.
    #[error("a hold time is a whole number of seconds")]
    NotWholeSeconds,
    /// The text is no number of seconds.
    #[error("a hold time is written as a number of seconds")]
    Syntax,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_two_seconds_are_refused() {
        assert_eq!(HoldTime::from_secs(1), Err(HoldTimeError::TooShort(1)));
        assert_eq!("2s".parse::<HoldTime>(), Err(HoldTimeError::TooShort(2)));
        assert_eq!(HoldTime::from_secs(3), Ok(HoldTime::MIN));
        assert_eq!("90".parse(), Ok(HoldTime::DEFAULT));
    }

    #[test]
    fn durations_must_be_whole_seconds_that_fit() {
        assert_eq!(
            HoldTime::try_from(Duration::from_millis(3500)),
            Err(HoldTimeError::NotWholeSeconds)
        );
        assert_eq!(
            HoldTime::try_from(Duration::from_secs(65536)),
            Err(HoldTimeError::TooLong)
        );
    }

    #[test]
    fn the_minimum_is_what_two_speakers_agree_on() {
        assert_eq!(HoldTime::DEFAULT.min(HoldTime::ZERO), HoldTime::ZERO);
        assert_eq!(HoldTime::ZERO.keepalive_interval(), None);
        assert_eq!(
            HoldTime::DEFAULT.keepalive_interval(),
            Some(Duration::from_secs(30))
        );
    }
}
