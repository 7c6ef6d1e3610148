//! From state to state: what the handlers of the states have in common, in the words of RFC 4271 §8.2.2.

use std::sync::Arc;
use std::time::Instant;

use bgp_wire::{HoldTime, Negotiated};

use super::damping::Failure;
use super::{Connection, Phase, Session};
use crate::config::Establishment;
use crate::input::ConnId;
use crate::output::{DownReason, Event, Output};
use crate::rib::AdjRibOut;
use crate::state::{Ending, FsmEvent, Next, State};
use crate::timer::{Timer, jitter};

impl Session {
    /// "Sets the ConnectRetryCounter to zero", and the waits between attempts to their shortest.
    pub(crate) fn reset_counters(&mut self) {
        self.stats.connect_retry_counter = 0;
        self.damping.reset();
    }

    /// "Starts the ConnectRetryTimer, initiates a TCP connection, listens": to Connect, or to Active if passive.
    ///
    /// Deviation: RFC 4271 starts the ConnectRetryTimer of a passive session too, which then would connect after all.
    pub(crate) fn begin(&mut self, now: Instant, cause: FsmEvent) {
        let from = self.state();
        self.abandon_attempt();
        self.timers.stop(Timer::IdleHold);
        self.timers.stop(Timer::ConnectRetry);
        match self.config.establishment {
            Establishment::Passive => self.waiting = State::Active,
            Establishment::Active => {
                let time = jitter(&mut self.rng, self.config.connect_retry_time);
                self.timers.set(Timer::ConnectRetry, now + time);
                self.waiting = State::Connect;
                self.next_conn += 1;
                let conn = ConnId::Outgoing(self.next_conn);
                self.connecting = Some(conn);
                self.outputs.push_back(Output::Connect { conn });
            }
        }
        self.report_change(from, cause);
    }

