//! How members find each other, and find each other again.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foca::State;
use rand::seq::IteratorRandom as _;
use rand::{Rng as _, RngExt as _};

use super::Membership;
use super::gossip::FAREWELL;
use super::identity::Identity;
use super::io::{DropReason, Event, Member};
use super::replay::Refused;
use super::roster::Learned;
use super::wire::{FactsPart, Message};

impl Membership {
    pub(super) fn set_peers(&mut self, now: Instant, peers: BTreeSet<SocketAddr>) {
        if self.peers != peers {
            self.peers = peers;
            self.call_soon(now);
        }
    }

    /// Others are to be found that were not missing before: calls them now, and soon again, since calls get lost.
    pub(super) fn call_soon(&mut self, now: Instant) {
        self.rejoin_at = now;
        self.call_pause = self.config.rejoin_interval / QUICK;
    }

    /// Calls some of those that are missing: known peers without a member, members that have not told how they are, and
    /// those that died, but not those that left, unless they are known peers still. All members together call each of them
    /// a few times in an interval, however many members there are.
    pub(super) fn rejoin(&mut self, now: Instant) {
        self.rejoin_at = now + self.about(self.call_pause);
        self.call_pause = (self.call_pause * 2).min(self.config.rejoin_interval);
        self.inquiries = INQUIRIES;
        let mut missing = self.peers.clone();
        for member in self.foca.iter_membership_state() {
            if member.state() == State::Down && member.incarnation() != FAREWELL {
                missing.insert(member.id().address);
            }
        }
        for member in self.members().values() {
            if member.facts.is_some() {
                missing.remove(&member.address);
            } else {
                missing.insert(member.address);
            }
        }
        missing.remove(&self.foca.identity().address);
        if missing.is_empty() {
            return;
        }
        let chance = share(CALLERS, 1 + self.foca.num_members()).min(share(CALLS, missing.len()));
        let mut hello = Vec::new();
        let from = self.foca.identity().clone();
        let facts = self.own_facts();
        Message::Hello { from, facts }.encode(&mut hello);
        for address in missing {
            if self.rng.random_bool(chance) {
                self.transmit_to(address, &hello);
            }
        }
    }

    /// Answers a call, which names no receiver: one that was recorded in an earlier life of this member is answered too, and
    /// does nothing else. So is one of a member whose clock was put back, which learns from the answer what to exceed.
    ///
    /// A call may be all that is heard of a member, which does not hear this one: what it tells of itself counts, if this is
    /// the life of it that is known here, and is told of otherwise.
    pub(super) fn called(
        &mut self,
        now: Instant,
        from: &Identity,
        counter: u64,
        facts: Option<FactsPart>,
    ) -> Result<(), DropReason> {
        if from.name == self.foca.identity().name {
            return Err(DropReason::OwnName);
        }
        let taken = self.replay.take(&from.name, from.incarnation, counter);
        if taken == Err(Refused::Replayed) {
            return Err(DropReason::Replayed);
        }
        let heard = self.replay.newest(&from.name);
        let known = self.known(from);
        let told = known.map(|known| known.id().incarnation);
        let lives = known.is_some_and(|known| known.id() == from && known.state() != State::Down);
        match facts {
            Some(part) if lives => self.learn(now, part),
            Some(part) => self.note_caller(from, &part),
            None => {}
        }
        let welcome = Message::Welcome {
            from: self.foca.identity().clone(),
            to: from.clone(),
            known: heard.max(told).unwrap_or(0),
            facts: self.own_facts(),
        };
        self.send(from, &welcome);
        Ok(())
    }

    fn note_caller(&mut self, from: &Identity, part: &FactsPart) {
        if let Learned::Whole(_, facts) = self.roster.learn(part) {
            self.event(Event::Called(Arc::new(Member {
                name: from.name.clone(),
                address: from.address,
                incarnation: from.incarnation,
                facts: Some(facts),
            })));
        }
    }

    /// A call was answered.
    pub(super) fn welcomed(&mut self, now: Instant, from: &Identity, known: u64) {
        let myself = self.foca.identity();
        if known > myself.incarnation {
            let identity = myself.reborn(known.saturating_add(1));
            // It fails when the identity is the same, and it is not.
            let changed = self
                .foca
                .change_identity(identity.clone(), &mut self.runtime);
            debug_assert!(changed.is_ok());
            self.came_back(now, &identity);
            self.settle(now);
            return;
        }
        let member = self.known(from);
        let active = member.is_some_and(|one| one.id() == from && one.state() != State::Down);
        if !active && self.inquiries > 0 {
            self.inquiries -= 1;
            self.send_digest(from);
        }
    }

    /// What this member tells of itself, or a part of it, another each time.
    fn own_facts(&mut self) -> Option<FactsPart> {
        let own = self.foca.identity().digest();
        self.roster.parts(own).choose(&mut self.rng).cloned()
    }

    /// A time around this one, so that members do not do things in step.
    pub(super) fn about(&mut self, time: Duration) -> Duration {
        time.mul_f64(0.75 + f64::from(self.rng.next_u32()) / f64::from(u32::MAX) / 2.0)
    }
}

/// How likely it has to be for each of `all` so that about `wanted` are.
pub(super) fn share(wanted: u32, all: usize) -> f64 {
    let all = u32::try_from(all).unwrap_or(u32::MAX).max(1);
    (f64::from(wanted) / f64::from(all)).min(1.0)
}

/// The first pause between calls is so much shorter than the interval. Each is twice as long as the one before.
const QUICK: u32 = 8;
/// How often a missing member is called in an interval by all others together.
const CALLERS: u32 = 3;
/// How many a member calls in an interval.
const CALLS: u32 = 8;
/// How many of those that answer are asked for all they know: one would do, were no datagram lost.
const INQUIRIES: u8 = 2;
