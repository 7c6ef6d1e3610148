//! Addresses that are shared, and which of them a newcomer fits.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

use crate::free::Position;
use crate::request::Port;

/// The addresses of one pool and family that are shared under one key and backend.
///
/// Holders of one address must serve different ports. To find the first address that a newcomer fits without looking at
/// all, each port has a mark: every address up to it serves the port already. Marks only move on as ports are added, so
/// that finding addresses for many holders of one port costs no more than walking over the addresses once.
#[derive(Debug)]
pub(crate) struct Group<'a, Key> {
    addresses: BTreeMap<Position, BTreeMap<Port, &'a Key>>,
    marks: BTreeMap<Port, Position>,
    // The same marks, to find those beyond a position.
    ports_by_mark: BTreeSet<(Position, Port)>,
}

impl<'a, Key> Group<'a, Key> {
    /// No addresses.
    pub(crate) const fn new() -> Self {
        Self {
            addresses: BTreeMap::new(),
            marks: BTreeMap::new(),
            ports_by_mark: BTreeSet::new(),
        }
    }

    /// Adds a holder to an address.
    pub(crate) fn join(&mut self, position: Position, holder: &'a Key, ports: &BTreeSet<Port>) {
        let is_new = !self.addresses.contains_key(&position);
        self.addresses
            .entry(position)
            .or_default()
            .extend(ports.iter().map(|port| (*port, holder)));
        if is_new {
            self.lower_marks(position, ports);
        }
    }

    /// Closes an address to newcomers.
    pub(crate) fn close(&mut self, position: Position) {
        self.addresses.remove(&position);
    }

    /// A port of `ports` that is served at an address, and by whom.
    pub(crate) fn conflict(
        &self,
        position: Position,
        ports: &BTreeSet<Port>,
    ) -> Option<(Port, &'a Key)> {
        let served = self.addresses.get(&position)?;
        ports
            .iter()
            .find_map(|port| served.get(port).map(|holder| (*port, *holder)))
    }

    /// The first address, before `limit` if that is given, where none of `ports` is served.
    pub(crate) fn first_fit(
        &mut self,
        ports: &BTreeSet<Port>,
        limit: Option<Position>,
    ) -> Option<Position> {
        let start = ports
            .iter()
            .filter_map(|port| self.advance_mark(*port, limit))
            .max();
        let range = between(start, limit)?;
        let free =
            |served: &BTreeMap<Port, &Key>| !ports.iter().any(|port| served.contains_key(port));
        self.addresses
            .range(range)
            .find(|(_, served)| free(served))
            .map(|(position, _)| *position)
    }

    /// Moves a port's mark over all addresses before `limit` that follow it and serve the port.
    fn advance_mark(&mut self, port: Port, limit: Option<Position>) -> Option<Position> {
        let old = self.marks.get(&port).copied();
        let range = between(old, limit).map(|range| self.addresses.range(range));
        let serving = range
            .into_iter()
            .flatten()
            .take_while(|(_, served)| served.contains_key(&port));
        let new = serving.last().map(|(position, _)| *position).or(old);
        self.set_mark(port, new);
        new
    }

    /// Keeps the marks true when an address is added below them that does not serve their port.
    fn lower_marks(&mut self, position: Position, ports: &BTreeSet<Port>) {
        let least = Port::MIN;
        let beyond: BTreeSet<Port> = self
            .ports_by_mark
            .range((position, least)..)
            .map(|(_, port)| *port)
            .collect();
        let before = self
            .addresses
            .range(..position)
            .next_back()
            .map(|(position, _)| *position);
        for port in beyond.difference(ports) {
            self.set_mark(*port, before);
        }
    }

    fn set_mark(&mut self, port: Port, mark: Option<Position>) {
        let old = match mark {
            Some(position) => self.marks.insert(port, position),
            None => self.marks.remove(&port),
        };
        if let Some(position) = old {
            self.ports_by_mark.remove(&(position, port));
        }
        if let Some(position) = mark {
            self.ports_by_mark.insert((position, port));
        }
    }
}

/// The positions after `start` and before `limit`; `None` if there can be none.
fn between(
    start: Option<Position>,
    limit: Option<Position>,
) -> Option<(Bound<Position>, Bound<Position>)> {
    if let (Some(start), Some(limit)) = (start, limit) {
        if start >= limit {
            return None;
        }
    }
    let bound = |end: Option<Position>| end.map_or(Bound::Unbounded, Bound::Excluded);
    Some((bound(start), bound(limit)))
}

#[cfg(test)]
mod tests;
