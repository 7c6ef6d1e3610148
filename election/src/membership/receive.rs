//! What is heard.

use std::net::SocketAddr;
use std::time::Instant;

use foca::{Identity as _, Member, State};

use super::Membership;
use super::config::DATAGRAM_LEN;
use super::identity::Identity;
use super::io::{DropReason, Event, Output};
use super::replay::Refused;
use super::seal::{self, Opened, Unopened};
use super::wire::{Accusation, Entry, Message, SwimHeader, Wire as _};

impl Membership {
    /// Opens a datagram. Nothing changes by that.
    pub(super) fn open(&self, octets: &[u8]) -> Result<Opened, DropReason> {
        if self.left {
            return Err(DropReason::Left);
        }
        if octets.len() > DATAGRAM_LEN {
            return Err(DropReason::Length);
        }
        self.seal.open(octets).map_err(|unopened| match unopened {
            Unopened::TooShort => DropReason::Length,
            Unopened::Version => DropReason::Version,
            Unopened::Unauthenticated => DropReason::Unauthenticated,
        })
    }

    pub(super) fn drop_datagram(&mut self, from: SocketAddr, reason: DropReason) {
        *self.stats.dropped.entry(reason).or_default() += 1;
        self.event(Event::Dropped { from, reason });
    }

    /// Takes in what a member says.
    pub(super) fn receive(&mut self, now: Instant, opened: &Opened) -> Result<(), DropReason> {
        let mut news = Vec::new();
        let is_new = |octets: &[u8]| {
            let new = self.heard.is_new(octets);
            news.extend(new);
            new.is_some()
        };
        let message = Message::decode_new(&opened.message, is_new);
        let message = message.map_err(|_| DropReason::Malformed)?;
        let counter = opened.counter;
        // A call does not say that the caller knows this life.
        let is_call = matches!(message, Message::Hello { .. });
        let life = self.foca.identity().incarnation;
        match message {
            Message::Hello { from, facts } => self.called(now, &from, counter, facts)?,
            Message::Welcome {
                from,
                to,
                known,
                facts,
            } => {
                self.admit(&from, &to, counter)?;
                if let Some(part) = facts {
                    self.learn(now, part);
                }
                self.welcomed(now, &from, known);
            }
            Message::Digest { from, to, digest } => {
                self.admit(&from, &to, counter)?;
                self.compare(&from, digest);
            }
            Message::Entries {
                from,
                to,
                answer,
                entries,
            } => {
                self.admit(&from, &to, counter)?;
                self.hear(now, &from, entries, answer);
            }
            Message::Swim { payload, entries } => {
                let header =
                    SwimHeader::decode(&mut &*payload).map_err(|_| DropReason::Malformed)?;
                self.admit(&header.src, &header.dst, counter)?;
                // Who is held dead is told so by `foca`.
                if !entries.is_empty() && !self.is_dead(&header.src) {
                    // What it says of its own former life counts only after it.
                    let sender = Member::new(header.src, header.src_incarnation, State::Alive);
                    self.hear_news(now, Entry::Member(sender));
                    entries
                        .into_iter()
                        .for_each(|entry| self.hear_news(now, entry));
                    news.into_iter().for_each(|news| self.heard.remember(news));
                }
                let handled = self.foca.handle_data(payload, &mut self.runtime);
                self.settle(now);
                handled.map_err(|_| DropReason::Malformed)?;
            }
        }
        if !is_call && life == self.foca.identity().incarnation {
            self.is_spoken_to(now);
        }
        self.stats.received += 1;
        self.stats.octets_received +=
            u64::try_from(opened.message.len() + seal::OVERHEAD).unwrap_or(u64::MAX);
        Ok(())
    }

    /// Lets a datagram count when it is for this life of this member, and new.
    fn admit(&mut self, from: &Identity, to: &Identity, counter: u64) -> Result<(), DropReason> {
        let myself = self.foca.identity();
        if to != myself {
            return Err(DropReason::OtherReceiver);
        }
        if from.name == myself.name {
            return Err(DropReason::OwnName);
        }
        self.replay
            .take(&from.name, from.incarnation, counter)
            .map_err(|refused| match refused {
                Refused::Replayed => DropReason::Replayed,
                Refused::OldIncarnation => DropReason::OldIncarnation,
            })
    }