    /// "Stops the ConnectRetryTimer, completes BGP initialization, sends an OPEN message, sets the HoldTimer to a large
    /// value": a connection to OpenSent.
    pub(crate) fn open(&mut self, now: Instant, connection: Connection) {
        let from = self.state();
        let id = connection.id;
        self.timers.stop(Timer::ConnectRetry);
        self.connections.insert(id, connection);
        self.send_open(now, id);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection
                .timers
                .set(Timer::Hold, now + HoldTime::LARGE.as_duration());
        }
        let cause = match id {
            ConnId::Outgoing(_) => FsmEvent::Tcp_CR_Acked,
            ConnId::Incoming(_) => FsmEvent::TcpConnectionConfirmed,
        };
        self.report_change(from, cause);
    }

    /// "Sends a KEEPALIVE message, sets a KeepaliveTimer, sets the HoldTimer according to the negotiated value": a
    /// connection to OpenConfirm.
    pub(crate) fn confirm(&mut self, now: Instant, conn: ConnId, negotiated: Arc<Negotiated>) {
        let from = self.state();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection
            .framer
            .set_max_len(negotiated.context().receive.max_len);
        connection.phase = Phase::OpenConfirm(negotiated);
        self.restart_hold_timer(now, conn);
        self.send_keepalive(now, conn);
        self.report_change(from, FsmEvent::BGPOpen);
    }

    /// "Restarts the HoldTimer", and the SendHoldTimer: a connection to Established. Its routes follow as the transport takes them.
    pub(crate) fn establish(&mut self, now: Instant, conn: ConnId) {
        let from = self.state();
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let Some(negotiated) = connection.negotiated().cloned() else {
            return;
        };
        connection.phase = Phase::Established(Arc::clone(&negotiated));
        let next_hops = connection.next_hops;
        self.restart_hold_timer(now, conn);
        self.restart_send_hold_timer(now, conn);
        // Another connection could only become the loser of a collision now.
        self.abandon_attempt();
        self.damping.established(now);
        self.stats.established_transitions += 1;
        self.ribs = negotiated
            .families()
            .iter()
            .filter_map(|family| {
                let rib = AdjRibOut::new(family, &negotiated, next_hops, self.desired.clone())?;
                Some((family, rib))
            })
            .collect();
        self.report_change(from, FsmEvent::KeepAliveMsg);
        self.event(Event::Established(negotiated));
    }

    /// Ends a connection: tells the peer if there is something to tell, "releases all BGP resources, drops the TCP
    /// connection", and if it was the only one goes where the ending says.
    pub(crate) fn end(&mut self, now: Instant, conn: ConnId, ending: Ending) {
        let from = self.state();
        if let DownReason::Sent(notification) = &ending.reason {
            self.send_notification(now, conn, notification);
        }
        let Some(connection) = self.connections.remove(&conn) else {
            return;
        };
        self.outputs.push_back(Output::Close { conn });
        let was_established = connection.state() == State::Established;
        if was_established {
            self.ribs.clear();
        }
        let was_last = self.connections.is_empty();
        if was_last {
            self.rest(now, ending.next);
        }
        self.report_change(from, ending.cause);
        // The loser of a collision is no news: the session goes on.
        if was_last || was_established {
            self.report_down(from, ending.reason);
        }
    }

    /// Ends Connect or Active without a connection.
    pub(crate) fn give_up(
        &mut self,
        now: Instant,
        cause: FsmEvent,
        reason: DownReason,
        next: Next,
    ) {
        let from = self.state();
        self.rest(now, next);
        self.report_change(from, cause);
        self.report_down(from, reason);
    }

    /// Reports an attempt that is about to be repeated.
    pub(crate) fn attempt_failed(&mut self, reason: DownReason) {
        self.report_down(self.state(), reason);
    }

    /// Closes a connection that is not wanted.
    pub(crate) fn refuse(&mut self, conn: ConnId) {
        self.outputs.push_back(Output::Close { conn });
    }

    fn rest(&mut self, now: Instant, next: Next) {
        self.timers.stop(Timer::ConnectRetry);
        let is_first = self.damping.is_first(now, &self.config);
        let wait = match next {
            Next::Stay => {
                self.reset_counters();
                return self.idle();
            }
            Next::Restart => jitter(&mut self.rng, self.config.idle_hold_time),
            Next::Damped | Next::Expect => {
                self.stats.connect_retry_counter += 1;
                self.wait_after(now, Failure::Session)
            }
            Next::Uncounted => self.wait_after(now, Failure::Session),
            Next::Unconnected | Next::Listen => self.wait_after(now, Failure::Transport),
        };
        if next == Next::Listen || next == Next::Expect && is_first {
            return self.listen(now + wait);
        }
        self.idle();
        self.timers.set(Timer::IdleHold, now + wait);
    }

    /// To Idle.
    fn idle(&mut self) {
        self.abandon_attempt();
        self.waiting = State::Idle;
    }

    /// "Restarts the ConnectRetryTimer, continues to listen": to Active. An attempt that is under way may still succeed.
    fn listen(&mut self, retry: Instant) {
        self.waiting = State::Active;
        if self.config.establishment == Establishment::Active {
            self.timers.set(Timer::ConnectRetry, retry);
        }
    }

    fn wait_after(&mut self, now: Instant, failure: Failure) -> std::time::Duration {
        self.damping
            .wait_after(now, failure, &self.config, &mut self.rng)
    }

    fn abandon_attempt(&mut self) {
        if let Some(conn) = self.connecting.take() {
            self.outputs.push_back(Output::Close { conn });
        }
    }

    fn report_change(&mut self, from: State, cause: FsmEvent) {
        let to = self.state();
        if from != to {
            self.event(Event::StateChanged { from, to, cause });
        }
    }

    fn report_down(&mut self, from: State, reason: DownReason) {
        self.last_error = Some(reason.clone());
        self.event(Event::Down { from, reason });
    }
}
