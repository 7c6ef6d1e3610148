//! What was missed on the way: every now and then two members compare what they know.

use std::time::{Duration, Instant};

use foca::State;
use rand::RngExt as _;
use rand::seq::IteratorRandom as _;
use sha2::{Digest as _, Sha256};

use super::Membership;
use super::identity::Identity;
use super::join::share;
use super::wire::{Entry, Message};

impl Membership {
    /// Compares with a random member, and forgets what is of no use any more.
    pub(super) fn sync(&mut self, now: Instant) {
        self.sync_at = now + self.about(self.config.sync_interval);
        let other = self.foca.iter_members().choose(&mut self.rng);
        if let Some(other) = other.map(|member| member.id().clone()) {
            self.send_digest(&other);
        }
        if let Some(before) = now.checked_sub(KEEP_ACCUSATIONS) {
            self.accusations.forget(before);
        }
        let others = self.foca.iter_membership_state().map(foca::Member::id);
        let all = std::iter::once(self.foca.identity()).chain(others);
        let all = all.map(Identity::digest).collect();
        self.roster.keep(&all);
        self.places.keep(&all);
        self.heard.forget();
    }

    pub(super) fn send_digest(&mut self, to: &Identity) {
        let message = Message::Digest {
            from: self.foca.identity().clone(),
            to: to.clone(),
            digest: self.digest(),
        };
        self.send(to, &message);
    }

    /// Compares what another knows with what is known here, and tells it everything when that differs.
    pub(super) fn compare(&mut self, from: &Identity, digest: u64) {
        if self.is_dead(from) {
            self.notify(from);
        } else if digest != self.digest() {
            self.tell_everything(from, true);
        }
    }

    pub(super) fn tell_everything(&mut self, to: &Identity, answer: bool) {
        let myself = self.myself();
        let members = std::iter::once(&myself).chain(self.foca.iter_members());
        let entries: Vec<Entry> = members
            .flat_map(|member| {
                let parts = self.roster.parts(member.id().digest());
                let parts = parts.cloned().map(Entry::Facts);
                std::iter::once(Entry::Member(member.clone())).chain(parts)
            })
            .collect();
        self.tell_all(to, &entries, answer);
    }

    /// Tells one that has come who is dead: if it was known before, it was away, and may take them for alive. Some of all
    /// members do.
    pub(super) fn tell_who_is_dead(&mut self, to: &Identity) {
        let chance = share(TELLERS, self.foca.num_members());
        if !self.rng.random_bool(chance) {
            return;
        }
        let members = self.foca.iter_membership_state();
        let dead = members.filter(|member| member.state() == State::Down);
        let dead: Vec<Entry> = dead.cloned().map(Entry::Member).collect();
        if !dead.is_empty() {
            self.tell_all(to, &dead, false);
        }
    }

    /// The same for all who know the same members, lives and facts: a sum, so that their order does not count.
    fn digest(&self) -> u64 {
        std::iter::once(self.foca.identity())
            .chain(self.foca.iter_members().map(foca::Member::id))
            .map(|identity| {
                let hash = Sha256::new()
                    .chain_update(identity.incarnation.to_be_bytes())
                    .chain_update(self.roster.version(identity.digest()).to_be_bytes())
                    .chain_update(identity.name.as_str())
                    .finalize();
                hash.first_chunk().copied().map_or(0, u64::from_be_bytes)
            })
            .fold(0, u64::wrapping_add)
    }
}

/// By how many one is told who is dead: more than one, so that it believes it soon, and since datagrams get lost.
const TELLERS: u32 = 3;
/// Longer than any suspicion.
const KEEP_ACCUSATIONS: Duration = Duration::from_secs(300);
