//! A simulated world for sans-IO machines: a virtual clock, a lossy and reordering network, ordered reliable octet
//! streams on top of it, and a runner.
//!
//! A test wraps each machine in a [`Host`], puts the hosts into a [`Simulation`] and lets virtual time run: hours pass
//! in milliseconds, and the same seed gives the same run to the last octet. When a test panics, the simulation prints
//! its seed and a readable trace of what happened, so that the run can be repeated and read.
//!
//! ```
//! use std::time::{Duration, Instant};
//! use testkit::{Happening, Host, HostId, Link, Port, Simulation};
//!
//! /// Sends one datagram when it starts and counts what comes in.
//! struct Greeter { peer: HostId, heard: usize }
//! impl Host for Greeter {
//!     fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
//!         match happening {
//!             Happening::Started => port.send(self.peer, b"hello".to_vec()),
//!             Happening::Datagram { .. } => self.heard += 1,
//!             _ => {}
//!         }
//!     }
//!     fn handle_timeout(&mut self, _: &mut Port<'_>) {}
//!     fn poll_timeout(&self) -> Option<Instant> { None }
//! }
//!
//! let mut simulation = Simulation::new(42, Link::default());
//! let a = simulation.add("a", Greeter { peer: HostId(1), heard: 0 });
//! let b = simulation.add("b", Greeter { peer: HostId(0), heard: 0 });
//! simulation.run_for(Duration::from_secs(1));
//! assert_eq!((simulation.host(a).heard, simulation.host(b).heard), (1, 1));
//! ```
//!
//! Beside it there is what fuzz targets start from: [`corpus`] and [`mutated`].
//!
//! Nothing here knows any protocol.
#![expect(
    clippy::exhaustive_enums,
    clippy::exhaustive_structs,
    reason = "test support inside one workspace, never published"
)]

mod clock;
mod corpus;
mod host;
mod link;
mod net;
mod simulation;
mod stream;
mod trace;

pub use clock::Clock;
pub use corpus::{corpus, mutated};
pub use host::{Happening, Host, HostId, Port};
pub use link::Link;
pub use simulation::Simulation;
pub use stream::{Segment, Stream, StreamId, StreamOutput};
pub use trace::Trace;
