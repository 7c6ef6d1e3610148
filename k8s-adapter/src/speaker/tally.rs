//! What a speaker counts while it announces, for its metrics and its readiness.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use planner::announcements::Affected;
use planner::desired::{Desired, Tenure};
use planner::diff::{Change, diff_shared};
use prometheus_client::metrics::histogram::Histogram;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::admin::Readiness;

/// What has been counted so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(watch::Sender<Counts>);

/// The counts.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    /// Changes that were decided about: Services, with their endpoints, Nodes, and the configuration as one.
    pub(super) updates: u64,
    /// Reads and writes that failed.
    pub(super) errors: u64,
    /// How often Services began to be announced and ceased to be.
    pub(super) turns: BTreeMap<Turn, u64>,
    /// The addresses that are ours by layer 2, with the time when we last said so to a whole link because it was new.
    pub(super) claims: BTreeMap<IpAddr, SystemTime>,
    /// How often another station said that one of our addresses is its own.
    pub(super) rivals: BTreeMap<IpAddr, u64>,
    /// How often that was no speaker.
    pub(super) strangers: BTreeMap<IpAddr, u64>,
    /// From the change that made an address ours to its first announcement, in seconds.
    pub(super) failover: Histogram,
    /// Addresses that are ours and have not been announced on any link, with the time of the change that made them ours.
    due: BTreeMap<IpAddr, Instant>,
    first_round: FirstRound,
}

/// A Service that begins to be announced, or ceases to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    /// `bgp` or `layer2`.
    pub(super) protocol: &'static str,
    /// Which of the two.
    pub(super) to: Side,
    /// Why it is as it is now: `advertised` or `elected`, or MetalLB's code for why it is not announced.
    pub(super) reason: &'static str,
}

/// Whether a Service is announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// It is.
    Announced,
    /// It is not.
    Withdrawn,
}

/// The announcements that a speaker begins with.
#[derive(Clone, Debug)]
enum FirstRound {
    /// Nothing has been decided yet.
    Ahead,
    /// These addresses are to be announced, at the latest until then.
    UnderWay(BTreeSet<IpAddr>, Instant),
    /// All others.
    Done,
}

impl Tally {
    /// The counts as they are now. To be dropped soon, since it holds up who counts.
    pub(super) fn counts(&self) -> watch::Ref<'_, Counts> {
        self.0.borrow()
    }

    /// Counts changes that were decided about.
    pub(super) fn updated(&self, affected: &Affected) {
        let objects = affected.services.len().saturating_add(affected.nodes.len());
        let changes = objects.saturating_add(usize::from(affected.config));
        let changes = u64::try_from(changes).unwrap_or(u64::MAX);
        self.change(|counts| counts.updates = counts.updates.saturating_add(changes));
    }

    /// Counts reads and writes that failed.
    pub(super) fn failed(&self, errors: u64) {
        self.change(|counts| counts.errors = counts.errors.saturating_add(errors));
    }

    /// Counts Services that begin to be announced, or cease to be.
    pub(super) fn turned(&self, turns: Vec<Turn>) {
        self.change(|counts| {
            for turn in turns {
                *counts.turns.entry(turn).or_default() += 1;
            }
        });
    }

    /// Takes note of which addresses are ours by a change that came `at` this time.
    pub(super) fn decided(&self, before: &Desired, now: &Desired, at: Instant) {
        self.change(|counts| counts.decided(before, now, at));
    }

    /// An address that is new to us, or to a link, was announced for the first time.
    pub(super) fn announced(&self, address: IpAddr) {
        let (now, time) = (Instant::now(), SystemTime::now());
        self.change(|counts| counts.announced(address, now, time));
    }

    /// Another station said that it has one of our addresses.
    pub(super) fn contested(&self, address: IpAddr) {
        self.change(|counts| *counts.rivals.entry(address).or_default() += 1);
    }

    /// One that is no speaker did.
    pub(super) fn claimed_by_stranger(&self, address: IpAddr) {
        self.change(|counts| *counts.strangers.entry(address).or_default() += 1);
    }

    /// An address was left to another station: nobody waits for its announcement.
    pub(super) fn left(&self, address: IpAddr) {
        self.change(|counts| {
            counts.due.remove(&address);
            counts.done_with(&address);
        });
    }

    /// Whether the announcements that the speaker begins with have been made, as far as they can be: an address that no
    /// link takes within [`FIRST_ROUND`] is told of by events and status, and holds nobody up.
    pub(super) fn readiness(&self, now: Instant) -> Readiness {
        match &self.counts().first_round {
            FirstRound::Ahead => {
                Readiness::Waiting("objects are being read for the first time".into())
            }
            FirstRound::UnderWay(addresses, end) if now < *end => {
                let Some(first) = addresses.first() else {
                    return Readiness::Ready;
                };
                let more = addresses.len().saturating_sub(1);
                let text = format!("{first} and {more} more have not been announced yet");
                Readiness::Waiting(text.into())
            }
            FirstRound::UnderWay(..) | FirstRound::Done => Readiness::Ready,
        }
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        self.0.send_modify(change);
    }
}

