//! The attributes that a session adds to those that all peers have in common (RFC 4271 §5.1).

use bgp_wire::{
    AfiSafi, AsPath, Asn, EncodeError, Negotiated, NextHop, Origin, PathAttributes, PeerKind,
};

use crate::input::NextHops;

/// What a session adds to the routes of one family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Completion {
    family: AfiSafi,
    peer: PeerKind,
    local_as: Asn,
    next_hop: NextHop,
    /// IPv4 routes may have next hops of IPv6 (RFC 8950).
    extended: bool,
}

impl Completion {
    /// `None` if there is no next hop for routes of this family.
    pub(super) fn new(
        family: AfiSafi,
        negotiated: &Negotiated,
        next_hops: NextHops,
    ) -> Option<Self> {
        let context = negotiated.context();
        // Both sides have to offer RFC 8950 for it to be used (§4).
        let extended = context
            .send
            .extended_next_hop
            .intersection(context.receive.extended_next_hop)
            .contains(family);
        let ipv4 = next_hops.ipv4.map(NextHop::Ipv4);
        let ipv6 = next_hops.ipv6.map(|global| NextHop::Ipv6 {
            global,
            link_local: next_hops.link_local,
        });
        let next_hop = if family == AfiSafi::IPV4_UNICAST {
            ipv4.or_else(|| ipv6.filter(|_| extended))
        } else {
            ipv6
        }?;
        Some(Self {
            family,
            peer: context.peer,
            local_as: negotiated.local().asn(),
            next_hop,
            extended,
        })
    }

    /// The attributes as the peer shall see them.
    pub(super) fn complete(&self, given: &PathAttributes) -> Result<PathAttributes, EncodeError> {
        let path = given
            .as_path()
            .map_or_else(AsPath::empty, |path| path.to_owned());
        // RFC 4271 §5.1.2: unchanged within the AS, with the local AS in front beyond it.
        let path = if self.peer == PeerKind::Ibgp {
            path
        } else {
            path.prepended(self.local_as, 1)
        };
        // RFC 4271 §5.1.5: "SHALL include" it within the AS, "MUST NOT" beyond it.
        let local_pref = self
            .peer
            .exchanges_local_pref()
            .then(|| given.local_pref().unwrap_or(DEFAULT_LOCAL_PREF));
        given
            .to_builder()
            .origin(given.origin().unwrap_or(Origin::Igp))
            .as_path(path)
            .next_hop(
                given
                    .next_hop()
                    .filter(|given| self.fits(*given))
                    .unwrap_or(self.next_hop),
            )
            .local_pref(local_pref)
            .build()
    }

    /// Whether the peer sees no difference between two sets of attributes.
    pub(super) fn equivalent(&self, one: &PathAttributes, other: &PathAttributes) -> bool {
        one == other
            || self
                .complete(one)
                .is_ok_and(|one| self.complete(other).is_ok_and(|other| one == other))
    }

    /// Whether a next hop can be that of routes of this family.
    const fn fits(&self, next_hop: NextHop) -> bool {
        match next_hop {
            NextHop::Ipv4(_) => matches!(self.family, AfiSafi::IPV4_UNICAST),
            NextHop::Ipv6 { .. } => self.extended || matches!(self.family, AfiSafi::IPV6_UNICAST),
            _ => false,
        }
    }
}

/// What routers take a route without LOCAL_PREF to have; RFC 4271 names no value.
const DEFAULT_LOCAL_PREF: u32 = 100;
