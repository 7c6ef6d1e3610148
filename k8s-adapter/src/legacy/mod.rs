//! Configuration as it was before the `metallb.io` kinds of today: the ConfigMap `config` of MetalLB 0.9 to 0.12
//! (compat/metallb.md 1.13) and the AddressPool objects of 0.13 (1.11), brought to those kinds. Pure.
//!
//! The mapping is that of MetalLB's converter:
//!
//! | there | here |
//! |---|---|
//! | `peers[N-1]` | BGPPeer `peerN` |
//! | an entry of `address-pools` | an IPAddressPool, its name made one that Kubernetes takes |
//! | entry N of all `bgp-advertisements`, where a pool of protocol `bgp` without any has one that says nothing | BGPAdvertisement `bgpadvertisementN` |
//! | the Nth pool of protocol `layer2` | L2Advertisement `l2advertisementN` |
//! | an entry of `bfd-profiles` | a BFDProfile, its name made one that Kubernetes takes |
//! | `bgp-communities` | Community `communities` |

mod address_pool;
mod config_map;
mod convert;
mod decode;
mod documents;
pub mod fuzzing;
mod keys;
mod names;
mod object;
mod overlay;

use std::fmt;

pub use self::config_map::{
    AddressPool, BfdProfile, BgpAdvertisement, LegacyConfig, MatchExpression, NodeSelector, Peer,
    Protocol,
};
pub use self::convert::{Converted, ConvertedObject};
pub use self::documents::{Documents, Finding, convert_data, convert_manifests};
pub use self::object::ConfigObject;
pub use self::overlay::{CONFIG_MAP, Overlay};
use crate::translate::{ErrorEffect, Reason};

/// What is wrong with one key of what is converted; written `peers[0].my-asn: REASON`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The path of the key, such as `peers[0].my-asn`; empty when the whole text is meant.
    pub key: String,
    /// What is wrong with it.
    pub reason: Reason,
    /// What follows for what the key is part of.
    pub effect: ErrorEffect,
}

impl Fault {
    fn new(key: impl Into<String>, reason: Reason) -> Self {
        Self {
            key: key.into(),
            reason,
            effect: ErrorEffect::OutOfForce,
        }
    }

    fn warning(key: impl Into<String>, reason: Reason) -> Self {
        Self {
            effect: ErrorEffect::Warning,
            ..Self::new(key, reason)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}", self.reason)
    }
}
