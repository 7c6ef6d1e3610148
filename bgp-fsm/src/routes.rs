//! The routes that a peer shall know, as a value that is cheap to copy and to compare.

use std::sync::Arc;

use bgp_wire::{AfiSafi, PathAttributes};
use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// The routes that the peer shall know: desired state, of which the session works out the differences.
///
/// The attributes are those that all peers have in common; what depends on the session is added to them. See
/// [`Session`](crate::Session#attributes).
///
/// A copy shares everything with its original, whatever the number of routes, and two copies are compared by what they do
/// not share. So whoever keeps a copy, changes some routes and hands it over again pays for those alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routes {
    // One map a family: a prefix of IPv4 takes a fraction of what one of either takes, in memory and in time.
    ipv4: Map<Ipv4Net>,
    ipv6: Map<Ipv6Net>,
}

impl Routes {
    /// No routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a route, or gives it other attributes. Returns those it had.
    pub fn insert(
        &mut self,
        prefix: IpNet,
        attributes: Arc<PathAttributes>,
    ) -> Option<Arc<PathAttributes>> {
        match prefix {
            IpNet::V4(prefix) => self.ipv4.insert(prefix, attributes),
            IpNet::V6(prefix) => self.ipv6.insert(prefix, attributes),
        }
    }

    /// Takes a route away. Returns the attributes it had.
    pub fn remove(&mut self, prefix: &IpNet) -> Option<Arc<PathAttributes>> {
        match prefix {
            IpNet::V4(prefix) => self.ipv4.remove(prefix),
            IpNet::V6(prefix) => self.ipv6.remove(prefix),
        }
    }

    /// Makes each prefix a route of these attributes, or none. What is not named stays as it is.
    pub fn update(
        &mut self,
        changes: impl IntoIterator<Item = (IpNet, Option<Arc<PathAttributes>>)>,
    ) {
        for (prefix, attributes) in changes {
            match attributes {
                Some(attributes) => self.insert(prefix, attributes),
                None => self.remove(&prefix),
            };
        }
    }

    /// The attributes of a route.
    #[must_use]
    pub fn get(&self, prefix: &IpNet) -> Option<&Arc<PathAttributes>> {
        match prefix {
            IpNet::V4(prefix) => self.ipv4.get(prefix),
            IpNet::V6(prefix) => self.ipv6.get(prefix),
        }
    }

    /// Whether there is such a route.
    #[must_use]
    pub fn contains(&self, prefix: &IpNet) -> bool {
        match prefix {
            IpNet::V4(prefix) => self.ipv4.contains_key(prefix),
            IpNet::V6(prefix) => self.ipv6.contains_key(prefix),
        }
    }

    /// The routes, in the order of their prefixes: those of IPv4 in front.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (IpNet, &Arc<PathAttributes>)> {
        of_map(&self.ipv4).chain(of_map(&self.ipv6))
    }

    /// Their prefixes, in order.
    pub fn prefixes(&self) -> impl DoubleEndedIterator<Item = IpNet> {
        self.iter().map(|(prefix, _)| prefix)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ipv4.len() + self.ipv6.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    /// Whether the other is a copy that nothing has been done to since: told without a look at the routes.
    pub(crate) fn is_copy_of(&self, other: &Self) -> bool {
        are_copies(&self.ipv4, &other.ipv4) && are_copies(&self.ipv6, &other.ipv6)
    }

    /// The routes of one of the two families.
    pub(crate) fn of_family(
        &self,
        family: AfiSafi,
    ) -> impl Iterator<Item = (IpNet, &Arc<PathAttributes>)> {
        let is_ipv4 = family == AfiSafi::IPV4_UNICAST;
        let ipv4 = is_ipv4.then(|| of_map(&self.ipv4));
        let ipv6 = (!is_ipv4).then(|| of_map(&self.ipv6));
        ipv4.into_iter().flatten().chain(ipv6.into_iter().flatten())
    }

    /// How many there are of one of the two families.
    pub(crate) fn len_of(&self, family: AfiSafi) -> usize {
        if family == AfiSafi::IPV4_UNICAST {
            self.ipv4.len()
        } else {
            self.ipv6.len()
        }
    }

    /// What turns `self` into `later` as far as a family is concerned, in the order of the prefixes, in the time that it
    /// takes to find what the two do not share.
    pub(crate) fn changes_to<'a>(
        &'a self,
        later: &'a Self,
        family: AfiSafi,
    ) -> impl Iterator<Item = RouteChange<'a>> {
        let is_ipv4 = family == AfiSafi::IPV4_UNICAST;
        let ipv4 = is_ipv4.then(|| changes(&self.ipv4, &later.ipv4));
        let ipv6 = (!is_ipv4).then(|| changes(&self.ipv6, &later.ipv6));
        ipv4.into_iter().flatten().chain(ipv6.into_iter().flatten())
    }
}

