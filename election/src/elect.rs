//! Who owns a key.

use std::cmp::Reverse;

use crate::score::{Score, digest};

/// One who could own a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Candidate {
    /// Its name, unique among the candidates.
    pub name: String,
    /// The higher, the more it is wanted as owner; 0 where nothing is said.
    pub preference: u32,
}

impl Candidate {
    /// A candidate.
    pub fn new(name: impl Into<String>, preference: u32) -> Self {
        Self {
            name: name.into(),
            preference,
        }
    }

    fn score(&self, key: &str) -> Score<'_> {
        (
            Reverse(self.preference),
            digest(&self.name, key),
            &self.name,
        )
    }
}

/// The owner of `key`: the first of [`rank`]. `None` if there are no candidates.
///
/// The order in which the candidates come makes no difference.
pub fn elect<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    key: &str,
) -> Option<&'a Candidate> {
    candidates
        .into_iter()
        .min_by_key(|candidate| candidate.score(key))
}

/// All candidates in the order in which they would own `key`: each is the owner when all before it are gone.
pub fn rank<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    key: &str,
) -> Vec<&'a Candidate> {
    let mut ranked: Vec<_> = candidates.into_iter().collect();
    ranked.sort_by_cached_key(|candidate| candidate.score(key));
    ranked
}
