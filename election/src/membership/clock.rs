//! Time as a member has lived it.

use std::time::{Duration, Instant};

/// A clock that stands still while the member does not run.
///
/// A process that gets no processor for a second finds all its timers expired when it runs again, and what it waited for
/// in its socket. Were it to act on the timers first, it would hold others dead for its own absence. So the time that it
/// was away does not count: each timer has as much left as before.
#[derive(Debug, Default)]
pub(super) struct Clock {
    away: Duration,
    /// The lived time when it ran last.
    ran: Option<Instant>,
}

impl Clock {
    /// The lived time at `now`, when something was due at a lived time and must not be later than `late`; and how long
    /// the member was away, if it was. What fell due before the member ran last did so only by what happened then, as a
    /// suspicion does that others turn out to share.
    pub(super) fn live(
        &mut self,
        now: Instant,
        due: Option<Instant>,
        late: Duration,
    ) -> (Instant, Option<Duration>) {
        let lived = self.lived(now);
        let due = due.map(|due| self.ran.map_or(due, |ran| due.max(ran)));
        let away = due
            .and_then(|due| lived.checked_duration_since(due))
            .filter(|away| *away > late);
        self.away += away.unwrap_or_default();
        let lived = self.lived(now);
        self.ran = Some(lived);
        (lived, away)
    }

    /// When it is to be called for something that is due at a lived time.
    pub(super) fn real(&self, lived: Instant) -> Instant {
        lived + self.away
    }

    fn lived(&self, now: Instant) -> Instant {
        // It cannot have been away for longer than it is there.
        now.checked_sub(self.away).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATE: Duration = Duration::from_millis(50);

    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; only differences from it are used"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_timer_that_is_a_little_late_is_on_time() {
        let (mut clock, due) = (Clock::default(), start());
        let now = due + LATE;
        assert_eq!(clock.live(now, Some(due), LATE), (now, None));
        assert_eq!(clock.live(now, None, LATE), (now, None));
    }

    #[test]
    fn time_away_does_not_count() {
        let (mut clock, due) = (Clock::default(), start());
        let away = Duration::from_secs(3);
        assert_eq!(clock.live(due + away, Some(due), LATE), (due, Some(away)));
        let later = due + Duration::from_millis(200);
        assert_eq!(clock.real(later), later + away);
        assert_eq!(clock.live(later + away, Some(later), LATE), (later, None));
    }

    #[test]
    fn what_falls_due_by_what_happens_is_not_late() {
        let (mut clock, due) = (Clock::default(), start());
        let now = due + Duration::from_secs(1);
        assert_eq!(clock.live(now, None, LATE), (now, None));
        assert_eq!(clock.live(now + LATE, Some(due), LATE), (now + LATE, None));
    }
}
