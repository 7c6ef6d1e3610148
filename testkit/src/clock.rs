//! Virtual time.

use std::time::{Duration, Instant};

/// A clock that moves only when it is told to.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    epoch: Instant,
    now: Instant,
}

impl Clock {
    /// A clock at its epoch.
    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; only differences from it are ever used"
    )]
    #[must_use]
    pub fn new() -> Self {
        let epoch = Instant::now();
        Self { epoch, now: epoch }
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// How much virtual time has passed.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now - self.epoch
    }

    /// Moves forward to `to`; a time in the past changes nothing.
    pub fn advance_to(&mut self, to: Instant) {
        self.now = self.now.max(to);
    }

    /// Moves forward by `by`.
    pub fn advance(&mut self, by: Duration) {
        self.now += by;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let mut clock = Clock::new();
        let start = clock.now();
        clock.advance(Duration::from_secs(3600));
        clock.advance_to(start);
        assert_eq!(clock.elapsed(), Duration::from_secs(3600));
    }
}
