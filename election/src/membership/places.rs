//! Where `foca` has which member in its list, which it looks through from the beginning each time.

use std::collections::{BTreeMap, BTreeSet};

use foca::Member;

use super::Swim;
use super::identity::{Identity, NameDigest};

/// The places where members were found last. `foca` shuffles its list now and then; who has moved is searched for once.
#[derive(Debug, Default)]
pub(super) struct Places(BTreeMap<NameDigest, usize>);

impl Places {
    /// What `swim` knows of the member of this name, in whichever life, dead ones included.
    pub(super) fn find<'a>(
        &mut self,
        swim: &'a Swim,
        namesake: &Identity,
    ) -> Option<&'a Member<Identity>> {
        let at = |place| swim.iter_membership_state().nth(place);
        let is_it = |member: &&Member<Identity>| member.id().is_namesake(namesake);
        let place = self.0.get(&namesake.digest());
        if let Some(member) = place.and_then(|place| at(*place)).filter(is_it) {
            return Some(member);
        }
        let place = swim
            .iter_membership_state()
            .position(|member| is_it(&member))?;
        self.0.insert(namesake.digest(), place);
        at(place)
    }

    /// Forgets all but these.
    pub(super) fn keep(&mut self, members: &BTreeSet<NameDigest>) {
        self.0.retain(|member, _| members.contains(member));
    }
}
