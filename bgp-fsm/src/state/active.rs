//! Active (RFC 4271 §8.2.2): a TCP connection of the peer is awaited.

use std::time::Instant;

use super::{Command, FsmEvent, Next};
use crate::output::DownReason;
use crate::session::Session;

pub(crate) fn handle(session: &mut Session, now: Instant, command: Command) {
    match command {
        // "Start events … are ignored in the Active state."
        Command::ManualStart => {}
        // Event 2.
        Command::ManualStop => {
            session.give_up(now, FsmEvent::ManualStop, DownReason::Stopped, Next::Stay)
        }
        // Event 9: "restarts the ConnectRetryTimer, initiates a TCP connection", to Connect.
        Command::ConnectRetryTimerExpires => {
            session.begin(now, FsmEvent::ConnectRetryTimer_Expires)
        }
        // Event 17; and event 16 for an attempt that was made while another connection was in OpenSent.
        Command::TcpConnected(connection) => session.open(now, *connection),
        Command::Reconfigured => session.begin(now, FsmEvent::ManualStart),
        // Event 18 of such an attempt: the ConnectRetryTimer runs. The IdleHoldTimer runs in Idle only.
        Command::TcpConnectionFails | Command::IdleHoldTimerExpires => {}
    }
}
