//! Who has which address of which pool.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use core::net::IpAddr;

use crate::family::{Family, bits};
use crate::free::{FreeAddresses, Position};
use crate::plan::{Conflict, ConflictCause, Shortage, ShortageCause};
use crate::pool::{Pool, PoolName};
use crate::pools::Pools;
use crate::request::{Request, Sharing};
use crate::sharing::Group;
use crate::usage::{Usage, usable};

/// All pools with the holders of their addresses.
#[derive(Debug)]
pub(crate) struct Occupancy<'a, Key> {
    pools: &'a Pools,
    spaces: BTreeMap<(&'a PoolName, Family), Space<'a, Key>>,
}

impl<'a, Key: Ord + Clone> Occupancy<'a, Key> {
    /// All pools, empty.
    pub(crate) fn new(pools: &'a Pools) -> Self {
        let spaces = pools.iter().flat_map(|pool| {
            [Family::V4, Family::V6].map(|family| ((pool.name(), family), Space::new(pool, family)))
        });
        Self {
            pools,
            spaces: spaces.collect(),
        }
    }

    /// Why a request may not have an address; `None` if it may.
    pub(crate) fn conflict(&self, address: IpAddr, request: &Request) -> Option<Conflict<Key>> {
        let (pool, position) = self.locate(address)?;
        let space = self.spaces.get(&(pool.name(), Family::of(address)))?;
        let (holder, cause) = space.conflict(position, request)?;
        Some(Conflict {
            address,
            holder: holder.clone(),
            cause,
        })
    }

    /// Gives an address to a holder. That there is no conflict is for the caller to know.
    pub(crate) fn occupy(&mut self, address: IpAddr, key: &'a Key, request: &'a Request) {
        if let Some((space, position)) = self.space_mut(address) {
            space.occupy(position, key, request);
        }
    }

    /// Notes that a foreign holder has an address, so that no newcomer gets it.
    pub(crate) fn block(&mut self, address: IpAddr, key: &'a Key) {
        if let Some((space, position)) = self.space_mut(address) {
            space.block(position, key);
        }
    }

    /// The first address of a pool, in its order, that is free or that the request can share.
    pub(crate) fn pick(
        &mut self,
        pool: &'a Pool,
        family: Family,
        request: &Request,
    ) -> Result<IpAddr, Shortage> {
        let space = self.spaces.get_mut(&(pool.name(), family));
        let usable = space.as_ref().map_or(0, |space| space.usable);
        let picked = space
            .and_then(|space| space.pick(request))
            .map(|position| family.address(position.bits));
        picked.ok_or_else(|| {
            let cause = if usable == 0 {
                ShortageCause::None
            } else {
                ShortageCause::Full { usable }
            };
            Shortage {
                pool: pool.name().clone(),
                family,
                cause,
            }
        })
    }

    /// How much of each pool is in use.
    pub(crate) fn usage(&self) -> BTreeMap<PoolName, Usage> {
        let in_use = |pool: &'a Pool, family| {
            self.spaces
                .get(&(pool.name(), family))
                .map_or(0, |space| space.occupants.len())
        };
        let usage =
            |pool: &'a Pool| Usage::new(pool, in_use(pool, Family::V4), in_use(pool, Family::V6));
        self.pools
            .iter()
            .map(|pool| (pool.name().clone(), usage(pool)))
            .collect()
    }

    /// The pool of an address, and where it stands there; `None` if it is in none or its pool avoids it.
    fn locate(&self, address: IpAddr) -> Option<(&'a Pool, Position)> {
        let (pool, range) = self.pools.locate(address)?;
        (!pool.avoids(address)).then_some((
            pool,
            Position {
                range,
                bits: bits(address),
            },
        ))
    }

    fn space_mut(&mut self, address: IpAddr) -> Option<(&mut Space<'a, Key>, Position)> {
        let (pool, position) = self.locate(address)?;
        Some((
            self.spaces.get_mut(&(pool.name(), Family::of(address)))?,
            position,
        ))
    }
}

/// One family of one pool.
#[derive(Debug)]
struct Space<'a, Key> {
    /// How many addresses there are.
    usable: u128,
    free: FreeAddresses,
    occupants: BTreeMap<Position, Occupant<'a, Key>>,
    groups: BTreeMap<&'a Sharing, Group<'a, Key>>,
}

/// Who has an address.
#[derive(Debug)]
enum Occupant<'a, Key> {
    Foreign(&'a Key),
    Sole(&'a Key),
    /// The first of those that share it, and under what. The ports of all are in the group.
    Shared(&'a Key, &'a Sharing),
}

impl<'a, Key> Space<'a, Key> {
    fn new(pool: &Pool, family: Family) -> Self {
        let free = FreeAddresses::new(pool, family);
        Self {
            usable: usable(pool, family),
            free,
            occupants: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    fn conflict(&self, position: Position, request: &Request) -> Option<(&'a Key, ConflictCause)> {
        match (self.occupants.get(&position)?, &request.sharing) {
            (Occupant::Foreign(holder), _) => Some((holder, ConflictCause::Foreign)),
            (Occupant::Sole(holder), None) => Some((holder, ConflictCause::NoKeys)),
            (Occupant::Sole(holder), Some(_)) => Some((holder, ConflictCause::HolderHasNoKey)),
            (Occupant::Shared(holder, theirs), None) => Some((
                holder,
                ConflictCause::RequestHasNoKey {
                    holder: theirs.key().to_string(),
                },
            )),
            (Occupant::Shared(holder, theirs), Some(ours)) if theirs.key() != ours.key() => {
                let (theirs, ours) = (theirs.key().to_string(), ours.key().to_string());
                Some((
                    holder,
                    ConflictCause::DifferentKeys {
                        holder: theirs,
                        request: ours,
                    },
                ))
            }
            (Occupant::Shared(holder, theirs), Some(ours))
                if theirs.backend() != ours.backend() =>
            {
                Some((holder, ConflictCause::DifferentBackends))
            }
            (Occupant::Shared(_, sharing), Some(_)) => {
                let (port, holder) = self
                    .groups
                    .get(sharing)?
                    .conflict(position, &request.ports)?;
                Some((holder, ConflictCause::Port { port }))
            }
        }
    }

    fn occupy(&mut self, position: Position, key: &'a Key, request: &'a Request) {
        self.free.take(position);
        let occupant = match &request.sharing {
            None => Occupant::Sole(key),
            Some(sharing) => {
                self.groups.entry(sharing).or_insert_with(Group::new).join(
                    position,
                    key,
                    &request.ports,
                );
                Occupant::Shared(key, sharing)
            }
        };
        self.occupants.entry(position).or_insert(occupant);
    }

    fn block(&mut self, position: Position, key: &'a Key) {
        self.free.take(position);
        if let Some(Occupant::Shared(_, sharing)) =
            self.occupants.insert(position, Occupant::Foreign(key))
        {
            if let Some(group) = self.groups.get_mut(sharing) {
                group.close(position);
            }
        }
    }

    fn pick(&mut self, request: &Request) -> Option<Position> {
        let free = self.free.first();
        let group = request
            .sharing
            .as_ref()
            .and_then(|sharing| self.groups.get_mut(sharing));
        group
            .and_then(|group| group.first_fit(&request.ports, free))
            .or(free)
    }
}
