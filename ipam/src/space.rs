//! One family of one pool, with the holders of its addresses.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

use crate::family::Family;
use crate::free::{FreeAddresses, Position};
use crate::plan::ConflictCause;
use crate::pool::Pool;
use crate::request::{Request, Sharing};
use crate::sharing::Group;
use crate::usage::usable;

/// One family of one pool.
#[derive(Debug, Clone)]
pub(crate) struct Space<Key> {
    usable: u128,
    free: FreeAddresses,
    // Invariant: those of whom nobody has an address are not in it.
    occupants: BTreeMap<Position, Occupants<Key>>,
    groups: BTreeMap<Sharing, Group<Key>>,
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
    pub(crate) fn new(pool: &Pool, family: Family) -> Self {
        Self {
            usable: usable(pool, family),
            free: FreeAddresses::new(pool, family),
            occupants: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    /// How many addresses there are.
    pub(crate) const fn usable(&self) -> u128 {
        self.usable
    }

    /// How many addresses somebody has.
    pub(crate) fn in_use(&self) -> usize {
        self.occupants.len()
    }

    /// Whether there is an address that nobody has.
    pub(crate) fn has_free(&self) -> bool {
        self.free.first().is_some()
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
                let group = self.groups.get(theirs)?;
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
                let group = self.groups.get(theirs).into_iter();
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
        let occupants = occupants_at(&mut self.free, &mut self.occupants, position);
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
        if !self.groups.contains_key(sharing) {
            self.groups.insert(sharing.clone(), Group::new());
        }
        if let Some(group) = self.groups.get_mut(sharing) {
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
                let is_unused = self.groups.get_mut(sharing).is_some_and(|group| {
                    if is_last {
                        group.remove(position);
                    } else {
                        group.leave(position, key, &request.ports);
                    }
                    group.is_empty()
                });
                if is_unused {
                    self.groups.remove(sharing);
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
        let occupants = occupants_at(&mut self.free, &mut self.occupants, position);
        occupants.foreign.insert(key.clone());
        if let Ours::Shared(sharing, _) = &occupants.ours {
            if let Some(group) = self.groups.get_mut(sharing) {
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
                if let Some(group) = self.groups.get_mut(sharing) {
                    group.reopen(position);
                }
            }
            _ => self.free_if_vacant(position),
        }
    }

    /// The first address that is free or that the request can share.
    pub(crate) fn pick(&mut self, request: &Request) -> Option<Position> {
        let free = self.free.first();
        let group = request
            .sharing
            .as_ref()
            .and_then(|sharing| self.groups.get_mut(sharing));
        group
            .and_then(|group| group.first_fit(&request.ports, free))
            .or(free)
    }

    fn free_if_vacant(&mut self, position: Position) {
        let is_vacant = |occupants: &Occupants<Key>| {
            occupants.foreign.is_empty() && matches!(occupants.ours, Ours::Nobody)
        };
        if self.occupants.get(&position).is_some_and(is_vacant) {
            self.occupants.remove(&position);
            self.free.give_back(position);
        }
    }
}

/// The holders of an address, which is not free from now on.
fn occupants_at<'a, Key>(
    free: &mut FreeAddresses,
    occupants: &'a mut BTreeMap<Position, Occupants<Key>>,
    position: Position,
) -> &'a mut Occupants<Key> {
    free.take(position);
    occupants.entry(position).or_insert(Occupants {
        foreign: BTreeSet::new(),
        ours: Ours::Nobody,
    })
}
