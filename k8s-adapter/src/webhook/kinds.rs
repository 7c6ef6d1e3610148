//! The kinds that are judged: what each may be at odds with, and how an object gets among the others.

use kube::core::{ApiResource, DynamicObject};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::conversion::{V1BETA2, convert_object};
use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
};
use crate::source::object::{TypeFault, ours};
use crate::translate::{ClusterObjects, Kind, Object, ObjectName, ObjectRef, Reason};

/// The kind of that name, if it is judged.
pub(super) fn kind(name: &str) -> Option<Kind> {
    JUDGED.into_iter().find(|kind| kind.as_str() == name)
}

/// The kinds whose objects decide whether one of this kind is at fault, or suffer when it changes.
pub(super) fn beside(kind: Kind) -> &'static [Kind] {
    match kind {
        Kind::IPAddressPool | Kind::BGPAdvertisement | Kind::Community => {
            &[Kind::IPAddressPool, Kind::Community, Kind::BGPAdvertisement]
        }
        Kind::BGPPeer | Kind::BFDProfile => &[Kind::BFDProfile, Kind::BGPPeer],
        Kind::L2Advertisement => &[Kind::L2Advertisement],
        _ => &[],
    }
}

/// Whether it matters to objects of the kind which nodes there are.
pub(super) fn needs_nodes(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::IPAddressPool | Kind::BGPAdvertisement | Kind::Community | Kind::BGPPeer
    )
}

/// How objects of a kind are asked for.
pub(super) fn resource(kind: Kind) -> Option<ApiResource> {
    match kind {
        Kind::BFDProfile => Some(ApiResource::erase::<BFDProfile>(&())),
        Kind::BGPAdvertisement => Some(ApiResource::erase::<BGPAdvertisement>(&())),
        Kind::BGPPeer => Some(ApiResource::erase::<BGPPeer>(&())),
        Kind::Community => Some(ApiResource::erase::<Community>(&())),
        Kind::IPAddressPool => Some(ApiResource::erase::<IPAddressPool>(&())),
        Kind::L2Advertisement => Some(ApiResource::erase::<L2Advertisement>(&())),
        _ => None,
    }
}

/// Puts an object among the others, in place of an earlier version of it.
pub(super) fn put(
    kind: Kind,
    object: &DynamicObject,
    objects: &mut ClusterObjects,
) -> Result<ObjectRef, Vec<TypeFault>> {
    let metadata = &object.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let name = ObjectName::new(text(&metadata.namespace), text(&metadata.name));
    let mut document = serde_json::to_value(object).map_err(unreadable)?;
    // An API server asks about the version that it was sent, where its configuration says so.
    if kind == Kind::BGPPeer {
        document = convert_object(document, V1BETA2).map_err(unreadable)?;
    }
    let id = ObjectRef::new(kind, name.clone());
    match kind {
        Kind::BFDProfile => objects.bfd_profiles.insert(name, read(document)?),
        Kind::BGPAdvertisement => objects.bgp_advertisements.insert(name, read(document)?),
        Kind::BGPPeer => objects.bgp_peers.insert(name, read(document)?),
        Kind::Community => objects.communities.insert(name, read(document)?),
        Kind::IPAddressPool => objects.ip_address_pools.insert(name, read(document)?),
        Kind::L2Advertisement => objects.l2_advertisements.insert(name, read(document)?),
        _ => {}
    }
    Ok(id)
}

fn read<K: DeserializeOwned>(document: Value) -> Result<Object<K>, Vec<TypeFault>> {
    Ok(Object::new(ours::<K>(document)?))
}

fn unreadable(error: impl std::error::Error) -> Vec<TypeFault> {
    vec![TypeFault {
        field: String::new(),
        reason: Reason::Unreadable(error.to_string()),
    }]
}

const JUDGED: [Kind; 6] = [
    Kind::BFDProfile,
    Kind::BGPAdvertisement,
    Kind::BGPPeer,
    Kind::Community,
    Kind::IPAddressPool,
    Kind::L2Advertisement,
];