type Map<P> = OrdMap<P, Arc<PathAttributes>>;

fn of_map<P: Copy + Ord + Into<IpNet>>(
    routes: &Map<P>,
) -> impl DoubleEndedIterator<Item = (IpNet, &Arc<PathAttributes>)> {
    routes
        .iter()
        .map(|(prefix, attributes)| ((*prefix).into(), attributes))
}

fn are_copies<P: Ord>(one: &Map<P>, other: &Map<P>) -> bool {
    one.ptr_eq(other) || one.is_empty() && other.is_empty()
}

fn changes<'a, P: Copy + Ord + Into<IpNet>>(
    earlier: &'a Map<P>,
    later: &'a Map<P>,
) -> impl Iterator<Item = RouteChange<'a>> {
    earlier.diff(later).map(|change| match change {
        DiffItem::Add(prefix, attributes) => RouteChange::New((*prefix).into(), attributes),
        DiffItem::Update { old, new } => RouteChange::Other((*new.0).into(), old.1, new.1),
        DiffItem::Remove(prefix, _) => RouteChange::Gone((*prefix).into()),
    })
}

impl FromIterator<(IpNet, Arc<PathAttributes>)> for Routes {
    fn from_iter<I: IntoIterator<Item = (IpNet, Arc<PathAttributes>)>>(routes: I) -> Self {
        let mut all = Self::new();
        all.extend(routes);
        all
    }
}

impl Extend<(IpNet, Arc<PathAttributes>)> for Routes {
    fn extend<I: IntoIterator<Item = (IpNet, Arc<PathAttributes>)>>(&mut self, routes: I) {
        for (prefix, attributes) in routes {
            self.insert(prefix, attributes);
        }
    }
}

/// What is different about one route.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteChange<'a> {
    /// There was none.
    New(IpNet, &'a Arc<PathAttributes>),
    /// It had the first attributes, and has the second.
    Other(IpNet, &'a Arc<PathAttributes>, &'a Arc<PathAttributes>),
    /// There is none any more.
    Gone(IpNet),
}

/// The family that a route is of.
pub(crate) const fn family_of(prefix: &IpNet) -> AfiSafi {
    match prefix {
        IpNet::V4(_) => AfiSafi::IPV4_UNICAST,
        IpNet::V6(_) => AfiSafi::IPV6_UNICAST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(prefixes: &[&str]) -> Routes {
        let attributes = Arc::new(PathAttributes::default());
        let prefixes = prefixes.iter().map(|prefix| prefix.parse().unwrap());
        prefixes
            .map(|prefix| (prefix, Arc::clone(&attributes)))
            .collect()
    }

    #[test]
    fn the_families_of_routes_are_told_apart() {
        let routes = routes(&["::/0", "0.0.0.0/0", "ffff::/128", "255.255.255.255/32"]);
        let of = |family| {
            let prefixes = routes.of_family(family).map(|(prefix, _)| prefix);
            prefixes
                .map(|prefix| prefix.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of(AfiSafi::IPV4_UNICAST),
            ["0.0.0.0/0", "255.255.255.255/32"]
        );
        assert_eq!(of(AfiSafi::IPV6_UNICAST), ["::/0", "ffff::/128"]);
    }

    #[test]
    fn an_update_leaves_alone_what_it_does_not_name() {
        let mut routes = routes(&["192.0.2.1/32", "192.0.2.2/32"]);
        let before = routes.clone();
        let prefix = |text: &str| text.parse::<IpNet>().unwrap();
        routes.update([
            (prefix("192.0.2.1/32"), None),
            (prefix("192.0.2.3/32"), Some(Arc::default())),
            (prefix("192.0.2.9/32"), None),
        ]);
        let prefixes: Vec<String> = routes
            .iter()
            .map(|(prefix, _)| prefix.to_string())
            .collect();
        assert_eq!(prefixes, ["192.0.2.2/32", "192.0.2.3/32"]);
        assert_eq!(before.changes_to(&routes, AfiSafi::IPV4_UNICAST).count(), 2);
        assert_eq!(before.changes_to(&routes, AfiSafi::IPV6_UNICAST).count(), 0);
        assert!(before.is_copy_of(&before.clone()) && !before.is_copy_of(&routes));
    }
}
