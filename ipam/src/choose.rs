//! Which pools a request may get addresses from, in which order, and which addresses of them.

use alloc::vec::Vec;

use crate::addresses::Addresses;
use crate::family::Family;
use crate::occupancy::Occupancy;
use crate::plan::{PassedOver, PassedOverCause, Placement, Refusal, Shortage};
use crate::pool::Pool;
use crate::pools::Pools;
use crate::request::{Families, Request};

/// The pools as seen by requests that name neither an address nor a pool: first the pinned ones that admit the request,
/// by priority and then name, then the open ones by name, and of both only those with automatic assignment.
#[derive(Debug)]
pub(crate) struct Candidates<'a> {
    pools: &'a Pools,
    open: Vec<&'a Pool>,
}

impl<'a> Candidates<'a> {
    /// The candidates among `pools`.
    pub(crate) fn new(pools: &'a Pools) -> Self {
        let open = pools
            .iter()
            .filter(|pool| is_automatic(pool) && pool.pinned.is_none())
            .collect();
        Self { pools, open }
    }

    /// The pools that are pinned to the request.
    pub(crate) fn pinned(&self, request: &Request) -> Vec<&'a Pool> {
        let admitting = request
            .admitted_to
            .iter()
            .filter_map(|name| self.pools.get(name));
        let mut pinned: Vec<_> = admitting
            .filter(|pool| is_automatic(pool) && pool.pinned.is_some())
            .collect();
        // The sort is stable and the names came in order.
        pinned.sort_by_key(|pool| pool.pinned);
        pinned
    }

    /// The pools that are pinned to nobody.
    pub(crate) fn open(&self) -> &[&'a Pool] {
        &self.open
    }

    /// The pools that are in neither list, and why. None for a request that names its pool, since no other would do.
    pub(crate) fn passed_over(&self, request: &Request) -> Vec<PassedOver> {
        let cause = |pool: &Pool| match admit::<()>(pool, request) {
            Err(_) => Some(PassedOverCause::NotAdmitted),
            Ok(()) if pool.disabled => Some(PassedOverCause::Disabled),
            Ok(()) if pool.auto_assign => None,
            Ok(()) => Some(PassedOverCause::NotAutoAssigned),
        };
        let passed_over = |pool: &Pool| {
            cause(pool).map(|cause| PassedOver {
                pool: pool.name().clone(),
                cause,
            })
        };
        match request.pool {
            None => self.pools.iter().filter_map(passed_over).collect(),
            Some(_) => Vec::new(),
        }
    }
}

/// Whether a pool is assigned to requests that do not name it.
const fn is_automatic(pool: &Pool) -> bool {
    pool.auto_assign && !pool.disabled
}

/// Whether a pool, however it is asked for, is open to a newcomer.
pub(crate) fn admit_newcomer<Key>(pool: &Pool, request: &Request) -> Result<(), Refusal<Key>> {
    admit(pool, request)?;
    if pool.disabled {
        return Err(Refusal::Disabled {
            pool: pool.name().clone(),
        });
    }
    Ok(())
}

/// Whether a pool, however it is asked for, is open to a request that may have addresses of it already.
pub(crate) fn admit<Key>(pool: &Pool, request: &Request) -> Result<(), Refusal<Key>> {
    if pool.pinned.is_none() || request.admitted_to.contains(pool.name()) {
        Ok(())
    } else {
        Err(Refusal::NotAdmitted {
            pool: pool.name().clone(),
        })
    }
}

/// The first addresses of `pools`, in their order, that give the request its families. What each pool lacks is added to
/// `tried`.
pub(crate) fn select<Key: Ord + Clone>(
    occupancy: &mut Occupancy<Key>,
    pools: &[&Pool],
    request: &Request,
    tried: &mut Vec<Shortage>,
) -> Option<Placement> {
    let mut fallback = Fallback::default();
    for pool in pools {
        let place = |addresses, missing| Placement {
            pool: pool.name().clone(),
            addresses,
            missing,
        };
        let mut pick = |family| {
            request
                .families
                .include(family)
                .then(|| occupancy.pick(pool, family, request))
        };
        match (pick(Family::V4), pick(Family::V6)) {
            (Some(Ok(ipv4)), Some(Ok(ipv6))) => {
                return Some(place(Addresses::dual(ipv4, ipv6)?, None));
            }
            (Some(Ok(address)), None) | (None, Some(Ok(address))) => {
                return Some(place(Addresses::single(address), None));
            }
            (Some(Ok(address)), Some(Err(missing))) | (Some(Err(missing)), Some(Ok(address))) => {
                fallback.offer(
                    request.families,
                    place(Addresses::single(address), Some(missing.clone())),
                );
                tried.push(missing);
            }
            (ipv4, ipv6) => {
                tried.extend([ipv4, ipv6].into_iter().flatten().filter_map(Result::err))
            }
        }
    }
    fallback.primary.or(fallback.secondary)
}

/// What a request that prefers two families gets when no pool has both: the first address of its primary family, else
/// the first of the other.
#[derive(Debug, Default)]
struct Fallback {
    primary: Option<Placement>,
    secondary: Option<Placement>,
}

impl Fallback {
    /// Remembers a placement with one address, unless both families are a must or there is one.
    fn offer(&mut self, families: Families, placement: Placement) {
        let slot = match families {
            Families::PreferDual { primary } if placement.addresses.of(primary).is_some() => {
                &mut self.primary
            }
            Families::PreferDual { .. } => &mut self.secondary,
            Families::RequireDual | Families::Single(_) => return,
        };
        slot.get_or_insert(placement);
    }
}
