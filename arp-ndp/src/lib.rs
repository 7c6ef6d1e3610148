//! Answer ARP and Neighbor Discovery for addresses on a link that no interface needs to have.
//!
//! A [`Responder`] serves one interface. It is sans-IO: it is told *what shall be true* ([`Input::SetAddresses`],
//! [`Input::SetLink`]) and what was received ([`Input::Frame`]), and says what to do ([`Output`]) and when it wants to be
//! called next. It answers who asks, and announces an address when the address or the link is new: at once, then four
//! times more, 1.1 s apart, and rarely again after that. The same state twice leads to nothing.
//!
//! # Two stations, one address
//!
//! Each address has a [`Role`]. An [`Owner`](Role::Owner) announces at once; a [`NewOwner`](Role::NewOwner) looks first
//! whether any station has the address; what is [`Leaving`](Role::Leaving) is answered for until the next owner speaks.
//!
//! Whatever says on the link that another station has an address of ours is told as [`Event::Claimed`]. Who keeps it is
//! for the caller to say ([`Input::Settle`]), who knows members and ranks. To defend is to announce once more. To yield
//! is to fall silent at once and to watch the other: it is asked for one address at a time, in turn, about three times a
//! second however many addresses it has; when it has not answered three times, about a second after its death, all that
//! was left to it is announced again. So as long as both sides judge alike, two answer for as long as a claim travels, and
//! nobody for about a second, whatever any other channel between them believes.
//!
//! An announcement may carry a [`Mark`] that the caller makes ([`Input::SetMarker`]), and a claim tells the mark that it came
//! with: so callers can know each other on the wire though they have never met elsewhere. Answers and probes carry none.
//!
//! # Floods
//!
//! Answers are limited to each asker and in all, claims are told and defended against ten times a second for each
//! address at most, and whatever is sent unasked keeps to one pace. The state for this does not grow with the number of
//! stations. What is not answered has a name ([`DropReason`]).
//!
//! # Example
//!
//! ```
//! # use std::time::Instant;
//! use arp_ndp::{Config, Input, Link, Output, Responder, Role};
//!
//! let link = Link::new("02:00:00:00:00:0a".parse().unwrap());
//! let mut responder = Responder::new(link, Config::default(), 42);
//! responder.handle_input(Instant::now(), Input::SetAddresses([("203.0.113.10".parse().unwrap(), Role::Owner)].into()));
//! while let Some(output) = responder.poll_output() {
//!     if let Output::Transmit(frame) = output { /* send it */ }
//! }
//! // then wait for a frame, but not beyond `responder.poll_timeout()`
//! ```
//!
//! With the feature `tokio` there is a `driver` for Linux, which does the waiting and sending, and follows the
//! machine's interfaces.
//!
//! # What decodes encodes to the same octets
//!
//! Except for what these protocols do not use: padding behind a packet, the IPv6 traffic class and flow label, reserved
//! bits, and options other than the source and target link-layer address and the mark of an advertisement, of each of which
//! the first counts, and the mark comes last. An ICMPv6 message is never decoded with a wrong checksum, so that one is
//! always the same. The mark of an ARP packet is padding to [`Arp`], and read and written beside it
//! ([`Mark::behind_arp`]).
//!
//! # Standards
//!
//! | Standard | What | State |
//! |---|---|---|
//! | RFC 826 | ARP for IPv4 over Ethernet | done |
//! | RFC 5227 | IPv4 address conflict detection | done: probes (§2.1.1, in a tenth of the time by default), announcements (§2.3), conflicts in every ARP packet (§2.4) and defence, with the caller as judge |
//! | RFC 4861 | neighbor solicitation and advertisement, §4.3, §4.4, §7.1, §7.2.3, §7.2.4, §7.2.6, §7.2.8 | done; **not** routers, redirects, neighbour cache |
//! | RFC 4862 | Duplicate Address Detection, §5.4 | answered and performed, on the terms of the probes above |
//! | RFC 4291 | solicited-node groups, §2.7.1 | done |
//! | RFC 2464 | IPv6 over Ethernet, §6, §7 | done |
//! | RFC 6085 | a group's packet to one station, §3 | sent and read |
//! | RFC 2710, RFC 3810 | MLD | by the kernel (driver) |
//! | RFC 6980 | no fragments in Neighbor Discovery | done |
//! | RFC 4727 | an option for experiments, §5 | marks are sent and read in type 253 |
//! | RFC 7527 | enhanced Duplicate Address Detection | nonces are stepped over |
//! | RFC 3971 | Secure Neighbor Discovery | **not** |
//! | IEEE 802.1Q | one tag | read and written; the responder leaves tagged frames to the interface of the VLAN |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod arp;
#[cfg(feature = "tokio")]
pub mod driver;
mod error;
mod ethernet;
mod frame;
#[doc(hidden)]
pub mod fuzzing;
mod groups;
mod mac;
mod mark;
mod ndp;
mod responder;

pub use arp::{Arp, ArpOperation};
pub use error::FrameError;
pub use ethernet::{EtherType, EthernetHeader, VlanTag};
pub use frame::Frame;
pub use groups::{ALL_NODES, is_solicited_node_group, multicast_mac, solicited_node_group};
pub use mac::{MacAddr, ParseMacAddrError};
pub use mark::Mark;
pub use ndp::{AdvertisementFlags, NeighborAdvertisement, NeighborSolicitation};
pub use responder::{
    AddressCounters, AddressStatus, Announcement, AnswerLimits, Config, ConflictProbe, DropReason,
    Event, Input, Link, LinkState, Marker, Output, Protocols, Responder, RivalWatch, Role, Tenure,
    Verdict,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
