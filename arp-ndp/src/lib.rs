//! Answer ARP and Neighbor Discovery for addresses on a link.
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
mod ndp;
mod responder;

pub use arp::{Arp, ArpOperation};
pub use error::FrameError;
pub use ethernet::{EtherType, EthernetHeader, VlanTag};
pub use frame::Frame;
pub use groups::{ALL_NODES, is_solicited_node_group, multicast_mac, solicited_node_group};
pub use mac::{MacAddr, ParseMacAddrError};
pub use ndp::{AdvertisementFlags, NeighborAdvertisement, NeighborSolicitation};
pub use responder::{
    AddressCounters, Announcement, Config, DropReason, Event, Input, Link, LinkState, Output,
    Protocols, Responder,
};
