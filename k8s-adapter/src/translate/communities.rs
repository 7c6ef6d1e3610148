//! Community (compat/metallb.md 1.6): the communities of an advertisement, by value or by alias.

use std::collections::{BTreeMap, BTreeSet};

use bgp_wire::{Community, LargeCommunity};

use super::error::{Kind, ObjectName, ObjectRef, Reason};
use super::last_good::Faults;
use crate::crd;

/// A community of either size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnyCommunity {
    Standard(Community),
    Large(LargeCommunity),
}

/// The aliases of one Community object, with their place in it.
pub(super) type TranslatedAliases = Vec<(usize, String, AnyCommunity)>;

/// Reads a Community object.
pub(super) fn translate(object: &crd::Community, faults: &mut Faults) -> Option<TranslatedAliases> {
    let mut aliases: TranslatedAliases = Vec::new();
    for (index, alias) in object.spec.communities.iter().enumerate() {
        let field = format!("spec.communities[{index}]");
        if aliases.iter().any(|(_, name, _)| *name == alias.name) {
            faults.reject(
                format!("{field}.name"),
                Reason::Duplicate(format!("{:?}", alias.name)),
            );
        }
        match parse(&alias.value) {
            Ok(Some(community)) => aliases.push((index, alias.name.clone(), community)),
            Ok(None) => faults.reject(
                format!("{field}.value"),
                Reason::Invalid(NO_COMMUNITY.to_owned()),
            ),
            Err(detail) => faults.reject(format!("{field}.value"), Reason::Invalid(detail)),
        }
    }
    Some(aliases)
}

/// All aliases in force, and the objects that they are from.
#[derive(Debug, Default)]
pub(super) struct Aliases(BTreeMap<String, (AnyCommunity, ObjectName)>);

impl Aliases {
    /// Adds the aliases of an object, unless an older one has one of them.
    pub(super) fn accept(
        &mut self,
        name: &ObjectName,
        translated: &TranslatedAliases,
        faults: &mut Faults,
    ) {
        let mut is_free = true;
        for (index, alias, _) in translated {
            if let Some((_, owner)) = self.0.get(alias) {
                is_free = false;
                let what = format!("alias {alias:?}");
                let with = ObjectRef::new(Kind::Community, owner.clone());
                let conflict = Reason::Conflict {
                    there: what.clone(),
                    what,
                    with,
                };
                faults.reject(format!("spec.communities[{index}].name"), conflict);
            }
        }
        if is_free {
            let entries = translated.iter();
            self.0.extend(
                entries.map(|(_, alias, community)| (alias.clone(), (*community, name.clone()))),
            );
        }
    }

    /// What the entries of the list at `field` stand for.
    pub(super) fn resolve_all(
        &self,
        field: &str,
        texts: &[String],
        faults: &mut Faults,
    ) -> (BTreeSet<Community>, BTreeSet<LargeCommunity>) {
        let (mut standard, mut large) = (BTreeSet::new(), BTreeSet::new());
        for (index, text) in texts.iter().enumerate() {
            match self.resolve(text) {
                Ok(AnyCommunity::Standard(community)) => {
                    standard.insert(community);
                }
                Ok(AnyCommunity::Large(community)) => {
                    large.insert(community);
                }
                Err(reason) => faults.reject(format!("{field}[{index}]"), reason),
            }
        }
        (standard, large)
    }

    /// What an entry of a list of communities stands for.
    fn resolve(&self, text: &str) -> Result<AnyCommunity, Reason> {
        match parse(text) {
            Ok(Some(community)) => Ok(community),
            Ok(None) => match self.0.get(text) {
                Some((community, _)) => Ok(*community),
                None => Err(Reason::NotFound(format!("Community alias {text:?}"))),
            },
            Err(detail) => Err(Reason::Invalid(detail)),
        }
    }
}

/// Communities by value, as the lists of manifests have them.
pub(super) fn texts(
    communities: &BTreeSet<Community>,
    large_communities: &BTreeSet<LargeCommunity>,
) -> Vec<String> {
    let large = large_communities.iter();
    let large = large.map(|community| format!("large:{community}"));
    let standard = communities.iter().map(ToString::to_string);
    standard.chain(large).collect()
}

/// A community by value: `a:b` or `large:x:y:z`; `None` for what looks like neither.
fn parse(text: &str) -> Result<Option<AnyCommunity>, String> {
    if let Some(large) = text.strip_prefix("large:") {
        return match large.parse() {
            Ok(community) => Ok(Some(AnyCommunity::Large(community))),
            Err(error) => Err(format!("{text:?} is {error}")),
        };
    }
    if text.matches(':').count() != 1 {
        return Ok(None);
    }
    match text.parse() {
        Ok(community) => Ok(Some(AnyCommunity::Standard(community))),
        Err(error) => Err(format!("{text:?} is {error}")),
    }
}

const NO_COMMUNITY: &str = "not a community: write 65000:100 or large:65000:1:2";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_aliases() {
        assert_eq!(
            parse("65000:100"),
            Ok(Some(AnyCommunity::Standard(Community::new(65000, 100))))
        );
        assert_eq!(
            parse("large:1:2:3"),
            Ok(Some(AnyCommunity::Large(LargeCommunity::new(1, 2, 3))))
        );
        assert_eq!(parse("no-export"), Ok(None));
        assert_eq!(parse("1:2:3"), Ok(None));
    }

    #[test]
    fn a_number_out_of_range_is_no_alias() {
        assert!(parse("65536:1").is_err());
        assert!(parse("large:1:2:4294967296").is_err());
    }
}
