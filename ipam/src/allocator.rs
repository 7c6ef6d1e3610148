//! The same allocation, one change at a time.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::allocate::allocate_into;
use crate::family::Family;
use crate::names::PoolName;
use crate::occupancy::Occupancy;
use crate::plan::{Decision, Placement, Plan, Release};
use crate::pools::Pools;
use crate::request::{Assignment, Holder, Request, Sharing};
use crate::rules::{Rules, Standing};
use crate::usage::Usage;
use crate::waiting::{Help, Turn, Waiting};

/// What a change does, by key; see [`Allocator`].
pub type Changes<Key> = BTreeMap<Key, Decision<Key>>;

/// All that is known of one holder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::exhaustive_structs,
    reason = "what a holder has and what it asks for is all there is"
)]
pub struct Claim {
    /// What it has, if anything.
    pub assignment: Option<Assignment>,
    /// What it asks for, if anything.
    pub request: Option<Request>,
}

/// An allocation that is kept up to date, one change at a time.
///
/// It holds what [`allocate`](crate::allocate) takes as arguments, and takes every decision as carried out: the
/// addresses that a holder gets are its [assignment](Self::assignments) from then on, and those that it loses are not.
///
/// # What is the same as from scratch
///
/// Let a change be made to what is held here, and let `plan` be what `allocate` returns for the result. Then
///
/// * each decision that the change returns is the decision of `plan` about that key, equal in placement and in
///   [`Release`]; returned are those about the keys of the change, as far as there are any, and about all whose
///   addresses change;
/// * everybody else keeps, in `plan` as well, just the addresses it had;
/// * afterwards, [`Self::usage`] is the usage of `plan`, and [`Self::decision`] is, for every key, fact by fact the
///   decision that `allocate` makes once `plan` has been carried out.
///
/// What can differ are the facts that explain why a returned decision gives nothing, or gives one family only
/// ([`Decision::Fail`]'s `error` and [`Placement::missing`]): they say what is so in the turn of that holder, and who
/// follows may change it. Nor is it reported when only such facts change, for instance when those that wait for an
/// address wait for another holder of it from now on. [`Self::decision`] gives them as they are.
///
/// # Cost
///
/// A change costs O(log n) for each address that is taken or freed, and the same for each waiting holder that is
/// looked at: for a free address these are, oldest first, those that lack just that family in that pool, until it is
/// taken; for a shared one also all that wait with the same [`Sharing`]. A holder whose request or addresses change is
/// compared with those that have the same addresses and cannot share them with it. Nobody else is looked at. To that
/// comes, for each that is decided about, a walk over the pools. [`Self::set_pools`] decides about everybody.
///
/// ```
/// use std::collections::BTreeMap;
/// use ipam::{Allocator, Families, Family, Pool, Pools, Request};
///
/// let pools = Pools::try_new([Pool::try_new("one", ["203.0.113.7/32".parse()?])?])?;
/// let (mut allocator, _) = Allocator::start(pools, BTreeMap::new(), BTreeMap::new());
/// let changes = allocator.set_request("web", Request::new(Families::Single(Family::V4)));
/// assert!(changes["web"].placement().is_some());
/// let changes = allocator.set_request("mail", Request::new(Families::Single(Family::V4)));
/// assert!(changes["mail"].placement().is_none());
/// // Who waits is served as soon as something frees up.
/// let changes = allocator.remove_request(&"web");
/// assert_eq!(changes["mail"].placement().unwrap().addresses.to_string(), "203.0.113.7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Allocator<Key> {
    pools: Pools,
    requests: BTreeMap<Key, Request>,
    // Invariant: `allocate` would change none of it.
    assignments: BTreeMap<Key, Assignment>,
    // Invariant: all assignments, and nothing else.
    occupancy: Occupancy<Key>,
    waiting: Waiting<Key>,
}

