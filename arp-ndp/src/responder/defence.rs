//! How often a claim is told of, and an address defended: one address never sooner than an interval allows.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::mac::MacAddr;
use crate::mark::Mark;
use crate::responder::agenda::Agenda;

/// Something about addresses, for each at most once in an interval. What comes too soon is kept for the interval's end,
/// so that the last word is never lost.
#[derive(Debug)]
pub(super) struct Spaced<T> {
    interval: Duration,
    last: BTreeMap<IpAddr, (Instant, T)>,
    kept: Agenda<IpAddr, T>,
}

/// What is told or done at most so often.
pub(super) trait Spaceable: Copy + PartialEq {
    /// What to keep when this comes while `kept` is kept already, after `last` was told or done.
    fn or_kept(self, kept: Self, last: Self) -> Self;
}

/// What another station has said of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) by: MacAddr,
    pub(super) mark: Option<Mark>,
}

impl<T: Spaceable> Spaced<T> {
    pub(super) const fn new(interval: Duration) -> Self {
        Self {
            interval,
            last: BTreeMap::new(),
            kept: Agenda::new(),
        }
    }

    /// Whether this may be done now. Otherwise it, or what already is, is kept.
    pub(super) fn admit(&mut self, now: Instant, address: IpAddr, what: T) -> bool {
        match self.last.get(&address).copied() {
            Some((at, last)) if now.saturating_duration_since(at) < self.interval => {
                let kept = self.kept.get(address).map(|(_, kept)| *kept);
                let what = kept.map_or(what, |kept| what.or_kept(kept, last));
                if kept != Some(what) {
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

impl Word {
    /// One without a mark.
    pub(super) const fn unmarked(by: MacAddr) -> Self {
        Self { by, mark: None }
    }

    /// Whether it says who has the address, or how that is marked, where `told` did not.
    fn is_news(self, told: Self) -> bool {
        self.by != told.by || (self.mark.is_some() && self.mark != told.mark)
    }
}

impl Spaceable for Word {
    /// The first news is kept. Of what one station says the last mark counts.
    fn or_kept(self, kept: Self, last: Self) -> Self {
        if self.by == kept.by {
            let mark = self.mark.or(kept.mark);
            Self { mark, ..self }
        } else if kept.is_news(last) {
            kept
        } else {
            self
        }
    }
}

impl Spaceable for () {
    fn or_kept(self, (): Self, (): Self) -> Self {}
}
