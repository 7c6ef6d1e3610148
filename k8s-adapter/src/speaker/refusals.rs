//! Sessions whose settings are refused: why, and when those are tried again that may be taken later.

use std::collections::BTreeMap;
use std::time::Duration;

use planner::names::PeerName;
use tokio::time::Instant;

use super::peers::SessionError;

/// The peers whose settings are refused.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<PeerName, Refusal>);

/// Why the settings of a peer are refused.
#[derive(Debug)]
pub(super) struct Refusal {
    /// In words.
    pub(super) error: String,
    /// Since when, as time since the Unix epoch.
    pub(super) since: Duration,
    /// When to try again, where that may help, and how long after the attempt before.
    again: Option<(Instant, Duration)>,
}

/// Whether a refusal says something else than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does.
    Anew,
    /// It does not.
    Again,
}

impl Refusals {
    /// The settings of a peer are refused, at `now`, which `since_epoch` is as time since the Unix epoch.
    pub(super) fn refuse(
        &mut self,
        now: Instant,
        since_epoch: Duration,
        peer: &PeerName,
        error: &SessionError,
    ) -> Refused {
        let text = error.to_string();
        let before = self.0.get(peer).filter(|before| before.error == text);
        let pause = before.and_then(|before| before.again);
        let pause = pause.map_or(FIRST_PAUSE, |(_, pause)| (pause * 2).min(LAST_PAUSE));
        let told = before.map_or(Refused::Anew, |_| Refused::Again);
        let refusal = Refusal {
            since: before.map_or(since_epoch, |before| before.since),
            again: error.may_pass().then(|| (now + pause, pause)),
            error: text,
        };
        self.0.insert(peer.clone(), refusal);
        told
    }

    /// The settings of a peer are in force, or nobody wants them any more.
    pub(super) fn end(&mut self, peer: &PeerName) {
        self.0.remove(peer);
    }

    /// When [`due`](Self::due) has something to say.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let again = self.0.values().filter_map(|refusal| refusal.again);
        again.map(|(at, _)| at).min()
    }

    /// The peers whose settings are to be tried again by now.
    pub(super) fn due(&self, now: Instant) -> Vec<PeerName> {
        let due = self.0.iter().filter(|(_, refusal)| refusal.is_due(now));
        due.map(|(peer, _)| peer.clone()).collect()
    }

    /// All of them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&PeerName, &Refusal)> {
        self.0.iter()
    }
}

impl Refusal {
    fn is_due(&self, now: Instant) -> bool {
        self.again.is_some_and(|(at, _)| at <= now)
    }

    /// What the BGPSession says: the session, if there is one, goes on with the settings that it has.
    pub(super) fn last_error(&self) -> String {
        let Self { error, again, .. } = self;
        match again {
            Some(_) => format!("settings refused, and tried again: {error}"),
            None => format!("settings refused: {error}"),
        }
    }
}

/// How long after a refusal the same settings are tried again; then twice as long each time.
pub(super) const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How long at most.
const LAST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use bgp_fsm::driver::PasswordError;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_after_pauses_that_double_up_to_a_limit() {
        let (mut refusals, peer) = (Refusals::default(), PeerName::from("tor"));
        let taken = SessionError::AddressTaken("203.0.113.1".parse().unwrap());
        let mut now = Instant::now();
        let pauses = (0..7).map(|_| {
            refusals.refuse(now, Duration::ZERO, &peer, &taken);
            assert_eq!(refusals.due(now), []);
            let pause = refusals.poll_timeout().unwrap() - now;
            now += pause;
            assert_eq!(refusals.due(now), std::slice::from_ref(&peer));
            pause.as_secs()
        });
        assert_eq!(pauses.collect::<Vec<_>>(), [1, 2, 4, 8, 16, 30, 30]);
        let other = SessionError::AddressTaken("203.0.113.2".parse().unwrap());
        let told = refusals.refuse(now, Duration::ZERO, &peer, &other);
        assert_eq!(told, Refused::Anew);
        assert_eq!(refusals.poll_timeout(), Some(now + FIRST_PAUSE));
        refusals.end(&peer);
        assert_eq!(refusals.poll_timeout(), None);
    }

    #[test]
    fn what_only_other_settings_help_against_is_not_tried_again() {
        let (mut refusals, peer) = (Refusals::default(), PeerName::from("tor"));
        for error in [PasswordError::Empty.into(), SessionError::NobodyListens] {
            refusals.refuse(Instant::now(), Duration::ZERO, &peer, &error);
            assert_eq!(refusals.poll_timeout(), None);
        }
    }
}
