//! Which candidates are asked first.

use crate::eligible::Exclusion;
use crate::members::Attachment;

/// Which candidates are asked first: the lowest tier that anybody is in. First by what their links are good for, then by
/// whether they stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tier {
    reach: Reach,
    stay: Stay,
}

/// What the links of a candidate are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// They reach those who ask for the address, as far as anybody knows.
    Able,
    /// They are on other subnets than the address, unlike those of another node.
    Elsewhere,
    /// None is up.
    Down,
}

/// Whether a candidate stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stay {
    /// It does.
    Staying,
    /// It is asked to let go of what it announces, by its Node or its speaker.
    Draining,
}

impl Tier {
    /// The tier of a candidate. Whether some candidate is on the subnet of the address decides what it means not to be.
    pub(super) fn new(attachment: Attachment, some_on_subnet: bool, stay: Stay) -> Self {
        let reach = match attachment {
            Attachment::Down => Reach::Down,
            Attachment::Elsewhere if some_on_subnet => Reach::Elsewhere,
            Attachment::Elsewhere | Attachment::OnSubnet | Attachment::Unknown => Reach::Able,
        };
        Self { reach, stay }
    }

    /// Why a candidate of this tier is passed over where one of a lower tier is not.
    pub(super) fn exclusion(self) -> Option<Exclusion> {
        match (self.reach, self.stay) {
            (Reach::Down, _) => Some(Exclusion::LinkDown),
            (Reach::Elsewhere, _) => Some(Exclusion::NotOnSubnet),
            (Reach::Able, Stay::Draining) => Some(Exclusion::Draining),
            (Reach::Able, Stay::Staying) => None,
        }
    }
}
