//! Which members of a group are alive, by SWIM (feature `membership`).
//!
//! Members probe each other at random, ask others to probe who does not answer, and suspect who answers nobody; a suspect
//! that does not contradict in time is dead. What a member learns it passes on to a few others at random, so that all
//! know within moments. The cost of a member does not depend on how many there are.
//!
//! * A death is known to everybody about a second later ([`Config::lan`]), a departure and any news at once.
//! * Members doubt themselves before they accuse: who did not run for a while, or finds several others silent, waits
//!   longer (after Lifeguard, Dadgar et al., "SWIM-ing with Situational Awareness"). Others hold such a member dead when it
//!   is silent for longer than a suspicion lasts, and it comes back as soon as it runs.
//! * Who is spoken to by nobody for two seconds is alone: all others are dead to it at once, however many there are.
//! * Every datagram is encrypted and authenticated with a [`Key`] that all share, and counts once: what was recorded
//!   changes nothing when it is sent again, also when sender or receiver started anew since.
//! * A member tells [`Facts`] about itself. They travel when they change, and to who joins.
//!
//! [`Membership`] is sans-IO. The probing and the merging of what is heard is done by the crate `foca`; here is what is
//! around it: sealing, joining, suspicion, news, and what was missed on the way.
//!
//! ```
//! # use std::time::Instant;
//! use election::membership::{Config, Event, Input, Key, Local, Membership, Output};
//!
//! let now = Instant::now();
//! let key = Key::derive(b"a secret that all members know");
//! let local = |name: &str, address: &str| Local {
//!     name: name.parse().unwrap(),
//!     address: address.parse().unwrap(),
//!     incarnation: 1,
//! };
//! let (a, b) = (local("a", "192.0.2.1:7946"), local("b", "192.0.2.2:7946"));
//! let mut here = Membership::new(a, Config::lan(), &key, [1; 32], now);
//! let mut there = Membership::new(b.clone(), Config::lan(), &key, [2; 32], now);
//!
//! here.handle_input(now, Input::SetPeers([b.address].into()));
//! here.handle_timeout(now);
//! # let mut joined = false;
//! # for _ in 0..10 {
//! while let Some(output) = here.poll_output() {
//!     match output {
//!         Output::Transmit { to, octets } => {
//!             let from = "192.0.2.1:7946".parse().unwrap();
//!             there.handle_input(now, Input::Datagram { from, octets: &octets });
//!         }
//!         Output::Event(Event::Joined(member)) => {
//!             assert_eq!(member.name.as_str(), "b");
//! #           joined = true;
//!         }
//!         _ => {}
//!     }
//! }
//! // ... and the other way round, and when time has come: `handle_timeout` at `poll_timeout`.
//! # there.handle_timeout(now);
//! # while let Some(output) = there.poll_output() {
//! #   if let Output::Transmit { octets, .. } = output {
//! #       let from = "192.0.2.2:7946".parse().unwrap();
//! #       here.handle_input(now, Input::Datagram { from, octets: &octets });
//! #   }
//! # }
//! # }
//! # assert!(joined && here.members().contains_key("b"));
//! ```

mod alone;
mod clock;
mod config;
mod facts;
#[doc(hidden)]
pub mod fuzzing;
mod gossip;
mod health;
mod heard;
mod identity;
mod io;
mod join;
mod key;
mod name;
mod places;
mod probe;
mod receive;
mod replay;
mod roster;
mod rumour;
mod seal;
mod suspicion;
mod sync;
mod timer;
mod wire;

pub use config::Config;
pub use facts::{Facts, LinkFacts};
pub use io::{DropReason, Event, Input, Local, Member, Members, Output, Stats};
pub use key::{ATTESTATION_LEN, KEY_OVERLAP, Key};
pub use name::{MemberName, MemberNameError};

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use foca::{AccumulatingRuntime, Foca, NoCustomBroadcast};
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use clock::Clock;
use gossip::Gossip;
use health::Health;
use heard::Heard;
use identity::Identity;
use places::Places;
use replay::Replay;
use roster::Roster;
use rumour::Rumours;
use seal::Seal;
use suspicion::{Accusations, Suspicions};
use timer::Timers;
use wire::Codec;

/// `foca` with all that it is given.
type Swim = Foca<Identity, Codec, SmallRng, NoCustomBroadcast>;

/// One member's part in a group whose members watch each other.
///
/// It neither sends nor waits: give it inputs, drain [`poll_output`](Self::poll_output) after each, and call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout), which is at once when an input led to
/// something. Give it all datagrams that have arrived before that call, so that nobody is suspected whose answer waits.
pub struct Membership {
    config: Config,
    foca: Swim,
    runtime: AccumulatingRuntime<Identity>,
    places: Places,
    /// With which incarnation `foca` speaks: it grows with each suspicion that it contradicts.
    contradiction: foca::Incarnation,
    timers: Timers,
    clock: Clock,
    seal: Seal,
    replay: Replay,
    health: Health,
    suspicions: Suspicions,
    accusations: Accusations,
    roster: Roster,
    rumours: Rumours,
    heard: Heard,
    gossip: Gossip,
    peers: BTreeSet<SocketAddr>,
    facts: Option<Facts>,
    facts_version: u64,
    rejoin_at: Instant,
    /// How long after that to call again.
    call_pause: Duration,
    /// How many of those that are found may still be asked for all they know, until it calls again.
    inquiries: u8,
    sync_at: Instant,
    /// When this life is alone if nobody says something to it before.
    silent_until: Instant,
    rng: SmallRng,
    left: bool,
    stats: Stats,
    outputs: VecDeque<Output>,
}

