//! When each address is announced: bursts, refreshes and the limit on both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::responder::config::Config;
use crate::responder::io::Announcement;

/// The schedule of all announcements of one interface.
///
/// Whatever is due leaves in the order in which it became due, no faster than the pace allows: the first announcement
/// of every new address goes before the second of any.
#[derive(Debug)]
pub(super) struct Announcer {
    refresh: Option<Duration>,
    pace: Pace,
    jitter: fastrand::Rng,
    due: BTreeSet<(Instant, IpAddr)>,
    plans: BTreeMap<IpAddr, Plan>,
}

/// What is planned for one address.
#[derive(Debug, Clone, Copy)]
struct Plan {
    at: Instant,
    announcement: Announcement,
}

impl Announcer {
    pub(super) fn new(config: Config, seed: u64) -> Self {
        Self {
            refresh: config.refresh(),
            pace: Pace::new(config),
            jitter: fastrand::Rng::with_seed(seed),
            due: BTreeSet::new(),
            plans: BTreeMap::new(),
        }
    }

    /// Plans a burst from now on, whatever was planned for the address before.
    pub(super) fn start(&mut self, now: Instant, address: IpAddr) {
        self.plan(
            address,
            Plan {
                at: now,
                announcement: Announcement::Takeover { round: 1 },
            },
        );
    }

    /// Forgets what was planned for the address.
    pub(super) fn stop(&mut self, address: IpAddr) {
        if let Some(plan) = self.plans.remove(&address) {
            self.due.remove(&(plan.at, address));
        }
    }

    /// Takes the next announcement that is due and within the pace, and plans the one after it.
    pub(super) fn next(&mut self, now: Instant) -> Option<(IpAddr, Announcement)> {
        let &(at, address) = self.due.first()?;
        if at > now || !self.pace.take(now) {
            return None;
        }
        let announcement = self.plans.get(&address)?.announcement;
        match self.after(now, announcement) {
            Some(plan) => self.plan(address, plan),
            None => self.stop(address),
        }
        Some((address, announcement))
    }

    /// When [`next`](Self::next) will have something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| self.pace.ready(at))
    }

    fn plan(&mut self, address: IpAddr, plan: Plan) {
        self.stop(address);
        self.due.insert((plan.at, address));
        self.plans.insert(address, plan);
    }

    /// Counts from when an announcement was made, not from when it was due, so that rounds never bunch up.
    fn after(&mut self, now: Instant, made: Announcement) -> Option<Plan> {
        match made {
            Announcement::Takeover { round } if round < BURST_ROUNDS => {
                let announcement = Announcement::Takeover {
                    round: round.saturating_add(1),
                };
                Some(Plan {
                    at: now + BURST_INTERVAL,
                    announcement,
                })
            }
            Announcement::Takeover { .. } | Announcement::Refresh => {
                let at = now.checked_add(jittered(self.refresh?, &mut self.jitter))?;
                Some(Plan {
                    at,
                    announcement: Announcement::Refresh,
                })
            }
        }
    }
}

/// A limit on a rate that lets a few dozen through at once: the generic cell rate algorithm of ITU-T I.371.
#[derive(Debug)]
struct Pace {
    /// The time that one announcement takes.
    cost: Duration,
    /// How far ahead of `theoretical` an announcement may be made.
    tolerance: Duration,
    /// When the next one would be made if all had been evenly spaced; `None` before the first.
    theoretical: Option<Instant>,
}

impl Pace {
    fn new(config: Config) -> Self {
        let cost = Duration::from_secs(1) / config.announcements_per_second().get();
        Self {
            cost,
            tolerance: cost * (AT_ONCE - 1),
            theoretical: None,
        }
    }

    /// Whether one more is within the limit now; if so, it counts.
    fn take(&mut self, now: Instant) -> bool {
        let theoretical = self.theoretical.map_or(now, |at| at.max(now));
        if theoretical > now + self.tolerance {
            return false;
        }
        self.theoretical = Some(theoretical + self.cost);
        true
    }

    /// The first time from `at` on when one more is within the limit.
    fn ready(&self, at: Instant) -> Instant {
        self.theoretical
            .and_then(|theoretical| theoretical.checked_sub(self.tolerance))
            .map_or(at, |ready| ready.max(at))
    }
}

/// Draws from three quarters to five quarters of an interval.
fn jittered(interval: Duration, jitter: &mut fastrand::Rng) -> Duration {
    let spread = u64::try_from((interval / 2).as_nanos()).unwrap_or(u64::MAX);
    (interval / 4 * 3).saturating_add(Duration::from_nanos(jitter.u64(0..=spread)))
}

/// At 0, 1.1, 2.2, 3.3 and 4.4 s: as often as fits the five seconds for which MetalLB repeats itself.
pub(super) const BURST_ROUNDS: u32 = 5;
pub(super) const BURST_INTERVAL: Duration = Duration::from_millis(1100);
/// How many announcements the pace lets through at once.
pub(super) const AT_ONCE: u32 = 64;
