//! The configuration in force: valid by construction, names resolved, nothing left to check.
//!
//! Objects that do not make it here (syntax, conflicts, fields that are not supported yet) are reported by whoever
//! builds it; the decisions never see them.

mod advertisement;
mod peer;
mod policy;
mod pool;
mod reservation;

use std::collections::BTreeMap;

pub use advertisement::{
    AggregationError, AggregationLengths, BgpAdvertisement, Failback, L2_FAILBACK, L2Advertisement,
    NodePreference, PoolSelection, local_prefs_conflict,
};
pub use peer::{Establishment, Multihop, Password, Peer, PeerAs, Timers, TimersError};
pub use policy::{Advertise, BgpPolicy, CommunityChanges, NextHop, OtherCommunities, RouteChanges};
pub use pool::{DISABLED, EXCLUDED_ADDRESSES, NamespaceRule, PoolPolicy, Pools, ServiceAllocation};
pub use reservation::{Reservation, Reservations, ReservedAddresses, ReservedFor};

use crate::names::{AdvertisementName, PeerName, PolicyName};

/// Everything that the `metallb.io` and `ferrolb.io` objects say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// IPAddressPools.
    pub pools: Pools,
    /// IPReservations.
    pub reservations: Reservations,
    /// BGPPeers.
    pub peers: BTreeMap<PeerName, Peer>,
    /// BGPAdvertisements.
    pub bgp_advertisements: BTreeMap<AdvertisementName, BgpAdvertisement>,
    /// BGPPolicies.
    pub bgp_policies: BTreeMap<PolicyName, BgpPolicy>,
    /// L2Advertisements.
    pub l2_advertisements: BTreeMap<AdvertisementName, L2Advertisement>,
}
