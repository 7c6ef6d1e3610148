//! BGP-4 messages to octets and back: views in place for speed, owned values for comfort, and the error handling of
//! RFC 7606 as a type. `no_std` with `alloc`, without unsafe code, without I/O.
//!
//! # Reading
//!
//! [`Framer`] cuts an octet stream into messages, [`MessageRef::decode`] reads one in place, and [`UpdateRef::validate`]
//! says what may be used of an UPDATE: after a fault that is answered by withdrawing there is no way left to its
//! attributes. Nothing allocates on the way.
//!
//! ```
//! use bgp_wire::{Framer, Ipv4Unicast, MessageRef, PeerKind, SessionContext, Validated};
//!
//! fn receive(octets: &[u8], framer: &mut Framer, cx: &SessionContext) -> Result<(), bgp_wire::DecodeError> {
//!     framer.push(octets);
//!     while let Some(message) = framer.next()? {
//!         let MessageRef::Update(update) = MessageRef::decode(&message, cx)? else { continue };
//!         match update.validate(cx)? {
//!             Validated::Routes(routes) => {
//!                 for prefix in routes.announced::<Ipv4Unicast>() {
//!                     println!("{prefix} by {:?}", routes.attributes().as_path());
//!                 }
//!             }
//!             Validated::Withdraw(withdrawn) => println!("{} withdrawn", withdrawn.prefixes().count()),
//!             Validated::DisableFamily(family, _) => println!("no more {family} from this peer"),
//!         }
//!     }
//!     Ok(())
//! }
//! # receive(&[], &mut Framer::new(), &SessionContext::new(PeerKind::Ebgp)).unwrap();
//! ```
//!
//! Every [`DecodeError`] knows the [NOTIFICATION](DecodeError::notification) that tells the peer.
//!
//! # Writing
//!
//! [`Message::encode`] appends any message to a buffer. [`UpdatePacker`] packs prefixes that share [`PathAttributes`]
//! into as few UPDATEs as hold them. Encoding never truncates: what does not fit is an [`EncodeError`], and the buffer
//! stays as it was.
//!
//! # Sessions
//!
//! How messages are read and written depends on what two speakers agreed on. [`Negotiated::from_opens`] works that out
//! from both OPENs and hands out the [`SessionContext`] that everything else takes.
//!
//! # Standards
//!
//! | RFC | What | Here |
//! |---|---|---|
//! | 4271 | messages, attributes, errors of §6.1 to §6.3 | yes |
//! | 1997, 4360, 5668, 8092 | communities: plain, extended, large | yes |
//! | 2545, 4760, 8950 | IPv6; IPv4 with a next hop of IPv6 | unicast; other families are kept as they are |
//! | 2918, 7313 | route refresh, enhanced | messages and capabilities |
//! | 4486, 6608, 8538, 9003, 9384, 9687 | subcodes, shutdown text, hard reset, BFD down, send hold timer | yes |
//! | 4724 | graceful restart, End-of-RIB | capability and marker |
//! | 5065 | confederations | segments |
//! | 5492, 9072 | capabilities, extended optional parameters | yes; unknown ones are kept |
//! | 6286, 7607 | identifiers, AS 0 | yes |
//! | 6793 | four-octet AS numbers | yes, with AS4_PATH and AS4_AGGREGATOR towards old speakers |
//! | 7606 | revised error handling | yes |
//! | 7911 | several paths for a prefix | yes; the packer sends one path for each |
//! | 8654 | extended messages | yes |
//! | 4456 | route reflection | **not** typed: kept as unknown attributes |
//! | 4364, 7432, 8277, 8955 and other families | VPN, EVPN, labels, FlowSpec | **not** typed: kept as octets |
//! | 5291 | outbound route filtering | **not** typed: entries are kept as octets |
//! | 9234, 9494, 9774 | roles, long-lived graceful restart, no AS_SET | **not** |
//!
//! # Feature
//!
//! `proptest` adds the module `strategy`, with strategies for property tests of code that uses this crate.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod afi_safi;
mod asn;
mod attribute;
mod capability;
mod cease;
mod codepoints;
mod context;
mod cursor;
mod error;
mod framer;
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod hold_time;
pub mod iana;
mod message;
mod negotiate;
mod nlri;
mod notification;
mod notify;
mod open;
mod route_refresh;
mod router_id;
#[cfg(feature = "proptest")]
#[cfg_attr(docsrs, doc(cfg(feature = "proptest")))]
pub mod strategy;
mod update;
mod writer;

/// The README's example, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use afi_safi::{Afi, AfiSafi, FamilySet, ParseAfiSafiError, Safi};
pub use asn::{Asn, ParseAsnError};
pub use attribute::aggregator::Aggregator;
pub use attribute::as_path::{AsPath, AsPathRef, AsnIter, SegmentIter, SegmentRef, SegmentType};
pub use attribute::builder::PathAttributesBuilder;
pub use attribute::community::{Community, ParseCommunityError};
pub use attribute::decode::AttrIter;
pub use attribute::ext_community::{ExtCommunity, ParseExtCommunityError};
pub use attribute::large_community::{LargeCommunity, ParseLargeCommunityError};
pub use attribute::mp::{MpReachRef, MpUnreachRef, NextHop};
pub use attribute::owned::PathAttributes;
pub use attribute::unknown::UnknownAttribute;
pub use attribute::view::{CommunityIter, ExtCommunityIter, LargeCommunityIter, PathAttributesRef};
pub use attribute::{AttrFlags, AttrRef, Origin};
pub use capability::add_path::AddPath;
pub use capability::extended_next_hop::ExtendedNextHop;
pub use capability::fqdn::Fqdn;
pub use capability::graceful_restart::{
    ForwardingState, GracefulRestart, RestartFamily, RestartFlags,
};
pub use capability::{Capability, CapabilityIter, CapabilityRef};
pub use cease::{ShutdownCommunication, ShutdownCommunicationError};
pub use context::{AsnWidth, OneWay, PeerKind, RouteRefreshKind, SessionContext};
pub use error::{DecodeError, DecodeErrorKind, EncodeError};
pub use framer::Framer;
pub use header::{Frame, MaxLen, MessageHeader};
pub use hold_time::{HoldTime, HoldTimeError};
pub use iana::{AttrCode, CapabilityCode, Cease, ErrorCode, MessageType};
pub use message::{Message, MessageRef, encode_keepalive};
pub use negotiate::{
    HoldTimeFloor, Negotiated, NegotiatedRestart, NotificationRestart, OpenError, OpenRequirements,
    PeerAs, PeerRestart,
};
pub use nlri::{Family, Ipv4Unicast, Ipv6Unicast, Nlri, NlriField, NlriIter, PathId, PathIter};
pub use notification::{Notification, NotificationRef};
pub use open::{Open, OpenRef};
pub use route_refresh::{RouteRefresh, RouteRefreshRef};
pub use router_id::{RouterId, RouterIdError};
pub use update::UpdateRef;
pub use update::builder::{Ipv4Encoding, UpdatePacker};
pub use update::decode::{Announcement, Routes, Validated, Withdrawn};
pub use update::findings::{ErrorAction, Finding, Findings};
pub use update::owned::{MpNextHop, MpNlri, MpReach, MpUnreach, Update};
