//! The responder of a simulated node: the machine, and what its driver does in the product.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use arp_ndp::driver::DriverError;
use arp_ndp::{
    Announcement, Config, Event, Frame, Input, Link, LinkState, MacAddr, Marker, Output, Responder,
    Role, Tenure, Verdict,
};
use tokio::sync::{Notify, mpsc, watch};

use super::clock::DriftingClock;
use crate::speaker::exclude::Exclusions;
use crate::speaker::layer2::{Respond, Responders, UsableLink};

/// The responder of a node, when one is at work, and what it has to say.
pub(super) struct Wire {
    clock: DriftingClock,
    seed: u64,
    stirred: Arc<Notify>,
    working: Option<Working>,
    /// What it has sent.
    pub(super) sent: Vec<Frame>,
}

struct Working {
    responder: Responder,
    events: mpsc::UnboundedSender<Event>,
}

impl Wire {
    pub(super) const fn new(clock: DriftingClock, seed: u64, stirred: Arc<Notify>) -> Self {
        Self {
            clock,
            seed,
            stirred,
            working: None,
            sent: Vec::new(),
        }
    }

    /// A frame has come, or the speaker has said something.
    pub(super) fn give(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        if let Some(working) = &mut self.working {
            working.responder.handle_input(now, input);
            self.drain();
        }
    }

    /// Its time may have come.
    pub(super) fn handle_timeout(&mut self) {
        let now = self.clock.now();
        if let Some(working) = &mut self.working {
            working.responder.handle_timeout(now);
            self.drain();
        }
    }

    /// When that will be.
    pub(super) fn due(&self) -> Option<Instant> {
        let due = self.working.as_ref()?.responder.poll_timeout()?;
        Some(self.clock.real(due))
    }

    /// Where the addresses stand, of a link that is up for all that the speaker knows.
    pub(super) fn tenures(&self) -> BTreeMap<IpAddr, Tenure> {
        let up = self.working.as_ref();
        let up = up.filter(|working| working.responder.link().state == LinkState::Up);
        let addresses = up.map(|working| working.responder.addresses());
        let addresses = addresses.into_iter().flatten();
        addresses
            .map(|(address, status)| (address, status.tenure))
            .collect()
    }

    /// What the driver does: frames go out, and what is worth telling goes to the speaker.
    fn drain(&mut self) {
        let Some(working) = &mut self.working else {
            return;
        };
        while let Some(output) = working.responder.poll_output() {
            match output {
                Output::Transmit(frame) => self.sent.push(frame),
                Output::Event(event) if is_told(&event) => {
                    // Nobody listens any more once the speaker ends.
                    let _ = working.events.send(event);
                }
                _ => continue,
            }
            self.stirred.notify_one();
        }
    }
}

/// Whether the driver tells of it.
const fn is_told(event: &Event) -> bool {
    match event {
        Event::Announced { announcement, .. } => matches!(
            announcement,
            Announcement::Takeover { round: 1 } | Announcement::Defence
        ),
        Event::Answered { .. } | Event::Dropped(_) => false,
        _ => true,
    }
}

/// The one link of a simulated node.
pub(super) struct WireResponders {
    pub(super) links: watch::Receiver<BTreeMap<u32, UsableLink>>,
    pub(super) wire: Arc<Mutex<Wire>>,
}

/// The speaker's end of a [`Wire`].
pub(super) struct WireResponder {
    wire: Arc<Mutex<Wire>>,
    events: mpsc::UnboundedReceiver<Event>,
}

impl Responders for WireResponders {
    type Responder = WireResponder;

    fn links(&mut self, _: &Exclusions) -> BTreeMap<u32, UsableLink> {
        self.links.borrow_and_update().clone()
    }

    async fn links_changed(&mut self) {
        if self.links.changed().await.is_err() {
            std::future::pending().await
        }
    }

    fn start(&mut self, usable: &UsableLink) -> Result<WireResponder, DriverError> {
        let (tell, events) = mpsc::unbounded_channel();
        let mut wire = self.wire.lock().unwrap();
        wire.working = Some(Working {
            responder: Responder::new(usable.link, Config::default(), wire.seed),
            events: tell,
        });
        drop(wire);
        Ok(WireResponder {
            wire: Arc::clone(&self.wire),
            events,
        })
    }
}

impl WireResponder {
    fn give(&self, input: Input<'_>) {
        self.wire.lock().unwrap().give(input);
    }
}

impl Respond for WireResponder {
    fn set_link(&self, link: Link) {
        self.give(Input::SetLink(link));
    }

    fn set_addresses(&self, addresses: BTreeMap<IpAddr, Role>) {
        self.give(Input::SetAddresses(addresses));
    }

    fn set_marker(&self, marker: Marker) {
        self.give(Input::SetMarker(Some(marker)));
    }

    fn settle(&self, address: IpAddr, by: MacAddr, verdict: Verdict) {
        self.give(Input::Settle {
            address,
            by,
            verdict,
        });
    }

    fn ask(&self, address: IpAddr, station: MacAddr) {
        self.give(Input::Ask { address, station });
    }

    fn refresh(&self) {
        self.give(Input::Refresh);
    }

    fn remind(&self) {
        self.give(Input::Remind);
    }

    async fn events(&mut self) -> Vec<Event> {
        let mut told = Vec::new();
        self.events.recv_many(&mut told, 1024).await;
        told
    }

    async fn stop(self) {}
}

impl Drop for WireResponder {
    fn drop(&mut self) {
        let mut wire = self.wire.lock().unwrap();
        wire.working = None;
        wire.stirred.notify_one();
    }
}
