//! Which kinds each process reads, and which objects of them.

use futures_util::stream::BoxStream;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::ServiceCIDR;
use kube::core::ApiResource;
use kube::{Api, Client, Resource};
use planner::effect::Component;

use super::document::{
    ConfigMapWire, CustomWire, Document, EndpointSliceWire, FrrConfigurationWire, NamespaceWire,
    NodeWire, SecretWire, ServiceCidrWire, ServiceWire, StatusWire, Wire,
};
use super::follow::{Followed, Presence, Selector, follow as follow_kind};
use super::store::{Change, Collection};
use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, BGPPolicy, BGPSession, Community, ConfigurationState,
    FRRConfiguration, IPAddressPool, IPReservation, L2Advertisement, ServiceBGPStatus,
    ServiceL2Status,
};
use crate::sink::patch::{NODE, component_name};
use crate::translate::Kind;

/// The kinds that a process reads.
pub(super) fn of(component: &Component) -> &'static [Kind] {
    match component {
        Component::Controller => CONTROLLER,
        Component::Speaker(_) => SPEAKER,
    }
}

/// Follows a kind.
pub(super) fn follow(
    kind: Kind,
    client: &Client,
    namespace: &str,
    component: &Component,
) -> BoxStream<'static, Box<dyn Change>> {
    let scope = Scope { client, namespace };
    match kind {
        Kind::BFDProfile => scope.own::<BFDProfile>(kind, |all| &mut all.bfd_profiles),
        Kind::BGPAdvertisement => {
            scope.own::<BGPAdvertisement>(kind, |all| &mut all.bgp_advertisements)
        }
        Kind::BGPPeer => scope.own::<BGPPeer>(kind, |all| &mut all.bgp_peers),
        Kind::BGPPolicy => scope.ferrolb::<BGPPolicy>(kind, |all| &mut all.bgp_policies),
        Kind::Community => scope.own::<Community>(kind, |all| &mut all.communities),
        Kind::ConfigurationState => follow_kind(Followed {
            kind,
            api: scope.namespaced::<CustomWire<ConfigurationState>, ConfigurationState>(),
            selector: states_for(component),
            collection: |all| &mut all.configuration_states,
            presence: Presence::Required,
        }),
        Kind::IPAddressPool => scope.own::<IPAddressPool>(kind, |all| &mut all.ip_address_pools),
        Kind::IPReservation => scope.ferrolb::<IPReservation>(kind, |all| &mut all.ip_reservations),
        Kind::L2Advertisement => {
            scope.own::<L2Advertisement>(kind, |all| &mut all.l2_advertisements)
        }
        // FerroLB's own: a cluster with MetalLB's kinds alone has none.
        Kind::BGPSession => follow_kind(Followed {
            kind,
            api: scope.namespaced::<StatusWire<BGPSession>, BGPSession>(),
            selector: of_node(component),
            collection: |all| &mut all.bgp_sessions,
            presence: Presence::Optional,
        }),
        Kind::ServiceBGPStatus => follow_kind(Followed {
            kind,
            api: scope.namespaced::<StatusWire<ServiceBGPStatus>, ServiceBGPStatus>(),
            selector: of_node(component),
            collection: |all| &mut all.service_bgp_statuses,
            presence: Presence::Required,
        }),
        Kind::ServiceL2Status => {
            let api = scope.namespaced::<StatusWire<ServiceL2Status>, ServiceL2Status>();
            everything(kind, api, |all| &mut all.service_l2_statuses)
        }
        Kind::ConfigMap => {
            let api = scope.namespaced::<ConfigMapWire, ConfigMap>();
            everything(kind, api, |all| &mut all.config_maps)
        }
        // That of frr-k8s, which need not be there.
        Kind::FRRConfiguration => follow_kind(Followed {
            kind,
            api: scope.all::<FrrConfigurationWire, FRRConfiguration>(),
            selector: Selector::All,
            collection: |all| &mut all.frr_configurations,
            presence: Presence::Optional,
        }),
        Kind::Secret => {
            let api = scope.namespaced::<SecretWire, Secret>();
            everything(kind, api, |all| &mut all.secrets)
        }
        Kind::EndpointSlice => {
            let api = scope.all::<EndpointSliceWire, EndpointSlice>();
            everything(kind, api, |all| &mut all.endpoint_slices)
        }
        Kind::Namespace => {
            let api = scope.all::<NamespaceWire, Namespace>();
            everything(kind, api, |all| &mut all.namespaces)
        }
        Kind::Node => {
            let api = scope.all::<NodeWire, Node>();
            everything(kind, api, |all| &mut all.nodes)
        }
        // Servers tell of their ranges since Kubernetes 1.33.
        Kind::ServiceCIDR => follow_kind(Followed {
            kind,
            api: scope.all::<ServiceCidrWire, ServiceCIDR>(),
            selector: Selector::All,
            collection: |all| &mut all.service_cidrs,
            presence: Presence::Optional,
        }),
        Kind::Service => follow_kind(Followed {
            kind,
            api: scope.all::<ServiceWire, Service>(),
            selector: Selector::Fields("spec.type=LoadBalancer".to_owned()),
            collection: |all| &mut all.services,
            presence: Presence::Required,
        }),
    }
}

