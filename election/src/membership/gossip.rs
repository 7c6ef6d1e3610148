//! What is said: messages of `foca` with news behind them, gossip, and the farewell.

use std::time::Instant;

use foca::{Member, State};

use super::Membership;
use super::config::DATAGRAM_LEN;
use super::facts::Facts;
use super::identity::Identity;
use super::io::Event;
use super::roster::{self, Learned};
use super::seal;
use super::wire::{self, Entry, FactsPart, Message, Wire as _};

/// When news is passed on, in lived time.
#[derive(Debug, Default)]
pub(super) struct Gossip {
    at: Option<Instant>,
    last: Option<Instant>,
}

impl Gossip {
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    pub(super) const fn next(&self) -> Option<Instant> {
        self.at
    }
}

impl Membership {
    /// Tells this about the member from now on.
    pub(super) fn set_local(&mut self, now: Instant, facts: Facts) {
        if self.facts.as_ref() == Some(&facts) {
            return;
        }
        let name = self.foca.identity().name.clone();
        self.facts_version += 1;
        let Some(parts) = roster::split(&name, self.facts_version, &facts) else {
            self.event(Event::FactsTooLarge);
            return;
        };
        self.facts = Some(facts);
        for part in parts {
            self.roster.learn(&part);
            self.spread(now, &Entry::Facts(part));
        }
    }

    /// Takes in a part of a member's facts, and passes it on when it is new.
    pub(super) fn learn(&mut self, now: Instant, part: FactsPart) {
        if part.name == self.foca.identity().name {
            self.surpass(now, &part);
            return;
        }
        let learned = self.roster.learn(&part);
        if learned == Learned::Nothing {
            return;
        }
        self.spread(now, &Entry::Facts(part));
        if let Learned::Whole(Some(member), _) = learned {
            self.event(Event::Changed(member));
        }
    }

    /// Others know later facts of this member than it told in this life, since a clock was put back: says it anew.
    fn surpass(&mut self, now: Instant, part: &FactsPart) {
        if part.version > self.facts_version {
            self.facts_version = part.version;
            if let Some(facts) = self.facts.take() {
                self.set_local(now, facts);
            }
        }
    }

    /// Passes news on from now on.
    pub(super) fn spread(&mut self, now: Instant, entry: &Entry) {
        let times = self.transmissions();
        self.rumours.add(entry, times);
        self.hurry(now);
    }

    /// There is news: the next gossip is at once, or a moment after the last.
    pub(super) fn hurry(&mut self, now: Instant) {
        let at = self
            .gossip
            .last
            .map_or(now, |last| now.max(last + self.config.gossip_pause));
        self.gossip.at = Some(self.gossip.at.map_or(at, |planned| planned.min(at)));
    }

    /// There is something left to be passed on.
    pub(super) fn plan_gossip(&mut self, now: Instant) {
        if self.gossip.at.is_none() && self.has_news() {
            self.gossip.at = Some(now + self.config.gossip_interval);
        }
    }

    /// Passes on what is news to a few members at random.
    pub(super) fn pass_on(&mut self, now: Instant) {
        self.gossip.at = None;
        if self.has_news() {
            self.gossip.last = Some(now);
            // It fails when something cannot be encoded, and everything can.
            let gossiped = self.foca.gossip(&mut self.runtime);
            debug_assert!(gossiped.is_ok());
            self.settle(now);
        }
    }

    fn has_news(&self) -> bool {
        self.foca.num_members() > 0 && (self.foca.updates_backlog() > 0 || !self.rumours.is_empty())
    }

    /// Says to everybody that this member goes.
    pub(super) fn leave(&mut self) {
        let identity = self.foca.identity().clone();
        let others: Vec<Identity> = self
            .foca
            .iter_members()
            .map(|member| member.id().clone())
            .collect();
        let farewell = [Entry::Member(Member::new(identity, FAREWELL, State::Down))];
        for other in others {
            self.tell(&other, &farewell);
        }
        self.left = true;
    }

    /// Tells a member some of what is known.
    pub(super) fn tell(&mut self, to: &Identity, entries: &[Entry]) {
        self.tell_all(to, entries, false);
    }

    /// Tells a member what is known, in as many datagrams as it takes; the last one may ask for an answer.
    pub(super) fn tell_all(&mut self, to: &Identity, entries: &[Entry], answer: bool) {
        let head = |answer| {
            let message = Message::Entries {
                from: self.foca.identity().clone(),
                to: to.clone(),
                answer,
                entries: Vec::new(),
            };
            let mut octets = Vec::new();
            message.encode(&mut octets);
            octets
        };
        let (first, last) = (head(false), head(answer));
        let mut messages = vec![first.clone()];
        let mut entry_octets = Vec::new();
        for entry in entries {
            entry_octets.clear();
            entry.encode(&mut entry_octets);
            if messages
                .last()
                .is_none_or(|message| message.len() + entry_octets.len() > MESSAGE_LEN)
            {
                messages.push(first.clone());
            }
            if let Some(message) = messages.last_mut() {
                message.extend_from_slice(&entry_octets);
            }
        }
        if let Some(message) = messages.last_mut() {
            message.splice(..last.len(), last);
        }
        for message in messages {
            self.transmit(to, &message);
        }
    }

    /// Sends what `foca` has to say, with as much news behind it as there is room for.
    pub(super) fn send_swim(&mut self, to: &Identity, payload: &[u8]) {
        let incarnation = wire::incarnation(payload);
        if incarnation > self.contradiction {
            self.stats.contradictions += 1;
            self.health.was_suspected();
        }
        self.contradiction = incarnation;
        let mut message = Vec::with_capacity(MESSAGE_LEN);
        wire::swim(&mut message, payload);
        let room = MESSAGE_LEN.saturating_sub(message.len());
        self.rumours.fill(&mut message, room);
        self.transmit(to, &message);
        self.go_on_telling(payload);
    }

    /// What `foca` told in a message is told as often again as all news, by and by.
    fn go_on_telling(&mut self, payload: &[u8]) {
        let told = wire::told(payload);
        debug_assert!(told.is_ok());
        let times = self.transmissions().saturating_sub(1);
        for member in told.unwrap_or_default() {
            self.rumours.add(&Entry::Member(member), times);
        }
    }

    pub(super) fn send(&mut self, to: &Identity, message: &Message<'_>) {
        let mut octets = Vec::new();
        message.encode(&mut octets);
        self.transmit(to, &octets);
    }

    fn transmit(&mut self, to: &Identity, message: &[u8]) {
        self.transmit_to(to.address, message);
    }

    /// This member as others are to know it.
    pub(super) fn myself(&self) -> Member<Identity> {
        Member::new(
            self.foca.identity().clone(),
            self.contradiction,
            State::Alive,
        )
    }
}

/// The incarnation of a member that is down by its own word. It stays with the news of it, and no living member gets there:
/// `foca` begins a new life before.
pub(super) const FAREWELL: foca::Incarnation = foca::Incarnation::MAX;
/// The longest message that fits a datagram.
const MESSAGE_LEN: usize = DATAGRAM_LEN - seal::OVERHEAD;
