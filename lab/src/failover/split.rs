//! Members that do not hear each other as members, on a link on which they still hear each other's claims.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::stage::Stage;
use super::trial::{PATIENCE, SETTLED, Seen};
use crate::LabError;

/// How long a cut lasts, and how long it is left healed, in milliseconds: from shorter than the members need to miss each
/// other to long after.
const PHASE: std::ops::Range<u64> = 500..8000;

/// What a client saw of the addresses of all Services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// From the cut until it was healed.
    pub cut: Seen,
    /// From then until the next cut.
    pub healed: Seen,
}

impl Stage {
    /// Cuts a node that `random` picks off from what the others say as members, for as long as `random` says, and heals
    /// that; `count` times.
    ///
    /// # Errors
    /// When there is an address at the beginning that no node answers for alone, or a speaker ends by itself.
    pub fn split(
        &mut self,
        count: usize,
        random: &mut fastrand::Rng,
    ) -> Result<Vec<Split>, LabError> {
        let addresses: Vec<IpAddr> = Self::services().into_flattened();
        let mut watch = self.watch(&addresses)?;
        watch.until_settled(SETTLED, PATIENCE, |_| true)?;
        let mut splits = Vec::new();
        for _ in 0..count {
            let alone = random.choice(&self.topology.nodes);
            let alone = alone.map_or("", |node| node.name.as_str());
            let mut phase = |work: &dyn Fn() -> Result<(), LabError>| {
                let start = Instant::now();
                work()?;
                thread::sleep(Duration::from_millis(random.u64(PHASE)));
                Ok(Seen::between(&mut watch, start, Instant::now()))
            };
            splits.push(Split {
                cut: phase(&|| self.cut_gossip(&[alone]))?,
                healed: phase(&|| self.heal_gossip(&[alone]))?,
            });
            self.expect_running()?;
        }
        Ok(splits)
    }
}
