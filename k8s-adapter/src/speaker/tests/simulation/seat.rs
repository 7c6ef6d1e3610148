//! The seat of a simulated node in the group of speakers: the machine, and what its driver does in the product.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use election::membership::{Config, Event, Facts, Input, Key, Local, Members, Membership, Output};
use tokio::sync::{Notify, mpsc, watch};

use super::clock::DriftingClock;
use crate::speaker::membership::Participant;

/// A member, and what it has to say.
pub(super) struct Seat {
    clock: DriftingClock,
    stirred: Arc<Notify>,
    membership: Membership,
    members: watch::Sender<Arc<Members>>,
    events: mpsc::Sender<Event>,
    has_left: bool,
    /// What it has sent.
    pub(super) sent: Vec<(SocketAddr, Vec<u8>)>,
}

/// The speaker's end of a [`Seat`].
pub(super) struct Seated {
    address: SocketAddr,
    seat: Arc<Mutex<Seat>>,
    members: watch::Receiver<Arc<Members>>,
    events: mpsc::Receiver<Event>,
}

impl Seat {
    /// A member that knows nobody yet.
    pub(super) fn take(
        local: Local,
        key: &Key,
        seed: [u8; 32],
        clock: DriftingClock,
        stirred: Arc<Notify>,
    ) -> Seated {
        let address = local.address;
        let membership = Membership::new(local, Config::lan(), key, seed, clock.now());
        let (members_tx, members) = watch::channel(membership.members().clone());
        let (events_tx, events) = mpsc::channel(1024);
        let seat = Self {
            clock,
            stirred,
            membership,
            members: members_tx,
            events: events_tx,
            has_left: false,
            sent: Vec::new(),
        };
        Seated {
            address,
            seat: Arc::new(Mutex::new(seat)),
            members,
            events,
        }
    }

    /// A datagram has come, or the speaker has said something.
    pub(super) fn give(&mut self, input: Input<'_>) {
        self.membership.handle_input(self.clock.now(), input);
        self.drain();
    }

    /// Its time may have come.
    pub(super) fn handle_timeout(&mut self) {
        if !self.has_left {
            self.membership.handle_timeout(self.clock.now());
            self.drain();
        }
    }

    /// When that will be.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.membership.poll_timeout();
        let due = due.filter(|_| !self.has_left)?;
        Some(self.clock.real(due))
    }

    /// What the driver does: datagrams go out, and what is worth telling goes to the speaker.
    fn drain(&mut self) {
        while let Some(output) = self.membership.poll_output() {
            match output {
                Output::Transmit { to, octets } => self.sent.push((to, octets)),
                Output::Event(Event::Dropped { .. }) => continue,
                Output::Event(event) => {
                    // Nobody listens any more once the speaker ends.
                    let _ = self.events.try_send(event);
                }
                _ => continue,
            }
            self.stirred.notify_one();
        }
        let members = self.membership.members();
        let has_changed = self.members.send_if_modified(|shown| {
            let is_other = !Arc::ptr_eq(shown, members);
            if is_other {
                shown.clone_from(members);
            }
            is_other
        });
        if has_changed {
            self.stirred.notify_one();
        }
    }
}

impl Seated {
    /// The seat itself.
    pub(super) fn seat(&self) -> Arc<Mutex<Seat>> {
        Arc::clone(&self.seat)
    }

    fn give(&self, input: Input<'_>) {
        self.seat.lock().unwrap().give(input);
    }
}

impl Participant for Seated {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn set_peers(&self, peers: BTreeSet<SocketAddr>) {
        self.give(Input::SetPeers(peers));
    }

    fn set_facts(&self, facts: Facts) {
        self.give(Input::SetLocal(facts));
    }

    fn set_key(&self, key: Key) {
        self.give(Input::SetKey(key));
    }

    fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.clone()
    }

    fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }

    async fn leave(self) {
        let mut seat = self.seat.lock().unwrap();
        seat.give(Input::Leave);
        seat.has_left = true;
    }
}
