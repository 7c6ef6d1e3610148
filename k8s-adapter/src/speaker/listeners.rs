//! Listening for routers that connect to us.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bgp_fsm::driver::{Listener, Peer};
use planner::config::Establishment;
use planner::desired::PeerSession;
use tracing::{info, warn};

use super::peers::SessionError;

/// The sockets that `--bgp-listen` asks for; without one nobody can connect to us.
#[derive(Debug, Default, Clone)]
pub(super) struct Listeners(Vec<(SocketAddr, Arc<Listener>)>);

impl Listeners {
    /// Listens on each of the addresses.
    ///
    /// # Errors
    /// The first address that cannot be listened on, and why.
    pub(super) fn bind(addresses: &[SocketAddr]) -> Result<Self, ListenError> {
        let bind = |&address: &SocketAddr| {
            let listener =
                Listener::bind(address).map_err(|source| ListenError { address, source })?;
            info!(%address, "listening for BGP");
            Ok((address, Arc::new(listener)))
        };
        Ok(Self(
            addresses
                .iter()
                .map(bind)
                .collect::<Result<_, ListenError>>()?,
        ))
    }

    /// Whether a session can be as its settings say: one that waits for its peer needs somebody to listen.
    ///
    /// # Errors
    /// Nobody listens, or what comes from the peer's address is taken for another BGPPeer's.
    pub(super) fn check(&self, settings: &PeerSession) -> Result<(), SessionError> {
        if settings.establishment == Establishment::Active {
            return Ok(());
        }
        let mut listeners = self.of_family(settings.address).peekable();
        if listeners.peek().is_none() {
            return Err(SessionError::NobodyListens);
        }
        if listeners.any(|listener| listener.is_known(settings.address)) {
            return Err(SessionError::AddressTaken(settings.address));
        }
        Ok(())
    }

    /// Hands connections from the peer's address to its session, until the result is dropped.
    ///
    /// # Errors
    /// The password is refused by the system.
    pub(super) fn admit(&self, address: IpAddr, session: &Peer) -> io::Result<Admission> {
        let mut admission = Admission {
            address,
            listeners: Vec::new(),
        };
        for listener in self.of_family(address) {
            if listener.is_known(address) {
                warn!(%address, "connections from this address go to another BGPPeer's session");
            } else {
                listener.add(session.acceptor())?;
                admission.listeners.push(Arc::clone(listener));
            }
        }
        Ok(admission)
    }

    fn of_family(&self, peer: IpAddr) -> impl Iterator<Item = &Arc<Listener>> {
        let listeners = self.0.iter();
        listeners
            .filter(move |(address, _)| address.is_ipv4() == peer.is_ipv4())
            .map(|(_, listener)| listener)
    }
}

/// That connections from an address are handed to a session.
#[derive(Debug)]
pub(super) struct Admission {
    address: IpAddr,
    listeners: Vec<Arc<Listener>>,
}

impl Admission {
    /// Whether nobody listens for them.
    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty()
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        for listener in &self.listeners {
            listener.remove(self.address);
        }
    }
}

/// An address of `--bgp-listen` cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}, which --bgp-listen asks for")]
pub struct ListenError {
    /// The address.
    pub address: SocketAddr,
    /// Why not; ports below 1024 need the capability NET_BIND_SERVICE.
    pub source: io::Error,
}
