//! Why a Service has no address, and what would help.

use ipam::{
    AllocError, Conflict, ConflictCause, LookupError, PassedOver, PassedOverCause, Refusal,
    Shortage, ShortageCause,
};

use crate::config::{DISABLED, EXCLUDED_ADDRESSES};
use crate::names::ServiceKey;
use crate::service::WantedError;

/// Why a Service has no address. `Display` says what is wrong, [`AllocationRefusal::remedy`] what would help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocationRefusal {
    /// It has no ClusterIP.
    #[error("the Service has no ClusterIP, which tells its address families")]
    NoClusterIps,
    /// It requires two families and has the ClusterIP of one.
    #[error("the Service has ipFamilyPolicy RequireDualStack, but fewer than two ClusterIPs")]
    NotEnoughClusterIps,
    /// Its ClusterIPs are not one address a family.
    #[error("the ClusterIPs of the Service are not one address a family")]
    UnclearClusterIps,
    /// It asks for addresses that make no sense.
    #[error(transparent)]
    Wanted(WantedError),
    /// The allocator has none for it.
    #[error(transparent)]
    Allocator(AllocError<ServiceKey>),
}

impl AllocationRefusal {
    /// The reason in one word, as conditions have it.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoClusterIps => "NoClusterIPs",
            Self::NotEnoughClusterIps => "NotEnoughClusterIPs",
            Self::UnclearClusterIps => "UnclearClusterIPs",
            Self::Wanted(_) => "InvalidRequest",
            Self::Allocator(AllocError::NoPools) => "NoPools",
            Self::Allocator(AllocError::UnknownPool { .. }) => "UnknownPool",
            Self::Allocator(AllocError::WantedFamilies { .. }) => "WrongFamilies",
            Self::Allocator(AllocError::WantedOutsidePool { .. }) => "WrongPool",
            Self::Allocator(AllocError::Refused(refusal)) => match refusal {
                Refusal::Lookup(_) => "NotInPool",
                Refusal::NotAdmitted { .. } => "NotAdmitted",
                Refusal::Disabled { .. } => "PoolDisabled",
                Refusal::Excluded { .. } => "AddressExcluded",
                Refusal::Reserved { .. } => "AddressReserved",
                Refusal::Conflict(_) => "AddressInUse",
                _ => "Refused",
            },
            Self::Allocator(AllocError::Exhausted { .. }) => "Exhausted",
            // The allocator may learn to refuse for more.
            Self::Allocator(_) => "Refused",
        }
    }

    /// The nearest change that would help, as a sentence without a full stop.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NoClusterIps => "give the Service a ClusterIP (it cannot be headless)".to_owned(),
            Self::NotEnoughClusterIps => {
                "set ipFamilyPolicy to PreferDualStack or SingleStack, or run the cluster dual-stack".to_owned()
            }
            Self::UnclearClusterIps => "give the Service one ClusterIP, or one of each family".to_owned(),
            Self::Wanted(error) => wanted(error).to_owned(),
            Self::Allocator(error) => allocator(error),
        }
    }
}

/// What would help a Service that asks for addresses that make no sense.
pub(super) fn wanted(error: &WantedError) -> &'static str {
    match error {
        WantedError::Contradictory => {
            "remove spec.loadBalancerIP, or the annotation metallb.io/loadBalancerIPs of either prefix"
        }
        WantedError::InvalidAnnotation { .. } | WantedError::Addresses(_) => {
            "make metallb.io/loadBalancerIPs one IPv4 address, one IPv6 address, or one of each with a comma between"
        }
        WantedError::InvalidField { .. } => {
            "make spec.loadBalancerIP an IPv4 or IPv6 address, or remove it"
        }
    }
}

fn allocator(error: &AllocError<ServiceKey>) -> String {
    match error {
        AllocError::NoPools => "create an IPAddressPool".to_owned(),
        AllocError::UnknownPool { pool } => {
            format!(
                "create the IPAddressPool {pool}, or correct the annotation metallb.io/address-pool"
            )
        }
        AllocError::WantedFamilies { families, .. } => {
            format!("ask for addresses that are {families}, as the ClusterIPs are")
        }
        AllocError::WantedOutsidePool { pool, .. } => {
            format!("remove the annotation metallb.io/address-pool, or make it {pool}")
        }
        AllocError::Refused(refusal) => refused(refusal),
        AllocError::Exhausted {
            tried, passed_over, ..
        } => exhausted(tried, passed_over),
        // The allocator may learn to say more; its own words are all there is then.
        _ => "correct what the Service asks for".to_owned(),
    }
}

