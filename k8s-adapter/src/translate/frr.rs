//! Configuration of FRR, which is not honoured, as there is no FRR here (compat/metallb.md 1.10, 1.12, 12 #12): it is
//! said of each object, lest somebody relies on it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::error::{ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Origin, Reason};
use super::objects::ClusterObjects;
use crate::crd::FRRConfiguration;

/// What is not honoured, in `namespace` and, of frr-k8s, anywhere.
pub(super) fn rejections<'a>(
    objects: &'a ClusterObjects,
    namespace: &Arc<str>,
) -> impl Iterator<Item = ConfigError> + 'a {
    let extras = ObjectName::new(Arc::clone(namespace), BGP_EXTRAS);
    let extras = raw_text(objects, &extras).map(|origin| {
        rejection(
            Kind::ConfigMap,
            &extras,
            origin,
            Reason::RawFrrConfiguration,
        )
    });
    let configurations = objects.frr_configurations.iter();
    let configurations = configurations.filter(|(name, object)| !is_generated(name, &object.value));
    let configurations = configurations.map(|(name, object)| {
        let raw = object.value.spec.raw.as_ref();
        let reason = match raw.filter(|raw| !raw.raw_config.trim().is_empty()) {
            Some(_) => Reason::RawFrrConfiguration,
            None => Reason::FrrConfiguration,
        };
        rejection(Kind::FRRConfiguration, name, object.origin.as_ref(), reason)
    });
    extras.into_iter().chain(configurations)
}

/// Where the ConfigMap with raw configuration is from, if it has any.
fn raw_text<'a>(objects: &'a ClusterObjects, name: &ObjectName) -> Option<Option<&'a Origin>> {
    let object = objects.config_maps.entry(name)?;
    let extras = object.value.data.as_ref()?.get("extras")?;
    (!extras.trim().is_empty()).then_some(object.origin.as_ref())
}

/// Whether it is one of those that MetalLB itself wrote of its own objects, one for each node.
fn is_generated(name: &ObjectName, object: &FRRConfiguration) -> bool {
    let Some(node) = name.name.strip_prefix("metallb-") else {
        return false;
    };
    let of_node = BTreeMap::from([(HOSTNAME.to_owned(), node.to_owned())]);
    let selector = object.spec.node_selector.as_ref();
    selector.is_some_and(|selector| selector.match_labels.as_ref() == Some(&of_node))
}

fn rejection(
    kind: Kind,
    name: &ObjectName,
    origin: Option<&Origin>,
    reason: Reason,
) -> ConfigError {
    let field = match (kind, &reason) {
        (Kind::ConfigMap, _) => "data.extras",
        (_, Reason::RawFrrConfiguration) => "spec.raw",
        _ => "",
    };
    ConfigError {
        object: Some(ObjectRef::new(kind, name.clone())),
        field: field.to_owned(),
        reason,
        origin: origin.cloned(),
        effect: ErrorEffect::OutOfForce,
    }
}

const BGP_EXTRAS: &str = "bgpextras";
const HOSTNAME: &str = "kubernetes.io/hostname";

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::ConfigMap;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

    use super::*;
    use crate::crd::{FRRConfigurationSpec, RawConfiguration};
    use crate::translate::Object;

    fn said(objects: &ClusterObjects) -> Vec<String> {
        let errors = rejections(objects, &"metallb-system".into());
        errors.map(|error| error.to_string()).collect()
    }

    fn with(name: &str, spec: FRRConfigurationSpec) -> ClusterObjects {
        let mut objects = ClusterObjects::default();
        let object = FRRConfiguration::new(name, spec);
        let name = ObjectName::new("frr-k8s-system", name);
        objects.frr_configurations.insert(name, Object::new(object));
        objects
    }

    #[test]
    fn every_frr_configuration_is_reported() {
        assert_eq!(
            said(&with("extra", FRRConfigurationSpec::default())),
            [
                "FRRConfiguration frr-k8s-system/extra: not honoured: there is no FRR here; BGPPeer and \
              BGPAdvertisement configure sessions; not in force"
            ]
        );
    }

    #[test]
    fn raw_configuration_is_rejected() {
        let raw_config = "log stdout".to_owned();
        let raw = Some(RawConfiguration { raw_config });
        let spec = FRRConfigurationSpec {
            raw,
            ..FRRConfigurationSpec::default()
        };
        assert_eq!(
            said(&with("extra", spec)),
            [
                "FRRConfiguration frr-k8s-system/extra: spec.raw: raw FRR configuration cannot be honoured: there is \
              no FRR here; not in force"
            ]
        );
    }

    #[test]
    fn what_metallb_wrote_itself_is_no_news() {
        let of = |node: &str| FRRConfigurationSpec {
            node_selector: Some(LabelSelector {
                match_labels: Some([(HOSTNAME.to_owned(), node.to_owned())].into()),
                match_expressions: None,
            }),
            raw: None,
        };
        assert!(said(&with("metallb-node-a", of("node-a"))).is_empty());
        assert_eq!(said(&with("metallb-node-a", of("node-b"))).len(), 1);
        assert_eq!(said(&with("node-a", of("node-a"))).len(), 1);
    }

    #[test]
    fn extras_without_text_are_nothing() {
        for (text, expected) in [("", 0), (" \n", 0), ("log stdout", 1)] {
            let mut objects = ClusterObjects::default();
            let config_map = ConfigMap {
                data: Some([("extras".to_owned(), text.to_owned())].into()),
                ..ConfigMap::default()
            };
            let name = ObjectName::new("metallb-system", BGP_EXTRAS);
            objects.config_maps.insert(name, Object::new(config_map));
            assert_eq!(said(&objects).len(), expected, "{text:?}");
        }
    }
}
