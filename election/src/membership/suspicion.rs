//! Who is suspected by this member, and who accused whom.
//!
//! A member whose probe failed accuses. It tells the suspect again and again, so that one that lives can contradict, and
//! tells all others. A suspicion that others come to on their own is held for a shorter time (Lifeguard). Only an accuser
//! declares a member dead: what is known by hearsay is no ground.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::config::{CONFIRMATIONS, Config};
use super::health::Health;
use super::identity::Identity;
use super::name::MemberName;
use super::wire::Accusation;

/// The lives of members that this member suspects itself.
#[derive(Debug, Default)]
pub(super) struct Suspicions {
    by_name: BTreeMap<MemberName, Suspicion>,
}

#[derive(Debug, Clone)]
pub(super) struct Suspicion {
    pub(super) suspect: Identity,
    /// What the suspect has to exceed in order to contradict.
    pub(super) incarnation: foca::Incarnation,
    /// What `foca` wants to be told when the time is over.
    pub(super) verdict: foca::Timer<Identity>,
    since: Instant,
    tell_at: Instant,
}

/// What there is to do for a suspicion.
#[derive(Debug)]
pub(super) enum Due {
    /// Tell the suspect.
    Tell(Suspicion),
    /// Its time is over.
    Verdict(Suspicion),
}

impl Suspicions {
    /// Begins to suspect; false when it does already.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        suspect: &Identity,
        incarnation: foca::Incarnation,
        verdict: foca::Timer<Identity>,
    ) -> bool {
        let known = self.by_name.get(&suspect.name);
        if known.is_some_and(|known| known.is_of(suspect, incarnation)) {
            return false;
        }
        let suspicion = Suspicion {
            suspect: suspect.clone(),
            incarnation,
            verdict,
            since: now,
            tell_at: now,
        };
        self.by_name.insert(suspect.name.clone(), suspicion);
        true
    }

    /// What is due by now, the suspicion with a verdict being over. `others` is how many members there are.
    pub(super) fn next(
        &mut self,
        now: Instant,
        config: &Config,
        health: &Health,
        accusations: &Accusations,
        others: usize,
    ) -> Option<Due> {
        let could = self.could_share(others);
        let due = |suspicion: &Suspicion| {
            suspicion.deadline(config, health, accusations, could) <= now
                || suspicion.tell_at <= now
        };
        let suspicion = self.by_name.values_mut().find(|suspicion| due(suspicion))?;
        if suspicion.deadline(config, health, accusations, could) <= now {
            let name = suspicion.suspect.name.clone();
            return self.by_name.remove(&name).map(Due::Verdict);
        }
        suspicion.tell_at = now + config.tell_interval;
        Some(Due::Tell(suspicion.clone()))
    }

    /// When something is due next.
    pub(super) fn timeout(
        &self,
        config: &Config,
        health: &Health,
        accusations: &Accusations,
        others: usize,
    ) -> Option<Instant> {
        let could = self.could_share(others);
        let due = |suspicion: &Suspicion| {
            let deadline = suspicion.deadline(config, health, accusations, could);
            deadline.min(suspicion.tell_at)
        };
        self.by_name.values().map(due).min()
    }

    /// How many of so many members could share a suspicion: a suspect accuses nobody, as far as is known. But of several
    /// that are all silent it is not this member alone that says so, or it is alone soon.
    fn could_share(&self, others: usize) -> usize {
        let could = others.saturating_sub(self.by_name.len());
        could.max(usize::from(others > 1))
    }

    /// The suspect contradicted, or is gone.
    pub(super) fn end(&mut self, name: &MemberName) {
        self.by_name.remove(name);
    }
}

impl Suspicion {
    fn is_of(&self, suspect: &Identity, incarnation: foca::Incarnation) -> bool {
        self.suspect == *suspect && self.incarnation == incarnation
    }

    fn deadline(
        &self,
        config: &Config,
        health: &Health,
        accusations: &Accusations,
        could: usize,
    ) -> Instant {
        let incarnation = (self.suspect.incarnation, self.incarnation);
        // Ours is one of them.
        let shared = accusations
            .count(&self.suspect.name, incarnation)
            .saturating_sub(1);
        self.since + config.suspicion(shared, could, health)
    }
}

/// Who accused whom, as far as it matters.
#[derive(Debug, Default)]
pub(super) struct Accusations {
    by_suspect: BTreeMap<MemberName, Accused>,
}

#[derive(Debug)]
struct Accused {
    incarnation: (u64, foca::Incarnation),
    by: BTreeSet<MemberName>,
    since: Instant,
}

