//! What was found wrong with an UPDATE, short of ending the session (RFC 7606 §2).

use crate::error::DecodeError;

/// What follows from a fault; the strongest of several wins (RFC 7606 §3 h).
#[expect(clippy::exhaustive_enums, reason = "RFC 7606 §2 knows these four")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorAction {
    /// The attribute is left out, the rest of the UPDATE stands.
    AttributeDiscard,
    /// The prefixes of the UPDATE are withdrawn.
    TreatAsWithdraw,
    /// Routes of a family are no longer taken from the peer.
    AfiSafiDisable,
    /// The session ends with a NOTIFICATION.
    SessionReset,
}

/// One fault and what follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong, and where.
    pub error: DecodeError,
    /// What follows.
    pub action: ErrorAction,
}

/// The first few faults of an UPDATE, and how many more there were. Never allocates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    first: [Option<Finding>; Self::KEPT],
    total: u16,
    worst: Option<Finding>,
}

impl Findings {
    /// How many faults are kept.
    pub const KEPT: usize = 4;

    /// The faults that were kept, in the order they were found.
    pub fn iter(&self) -> impl Iterator<Item = Finding> + Clone + '_ {
        self.first.iter().flatten().copied()
    }

    /// How many faults there were.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.total as usize
    }

    /// Whether there was no fault.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// The first of the faults with the strongest action.
    #[must_use]
    pub const fn worst(&self) -> Option<Finding> {
        self.worst
    }

    pub(crate) fn push(&mut self, finding: Finding) {
        if let Some(free) = self.first.iter_mut().find(|entry| entry.is_none()) {
            *free = Some(finding);
        }
        self.total = self.total.saturating_add(1);
        if self.worst.is_none_or(|worst| finding.action > worst.action) {
            self.worst = Some(finding);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::DecodeErrorKind;

    #[test]
    fn the_worst_is_remembered_even_where_there_is_no_room_for_it() {
        let mut findings = Findings::default();
        let finding = |action| Finding {
            error: DecodeError::new(DecodeErrorKind::InvalidOrigin, 23),
            action,
        };
        (0..6).for_each(|_| findings.push(finding(ErrorAction::AttributeDiscard)));
        findings.push(finding(ErrorAction::TreatAsWithdraw));
        assert_eq!(findings.total(), 7);
        assert_eq!(findings.iter().count(), Findings::KEPT);
        assert_eq!(
            findings.worst().unwrap().action,
            ErrorAction::TreatAsWithdraw
        );
    }
}
