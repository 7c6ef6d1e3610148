//! Timers as data: a table of deadlines, named as in RFC 4271 §10 and RFC 9687.

use std::time::{Duration, Instant};

/// A timer of the finite state machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// RFC 4271 §8: an attempt to connect takes too long, or it is time for the next one.
    ConnectRetry,
    /// RFC 4271 §8.1.1: the wait in Idle after a failure is over.
    IdleHold,
    /// RFC 4271 §6.5: nothing came from the peer for too long.
    Hold,
    /// RFC 4271 §4.4: it is time for the next KEEPALIVE.
    Keepalive,
    /// RFC 9687: the peer has taken nothing for too long.
    SendHold,
}

/// The deadlines of the timers that run.
#[derive(Debug, Clone, Default)]
pub(crate) struct TimerTable {
    deadlines: [Option<Instant>; Timer::COUNT],
}

impl Timer {
    const ALL: [Self; 5] = [
        Self::ConnectRetry,
        Self::IdleHold,
        Self::Hold,
        Self::Keepalive,
        Self::SendHold,
    ];
    const COUNT: usize = Self::ALL.len();
}

impl TimerTable {
    /// Starts a timer, or starts it anew.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        *self.slot(timer) = Some(deadline);
    }

    /// Stops a timer; RFC 4271 says "sets to zero".
    pub(crate) fn stop(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    /// Whether a timer runs.
    pub(crate) fn is_running(&self, timer: Timer) -> bool {
        self.deadlines
            .get(timer as usize)
            .is_some_and(Option::is_some)
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Stops and names the timer whose deadline passed first, if any has by `now`.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| {
            self.deadlines
                .get(*timer as usize)
                .copied()
                .flatten()
                .filter(|at| *at <= now)
        };
        let timer = Timer::ALL
            .into_iter()
            .filter(|timer| due(timer).is_some())
            .min_by_key(|timer| due(timer))?;
        self.stop(timer);
        Some(timer)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the table has a slot for each variant of the enum that indexes it"
    )]
    fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        &mut self.deadlines[timer as usize]
    }
}

/// Shortens a time by up to a quarter (RFC 4271 §10), so that many sessions do not act at the same moment.
pub(crate) fn jitter(rng: &mut fastrand::Rng, time: Duration) -> Duration {
    time.mul_f64(0.25f64.mul_add(rng.f64(), 0.75))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn timers_expire_once_and_in_the_order_of_their_deadlines() {
        let start = now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timers = TimerTable::default();
        timers.set(Timer::ConnectRetry, at(3));
        timers.set(Timer::Hold, at(1));
        timers.set(Timer::SendHold, at(2));
        timers.set(Timer::Keepalive, at(1));
        timers.stop(Timer::Keepalive);
        assert!(timers.is_running(Timer::Hold) && !timers.is_running(Timer::Keepalive));
        assert_eq!(timers.next(), Some(at(1)));
        assert_eq!(timers.expire(start), None);
        assert_eq!(timers.expire(at(2)), Some(Timer::Hold));
        assert_eq!(timers.expire(at(2)), Some(Timer::SendHold));
        assert_eq!(timers.expire(at(2)), None);
        assert_eq!(timers.next(), Some(at(3)));
    }

    #[test]
    fn jitter_takes_away_up_to_a_quarter() {
        let mut rng = fastrand::Rng::with_seed(1);
        let times: Vec<_> = (0..1000)
            .map(|_| jitter(&mut rng, Duration::from_secs(100)))
            .collect();
        assert!(
            times
                .iter()
                .all(|time| (75..=100).contains(&time.as_secs()))
        );
        assert!(
            times.iter().any(|time| time.as_secs() < 78)
                && times.iter().any(|time| time.as_secs() > 97)
        );
    }
}
