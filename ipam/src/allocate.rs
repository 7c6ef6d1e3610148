//! The allocation itself: confirm what is held, then serve what is asked for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::addresses::Addresses;
use crate::choose::{Candidates, admit, select};
use crate::family::Family;
use crate::occupancy::Occupancy;
use crate::plan::{AllocError, Decision, Placement, Plan, Refusal, Release};
use crate::pool::PoolName;
use crate::pools::Pools;
use crate::request::{Assignment, Families, Holder, Request, Wanted};

/// Decides about every holder at once; see the [crate's documentation](crate#contract-of-allocate) for the contract.
pub fn allocate<Key: Ord + Clone>(
    pools: &Pools,
    current: &BTreeMap<Key, Assignment>,
    requests: &BTreeMap<Key, Request>,
) -> Plan<Key> {
    let mut allocator = Allocator {
        pools,
        candidates: Candidates::new(pools),
        occupancy: Occupancy::new(pools),
    };
    let is_ours = |key: &Key| {
        current
            .get(key)
            .is_none_or(|assignment| assignment.holder == Holder::Ours)
    };

    // Nothing new may be given out before all that is held has been confirmed.
    let ours = by_age(requests).into_iter().filter(|(key, _)| is_ours(key));
    let standings = ours.map(|(key, request)| {
        (
            key,
            request,
            allocator.examine(key, request, current.get(key)),
        )
    });
    let standings: Vec<_> = standings.collect();
    let mut decisions = BTreeMap::new();
    for (key, assignment) in current {
        match assignment.holder {
            Holder::Foreign => assignment
                .addresses
                .iter()
                .for_each(|address| allocator.occupancy.block(*address, key)),
            Holder::Ours if requests.contains_key(key) || assignment.addresses.is_empty() => {}
            Holder::Ours => {
                decisions.insert(key.clone(), Decision::Release(Release::NotRequested));
            }
        }
    }
    let decided = standings
        .into_iter()
        .map(|(key, request, standing)| (key.clone(), allocator.decide(key, request, standing)));
    decisions.extend(decided);
    Plan {
        decisions,
        usage: allocator.occupancy.usage(),
    }
}

/// How a request stands once all that is held has been examined.
enum Standing<Key> {
    /// It has nothing.
    Nothing,
    /// It has lost what it had.
    Released(Release<Key>),
    /// It keeps what it has.
    Placed(Placement),
}

/// The requests, older before younger, equal ones by key.
fn by_age<Key: Ord>(requests: &BTreeMap<Key, Request>) -> Vec<(&Key, &Request)> {
    let mut requests: Vec<_> = requests.iter().collect();
    // The sort is stable and the keys came in order.
    requests.sort_by_key(|(_, request)| request.created);
    requests
}

/// Whether a holder of one address shall be given another of the other family. One that insists on its address or whose
/// wish is not understood is left with what it has.
fn wants_second_family(request: &Request, placement: &Placement) -> bool {
    matches!(request.families, Families::PreferDual { .. })
        && request.wanted == Wanted::Any
        && !placement.addresses.is_dual()
}

struct Allocator<'a, Key> {
    pools: &'a Pools,
    candidates: Candidates<'a>,
    occupancy: Occupancy<'a, Key>,
}

impl<'a, Key: Ord + Clone> Allocator<'a, Key> {
    /// Confirms or takes away what a request has.
    fn examine(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        held: Option<&Assignment>,
    ) -> Standing<Key> {
        match held {
            Some(held) if !held.addresses.is_empty() => {
                match self.confirm(key, request, &held.addresses) {
                    Ok(placement) => Standing::Placed(placement),
                    Err(release) => Standing::Released(release),
                }
            }
            _ => Standing::Nothing,
        }
    }

    /// Gives a request what is new to it.
    fn decide(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        standing: Standing<Key>,
    ) -> Decision<Key> {
        match standing {
            Standing::Nothing => self.serve(key, request, None),
            Standing::Released(release) => self.serve(key, request, Some(release)),
            Standing::Placed(held) if wants_second_family(request, &held) => {
                self.add_family(key, request, held)
            }
            Standing::Placed(held) => Decision::Keep(held),
        }
    }

