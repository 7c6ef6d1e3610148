//! The free addresses of one family of a pool, as gaps.

use alloc::collections::BTreeMap;
use core::net::IpAddr;

use crate::family::{Family, bits};
use crate::pool::Pool;
use crate::range::IpRange;

/// Where an address stands in its pool. The order is the one in which addresses are handed out: by range as the pool
/// lists them, then by address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    /// Index into the pool's ranges.
    pub(crate) range: usize,
    /// The address as a number.
    pub(crate) bits: u128,
}

/// Some free addresses of one family of a pool.
///
/// They are kept as gaps between used addresses, so that the cost of taking one depends on how scattered the used ones
/// are and never on how many addresses there are. An address that the pool avoids is never free.
#[derive(Debug, Clone)]
pub(crate) struct FreeAddresses {
    // First address of each gap to its last. Invariant: gaps do not overlap, and each begins with a usable address.
    gaps: BTreeMap<Position, u128>,
    avoidance: Avoidance,
}

impl FreeAddresses {
    /// No addresses.
    pub(crate) const fn new(avoidance: Avoidance) -> Self {
        Self {
            gaps: BTreeMap::new(),
            avoidance,
        }
    }

    /// Adds the usable addresses of `piece`, which is part of a range of the pool and has no neighbours here.
    pub(crate) fn add(&mut self, range: usize, piece: &IpRange) {
        self.insert_gap(range, Some(bits(piece.first())), bits(piece.last()));
    }

    /// The first free address.
    pub(crate) fn first(&self) -> Option<Position> {
        self.gaps.first_key_value().map(|(position, _)| *position)
    }

    /// Makes an address used; nothing happens if it is not free.
    pub(crate) fn take(&mut self, position: Position) {
        let Some((&first, &last)) = self.gaps.range(..=position).next_back() else {
            return;
        };
        let Position { range, bits } = position;
        if first.range != range || bits > last || self.avoidance.next_usable(bits) != Some(bits) {
            return;
        }
        self.gaps.remove(&first);
        if let Some(before) = bits.checked_sub(1) {
            self.insert_gap(range, Some(first.bits), before);
        }
        self.insert_gap(range, bits.checked_add(1), last);
    }

    /// Makes a used address free again, joining it with the gaps on both sides. That it is usable and used is for the
    /// caller to know.
    pub(crate) fn give_back(&mut self, position: Position) {
        let Position { range, bits } = position;
        let before = self.gaps.range(..position).next_back();
        let before = before.map(|(first, last)| (*first, *last));
        let joined = before
            .filter(|(first, last)| first.range == range && self.follows(*last) == Some(bits));
        let first = joined.map_or(position, |(first, _)| first);
        let next = self.follows(bits).map(|bits| Position { range, bits });
        let last = next.and_then(|next| self.gaps.remove(&next));
        self.gaps.insert(first, last.unwrap_or(bits));
    }

    /// The first usable number after `bits`.
    fn follows(&self, bits: u128) -> Option<u128> {
        self.avoidance.next_usable(bits.checked_add(1)?)
    }

    fn insert_gap(&mut self, range: usize, first: Option<u128>, last: u128) {
        let usable = first
            .and_then(|first| self.avoidance.next_usable(first))
            .filter(|first| *first <= last);
        if let Some(bits) = usable {
            self.gaps.insert(Position { range, bits }, last);
        }
    }
}

/// Whether addresses that end in .0 and .255 are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Avoidance {
    /// Every address is usable.
    Nothing,
    /// IPv4 addresses that end in .0 and .255 are not.
    Buggy,
}

impl Avoidance {
    /// What a pool leaves out in a family.
    pub(crate) const fn of(pool: &Pool, family: Family) -> Self {
        match family {
            Family::V4 if pool.avoid_buggy_ips => Self::Buggy,
            Family::V4 | Family::V6 => Self::Nothing,
        }
    }

    /// How many addresses of `range` are usable.
    pub(crate) const fn usable(self, range: &IpRange) -> u128 {
        match self {
            Self::Nothing => range.len(),
            Self::Buggy => range.len() - (buggy_up_to(range.last()) - buggy_before(range.first())),
        }
    }

    /// The first usable address at or after `bits`.
    const fn next_usable(self, bits: u128) -> Option<u128> {
        match (self, bits & 0xff) {
            (Self::Buggy, 0) => bits.checked_add(1),
            (Self::Buggy, 0xff) => bits.checked_add(2),
            _ => Some(bits),
        }
    }
}

/// How many IPv4 addresses below `address` end in .0 or .255.
const fn buggy_before(address: IpAddr) -> u128 {
    let below = bits(address);
    below.div_ceil(256) + below / 256
}

/// How many IPv4 addresses up to `address`, included, end in .0 or .255.
const fn buggy_up_to(address: IpAddr) -> u128 {
    buggy_before(address) + matches!(bits(address) & 0xff, 0 | 0xff) as u128
}

#[cfg(test)]
mod tests;
