//! `IPReservation`: addresses that are kept for certain Services, whether those are there or not. FerroLB's own.
#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats the type within a function"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, LabelSelector};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;

/// The desired state of an IPReservation: which addresses, and for whom.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "ferrolb.io",
    version = "v1alpha1",
    kind = "IPReservation",
    plural = "ipreservations",
    namespaced,
    status = "IPReservationStatus",
    derive = "PartialEq",
    doc = "Addresses of IPAddressPools that are kept for certain Services, so that nobody else gets them, neither by \
        chance nor by asking for them, even while those Services do not exist. A Service that has such an address \
        already keeps it as long as it lives.",
    printcolumn(name = "Addresses", type_ = "string", json_path = ".status.addresses"),
    printcolumn(
        name = "Reserved",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Reserved")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Reserved")].reason"#
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = rules::one_way_to_reserve())]
#[x_kube(validation = rules::pool_and_families_with_count())]
#[x_kube(validation = rules::one_kind_of_holder())]
#[x_kube(validation = rules::namespaces_with_selector())]
pub struct IPReservationSpec {
    /// The addresses, each of them in an IPAddressPool. Either these or `count`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "rules::reserved_addresses")]
    pub addresses: Vec<String>,
    /// How many addresses of each family to keep; which ones is chosen once, those that the Services have already
    /// first, and recorded in the status. Needs `pool`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 256))]
    pub count: Option<u32>,
    /// The IPAddressPool that `count` addresses are from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub pool: Option<String>,
    /// The families that `count` addresses each are of; absent: all that the pool has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 2),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub ip_families: Vec<IpFamily>,
    /// The Service that the addresses are kept for. Either this or `serviceSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceReference>,
    /// The labels of the Services that the addresses are kept for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_selector: Option<LabelSelector>,
    /// The namespaces of the Services that `serviceSelector` selects; absent: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(min = 1, max = 256),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub namespaces: Vec<String>,
}

/// A family of addresses, as a Service spells it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpFamily {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// A Service by its name. It need not exist.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceReference {
    /// Its namespace.
    #[schemars(length(min = 1))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
}

/// What is reserved, and who uses it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq)]
pub struct IPReservationStatus {
    /// The addresses that are kept, in the order in which they are handed out. With `count` this is the record of
    /// which they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<String>,
    /// Who has which of them, by address and Service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<ReservationUser>,
    /// `Reserved`: whether all that is asked for is kept for the Services, and if not, why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    pub conditions: Vec<Condition>,
}

/// A Service that has a reserved address.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
pub struct ReservationUser {
    /// The address.
    pub address: String,
    /// Who has it.
    pub service: ServiceReference,
}
