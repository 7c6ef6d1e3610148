//! An ordered, reliable octet stream over datagrams: as much of TCP as a simulation needs.
//!
//! Acknowledgements are cumulative, the sender goes back to the first unacknowledged octet when the retransmission
//! timer expires, and either end closes both directions. There is no congestion control.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Names a stream; both ends use the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What the two ends of a stream exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// Opens the stream.
    Syn,
    /// Accepts it.
    SynAck,
    /// Octets from this offset of the stream on.
    Data {
        /// The offset of the first octet.
        offset: u64,
        /// The octets.
        octets: Vec<u8>,
    },
    /// Everything before this offset has arrived.
    Ack(u64),
    /// The stream ends at this offset.
    Fin(u64),
    /// There is no such stream here (any more).
    Reset,
}

/// What a stream wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamOutput {
    /// Send this to the other end.
    Transmit(Segment),
    /// The stream is open for both ends.
    Connected,
    /// The next octets in order.
    Received(Vec<u8>),
    /// The other end acknowledged this many more octets.
    Sent(usize),
    /// The stream ended by the other end's doing or silence.
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The SYN is unanswered.
    Opening,
    Open,
    /// Closed here; what was written, and the FIN, are not acknowledged yet.
    Closing,
    Closed,
}

/// One end of a stream.
#[derive(Debug)]
pub struct Stream {
    phase: Phase,
    opener: bool,
    /// Octets that are not acknowledged, from offset `acknowledged` on.
    unacknowledged: VecDeque<u8>,
    acknowledged: u64,
    /// Offset up to which octets are under way.
    transmitted: u64,
    /// Offset up to which octets have arrived without a gap.
    received: u64,
    early: BTreeMap<u64, Vec<u8>>,
    fin_at: Option<u64>,
    retransmit_at: Option<Instant>,
    retransmissions: u32,
    outputs: VecDeque<StreamOutput>,
}

impl Stream {
    /// The end that opens a stream.
    #[must_use]
    pub fn connect(now: Instant) -> Self {
        let mut stream = Self::in_phase(Phase::Opening);
        stream.opener = true;
        stream.transmit(Segment::Syn);
        stream.restart_timer(now);
        stream
    }

    /// The end that is asked to open one, by a SYN.
    #[must_use]
    pub fn accept() -> Self {
        let mut stream = Self::in_phase(Phase::Open);
        stream.transmit(Segment::SynAck);
        stream.outputs.push_back(StreamOutput::Connected);
        stream
    }

    fn in_phase(phase: Phase) -> Self {
        Self {
            phase,
            opener: false,
            unacknowledged: VecDeque::new(),
            acknowledged: 0,
            transmitted: 0,
            received: 0,
            early: BTreeMap::new(),
            fin_at: None,
            retransmit_at: None,
            retransmissions: 0,
            outputs: VecDeque::new(),
        }
    }

    /// Appends octets.
    pub fn write(&mut self, now: Instant, octets: &[u8]) {
        if matches!(self.phase, Phase::Opening | Phase::Open) {
            self.unacknowledged.extend(octets);
            self.send_window(now);
        }
    }

    /// Ends the stream after what was written. No output but [`StreamOutput::Transmit`] follows.
    pub fn close(&mut self, now: Instant) {
        match self.phase {
            Phase::Opening => self.end(),
            Phase::Open => {
                self.phase = Phase::Closing;
                self.send_window(now);
                self.send_fin(now);
            }
            Phase::Closing | Phase::Closed => {}
        }
    }

    /// A segment arrived.
    pub fn handle_segment(&mut self, now: Instant, segment: Segment) {
        match (self.phase, segment) {
            (Phase::Opening, Segment::SynAck) => {
                self.phase = Phase::Open;
                self.retransmit_at = None;
                self.retransmissions = 0;
                self.outputs.push_back(StreamOutput::Connected);
                self.send_window(now);
            }
            (Phase::Opening | Phase::Open, Segment::Reset) => {
                self.end();
                self.outputs.push_back(StreamOutput::Closed);
            }
            (Phase::Closing, Segment::Reset | Segment::Fin(_)) => self.end(),
            (Phase::Open | Phase::Closing, Segment::Ack(offset)) => self.acknowledge(now, offset),
            (Phase::Open, Segment::Syn) => self.transmit(Segment::SynAck),
            (Phase::Open, Segment::Data { offset, octets }) => {
                self.early.insert(offset, octets);
                self.accept_in_order();
            }
            (Phase::Open, Segment::Fin(offset)) => {
                self.fin_at = Some(offset);
                self.accept_in_order();
            }
            // A late segment of a stream that is over: the other end is told so that it stops retransmitting.
            (
                Phase::Closed,
                Segment::SynAck | Segment::Data { .. } | Segment::Fin(_) | Segment::Syn,
            ) => self.transmit(Segment::Reset),
            // Data for a reader that has closed, and what cannot follow in this phase.
            _ => {}
        }
    }

