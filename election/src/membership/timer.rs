//! The timers of `foca`.

use std::collections::BTreeMap;
use std::time::Instant;

use super::identity::Identity;

/// What `foca` wants to be told, and when, in lived time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    waiting: BTreeMap<(Instant, u64), foca::Timer<Identity>>,
    /// Keeps those apart, and in order, that are due at the same time.
    count: u64,
    token: foca::TimerToken,
}

impl Timers {
    pub(super) fn add(&mut self, at: Instant, timer: foca::Timer<Identity>) {
        if let foca::Timer::ProbeRandomMember(token) = timer {
            self.token = token;
        }
        self.count += 1;
        self.waiting.insert((at, self.count), timer);
    }

    /// The next that is due by now.
    pub(super) fn take(&mut self, now: Instant) -> Option<foca::Timer<Identity>> {
        let first = self.waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// What `foca` marks the timers of its present life with: those of an earlier one mean nothing to it.
    pub(super) const fn token(&self) -> foca::TimerToken {
        self.token
    }
}
