//! How a responder announces.

use std::num::NonZeroU32;
use std::time::Duration;

/// The settings of a [`Responder`](crate::Responder).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Never zero.
    refresh: Option<Duration>,
    announcements_per_second: NonZeroU32,
}

impl Config {
    /// The same settings with another [`refresh`](Self::refresh) interval; zero means never, like `None`.
    #[must_use]
    pub fn with_refresh(self, refresh: Option<Duration>) -> Self {
        let refresh = refresh.filter(|interval| !interval.is_zero());
        Self { refresh, ..self }
    }

    /// The same settings with another [`announcements_per_second`](Self::announcements_per_second).
    #[must_use]
    pub const fn with_announcements_per_second(self, announcements_per_second: NonZeroU32) -> Self {
        Self {
            announcements_per_second,
            ..self
        }
    }

    /// How long after its last announcement an address is announced again although nothing changed, on average: each
    /// time is drawn from three quarters to five quarters of it. `None`: never. Default: 60 s.
    ///
    /// It repairs a neighbour that missed a burst, and a switch that forgot on which port we are.
    #[must_use]
    pub const fn refresh(&self) -> Option<Duration> {
        self.refresh
    }

    /// How many addresses are announced in a second at most, so that thousands of new addresses run neither into a
    /// switch's broadcast limit nor ahead of the answers. A few dozen are always announced at once. Default: 5000.
    #[must_use]
    pub const fn announcements_per_second(&self) -> NonZeroU32 {
        self.announcements_per_second
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh: Some(DEFAULT_REFRESH),
            announcements_per_second: DEFAULT_RATE,
        }
    }
}

const DEFAULT_REFRESH: Duration = Duration::from_secs(60);
const DEFAULT_RATE: NonZeroU32 = NonZeroU32::new(5000).unwrap();
