//! What is due when: each key at most once at a time, with what is to be done then.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Keys in the order in which they are due, each with a plan.
#[derive(Debug)]
pub(super) struct Agenda<K, P> {
    due: BTreeSet<(Instant, K)>,
    plans: BTreeMap<K, (Instant, P)>,
}

impl<K: Copy + Ord, P> Agenda<K, P> {
    pub(super) const fn new() -> Self {
        Self {
            due: BTreeSet::new(),
            plans: BTreeMap::new(),
        }
    }

    /// The key is due then, and what was planned for it before is forgotten.
    pub(super) fn set(&mut self, key: K, at: Instant, plan: P) {
        self.remove(key);
        self.due.insert((at, key));
        self.plans.insert(key, (at, plan));
    }

    /// The same, counted from `now`: never, when that is beyond time itself.
    pub(super) fn set_after(&mut self, key: K, now: Instant, delay: Duration, plan: P) {
        match now.checked_add(delay) {
            Some(at) => self.set(key, at, plan),
            None => self.remove(key),
        }
    }

    /// The key is not due any more.
    pub(super) fn remove(&mut self, key: K) {
        if let Some((at, _)) = self.plans.remove(&key) {
            self.due.remove(&(at, key));
        }
    }

    /// What is planned for the key.
    pub(super) fn get_mut(&mut self, key: K) -> Option<&mut P> {
        self.plans.get_mut(&key).map(|(_, plan)| plan)
    }

    /// Takes the first key that is due at `now`: it is due no more.
    pub(super) fn pop(&mut self, now: Instant) -> Option<(K, P)> {
        let (key, _) = self.due(now)?;
        let (at, plan) = self.plans.remove(&key)?;
        self.due.remove(&(at, key));
        Some((key, plan))
    }

    /// The first key that is due at `now`.
    pub(super) fn due(&self, now: Instant) -> Option<(K, &P)> {
        let &(at, key) = self.due.first()?;
        let (_, plan) = self.plans.get(&key)?;
        (at <= now).then_some((key, plan))
    }

    /// When the first key is due.
    pub(super) fn timeout(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// When this key is due, and what is planned for it.
    pub(super) fn get(&self, key: K) -> Option<&(Instant, P)> {
        self.plans.get(&key)
    }
}
