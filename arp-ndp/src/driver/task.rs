//! The task of one interface: frames, desired state and time in; frames, groups and events out.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::driver::filter::{ARP_REQUESTS, NEIGHBOR_SOLICITATIONS};
use crate::driver::membership::Memberships;
use crate::driver::socket::PacketSocket;
use crate::driver::{Desired, InterfaceEvent, Status};
use crate::ethernet::{EtherType, EthernetHeader};
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
            arp: PacketSocket::open(interface, EtherType::ARP, &ARP_REQUESTS)?,
            ndp: PacketSocket::open(interface, EtherType::IPV6, &NEIGHBOR_SOLICITATIONS)?,
        })
    }

    fn send(&self, frame: &[u8]) -> io::Result<()> {
        match EthernetHeader::decode(frame) {
            Ok((header, _)) if header.ether_type == EtherType::IPV6 => self.ndp.send(frame),
            _ => self.arp.send(frame),
        }
    }
}

pub(super) struct Task {
    interface: u32,
    sockets: Sockets,
    memberships: Memberships,
    responder: Responder,
    events: mpsc::Sender<InterfaceEvent>,
    status: watch::Sender<Status>,
    transmit_failures: u64,
    events_lost: u64,
    /// When the status is to be published, if it changed since.
    publish_at: Option<Instant>,
}

impl Task {
    pub(super) const fn new(
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
            events,
            status,
            transmit_failures: 0,
            events_lost: 0,
            publish_at: None,
        }
    }

    /// Runs until the handle is gone or a socket breaks.
    pub(super) async fn run(mut self, mut desired: watch::Receiver<Desired>) {
        if let Err(error) = self.serve(&mut desired).await {
            tracing::error!(interface = self.interface, %error, "packet socket failed");
            self.tell(InterfaceEvent::Failed(error));
        }
        self.publish();
    }

    async fn serve(&mut self, desired: &mut watch::Receiver<Desired>) -> io::Result<()> {
        let mut arp = [0; RECEIVE_LEN];
        let mut ndp = [0; RECEIVE_LEN];
        loop {
            tokio::select! {
                changed = desired.changed() => {
                    if changed.is_err() {
                        return Ok(());
                    }
                    let Desired { link, addresses } = desired.borrow_and_update().clone();
                    // In this order, or a link that comes up would announce what is no longer ours.
                    self.handle(Input::SetAddresses(addresses));
                    self.handle(Input::SetLink(link));
                    self.publish();
                }
                received = self.sockets.arp.receive(&mut arp) => self.receive(received, &arp)?,
                received = self.sockets.ndp.receive(&mut ndp) => self.receive(received, &ndp)?,
                () = sleep_until_some(self.responder.poll_timeout().map(Instant::from_std)) => {
                    self.responder.handle_timeout(Instant::now().into_std());
                    self.drain();
                }
                () = sleep_until_some(self.publish_at) => self.publish(),
            }
        }
    }

    fn receive(&mut self, received: io::Result<usize>, buffer: &[u8]) -> io::Result<()> {
        match received {
            Ok(len) => self.handle(Input::Frame(buffer.get(..len).unwrap_or_default())),
            // The interface went down. The kernel says so once, and delivers again when it comes back.
            Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn handle(&mut self, input: Input<'_>) {
        self.responder
            .handle_input(Instant::now().into_std(), input);
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
            } => {
                tracing::debug!(interface, %address, "announcing");
            }
            Event::Claimed { address, by } => {
                tracing::debug!(interface, %address, %by, "claimed by another station")
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
        let status = Status {
            transmit_failures: self.transmit_failures,
            events_lost: self.events_lost,
            ..Status::new(&self.responder)
        };
        self.status
            .send_if_modified(|published| crate::driver::replace_if_other(published, status));
    }
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
/// How long counters may be behind.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
