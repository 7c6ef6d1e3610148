//! OpenSent (RFC 4271 §8.2.2): the OPEN is sent, the peer's is awaited.

use std::time::Instant;

use bgp_wire::{MessageType, Notification};

use super::{Ending, FsmEvent, Next, State, Trigger};
use crate::input::ConnId;
use crate::session::{Session, collision, negotiate};

pub(crate) fn handle(session: &mut Session, now: Instant, conn: ConnId, trigger: Trigger) {
    let ending = match trigger {
        // Event 2.
        Trigger::ManualStop(cease) => Ending::stop(FsmEvent::ManualStop, cease, Next::Stay),
        // Event 8.
        Trigger::AutomaticStop(cease) => {
            Ending::stop(FsmEvent::AutomaticStop, cease, Next::Restart)
        }
        // Event 10: the four minutes of §8.2.2 are over.
        Trigger::HoldTimerExpires => Ending::error(
            FsmEvent::HoldTimer_Expires,
            Notification::hold_timer_expired(),
        ),
        // Event 18: "restarts the ConnectRetryTimer, and continues to listen", to Active.
        Trigger::TcpConnectionFails => Ending::broken(Next::Listen),
        // Event 19 or 22.
        Trigger::Open(frame) => match negotiate::negotiate(&session.config, &frame) {
            // "The collision detection mechanism needs to be applied" (§6.8) before the OPEN is accepted.
            Ok(negotiated) => {
                return match collision::resolve(session, now, conn, &negotiated) {
                    collision::Outcome::Keep => session.confirm(now, conn, negotiated),
                    collision::Outcome::Dump => {
                        handle(session, now, conn, Trigger::OpenCollisionDump)
                    }
                };
            }
            Err(notification) => Ending::error(FsmEvent::BGPOpenMsgErr, notification),
        },
        // Event 21.
        Trigger::BgpHeaderErr(notification) => Ending::error(FsmEvent::BGPHeaderErr, notification),
        // Event 23.
        Trigger::OpenCollisionDump => {
            Ending::error(FsmEvent::OpenCollisionDump, collision::cease())
        }
        // Event 24 goes to Idle without counting. Deviation: §8.2.2 has event 25 among those that are answered with an FSM
        // error; but "an error in a NOTIFICATION … cannot be reported" (§6.4), and answering one would be worse.
        Trigger::Notification(notification) => Ending::notified(State::OpenSent, notification),
        // Events 26 and 27, and a ROUTE-REFRESH.
        Trigger::KeepAliveMsg => Ending::unexpected(State::OpenSent, MessageType::KEEPALIVE),
        Trigger::Update(_) => Ending::unexpected(State::OpenSent, MessageType::UPDATE),
        Trigger::RouteRefresh(_) => Ending::unexpected(State::OpenSent, MessageType::ROUTE_REFRESH),
        // Run later only.
        Trigger::KeepaliveTimerExpires | Trigger::SendHoldTimerExpires => return,
    };
    session.end(now, conn, ending);
}
