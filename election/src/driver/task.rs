//! The task of a member: datagrams, desired state and time in; datagrams, members and events out.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Desired, Status};
use crate::membership::{Event, Input, Members, Membership, Output};

pub(super) struct Task {
    socket: UdpSocket,
    membership: Membership,
    events: mpsc::Sender<Event>,
    members: watch::Sender<Arc<Members>>,
    status: watch::Sender<Status>,
    counts: Status,
    /// When the status is to be published.
    publish_at: Instant,
}

impl Task {
    pub(super) fn new(
        socket: UdpSocket,
        membership: Membership,
        events: mpsc::Sender<Event>,
        members: watch::Sender<Arc<Members>>,
        status: watch::Sender<Status>,
    ) -> Self {
        Self {
            socket,
            membership,
            events,
            members,
            status,
            counts: Status::default(),
            publish_at: Instant::now() + PUBLISH_INTERVAL,
        }
    }

    /// Runs until the member leaves, or its handle is gone.
    pub(super) async fn run(mut self, mut desired: watch::Receiver<Desired>) {
        let mut buffer = vec![0; RECEIVE_LEN];
        loop {
            let deadline = self.membership.poll_timeout().map(Instant::from_std);
            tokio::select! {
                changed = desired.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let desired = desired.borrow_and_update().clone();
                    if desired.leave {
                        return self.leave().await;
                    }
                    if let Some(key) = desired.key {
                        self.handle(Input::SetKey(key));
                    }
                    self.handle(Input::SetPeers(desired.peers));
                    if let Some(facts) = desired.facts {
                        self.handle(Input::SetLocal(facts));
                    }
                }
                ready = self.socket.readable() => {
                    if let Err(error) = ready {
                        self.receive_failed(&error).await;
                    }
                }
                () = sleep_until_some(deadline) => {}
                () = sleep_until(self.publish_at) => self.publish(),
            }
            // All that has arrived counts before any time that is over: an answer may be among it.
            if let Err(error) = self.receive(&mut buffer) {
                self.receive_failed(&error).await;
            }
            self.membership.handle_timeout(Instant::now().into_std());
            self.drain();
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        for _ in 0..BATCH {
            match self.socket.try_recv_from(buffer) {
                Ok((len, from)) => {
                    let octets = buffer.get(..len).unwrap_or_default();
                    self.handle(Input::Datagram { from, octets });
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// An error is about one datagram, or passes when the network is back. Should it last, it must not keep a core busy.
    async fn receive_failed(&mut self, error: &io::Error) {
        self.counts.receive_failures += 1;
        tracing::debug!(%error, "cannot receive a datagram");
        sleep(PAUSE).await;
    }

    fn handle(&mut self, input: Input<'_>) {
        self.membership
            .handle_input(Instant::now().into_std(), input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.membership.poll_output() {
            match output {
                Output::Transmit { to, octets } => self.transmit(to, &octets),
                Output::Event(event) => self.report(event),
            }
        }
        let members = self.membership.members();
        self.members.send_if_modified(|published| {
            let other = !Arc::ptr_eq(published, members);
            if other {
                published.clone_from(members);
            }
            other
        });
    }

    fn transmit(&mut self, to: SocketAddr, octets: &[u8]) {
        // A datagram that cannot leave at once is lost, as any may be: what matters is said again.
        if let Err(error) = self.socket.try_send_to(octets, to) {
            self.counts.send_failures += 1;
            tracing::debug!(%to, %error, "cannot send a datagram");
        }
    }

    /// Says farewell. It is said once, so it waits until the kernel takes it.
    async fn leave(mut self) {
        self.membership
            .handle_input(Instant::now().into_std(), Input::Leave);
        let farewell = async {
            while let Some(output) = self.membership.poll_output() {
                if let Output::Transmit { to, octets } = output
                    && let Err(error) = self.socket.send_to(&octets, to).await
                {
                    tracing::debug!(%to, %error, "cannot send a datagram");
                }
            }
        };
        if timeout(FAREWELL, farewell).await.is_err() {
            tracing::warn!("not every member could be told of the departure");
        }
        self.publish();
    }

    fn report(&mut self, event: Event) {
        match &event {
            Event::Joined(member) => {
                tracing::info!(member = %member.name, address = %member.address, incarnation = member.incarnation, "member joined")
            }
            Event::Changed(member) => {
                tracing::debug!(member = %member.name, address = %member.address, incarnation = member.incarnation, "member changed")
            }
            Event::Left(member) => {
                tracing::info!(member = %member.name, address = %member.address, "member left")
            }
            Event::Died(member) => {
                tracing::warn!(member = %member.name, address = %member.address, "member is dead")
            }
            Event::Called(member) => {
                tracing::debug!(member = %member.name, "called by one that is not alive here");
            }
            Event::Suspected(member) => {
                tracing::debug!(member = %member.name, address = %member.address, "member does not answer")
            }
            Event::CameBack { incarnation } => {
                tracing::warn!(incarnation, "others held this member dead: it came back")
            }
            Event::Alone => {
                tracing::warn!("nobody is heard: all others are dead, or this node is cut off")
            }
            Event::Away(time) if *time < LONG_AWAY => {
                tracing::debug!(
                    milliseconds = time.as_millis(),
                    "this process did not run for a moment"
                );
            }
            Event::Away(time) => tracing::warn!(
                milliseconds = time.as_millis(),
                "this process did not run for a time: is the node short of CPU?"
            ),
            Event::FactsTooLarge => {
                tracing::error!("the facts of this node are too large to be told to others")
            }
            Event::Dropped { from, reason } => {
                tracing::debug!(%from, %reason, "datagram dropped");
                return;
            }
        }
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            self.counts.events_lost += 1;
        }
    }

    fn publish(&mut self) {
        self.publish_at = Instant::now() + PUBLISH_INTERVAL;
        self.counts.membership = self.membership.stats();
        let counts = &self.counts;
        self.status
            .send_if_modified(|published| super::replace_if_other(published, counts.clone()));
    }
}

async fn sleep_until_some(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Longer than any datagram of ours, so that one that is longer shows.
const RECEIVE_LEN: usize = 2048;
/// How many datagrams are taken in before time counts again.
const BATCH: usize = 512;
/// How long it waits after an error.
const PAUSE: Duration = Duration::from_millis(10);
/// A process that does not run for so long may be held dead.
const LONG_AWAY: Duration = Duration::from_millis(500);
/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_millis(200);
/// How long counters may be behind.
const PUBLISH_INTERVAL: Duration = Duration::from_secs(1);
