//! What a controller knows about itself: what its metrics and its readiness are made of.

use std::collections::BTreeMap;

use ipam::{PoolName, Usage};

use crate::admin::Readiness;

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
    /// Writes that failed, since the start.
    pub update_errors: u64,
}

/// How far a controller has come since it was started, or since it leads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Objects are still being read for the first time.
    #[default]
    Reading,
    /// Everything has been read; another replica decides.
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
    /// What `/readyz` says: everything has been read, and who leads has decided about it once.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        match self.progress {
            Progress::Reading => {
                Readiness::Waiting("objects are being read for the first time".into())
            }
            Progress::FirstRound => {
                Readiness::Waiting("the first decisions are being written".into())
            }
            Progress::StandingBy | Progress::Deciding => Readiness::Ready,
        }
    }
}
