//! What objects refer to and is not there, put in its place, so that they can be judged as if it were.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::crd::{Community, CommunityAlias, CommunitySpec};
use crate::translate::{ClusterObjects, Object, ObjectName};

/// Gives every peer that takes its password from a Secret one with a password in it. The real ones need not be known.
pub(super) fn assume_secrets(objects: &mut ClusterObjects) {
    for (peer, object) in &objects.bgp_peers {
        let Some(reference) = &object.value.spec.password_secret else {
            continue;
        };
        let password = ByteString(b"password".to_vec());
        let secret = Secret {
            type_: Some("kubernetes.io/basic-auth".to_owned()),
            data: Some(BTreeMap::from([("password".to_owned(), password)])),
            ..Secret::default()
        };
        let name = ObjectName::new(peer.namespace.clone(), reference.name.as_str());
        objects.secrets.insert(name, Object::new(secret));
    }
}

/// Gives every alias that an advertisement names and no Community has a community to stand for.
pub(super) fn assume_aliases(objects: &mut ClusterObjects) {
    let defined = objects.communities.values();
    let defined: BTreeSet<&str> = defined
        .flat_map(|object| &object.spec.communities)
        .map(|alias| alias.name.as_str())
        .collect();
    let named = objects
        .bgp_advertisements
        .iter()
        .flat_map(|(advertisement, object)| {
            let names = object.value.spec.communities.iter();
            names.map(|name| (advertisement.namespace.clone(), name))
        });
    let missing: Vec<_> = named
        .filter(|(_, name)| !name.contains(':') && !defined.contains(name.as_str()))
        .map(|(namespace, name)| (namespace, name.clone()))
        .collect();
    for (namespace, name) in missing {
        let alias = CommunityAlias {
            name: name.clone(),
            value: "0:0".to_owned(),
        };
        let spec = CommunitySpec {
            communities: vec![alias],
        };
        // No real object can have a name with this sign in it.
        let object_name = format!("*{name}");
        objects.communities.insert(
            ObjectName::new(namespace, object_name.as_str()),
            Object::new(Community::new(&object_name, spec)),
        );
    }
}
