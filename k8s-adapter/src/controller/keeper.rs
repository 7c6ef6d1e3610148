//! Seeing to it that the last good versions of the configuration are kept for a controller that comes later.

use planner::effect::{Effect, LastGoodVersions};

/// What has been given away to be kept.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    kept: Option<LastGoodVersions>,
}

impl Keeper {
    /// What there is to do for `versions` to be kept: nothing if they were given away already, or are `shown` to be.
    pub(super) fn update(
        &mut self,
        versions: LastGoodVersions,
        shown: &LastGoodVersions,
    ) -> Option<Effect> {
        if self.kept.as_ref() == Some(&versions) {
            return None;
        }
        self.kept = Some(versions.clone());
        (versions != *shown).then_some(Effect::KeepLastGood(versions))
    }

    /// Whether anything but what is shown is taken for granted.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.kept.is_none()
    }

    /// Takes nothing for granted any more but what is shown: somebody may have removed the rest.
    pub(super) fn doubt(&mut self) {
        self.kept = None;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn versions(text: &str) -> LastGoodVersions {
        LastGoodVersions(BTreeMap::from([("key".to_owned(), text.to_owned())]))
    }

    #[test]
    fn what_is_given_away_is_not_given_away_again_before_there_is_doubt() {
        let (one, nothing) = (versions("one"), LastGoodVersions::default());
        let mut keeper = Keeper::default();
        let effect = Some(Effect::KeepLastGood(one.clone()));
        assert_eq!(keeper.update(one.clone(), &nothing), effect);
        assert_eq!(keeper.update(one.clone(), &nothing), None);
        keeper.doubt();
        assert_eq!(keeper.update(one.clone(), &nothing), effect);
        keeper.doubt();
        assert_eq!(keeper.update(one.clone(), &one), None);
    }

    #[test]
    fn that_there_are_no_versions_any_more_is_kept_as_well() {
        let (one, nothing) = (versions("one"), LastGoodVersions::default());
        let mut keeper = Keeper::default();
        assert_eq!(keeper.update(nothing.clone(), &nothing), None);
        keeper.update(one.clone(), &nothing);
        let effect = Some(Effect::KeepLastGood(nothing.clone()));
        assert_eq!(keeper.update(nothing, &one), effect);
    }
}
