//! Counters.

use bgp_wire::MessageType;

/// How many messages of each type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageCounts {
    /// OPEN.
    pub open: u64,
    /// UPDATE, End-of-RIB included.
    pub update: u64,
    /// NOTIFICATION.
    pub notification: u64,
    /// KEEPALIVE.
    pub keepalive: u64,
    /// ROUTE-REFRESH.
    pub route_refresh: u64,
}

impl MessageCounts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.open + self.update + self.notification + self.keepalive + self.route_refresh
    }

    /// Counts `count` messages of a type. One of an unknown type is an error of the session, not of the counters.
    pub(crate) const fn add(&mut self, of: MessageType, count: u64) {
        match of {
            MessageType::OPEN => self.open += count,
            MessageType::UPDATE => self.update += count,
            MessageType::NOTIFICATION => self.notification += count,
            MessageType::KEEPALIVE => self.keepalive += count,
            MessageType::ROUTE_REFRESH => self.route_refresh += count,
            _ => {}
        }
    }
}

/// What a session has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages given to the transport.
    pub sent: MessageCounts,
    /// Messages taken from it.
    pub received: MessageCounts,
    /// Octets of the messages given to the transport.
    pub sent_octets: u64,
    /// Octets taken from it.
    pub received_octets: u64,
    /// How often the session reached Established: FsmEstablishedTransitions of RFC 4273.
    pub established_transitions: u64,
    /// ConnectRetryCounter of RFC 4271 §8: failures since the last manual start or stop.
    pub connect_retry_counter: u32,
}
