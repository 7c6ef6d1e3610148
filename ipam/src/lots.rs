//! The addresses of one family of a pool, by who may be given them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::family::{Family, bits};
use crate::free::{Avoidance, FreeAddresses, Position};
use crate::names::ReservationName;
use crate::pool::Pool;
use crate::pools::Pools;
use crate::range::IpRange;
use crate::request::{Request, Sharing};
use crate::sharing::Group;

/// Which lot an address is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LotId {
    /// For all that the pool serves.
    Open,
    /// For those alone who name the reservation.
    Reserved(ReservationName),
    /// For nobody.
    Excluded,
}

/// Addresses that are for the same requests.
#[derive(Debug, Clone)]
pub(crate) struct Lot<Key> {
    /// How many there are.
    usable: u128,
    /// Those that nobody has.
    pub(crate) free: FreeAddresses,
    /// Those that are shared.
    pub(crate) groups: BTreeMap<Sharing, Group<Key>>,
}

/// All lots of one family of a pool. Every usable address is in one.
#[derive(Debug, Clone)]
pub(crate) struct Lots<Key> {
    open: Lot<Key>,
    reserved: BTreeMap<ReservationName, Lot<Key>>,
    // Its addresses are never free.
    excluded: Lot<Key>,
    // How many addresses are reserved, for whomever.
    reserved_usable: u128,
    // Ranges that are not open: the first address of each to its last, and the lot.
    others: BTreeMap<Position, (u128, LotId)>,
}

impl<Key: Clone + PartialEq> Lot<Key> {
    const fn new(avoidance: Avoidance) -> Self {
        Self {
            usable: 0,
            free: FreeAddresses::new(avoidance),
            groups: BTreeMap::new(),
        }
    }

    /// How many addresses there are.
    pub(crate) const fn usable(&self) -> u128 {
        self.usable
    }

    /// The first address that is free or that the request can share.
    fn pick(&mut self, request: &Request) -> Option<Position> {
        let free = self.free.first();
        let sharing = request.sharing.as_ref();
        let group = sharing.and_then(|sharing| self.groups.get_mut(sharing));
        group
            .and_then(|group| group.first_fit(&request.ports, free))
            .or(free)
    }
}

impl<Key: Clone + PartialEq> Lots<Key> {
    /// The lots of a family of `pool`, all free.
    pub(crate) fn new(pools: &Pools, pool: &Pool, family: Family) -> Self {
        let avoidance = Avoidance::of(pool, family);
        let mut lots = Self {
            open: Lot::new(avoidance),
            reserved: BTreeMap::new(),
            excluded: Lot::new(avoidance),
            reserved_usable: 0,
            others: BTreeMap::new(),
        };
        let ranges = pool.ranges().iter().enumerate();
        for (index, range) in ranges.filter(|(_, range)| range.family() == family) {
            let mut others: Vec<(IpRange, LotId)> = Vec::new();
            let excluded = pool.excluded().iter();
            let excluded = excluded.filter_map(|hole| hole.intersection(range));
            others.extend(excluded.map(|hole| (hole, LotId::Excluded)));
            for (reservation, kept) in pools.reserved_within(range) {
                let pieces = kept.without(pool.excluded()).into_iter();
                let lot = LotId::Reserved(reservation.clone());
                others.extend(pieces.map(|piece| (piece, lot.clone())));
            }
            others.sort_unstable();
            let holes: Vec<IpRange> = others.iter().map(|(piece, _)| *piece).collect();
            for piece in range.without(&holes) {
                lots.open.usable = lots.open.usable.saturating_add(avoidance.usable(&piece));
                lots.open.free.add(index, &piece);
            }
            for (piece, lot) in others {
                lots.set_apart(index, &piece, lot, avoidance);
            }
        }
        lots
    }

    fn set_apart(&mut self, range: usize, piece: &IpRange, lot: LotId, avoidance: Avoidance) {
        let usable = avoidance.usable(piece);
        match &lot {
            LotId::Open => return,
            LotId::Reserved(name) => {
                let lot = self.reserved.entry(name.clone());
                let lot = lot.or_insert_with(|| Lot::new(avoidance));
                lot.usable = lot.usable.saturating_add(usable);
                lot.free.add(range, piece);
                self.reserved_usable = self.reserved_usable.saturating_add(usable);
            }
            LotId::Excluded => self.excluded.usable = self.excluded.usable.saturating_add(usable),
        }
        let first = Position {
            range,
            bits: bits(piece.first()),
        };
        self.others.insert(first, (bits(piece.last()), lot));
    }

    /// Which lot an address is in.
    pub(crate) fn id_at(&self, position: Position) -> &LotId {
        id_at(&self.others, position)
    }

    /// The lot of an address.
    pub(crate) fn at(&self, position: Position) -> &Lot<Key> {
        self.get(self.id_at(position)).unwrap_or(&self.open)
    }

    /// The lot of an address.
    pub(crate) fn at_mut(&mut self, position: Position) -> &mut Lot<Key> {
        match id_at(&self.others, position) {
            LotId::Open => &mut self.open,
            // What is set apart as reserved has its lot.
            LotId::Reserved(name) => self.reserved.get_mut(name).unwrap_or(&mut self.open),
            LotId::Excluded => &mut self.excluded,
        }
    }

    /// A lot, if it has an address.
    pub(crate) fn get(&self, lot: &LotId) -> Option<&Lot<Key>> {
        match lot {
            LotId::Open => Some(&self.open),
            LotId::Reserved(name) => self.reserved.get(name),
            LotId::Excluded => Some(&self.excluded),
        }
    }

    /// How many addresses are reserved for a request.
    pub(crate) fn reserved_for(&self, request: &Request) -> u128 {
        let lots = request.reservations.iter();
        let lots = lots.filter_map(|name| self.reserved.get(name));
        lots.map(Lot::usable).fold(0, u128::saturating_add)
    }

    /// How many addresses are reserved for others than a request.
    pub(crate) fn reserved_for_others(&self, request: &Request) -> u128 {
        self.reserved_usable
            .saturating_sub(self.reserved_for(request))
    }

    /// How many addresses are given to anybody.
    pub(crate) const fn usable(&self) -> u128 {
        self.open.usable.saturating_add(self.reserved_usable)
    }

    /// How many addresses are given to nobody.
    pub(crate) const fn excluded(&self) -> u128 {
        self.excluded.usable
    }

    /// The first address of those that are reserved for the request that is free or that it can share.
    pub(crate) fn pick_reserved(&mut self, request: &Request) -> Option<Position> {
        let mut first = None;
        for name in &request.reservations {
            let picked = self
                .reserved
                .get_mut(name)
                .and_then(|lot| lot.pick(request));
            first = first.into_iter().chain(picked).min();
        }
        first
    }

    /// The same, and if there is none, the first that is for all.
    pub(crate) fn pick(&mut self, request: &Request) -> Option<Position> {
        self.pick_reserved(request)
            .or_else(|| self.open.pick(request))
    }
}

fn id_at(others: &BTreeMap<Position, (u128, LotId)>, position: Position) -> &LotId {
    let before = others.range(..=position).next_back();
    let around =
        before.filter(|(first, (last, _))| first.range == position.range && position.bits <= *last);
    around.map_or(&LotId::Open, |(_, (_, lot))| lot)
}
