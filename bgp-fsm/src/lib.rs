//! BGP-4 sessions: the state machine of RFC 4271 without sockets and clock, and an optional driver.
//!
//! [`Session`] is one session with one peer. It is told what happened ([`Input`]) and what time it is, and says what to
//! do ([`Output`]). Routes are given as desired state ([`Routes`]): the session works out what the peer has to be told,
//! packs it, and sends no faster than the peer reads.
//!
//! # The run loop
//! ```text
//! session.handle_input(now, input)  ─┐
//! session.handle_timeout(now)       ─┴─► while let Some(output) = session.poll_output() { do it }
//!                                        wait for input, at most until session.poll_timeout()
//! ```
//! With the feature `tokio`, [`driver::Peer`] is this loop around TCP sockets, and [`driver::Listener`] takes the
//! connections that peers open.
//!
//! # What is done
//! | RFC | |
//! |---|---|
//! | 4271 | all six states; ConnectRetry, Hold, Keepalive and IdleHold timers with jitter; collisions (§6.8); **not** DelayOpen, MinRouteAdvertisementInterval (routes are sent at once), CollisionDetectEstablishedState |
//! | 2385 | TCP MD5 (driver) |
//! | 2545, 4760 | IPv4 and IPv6 unicast over either transport, link-local next hops |
//! | 2918 | route refresh, both ways; **not** 7313 |
//! | 4486, 9003 | Cease with subcodes and text |
//! | 4724 | End-of-RIB; **not** graceful restart itself, nor 8538 |
//! | 5082 | GTSM (driver) |
//! | 5492, 6793, 8654, 9072 | capabilities, four-octet AS numbers, extended messages |
//! | 6286, 7607 | identifiers unique in an AS, AS 0 |
//! | 6608 | subcodes of FSM errors |
//! | 7606 | revised error handling of UPDATEs |
//! | 7705 | no-prepend and replace-as: give the shown AS as the local one |
//! | 8950 | IPv4 routes with IPv6 next hops |
//! | 9687 | send hold timer, by write progress |
//! | 5882, 7911, 9234 | **not**: BFD, ADD-PATH, roles |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod config;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod driver;
mod input;
mod output;
mod rib;
mod routes;
mod session;
mod state;
mod stats;
mod timer;
mod update;

pub use bgp_wire::{Ipv4Encoding, PeerAs};
pub use config::{ConfigError, Establishment, PeerConfig, PeerConfigBuilder, Updates};
pub use input::{ConnId, Input, NextHops};
pub use output::{DownReason, Event, Output};
pub use rib::{Advertised, AdvertisedChange, AdvertisedRoutes};
pub use routes::Routes;
pub use session::Session;
pub use state::{FsmEvent, State};
pub use stats::{MessageCounts, Stats};
pub use update::ReceivedUpdate;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
