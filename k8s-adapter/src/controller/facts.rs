//! What a controller knows about itself: what its metrics and its readiness are made of.

use std::collections::BTreeMap;

use ipam::{PoolName, Usage};

use crate::admin::Readiness;
use crate::lease::Standing;

/// The loop of the controller says this, through a [`tokio::sync::watch`], whenever it differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// How far it has come.
    pub progress: Progress,
    /// The pools in force. A replica that stands by knows none.
    pub pools: BTreeMap<PoolName, PoolFacts>,
    /// Whether there is a configuration in force: one has been decided from, with errors or without.
    pub config_loaded: bool,
    /// Whether some object of the configuration is not in force as it is written (compat/metallb.md 3.4).
    pub config_stale: bool,
    /// Objects that have been decided about anew, since the start.
    pub updates: u64,
    /// Reads and writes that failed, since the start.
    pub update_errors: u64,
}

/// How far a controller has come since it was started, or since it leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Objects are still being read for the first time.
    #[default]
    Reading,
    /// Another replica decides.
    StandingBy,
    /// It leads, and its first decisions are being written.
    FirstRound,
    /// The first decisions have been written.
    Deciding,
}

/// One pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolFacts {
    /// Its addresses.
    pub usage: Usage,
    /// Services that hold an address of it.
    pub services: u64,
}

impl Facts {
    /// What `/readyz` says: who leads has read everything and decided about it once; who does not knows that somebody
    /// else may.
    #[must_use]
    pub fn readiness(&self, standing: Standing) -> Readiness {
        let why = match (standing, self.progress) {
            (Standing::Following, _) => return Readiness::Ready,
            (Standing::Unknown, _) => "the Lease cannot be read, so who leads is not known",
            (Standing::Leading { .. }, Progress::Deciding) => return Readiness::Ready,
            (Standing::Leading { .. }, Progress::StandingBy) => "this replica is about to lead",
            (Standing::Leading { .. }, Progress::Reading) => {
                "objects are being read for the first time"
            }
            (Standing::Leading { .. }, Progress::FirstRound) => {
                "the first decisions are being written"
            }
        };
        Readiness::Waiting(why.into())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[test]
    fn who_leads_is_ready_when_it_has_decided_and_who_follows_at_once() {
        let leading = Standing::Leading {
            until: Instant::now(),
        };
        let ready = |standing, progress| {
            let facts = Facts {
                progress,
                ..Facts::default()
            };
            facts.readiness(standing) == Readiness::Ready
        };
        for progress in [
            Progress::Reading,
            Progress::StandingBy,
            Progress::FirstRound,
        ] {
            assert!(!ready(leading, progress), "{progress:?}");
            assert!(ready(Standing::Following, progress), "{progress:?}");
            assert!(!ready(Standing::Unknown, progress), "{progress:?}");
        }
        assert!(ready(leading, Progress::Deciding));
        assert!(!ready(Standing::Unknown, Progress::Deciding));
    }
}
