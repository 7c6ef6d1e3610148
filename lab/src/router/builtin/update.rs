//! An UPDATE in the words of the lab.

use std::net::IpAddr;

use bgp_fsm::ReceivedUpdate;
use bgp_wire::{NextHop, PathAttributesRef, Validated};
use ipnet::IpNet;

use crate::LabError;
use crate::router::Route;

/// What an UPDATE does to the table.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) withdrawn: Vec<IpNet>,
    pub(super) announced: Vec<Route>,
}

impl Changes {
    /// # Errors
    /// On a fault that would have ended the session, which has looked for such already.
    pub(super) fn of(update: &ReceivedUpdate, peer: IpAddr) -> Result<Self, LabError> {
        let fault =
            |error| LabError::Unexpected(format!("UPDATE that a session let pass: {error}"));
        let routes = match update.validate().map_err(fault)? {
            Validated::Routes(routes) => routes,
            Validated::Withdraw(withdrawn) | Validated::DisableFamily(_, withdrawn) => {
                return Ok(Self {
                    withdrawn: withdrawn.prefixes().collect(),
                    announced: Vec::new(),
                });
            }
        };
        let mut changes = Self {
            withdrawn: routes
                .withdrawals()
                .flat_map(|field| field.prefixes())
                .collect(),
            announced: Vec::new(),
        };
        for field in routes.announcements() {
            let Some(next_hop) = field.next_hop.and_then(address) else {
                continue;
            };
            let prefixes = field.nlri.prefixes();
            changes
                .announced
                .extend(prefixes.map(|prefix| route(prefix, peer, next_hop, routes.attributes())));
        }
        Ok(changes)
    }
}

fn route(
    prefix: IpNet,
    peer: IpAddr,
    next_hop: IpAddr,
    attributes: &PathAttributesRef<'_>,
) -> Route {
    let as_path = attributes.full_as_path().unwrap_or_default();
    Route {
        prefix,
        peer,
        next_hop,
        as_path: as_path.as_ref().asns().map(|asn| asn.0).collect(),
        local_pref: attributes.local_pref(),
        med: attributes.med(),
        communities: attributes
            .communities()
            .map(|community| community.to_string())
            .collect(),
        large_communities: attributes
            .large_communities()
            .map(|community| community.to_string())
            .collect(),
    }
}

/// What the kernel is to send packets to.
fn address(next_hop: NextHop) -> Option<IpAddr> {
    match next_hop {
        NextHop::Ipv4(address) => Some(address.into()),
        NextHop::Ipv6 { global, .. } => Some(global.into()),
        _ => None,
    }
}
