//! The attributes of routes as the engine takes them, each set encoded once.

use std::collections::BTreeMap;
use std::sync::Arc;

use bgp_wire::{AsPath, Asn, NextHop, PathAttributes};
use planner::desired::RouteAttributes;
use planner::names::PeerName;
use tracing::error;

/// Encodes the attributes of one session's routes. Routes of equal attributes share them; what depends on the session
/// (ORIGIN, the local AS that is in every AS_PATH, NEXT_HOP where none is given) is left to it.
#[derive(Debug)]
pub(super) struct Encoder {
    peer: PeerName,
    /// What routes are prepended with.
    local_as: Asn,
    /// What was encoded; `None` where it cannot be.
    made: BTreeMap<Arc<RouteAttributes>, Option<Arc<PathAttributes>>>,
    /// When there is more than this, what no route has any more is forgotten.
    room: usize,
}

impl Encoder {
    /// Of a session with this peer, which sees the local AS.
    pub(super) const fn new(peer: PeerName, local_as: Asn) -> Self {
        Self {
            peer,
            local_as,
            made: BTreeMap::new(),
            room: ROOM,
        }
    }

    /// The attributes as the engine takes them; `None` where there is more than an attribute can hold.
    pub(super) fn encode(
        &mut self,
        attributes: &Arc<RouteAttributes>,
    ) -> Option<Arc<PathAttributes>> {
        if let Some(made) = self.made.get(attributes) {
            return made.clone();
        }
        if self.made.len() >= self.room {
            let used = |made: &Arc<PathAttributes>| Arc::strong_count(made) > 1;
            self.made.retain(|_, made| made.as_ref().is_some_and(used));
            self.room = ROOM.max(2 * self.made.len());
        }
        let built = self.build(attributes);
        self.made.insert(Arc::clone(attributes), built.clone());
        built
    }

    fn build(&self, attributes: &RouteAttributes) -> Option<Arc<PathAttributes>> {
        let prepended = std::iter::repeat_n(self.local_as, usize::from(attributes.as_path_prepend));
        let built = PathAttributes::builder()
            .as_path((attributes.as_path_prepend > 0).then(|| AsPath::sequence(prepended)))
            .next_hop(attributes.next_hop.map(NextHop::from))
            .med(attributes.med)
            .local_pref(attributes.local_pref)
            .communities(attributes.communities.iter().copied())
            .large_communities(attributes.large_communities.iter().copied())
            .build();
        built
            .map(Arc::new)
            .inspect_err(|error| error!(peer = %self.peer, %error, "routes cannot be announced"))
            .ok()
    }
}

/// So many sets are kept whether or not a route has them.
const ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn preferred(local_pref: u32) -> Arc<RouteAttributes> {
        Arc::new(RouteAttributes {
            local_pref: Some(local_pref),
            ..RouteAttributes::default()
        })
    }

    #[test]
    fn routes_of_equal_attributes_share_them() {
        let mut encoder = Encoder::new("tor".into(), Asn(64500));
        let one = encoder.encode(&preferred(150)).unwrap();
        let equal = encoder.encode(&preferred(150)).unwrap();
        assert!(Arc::ptr_eq(&one, &equal));
        assert_eq!(one.local_pref(), Some(150));
        assert_eq!(one.next_hop(), None, "the session's own");
        let none = encoder.encode(&Arc::default()).unwrap();
        assert_eq!(none.local_pref(), None);
    }

    #[test]
    fn what_policies_set_reaches_the_engine() {
        let attributes = RouteAttributes {
            as_path_prepend: 2,
            med: Some(0),
            next_hop: Some("2001:db8::7".parse().unwrap()),
            ..RouteAttributes::default()
        };
        let mut encoder = Encoder::new("tor".into(), Asn(4_200_000_000));
        let built = encoder.encode(&Arc::new(attributes)).unwrap();
        let path = built.as_path().unwrap();
        assert_eq!(path.asns().collect::<Vec<_>>(), [Asn(4_200_000_000); 2]);
        assert_eq!(built.med(), Some(0));
        let next_hop: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
        assert_eq!(built.next_hop(), Some(NextHop::from(next_hop)));
    }

    #[test]
    fn what_no_route_has_any_more_is_forgotten() {
        let mut encoder = Encoder::new("tor".into(), Asn(64500));
        let kept = encoder.encode(&preferred(0));
        for local_pref in 1..1000 {
            encoder.encode(&preferred(local_pref));
        }
        assert!(encoder.made.len() <= ROOM, "{}", encoder.made.len());
        assert_eq!(encoder.encode(&preferred(0)), kept);
    }
}
