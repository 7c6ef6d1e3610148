//! One TCP connection of a session: framing, timers, what is unsent.

use std::sync::Arc;

use bgp_wire::{FamilySet, Framer, HoldTime, Negotiated};

use crate::input::{ConnId, NextHops};
use crate::state::State;
use crate::timer::TimerTable;

/// How far a connection got.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    OpenSent,
    OpenConfirm(Arc<Negotiated>),
    Established(Arc<Negotiated>),
}

/// One TCP connection of a session.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) phase: Phase,
    pub(crate) framer: Framer,
    /// HoldTimer, KeepaliveTimer and SendHoldTimer.
    pub(crate) timers: TimerTable,
    pub(crate) next_hops: NextHops,
    /// Octets that were given to the transport and that it has not taken yet.
    pub(crate) undrained: usize,
    /// Families that the peer has made worthless (RFC 7606 §2).
    pub(crate) disabled: FamilySet,
}

impl Connection {
    pub(crate) fn new(id: ConnId, next_hops: NextHops) -> Self {
        Self {
            id,
            phase: Phase::OpenSent,
            framer: Framer::new(),
            timers: TimerTable::default(),
            next_hops,
            undrained: 0,
            disabled: FamilySet::EMPTY,
        }
    }

    pub(crate) const fn state(&self) -> State {
        match self.phase {
            Phase::OpenSent => State::OpenSent,
            Phase::OpenConfirm(_) => State::OpenConfirm,
            Phase::Established(_) => State::Established,
        }
    }

    /// What was agreed on, once the peer's OPEN is accepted.
    pub(crate) const fn negotiated(&self) -> Option<&Arc<Negotiated>> {
        match &self.phase {
            Phase::OpenSent => None,
            Phase::OpenConfirm(negotiated) | Phase::Established(negotiated) => Some(negotiated),
        }
    }

    /// The hold time agreed on, if there is one: it has been negotiated and is not zero.
    pub(crate) fn hold_time(&self) -> Option<HoldTime> {
        self.negotiated()
            .map(|negotiated| negotiated.hold_time())
            .filter(|hold_time| !hold_time.is_zero())
    }
}