impl Counts {
    fn decided(&mut self, before: &Desired, now: &Desired, at: Instant) {
        for change in diff_shared(&before.addresses, &now.addresses) {
            match change {
                Change::Add(address, desired) | Change::Update(address, desired)
                    if desired.tenure != Tenure::Leaving =>
                {
                    if !self.claims.contains_key(address) {
                        self.due.entry(*address).or_insert(at);
                    }
                }
                Change::Add(address, _)
                | Change::Update(address, _)
                | Change::Remove(address, _) => self.forget(address),
            }
        }
        if let FirstRound::Ahead = self.first_round {
            let addresses: BTreeSet<IpAddr> = self.due.keys().copied().collect();
            self.first_round = FirstRound::UnderWay(addresses, at + FIRST_ROUND);
            self.look_at_first_round();
        }
    }

    fn announced(&mut self, address: IpAddr, now: Instant, time: SystemTime) {
        if let Some(since) = self.due.remove(&address) {
            let taken = now.saturating_duration_since(since);
            self.failover.observe(taken.as_secs_f64());
        }
        self.claims.insert(address, time);
        self.done_with(&address);
    }

    /// It is not ours any more.
    fn forget(&mut self, address: &IpAddr) {
        self.due.remove(address);
        self.claims.remove(address);
        self.rivals.remove(address);
        self.strangers.remove(address);
        self.done_with(address);
    }

    fn done_with(&mut self, address: &IpAddr) {
        if let FirstRound::UnderWay(addresses, _) = &mut self.first_round {
            addresses.remove(address);
            self.look_at_first_round();
        }
    }

    fn look_at_first_round(&mut self) {
        if matches!(&self.first_round, FirstRound::UnderWay(addresses, _) if addresses.is_empty()) {
            self.first_round = FirstRound::Done;
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            updates: 0,
            errors: 0,
            turns: BTreeMap::new(),
            claims: BTreeMap::new(),
            rivals: BTreeMap::new(),
            strangers: BTreeMap::new(),
            failover: Histogram::new(FAILOVER_BUCKETS),
            due: BTreeMap::new(),
            first_round: FirstRound::Ahead,
        }
    }
}

impl Side {
    /// As a label.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// How long the first announcements may take: more than those of some thousand addresses do.
const FIRST_ROUND: Duration = Duration::from_secs(10);

/// In seconds. What comes late waited for a link.
const FAILOVER_BUCKETS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

#[cfg(test)]
mod tests {
    use planner::desired::{AddressDesired, InterfaceSelection};

    use super::*;

    /// A node that has these addresses.
    fn having(addresses: &[&str]) -> Desired {
        let mut desired = Desired::default();
        for address in addresses {
            let address: IpAddr = address.parse().unwrap();
            let answered = AddressDesired {
                interfaces: InterfaceSelection::All,
                tenure: Tenure::Owner,
            };
            desired.addresses.insert(address, answered);
        }
        desired
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn ready_is_who_has_announced_all_that_it_began_with() {
        let tally = Tally::default();
        let why = |tally: &Tally| match tally.readiness(Instant::now()) {
            Readiness::Ready => None,
            Readiness::Waiting(why) => Some(why.into_owned()),
        };
        assert!(why(&tally).unwrap().contains("first time"));
        let begun = having(&["198.51.100.1", "198.51.100.2"]);
        tally.decided(&Desired::default(), &begun, Instant::now());
        let text = "198.51.100.1 and 1 more have not been announced yet";
        assert_eq!(why(&tally).as_deref(), Some(text));
        tally.announced(address("198.51.100.1"));
        // The other one is somebody else's now, and a third one is no part of the beginning.
        let now = having(&["198.51.100.1", "198.51.100.3"]);
        tally.decided(&begun, &now, Instant::now());
        assert_eq!(why(&tally), None);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_no_link_takes_holds_nobody_up_for_long() {
        let tally = Tally::default();
        let now = having(&["198.51.100.1"]);
        tally.decided(&Desired::default(), &now, Instant::now());
        let ready = || tally.readiness(Instant::now()) == Readiness::Ready;
        tokio::time::advance(FIRST_ROUND - Duration::from_millis(1)).await;
        assert!(!ready());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(ready());
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_to_announce_is_announced_at_once() {
        let tally = Tally::default();
        let nothing = Desired::default();
        tally.decided(&nothing, &nothing, Instant::now());
        assert_eq!(tally.readiness(Instant::now()), Readiness::Ready);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_goes_is_forgotten_and_counts_anew_when_it_comes_back() {
        let tally = Tally::default();
        let (with, without) = (having(&["198.51.100.1"]), having(&[]));
        for _ in 0..2 {
            tally.decided(&without, &with, Instant::now());
            tally.announced(address("198.51.100.1"));
            // Of the next link: the address is new to it, not to us.
            tally.announced(address("198.51.100.1"));
            tally.contested(address("198.51.100.1"));
            assert_eq!(tally.counts().claims.len(), 1);
            assert_eq!(tally.counts().rivals[&address("198.51.100.1")], 1);
            tally.decided(&with, &without, Instant::now());
            assert!(tally.counts().claims.is_empty() && tally.counts().rivals.is_empty());
        }
    }
}
