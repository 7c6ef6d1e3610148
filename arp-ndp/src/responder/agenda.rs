//! When each address is due, at most once at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses in the order in which they are due.
#[derive(Debug)]
pub(super) struct Agenda {
    due: BTreeSet<(Instant, IpAddr)>,
    at: BTreeMap<IpAddr, Instant>,
}

impl Agenda {
    pub(super) const fn new() -> Self {
        Self {
            due: BTreeSet::new(),
            at: BTreeMap::new(),
        }
    }

    /// The address is due then, and not at the time set before.
    pub(super) fn set(&mut self, address: IpAddr, at: Instant) {
        self.remove(address);
        self.due.insert((at, address));
        self.at.insert(address, at);
    }

    /// The same, counted from `now`: never, when that is beyond time itself.
    pub(super) fn set_after(&mut self, address: IpAddr, now: Instant, delay: Duration) {
        match now.checked_add(delay) {
            Some(at) => self.set(address, at),
            None => self.remove(address),
        }
    }

    /// The address is not due any more.
    pub(super) fn remove(&mut self, address: IpAddr) {
        if let Some(at) = self.at.remove(&address) {
            self.due.remove(&(at, address));
        }
    }

    /// The first address that is due at `now`.
    pub(super) fn due(&self, now: Instant) -> Option<IpAddr> {
        let &(at, address) = self.due.first()?;
        (at <= now).then_some(address)
    }

    /// The same, which is then due no more.
    pub(super) fn pop(&mut self, now: Instant) -> Option<IpAddr> {
        let address = self.due(now)?;
        self.remove(address);
        Some(address)
    }

    /// When the first address is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// When this address is due.
    pub(super) fn of(&self, address: IpAddr) -> Option<Instant> {
        self.at.get(&address).copied()
    }
}
