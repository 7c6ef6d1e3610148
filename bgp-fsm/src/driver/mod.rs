//! The driver (feature `tokio`): one task a peer, over the sockets of tokio.
//!
//! This is the only part of the crate that is asynchronous, reads a clock, or logs. A [`Peer`] is the handle to a
//! running session; a [`Listener`] takes connections on port 179 and hands each to the peer it comes from.

mod connect;
mod link;
mod listen;
mod next_hops;
mod peer;
mod sockopt;
mod status;
mod task;
mod transport;

pub use listen::{Acceptor, Listener};
pub use peer::Peer;
pub use status::Status;
pub use transport::{Hops, Password, PasswordError, Transport};
