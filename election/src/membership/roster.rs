//! Who is a member, with what it told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::facts::Facts;
use super::identity::{Identity, NameDigest};
use super::io::{Member, Members};
use super::name::MemberName;
use super::wire::{FactsPart, Wire as _};

/// The members that are alive, and the newest facts of everybody, who may come back.
#[derive(Debug, Default)]
pub(super) struct Roster {
    members: Arc<Members>,
    facts: BTreeMap<NameDigest, Known>,
    incomplete: BTreeMap<NameDigest, Incomplete>,
}

#[derive(Debug)]
struct Known {
    version: u64,
    facts: Arc<Facts>,
    parts: Vec<FactsPart>,
}

/// Parts of facts whose other parts are under way.
#[derive(Debug)]
struct Incomplete {
    version: u64,
    parts: BTreeMap<u8, FactsPart>,
}

/// What a part of facts was good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Learned {
    /// It is known, older than what is known, or nonsense.
    Nothing,
    /// It is new, and others are missing.
    Part,
    /// It was the last one missing; the member as it is now, if it is one, and its facts.
    Whole(Option<Arc<Member>>, Arc<Facts>),
}

impl Roster {
    pub(super) const fn members(&self) -> &Arc<Members> {
        &self.members
    }

    /// A member is alive, or alive under another address or as another incarnation.
    pub(super) fn insert(&mut self, identity: &Identity) -> Arc<Member> {
        let member = Arc::new(Member {
            name: identity.name.clone(),
            address: identity.address,
            incarnation: identity.incarnation,
            facts: self
                .facts
                .get(&identity.digest())
                .map(|known| known.facts.clone()),
        });
        Arc::make_mut(&mut self.members).insert(identity.name.clone(), member.clone());
        member
    }

    /// A member is not alive any more.
    pub(super) fn remove(&mut self, name: &MemberName) -> Option<Arc<Member>> {
        if !self.members.contains_key(name) {
            return None;
        }
        Arc::make_mut(&mut self.members).remove(name)
    }

    /// Takes in a part of a member's facts.
    pub(super) fn learn(&mut self, part: &FactsPart) -> Learned {
        let digest = NameDigest::of(&part.name);
        if part.version <= self.version(digest) {
            return Learned::Nothing;
        }
        let incomplete = self
            .incomplete
            .entry(digest)
            .or_insert_with(|| Incomplete::new(part.version));
        if part.version < incomplete.version {
            return Learned::Nothing;
        }
        if part.version > incomplete.version {
            *incomplete = Incomplete::new(part.version);
        }
        if incomplete.parts.insert(part.part, part.clone()).is_some() {
            return Learned::Nothing;
        }
        if incomplete.parts.len() < usize::from(part.parts) {
            return Learned::Part;
        }
        let parts = self.incomplete.remove(&digest).map(|whole| whole.parts);
        self.complete(digest, parts.unwrap_or_default().into_values().collect())
    }

    fn complete(&mut self, digest: NameDigest, parts: Vec<FactsPart>) -> Learned {
        let octets: Vec<u8> = parts
            .iter()
            .flat_map(|part| part.octets.iter().copied())
            .collect();
        let (Some(first), Ok(facts)) = (parts.first(), Facts::decode(&mut &*octets)) else {
            return Learned::Nothing;
        };
        let (name, version) = (first.name.clone(), first.version);
        let facts = Arc::new(facts);
        let known = Known {
            version,
            facts: facts.clone(),
            parts,
        };
        self.facts.insert(digest, known);
        let Some(member) = self.members.get(&name) else {
            return Learned::Whole(None, facts);
        };
        let member = Arc::new(Member {
            facts: Some(facts.clone()),
            ..Member::clone(member)
        });
        Arc::make_mut(&mut self.members).insert(name, member.clone());
        Learned::Whole(Some(member), facts)
    }

