//! The clock of a node, which may be fast or slow.

use std::time::Instant;

/// The clock of a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriftingClock {
    start: Instant,
    /// How fast it goes; 1.0 is right.
    rate: f64,
}

impl DriftingClock {
    /// A clock that is right at the start.
    pub(super) const fn new(start: Instant, rate: f64) -> Self {
        Self { start, rate }
    }

    /// What it says now.
    pub(super) fn now(&self) -> Instant {
        let now = tokio::time::Instant::now().into_std();
        self.start + (now - self.start).mul_f64(self.rate)
    }

    /// When it will say this.
    pub(super) fn real(&self, at: Instant) -> Instant {
        let time = at.saturating_duration_since(self.start);
        // A millisecond is as exact as tokio's timers are.
        self.start + time.div_f64(self.rate) + std::time::Duration::from_nanos(1)
    }
}
