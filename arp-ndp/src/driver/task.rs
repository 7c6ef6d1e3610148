//! The task of one interface: frames, desired state, orders and time in; frames, groups and events out.

use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::driver::filter::{self, NEIGHBOR_DISCOVERY, Range};
use crate::driver::membership::Memberships;
use crate::driver::socket::PacketSocket;
use crate::driver::{Desired, InterfaceEvent, Order, Reception, Status};
use crate::ethernet::{EtherType, EthernetHeader};
use crate::responder::limit::Pace;
use crate::responder::{Announcement, Event, Input, Output, Responder};

/// One packet socket a protocol, so that the kernel runs no filter over anything else.
#[derive(Debug)]
pub(super) struct Sockets {
    arp: PacketSocket,
    ndp: PacketSocket,
}

impl Sockets {
    pub(super) fn open(interface: u32) -> io::Result<Self> {
        Ok(Self {
            arp: PacketSocket::open(interface, EtherType::ARP, &filter::arp(&[]))?,
            ndp: PacketSocket::open(interface, EtherType::IPV6, &NEIGHBOR_DISCOVERY)?,
        })
    }

    /// Waits until there is something to read.
    async fn readable(&self) -> io::Result<()> {
        tokio::select! {
            readable = self.arp.readable() => readable,
            readable = self.ndp.readable() => readable,
        }
    }

    fn send(&self, frame: &[u8]) -> io::Result<()> {
        match EthernetHeader::decode(frame) {
            Ok((header, _)) if header.ether_type == EtherType::IPV6 => self.ndp.send(frame),
            _ => self.arp.send(frame),
        }
    }

    /// How many frames were lost since this was called before.
    fn overruns(&self) -> io::Result<u64> {
        Ok(self.arp.overruns()? + self.ndp.overruns()?)
    }
}

pub(super) struct Task {
    interface: u32,
    sockets: Sockets,
    memberships: Memberships,
    responder: Responder,
    /// Of frames read: whatever is sent to us, reading it takes no more than a part of one core.
    intake: Pace,
    reception: Reception,
    /// What ARP has to be about to wake us.
    ranges: Vec<Range>,
    events: mpsc::Sender<InterfaceEvent>,
    status: watch::Sender<Status>,
    overruns: u64,
    transmit_failures: u64,
    events_lost: u64,
    /// When the status is to be published, if it changed since.
    publish_at: Option<Instant>,
}

