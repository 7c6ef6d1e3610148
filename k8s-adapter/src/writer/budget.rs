//! How fast writes that can wait may follow one another.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and after that one each `interval`: a token bucket, kept as the one moment at which it will be full
/// again (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    interval: Duration,
    /// The time that a full bucket is worth, less that of the write itself.
    tolerance: Duration,
    full_at: Option<Instant>,
}

impl Budget {
    /// A full bucket.
    pub(crate) const fn new(burst: u32, interval: Duration) -> Self {
        Self {
            interval,
            tolerance: interval.saturating_mul(burst.saturating_sub(1)),
            full_at: None,
        }
    }

    /// Whether one more is within the budget, which pays for it then.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.unwrap_or(now).max(now);
        let allows = full_at.duration_since(now) <= self.tolerance;
        if allows {
            self.full_at = Some(full_at + self.interval);
        }
        allows
    }

    /// When the next one is within the budget; a moment that has passed: now.
    pub(crate) fn next(&self, now: Instant) -> Instant {
        let full_at = self.full_at.unwrap_or(now).max(now);
        now + full_at.duration_since(now).saturating_sub(self.tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_its_pace() {
        let second = Duration::from_secs(1);
        let mut budget = Budget::new(3, second);
        let start = Instant::now();
        let burst = std::iter::repeat_with(|| budget.take(start));
        assert_eq!(burst.take(5).filter(|taken| *taken).count(), 3);
        assert_eq!(budget.next(start), start + second);
        assert!(!budget.take(start + second / 2));
        assert!(budget.take(start + second));
        assert!(!budget.take(start + second));
        // After a rest the bucket is full, and no fuller.
        let later = start + second * 60;
        let burst = std::iter::repeat_with(|| budget.take(later));
        assert_eq!(burst.take(5).filter(|taken| *taken).count(), 3);
    }
}
