//! BGP-4 messages to octets and back.
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
