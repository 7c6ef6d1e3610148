//! When to remind others of what this node has, though nothing has changed: as long as a speaker is missed, which may be
//! dead, or cut off and an owner as well.
//!
//! As soon as links carry again what they did not, two owners hear of each other so, even if members do not yet. All
//! together remind ten times a second, however many they are, and of each address five times at most. One such word of
//! who is missed is enough: it is answered with all that this node has, so that all addresses have one owner at once.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use planner::members::Members;
use planner::names::NodeName;

/// Says when.
#[derive(Debug, Default)]
pub(super) struct Vigil {
    /// `None` while nobody is missed.
    due: Option<Instant>,
    /// Who is missed and has claimed an address, and when last.
    heard: BTreeMap<NodeName, Instant>,
    /// Whether one of them did that for the first time.
    is_answer_due: bool,
}

impl Vigil {
    /// Somebody is missed by so many, or nobody by anybody, and this node has so many addresses, of which the next one is
    /// said each time. Returns whether to remind others now.
    pub(super) fn keep(&mut self, now: Instant, missed_by: Option<u32>, addresses: usize) -> bool {
        let Some(many) = missed_by.filter(|_| addresses > 0) else {
            self.due = None;
            return false;
        };
        let addresses = u32::try_from(addresses).unwrap_or(u32::MAX);
        let interval = (INTERVAL * many).max(AGAIN / addresses);
        let due = self.due.get_or_insert(now + interval);
        let is_due = *due <= now;
        if is_due {
            *due = now + interval;
        }
        is_due
    }

    /// Somebody claims an address who is missed: links carry again what they did not. As long as it goes on claiming and
    /// missing, which is so where only one direction is whole, it is not answered again.
    pub(super) fn hear(&mut self, now: Instant, missed: NodeName) {
        let is_recent = |at: Instant| now.saturating_duration_since(at) < SILENCE;
        let before = self.heard.insert(missed, now);
        self.is_answer_due |= !before.is_some_and(is_recent);
    }

    /// These are alive and missed no more.
    pub(super) fn find(&mut self, alive: &Members) {
        self.heard.retain(|node, _| alive.get(node).is_none());
    }

    /// Whether to announce all that this node has, since somebody was heard who is missed.
    pub(super) fn take_answer(&mut self) -> bool {
        std::mem::take(&mut self.is_answer_due)
    }

    /// When to call [`keep`](Self::keep).
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }
}

/// From one reminder to the next, of whomever.
const INTERVAL: Duration = Duration::from_millis(100);
/// From one reminder of an address to the next.
const AGAIN: Duration = Duration::from_millis(200);
/// Who is missed and was not heard for so long has been cut off meanwhile.
const SILENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use planner::members::Member;

    use super::*;

    #[test]
    fn others_are_reminded_as_long_as_somebody_is_missed() {
        let (now, mut vigil) = (Instant::now(), Vigil::default());
        assert!(!vigil.keep(now, Some(5), 9));
        let due = now + 5 * INTERVAL;
        assert_eq!(vigil.poll_timeout(), Some(due));
        assert!(!vigil.keep(due - INTERVAL, Some(5), 9));
        assert!(vigil.keep(due, Some(5), 9));
        assert!(!vigil.keep(due, Some(5), 9), "it is said once");
        assert!(!vigil.keep(due + 5 * INTERVAL, None, 9));
        assert_eq!(vigil.poll_timeout(), None);
    }

    #[test]
    fn who_is_missed_and_heard_is_answered_once() {
        let (mut now, mut vigil) = (Instant::now(), Vigil::default());
        let mut hear = |after, name: &str, vigil: &mut Vigil| {
            now += after;
            vigil.hear(now, name.into());
            vigil.take_answer()
        };
        let soon = SILENCE - INTERVAL;
        assert!(hear(INTERVAL, "a", &mut vigil));
        assert!(!hear(soon, "a", &mut vigil));
        assert!(!hear(soon, "a", &mut vigil), "it goes on");
        assert!(hear(SILENCE, "a", &mut vigil), "it was silent for long");
        assert!(hear(INTERVAL, "b", &mut vigil), "another one");
        vigil.find(&[("a".into(), Member::default())].into_iter().collect());
        assert!(!hear(INTERVAL, "b", &mut vigil));
        assert!(hear(INTERVAL, "a", &mut vigil), "it was found meanwhile");
    }

    #[test]
    fn an_address_is_not_said_all_the_time_though_a_node_has_no_other() {
        let (now, mut vigil) = (Instant::now(), Vigil::default());
        assert!(!vigil.keep(now, Some(2), 1));
        assert_eq!(vigil.poll_timeout(), Some(now + AGAIN));
        assert!(!vigil.keep(now, Some(2), 0), "there is nothing to say");
        assert_eq!(vigil.poll_timeout(), None);
    }
}
