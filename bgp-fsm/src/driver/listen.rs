//! A listening socket that hands connections to the peers they come from.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::connect::{prepare, set_ttl};
use super::sockopt;
use super::task::Control;
use super::transport::Transport;

/// The way into a session for connections that its peer opened.
#[derive(Debug, Clone)]
pub struct Acceptor {
    transport: Arc<Transport>,
    control: mpsc::Sender<Control>,
}

/// Listens for peers, usually on port 179, until it is dropped.
///
/// A connection is handed to the peer with its source address; the one of an address that nobody added is closed,
/// unless a function makes a peer for it. TCP MD5 keys are set on the listening socket, so that the kernel drops what is
/// not signed before anything of it is seen.
#[derive(Debug)]
pub struct Listener {
    socket: Arc<TcpListener>,
    peers: watch::Sender<Peers>,
    task: JoinHandle<()>,
}

type Peers = BTreeMap<IpAddr, Acceptor>;

/// Makes a peer for an address that is not known, if it likes it.
type Mint = Box<dyn FnMut(SocketAddr) -> Option<Acceptor> + Send>;

impl Acceptor {
    pub(super) const fn new(transport: Arc<Transport>, control: mpsc::Sender<Control>) -> Self {
        Self { transport, control }
    }

    /// Hands over a connection, which is closed if the session has ended or is flooded with others.
    fn accept(&self, stream: TcpStream) {
        if let Err(error) = prepare(&stream, &self.transport) {
            tracing::warn!(peer = %self.transport.remote, %error, "socket options refused, closing the connection");
        } else if self.control.try_send(Control::Accepted(stream)).is_err() {
            tracing::debug!(peer = %self.transport.remote, "session takes no connection, closing it");
        }
    }
}

impl Listener {
    /// Listens on an address and refuses connections of unknown peers.
    ///
    /// # Errors
    /// That of the socket; ports below 1024 need the capability `NET_BIND_SERVICE`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::bind_with(address, |_| None)
    }

    /// Listens on an address. For a connection of an unknown peer `mint` may spawn one, which is known from then on, and
    /// return its [`Acceptor`](super::Peer::acceptor). Its sessions should be passive, and their number limited.
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn bind_with(
        address: SocketAddr,
        mint: impl FnMut(SocketAddr) -> Option<Acceptor> + Send + 'static,
    ) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        socket.set_reuseaddr(true)?;
        let reference = SockRef::from(&socket);
        if address.is_ipv6() {
            // Mapped addresses would not be those that peers are configured with.
            reference.set_only_v6(true)?;
        }
        // The answer to a peer that demands GTSM has to come with 255; each connection is then set to its own.
        set_ttl(&reference, address.ip(), u8::MAX)?;
        socket.bind(address)?;
        let socket = Arc::new(socket.listen(BACKLOG)?);
        let peers = watch::Sender::new(Peers::new());
        let task = tokio::spawn(accept(Arc::clone(&socket), peers.clone(), Box::new(mint)));
        Ok(Self {
            socket,
            peers,
            task,
        })
    }

    /// Hands connections of a peer's address to it from now on, and demands the peer's password of them.
    ///
    /// # Errors
    /// That of setsockopt(2) for the password.
    pub fn add(&self, acceptor: Acceptor) -> io::Result<()> {
        let peer = acceptor.transport.remote.ip();
        match &acceptor.transport.password {
            Some(password) => sockopt::set_md5_key(&self.socket, peer, password)?,
            None => self.forget_key(peer),
        }
        self.peers.send_modify(|peers| {
            peers.insert(peer, acceptor);
        });
        Ok(())
    }

    /// Refuses connections of this address from now on. Connections that it has are not touched.
    pub fn remove(&self, peer: IpAddr) {
        self.forget_key(peer);
        self.peers.send_modify(|peers| {
            peers.remove(&peer);
        });
    }

    /// Whether connections of this address are handed to a peer.
    #[must_use]
    pub fn is_known(&self, peer: IpAddr) -> bool {
        self.peers.borrow().contains_key(&peer)
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// That of getsockname(2).
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    fn forget_key(&self, peer: IpAddr) {
        let had_key = self
            .peers
            .borrow()
            .get(&peer)
            .is_some_and(|acceptor| acceptor.transport.password.is_some());
        if had_key && let Err(error) = sockopt::remove_md5_key(&self.socket, peer) {
            tracing::warn!(%peer, %error, "TCP MD5 key could not be removed");
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: Arc<TcpListener>, peers: watch::Sender<Peers>, mut mint: Mint) {
    loop {
        let (stream, remote) = match socket.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A connection that broke while it waited, or too many open files: neither gets better by haste.
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let known = peers.borrow().get(&remote.ip()).cloned();
        let acceptor = known.or_else(|| {
            let minted = mint(remote)?;
            peers.send_modify(|peers| {
                peers.insert(remote.ip(), minted.clone());
            });
            Some(minted)
        });
        match acceptor {
            Some(acceptor) => acceptor.accept(stream),
            None => tracing::info!(%remote, "connection of an unknown peer refused"),
        }
    }
}

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;
const PAUSE: Duration = Duration::from_millis(100);