impl Accusations {
    /// Takes in an accusation; false when it says nothing new, so that it need not be passed on.
    pub(super) fn add(&mut self, now: Instant, accusation: &Accusation) -> bool {
        let accused = self
            .by_suspect
            .entry(accusation.suspect.clone())
            .or_insert_with(|| Accused::new(now, accusation.incarnation));
        if accused.incarnation < accusation.incarnation {
            *accused = Accused::new(now, accusation.incarnation);
        }
        accused.incarnation == accusation.incarnation
            && accused.by.len() <= CONFIRMATIONS
            && accused.by.insert(accusation.accuser.clone())
    }

    /// Forgets what began before a time.
    pub(super) fn forget(&mut self, before: Instant) {
        self.by_suspect.retain(|_, accused| accused.since >= before);
    }

    fn count(&self, suspect: &MemberName, incarnation: (u64, foca::Incarnation)) -> usize {
        self.by_suspect
            .get(suspect)
            .filter(|accused| accused.incarnation == incarnation)
            .map_or(0, |accused| accused.by.len())
    }
}

impl Accused {
    const fn new(since: Instant, incarnation: (u64, foca::Incarnation)) -> Self {
        Self {
            incarnation,
            by: BTreeSet::new(),
            since,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; only differences from it are used"
    )]
    fn start() -> Instant {
        Instant::now()
    }

    fn suspect() -> Identity {
        let address = "192.0.2.1:7946".parse().unwrap();
        Identity::new("suspect".parse().unwrap(), address, 5)
    }

    fn accusation(incarnation: u16, accuser: &str) -> Accusation {
        Accusation {
            suspect: suspect().name.clone(),
            incarnation: (5, incarnation),
            accuser: accuser.parse().unwrap(),
        }
    }

    const fn verdict() -> foca::Timer<Identity> {
        foca::Timer::PeriodicGossip(0)
    }

    #[test]
    fn as_many_accusers_count_as_matter_each_once() {
        let (now, mut accusations) = (start(), Accusations::default());
        let taken = ["a", "a", "b", "c", "d"].map(|by| accusations.add(now, &accusation(1, by)));
        assert_eq!(taken, [true, false, true, true, false]);
        assert_eq!(accusations.count(&suspect().name, (5, 1)), 3);
    }

    #[test]
    fn who_contradicted_has_to_be_accused_anew() {
        let (now, mut accusations) = (start(), Accusations::default());
        assert!(accusations.add(now, &accusation(1, "a")));
        assert!(accusations.add(now, &accusation(2, "b")));
        assert!(!accusations.add(now, &accusation(1, "c")));
        let count = |incarnation| accusations.count(&suspect().name, (5, incarnation));
        assert_eq!((count(1), count(2)), (0, 1));
    }

    #[test]
    fn a_suspect_is_told_again_and_again_until_the_verdict() {
        let (now, config, health) = (start(), Config::lan(), Health::default());
        let mut accusations = Accusations::default();
        let mut suspicions = Suspicions::default();
        assert!(suspicions.begin(now, &suspect(), 1, verdict()));
        assert!(!suspicions.begin(now, &suspect(), 1, verdict()));
        for by in ["me", "b", "c"] {
            accusations.add(now, &accusation(1, by));
        }
        let (mut told, mut time) = (0, now);
        loop {
            match suspicions.next(time, &config, &health, &accusations, 10) {
                Some(Due::Tell(_)) => told += 1,
                Some(Due::Verdict(_)) => break,
                None => {
                    let due = suspicions.timeout(&config, &health, &accusations, 10);
                    assert!(due.unwrap() > time);
                    time = due.unwrap();
                }
            }
        }
        assert_eq!((told, time - now), (10, Duration::from_millis(500)));
        assert!(suspicions.by_name.is_empty());
    }

    #[test]
    fn nobody_waits_for_other_suspects_to_share_a_suspicion() {
        let (now, config, health) = (start(), Config::lan(), Health::default());
        let mut accusations = Accusations::default();
        let mut suspicions = Suspicions::default();
        suspicions.begin(now, &suspect(), 1, verdict());
        for by in ["me", "b"] {
            accusations.add(now, &accusation(1, by));
        }
        let lasts = |suspicions: &mut Suspicions| {
            for suspicion in suspicions.by_name.values_mut() {
                suspicion.tell_at = now + config.suspicion.1;
            }
            let due = suspicions.timeout(&config, &health, &accusations, 3);
            due.unwrap() - now
        };
        assert_eq!(lasts(&mut suspicions), Duration::from_millis(875));
        let other = Identity::new("c".parse().unwrap(), suspect().address, 1);
        suspicions.begin(now, &other, 1, verdict());
        assert_eq!(lasts(&mut suspicions), Duration::from_millis(500));
    }
}