impl Membership {
    /// A member that knows nobody yet.
    ///
    /// The seed must come from the system's source of randomness, and must never be used twice: the sealing of datagrams
    /// rests on it.
    #[must_use]
    pub fn new(local: Local, config: Config, key: &Key, seed: [u8; 32], now: Instant) -> Self {
        let identity = Identity::new(local.name, local.address, local.incarnation);
        let (epoch, random) = halves(seed);
        let mut rng = SmallRng::seed_from_u64(random);
        let mut roster = Roster::default();
        roster.insert(&identity);
        Self {
            foca: swim(identity, &config, &mut rng),
            runtime: AccumulatingRuntime::new(),
            places: Places::default(),
            contradiction: 0,
            timers: Timers::default(),
            clock: Clock::default(),
            seal: Seal::new(key, &config.cluster, epoch),
            replay: Replay::default(),
            health: Health::default(),
            suspicions: Suspicions::default(),
            accusations: Accusations::default(),
            roster,
            rumours: Rumours::default(),
            heard: Heard::default(),
            gossip: Gossip::default(),
            peers: BTreeSet::new(),
            facts: None,
            facts_version: local.incarnation,
            rejoin_at: now,
            call_pause: config.rejoin_interval,
            inquiries: 0,
            sync_at: now + config.sync_interval,
            silent_until: now + config.silence,
            rng,
            left: false,
            stats: Stats::default(),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// Takes in what happened at `now`, which must not go back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        if let Input::Datagram { from, octets } = input {
            // Before anything is looked at: only what is opened shows that the member runs.
            match self.open(octets) {
                Ok(opened) => {
                    let now = self.live(now);
                    if let Err(reason) = self.receive(now, &opened) {
                        self.drop_datagram(from, reason);
                    }
                }
                Err(reason) => self.drop_datagram(from, reason),
            }
            return;
        }
        if self.left {
            return;
        }
        let now = self.live(now);
        match input {
            Input::Datagram { .. } => {}
            Input::SetPeers(peers) => self.set_peers(now, peers),
            Input::SetLocal(facts) => self.set_local(now, facts),
            Input::SetKey(key) => self.seal.renew(key, now + KEY_OVERLAP),
            Input::Leave => self.leave(),
        }
    }

    /// Does what is due at `now`. Nothing happens when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.left {
            return;
        }
        let now = self.live(now);
        self.probe(now);
        self.pursue(now);
        if self.seal.overlap().is_some_and(|until| until <= now) {
            self.seal.forget_former();
        }
        if self.alone_at().is_some_and(|at| at <= now) {
            self.give_up(now);
        }
        if self.rejoin_at <= now {
            self.rejoin(now);
        }
        if self.sync_at <= now {
            self.sync(now);
        }
        if self.gossip.is_due(now) {
            self.pass_on(now);
        }
    }

    /// Returns what is to be done next, until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` after it has left.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due().map(|due| self.clock.real(due))
    }

    /// Who is alive, this member among them. A clone costs nothing.
    #[must_use]
    pub const fn members(&self) -> &Arc<Members> {
        self.roster.members()
    }

    /// What was counted, and how the member is.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            self_doubt: self.health.points(),
            ..self.stats.clone()
        }
    }

    /// The time at `now` as this member has lived it. A timer that is late says that it did not run.
    fn live(&mut self, now: Instant) -> Instant {
        let (now, away) = self.clock.live(now, self.due(), self.config.late);
        if let Some(away) = away {
            self.health.was_away(away, self.config.probe_interval);
            self.event(Event::Away(away));
        }
        now
    }

    /// When something is due next, in lived time.
    fn due(&self) -> Option<Instant> {
        if self.left {
            return None;
        }
        [
            Some(self.rejoin_at),
            Some(self.sync_at),
            self.timers.next(),
            self.gossip.next(),
            self.next_suspicion(),
            self.alone_at(),
            self.seal.overlap(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

impl fmt::Debug for Membership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Membership")
            .field("identity", self.foca.identity())
            .field("members", self.members())
            .field("peers", &self.peers)
            .field("health", &self.health)
            .field("suspicions", &self.suspicions)
            .field("stats", &self.stats)
            .finish_non_exhaustive()
    }
}

/// One that knows nobody yet.
fn swim(identity: Identity, config: &Config, rng: &mut SmallRng) -> Swim {
    let rng = SmallRng::from_rng(rng);
    Foca::new(identity, config.foca(), rng, Codec::default())
}

/// The epoch of the sealing, and a seed for what only has to differ.
fn halves(seed: [u8; 32]) -> ([u8; seal::EPOCH_LEN], u64) {
    let epoch = seed.first_chunk().copied().unwrap_or_default();
    let random = seed.last_chunk().copied().map_or(0, u64::from_be_bytes);
    (epoch, random)
}
