//! Which pools a request may get addresses from, in which order, and which addresses of them.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::addresses::Addresses;
use crate::family::Family;
use crate::occupancy::Occupancy;
use crate::plan::{PassedOver, PassedOverCause, Placement, Refusal, Shortage};
use crate::pool::Pool;
use crate::pools::Pools;
use crate::request::{Families, Request};

/// The pools as seen by requests that name neither an address nor a pool: first those with addresses that are reserved
/// for the request, then the pinned ones that admit it, then the open ones, of the last two only those with automatic
/// assignment. Pinned ones come by priority and then name, and before open ones, which come by name.
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

    /// The pools that have an address for the request, be it of one family alone, of those that are reserved for it.
    /// Those that had, if only it were not in use, are added to `tried`.
    pub(crate) fn reserved<Key: Ord + Clone>(
        &self,
        occupancy: &mut Occupancy<Key>,
        request: &Request,
        tried: &mut Vec<Shortage>,
    ) -> Vec<&'a Pool> {
        if request.reservations.is_empty() {
            return Vec::new();
        }
        let serving = self.pools.iter();
        let serving = serving.filter(|pool| admit_newcomer::<()>(pool, request).is_ok());
        let mut reserved = Vec::new();
        for pool in serving {
            let families = [Family::V4, Family::V6].into_iter();
            let picked: Vec<_> = families
                .filter(|family| request.families.include(*family))
                .filter_map(|family| occupancy.pick_reserved(pool, family, request))
                .collect();
            if picked.iter().any(Result::is_ok) {
                reserved.push(pool);
            } else {
                tried.extend(picked.into_iter().filter_map(Result::err));
            }
        }
        // The sort is stable and the pools came by name.
        reserved.sort_by_key(|pool| (pool.pinned.is_none(), pool.pinned));
        reserved
    }

    /// The pools that are pinned to the request, but for those `before` them.
    pub(crate) fn pinned(&self, request: &Request, before: &[&Pool]) -> Vec<&'a Pool> {
        let admitting = request
            .admitted_to
            .iter()
            .filter_map(|name| self.pools.get(name));
        let mut pinned: Vec<_> = admitting
            .filter(|pool| is_automatic(pool) && pool.pinned.is_some() && !is_in(before, pool))
            .collect();
        // The sort is stable and the names came in order.
        pinned.sort_by_key(|pool| pool.pinned);
        pinned
    }

    /// The pools that are pinned to nobody, but for those `before` them.
    pub(crate) fn open(&self, before: &[&Pool]) -> Cow<'_, [&'a Pool]> {
        if before.is_empty() {
            return Cow::Borrowed(&self.open);
        }
        let open = self.open.iter().filter(|pool| !is_in(before, pool));
        Cow::Owned(open.copied().collect())
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

fn is_in(pools: &[&Pool], pool: &Pool) -> bool {
    pools.iter().any(|other| other.name() == pool.name())
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

/// Whether an address of a pool may be given to a newcomer that asks for it.
pub(crate) fn admit_address<Key>(
    pools: &Pools,
    pool: &Pool,
    request: &Request,
    address: IpAddr,
) -> Result<(), Refusal<Key>> {
    if pool.excludes(address) {
        return Err(Refusal::Excluded {
            address,
            pool: pool.name().clone(),
        });
    }
    match pools.reservation_of(address) {
        Some(reservation) if !request.reservations.contains(reservation) => {
            Err(Refusal::Reserved {
                address,
                reservation: reservation.clone(),
            })
        }
        _ => Ok(()),
    }
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
