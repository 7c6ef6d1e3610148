//! The driver of a [`Membership`] (feature `tokio`): one task with one UDP socket.
//!
//! ```no_run
//! use election::driver::{Agent, DriverError};
//! use election::membership::{Config, Key};
//!
//! # async fn watch() -> Result<(), DriverError> {
//! let key = Key::derive(b"a secret that all members know");
//! let bind = "192.0.2.1:7946".parse().unwrap();
//! let mut agent = Agent::spawn("node-a".parse().unwrap(), bind, bind.ip(), Config::lan(), &key).await?;
//! agent.set_peers(["192.0.2.2:7946".parse().unwrap()].into());
//! let mut members = agent.members();
//! while members.changed().await.is_ok() {
//!     for (name, member) in members.borrow_and_update().iter() {
//!         println!("{name} is alive at {}", member.address);
//!     }
//! }
//! agent.leave().await;
//! # Ok(())
//! # }
//! ```

mod task;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::membership::{Config, Event, Facts, Key, Local, MemberName, Members, Membership, Stats};
use task::Task;

/// A member at work, until it leaves or is dropped. One that is dropped says nothing: the others hold it dead.
#[derive(Debug)]
pub struct Agent {
    address: SocketAddr,
    desired: watch::Sender<Desired>,
    events: mpsc::Receiver<Event>,
    members: watch::Receiver<Arc<Members>>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

/// What shall be true of a member: the whole of it, so that only the newest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Desired {
    peers: BTreeSet<SocketAddr>,
    facts: Option<Facts>,
    /// When it is another one than at the start.
    key: Option<Key>,
    leave: bool,
}

/// What a member is doing. It is published within a second.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What the membership counted.
    pub membership: Stats,
    /// How many datagrams the kernel did not take.
    pub send_failures: u64,
    /// How often the kernel had an error instead of a datagram.
    pub receive_failures: u64,
    /// How many events were lost because nobody read them.
    pub events_lost: u64,
}

/// Why a member could not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// The address is taken, or not one of this machine.
    #[error("cannot open a UDP socket at {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The system has no randomness.
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

impl Agent {
    /// Starts a member that knows nobody yet. It listens at `bind`, and others reach it at `advertise`, with the port that
    /// it listens on.
    ///
    /// # Errors
    /// When the socket cannot be opened, or the system has no randomness.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn spawn(
        name: MemberName,
        bind: SocketAddr,
        advertise: IpAddr,
        config: Config,
        key: &Key,
    ) -> Result<Self, DriverError> {
        let failed = |source| DriverError::Bind {
            address: bind,
            source,
        };
        let socket = UdpSocket::bind(bind).await.map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        let local = Local {
            name,
            address: SocketAddr::new(advertise, port),
            incarnation: microseconds(),
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(DriverError::Random)?;
        let address = local.address;
        let membership = Membership::new(local, config, key, seed, Instant::now().into_std());
        let (desired, desired_rx) = watch::channel(Desired::default());
        let (events_tx, events) = mpsc::channel(EVENTS);
        let (members_tx, members) = watch::channel(membership.members().clone());
        let (status_tx, status) = watch::channel(Status::default());
        let task = Task::new(socket, membership, events_tx, members_tx, status_tx);
        Ok(Self {
            address,
            desired,
            events,
            members,
            status,
            task: tokio::spawn(task.run(desired_rx)),
        })
    }

    /// Members can be found at these addresses, and at no others. The same set again changes nothing.
    pub fn set_peers(&self, peers: BTreeSet<SocketAddr>) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.peers, peers));
    }

    /// This is what the member tells about itself from now on. The same facts again change nothing.
    pub fn set_facts(&self, facts: Facts) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.facts, Some(facts)));
    }

    /// The members shall have this key from now on, see [`Input::SetKey`](crate::membership::Input::SetKey). The same key again
    /// changes nothing.
    pub fn set_key(&self, key: Key) {
        self.desired
            .send_if_modified(|desired| replace_if_other(&mut desired.key, Some(key)));
    }

    /// Where others reach it.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Who is alive, this member among them. It can be watched, and outlives the member.
    #[must_use]
    pub fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.clone()
    }

    /// The events, of which some hundreds are kept, without those of dropped datagrams, which are only counted. The channel
    /// closes when the task has ended.
    pub const fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }

    /// What the member is doing; it can be watched, and outlives the member.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Says to all others that it goes, and waits until that is done.
    pub async fn leave(self) {
        self.desired.send_modify(|desired| desired.leave = true);
        // An error here is a panic in the task, which has been reported; the socket is closed in any case.
        let _ = self.task.await;
    }
}

fn replace_if_other<T: PartialEq>(old: &mut T, new: T) -> bool {
    let other = *old != new;
    if other {
        *old = new;
    }
    other
}

/// Since 1970: more at each start, on a machine whose clock is right.
#[expect(
    clippy::disallowed_methods,
    reason = "the driver reads the clock, once, for the incarnation"
)]
fn microseconds() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |time| {
            u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
        })
}

/// How many events wait for a reader before they are lost.
const EVENTS: usize = 1024;