    /// The retransmission timer may have expired.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.retransmit_at.is_none_or(|at| at > now) {
            return;
        }
        self.retransmissions += 1;
        if self.retransmissions > MAX_RETRANSMISSIONS {
            let told = self.phase != Phase::Closing;
            self.end();
            if told {
                self.outputs.push_back(StreamOutput::Closed);
            }
            return;
        }
        if self.phase == Phase::Opening {
            self.transmit(Segment::Syn);
            self.restart_timer(now);
            return;
        }
        self.transmitted = self.acknowledged;
        self.retransmit_at = None;
        self.send_window(now);
        if self.phase == Phase::Closing {
            self.send_fin(now);
        }
    }

    /// The next thing to do, until there is none.
    pub fn poll_output(&mut self) -> Option<StreamOutput> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.retransmit_at
    }

    /// Whether this end opened the stream.
    #[must_use]
    pub const fn is_opener(&self) -> bool {
        self.opener
    }

    fn acknowledge(&mut self, now: Instant, offset: u64) {
        // The FIN counts as one octet, so that it is retransmitted until it is acknowledged.
        let newly = offset.saturating_sub(self.acknowledged);
        if newly == 0 {
            return;
        }
        let octets = usize::try_from(newly)
            .unwrap_or(usize::MAX)
            .min(self.unacknowledged.len());
        self.unacknowledged.drain(..octets);
        self.acknowledged += octets as u64;
        self.transmitted = self.transmitted.max(self.acknowledged);
        self.retransmissions = 0;
        self.retransmit_at = None;
        match self.phase {
            Phase::Closing if offset > self.acknowledged => self.end(),
            Phase::Closing => {
                self.send_window(now);
                self.send_fin(now);
            }
            _ => {
                self.outputs.push_back(StreamOutput::Sent(octets));
                self.send_window(now);
            }
        }
    }

    fn accept_in_order(&mut self) {
        while let Some(entry) = self
            .early
            .first_entry()
            .filter(|entry| *entry.key() <= self.received)
        {
            let (offset, octets) = entry.remove_entry();
            let known = usize::try_from(self.received - offset).unwrap_or(usize::MAX);
            if let Some(fresh) = octets.get(known..).filter(|fresh| !fresh.is_empty()) {
                self.received += fresh.len() as u64;
                self.outputs
                    .push_back(StreamOutput::Received(fresh.to_vec()));
            }
        }
        if self.fin_at == Some(self.received) {
            self.transmit(Segment::Ack(self.received + 1));
            self.end();
            self.outputs.push_back(StreamOutput::Closed);
        } else {
            self.transmit(Segment::Ack(self.received));
        }
    }

    /// Sends what is not under way yet, as far as the window reaches.
    fn send_window(&mut self, now: Instant) {
        if self.phase == Phase::Opening {
            return;
        }
        let mut start = usize::try_from(self.transmitted - self.acknowledged).unwrap_or(usize::MAX);
        let end = self.unacknowledged.len().min(WINDOW);
        while start < end {
            let octets: Vec<u8> = self
                .unacknowledged
                .iter()
                .skip(start)
                .take((end - start).min(MSS))
                .copied()
                .collect();
            start += octets.len();
            let offset = self.transmitted;
            self.transmitted += octets.len() as u64;
            self.transmit(Segment::Data { offset, octets });
        }
        if self.transmitted > self.acknowledged && self.retransmit_at.is_none() {
            self.restart_timer(now);
        }
    }

    fn send_fin(&mut self, now: Instant) {
        let end = self.acknowledged + self.unacknowledged.len() as u64;
        if self.transmitted == end {
            self.transmit(Segment::Fin(end));
            self.restart_timer(now);
        }
    }

    fn restart_timer(&mut self, now: Instant) {
        let timeout = FIRST_TIMEOUT
            .saturating_mul(1 << self.retransmissions.min(10))
            .min(LONGEST_TIMEOUT);
        self.retransmit_at = Some(now + timeout);
    }

    fn transmit(&mut self, segment: Segment) {
        self.outputs.push_back(StreamOutput::Transmit(segment));
    }

    fn end(&mut self) {
        self.phase = Phase::Closed;
        self.retransmit_at = None;
        self.unacknowledged.clear();
        self.early.clear();
    }
}

const MSS: usize = 1460;
const WINDOW: usize = 64 * 1024;
const FIRST_TIMEOUT: Duration = Duration::from_millis(200);
const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);
/// As on Linux: a silent other end is given up after about a quarter of an hour.
const MAX_RETRANSMISSIONS: u32 = 15;
