//! Connect (RFC 4271 §8.2.2): a TCP connection is being opened, and one of the peer is taken.

use std::time::Instant;

use super::{Command, FsmEvent, Next};
use crate::output::DownReason;
use crate::session::Session;

pub(crate) fn handle(session: &mut Session, now: Instant, command: Command) {
    match command {
        // "Start events … are ignored in the Connect state."
        Command::ManualStart => {}
        // Event 2: "drops the TCP connection, releases all BGP resources, sets ConnectRetryCounter to zero".
        Command::ManualStop => {
            session.give_up(now, FsmEvent::ManualStop, DownReason::Stopped, Next::Stay)
        }
        // Event 9: "drops the TCP connection, restarts the ConnectRetryTimer, … initiates a TCP connection".
        Command::ConnectRetryTimerExpires => {
            session.attempt_failed(DownReason::ConnectTimedOut);
            session.begin(now, FsmEvent::ConnectRetryTimer_Expires);
        }
        // Events 16 and 17.
        Command::TcpConnected(connection) => session.open(now, *connection),
        // Event 18, without DelayOpen: to Idle.
        Command::TcpConnectionFails => {
            session.give_up(
                now,
                FsmEvent::TcpConnectionFails,
                DownReason::ConnectFailed,
                Next::Unconnected,
            );
        }
        Command::Reconfigured => session.begin(now, FsmEvent::ManualStart),
        // Runs in Idle only.
        Command::IdleHoldTimerExpires => {}
    }
}
