//! The six states of RFC 4271 §8.2.2, one file each, to be read side by side with it.
//!
//! Idle, Connect and Active are states of a session that has no connection; they take [`Command`]s. OpenSent,
//! OpenConfirm and Established are states of a connection, of which a session can have two until §6.8 has chosen one;
//! they take [`Trigger`]s. So what §8.2.2 says about, say, an UPDATE in Connect needs no code: it cannot be expressed.
//! Both kinds are matched without a wildcard.
//!
//! Where §8.2.2 lists "sets the ConnectRetryTimer to zero", "releases all BGP resources" and "drops the TCP connection",
//! that is `Session::end`, whose [`Ending`] says what differs: the NOTIFICATION, the ConnectRetryCounter, damping
//! and the next state.

pub(crate) mod active;
pub(crate) mod connect;
pub(crate) mod established;
pub(crate) mod idle;
pub(crate) mod open_confirm;
pub(crate) mod open_sent;

use std::fmt;

use bgp_wire::{MessageType, Notification};
use bytes::Bytes;

use crate::output::DownReason;
use crate::session::Connection;

/// A state of RFC 4271 §8.2.2. The order is that of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "RFC 4271 §8.2.2 has these six")]
pub enum State {
    /// Nothing is tried, and connections of the peer are refused.
    Idle,
    /// A TCP connection is being opened, and one of the peer is awaited.
    Connect,
    /// A TCP connection of the peer is awaited.
    Active,
    /// The OPEN is sent and the peer's is awaited.
    OpenSent,
    /// The peer's OPEN is accepted and its KEEPALIVE is awaited.
    OpenConfirm,
    /// Routes are exchanged.
    Established,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Idle => "Idle",
            Self::Connect => "Connect",
            Self::Active => "Active",
            Self::OpenSent => "OpenSent",
            Self::OpenConfirm => "OpenConfirm",
            Self::Established => "Established",
        })
    }
}

/// An event of RFC 4271 §8.1 or RFC 9687, as the cause of a change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[expect(non_camel_case_types, reason = "the names are those of the RFC")]
pub enum FsmEvent {
    /// Event 1.
    ManualStart,
    /// Event 2.
    ManualStop,
    /// Event 4.
    ManualStart_with_PassiveTcpEstablishment,
    /// Event 8.
    AutomaticStop,
    /// Event 9.
    ConnectRetryTimer_Expires,
    /// Event 10.
    HoldTimer_Expires,
    /// Event 11.
    KeepaliveTimer_Expires,
    /// Event 13.
    IdleHoldTimer_Expires,
    /// Event 16: a connection opened from here is up.
    Tcp_CR_Acked,
    /// Event 17: a connection opened by the peer is up.
    TcpConnectionConfirmed,
    /// Event 18.
    TcpConnectionFails,
    /// Event 19.
    BGPOpen,
    /// Event 21.
    BGPHeaderErr,
    /// Event 22.
    BGPOpenMsgErr,
    /// Event 23.
    OpenCollisionDump,
    /// Event 24.
    NotifMsgVerErr,
    /// Event 25.
    NotifMsg,
    /// Event 26.
    KeepAliveMsg,
    /// Event 27.
    UpdateMsg,
    /// Event 28.
    UpdateMsgErr,
    /// Event 29 (RFC 9687 §3.2).
    SendHoldTimer_Expires,
    /// A ROUTE-REFRESH (RFC 2918), which has no number.
    RouteRefreshMsg,
}

impl FsmEvent {
    /// The number in RFC 4271 §8.1 or RFC 9687 §3.2.
    #[must_use]
    pub const fn number(self) -> Option<u8> {
        Some(match self {
            Self::ManualStart => 1,
            Self::ManualStop => 2,
            Self::ManualStart_with_PassiveTcpEstablishment => 4,
            Self::AutomaticStop => 8,
            Self::ConnectRetryTimer_Expires => 9,
            Self::HoldTimer_Expires => 10,
            Self::KeepaliveTimer_Expires => 11,
            Self::IdleHoldTimer_Expires => 13,
            Self::Tcp_CR_Acked => 16,
            Self::TcpConnectionConfirmed => 17,
            Self::TcpConnectionFails => 18,
            Self::BGPOpen => 19,
            Self::BGPHeaderErr => 21,
            Self::BGPOpenMsgErr => 22,
            Self::OpenCollisionDump => 23,
            Self::NotifMsgVerErr => 24,
            Self::NotifMsg => 25,
            Self::KeepAliveMsg => 26,
            Self::UpdateMsg => 27,
            Self::UpdateMsgErr => 28,
            Self::SendHoldTimer_Expires => 29,
            Self::RouteRefreshMsg => return None,
        })
    }
}

impl fmt::Display for FsmEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// What happens to a session without connection: in Idle, Connect and Active.
#[derive(Debug)]
pub(crate) enum Command {
    /// Events 1 and 4.
    ManualStart,
    /// Event 2.
    ManualStop,
    /// Event 9.
    ConnectRetryTimerExpires,
    /// Event 13.
    IdleHoldTimerExpires,
    /// Events 16 and 17: the name in the connection tells which.
    TcpConnected(Box<Connection>),
    /// Event 18: the connection that was asked for could not be opened.
    TcpConnectionFails,
    /// A setting changed that matters to how a connection is come by.
    Reconfigured,
}