    /// Lets a holder keep what it has, or says why not.
    fn confirm(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        held: &[IpAddr],
    ) -> Result<Placement, Release<Key>> {
        let families = request.families;
        let addresses = Addresses::try_new(held)
            .ok()
            .filter(|addresses| families.allow(addresses));
        let addresses = addresses.ok_or_else(|| Release::Families {
            held: held.to_vec(),
            families,
        })?;
        let pool = self
            .pools
            .pool_for(addresses.iter())
            .map_err(Refusal::from)?;
        admit(pool, request)?;
        match &request.pool {
            Some(wanted) if wanted != pool.name() => {
                return Err(Release::OtherPoolWanted {
                    pool: pool.name().clone(),
                    wanted: wanted.clone(),
                });
            }
            _ => {}
        }
        match request.wanted {
            Wanted::Addresses(wanted) if !wanted.same_set(&addresses) => {
                return Err(Release::OtherAddressesWanted {
                    held: addresses,
                    wanted,
                });
            }
            _ => {}
        }
        Ok(self.occupy(key, request, pool.name(), addresses)?)
    }

    /// Gives addresses to a request that has none.
    fn serve(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        released: Option<Release<Key>>,
    ) -> Decision<Key> {
        let placement = match request.wanted {
            Wanted::KeepOnly => Err(AllocError::KeepOnly),
            _ if self.pools.is_empty() => Err(AllocError::NoPools),
            Wanted::Addresses(wanted) => self.place_wanted(key, request, wanted),
            Wanted::Any => self.place_any(key, request),
        };
        match placement {
            Ok(placement) => Decision::Assign {
                placement,
                released,
            },
            Err(error) => Decision::Fail { error, released },
        }
    }

    /// Gives a holder of one address another of the other family, from the same pool.
    fn add_family(&mut self, key: &'a Key, request: &'a Request, held: Placement) -> Decision<Key> {
        let Some(pool) = self.pools.get(&held.pool) else {
            return Decision::Keep(held);
        };
        let family = Family::of(held.addresses.first()).other();
        let added = match self.occupancy.pick(pool, family, request) {
            Ok(address) => address,
            Err(shortage) => {
                return Decision::Keep(Placement {
                    missing: Some(shortage),
                    ..held
                });
            }
        };
        let Some(addresses) = Addresses::dual(held.addresses.first(), added) else {
            return Decision::Keep(held);
        };
        self.occupancy.occupy(added, key, request);
        Decision::AddFamily(Placement { addresses, ..held })
    }

    fn place_wanted(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        wanted: Addresses,
    ) -> Result<Placement, AllocError<Key>> {
        let families = request.families;
        if !families.allow_wanted(&wanted) {
            return Err(AllocError::WantedFamilies { wanted, families });
        }
        let pool = self.pools.pool_for(wanted.iter()).map_err(Refusal::from)?;
        match &request.pool {
            Some(name) if self.pools.get(name).is_none() => {
                return Err(AllocError::UnknownPool { pool: name.clone() });
            }
            Some(name) if name != pool.name() => {
                let (pool, wanted_pool) = (pool.name().clone(), name.clone());
                return Err(AllocError::WantedOutsidePool {
                    wanted,
                    pool,
                    wanted_pool,
                });
            }
            _ => {}
        }
        admit(pool, request)?;
        Ok(self.occupy(key, request, pool.name(), wanted.ipv4_first())?)
    }

    fn place_any(
        &mut self,
        key: &'a Key,
        request: &'a Request,
    ) -> Result<Placement, AllocError<Key>> {
        let mut tried = Vec::new();
        let placement = match &request.pool {
            Some(name) => {
                let pool = self
                    .pools
                    .get(name)
                    .ok_or_else(|| AllocError::UnknownPool { pool: name.clone() })?;
                admit(pool, request)?;
                select(&mut self.occupancy, &[pool], request, &mut tried)
            }
            None => {
                let pinned = self.candidates.pinned(request);
                select(&mut self.occupancy, &pinned, request, &mut tried).or_else(|| {
                    select(
                        &mut self.occupancy,
                        self.candidates.open(),
                        request,
                        &mut tried,
                    )
                })
            }
        };
        let placement = placement.ok_or_else(|| AllocError::Exhausted {
            families: request.families,
            tried,
            passed_over: self.candidates.passed_over(request),
        })?;
        placement
            .addresses
            .iter()
            .for_each(|address| self.occupancy.occupy(address, key, request));
        Ok(placement)
    }

    /// Gives all of `addresses` to a holder, or none if one cannot be had.
    fn occupy(
        &mut self,
        key: &'a Key,
        request: &'a Request,
        pool: &PoolName,
        addresses: Addresses,
    ) -> Result<Placement, Refusal<Key>> {
        if let Some(conflict) = addresses
            .iter()
            .find_map(|address| self.occupancy.conflict(address, request))
        {
            return Err(conflict.into());
        }
        addresses
            .iter()
            .for_each(|address| self.occupancy.occupy(address, key, request));
        Ok(Placement {
            pool: pool.clone(),
            addresses,
            missing: None,
        })
    }
}