fn refused(refusal: &Refusal<ServiceKey>) -> String {
    match refusal {
        Refusal::Lookup(LookupError::NoPool { address }) => {
            format!("add {address} to an IPAddressPool, or ask for an address that is in one")
        }
        Refusal::Lookup(LookupError::TwoPools {
            first_pool,
            second_pool,
            ..
        }) => {
            format!("ask for two addresses of {first_pool}, or two of {second_pool}")
        }
        Refusal::Lookup(LookupError::Avoided { pool, .. }) => {
            format!("ask for another address, or turn avoidBuggyIPs of {pool} off")
        }
        Refusal::NotAdmitted { pool } => {
            format!(
                "make serviceAllocation of {pool} match the Service's namespace and labels, or ask for another pool"
            )
        }
        Refusal::Disabled { pool } => format!(
            "ask for another pool, or remove the annotation {DISABLED} from IPAddressPool {pool}"
        ),
        Refusal::Excluded { address, pool } => format!(
            "ask for another address, or take {address} out of the annotation {EXCLUDED_ADDRESSES} of IPAddressPool \
             {pool}"
        ),
        Refusal::Reserved { reservation, .. } => format!(
            "ask for another address, or make IPReservation {reservation} select the Service"
        ),
        Refusal::Conflict(conflict) => share(conflict),
        _ => "ask for another address or pool".to_owned(),
    }
}

fn share(conflict: &Conflict<ServiceKey>) -> String {
    let holder = &conflict.holder;
    match &conflict.cause {
        ConflictCause::RequestHasNoKey { holder: key } => {
            format!(
                "add the annotation metallb.io/allow-shared-ip: {key}, or ask for another address"
            )
        }
        ConflictCause::NoKeys
        | ConflictCause::HolderHasNoKey
        | ConflictCause::DifferentKeys { .. } => {
            format!(
                "give {holder} and this Service the same metallb.io/allow-shared-ip, or ask for another address"
            )
        }
        ConflictCause::DifferentBackends => format!(
            "give {holder} and this Service externalTrafficPolicy Cluster, or Local and the same selector, or ask for \
             another address"
        ),
        ConflictCause::Port { port } => {
            format!("move {port} of one of the two to another port, or ask for another address")
        }
        _ => "ask for another address".to_owned(),
    }
}

/// Pools that were tried come first: more addresses in the first of them is the nearest change.
fn exhausted(tried: &[Shortage], passed_over: &[PassedOver]) -> String {
    if let Some(first) = tried.first() {
        return shortage(first);
    }
    let by_name = passed_over
        .iter()
        .find(|passed| passed.cause == PassedOverCause::NotAutoAssigned);
    match (by_name, passed_over.first()) {
        (Some(PassedOver { pool, .. }), _) => {
            format!(
                "ask for pool {pool} with the annotation metallb.io/address-pool, or turn its autoAssign on"
            )
        }
        (None, Some(PassedOver { pool, cause, .. })) if *cause == PassedOverCause::Disabled => {
            format!(
                "remove the annotation {DISABLED} from IPAddressPool {pool}, or create another pool"
            )
        }
        (None, Some(PassedOver { pool, .. })) => {
            format!(
                "make serviceAllocation of {pool} match the Service's namespace and labels, or create another pool"
            )
        }
        (None, None) => "create an IPAddressPool".to_owned(),
    }
}

/// What would help a Service for which a pool has no address.
pub(super) fn shortage(shortage: &Shortage) -> String {
    let Shortage {
        pool,
        family,
        cause,
        ..
    } = shortage;
    match cause {
        ShortageCause::Full { usable, reserved } if usable == reserved => format!(
            "add {family} addresses to pool {pool}, or make an IPReservation of it select the Service"
        ),
        ShortageCause::Full { .. } | ShortageCause::Reserved { .. } => {
            format!("add {family} addresses to pool {pool}, or free one that is in use")
        }
        ShortageCause::Excluded => {
            format!(
                "take {family} addresses of pool {pool} out of its annotation {EXCLUDED_ADDRESSES}"
            )
        }
        _ => format!("add {family} addresses to pool {pool}"),
    }
}
