//! Idle (RFC 4271 §8.2.2): nothing is tried, connections of the peer are refused.

use std::time::Instant;

use super::{Command, FsmEvent};
use crate::config::Establishment;
use crate::session::Session;
use crate::timer::Timer;

pub(crate) fn handle(session: &mut Session, now: Instant, command: Command) {
    match command {
        // Events 1 and 4: "sets ConnectRetryCounter to zero", and damping begins anew.
        Command::ManualStart => {
            session.reset_counters();
            session.begin(now, start_event(session.establishment()));
        }
        // Event 13, which §8.1.2 makes an automatic start (events 6 and 7).
        Command::IdleHoldTimerExpires => session.begin(now, FsmEvent::IdleHoldTimer_Expires),
        // Event 2 "SHOULD be ignored"; it also ends the wait for the next attempt.
        Command::ManualStop => {
            session.timers.stop(Timer::IdleHold);
            session.reset_counters();
        }
        // "The local system … refuses all incoming BGP connections".
        Command::TcpConnected(connection) => session.refuse(connection.id),
        Command::ConnectRetryTimerExpires | Command::TcpConnectionFails | Command::Reconfigured => {
        }
    }
}

/// Event 1 or 4, by PassiveTcpEstablishment.
const fn start_event(establishment: Establishment) -> FsmEvent {
    match establishment {
        Establishment::Active => FsmEvent::ManualStart,
        Establishment::Passive => FsmEvent::ManualStart_with_PassiveTcpEstablishment,
    }
}