    /// Takes in what a member knows.
    fn hear(&mut self, now: Instant, from: &Identity, entries: Vec<Entry>, answer: bool) {
        if self.is_dead(from) {
            // What one says who is dead here is stale, but for this: that it holds this member dead, as after both lost sight of
            // each other. Whoever hears so first comes back, and tells the other.
            let held_dead = Entry::Member(Member::down(self.foca.identity().clone()));
            if entries.contains(&held_dead) {
                self.apply(now, Member::down(self.foca.identity().clone()), true);
            } else {
                self.notify(from);
            }
            return;
        }
        // Who joins learns what all others know already.
        let pass_on = self.foca.num_members() > 0;
        let mut dead = Vec::new();
        for entry in entries {
            match entry {
                Entry::Member(member) => dead.extend(self.hear_of(now, from, member, pass_on)),
                Entry::Facts(part) => self.learn(now, part),
                Entry::Accusation(accusation) => self.hear_accusation(now, accusation),
            }
        }
        if !dead.is_empty() {
            self.tell(from, &dead);
        }
        if answer {
            self.tell_everything(from, false);
        }
    }

    /// Takes in what travels along with a message. What it says of members is what `foca` says, told once more.
    fn hear_news(&mut self, now: Instant, entry: Entry) {
        match entry {
            Entry::Member(member) => {
                if self.is_news(&member) {
                    self.apply(now, member, true);
                }
            }
            Entry::Facts(part) => self.learn(now, part),
            Entry::Accusation(accusation) => self.hear_accusation(now, accusation),
        }
    }

    /// Whether this is more than what is known of the member: a later life, or what comes later in this one in the order of
    /// SWIM, section 4.2.
    fn is_news(&mut self, member: &Member<Identity>) -> bool {
        let Some(known) = self.known(member.id()) else {
            return true;
        };
        if known.id() != member.id() {
            return member.id().win_addr_conflict(known.id());
        }
        match (known.state(), member.state()) {
            (State::Down, _) => false,
            (_, State::Down) => true,
            (State::Alive, State::Suspect) => member.incarnation() >= known.incarnation(),
            _ => member.incarnation() > known.incarnation(),
        }
    }

    /// Takes in that a member suspects another, and passes it on when it is new.
    pub(super) fn hear_accusation(&mut self, now: Instant, accusation: Accusation) {
        if self.accusations.add(now, &accusation) {
            self.spread(now, &Entry::Accusation(accusation));
        }
    }

    /// Takes in what a member says of one. Returns what it does not know: that the one is dead.
    fn hear_of(
        &mut self,
        now: Instant,
        from: &Identity,
        member: Member<Identity>,
        pass_on: bool,
    ) -> Option<Entry> {
        let (identity, state) = (member.id().clone(), member.state());
        if identity.name == self.foca.identity().name {
            if identity == *self.foca.identity() {
                self.apply(now, member, pass_on);
                if state == State::Suspect {
                    let myself = self.myself();
                    self.tell(from, &[Entry::Member(myself)]);
                }
            }
            return None;
        }
        if state == State::Down && identity == *from {
            self.apply(now, member, true);
            return None;
        }
        let known = self
            .known(&identity)
            .filter(|known| *known.id() == identity);
        match (state, known) {
            (State::Down, Some(known)) if known.state() != State::Down => {
                let incarnation = known.incarnation();
                self.doubt(now, &identity, incarnation, from);
            }
            (State::Down, _) => {}
            (_, Some(known)) if known.state() == State::Down => {
                self.notify(&identity);
                return Some(Entry::Member(Member::down(identity)));
            }
            // When two compare what they know, most of it is the same.
            (_, Some(known)) if *known == member => {}
            _ => self.apply(now, member, pass_on),
        }
        None
    }

    /// Tells one that it is held dead here, so that it can come back as its next incarnation.
    pub(super) fn notify(&mut self, identity: &Identity) {
        self.tell(identity, &[Entry::Member(Member::down(identity.clone()))]);
    }

    /// This life of a member is over, as far as is known.
    pub(super) fn is_dead(&mut self, identity: &Identity) -> bool {
        self.known(identity)
            .is_some_and(|known| known.id() == identity && known.state() == State::Down)
    }

    pub(super) fn transmit_to(&mut self, to: SocketAddr, message: &[u8]) {
        for octets in self.seal.seal(message) {
            self.stats.sent += 1;
            self.stats.octets_sent += u64::try_from(octets.len()).unwrap_or(u64::MAX);
            self.outputs.push_back(Output::Transmit { to, octets });
        }
    }
}
