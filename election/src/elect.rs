//! Who owns a key.

use std::cmp::Reverse;

use crate::score::{Message, Prefix, Score};

/// One who could own a key.
///
/// Made once and asked for many keys: what their digests have in common is worked out when it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Candidate {
    name: String,
    /// The higher, the more it is wanted as owner; 0 where nothing is said.
    pub preference: u32,
    prefix: Prefix,
}

impl Candidate {
    /// A candidate. Its name is unique among the candidates.
    pub fn new(name: impl Into<String>, preference: u32) -> Self {
        let name = name.into();
        Self {
            prefix: Prefix::new(&name),
            name,
            preference,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The owner of `key`: the first of [`rank`]. `None` if there are no candidates.
///
/// The order in which the candidates come makes no difference.
pub fn elect<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    key: &str,
) -> Option<&'a Candidate> {
    let entries = entries(candidates, key);
    let first = entries.iter().min_by_key(|entry| entry.score())?;
    Some(first.candidate)
}

/// All candidates in the order in which they would own `key`: each is the owner when all before it are gone.
pub fn rank<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    key: &str,
) -> Vec<&'a Candidate> {
    let mut entries = entries(candidates, key);
    entries.sort_by_cached_key(Entry::score);
    entries.iter().map(|entry| entry.candidate).collect()
}

/// A candidate for one key.
struct Entry<'a> {
    candidate: &'a Candidate,
    message: Message,
}

impl<'a> Entry<'a> {
    fn score(&self) -> Score<'a> {
        let Candidate {
            name, preference, ..
        } = self.candidate;
        (Reverse(*preference), self.message.digest(), name)
    }
}

/// The candidates with their messages, all of them written before the first is hashed: see [`Message`].
fn entries<'a>(candidates: impl IntoIterator<Item = &'a Candidate>, key: &str) -> Vec<Entry<'a>> {
    let candidates = candidates.into_iter();
    let entries = candidates.map(|candidate| Entry {
        candidate,
        message: candidate.prefix.message(),
    });
    let mut entries: Vec<_> = entries.collect();
    for entry in &mut entries {
        entry.message.write(key);
    }
    entries
}