impl Task {
    pub(super) fn new(
        interface: u32,
        sockets: Sockets,
        responder: Responder,
        events: mpsc::Sender<InterfaceEvent>,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            interface,
            sockets,
            memberships: Memberships::new(interface),
            responder,
            intake: Pace::new(INTAKE_PER_SECOND, INTAKE_AT_ONCE),
            reception: Reception::Filtered,
            ranges: Vec::new(),
            events,
            status,
            overruns: 0,
            transmit_failures: 0,
            events_lost: 0,
            publish_at: None,
        }
    }

    /// Runs until the handle is gone or a socket breaks.
    pub(super) async fn run(
        mut self,
        mut desired: watch::Receiver<Desired>,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) {
        if let Err(error) = self.serve(&mut desired, &mut orders).await {
            tracing::error!(interface = self.interface, %error, "packet socket failed");
            self.tell(InterfaceEvent::Failed(error));
        }
        self.publish();
    }

    async fn serve(
        &mut self,
        desired: &mut watch::Receiver<Desired>,
        orders: &mut mpsc::UnboundedReceiver<Order>,
    ) -> io::Result<()> {
        loop {
            let now = std_now();
            let read_at = self.intake.ready(now);
            tokio::select! {
                changed = desired.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let desired = desired.borrow_and_update().clone();
                    self.want(desired)?;
                }
                Some(order) = orders.recv() => self.obey(order),
                readable = self.sockets.readable(), if read_at <= now => {
                    readable?;
                    self.read()?;
                }
                () = sleep_until(Instant::from_std(read_at)), if read_at > now => {}
                () = sleep_until_some(self.responder.poll_timeout().map(Instant::from_std)) => {
                    self.responder.handle_timeout(std_now());
                    self.drain();
                }
                () = sleep_until_some(self.memberships.retry_at()) => self.join_again(),
                () = sleep_until_some(self.publish_at) => self.publish(),
            }
        }
    }

    fn want(&mut self, desired: Desired) -> io::Result<()> {
        let Desired {
            link,
            addresses,
            siblings,
            marker,
            reception,
        } = desired;
        self.set_reception(reception);
        self.set_filter(addresses.keys().copied())?;
        self.handle(Input::SetSiblings(siblings));
        self.handle(Input::SetMarker(marker));
        // In this order, or a link that comes up would announce what is no longer ours.
        self.handle(Input::SetAddresses(addresses));
        if link != self.responder.link() {
            self.handle(Input::SetLink(link));
            // What kept a group from being joined may have gone with the old state of the link.
            self.join_again();
        }
        self.publish();
        Ok(())
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Settle {
                address,
                by,
                verdict,
            } => self.handle(Input::Settle {
                address,
                by,
                verdict,
            }),
            Order::Ask { address, station } => self.handle(Input::Ask { address, station }),
            Order::Refresh => self.handle(Input::Refresh),
            Order::Remind => self.handle(Input::Remind),
        }
    }

    /// Before the addresses are the responder's, so that no question for a new one is lost.
    fn set_filter(&mut self, addresses: impl Iterator<Item = IpAddr>) -> io::Result<()> {
        let ipv4 = addresses.filter_map(|address| match address {
            IpAddr::V4(v4) => Some(v4),
            IpAddr::V6(_) => None,
        });
        let ranges = filter::ranges(ipv4);
        if self.ranges != ranges {
            self.sockets.arp.set_filter(&filter::arp(&ranges))?;
            self.ranges = ranges;
        }
        Ok(())
    }

    fn set_reception(&mut self, reception: Reception) {
        if self.reception == reception {
            return;
        }
        // One socket is enough: the card's mode is for all.
        match self.sockets.arp.set_promiscuous(reception) {
            Ok(()) => self.reception = reception,
            Err(error) => {
                tracing::warn!(interface = self.interface, %error, "cannot switch the promiscuous mode")
            }
        }
    }

    /// Reads what is there, as far as the intake allows and no more than a batch, so that time and orders have their turn.
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; RECEIVE_LEN];
        for _ in 0..BATCH {
            let arp = self.read_one(&mut buffer, |sockets| &sockets.arp)?;
            let ndp = self.read_one(&mut buffer, |sockets| &sockets.ndp)?;
            if !arp && !ndp {
                break;
            }
        }
        Ok(())
    }

    /// Reads one frame if there is one, and if one may be read.
    fn read_one(
        &mut self,
        buffer: &mut [u8],
        socket: impl Fn(&Sockets) -> &PacketSocket,
    ) -> io::Result<bool> {
        let now = std_now();
        if self.intake.ready(now) > now {
            return Ok(false);
        }
        match socket(&self.sockets).try_receive(buffer) {
            Ok(None) => return Ok(false),
            Ok(Some(len)) => {
                let frame = buffer.get(..len).unwrap_or_default();
                self.intake.take(now);
                self.responder.handle_input(now, Input::Frame(frame));
                self.drain();
            }
            // The interface went down. The kernel says so once, and delivers again when it comes back.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn handle(&mut self, input: Input<'_>) {
        self.responder.handle_input(std_now(), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.responder.poll_output() {
            match output {
                Output::Transmit(frame) => self.transmit(frame.as_ref()),
                Output::JoinGroup(group) => {
                    if let Err(error) = self.memberships.join(group) {
                        tracing::warn!(interface = self.interface, %group, %error, "cannot join multicast group");
                        self.tell(InterfaceEvent::GroupFailed { group, error });
                    }
                }
                Output::LeaveGroup(group) => {
                    if let Err(error) = self.memberships.leave(group) {
                        // The interface, or IPv6 on it, went away and took the membership along.
                        tracing::debug!(interface = self.interface, %group, %error, "cannot leave multicast group");
                    }
                }
                Output::Event(event) => self.report(event),
            }
        }
        self.publish_at
            .get_or_insert_with(|| Instant::now() + PUBLISH_INTERVAL);
    }

    fn join_again(&mut self) {
        for group in self.memberships.retry() {
            tracing::info!(interface = self.interface, %group, "joined multicast group after all");
        }
    }

    fn transmit(&mut self, frame: &[u8]) {
        // A frame that cannot leave at once is not worth keeping: whoever asked asks again, and bursts repeat.
        if let Err(error) = self.sockets.send(frame) {
            self.transmit_failures += 1;
            tracing::debug!(interface = self.interface, %error, "cannot send a frame");
        }
    }

    fn report(&mut self, event: Event) {
        let interface = self.interface;
        match event {
            Event::Announced {
                address,
                announcement: Announcement::Takeover { round: 1 },
            } => tracing::debug!(interface, %address, "announcing"),
            Event::Announced {
                address,
                announcement: Announcement::Defence,
            } => tracing::debug!(interface, %address, "defending"),
            Event::Claimed { address, by, .. } => {
                tracing::debug!(interface, %address, %by, "claimed by another station")
            }
            Event::Conflict { address, by, .. } => {
                tracing::warn!(interface, %address, %by, "another station has this address, not used")
            }
            Event::Reclaimed { address, from } => {
                tracing::info!(interface, %address, %from, "the other station is gone, claimed again")
            }
            Event::HandedOver { address, to } => {
                let to = to.map(tracing::field::display);
                tracing::debug!(interface, %address, to, "handed over")
            }
            Event::Refused { address } => {
                tracing::warn!(interface, %address, "no host can have this address")
            }
            _ => return,
        }
        self.tell(InterfaceEvent::Responder(event));
    }

    fn tell(&mut self, event: InterfaceEvent) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            self.events_lost += 1;
        }
    }

    fn publish(&mut self) {
        self.publish_at = None;
        self.overruns += self.sockets.overruns().unwrap_or_default();
        let status = Status {
            overruns: self.overruns,
            transmit_failures: self.transmit_failures,
            events_lost: self.events_lost,
            ..Status::new(&self.responder)
        };
        self.status
            .send_if_modified(|published| crate::driver::replace_if_other(published, status));
    }
}

fn std_now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Longer than any frame that passes the filters and makes sense: ARP takes 60 octets, and solicitations with all
/// options that exist stay well below a minimum IPv6 packet. What is cut off fails its length or checksum.
const RECEIVE_LEN: usize = 1514;
/// How many frames are read in a row.
const BATCH: u32 = 64;
/// Some five times what real links carry at their worst, and a tenth of what a core can read.
const INTAKE_PER_SECOND: NonZeroU32 = NonZeroU32::new(50_000).unwrap();
const INTAKE_AT_ONCE: u32 = 1024;
/// How long counters may be behind.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