impl<Key: Ord + Clone> Allocator<Key> {
    /// Decides about every holder at once, as [`allocate`](crate::allocate) does, and goes on from there. The first
    /// record of what is held must be given here as a whole: were it set one by one, newcomers could get addresses that
    /// others are yet to be seen with.
    pub fn start(
        pools: Pools,
        assignments: BTreeMap<Key, Assignment>,
        requests: BTreeMap<Key, Request>,
    ) -> (Self, Plan<Key>) {
        let mut occupancy = Occupancy::new(&pools);
        let plan = allocate_into(&mut occupancy, &pools, &assignments, &requests);
        let mut allocator = Self {
            pools,
            requests,
            assignments,
            occupancy,
            waiting: Waiting::new(),
        };
        for (key, decision) in &plan.decisions {
            allocator.carry_out(key, decision);
        }
        // Not decided about, and so not carried out, are those that neither ask for anything nor have anything.
        allocator.assignments.retain(|_, assignment| {
            assignment.holder == Holder::Foreign || !assignment.addresses.is_empty()
        });
        (allocator, plan)
    }

    /// Takes up a request, in place of the holder's last one.
    pub fn set_request(&mut self, key: Key, request: Request) -> Changes<Key> {
        self.change(key, |allocator, key| {
            allocator.requests.insert(key, request);
        })
    }

    /// Takes up that a holder asks for nothing any more.
    pub fn remove_request(&mut self, key: &Key) -> Changes<Key> {
        self.change(key.clone(), |allocator, key| {
            allocator.requests.remove(&key);
        })
    }

    /// Takes up what a holder is seen to have. To see the assignment that is known already changes nothing.
    pub fn set_assignment(&mut self, key: Key, assignment: Assignment) -> Changes<Key> {
        self.change(key, |allocator, key| {
            allocator.assignments.insert(key, assignment);
        })
    }

    /// Takes up that a holder is seen to have nothing. If it asks for addresses, it is served as a newcomer.
    pub fn remove_assignment(&mut self, key: &Key) -> Changes<Key> {
        self.change(key.clone(), |allocator, key| {
            allocator.assignments.remove(&key);
        })
    }

    /// Takes up what is known of several holders, all at once: which of them came first does not matter, unlike with one
    /// call for each.
    pub fn update(&mut self, claims: BTreeMap<Key, Claim>) -> Changes<Key> {
        let mut woken = BTreeSet::new();
        for key in claims.keys() {
            self.withdraw(key, &mut woken);
        }
        let mut changed = BTreeSet::new();
        for (
            key,
            Claim {
                assignment,
                request,
            },
        ) in claims
        {
            replace(&mut self.assignments, &key, assignment);
            replace(&mut self.requests, &key, request);
            changed.insert(key);
        }
        self.admit(&changed, woken)
    }

    /// Takes up other pools. Returned are the decisions about those whose addresses change; they are equal to those of
    /// [`allocate`](crate::allocate) in every fact.
    pub fn set_pools(&mut self, pools: Pools) -> Changes<Key> {
        let assignments = core::mem::take(&mut self.assignments);
        let requests = core::mem::take(&mut self.requests);
        let plan;
        (*self, plan) = Self::start(pools, assignments, requests);
        let decisions = plan.decisions.into_iter();
        decisions
            .filter(|(_, decision)| changes_addresses(decision))
            .collect()
    }

    /// The pools.
    #[must_use]
    pub const fn pools(&self) -> &Pools {
        &self.pools
    }

    /// The requests.
    #[must_use]
    pub const fn requests(&self) -> &BTreeMap<Key, Request> {
        &self.requests
    }

    /// Who has what once all decisions have been carried out, foreign holders included.
    #[must_use]
    pub const fn assignments(&self) -> &BTreeMap<Key, Assignment> {
        &self.assignments
    }

