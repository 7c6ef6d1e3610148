//! The rules for one holder: whether it keeps what it has, and what it gets.

use alloc::vec::Vec;
use core::net::IpAddr;

use crate::addresses::Addresses;
use crate::choose::{Candidates, admit, admit_address, admit_newcomer, select};
use crate::family::Family;
use crate::names::PoolName;
use crate::occupancy::Occupancy;
use crate::plan::{AllocError, Decision, Placement, Refusal, Release};
use crate::pools::Pools;
use crate::request::{Assignment, Families, Request, Wanted};

/// How a request stands once all that is held has been examined.
pub(crate) enum Standing<Key> {
    /// It has nothing.
    Nothing,
    /// It has lost what it had.
    Released(Release<Key>),
    /// It keeps what it has.
    Placed(Placement),
}

/// Whether a holder of one address shall be given another of the other family. One that insists on its address or whose
/// wish is not understood is left with what it has.
fn wants_second_family(request: &Request, placement: &Placement) -> bool {
    matches!(request.families, Families::PreferDual { .. })
        && request.wanted == Wanted::Any
        && !placement.addresses.is_dual()
}

/// The rules, applied to one holder after another.
pub(crate) struct Rules<'a, Key> {
    pools: &'a Pools,
    candidates: Candidates<'a>,
    occupancy: &'a mut Occupancy<Key>,
}

impl<'a, Key: Ord + Clone> Rules<'a, Key> {
    /// The rules over pools and the holders of their addresses.
    pub(crate) fn new(pools: &'a Pools, occupancy: &'a mut Occupancy<Key>) -> Self {
        Self {
            pools,
            candidates: Candidates::new(pools),
            occupancy,
        }
    }

    /// Notes that a foreign holder has an address.
    pub(crate) fn block(&mut self, address: IpAddr, key: &Key) {
        self.occupancy.block(self.pools, address, key);
    }

    /// Confirms or takes away what a request has.
    pub(crate) fn examine(
        &mut self,
        key: &Key,
        request: &Request,
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
    pub(crate) fn decide(
        &mut self,
        key: &Key,
        request: &Request,
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
        key: &Key,
        request: &Request,
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
        let conflict = addresses.iter().find_map(|address| {
            self.occupancy
                .conflict_among_ours(self.pools, address, request)
        });
        match conflict {
            Some(conflict) => Err(Refusal::Conflict(conflict).into()),
            None => Ok(self.occupy(key, request, pool.name(), addresses)),
        }
    }

    /// Gives addresses to a request that has none.
    fn serve(
        &mut self,
        key: &Key,
        request: &Request,
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

    /// Gives a holder of one address another of the other family, from the same pool unless that is disabled.
    fn add_family(&mut self, key: &Key, request: &Request, held: Placement) -> Decision<Key> {
        let pool = self.pools.get(&held.pool);
        let Some(pool) = pool.filter(|pool| !pool.disabled) else {
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
        self.occupancy.occupy(self.pools, added, key, request);
        Decision::AddFamily(Placement { addresses, ..held })
    }

    fn place_wanted(
        &mut self,
        key: &Key,
        request: &Request,
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
        admit_newcomer(pool, request)?;
        let wanted = wanted.ipv4_first();
        wanted
            .iter()
            .try_for_each(|address| admit_address(self.pools, pool, request, address))?;
        let conflict = wanted
            .iter()
            .find_map(|address| self.occupancy.conflict(self.pools, address, request));
        match conflict {
            Some(conflict) => Err(Refusal::Conflict(conflict).into()),
            None => Ok(self.occupy(key, request, pool.name(), wanted)),
        }
    }

    fn place_any(&mut self, key: &Key, request: &Request) -> Result<Placement, AllocError<Key>> {
        let mut tried = Vec::new();
        let placement = match &request.pool {
            Some(name) => {
                let pool = self
                    .pools
                    .get(name)
                    .ok_or_else(|| AllocError::UnknownPool { pool: name.clone() })?;
                admit_newcomer(pool, request)?;
                select(self.occupancy, &[pool], request, &mut tried)
            }
            None => {
                let reserved = self
                    .candidates
                    .reserved(self.occupancy, request, &mut tried);
                let pinned = self.candidates.pinned(request, &reserved);
                select(self.occupancy, &reserved, request, &mut tried)
                    .or_else(|| select(self.occupancy, &pinned, request, &mut tried))
                    .or_else(|| {
                        let open = self.candidates.open(&reserved);
                        select(self.occupancy, &open, request, &mut tried)
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
            .for_each(|address| self.occupancy.occupy(self.pools, address, key, request));
        Ok(placement)
    }

    /// Gives all of `addresses`, with which there is no conflict, to a holder.
    fn occupy(
        &mut self,
        key: &Key,
        request: &Request,
        pool: &PoolName,
        addresses: Addresses,
    ) -> Placement {
        addresses
            .iter()
            .for_each(|address| self.occupancy.occupy(self.pools, address, key, request));
        Placement {
            pool: pool.clone(),
            addresses,
            missing: None,
        }
    }
}
