//! One family of one pool, with the holders of its addresses.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::family::Family;
use crate::free::Position;
use crate::lots::{LotId, Lots};
use crate::plan::{ConflictCause, ShortageCause};
use crate::pool::Pool;
use crate::pools::Pools;
use crate::request::{Request, Sharing};
use crate::sharing::Group;
use crate::usage::InUse;

/// One family of one pool.
#[derive(Debug, Clone)]
pub(crate) struct Space<Key> {
    lots: Lots<Key>,
    // Invariant: those of whom nobody has an address are not in it.
    occupants: BTreeMap<Position, Occupants<Key>>,
    excluded_in_use: usize,
}

/// Who has an address.
#[derive(Debug, Clone)]
struct Occupants<Key> {
    foreign: BTreeSet<Key>,
    ours: Ours<Key>,
}

/// Who of those that are decided about has an address.
#[derive(Debug, Clone)]
enum Ours<Key> {
    Nobody,
    Sole(Key),
    /// Those that share it, by age, and under what. Their ports are in the group.
    Shared(Sharing, BTreeSet<(Duration, Key)>),
}

impl<Key: Ord + Clone> Space<Key> {
    /// A family of `pool`, empty.
    pub(crate) fn new(pools: &Pools, pool: &Pool, family: Family) -> Self {
        Self {
            lots: Lots::new(pools, pool, family),
            occupants: BTreeMap::new(),
            excluded_in_use: 0,
        }
    }

    /// How many addresses somebody has.
    pub(crate) fn in_use(&self) -> InUse {
        InUse {
            all: self.occupants.len(),
            excluded: self.excluded_in_use,
        }
    }

    /// Whether a lot has an address that nobody has.
    pub(crate) fn has_free(&self, lot: &LotId) -> bool {
        let lot = self.lots.get(lot);
        lot.is_some_and(|lot| lot.free.first().is_some())
    }

    /// Which lot an address is in.
    pub(crate) fn lot_at(&self, position: Position) -> &LotId {
        self.lots.id_at(position)
    }

    /// Whether nobody has an address.
    pub(crate) fn is_vacant(&self, position: Position) -> bool {
        !self.occupants.contains_key(&position)
    }

    /// Under what an address is shared.
    pub(crate) fn sharing_at(&self, position: Position) -> Option<&Sharing> {
        match &self.occupants.get(&position)?.ours {
            Ours::Shared(sharing, _) => Some(sharing),
            Ours::Nobody | Ours::Sole(_) => None,
        }
    }

    /// The foreign holder of an address.
    pub(crate) fn foreign_conflict(&self, position: Position) -> Option<(&Key, ConflictCause)> {
        let holder = self.occupants.get(&position)?.foreign.last()?;
        Some((holder, ConflictCause::Foreign))
    }

    /// The oldest holder of an address with which a request cannot share it, foreign ones left aside, and why not.
    pub(crate) fn conflict(
        &self,
        position: Position,
        request: &Request,
    ) -> Option<(&Key, ConflictCause)> {
        let (holder, theirs) = match &self.occupants.get(&position)?.ours {
            Ours::Nobody => return None,
            Ours::Sole(holder) => {
                let cause = match request.sharing {
                    None => ConflictCause::NoKeys,
                    Some(_) => ConflictCause::HolderHasNoKey,
                };
                return Some((holder, cause));
            }
            Ours::Shared(theirs, holders) => (&holders.first()?.1, theirs),
        };
        let cause = match &request.sharing {
            None => ConflictCause::RequestHasNoKey {
                holder: theirs.key().to_string(),
            },
            Some(ours) if theirs.key() != ours.key() => ConflictCause::DifferentKeys {
                holder: theirs.key().to_string(),
                request: ours.key().to_string(),
            },
            Some(ours) if theirs.backend() != ours.backend() => ConflictCause::DifferentBackends,
            Some(_) => {
                let group = self.lots.at(position).groups.get(theirs)?;
                let (port, holder) = group.conflicts(position, &request.ports).next()?;
                return Some((holder, ConflictCause::Port { port }));
            }
        };
        Some((holder, cause))
    }

    /// All holders of an address with which a request cannot share it, foreign ones left aside.
    pub(crate) fn rivals(&self, position: Position, request: &Request) -> Vec<Key> {
        let Some(occupants) = self.occupants.get(&position) else {
            return Vec::new();
        };
        match &occupants.ours {
            Ours::Nobody => Vec::new(),
            Ours::Sole(holder) => vec![holder.clone()],
            Ours::Shared(theirs, _) if request.sharing.as_ref() == Some(theirs) => {
                let group = self.lots.at(position).groups.get(theirs).into_iter();
                group
                    .flat_map(|group| group.conflicts(position, &request.ports))
                    .map(|(_, holder)| holder.clone())
                    .collect()
            }
            Ours::Shared(_, holders) => holders.iter().map(|(_, holder)| holder.clone()).collect(),
        }
    }

