//! The kinds of the API group `metallb.io`, one file a kind: same names, columns, defaults and enumerations as
//! MetalLB's (compat/metallb.md 1), so that manifests written for MetalLB apply unchanged; and those of the
//! group `ferrolb.io`, which MetalLB does not have: [`BGPPolicy`], [`BGPSession`] and [`IPReservation`].
//!
//! A `Spec` is what a user wrote, hence untrusted; [`translate`](crate::translate) turns it into what the planner
//! works with.
#![expect(
    clippy::duplicated_attributes,
    reason = "several printer columns of one kind are of the same type"
)]

mod bfd_profile;
mod bgp_advertisement;
pub mod bgp_peer;
mod bgp_policy;
mod bgp_session;
mod community;
mod configuration_state;
mod definitions;
mod frr_configuration;
mod ip_address_pool;
mod ip_reservation;
mod l2_advertisement;
mod rules;
mod service_bgp_status;
mod service_l2_status;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::bfd_profile::{BFDProfile, BFDProfileSpec};
pub use self::bgp_advertisement::{BGPAdvertisement, BGPAdvertisementSpec};
pub use self::bgp_peer::{BGPPeer, BGPPeerSpec, DynamicAsn, Password, SecretReference};
pub use self::bgp_policy::{BGPPolicy, BGPPolicySpec, PolicyCommunities, PolicyNextHop};
pub use self::bgp_session::{BGPSession, BGPSessionSpec, BGPSessionState, BGPSessionStatus};
pub use self::community::{Community, CommunityAlias, CommunitySpec};
pub use self::configuration_state::{
    ConfigurationResult, ConfigurationState, ConfigurationStateSpec, ConfigurationStateStatus,
};
pub use self::definitions::{ManifestError, definitions, manifest};
pub use self::frr_configuration::{FRRConfiguration, FRRConfigurationSpec, RawConfiguration};
pub use self::ip_address_pool::{
    IPAddressPool, IPAddressPoolSpec, IPAddressPoolStatus, ServiceAllocation,
};
pub use self::ip_reservation::{
    IPReservation, IPReservationSpec, IPReservationStatus, IpFamily, ReservationUser,
    ServiceReference,
};
pub use self::l2_advertisement::{L2Advertisement, L2AdvertisementSpec, PreferredNodeSelector};
pub use self::service_bgp_status::{
    MetalLBServiceBGPStatus, ServiceBGPStatus, ServiceBGPStatusSpec,
};
pub use self::service_l2_status::{
    InterfaceInfo, MetalLBServiceL2Status, ServiceL2Status, ServiceL2StatusSpec,
};

/// The API group of the kinds that are MetalLB's.
pub const GROUP: &str = "metallb.io";
/// The API group of the kinds that are FerroLB's alone.
pub const OWN_GROUP: &str = "ferrolb.io";

/// The status of a kind that has none but keeps the subresource.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EmptyStatus {}

/// For `skip_serializing_if`: a switch that is off is left out.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(switch: &bool) -> bool {
    !switch
}
