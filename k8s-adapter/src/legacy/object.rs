//! A configuration object of any of the kinds that something is converted to.

use std::sync::Arc;

use kube::ResourceExt;
use kube::core::object::HasSpec;
use serde::{Serialize, Serializer};

use crate::crd::{
    BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
};
use crate::translate::{ClusterObjects, Kind, Object, ObjectName, ObjectRef, Objects, Origin};

/// A configuration object. Serialized, it is that object.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigObject {
    /// BFDProfile.
    BFDProfile(Arc<BFDProfile>),
    /// BGPAdvertisement.
    BGPAdvertisement(Arc<BGPAdvertisement>),
    /// BGPPeer.
    BGPPeer(Arc<BGPPeer>),
    /// Community.
    Community(Arc<Community>),
    /// IPAddressPool.
    IPAddressPool(Arc<IPAddressPool>),
    /// L2Advertisement.
    L2Advertisement(Arc<L2Advertisement>),
}

/// What there was at the place of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing: the object is there now.
    Free,
    /// An object that says the same.
    Same,
    /// An object that says something else.
    Taken,
}

impl ConfigObject {
    /// Which object it is.
    #[must_use]
    pub fn id(&self) -> ObjectRef {
        match self {
            Self::BFDProfile(object) => id(Kind::BFDProfile, object.as_ref()),
            Self::BGPAdvertisement(object) => id(Kind::BGPAdvertisement, object.as_ref()),
            Self::BGPPeer(object) => id(Kind::BGPPeer, object.as_ref()),
            Self::Community(object) => id(Kind::Community, object.as_ref()),
            Self::IPAddressPool(object) => id(Kind::IPAddressPool, object.as_ref()),
            Self::L2Advertisement(object) => id(Kind::L2Advertisement, object.as_ref()),
        }
    }

    /// Adds the object to `objects`, unless there is one of its name.
    pub(super) fn settle(&self, objects: &mut ClusterObjects, origin: Option<Origin>) -> Place {
        match self {
            Self::BFDProfile(object) => settle(object, &mut objects.bfd_profiles, origin),
            Self::BGPAdvertisement(object) => {
                settle(object, &mut objects.bgp_advertisements, origin)
            }
            Self::BGPPeer(object) => settle(object, &mut objects.bgp_peers, origin),
            Self::Community(object) => settle(object, &mut objects.communities, origin),
            Self::IPAddressPool(object) => settle(object, &mut objects.ip_address_pools, origin),
            Self::L2Advertisement(object) => settle(object, &mut objects.l2_advertisements, origin),
        }
    }
}

impl Serialize for ConfigObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::BFDProfile(object) => object.serialize(serializer),
            Self::BGPAdvertisement(object) => object.serialize(serializer),
            Self::BGPPeer(object) => object.serialize(serializer),
            Self::Community(object) => object.serialize(serializer),
            Self::IPAddressPool(object) => object.serialize(serializer),
            Self::L2Advertisement(object) => object.serialize(serializer),
        }
    }
}

fn id(kind: Kind, object: &impl ResourceExt) -> ObjectRef {
    ObjectRef::new(kind, name(object))
}

fn name(object: &impl ResourceExt) -> ObjectName {
    ObjectName::new(object.namespace().unwrap_or_default(), object.name_any())
}

fn settle<K>(object: &Arc<K>, objects: &mut Objects<K>, origin: Option<Origin>) -> Place
where
    K: ResourceExt + HasSpec<Spec: PartialEq> + PartialEq,
{
    let name = name(object.as_ref());
    match objects.get(&name) {
        None => {
            let value = Arc::clone(object);
            let stamp = None;
            objects.insert(
                name,
                Object {
                    value,
                    origin,
                    stamp,
                },
            );
            Place::Free
        }
        Some(there) if there.spec() == object.spec() => Place::Same,
        Some(_) => Place::Taken,
    }
}