    /// How much of each pool is in use.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<PoolName, Usage> {
        self.occupancy.usage(&self.pools)
    }

    /// How a holder stands, with the facts of now: it keeps what it has, or why it has nothing. `None` for one that
    /// asks for nothing and for foreign holders. Nothing changes but how far searches have come.
    pub fn decision(&mut self, key: &Key) -> Option<Decision<Key>> {
        let standing = self.standing(key);
        let request = self.requests.get(key).filter(|_| !self.is_foreign(key))?;
        let mut rules = Rules::new(&self.pools, &mut self.occupancy);
        Some(rules.decide(key, request, standing))
    }

    fn is_foreign(&self, key: &Key) -> bool {
        let assignment = self.assignments.get(key);
        assignment.is_some_and(|assignment| assignment.holder == Holder::Foreign)
    }

    fn addresses(&self, key: &Key) -> Vec<IpAddr> {
        let assignment = self.assignments.get(key);
        assignment.map_or_else(Vec::new, |assignment| assignment.addresses.clone())
    }

    fn change(&mut self, key: Key, change: impl FnOnce(&mut Self, Key)) -> Changes<Key> {
        let mut woken = BTreeSet::new();
        self.withdraw(&key, &mut woken);
        change(self, key.clone());
        self.admit(&BTreeSet::from([key]), woken)
    }

    /// Takes a holder out, and notes whom that may help.
    fn withdraw(&mut self, key: &Key, woken: &mut BTreeSet<Help>) {
        if self.is_foreign(key) {
            for address in self.addresses(key) {
                self.occupancy.unblock(&self.pools, address, key);
                let sharing = self.occupancy.sharing_at(&self.pools, address).cloned();
                self.wake(woken, address, sharing.as_ref());
            }
        } else {
            self.vacate(key, woken);
        }
        self.waiting.remove(key);
    }

    /// Takes from one of ours what it has.
    fn vacate(&mut self, key: &Key, woken: &mut BTreeSet<Help>) {
        let Some(request) = self.requests.get(key) else {
            return;
        };
        for address in self.addresses(key) {
            self.occupancy.vacate(&self.pools, address, key, request);
            self.wake(woken, address, request.sharing.as_ref());
        }
    }

    /// Notes whom it may help that something has changed at an address.
    fn wake(&self, woken: &mut BTreeSet<Help>, address: IpAddr, sharing: Option<&Sharing>) {
        let Some(pool) = self.pools.containing(address) else {
            return;
        };
        let Some(lot) = self.occupancy.lot_at(&self.pools, address) else {
            return;
        };
        let (pool, family) = (pool.name(), Family::of(address));
        woken.insert(Help::Free(pool.clone(), family, lot.clone()));
        woken.insert(Help::Vacant(address));
        if let Some(sharing) = sharing {
            woken.insert(Help::Shared(
                pool.clone(),
                family,
                lot.clone(),
                sharing.clone(),
            ));
            woken.insert(Help::SharedAddress(address, sharing.clone()));
        }
    }

    /// Lets in holders that are out and have changed, and serves who can be served.
    fn admit(&mut self, changed: &BTreeSet<Key>, mut woken: BTreeSet<Help>) -> Changes<Key> {
        let mut changes = Changes::new();
        let mut ours = BTreeSet::new();
        for key in changed {
            if self.is_foreign(key) {
                for address in self.addresses(key) {
                    self.occupancy.block(&self.pools, address, key);
                }
            } else if self.requests.contains_key(key) {
                ours.insert(key);
            } else {
                if !self.addresses(key).is_empty() {
                    changes.insert(key.clone(), Decision::Release(Release::NotRequested));
                }
                self.assignments.remove(key);
            }
        }
        let queue = self.confirm(&ours, &mut woken);
        self.serve(queue, woken, changed, &mut changes);
        changes
    }

    /// Confirms what holders have, older before younger together with all who cannot share it. Returned are those to be
    /// decided about: the holders, and who of the others loses what it has.
    fn confirm(
        &mut self,
        keys: &BTreeSet<&Key>,
        woken: &mut BTreeSet<Help>,
    ) -> BTreeMap<Turn<Key>, Standing<Key>> {
        let mut rivals = BTreeSet::new();
        for key in keys {
            let Some(request) = self.requests.get(*key) else {
                continue;
            };
            for address in self.addresses(key) {
                rivals.extend(self.occupancy.rivals(&self.pools, address, request));
            }
        }
        rivals.iter().for_each(|rival| self.vacate(rival, woken));
        let turns = rivals.iter().chain(keys.iter().copied());
        let turns = turns.filter_map(|key| Some((self.requests.get(key)?.created, key.clone())));
        let turns: BTreeSet<Turn<Key>> = turns.collect();
        let mut queue = BTreeMap::new();
        let mut rules = Rules::new(&self.pools, &mut self.occupancy);
        for (created, holder) in turns {
            let Some(request) = self.requests.get(&holder) else {
                continue;
            };
            let standing = rules.examine(&holder, request, self.assignments.get(&holder));
            if keys.contains(&holder) || matches!(standing, Standing::Released(_)) {
                queue.insert((created, holder), standing);
            }
        }
        for key in keys {
            let sharing = self.requests.get(*key).and_then(|r| r.sharing.as_ref());
            for address in self.addresses(key) {
                self.wake(woken, address, sharing);
            }
        }
        queue
    }

    /// Decides about all in the queue and all who wait for what is there now, older before younger.
    fn serve(
        &mut self,
        mut queue: BTreeMap<Turn<Key>, Standing<Key>>,
        mut woken: BTreeSet<Help>,
        changed: &BTreeSet<Key>,
        changes: &mut Changes<Key>,
    ) {
        let mut last = None;
        while let Some(turn) = self.next(&queue, &woken, last.as_ref()) {
            let key = &turn.1;
            let standing = queue.remove(&turn);
            let standing = standing.unwrap_or_else(|| self.standing(key));
            let Some(request) = self.requests.get(key) else {
                break;
            };
            let mut rules = Rules::new(&self.pools, &mut self.occupancy);
            let decision = rules.decide(key, request, standing);
            if let (Some(placement), Some(sharing)) = (decision.placement(), &request.sharing) {
                // Others may share what is new here.
                for address in placement.addresses.iter() {
                    self.wake(&mut woken, address, Some(sharing));
                }
            }
            self.carry_out(key, &decision);
            if changed.contains(key) || changes_addresses(&decision) {
                changes.insert(key.clone(), decision);
            }
            last = Some(turn);
        }
    }

    /// Whose turn is next.
    fn next(
        &self,
        queue: &BTreeMap<Turn<Key>, Standing<Key>>,
        woken: &BTreeSet<Help>,
        last: Option<&Turn<Key>>,
    ) -> Option<Turn<Key>> {
        let is_there = |help: &&Help| match help {
            Help::Free(pool, family, lot) => self.occupancy.has_free(pool, *family, lot),
            Help::Vacant(address) => self.occupancy.is_vacant(&self.pools, *address),
            Help::Shared(..) | Help::SharedAddress(..) => true,
        };
        let waiting = woken.iter().filter(is_there);
        let waiting = waiting.filter_map(|help| self.waiting.next(help, last));
        waiting.chain(queue.keys()).min().cloned()
    }

    /// How one that is not in the queue stands: with what it has.
    fn standing(&self, key: &Key) -> Standing<Key> {
        let addresses = self.assignments.get(key);
        let addresses = addresses.map_or(&[][..], |assignment| &assignment.addresses);
        Placement::of(&self.pools, addresses).map_or(Standing::Nothing, Standing::Placed)
    }

    /// Notes what a holder has and waits for after a decision.
    fn carry_out(&mut self, key: &Key, decision: &Decision<Key>) {
        match decision {
            Decision::Keep(_) => {}
            Decision::AddFamily(placement) | Decision::Assign { placement, .. } => {
                let assignment = Assignment::new(placement.addresses.iter());
                self.assignments.insert(key.clone(), assignment);
            }
            Decision::Fail { .. } | Decision::Release(_) => {
                self.assignments.remove(key);
            }
        }
        if let Some(request) = self.requests.get(key) {
            self.waiting.set(key, request, decision);
        }
    }
}

fn replace<Key: Ord + Clone, T>(map: &mut BTreeMap<Key, T>, key: &Key, value: Option<T>) {
    match value {
        Some(value) => drop(map.insert(key.clone(), value)),
        None => drop(map.remove(key)),
    }
}

/// Whether a holder has other addresses after a decision than before.
const fn changes_addresses<Key>(decision: &Decision<Key>) -> bool {
    match decision {
        Decision::Keep(_) => false,
        Decision::AddFamily(_) | Decision::Assign { .. } => true,
        Decision::Fail { .. } | Decision::Release(_) => decision.released().is_some(),
    }
}
