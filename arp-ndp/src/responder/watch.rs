//! Watching the stations that addresses were left to, so that no address stays without an owner.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::time::{Duration, Instant};

use crate::mac::MacAddr;
use crate::responder::agenda::Agenda;
use crate::responder::config::RivalWatch;

/// The stations that are watched.
///
/// Each is asked for one of its addresses at a time, in turn, however many it has. An address that is not answered for
/// is asked for again, beside the next one, until it is or counts as given up.
#[derive(Debug)]
pub(super) struct Watcher {
    watch: RivalWatch,
    jitter: fastrand::Rng,
    rivals: Agenda<Post, Rival>,
    posts: BTreeMap<IpAddr, Post>,
}

/// How often a station is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Patience {
    /// It took over from us, or we would have to take over from it.
    Short,
    /// It has an address that we never had.
    Long,
}

/// A station, as far as it is watched with the same patience.
type Post = (MacAddr, Patience);

#[derive(Debug, Default)]
struct Rival {
    addresses: BTreeSet<IpAddr>,
    /// What it was asked last, two addresses at most.
    asked: Vec<Asked>,
    /// Where the turn is.
    turn: Option<IpAddr>,
    /// Whether it said anything about any of its addresses since it was asked.
    heard: bool,
    /// How many times in a row it did not.
    silent: u32,
}

#[derive(Debug)]
struct Asked {
    address: IpAddr,
    answered: bool,
    misses: u32,
}

/// What is due for one station.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) rival: MacAddr,
    /// The addresses to ask it for.
    pub(super) ask: Vec<IpAddr>,
    /// The addresses that it does not answer for any more. They are watched no more.
    pub(super) given_up: Vec<IpAddr>,
}

impl Watcher {
    pub(super) fn new(watch: RivalWatch, seed: u64) -> Self {
        Self {
            watch,
            jitter: fastrand::Rng::with_seed(seed),
            rivals: Agenda::new(),
            posts: BTreeMap::new(),
        }
    }

    /// Watches a station for this address, and no other station.
    pub(super) fn start(
        &mut self,
        now: Instant,
        address: IpAddr,
        rival: MacAddr,
        patience: Patience,
    ) {
        self.stop(address);
        let post = (rival, patience);
        self.posts.insert(address, post);
        if let Some(rival) = self.rivals.get_mut(post) {
            rival.addresses.insert(address);
            return;
        }
        let at = now + self.interval(patience);
        let rival = Rival {
            addresses: BTreeSet::from([address]),
            ..Rival::default()
        };
        self.rivals.set(post, at, rival);
    }

    /// Watches nobody for this address.
    pub(super) fn stop(&mut self, address: IpAddr) {
        let Some(post) = self.posts.remove(&address) else {
            return;
        };
        let Some(rival) = self.rivals.get_mut(post) else {
            return;
        };
        rival.forget(address);
        if rival.addresses.is_empty() {
            self.rivals.remove(post);
        }
    }

    /// The station that is watched for this address has claimed it, unasked or not.
    pub(super) fn heard(&mut self, address: IpAddr) {
        let post = self.posts.get(&address);
        let Some(rival) = post.and_then(|post| self.rivals.get_mut(*post)) else {
            return;
        };
        rival.heard = true;
        let asked = rival
            .asked
            .iter_mut()
            .find(|asked| asked.address == address);
        if let Some(asked) = asked {
            asked.answered = true;
        }
    }

    /// Takes what is due for the next station.
    pub(super) fn next(&mut self, now: Instant) -> Option<Round> {
        let (post, mut rival) = self.rivals.pop(now)?;
        let next = now + self.interval(post.1);
        let given_up = rival.look_back(self.watch.misses);
        for address in &given_up {
            self.posts.remove(address);
        }
        let ask = rival.look_ahead();
        if !ask.is_empty() {
            self.rivals.set(post, next, rival);
        }
        Some(Round {
            rival: post.0,
            ask,
            given_up,
        })
    }

    /// When [`next`](Self::next) will have something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.rivals.timeout()
    }

    /// Draws from three quarters of the interval to the whole of it, so that two stations that yielded to each other do
    /// not come back together.
    fn interval(&mut self, patience: Patience) -> Duration {
        let interval = match patience {
            Patience::Short => self.watch.interval,
            Patience::Long => self.watch.recheck,
        };
        let interval = interval.clamp(SHORTEST, LONGEST);
        let spread = u64::try_from((interval / 4).as_nanos()).unwrap_or(u64::MAX);
        interval - Duration::from_nanos(self.jitter.u64(0..=spread))
    }
}

impl Rival {
    /// Returns the addresses that the station has given up: all of them when it was silent for too long.
    fn look_back(&mut self, limit: u32) -> Vec<IpAddr> {
        if self.heard || self.asked.is_empty() {
            self.silent = 0;
        } else {
            self.silent = self.silent.saturating_add(1);
        }
        self.heard = false;
        if self.silent >= limit {
            self.asked.clear();
            return std::mem::take(&mut self.addresses).into_iter().collect();
        }
        self.asked.retain_mut(|asked| {
            asked.misses = asked.misses.saturating_add(1);
            !asked.answered
        });
        let overdue = self.asked.iter().filter(|asked| asked.misses >= limit);
        let given_up: Vec<_> = overdue.map(|asked| asked.address).collect();
        for address in &given_up {
            self.forget(*address);
        }
        given_up
    }

    /// Returns the addresses to ask for now: those not answered for, and the next one unless these are many already.
    fn look_ahead(&mut self) -> Vec<IpAddr> {
        if self.asked.len() < AT_ONCE {
            let next = self
                .following(self.turn)
                .filter(|next| self.asked.iter().all(|asked| asked.address != *next));
            if let Some(address) = next {
                self.turn = Some(address);
                self.asked.push(Asked {
                    address,
                    answered: false,
                    misses: 0,
                });
            }
        }
        self.asked.iter().map(|asked| asked.address).collect()
    }

    /// The address after this one, in a circle.
    fn following(&self, turn: Option<IpAddr>) -> Option<IpAddr> {
        let after = turn.map_or(Bound::Unbounded, Bound::Excluded);
        let next = self.addresses.range((after, Bound::Unbounded)).next();
        next.or_else(|| self.addresses.first()).copied()
    }

    fn forget(&mut self, address: IpAddr) {
        self.addresses.remove(&address);
        self.asked.retain(|asked| asked.address != address);
    }
}

/// How many addresses a station is asked for at once.
const AT_ONCE: usize = 2;
const SHORTEST: Duration = Duration::from_millis(1);
/// Anything longer is as good as never, and does not overflow time.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
