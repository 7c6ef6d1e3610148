//! Addresses that are shared, and which of them a newcomer fits.

use alloc::collections::{BTreeMap, BTreeSet};
use core::ops::Bound;

use crate::free::Position;
use crate::request::Port;

/// The addresses of one pool and family that are shared under one key and backend.
///
/// Holders of one address must serve different ports. To find the first address that a newcomer fits without looking at
/// all, each port has a mark: every address up to it serves the port already. Marks move on as ports are added, so that
/// finding addresses for many holders of one port costs no more than walking over the addresses once; they move back
/// only where a port is given up or an address is added below them.
#[derive(Debug, Clone)]
pub(crate) struct Group<Key> {
    addresses: BTreeMap<Position, BTreeMap<Port, Key>>,
    // Addresses that are not open to newcomers, since a foreign holder has them as well.
    closed: BTreeMap<Position, BTreeMap<Port, Key>>,
    marks: BTreeMap<Port, Position>,
    // The same marks, to find those beyond a position.
    ports_by_mark: BTreeSet<(Position, Port)>,
}

impl<Key: Clone + PartialEq> Group<Key> {
    /// No addresses.
    pub(crate) const fn new() -> Self {
        Self {
            addresses: BTreeMap::new(),
            closed: BTreeMap::new(),
            marks: BTreeMap::new(),
            ports_by_mark: BTreeSet::new(),
        }
    }

    /// Adds a holder to an address.
    pub(crate) fn join(&mut self, position: Position, holder: &Key, ports: &BTreeSet<Port>) {
        let served = ports.iter().map(|port| (*port, holder.clone()));
        if let Some(closed) = self.closed.get_mut(&position) {
            closed.extend(served);
            return;
        }
        let is_new = !self.addresses.contains_key(&position);
        self.addresses.entry(position).or_default().extend(served);
        if is_new {
            self.lower_marks(position, |port| !ports.contains(port));
        }
    }

    /// Takes a holder from an address, at which others stay.
    pub(crate) fn leave(&mut self, position: Position, holder: &Key, ports: &BTreeSet<Port>) {
        let closed = self.closed.get_mut(&position);
        if let Some(served) = closed.or_else(|| self.addresses.get_mut(&position)) {
            for port in ports {
                if served.get(port) == Some(holder) {
                    served.remove(port);
                }
            }
        }
        self.lower_marks(position, |port| ports.contains(port));
    }

    /// Forgets an address, which nobody has any more.
    pub(crate) fn remove(&mut self, position: Position) {
        self.addresses.remove(&position);
        self.closed.remove(&position);
    }

    /// Whether it has no address at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.closed.is_empty()
    }

    /// Closes an address to newcomers.
    pub(crate) fn close(&mut self, position: Position) {
        if let Some(served) = self.addresses.remove(&position) {
            self.closed.insert(position, served);
        }
    }

    /// Opens a closed address to newcomers.
    pub(crate) fn reopen(&mut self, position: Position) {
        let Some(served) = self.closed.remove(&position) else {
            return;
        };
        self.lower_marks(position, |port| !served.contains_key(port));
        self.addresses.insert(position, served);
    }

    /// The ports of `ports` that are served at an address, open or closed, and by whom.
    pub(crate) fn conflicts<'a, 'b>(
        &'a self,
        position: Position,
        ports: &'b BTreeSet<Port>,
    ) -> impl Iterator<Item = (Port, &'a Key)> + use<'a, 'b, Key> {
        let served = self.addresses.get(&position);
        let served = served.or_else(|| self.closed.get(&position));
        served.into_iter().flat_map(move |served| {
            ports
                .iter()
                .filter_map(|port| Some((*port, served.get(port)?)))
        })
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
            |served: &BTreeMap<Port, Key>| !ports.iter().any(|port| served.contains_key(port));
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

    /// Keeps the marks true when an address below them does not serve, or no longer serves, their port.
    fn lower_marks(&mut self, position: Position, is_unserved: impl Fn(&Port) -> bool) {
        let beyond: BTreeSet<Port> = self
            .ports_by_mark
            .range((position, Port::MIN)..)
            .map(|(_, port)| *port)
            .filter(is_unserved)
            .collect();
        let before = self
            .addresses
            .range(..position)
            .next_back()
            .map(|(position, _)| *position);
        for port in beyond {
            self.set_mark(port, before);
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
