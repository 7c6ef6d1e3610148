//! What a session wants done, and what it reports.

use std::fmt;
use std::sync::Arc;

use bgp_wire::{AfiSafi, EncodeError, Negotiated, Notification};
use bytes::Bytes;

use crate::input::ConnId;
use crate::state::{FsmEvent, State};
use crate::update::ReceivedUpdate;

/// What a session wants done.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Output {
    /// Open a TCP connection to the peer. [`Input::Connected`](crate::Input::Connected) or
    /// [`Input::ConnectFailed`](crate::Input::ConnectFailed) shall follow, unless it is closed before.
    Connect {
        /// Its name.
        conn: ConnId,
    },
    /// Write whole messages. [`Input::Drained`](crate::Input::Drained) shall follow as they are taken.
    Transmit {
        /// On which connection.
        conn: ConnId,
        /// The octets.
        octets: Bytes,
    },
    /// Write out what was transmitted, for a bounded time, and close the connection, or give up opening it. No input
    /// about it has an effect any more.
    Close {
        /// Which.
        conn: ConnId,
    },
    /// Something to know.
    Event(Event),
}

/// What a session reports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// The state of the session changed. With two connections it is that of the one that got further.
    StateChanged {
        /// The state before.
        from: State,
        /// The state now.
        to: State,
        /// The event of RFC 4271 §8.1 that caused it.
        cause: FsmEvent,
    },
    /// The session is Established, on these terms.
    Established(Arc<Negotiated>),
    /// A session, or an attempt at one, ended.
    Down {
        /// The state it got to.
        from: State,
        /// Why it ended.
        reason: DownReason,
    },
    /// The peer asked for the routes of this family again; they are being sent (RFC 2918).
    RouteRefresh(AfiSafi),
    /// An UPDATE arrived. Not with [`Updates::Discard`](crate::Updates::Discard).
    Update(ReceivedUpdate),
    /// The peer has sent all its routes of this family (RFC 4724 §2).
    EndOfRib(AfiSafi),
    /// The peer broke the encoding of this family in a way that made its routes worthless; nothing of the family is
    /// taken from it any more in this session (RFC 7606 §2, "AFI/SAFI disable").
    FamilyDisabled(AfiSafi),
    /// These routes cannot be announced to this peer; all others are.
    Unsendable {
        /// Their family.
        family: AfiSafi,
        /// How many.
        routes: usize,
        /// Why.
        error: EncodeError,
    },
}

/// Why a session, or an attempt at one, ended. `Display` says it in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownReason {
    /// This side found an error, or was stopped, and told the peer so.
    Sent(Notification),
    /// The peer said so.
    Received(Notification),
    /// The peer closed the connection without a word, or it broke.
    ConnectionClosed,
    /// No TCP connection could be opened.
    ConnectFailed,
    /// An attempt to connect took longer than ConnectRetryTime.
    ConnectTimedOut,
    /// The session was stopped before there was anyone to tell.
    Stopped,
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sent(notification) => write!(f, "ended from here: {notification}"),
            Self::Received(notification) => write!(f, "ended by the peer: {notification}"),
            Self::ConnectionClosed => {
                f.write_str("the connection was closed or broke without a NOTIFICATION")
            }
            Self::ConnectFailed => f.write_str("the TCP connection could not be opened"),
            Self::ConnectTimedOut => {
                f.write_str("the peer did not answer the TCP connection in time")
            }
            Self::Stopped => f.write_str("stopped"),
        }
    }
}
