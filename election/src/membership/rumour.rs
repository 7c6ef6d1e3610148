//! News that travels along with other messages until enough have it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::identity::NameDigest;
use super::wire::{Entry, Wire as _};

/// What is passed on, for as long as it is news.
#[derive(Debug, Default)]
pub(super) struct Rumours {
    /// The one told next is first.
    waiting: BTreeMap<Turn, Rumour>,
    /// Which one waits about what, as they were counted.
    by_about: BTreeMap<About, u64>,
    added: u64,
}

#[derive(Debug)]
struct Rumour {
    about: About,
    octets: Vec<u8>,
}

/// When a rumour is told: before all that were told more often, and that came later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    /// How often it is still to be told.
    left: Reverse<u8>,
    added: u64,
}

/// What a rumour is about: a newer one about the same takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Member(NameDigest),
    Facts(NameDigest, u8),
    Accusation(NameDigest, NameDigest),
}

impl Rumours {
    /// Passes this on so many times from now on.
    pub(super) fn add(&mut self, entry: &Entry, times: u8) {
        let about = About::of(entry);
        let mut octets = Vec::new();
        entry.encode(&mut octets);
        self.added += 1;
        let added = self.added;
        if let Some(former) = self.by_about.insert(about, added) {
            self.remove(former);
        }
        self.wait(
            Turn {
                left: Reverse(times),
                added,
            },
            Rumour { about, octets },
        );
    }

    /// Puts behind a message what fits in `room` octets more, the least told first.
    pub(super) fn fill(&mut self, message: &mut Vec<u8>, mut room: usize) {
        let mut told = Vec::new();
        let mut too_long = 0;
        for (turn, rumour) in &self.waiting {
            if let Some(rest) = room.checked_sub(rumour.octets.len()) {
                message.extend_from_slice(&rumour.octets);
                told.push(*turn);
                room = rest;
            } else {
                too_long += 1;
                if too_long == PASSED_OVER {
                    break;
                }
            }
        }
        for turn in told {
            if let Some(rumour) = self.waiting.remove(&turn) {
                let Reverse(left) = turn.left;
                let left = Reverse(left.saturating_sub(1));
                self.wait(Turn { left, ..turn }, rumour);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn wait(&mut self, turn: Turn, rumour: Rumour) {
        if turn.left == Reverse(0) {
            self.by_about.remove(&rumour.about);
        } else {
            self.waiting.insert(turn, rumour);
        }
    }

    /// This one is looked for by how often it may be left, which is less work than to know it of each that is told.
    fn remove(&mut self, added: u64) {
        let most = self.waiting.first_key_value();
        let Reverse(most) = most.map_or(Reverse(0), |(turn, _)| turn.left);
        (1..=most).find_map(|left| {
            let left = Reverse(left);
            self.waiting.remove(&Turn { left, added })
        });
    }
}

impl About {
    fn of(entry: &Entry) -> Self {
        match entry {
            Entry::Member(member) => Self::Member(member.id().digest()),
            Entry::Facts(part) => Self::Facts(NameDigest::of(&part.name), part.part),
            Entry::Accusation(accusation) => Self::Accusation(
                NameDigest::of(&accusation.suspect),
                NameDigest::of(&accusation.accuser),
            ),
        }
    }
}

/// How many that do not fit are passed over for shorter ones, so that a message costs the same however much there is to tell.
const PASSED_OVER: usize = 16;

#[cfg(test)]
mod tests {
    use super::super::name::MemberName;
    use super::super::wire::{Accusation, FactsPart};
    use super::*;

    fn name(text: &str) -> MemberName {
        MemberName::try_new(text).unwrap()
    }

    fn facts(version: u64, len: usize) -> Entry {
        Entry::Facts(FactsPart {
            name: name("a"),
            version,
            part: 0,
            parts: 1,
            octets: vec![0xa5; len].into(),
        })
    }

    fn accusation(accuser: &str) -> Entry {
        Entry::Accusation(Accusation {
            suspect: name("a"),
            incarnation: (1, 0),
            accuser: name(accuser),
        })
    }

    fn told(rumours: &mut Rumours, room: usize) -> Vec<Entry> {
        let mut message = vec![0xa5];
        rumours.fill(&mut message, room);
        assert!(message.len() <= 1 + room);
        let mut rest = &message[1..];
        let mut entries = Vec::new();
        while !rest.is_empty() {
            entries.push(Entry::decode(&mut rest).unwrap());
        }
        entries
    }

    #[test]
    fn a_rumour_is_told_as_often_as_wanted() {
        let mut rumours = Rumours::default();
        rumours.add(&accusation("b"), 2);
        assert_eq!(told(&mut rumours, 100), [accusation("b")]);
        assert_eq!(told(&mut rumours, 100), [accusation("b")]);
        assert!(rumours.is_empty());
    }

    #[test]
    fn what_was_told_least_is_told_first() {
        let mut rumours = Rumours::default();
        rumours.add(&accusation("b"), 3);
        assert_eq!(told(&mut rumours, 20), [accusation("b")]);
        rumours.add(&accusation("c"), 3);
        assert_eq!(told(&mut rumours, 20), [accusation("c")]);
        assert_eq!(told(&mut rumours, 100).len(), 2);
    }

    #[test]
    fn newer_facts_take_the_place_of_older_ones() {
        let mut rumours = Rumours::default();
        rumours.add(&facts(1, 5), 3);
        rumours.add(&facts(2, 5), 3);
        assert_eq!(told(&mut rumours, 100), [facts(2, 5)]);
    }
}
