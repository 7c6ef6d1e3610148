//! One TCP connection of a session: what is unsent, and how it is written, read and closed.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::input::ConnId;

/// An open connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) conn: ConnId,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    stream: TcpStream,
    unsent: VecDeque<Bytes>,
}

/// Whether a link is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    On,
    /// The reader of events does not keep up.
    Off,
}

impl Link {
    /// # Errors
    /// That of getsockname(2) or getpeername(2): the connection is gone already.
    pub(super) fn new(conn: ConnId, stream: TcpStream) -> io::Result<Self> {
        let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
        Ok(Self {
            conn,
            local,
            remote,
            stream,
            unsent: VecDeque::new(),
        })
    }

    /// Queues octets. The session bounds the queue: it asks for no more than its high-water mark to be unsent.
    pub(super) fn push(&mut self, octets: Bytes) {
        self.unsent.push_back(octets);
    }

    /// Ready when something can be written or read.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>, reading: Reading) -> Poll<()> {
        // An error shows when the operation itself is tried.
        if !self.unsent.is_empty() && self.stream.poll_write_ready(cx).is_ready() {
            return Poll::Ready(());
        }
        if reading == Reading::On && self.stream.poll_read_ready(cx).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Writes what the socket takes at once, and returns how many octets that was.
    ///
    /// # Errors
    /// That of the socket.
    pub(super) fn write(&mut self) -> io::Result<usize> {
        let mut written = 0;
        while !self.unsent.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut used = 0;
            for (slice, octets) in slices.iter_mut().zip(&self.unsent) {
                *slice = IoSlice::new(octets);
                used += 1;
            }
            let count = match self
                .stream
                .try_write_vectored(slices.get(..used).unwrap_or_default())
            {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
            written += count;
            self.advance(count);
        }
        Ok(written)
    }

    /// Reads what has arrived into `buffer`; `None` if there is nothing at the moment, `Some(0)` at the end.
    ///
    /// # Errors
    /// That of the socket.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self.stream.try_read(buffer) {
            Ok(count) => Ok(Some(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.unsent.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.unsent.pop_front();
        }
    }

    /// Writes out what is unsent and closes, in bounded time. What still arrives is read and forgotten, or the kernel
    /// would reset the connection and the peer might never see the NOTIFICATION.
    pub(super) async fn close(mut self) {
        let closed = async {
            for octets in &mut self.unsent {
                self.stream.write_all_buf(octets).await?;
            }
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            while self.stream.read(&mut rest).await? > 0 {}
            io::Result::Ok(())
        };
        // Whether it takes too long or breaks, there is nothing left to do for this connection.
        let _ = timeout(LINGER, closed).await;
    }
}

/// As many messages go into one system call.
const SLICES: usize = 16;
/// How long a connection may take to close.
const LINGER: Duration = Duration::from_secs(1);