    /// Gives an address to a holder.
    pub(crate) fn occupy(&mut self, position: Position, key: &Key, request: &Request) {
        let occupants = self.occupants_at(position);
        let is_blocked = !occupants.foreign.is_empty();
        let Some(sharing) = &request.sharing else {
            occupants.ours = Ours::Sole(key.clone());
            return;
        };
        let holder = (request.created, key.clone());
        match &mut occupants.ours {
            Ours::Shared(_, holders) => {
                holders.insert(holder);
            }
            ours => *ours = Ours::Shared(sharing.clone(), BTreeSet::from([holder])),
        }
        let groups = &mut self.lots.at_mut(position).groups;
        if !groups.contains_key(sharing) {
            groups.insert(sharing.clone(), Group::new());
        }
        if let Some(group) = groups.get_mut(sharing) {
            group.join(position, key, &request.ports);
            if is_blocked {
                group.close(position);
            }
        }
    }

    /// Takes an address from a holder.
    pub(crate) fn vacate(&mut self, position: Position, key: &Key, request: &Request) {
        let Some(occupants) = self.occupants.get_mut(&position) else {
            return;
        };
        match &mut occupants.ours {
            Ours::Sole(holder) if holder == key => occupants.ours = Ours::Nobody,
            Ours::Nobody | Ours::Sole(_) => {}
            Ours::Shared(sharing, holders) => {
                holders.remove(&(request.created, key.clone()));
                let is_last = holders.is_empty();
                let groups = &mut self.lots.at_mut(position).groups;
                let is_unused = groups.get_mut(sharing).is_some_and(|group| {
                    if is_last {
                        group.remove(position);
                    } else {
                        group.leave(position, key, &request.ports);
                    }
                    group.is_empty()
                });
                if is_unused {
                    groups.remove(sharing);
                }
                if is_last {
                    occupants.ours = Ours::Nobody;
                }
            }
        }
        self.free_if_vacant(position);
    }

    /// Notes that a foreign holder has an address.
    pub(crate) fn block(&mut self, position: Position, key: &Key) {
        let occupants = self.occupants_at(position);
        occupants.foreign.insert(key.clone());
        if let Ours::Shared(sharing, _) = &occupants.ours {
            let sharing = sharing.clone();
            if let Some(group) = self.lots.at_mut(position).groups.get_mut(&sharing) {
                group.close(position);
            }
        }
    }

    /// Notes that a foreign holder has an address no more.
    pub(crate) fn unblock(&mut self, position: Position, key: &Key) {
        let Some(occupants) = self.occupants.get_mut(&position) else {
            return;
        };
        occupants.foreign.remove(key);
        match &occupants.ours {
            Ours::Shared(sharing, _) if occupants.foreign.is_empty() => {
                if let Some(group) = self.lots.at_mut(position).groups.get_mut(sharing) {
                    group.reopen(position);
                }
            }
            _ => self.free_if_vacant(position),
        }
    }

    /// The first address that is free or that the request can share, of those that are reserved for it or else of those
    /// that are for all.
    pub(crate) fn pick(&mut self, request: &Request) -> Result<Position, ShortageCause> {
        let picked = self.lots.pick(request);
        picked.ok_or_else(|| match (self.lots.usable(), self.lots.excluded()) {
            (0, 0) => ShortageCause::None,
            (0, _) => ShortageCause::Excluded,
            (usable, _) => ShortageCause::Full {
                usable,
                reserved: self.lots.reserved_for_others(request),
            },
        })
    }

    /// The same of those alone that are reserved for the request; `None` if there never were any.
    pub(crate) fn pick_reserved(
        &mut self,
        request: &Request,
    ) -> Option<Result<Position, ShortageCause>> {
        let usable = self.lots.reserved_for(request);
        (usable > 0).then(|| {
            let picked = self.lots.pick_reserved(request);
            picked.ok_or(ShortageCause::Reserved { usable })
        })
    }

    fn free_if_vacant(&mut self, position: Position) {
        let is_vacant = |occupants: &Occupants<Key>| {
            occupants.foreign.is_empty() && matches!(occupants.ours, Ours::Nobody)
        };
        if self.occupants.get(&position).is_some_and(is_vacant) {
            self.occupants.remove(&position);
            if *self.lots.id_at(position) == LotId::Excluded {
                self.excluded_in_use -= 1;
            } else {
                self.lots.at_mut(position).free.give_back(position);
            }
        }
    }

    /// The holders of an address, which is not free from now on.
    fn occupants_at(&mut self, position: Position) -> &mut Occupants<Key> {
        match self.occupants.entry(position) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                if *self.lots.id_at(position) == LotId::Excluded {
                    self.excluded_in_use += 1;
                }
                self.lots.at_mut(position).free.take(position);
                entry.insert(Occupants {
                    foreign: BTreeSet::new(),
                    ours: Ours::Nobody,
                })
            }
        }
    }
}
