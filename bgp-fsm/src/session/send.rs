//! Messages on their way out, the timers that go with them, and back-pressure on UPDATEs.

use std::time::{Duration, Instant};

use bgp_wire::iana::RouteRefreshSubtype;
use bgp_wire::{AfiSafi, EncodeError, MaxLen, MessageType, Notification, RouteRefresh};
use bytes::{Bytes, BytesMut};

use super::{Session, negotiate};
use crate::input::ConnId;
use crate::output::{Event, Output};
use crate::routes::Routes;
use crate::state::State;
use crate::timer::{Timer, jitter};

impl Session {
    pub(crate) fn send_open(&mut self, now: Instant, conn: ConnId) {
        let open = negotiate::open(&self.config);
        self.send(now, conn, MessageType::OPEN, |out| open.encode(out));
    }

    /// Sends a KEEPALIVE, which restarts the KeepaliveTimer.
    pub(crate) fn send_keepalive(&mut self, now: Instant, conn: ConnId) {
        self.send(now, conn, MessageType::KEEPALIVE, |out| {
            bgp_wire::encode_keepalive(out);
            Ok(())
        });
    }

    pub(crate) fn send_notification(
        &mut self,
        now: Instant,
        conn: ConnId,
        notification: &Notification,
    ) {
        self.send(now, conn, MessageType::NOTIFICATION, |out| {
            notification.encode(MaxLen::Standard, out)
        });
    }

    /// Asks the peer for its routes (RFC 2918 §4).
    pub(super) fn request_refresh(&mut self, now: Instant, family: AfiSafi) {
        let Some(connection) = self.established() else {
            return;
        };
        let able = |negotiated: &bgp_wire::Negotiated| {
            negotiated.peer_takes_route_refresh() && negotiated.families().contains(family)
        };
        if !connection
            .negotiated()
            .is_some_and(|negotiated| able(negotiated))
        {
            return;
        }
        let conn = connection.id;
        let request = RouteRefresh::new(family, RouteRefreshSubtype::REQUEST);
        self.send(now, conn, MessageType::ROUTE_REFRESH, |out| {
            request.encode(MaxLen::Standard, out)
        });
    }

    /// Restarts the HoldTimer "if the negotiated HoldTime value is non-zero", and stops it if it is zero.
    pub(crate) fn restart_hold_timer(&mut self, now: Instant, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        match connection.hold_time() {
            Some(hold_time) => connection
                .timers
                .set(Timer::Hold, now + hold_time.as_duration()),
            None => connection.timers.stop(Timer::Hold),
        }
    }

    /// The transport took octets: that is progress, which the SendHoldTimer waits for (RFC 9687 §3).
    pub(super) fn drained(&mut self, now: Instant, conn: ConnId, octets: usize) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.undrained = connection.undrained.saturating_sub(octets);
        self.restart_send_hold_timer(now, conn);
    }

    /// Starts the SendHoldTimer anew "unless the SendHoldTime value is zero or the negotiated HoldTime value is zero"
    /// (RFC 9687 §3.2), in Established and as long as there is something that the transport has not taken.
    pub(super) fn restart_send_hold_timer(&mut self, now: Instant, conn: ConnId) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        match connection.hold_time() {
            Some(hold_time)
                if connection.undrained > 0 && connection.state() == State::Established =>
            {
                connection
                    .timers
                    .set(Timer::SendHold, now + self.config.send_hold_time(hold_time));
            }
            _ => connection.timers.stop(Timer::SendHold),
        }
    }

    pub(super) fn set_routes(&mut self, routes: Routes) {
        for rib in self.ribs.values_mut() {
            rib.set_desired(routes.clone());
        }
        self.desired = routes;
    }

    /// Sends UPDATEs as far as the transport keeps up: when little is left unsent, up to the high-water mark.
    pub(super) fn pump(&mut self, now: Instant) {
        let Some(connection) = self.established() else {
            return;
        };
        let (conn, mut undrained) = (connection.id, connection.undrained);
        if undrained > LOW_WATER {
            return;
        }
        let encoding = self.config.ipv4_encoding;
        while undrained < HIGH_WATER {
            let Some((family, rib)) = self.ribs.iter_mut().find(|(_, rib)| !rib.is_settled())
            else {
                return;
            };
            let family = *family;
            let burst = rib.next_burst(encoding, BURST);
            for failed in burst.unsendable {
                let (routes, error) = (failed.routes, failed.error);
                self.event(Event::Unsendable {
                    family,
                    routes,
                    error,
                });
            }
            undrained += burst.octets.len();
            self.transmit(now, conn, MessageType::UPDATE, burst.messages, burst.octets);
        }
    }

    fn send(
        &mut self,
        now: Instant,
        conn: ConnId,
        message_type: MessageType,
        encode: impl FnOnce(&mut BytesMut) -> Result<(), EncodeError>,
    ) {
        let mut octets = BytesMut::new();
        let encoded = encode(&mut octets);
        debug_assert_eq!(encoded, Ok(()), "the session's own messages are short");
        if encoded.is_ok() {
            self.transmit(now, conn, message_type, 1, octets.freeze());
        }
    }

    /// Gives whole messages of one type to the transport.
    fn transmit(
        &mut self,
        now: Instant,
        conn: ConnId,
        message_type: MessageType,
        messages: u64,
        octets: Bytes,
    ) {
        let Some(connection) = self
            .connections
            .get_mut(&conn)
            .filter(|_| !octets.is_empty())
        else {
            return;
        };
        connection.undrained += octets.len();
        // "Each time the local system sends a KEEPALIVE or UPDATE message, it restarts its KeepaliveTimer, unless the
        // negotiated HoldTime value is zero".
        if let Some(interval) = connection
            .hold_time()
            .and_then(|hold_time| self.config.keepalive_interval(hold_time))
            && matches!(message_type, MessageType::KEEPALIVE | MessageType::UPDATE)
        {
            let wait = jitter(&mut self.rng, interval).max(MIN_KEEPALIVE_INTERVAL);
            connection.timers.set(Timer::Keepalive, now + wait);
        }
        if !connection.timers.is_running(Timer::SendHold) {
            self.restart_send_hold_timer(now, conn);
        }
        self.stats.sent.add(message_type, messages);
        self.stats.sent_octets += octets.len() as u64;
        self.outputs.push_back(Output::Transmit { conn, octets });
    }
}

/// As much may be unsent: enough to keep a fast transport busy, and little enough to lose and to hold in memory.
const HIGH_WATER: usize = 256 * 1024;
/// When no more than this is unsent, encoding goes on.
const LOW_WATER: usize = HIGH_WATER / 2;
/// About as much is encoded into one output.
const BURST: usize = 64 * 1024;
/// "KEEPALIVE messages MUST NOT be sent more frequently than one per second" (RFC 4271 §4.4).
const MIN_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
