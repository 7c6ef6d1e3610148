//! Who has which address of which pool.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::IpAddr;

use crate::family::{Family, bits};
use crate::free::Position;
use crate::lots::LotId;
use crate::names::PoolName;
use crate::plan::{Conflict, Shortage, ShortageCause};
use crate::pool::Pool;
use crate::pools::Pools;
use crate::request::{Request, Sharing};
use crate::space::Space;
use crate::usage::{InUse, Usage};

/// All pools with the holders of their addresses. The pools themselves are the caller's, and always the same.
#[derive(Debug, Clone)]
pub(crate) struct Occupancy<Key> {
    spaces: BTreeMap<PoolName, Families<Key>>,
}

/// One pool.
#[derive(Debug, Clone)]
struct Families<Key> {
    v4: Space<Key>,
    v6: Space<Key>,
}

impl<Key> Families<Key> {
    const fn of(&self, family: Family) -> &Space<Key> {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    const fn of_mut(&mut self, family: Family) -> &mut Space<Key> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl<Key: Ord + Clone> Occupancy<Key> {
    /// All pools, empty.
    pub(crate) fn new(pools: &Pools) -> Self {
        let families = |pool: &Pool| Families {
            v4: Space::new(pools, pool, Family::V4),
            v6: Space::new(pools, pool, Family::V6),
        };
        let spaces = pools
            .iter()
            .map(|pool| (pool.name().clone(), families(pool)));
        Self {
            spaces: spaces.collect(),
        }
    }

    /// Why a newcomer may not have an address; `None` if it may.
    pub(crate) fn conflict(
        &self,
        pools: &Pools,
        address: IpAddr,
        request: &Request,
    ) -> Option<Conflict<Key>> {
        let (space, position) = self.space(pools, address)?;
        let foreign = space.foreign_conflict(position);
        let (holder, cause) = foreign.or_else(|| space.conflict(position, request))?;
        Some(Conflict {
            address,
            holder: holder.clone(),
            cause,
        })
    }

    /// Why a request may not keep an address, foreign holders left aside; `None` if it may.
    pub(crate) fn conflict_among_ours(
        &self,
        pools: &Pools,
        address: IpAddr,
        request: &Request,
    ) -> Option<Conflict<Key>> {
        let (space, position) = self.space(pools, address)?;
        let (holder, cause) = space.conflict(position, request)?;
        Some(Conflict {
            address,
            holder: holder.clone(),
            cause,
        })
    }

    /// All who have an address, foreign holders left aside, and cannot share it with a request.
    pub(crate) fn rivals(&self, pools: &Pools, address: IpAddr, request: &Request) -> Vec<Key> {
        self.space(pools, address)
            .map(|(space, position)| space.rivals(position, request))
            .unwrap_or_default()
    }

    /// Gives an address to a holder. That there is no conflict is for the caller to know.
    pub(crate) fn occupy(&mut self, pools: &Pools, address: IpAddr, key: &Key, request: &Request) {
        if let Some((space, position)) = self.space_mut(pools, address) {
            space.occupy(position, key, request);
        }
    }

    /// Takes an address from a holder; the request is the one with which it got it.
    pub(crate) fn vacate(&mut self, pools: &Pools, address: IpAddr, key: &Key, request: &Request) {
        if let Some((space, position)) = self.space_mut(pools, address) {
            space.vacate(position, key, request);
        }
    }

    /// Notes that a foreign holder has an address, so that no newcomer gets it.
    pub(crate) fn block(&mut self, pools: &Pools, address: IpAddr, key: &Key) {
        if let Some((space, position)) = self.space_mut(pools, address) {
            space.block(position, key);
        }
    }

    /// Notes that a foreign holder has an address no more.
    pub(crate) fn unblock(&mut self, pools: &Pools, address: IpAddr, key: &Key) {
        if let Some((space, position)) = self.space_mut(pools, address) {
            space.unblock(position, key);
        }
    }

    /// Under what an address is shared.
    pub(crate) fn sharing_at(&self, pools: &Pools, address: IpAddr) -> Option<&Sharing> {
        let (space, position) = self.space(pools, address)?;
        space.sharing_at(position)
    }

    /// Whether an address is usable and nobody has it.
    pub(crate) fn is_vacant(&self, pools: &Pools, address: IpAddr) -> bool {
        self.space(pools, address)
            .is_some_and(|(space, position)| space.is_vacant(position))
    }

    /// Whether a lot of a pool has an address that nobody has.
    pub(crate) fn has_free(&self, pool: &PoolName, family: Family, lot: &LotId) -> bool {
        self.spaces
            .get(pool)
            .is_some_and(|families| families.of(family).has_free(lot))
    }

    /// The lot of an address; `None` if it is in no pool or its pool avoids it.
    pub(crate) fn lot_at(&self, pools: &Pools, address: IpAddr) -> Option<&LotId> {
        let (space, position) = self.space(pools, address)?;
        Some(space.lot_at(position))
    }

    /// The first address of a pool, in its order, that is free or that the request can share, of those that are reserved
    /// for it or else of those that are for all.
    pub(crate) fn pick(
        &mut self,
        pool: &Pool,
        family: Family,
        request: &Request,
    ) -> Result<IpAddr, Shortage> {
        let picked = match self.spaces.get_mut(pool.name()) {
            Some(families) => families.of_mut(family).pick(request),
            None => Err(ShortageCause::None),
        };
        found(pool, family, picked)
    }

    /// The same of those alone that are reserved for the request; `None` if there never were any.
    pub(crate) fn pick_reserved(
        &mut self,
        pool: &Pool,
        family: Family,
        request: &Request,
    ) -> Option<Result<IpAddr, Shortage>> {
        let families = self.spaces.get_mut(pool.name())?;
        let picked = families.of_mut(family).pick_reserved(request)?;
        Some(found(pool, family, picked))
    }

    /// How much of each pool is in use.
    pub(crate) fn usage(&self, pools: &Pools) -> BTreeMap<PoolName, Usage> {
        let in_use = |pool: &Pool, family| {
            self.spaces
                .get(pool.name())
                .map_or_else(InUse::default, |families| families.of(family).in_use())
        };
        let usage =
            |pool: &Pool| Usage::new(pool, in_use(pool, Family::V4), in_use(pool, Family::V6));
        pools
            .iter()
            .map(|pool| (pool.name().clone(), usage(pool)))
            .collect()
    }

    fn space(&self, pools: &Pools, address: IpAddr) -> Option<(&Space<Key>, Position)> {
        let (pool, position) = locate(pools, address)?;
        let families = self.spaces.get(pool.name())?;
        Some((families.of(Family::of(address)), position))
    }

    fn space_mut(&mut self, pools: &Pools, address: IpAddr) -> Option<(&mut Space<Key>, Position)> {
        let (pool, position) = locate(pools, address)?;
        let families = self.spaces.get_mut(pool.name())?;
        Some((families.of_mut(Family::of(address)), position))
    }
}

/// What was picked of a pool, as an address or with what lacks.
fn found(
    pool: &Pool,
    family: Family,
    picked: Result<Position, ShortageCause>,
) -> Result<IpAddr, Shortage> {
    let picked = picked.map(|position| family.address(position.bits));
    picked.map_err(|cause| Shortage {
        pool: pool.name().clone(),
        family,
        cause,
    })
}

/// The pool of an address, and where it stands there; `None` if it is in none or its pool avoids it.
fn locate(pools: &Pools, address: IpAddr) -> Option<(&Pool, Position)> {
    let (pool, range) = pools.locate(address)?;
    (!pool.avoids(address)).then_some((
        pool,
        Position {
            range,
            bits: bits(address),
        },
    ))
}