    /// The version of the facts known of a member; 0: none.
    pub(super) fn version(&self, member: NameDigest) -> u64 {
        self.facts.get(&member).map_or(0, |known| known.version)
    }

    /// The facts known of a member, as they travel.
    pub(super) fn parts(&self, member: NameDigest) -> impl Iterator<Item = &FactsPart> {
        let known = self.facts.get(&member).into_iter();
        known.flat_map(|known| &known.parts)
    }

    /// Forgets what everybody told but these.
    pub(super) fn keep(&mut self, members: &BTreeSet<NameDigest>) {
        self.facts.retain(|member, _| members.contains(member));
        self.incomplete.retain(|member, _| members.contains(member));
    }
}

impl Incomplete {
    const fn new(version: u64) -> Self {
        Self {
            version,
            parts: BTreeMap::new(),
        }
    }
}

/// The parts in which facts travel; `None` when they are larger than anything that a node could need.
pub(super) fn split(name: &MemberName, version: u64, facts: &Facts) -> Option<Vec<FactsPart>> {
    if !facts.fit() {
        return None;
    }
    let mut octets = Vec::new();
    facts.encode(&mut octets);
    let chunks = octets.chunks(PART_LEN);
    let parts = u8::try_from(chunks.len()).ok()?;
    Some(
        chunks
            .zip(0..parts)
            .map(|(octets, part)| FactsPart {
                name: name.clone(),
                version,
                part,
                parts,
                octets: octets.into(),
            })
            .collect(),
    )
}

/// Leaves room for a message of `foca` beside it, so that facts travel along with whatever is said.
const PART_LEN: usize = 700;

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> MemberName {
        "a".parse().unwrap()
    }

    /// Facts that take several parts.
    fn parts(version: u64) -> Vec<FactsPart> {
        let link = crate::membership::LinkFacts {
            up: true,
            mac: [2, 0, 0, 0, 0, 1],
            subnets: vec!["192.0.2.0/24".parse().unwrap()],
        };
        let links = (0..80).map(|vlan| (format!("eth0.{vlan}"), link.clone()));
        let facts = Facts {
            links: links.collect(),
            draining: version > 1,
        };
        split(&name(), version, &facts).unwrap()
    }

    #[test]
    fn parts_make_facts_in_any_order() {
        let mut roster = Roster::default();
        let parts = parts(1);
        assert_eq!(parts.len(), 3);
        assert_eq!(roster.learn(&parts[2]), Learned::Part);
        assert_eq!(roster.learn(&parts[2]), Learned::Nothing);
        assert_eq!(roster.learn(&parts[0]), Learned::Part);
        assert!(matches!(roster.learn(&parts[1]), Learned::Whole(None, _)));
        assert_eq!(roster.version(NameDigest::of(&name())), 1);
        let again = roster.parts(NameDigest::of(&name()));
        assert!(again.eq(&parts));
        assert_eq!(roster.learn(&parts[0]), Learned::Nothing);
    }

    #[test]
    fn newer_facts_take_the_place_of_incomplete_ones() {
        let mut roster = Roster::default();
        let (old, new) = (parts(1), parts(2));
        assert_eq!(roster.learn(&old[0]), Learned::Part);
        assert_eq!(roster.learn(&new[1]), Learned::Part);
        assert_eq!(roster.learn(&old[1]), Learned::Nothing);
        assert_eq!(roster.learn(&new[0]), Learned::Part);
        assert!(matches!(roster.learn(&new[2]), Learned::Whole(None, _)));
        assert_eq!(roster.version(NameDigest::of(&name())), 2);
    }

    #[test]
    fn octets_that_are_no_facts_are_not_learned() {
        let mut roster = Roster::default();
        let nonsense = FactsPart {
            name: name(),
            version: 1,
            part: 0,
            parts: 1,
            octets: [0xa5].into(),
        };
        assert_eq!(roster.learn(&nonsense), Learned::Nothing);
        assert_eq!(roster.version(NameDigest::of(&name())), 0);
    }
}
