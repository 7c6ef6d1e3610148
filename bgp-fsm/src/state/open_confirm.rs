//! OpenConfirm (RFC 4271 §8.2.2): the peer's OPEN is accepted, its KEEPALIVE is awaited.

use std::time::Instant;

use bgp_wire::{MessageType, Notification};

use super::{Ending, FsmEvent, Next, State, Trigger};
use crate::input::ConnId;
use crate::session::{Session, collision};

pub(crate) fn handle(session: &mut Session, now: Instant, conn: ConnId, trigger: Trigger) {
    let ending = match trigger {
        // Event 2.
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
        // Event 11: "sends a KEEPALIVE message, restarts the KeepaliveTimer".
        Trigger::KeepaliveTimerExpires => return session.send_keepalive(now, conn),
        // Event 18.
        Trigger::TcpConnectionFails => Ending::broken(Next::Damped),
        // Event 19 on this connection: a second OPEN. (§8.2.2 speaks of one on the other connection; that is in OpenSent.)
        Trigger::Open(_) => Ending::unexpected(State::OpenConfirm, MessageType::OPEN),
        // Event 21.
        Trigger::BgpHeaderErr(notification) => Ending::error(FsmEvent::BGPHeaderErr, notification),
        // Event 23.
        Trigger::OpenCollisionDump => {
            Ending::error(FsmEvent::OpenCollisionDump, collision::cease())
        }
        // Event 24 without counting, event 25 with.
        Trigger::Notification(notification) => Ending::notified(State::OpenConfirm, notification),
        // Event 26: "restarts the HoldTimer", to Established.
        Trigger::KeepAliveMsg => return session.establish(now, conn),
        // Event 27, and a ROUTE-REFRESH.
        Trigger::Update(_) => Ending::unexpected(State::OpenConfirm, MessageType::UPDATE),
        Trigger::RouteRefresh(_) => {
            Ending::unexpected(State::OpenConfirm, MessageType::ROUTE_REFRESH)
        }
        // Runs in Established only (RFC 9687 §3.2).
        Trigger::SendHoldTimerExpires => return,
    };
    session.end(now, conn, ending);
}
