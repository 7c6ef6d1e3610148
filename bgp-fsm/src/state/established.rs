//! Established (RFC 4271 §8.2.2): routes are exchanged.

use std::time::Instant;

use bgp_wire::{MessageType, Notification};

use super::{Ending, FsmEvent, Next, State, Trigger};
use crate::input::ConnId;
use crate::session::{Session, collision};

pub(crate) fn handle(session: &mut Session, now: Instant, conn: ConnId, trigger: Trigger) {
    let ending = match trigger {
        // Event 2: "deletes all routes associated with this connection" besides the rest.
        Trigger::ManualStop(cease) => Ending::stop(FsmEvent::ManualStop, cease, Next::Stay),
        // Event 8.
        Trigger::AutomaticStop(cease) => {
            Ending::stop(FsmEvent::AutomaticStop, cease, Next::Restart)
        }
        // Event 10.
        Trigger::HoldTimerExpires => Ending::error(
            FsmEvent::HoldTimer_Expires,
            Notification::hold_timer_expired(),
        ),
        // Event 11.
        Trigger::KeepaliveTimerExpires => return session.send_keepalive(now, conn),
        // Event 29 (RFC 9687 §3.2).
        Trigger::SendHoldTimerExpires => Ending::error(
            FsmEvent::SendHoldTimer_Expires,
            Notification::send_hold_timer_expired(),
        ),
        // Event 18. Deviation: from here it goes to Idle, where the peer would be refused, only if the peer does this again and
        // again (DampPeerOscillations). One that has restarted has its session back as fast as it had it first.
        Trigger::TcpConnectionFails => Ending::broken(Next::Expect),
        // Event 19 on this connection.
        Trigger::Open(_) => Ending::unexpected(State::Established, MessageType::OPEN),
        // Event 21. Deviation: §8.2.2 lists it among those answered with an FSM error, §6.1 demands a header error.
        Trigger::BgpHeaderErr(notification) => Ending::error(FsmEvent::BGPHeaderErr, notification),
        // Event 23: only with CollisionDetectEstablishedState, which is not offered; Established wins (§6.8).
        Trigger::OpenCollisionDump => {
            Ending::error(FsmEvent::OpenCollisionDump, collision::cease())
        }
        // Events 24 and 25, counted alike. Deviation: as for event 18.
        Trigger::Notification(notification) => Ending::notified(State::Established, notification),
        // Event 26: "restarts its HoldTimer, if the negotiated HoldTime value is non-zero".
        Trigger::KeepAliveMsg => return session.restart_hold_timer(now, conn),
        // Event 27 or 28.
        Trigger::Update(frame) => match session.receive_update(conn, frame) {
            Ok(()) => return session.restart_hold_timer(now, conn),
            Err(notification) => Ending::error(FsmEvent::UpdateMsgErr, notification),
        },
        // RFC 2918 §4.
        Trigger::RouteRefresh(frame) => match session.receive_route_refresh(conn, &frame) {
            Ok(()) => return session.restart_hold_timer(now, conn),
            Err(notification) => Ending::error(FsmEvent::RouteRefreshMsg, notification),
        },
    };
    session.end(now, conn, ending);
}
