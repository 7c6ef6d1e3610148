//! How much a member trusts its own eyes (Lifeguard's local health).

use std::time::Duration;

use super::name::MemberName;

/// Evidence that the fault is one's own: each point lengthens what a suspicion takes because few share it by its whole
/// length.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Health {
    points: u32,
    /// Whose probe failed last, since one member that does not answer says nothing about oneself.
    failed: Option<MemberName>,
}

impl Health {
    pub(super) fn probe_failed(&mut self, member: &MemberName) {
        if self.failed.as_ref().is_some_and(|failed| failed != member) {
            self.worsen(1);
        }
        self.failed = Some(member.clone());
    }

    pub(super) fn probe_succeeded(&mut self) {
        self.points = self.points.saturating_sub(1);
        if self.points == 0 {
            self.failed = None;
        }
    }

    /// The member was suspected by others, and is alive.
    pub(super) fn was_suspected(&mut self) {
        self.worsen(1);
    }

    /// The member did not run for a time.
    pub(super) fn was_away(&mut self, time: Duration, interval: Duration) {
        let intervals = time.as_nanos() / interval.as_nanos().max(1);
        self.worsen(u32::try_from(intervals).unwrap_or(u32::MAX).max(1));
    }

    /// The part of a suspicion that is for one's own errors, which takes this long in good health.
    pub(super) fn scale(&self, time: Duration) -> Duration {
        time * (1 + self.points)
    }

    pub(super) const fn points(&self) -> u32 {
        self.points
    }

    fn worsen(&mut self, points: u32) {
        self.points = self.points.saturating_add(points).min(MAX_POINTS);
    }
}

/// So many good probes in a row end all doubt.
const MAX_POINTS: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(200);

    fn name(text: &str) -> MemberName {
        MemberName::try_new(text).unwrap()
    }

    #[test]
    fn one_member_that_does_not_answer_says_nothing_about_oneself() {
        let mut health = Health::default();
        for _ in 0..5 {
            health.probe_failed(&name("a"));
        }
        assert_eq!(health.points(), 0);
        health.probe_failed(&name("b"));
        assert_eq!(health.points(), 1);
        assert_eq!(health.scale(INTERVAL), 2 * INTERVAL);
    }

    #[test]
    fn health_comes_back_probe_by_probe() {
        let mut health = Health::default();
        health.was_away(Duration::from_millis(500), INTERVAL);
        assert_eq!(health.points(), 2);
        health.probe_succeeded();
        health.probe_succeeded();
        health.probe_succeeded();
        assert_eq!(health.scale(INTERVAL), INTERVAL);
    }

    #[test]
    fn doubt_has_an_end() {
        let mut health = Health::default();
        health.was_away(Duration::from_secs(3600), INTERVAL);
        health.was_suspected();
        assert_eq!(health.scale(INTERVAL), 4 * INTERVAL);
    }
}
