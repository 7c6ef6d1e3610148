//! Who waits for what, so that only those are looked at whom a change can help.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;
use core::ops::Bound;
use core::time::Duration;

use crate::addresses::Addresses;
use crate::family::Family;
use crate::lots::LotId;
use crate::names::PoolName;
use crate::plan::{AllocError, Decision, Refusal, Shortage, ShortageCause};
use crate::request::{Request, Sharing, Wanted};

/// Whose turn it is: by age, equal ones by key.
pub(crate) type Turn<Key> = (Duration, Key);

/// Something that would help who has too little.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Help {
    /// A free address of a lot of a pool.
    Free(PoolName, Family, LotId),
    /// A place at an address of a lot of a pool that is shared.
    Shared(PoolName, Family, LotId, Sharing),
    /// That nobody has this address any more.
    Vacant(IpAddr),
    /// A place at this address, which is shared.
    SharedAddress(IpAddr, Sharing),
}

/// Those that have too little, by what would help them.
///
/// Invariant: what they wait for is not there. In particular, nobody waits for a free address of a lot that has one.
#[derive(Debug, Clone)]
pub(crate) struct Waiting<Key> {
    turns: BTreeMap<Help, BTreeSet<Turn<Key>>>,
    by_key: BTreeMap<Key, (Duration, Vec<Help>)>,
}

impl<Key: Ord + Clone> Waiting<Key> {
    /// Nobody.
    pub(crate) const fn new() -> Self {
        Self {
            turns: BTreeMap::new(),
            by_key: BTreeMap::new(),
        }
    }

    /// Lets a holder wait for what it lacks by a decision, in place of what it waited for before.
    pub(crate) fn set(&mut self, key: &Key, request: &Request, decision: &Decision<Key>) {
        self.remove(key);
        let help = what_helps(request, decision);
        if help.is_empty() {
            return;
        }
        for help in &help {
            let turn = (request.created, key.clone());
            self.turns.entry(help.clone()).or_default().insert(turn);
        }
        self.by_key.insert(key.clone(), (request.created, help));
    }

    /// Lets a holder wait no more.
    pub(crate) fn remove(&mut self, key: &Key) {
        let Some((created, help)) = self.by_key.remove(key) else {
            return;
        };
        let turn = (created, key.clone());
        for help in help {
            if let Some(turns) = self.turns.get_mut(&help) {
                turns.remove(&turn);
                if turns.is_empty() {
                    self.turns.remove(&help);
                }
            }
        }
    }

    /// The first after `turn` that waits for this.
    pub(crate) fn next(&self, help: &Help, turn: Option<&Turn<Key>>) -> Option<&Turn<Key>> {
        let after = turn.map_or(Bound::Unbounded, Bound::Excluded);
        self.turns
            .get(help)?
            .range((after, Bound::Unbounded))
            .next()
    }
}

/// All that could change a decision for the better while pools and request stay as they are.
fn what_helps<Key>(request: &Request, decision: &Decision<Key>) -> Vec<Help> {
    match decision {
        Decision::Fail { error, .. } => match (error, request.wanted) {
            (AllocError::Exhausted { tried, .. }, _) => tried
                .iter()
                .flat_map(|shortage| ends_shortage(request, shortage))
                .collect(),
            (AllocError::Refused(Refusal::Conflict(_)), Wanted::Addresses(wanted)) => {
                ends_conflict(request, wanted).collect()
            }
            _ => Vec::new(),
        },
        Decision::Keep(placement)
        | Decision::AddFamily(placement)
        | Decision::Assign { placement, .. } => placement
            .missing
            .iter()
            .flat_map(|shortage| ends_shortage(request, shortage))
            .collect(),
        Decision::Release(_) => Vec::new(),
    }
}

fn ends_shortage(request: &Request, shortage: &Shortage) -> impl Iterator<Item = Help> + use<> {
    let (pool, family) = (shortage.pool.clone(), shortage.family);
    let open = match shortage.cause {
        ShortageCause::Reserved { .. } => None,
        _ => Some(LotId::Open),
    };
    let reserved = request.reservations.iter().cloned().map(LotId::Reserved);
    let lots: Vec<LotId> = open.into_iter().chain(reserved).collect();
    let sharing = request.sharing.clone();
    lots.into_iter().flat_map(move |lot| {
        let shared = sharing.clone();
        let shared = shared.map(|sharing| Help::Shared(pool.clone(), family, lot.clone(), sharing));
        [Help::Free(pool.clone(), family, lot)]
            .into_iter()
            .chain(shared)
    })
}

fn ends_conflict(request: &Request, wanted: Addresses) -> impl Iterator<Item = Help> + use<> {
    let sharing = request.sharing.clone();
    wanted.iter().flat_map(move |address| {
        let sharing = sharing.clone();
        let shared = sharing.map(|sharing| Help::SharedAddress(address, sharing));
        [Help::Vacant(address)].into_iter().chain(shared)
    })
}
