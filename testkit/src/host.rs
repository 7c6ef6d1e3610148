//! The adapter between a machine under test and the simulated world.

use std::time::Instant;

use crate::simulation::World;
use crate::stream::StreamId;

/// Names a host of a simulation: the first one added is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub usize);

/// What reaches a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The simulation runs for the first time with this host in it.
    Started,
    /// A datagram arrived.
    Datagram {
        /// Who sent it.
        from: HostId,
        /// What it carries.
        octets: Vec<u8>,
    },
    /// A stream that this host opened is connected.
    Connected(StreamId),
    /// Another host opened a stream to this one.
    Accepted {
        /// The new stream.
        stream: StreamId,
        /// Who opened it.
        from: HostId,
    },
    /// Octets arrived on a stream, in order and without gaps.
    Received {
        /// The stream.
        stream: StreamId,
        /// The next octets of it.
        octets: Vec<u8>,
    },
    /// The other end acknowledged this many more of the octets written.
    Sent {
        /// The stream.
        stream: StreamId,
        /// How many octets.
        octets: usize,
    },
    /// The other end closed or reset the stream, or it could not be opened, or the other end stayed silent too long.
    Closed(StreamId),
}

/// Wraps a machine: translates what happens into its inputs, and its outputs into calls on the [`Port`].
pub trait Host {
    /// Something happened. The machine's outputs are to be drained before this returns.
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening);
    /// The time named by [`poll_timeout`](Self::poll_timeout) has come.
    fn handle_timeout(&mut self, port: &mut Port<'_>);
    /// When the machine wants to be called.
    fn poll_timeout(&self) -> Option<Instant>;
}

/// What a host can do in the world.
#[derive(Debug)]
pub struct Port<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) me: HostId,
}

impl Port<'_> {
    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// Sends a datagram, which may be lost, delayed, overtaken or duplicated.
    pub fn send(&mut self, to: HostId, octets: Vec<u8>) {
        self.world.send_datagram(self.me, to, octets);
    }

    /// Opens a stream. [`Happening::Connected`] or [`Happening::Closed`] follows.
    pub fn connect(&mut self, to: HostId) -> StreamId {
        self.world.connect(self.me, to)
    }

    /// Writes to a stream. Writing to one that is closed does nothing, as on a socket whose error was not read yet.
    pub fn write(&mut self, stream: StreamId, octets: &[u8]) {
        self.world
            .on_stream(self.me, stream, |endpoint, now| endpoint.write(now, octets));
    }

    /// Closes a stream after all that was written to it has been delivered. Nothing happens on it any more.
    pub fn close(&mut self, stream: StreamId) {
        self.world
            .on_stream(self.me, stream, |endpoint, now| endpoint.close(now));
    }

    /// Adds a line to the trace.
    pub fn note(&mut self, text: impl Into<String>) {
        self.world.note(self.me, text.into());
    }
}
