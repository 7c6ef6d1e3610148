//! When to remind others of what this node has, though nothing has changed: as long as a speaker is missed, which may be
//! dead, or cut off and an owner as well.
//!
//! As soon as links carry again what they did not, two owners hear of each other so, even if members do not yet. All
//! together remind ten times a second, however many they are.

use std::time::{Duration, Instant};

/// Says when.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// `None` while nobody is missed.
    due: Option<Instant>,
}

impl Vigil {
    /// Somebody is missed by so many, or nobody by anybody. Returns whether to remind others now.
    pub(super) fn keep(&mut self, now: Instant, missed_by: Option<u32>) -> bool {
        let Some(many) = missed_by else {
            self.due = None;
            return false;
        };
        let interval = INTERVAL * many.max(2);
        let due = self.due.get_or_insert(now + interval);
        let is_due = *due <= now;
        if is_due {
            *due = now + interval;
        }
        is_due
    }

    /// When to call [`keep`](Self::keep).
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// From one reminder to the next, of whomever.
const INTERVAL: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_reminded_as_long_as_somebody_is_missed() {
        let (now, mut vigil) = (Instant::now(), Vigil::default());
        assert!(!vigil.keep(now, Some(5)));
        let due = now + 5 * INTERVAL;
        assert_eq!(vigil.poll_timeout(), Some(due));
        assert!(!vigil.keep(due - INTERVAL, Some(5)));
        assert!(vigil.keep(due, Some(5)));
        assert!(!vigil.keep(due, Some(5)), "it is said once");
        assert!(!vigil.keep(due + 5 * INTERVAL, None));
        assert_eq!(vigil.poll_timeout(), None);
    }
}
