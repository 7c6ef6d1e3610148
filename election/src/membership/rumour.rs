//! News that travels along with other messages until enough have it.

use super::identity::NameDigest;
use super::wire::{Entry, Wire as _};

/// What is passed on, for as long as it is news.
#[derive(Debug, Default)]
pub(super) struct Rumours {
    waiting: Vec<Rumour>,
}

#[derive(Debug)]
struct Rumour {
    about: About,
    octets: Vec<u8>,
    /// How often it is still to be told.
    left: u8,
}

/// What a rumour is about: a newer one about the same takes its place.
#[derive(Debug, PartialEq, Eq)]
enum About {
    Facts(NameDigest, u8),
    Accusation(NameDigest, NameDigest),
}

impl Rumours {
    /// Passes this on so many times from now on. Only facts and accusations are rumours; members travel with `foca`.
    pub(super) fn add(&mut self, entry: &Entry, times: u8) {
        let about = match entry {
            Entry::Facts(part) => About::Facts(NameDigest::of(&part.name), part.part),
            Entry::Accusation(accusation) => About::Accusation(
                NameDigest::of(&accusation.suspect),
                NameDigest::of(&accusation.accuser),
            ),
            Entry::Member(_) => return,
        };
        self.waiting.retain(|rumour| rumour.about != about);
        let mut octets = Vec::new();
        entry.encode(&mut octets);
        let left = times;
        self.waiting.push(Rumour {
            about,
            octets,
            left,
        });
        self.sort();
    }

    /// Puts behind a message what fits in `room` octets more, the least told first.
    pub(super) fn fill(&mut self, message: &mut Vec<u8>, room: usize) {
        if self.waiting.is_empty() {
            return;
        }
        let limit = message.len() + room;
        for rumour in &mut self.waiting {
            if message.len() + rumour.octets.len() <= limit {
                message.extend_from_slice(&rumour.octets);
                rumour.left -= 1;
            }
        }
        self.waiting.retain(|rumour| rumour.left > 0);
        self.sort();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn sort(&mut self) {
        self.waiting
            .sort_by_key(|rumour| std::cmp::Reverse(rumour.left));
    }
}

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
