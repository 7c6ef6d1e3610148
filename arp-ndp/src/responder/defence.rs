//! How often a claim is told of, and an address defended: one address never sooner than an interval allows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::responder::agenda::Agenda;

/// Something about addresses, for each at most once in an interval. What comes too soon is kept for the interval's end,
/// so that the last word is never lost.
#[derive(Debug)]
pub(super) struct Spaced<T> {
    interval: Duration,
    last: BTreeMap<IpAddr, (Instant, T)>,
    kept: Agenda<IpAddr, T>,
}

impl<T: Copy + PartialEq> Spaced<T> {
    pub(super) const fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: BTreeMap::new(),
            kept: Agenda::new(),
        }
    }

    /// Whether this may be done now. Otherwise it is kept, unless something that is news already is.
    pub(super) fn admit(&mut self, now: Instant, address: IpAddr, what: T) -> bool {
        match self.last.get(&address).copied() {
            Some((at, last)) if now.saturating_duration_since(at) < self.interval => {
                let kept = self.kept.get(address);
                if kept.is_none_or(|(_, kept)| *kept == last && what != last) {
                    self.kept.set_after(address, at, self.interval, what);
                }
                false
            }
            _ => {
                self.last.insert(address, (now, what));
                self.kept.remove(address);
                true
            }
        }
    }

    /// Takes what was kept and may be done now.
    pub(super) fn next(&mut self, now: Instant) -> Option<(IpAddr, T)> {
        let (address, what) = self.kept.pop(now)?;
        self.last.insert(address, (now, what));
        Some((address, what))
    }

    /// Forgets everything about the address.
    pub(super) fn stop(&mut self, address: IpAddr) {
        self.last.remove(&address);
        self.kept.remove(address);
    }

    /// When [`next`](Self::next) will have something.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.kept.timeout()
    }
}
