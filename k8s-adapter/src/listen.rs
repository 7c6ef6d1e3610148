//! Listening sockets for what a process serves, with TLS or without.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

/// Listens on all addresses of the machine; on those of IPv4 alone where it has no IPv6.
///
/// # Errors
///
/// The port is taken, or it needs rights that the process does not have.
pub async fn everywhere(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

/// Listens on 127.0.0.1 alone.
///
/// # Errors
///
/// The port is taken, or it needs rights that the process does not have.
pub async fn loopback(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}

/// Accepts connections over TLS. Handshakes go on side by side: a slow client holds nobody up.
#[derive(Debug)]
pub struct TlsListener {
    tcp: TcpListener,
    handshakes: JoinSet<io::Result<(TlsStream<TcpStream>, SocketAddr)>>,
    config: Arc<ServerConfig>,
}

impl TlsListener {
    /// Speaks TLS on the connections of a listening socket.
    #[must_use]
    pub fn new(tcp: TcpListener, config: ServerConfig) -> Self {
        Self {
            tcp,
            handshakes: JoinSet::new(),
            config: Arc::new(config),
        }
    }

    fn begin(&mut self, stream: TcpStream, client: SocketAddr) {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.config));
        self.handshakes.spawn(async move {
            let stream = timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await??;
            Ok((stream, client))
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let room = self.handshakes.len() < MAX_HANDSHAKES;
            tokio::select! {
                (stream, client) = Listener::accept(&mut self.tcp), if room => self.begin(stream, client),
                Some(done) = self.handshakes.join_next() => match done {
                    Ok(Ok(connection)) => return connection,
                    Ok(Err(error)) => debug!(%error, "TLS handshake failed"),
                    Err(error) => debug!(%error, "TLS handshake ended"),
                },
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// What a client may take to agree on keys.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// Handshakes at a time; more clients wait in the kernel.
const MAX_HANDSHAKES: usize = 64;
