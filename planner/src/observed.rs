//! What a node's drivers report.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bgp_wire::{Asn, HoldTime, RouterId};
use imbl::OrdSet;
use ipnet::IpNet;

use crate::family::Families;
use crate::names::{Interface, PeerName};

/// What a node's drivers report.
///
/// It is the same while nothing happens: a keepalive, or time that passes, makes no other of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The session with each peer, those that end included as long as they do.
    pub sessions: BTreeMap<PeerName, SessionObserved>,
    /// The interfaces that layer 2 uses.
    pub interfaces: BTreeSet<Interface>,
    /// The addresses that the node owns by layer 2 and leaves to another station for now.
    pub left: BTreeSet<IpAddr>,
    /// The addresses that the node owns by layer 2, looks for on its links before it uses them (RFC 5227 §2.1, RFC 4862
    /// §5.4), and answers for nowhere yet.
    pub probed: BTreeSet<IpAddr>,
    /// The addresses that the node owns by layer 2 and a stranger says are its own.
    pub conflicts: BTreeMap<IpAddr, Conflict>,
}

/// A station that is no speaker says that an address is its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Its hardware address.
    pub by: [u8; 6],
    /// The interface that it was heard on.
    pub interface: Interface,
}

/// Who claims the address, and where.
impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.by;
        let interface = &self.interface;
        write!(
            f,
            "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x} on interface {interface}"
        )
    }
}

/// How a BGP session is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionObserved {
    /// Its state.
    pub state: SessionState,
    /// When it came up or, while it is not Established, when it went down or was begun, as time since the Unix epoch.
    /// Read from a clock once, when it happens: attempts to connect leave it as it is.
    pub since: Duration,
    /// The local end of the connection, while Established.
    pub local: Option<SocketAddr>,
    /// The peer's end, while Established.
    pub remote: Option<SocketAddr>,
    /// What was agreed on, while Established.
    pub negotiated: Option<SessionNegotiated>,
    /// The prefixes in the Adj-RIB-Out: what the peer has really been sent. Empty while not Established.
    pub sent: OrdSet<IpNet>,
    /// Prefixes that the peer has sent and that are in use. None by now: speakers announce, and discard what they are told.
    pub accepted: u64,
    /// Why the latest session or attempt that failed did so, in plain words. It outlives the session that follows.
    pub last_error: Option<String>,
    /// Who opens the connection.
    pub initiative: Initiative,
    /// Whether the peer is being led away from this node.
    pub draining: bool,
}

/// What two speakers agreed on (RFC 4271 §4.2, RFC 5492).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionNegotiated {
    /// The AS that the peer is in.
    pub peer_as: Asn,
    /// The peer's BGP Identifier.
    pub router_id: RouterId,
    /// The smaller of both hold times.
    pub hold_time: HoldTime,
    /// Time between keepalives; `None` where the hold time says that there are none.
    pub keepalive_time: Option<Duration>,
    /// The families whose routes may be sent; `None`: none of those that there are.
    pub families: Option<Families>,
}

/// The states of RFC 4271 §8.2.2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionState {
    /// Nothing is tried.
    #[default]
    Idle,
    /// A TCP connection is being opened.
    Connect,
    /// A TCP connection is awaited.
    Active,
    /// The OPEN has been sent.
    OpenSent,
    /// The peer's OPEN has been taken.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

impl SessionState {
    /// As the RFC spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        }
    }
}

impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who opens the connection of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initiative {
    /// Either side, as RFC 4271 has it.
    #[default]
    Active,
    /// The peer alone (RFC 4271 §8.1.1, PassiveTcpEstablishment).
    Passive,
}
