//! What a link does to a datagram.

use std::time::Duration;

/// The behaviour of the path between two hosts, the same in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// The shortest time a datagram is under way.
    pub min_latency: Duration,
    /// The longest. Each datagram draws its own time, so a range wider than the gap between two datagrams reorders them.
    pub max_latency: Duration,
    /// The part of datagrams that never arrive, 0.0 to 1.0.
    pub loss: f64,
    /// The part of datagrams that arrive twice, 0.0 to 1.0.
    pub duplication: f64,
}

impl Link {
    /// A link that loses a tenth of all datagrams, delivers some twice and lets most overtake one another.
    #[must_use]
    pub const fn lossy() -> Self {
        Self {
            min_latency: Duration::from_millis(1),
            max_latency: Duration::from_millis(50),
            loss: 0.1,
            duplication: 0.02,
        }
    }

    /// The delays after which one datagram arrives: none when it is lost, two when it is duplicated.
    pub(crate) fn fate(&self, rng: &mut fastrand::Rng) -> [Option<Duration>; 2] {
        let first = (rng.f64() >= self.loss).then(|| self.delay(rng));
        let second = (rng.f64() < self.duplication).then(|| self.delay(rng));
        [first, second]
    }

    fn delay(&self, rng: &mut fastrand::Rng) -> Duration {
        let spread = self.max_latency.saturating_sub(self.min_latency);
        self.min_latency + spread.mul_f64(rng.f64())
    }
}

/// One millisecond each way; nothing is lost, reordered or duplicated.
impl Default for Link {
    fn default() -> Self {
        Self {
            min_latency: Duration::from_millis(1),
            max_latency: Duration::from_millis(1),
            loss: 0.0,
            duplication: 0.0,
        }
    }
}
