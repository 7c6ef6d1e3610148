//! Routes of the kernel, by rtnetlink.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use futures_util::TryStreamExt as _;
use ipnet::IpNet;
use rtnetlink::packet_route::route::{RouteMessage, RouteNextHop, RouteProtocol};
use rtnetlink::{Handle, RouteMessageBuilder, RouteNextHopBuilder};

use crate::LabError;

/// The main table of the namespace in which it was opened.
#[derive(Debug)]
pub(super) struct Kernel {
    handle: Handle,
    installed: BTreeSet<IpNet>,
}

impl Kernel {
    /// Starts without routes of BGP: those of a process that was killed are removed.
    ///
    /// # Errors
    /// When the kernel gives no socket, or refuses.
    pub(super) async fn open() -> Result<Self, LabError> {
        let connection = rtnetlink::new_connection().map_err(LabError::io("opening rtnetlink"));
        let (connection, handle, _) = connection?;
        tokio::spawn(connection);
        let families = [
            RouteMessageBuilder::<Ipv4Addr>::new().build(),
            RouteMessageBuilder::<Ipv6Addr>::new().build(),
        ];
        for family in families {
            let routes: Vec<_> = handle
                .route()
                .get(family)
                .execute()
                .try_collect()
                .await
                .map_err(refused)?;
            for route in routes
                .into_iter()
                .filter(|route| route.header.protocol == RouteProtocol::Bgp)
            {
                handle.route().del(route).execute().await.map_err(refused)?;
            }
        }
        Ok(Self {
            handle,
            installed: BTreeSet::new(),
        })
    }

    /// Makes packets to a prefix go to these next hops, in equal shares; without any, to none.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub(super) async fn set(
        &mut self,
        prefix: IpNet,
        next_hops: &BTreeSet<IpAddr>,
    ) -> Result<(), LabError> {
        let message = message(prefix, next_hops)?;
        let route = self.handle.route();
        let result = if !next_hops.is_empty() {
            self.installed.insert(prefix);
            route.add(message).replace().execute().await
        } else if self.installed.remove(&prefix) {
            route.del(message).execute().await
        } else {
            Ok(())
        };
        result.map_err(refused)
    }
}

fn message(prefix: IpNet, next_hops: &BTreeSet<IpAddr>) -> Result<RouteMessage, LabError> {
    let message = RouteMessageBuilder::<IpAddr>::new()
        .protocol(RouteProtocol::Bgp)
        .destination_prefix(prefix.addr(), prefix.prefix_len())
        .map_err(refused)?;
    // An empty list would not be the same as none.
    if next_hops.is_empty() {
        return Ok(message.build());
    }
    let hops = next_hops
        .iter()
        .map(|&hop| via(hop))
        .collect::<Result<_, _>>()?;
    Ok(message.multipath(hops).build())
}

fn via(next_hop: IpAddr) -> Result<RouteNextHop, LabError> {
    let builder = match next_hop {
        IpAddr::V4(_) => RouteNextHopBuilder::new_ipv4(),
        IpAddr::V6(_) => RouteNextHopBuilder::new_ipv6(),
    };
    Ok(builder.via(next_hop).map_err(refused)?.build())
}

fn refused(error: impl std::error::Error) -> LabError {
    LabError::Unexpected(format!("route refused: {error}"))
}
