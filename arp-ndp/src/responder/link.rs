//! What a responder has to know of its interface.

use std::net::IpAddr;

use bitflags::bitflags;

use crate::mac::MacAddr;

/// What a responder has to know of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The interface's own address: the one that answers carry.
    pub mac: MacAddr,
    /// Whether frames can be sent and received at all.
    pub state: LinkState,
    /// The protocols to answer and announce with.
    pub protocols: Protocols,
    /// Which interfaces below this one carry its frames, as one number that is another when they are others: the ports
    /// of a bridge or bond that run. Switches then have to learn anew where we are, so everything is announced again.
    pub path: u64,
}

impl Link {
    /// A link that is up and speaks both protocols.
    #[must_use]
    pub const fn new(mac: MacAddr) -> Self {
        Self {
            mac,
            state: LinkState::Up,
            protocols: Protocols::all(),
            path: 0,
        }
    }

    /// The same link in another state.
    #[must_use]
    pub const fn with_state(self, state: LinkState) -> Self {
        Self { state, ..self }
    }

    /// The same link with other protocols.
    #[must_use]
    pub const fn with_protocols(self, protocols: Protocols) -> Self {
        Self { protocols, ..self }
    }

    /// The same link over another path.
    #[must_use]
    pub const fn with_path(self, path: u64) -> Self {
        Self { path, ..self }
    }

    pub(crate) fn speaks(&self, protocols: Protocols) -> bool {
        self.state == LinkState::Up && self.protocols.contains(protocols)
    }
}

/// Whether an interface can send and receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a link is up or it is not")]
pub enum LinkState {
    /// It can.
    Up,
    /// It cannot: switched off, or no carrier.
    Down,
}

bitflags! {
    /// The protocols that a link speaks.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Protocols: u8 {
        /// ARP, for IPv4 addresses: any link with a broadcast address.
        const ARP = 1 << 0;
        /// Neighbor Discovery, for IPv6 addresses: any link with an IPv6 link-local address of its own.
        const NDP = 1 << 1;
    }
}

impl Protocols {
    /// The protocol that resolves this address.
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::ARP,
            IpAddr::V6(_) => Self::NDP,
        }
    }
}
