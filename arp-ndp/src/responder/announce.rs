//! When each address is announced: bursts, refreshes and defences.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::responder::agenda::Agenda;
use crate::responder::io::Announcement;
use crate::responder::limit::Pace;

/// The schedule of all announcements of one interface.
///
/// Whatever is due leaves in the order in which it became due, no faster than the pace allows: the first announcement
/// of every new address goes before the second of any.
#[derive(Debug)]
pub(super) struct Announcer {
    refresh: Option<Duration>,
    jitter: fastrand::Rng,
    agenda: Agenda<IpAddr, Plan>,
}

/// What is announced of an address next.
#[derive(Debug, Clone, Copy)]
struct Plan {
    announcement: Announcement,
    /// What a defence pushed back, and when that was due.
    pushed_back: Option<(Instant, Announcement)>,
}

impl Announcer {
    pub(super) fn new(refresh: Option<Duration>, seed: u64) -> Self {
        Self {
            refresh,
            jitter: fastrand::Rng::with_seed(seed),
            agenda: Agenda::new(),
        }
    }

    /// Plans a burst from now on, whatever was planned for the address before.
    pub(super) fn start(&mut self, now: Instant, address: IpAddr) {
        self.plan(address, now, Announcement::Takeover { round: 1 });
    }

    /// Plans one announcement now, ahead of what was planned for the address before.
    pub(super) fn defend(&mut self, now: Instant, address: IpAddr) {
        let planned = self.agenda.get(address);
        let pushed_back = planned.map(|&(at, plan)| (at, plan.announcement));
        if pushed_back.is_some_and(|(_, planned)| planned == Announcement::Defence) {
            return;
        }
        let plan = Plan {
            announcement: Announcement::Defence,
            pushed_back,
        };
        self.agenda.set(address, now, plan);
    }

    /// Plans a burst from now on that repeats what was announced before.
    pub(super) fn repeat(&mut self, now: Instant, address: IpAddr) {
        self.plan(address, now, Announcement::Takeover { round: 2 });
    }

    /// Brings what was planned for the address forward to now: the next of its burst, or its refresh.
    pub(super) fn hasten(&mut self, now: Instant, address: IpAddr) {
        let planned = self.agenda.get(address).map(|(_, plan)| plan.announcement);
        self.plan(address, now, planned.unwrap_or(Announcement::Refresh));
    }

    /// Forgets what was planned for the address.
    pub(super) fn stop(&mut self, address: IpAddr) {
        self.agenda.remove(address);
    }

    /// Takes the next announcement that is due and within the pace, and plans the one after it.
    pub(super) fn next(&mut self, now: Instant, pace: &mut Pace) -> Option<(IpAddr, Announcement)> {
        let (address, plan) = self.agenda.due(now)?;
        let Plan {
            announcement,
            pushed_back,
        } = *plan;
        if !pace.take(now) {
            return None;
        }
        match pushed_back.or_else(|| self.after(now, announcement)) {
            Some((at, announcement)) => self.plan(address, at, announcement),
            None => self.stop(address),
        }
        Some((address, announcement))
    }

    /// When [`next`](Self::next) will have something.
    pub(super) fn timeout(&self, pace: &Pace) -> Option<Instant> {
        self.agenda.timeout().map(|at| pace.ready(at))
    }

    fn plan(&mut self, address: IpAddr, at: Instant, announcement: Announcement) {
        let plan = Plan {
            announcement,
            pushed_back: None,
        };
        self.agenda.set(address, at, plan);
    }

    /// Counts from when an announcement was made, not from when it was due, so that rounds never bunch up.
    fn after(&mut self, now: Instant, made: Announcement) -> Option<(Instant, Announcement)> {
        match made {
            Announcement::Takeover { round } if round < BURST_ROUNDS => {
                let pause = FIRST_PAUSE * 2_u32.pow(round.saturating_sub(1));
                let round = round.saturating_add(1);
                Some((now + pause, Announcement::Takeover { round }))
            }
            Announcement::Takeover { .. } | Announcement::Refresh | Announcement::Defence => {
                let at = now.checked_add(jittered(self.refresh?, &mut self.jitter))?;
                Some((at, Announcement::Refresh))
            }
        }
    }
}

/// Draws from three quarters to five quarters of an interval.
fn jittered(interval: Duration, jitter: &mut fastrand::Rng) -> Duration {
    let spread = u64::try_from((interval / 2).as_nanos()).unwrap_or(u64::MAX);
    (interval / 4 * 3).saturating_add(Duration::from_nanos(jitter.u64(0..=spread)))
}

/// At 0, 80, 240, 560, 1200, 2480 and 5040 ms: for the five seconds for which MetalLB repeats itself, and often enough in
/// the first that another owner hears of it though a frame, or its answer, is lost.
const BURST_ROUNDS: u32 = 7;
const FIRST_PAUSE: Duration = Duration::from_millis(80);