/// The ConfigurationStates that a process reads: a speaker its own, the controller also what speakers say of claims to
/// addresses.
fn states_for(component: &Component) -> Selector {
    match component {
        Component::Controller => Selector::All,
        Component::Speaker(_) => {
            Selector::Fields(format!("metadata.name={}", component_name(component)))
        }
    }
}

/// What is about a node: a speaker reads of its own alone.
fn of_node(component: &Component) -> Selector {
    match component {
        Component::Controller => Selector::All,
        Component::Speaker(node) => Selector::Labels(format!("{NODE}={node}")),
    }
}

fn everything<W: Wire>(
    kind: Kind,
    api: Api<Document<W>>,
    collection: Collection<W::Object>,
) -> BoxStream<'static, Box<dyn Change>> {
    follow_kind(Followed {
        kind,
        api,
        selector: Selector::All,
        collection,
        presence: Presence::Required,
    })
}

/// Whose objects are followed.
struct Scope<'a> {
    client: &'a Client,
    /// FerroLB's own namespace.
    namespace: &'a str,
}

impl Scope<'_> {
    /// The objects of a kind of ours: they count in the own namespace only.
    fn own<K>(&self, kind: Kind, collection: Collection<K>) -> BoxStream<'static, Box<dyn Change>>
    where
        CustomWire<K>: Wire<Object = K>,
        K: Resource<DynamicType = ()>,
    {
        everything(kind, self.namespaced::<CustomWire<K>, K>(), collection)
    }

    /// The objects of a kind that MetalLB does not have: a cluster with MetalLB's kinds alone has none.
    fn ferrolb<K>(
        &self,
        kind: Kind,
        collection: Collection<K>,
    ) -> BoxStream<'static, Box<dyn Change>>
    where
        CustomWire<K>: Wire<Object = K>,
        K: Resource<DynamicType = ()>,
    {
        follow_kind(Followed {
            kind,
            api: self.namespaced::<CustomWire<K>, K>(),
            selector: Selector::All,
            collection,
            presence: Presence::Optional,
        })
    }

    fn namespaced<W: Wire, K: Resource<DynamicType = ()>>(&self) -> Api<Document<W>> {
        let resource = ApiResource::erase::<K>(&());
        Api::namespaced_with(self.client.clone(), self.namespace, &resource)
    }

    fn all<W: Wire, K: Resource<DynamicType = ()>>(&self) -> Api<Document<W>> {
        Api::all_with(self.client.clone(), &ApiResource::erase::<K>(&()))
    }
}

const CONTROLLER: &[Kind] = &[
    Kind::BFDProfile,
    Kind::BGPAdvertisement,
    Kind::BGPPeer,
    Kind::BGPPolicy,
    Kind::BGPSession,
    Kind::Community,
    Kind::ConfigurationState,
    Kind::IPAddressPool,
    Kind::IPReservation,
    Kind::L2Advertisement,
    Kind::ServiceBGPStatus,
    Kind::ServiceL2Status,
    Kind::ConfigMap,
    Kind::EndpointSlice,
    Kind::FRRConfiguration,
    Kind::Namespace,
    Kind::Node,
    Kind::Secret,
    Kind::Service,
    Kind::ServiceCIDR,
];

const SPEAKER: &[Kind] = &[
    Kind::BFDProfile,
    Kind::BGPAdvertisement,
    Kind::BGPPeer,
    Kind::BGPPolicy,
    Kind::BGPSession,
    Kind::Community,
    Kind::ConfigurationState,
    Kind::IPAddressPool,
    Kind::L2Advertisement,
    Kind::ServiceBGPStatus,
    Kind::ServiceL2Status,
    Kind::ConfigMap,
    Kind::EndpointSlice,
    Kind::Namespace,
    Kind::Node,
    Kind::Secret,
    Kind::Service,
];
