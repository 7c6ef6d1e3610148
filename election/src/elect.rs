//! Who owns a key.

use std::cmp::Reverse;

use crate::score::{Prefix, Score};

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

    fn score(&self, key: &str) -> Score<'_> {
        (
            Reverse(self.preference),
            self.prefix.digest(key),
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
