//! What a session is told.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use bgp_wire::{AfiSafi, Cease, ShutdownCommunication};

use crate::config::PeerConfig;
use crate::routes::Routes;

/// Names one TCP connection of a session. A session numbers those that it asks for, its driver those that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a connection is opened by one side or by the other"
)]
pub enum ConnId {
    /// Opened from here, for an [`Output::Connect`](crate::Output::Connect).
    Outgoing(u64),
    /// Opened by the peer. No number may be used twice in one session.
    Incoming(u64),
}

/// The local addresses that routes are announced with: those of the interface that holds the connection's local
/// address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NextHops {
    /// For IPv4 routes.
    pub ipv4: Option<Ipv4Addr>,
    /// For IPv6 routes, and for IPv4 routes where RFC 8950 is agreed on and there is no IPv4 address.
    pub ipv6: Option<Ipv6Addr>,
    /// The link-local address to go with `ipv6`; only where the peer is on the same link (RFC 2545 §3).
    pub link_local: Option<Ipv6Addr>,
}

impl NextHops {
    /// These addresses, and no link-local one.
    #[must_use]
    pub const fn new(ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Self {
        Self {
            ipv4,
            ipv6,
            link_local: None,
        }
    }

    /// The same with a link-local address, for a peer on the same link.
    #[must_use]
    pub const fn with_link_local(self, address: Ipv6Addr) -> Self {
        Self {
            link_local: Some(address),
            ..self
        }
    }
}

/// What a session is told by its user and by its driver.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Begin, and begin again after each failure: ManualStart (RFC 4271 §8.1.2, events 1 and 4).
    Start,
    /// End the session and stay Idle: ManualStop (event 2). The peer is sent a Cease, with a text where the subcode can
    /// carry one (RFC 9003 §2).
    Stop {
        /// Why.
        cease: Cease,
        /// For the operator of the other side.
        text: ShutdownCommunication,
    },
    /// The peer shall know these routes and no others. It costs what has changed since the last ones if these are a copy
    /// of them with changes: see [`Routes`].
    SetRoutes(Routes),
    /// Run with these settings from now on. A session that is agreed on ends, and starts anew, only if the OPEN that goes
    /// with them would have made another of it: see [`PeerConfig`].
    SetConfig(PeerConfig),
    /// Ask the peer for its routes of this family (RFC 2918). Nothing happens where the peer cannot do that.
    RequestRefresh(AfiSafi),
    /// A TCP connection is open: one that was asked for, or one that the peer opened.
    Connected {
        /// Which.
        conn: ConnId,
        /// The address of this end.
        local: SocketAddr,
        /// The address of the peer's end.
        remote: SocketAddr,
        /// What routes are announced with on this connection.
        next_hops: NextHops,
    },
    /// A connection that was asked for could not be opened.
    ConnectFailed {
        /// Which.
        conn: ConnId,
    },
    /// Octets arrived.
    Received {
        /// On which connection.
        conn: ConnId,
        /// The next octets of its stream.
        octets: &'a [u8],
    },
    /// The transport took octets of those it was given to transmit. That is the write progress which the send hold timer
    /// watches and the back-pressure on UPDATEs.
    Drained {
        /// On which connection.
        conn: ConnId,
        /// How many octets since the last report.
        octets: usize,
    },
    /// The peer closed the connection, or it broke.
    Closed {
        /// Which.
        conn: ConnId,
    },
}
