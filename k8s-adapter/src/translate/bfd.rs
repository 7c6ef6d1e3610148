//! BFDProfile: not supported yet, which is said of every one.

use super::error::{Kind, Reason};
use super::last_good::{LastGood, Report};
use super::objects::Objects;
use crate::crd::BFDProfile;

/// Reports every BFDProfile as out of force.
pub(super) fn reject(profiles: &Objects<BFDProfile>, report: &mut Report<'_>) {
    LastGood::<BFDProfile, ()>::default().bring_in_force(
        Kind::BFDProfile,
        profiles,
        report,
        |_, _, faults| {
            faults.reject(
                "",
                Reason::NotSupportedYet {
                    field: "BFDProfile",
                },
            );
            None
        },
        |_, (), _| {},
    );
}