/// What happens to a connection: in OpenSent, OpenConfirm and Established.
#[derive(Debug)]
pub(crate) enum Trigger {
    /// Event 2, with the NOTIFICATION to send.
    ManualStop(Notification),
    /// Event 8, for a change of settings, with the NOTIFICATION to send.
    AutomaticStop(Notification),
    /// Event 10.
    HoldTimerExpires,
    /// Event 11.
    KeepaliveTimerExpires,
    /// Event 29.
    SendHoldTimerExpires,
    /// Event 18.
    TcpConnectionFails,
    /// Event 19 or 22: an OPEN, not looked into yet.
    Open(Bytes),
    /// Event 21, with the NOTIFICATION that answers it.
    BgpHeaderErr(Notification),
    /// Event 23: RFC 4271 §6.8 chose the other connection.
    OpenCollisionDump,
    /// Event 24 or 25.
    Notification(Notification),
    /// Event 26.
    KeepAliveMsg,
    /// Event 27 or 28: an UPDATE, not looked into yet.
    Update(Bytes),
    /// A ROUTE-REFRESH, not looked into yet.
    RouteRefresh(Bytes),
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) struct Ending {
    /// The event that ends it.
    pub(crate) cause: FsmEvent,
    /// What is sent or was received.
    pub(crate) reason: DownReason,
    /// Where the session goes, if this was its only connection.
    pub(crate) next: Next,
}

/// Where a session goes when its last connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Idle until it is started again; the ConnectRetryCounter is set to zero.
    Stay,
    /// Idle for a short time: nothing failed, the settings changed.
    Restart,
    /// Idle for a time that grows with each failure; the ConnectRetryCounter is incremented.
    Damped,
    /// As `Damped`, but Active for the first failure of a row: the peer, who ended the session, is expected back.
    Expect,
    /// As `Damped`, without counting.
    Uncounted,
    /// Idle for a time that grows with each failure but is no longer than ConnectRetryTime: nobody answered.
    Unconnected,
    /// Active, until the ConnectRetryTimer expires.
    Listen,
}

impl Ending {
    /// An error found here: the peer is told, the failure is counted.
    pub(crate) const fn error(cause: FsmEvent, notification: Notification) -> Self {
        Self {
            cause,
            reason: DownReason::Sent(notification),
            next: Next::Damped,
        }
    }

    /// A message that the state does not take (RFC 6608 §4).
    pub(crate) fn unexpected(state: State, message_type: MessageType) -> Self {
        use bgp_wire::iana::FsmSubcode;
        let subcode = match state {
            State::OpenSent => FsmSubcode::UNEXPECTED_IN_OPEN_SENT,
            State::OpenConfirm => FsmSubcode::UNEXPECTED_IN_OPEN_CONFIRM,
            State::Established => FsmSubcode::UNEXPECTED_IN_ESTABLISHED,
            State::Idle | State::Connect | State::Active => FsmSubcode::UNSPECIFIED,
        };
        let cause = match message_type {
            MessageType::OPEN => FsmEvent::BGPOpen,
            MessageType::UPDATE => FsmEvent::UpdateMsg,
            MessageType::KEEPALIVE => FsmEvent::KeepAliveMsg,
            _ => FsmEvent::RouteRefreshMsg,
        };
        Self::error(
            cause,
            Notification::unexpected_message(subcode, message_type),
        )
    }

    /// The peer sent a NOTIFICATION. It is not answered (RFC 4271 §6).
    pub(crate) fn notified(state: State, notification: Notification) -> Self {
        let version_error = is_version_error(&notification);
        let next = match state {
            State::Established => Next::Expect,
            _ if version_error => Next::Uncounted,
            _ => Next::Damped,
        };
        let cause = if version_error {
            FsmEvent::NotifMsgVerErr
        } else {
            FsmEvent::NotifMsg
        };
        Self {
            cause,
            reason: DownReason::Received(notification),
            next,
        }
    }

    /// The connection broke.
    pub(crate) const fn broken(next: Next) -> Self {
        Self {
            cause: FsmEvent::TcpConnectionFails,
            reason: DownReason::ConnectionClosed,
            next,
        }
    }

    /// A manual stop (event 2) or one for new settings (event 8).
    ///
    /// Deviation: RFC 4271 §8.2.2 counts and damps event 8 like a failure. Here it only ever means that the operator
    /// changed a setting, which is no reason to wait.
    pub(crate) const fn stop(cause: FsmEvent, notification: Notification, next: Next) -> Self {
        Self {
            cause,
            reason: DownReason::Sent(notification),
            next,
        }
    }
}

/// Whether this is what RFC 4271 §8.1.5 calls a version error (event 24).
fn is_version_error(notification: &Notification) -> bool {
    use bgp_wire::ErrorCode;
    use bgp_wire::iana::OpenSubcode;
    notification.code == ErrorCode::OPEN_MESSAGE
        && notification.subcode == OpenSubcode::UNSUPPORTED_VERSION_NUMBER.0
}
