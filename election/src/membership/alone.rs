//! Who is spoken to by nobody any more.

use std::time::Instant;

use super::gossip::Gossip;
use super::identity::Identity;
use super::io::Event;
use super::rumour::Rumours;
use super::suspicion::{Accusations, Suspicions};
use super::timer::Timers;
use super::{Membership, swim};

impl Membership {
    /// When this member is alone, unless somebody speaks to it before. Calls do not count: mostly, who calls holds it dead.
    pub(super) fn alone_at(&self) -> Option<Instant> {
        (self.foca.num_members() > 0).then_some(self.silent_until)
    }

    /// A member has said something to this life.
    pub(super) fn is_spoken_to(&mut self, now: Instant) {
        self.silent_until = now + self.config.silence;
    }

    /// A new life has begun among those who were known to the one before. Who told it of its death answers at once, if it
    /// is still there: this member may have read after seconds what it was told then.
    pub(super) fn is_new_to_others(&mut self, now: Instant) {
        self.silent_until = now + self.config.silence / 2;
    }

    /// All others are dead, or this member is cut off, in one direction or both, which it cannot tell apart. To find out
    /// one by one, in doubt about itself, would take the longer the more others there are; so all are dead to it at once.
    ///
    /// It forgets them and begins a new life, as if it had just started. If it holds the others dead as they hold it, each
    /// of them would have to come back to it; so only it comes back to them, and has nothing to say about anybody.
    pub(super) fn give_up(&mut self, now: Instant) {
        let identity = self.foca.identity();
        let identity = identity.reborn(identity.incarnation.saturating_add(1));
        let others: Vec<Identity> = self
            .foca
            .iter_members()
            .map(|member| member.id().clone())
            .collect();
        self.foca = swim(identity.clone(), &self.config, &mut self.rng);
        self.contradiction = 0;
        self.timers = Timers::default();
        self.suspicions = Suspicions::default();
        self.accusations = Accusations::default();
        self.rumours = Rumours::default();
        self.heard.forget();
        self.gossip = Gossip::default();
        self.call_soon(now);
        self.event(Event::Alone);
        for other in others {
            if let Some(member) = self.roster.remove(&other.name) {
                self.event(Event::Died(member));
            }
        }
        self.roster.insert(&identity);
    }
}
