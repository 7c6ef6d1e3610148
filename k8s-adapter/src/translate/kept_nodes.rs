//! Nodes of files, each as it was read last: one whose file cannot be read any more stays as it was, as configuration
//! does, for a process that is started then too.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipam::IpRange;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use planner::effect::LastGoodVersions;
use planner::node::{DRAIN, Network, Node};
use serde::{Deserialize, Serialize};

use super::error::{Kind, ObjectName, ObjectRef};
use super::last_good::Held;
use super::objects::{ClusterObjects, Object};
use super::stored::{self, Identity};

/// The last good version of each Node that is from a file.
#[derive(Debug, Default)]
pub(super) struct KeptNodes {
    versions: BTreeMap<ObjectName, (Identity, Arc<Node>)>,
}

impl KeptNodes {
    /// Takes versions of an earlier process for its own.
    pub(super) fn restore(&mut self, versions: &LastGoodVersions) {
        let stored = stored::of_kind::<StoredNode>(versions, Kind::Node, &Arc::from(""));
        self.versions = stored
            .into_iter()
            .map(|(name, identity, node)| (name, (identity, Arc::new(node.into()))))
            .collect();
    }

    /// The objects together with the Nodes that the source could not read, and which these are; `None` if there is none.
    /// A Node that is gone otherwise is forgotten.
    pub(super) fn lay_over(
        &mut self,
        objects: &ClusterObjects,
    ) -> Option<(ClusterObjects, Vec<Held>)> {
        for (name, object) in &objects.nodes {
            // Nobody breaks one on an API server.
            if object.origin.is_none() {
                break;
            }
            let version = (Identity::of(object), Arc::clone(&object.value));
            self.versions.insert(name.clone(), version);
        }
        self.versions.retain(|name, (identity, _)| {
            let mut errors = objects.errors.iter();
            objects.nodes.get(name).is_some()
                || errors.any(|error| error.may_be_about(Kind::Node, name, identity))
        });
        let absent = self.versions.iter();
        let absent = absent.filter(|(name, _)| objects.nodes.get(name).is_none());
        let mut with_kept = None;
        for (name, (identity, node)) in absent {
            let (objects, kept) = with_kept.get_or_insert_with(|| (objects.clone(), Vec::new()));
            let node = Object::new(Arc::clone(node));
            objects.nodes.insert(name.clone(), node);
            let id = ObjectRef::new(Kind::Node, name.clone());
            kept.push((id, identity.clone()));
        }
        with_kept
    }

    /// Adds all versions to `versions`.
    pub(super) fn store(&self, versions: &mut LastGoodVersions) {
        for (name, (identity, node)) in &self.versions {
            let StoredNode { metadata, spec } = StoredNode::from(&**node);
            // Our own types always have a JSON form.
            if let Ok(spec) = serde_json::to_value(spec) {
                let id = (Kind::Node, &*name.name);
                stored::add(versions, id, identity, &metadata, spec);
            }
        }
    }
}

/// A Node as it is written down: what the decisions need of it.
#[derive(Deserialize)]
struct StoredNode {
    metadata: ObjectMeta,
    spec: StoredSpec,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredSpec {
    network_unavailable: bool,
    addresses: Vec<IpAddr>,
    pod_ranges: Vec<String>,
}

impl From<&Node> for StoredNode {
    fn from(node: &Node) -> Self {
        let draining = node.is_draining.then(|| (DRAIN.to_owned(), String::new()));
        Self {
            metadata: ObjectMeta {
                labels: Some(node.labels.clone()),
                annotations: Some(draining.into_iter().collect()),
                ..ObjectMeta::default()
            },
            spec: StoredSpec {
                network_unavailable: node.network == Network::Unavailable,
                addresses: node.addresses.clone(),
                pod_ranges: node.pod_ranges.iter().map(IpRange::to_string).collect(),
            },
        }
    }
}

impl From<StoredNode> for Node {
    fn from(StoredNode { metadata, spec }: StoredNode) -> Self {
        let ranges = spec.pod_ranges.iter();
        Self {
            labels: metadata.labels.unwrap_or_default(),
            network: match spec.network_unavailable {
                true => Network::Unavailable,
                false => Network::Available,
            },
            is_draining: metadata
                .annotations
                .is_some_and(|annotations| annotations.contains_key(DRAIN)),
            addresses: spec.addresses,
            pod_ranges: ranges.filter_map(|text| text.parse().ok()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::translate::{ConfigError, ErrorEffect, Origin, Reason};

    fn origin(file: &str) -> Origin {
        Origin {
            file: Arc::new(PathBuf::from(file)),
            document: 1,
            line: None,
        }
    }

    fn name() -> ObjectName {
        ObjectName::new("", "n1")
    }

    fn node() -> Node {
        Node {
            labels: [("rack".to_owned(), "a".to_owned())].into(),
            network: Network::Unavailable,
            is_draining: true,
            addresses: vec!["192.0.2.1".parse().unwrap()],
            pod_ranges: vec!["10.244.1.0/24".parse().unwrap()],
        }
    }

    /// A folder whose file `node.yaml` holds a Node.
    fn good() -> ClusterObjects {
        let mut objects = ClusterObjects::default();
        let object = Object::from_file(Arc::new(node()), origin("node.yaml"));
        objects.nodes.insert(name(), object);
        objects
    }

    /// One in which a file cannot be read.
    fn broken(file: &str) -> ClusterObjects {
        let error = ConfigError {
            object: None,
            field: String::new(),
            reason: Reason::Unreadable("no YAML".to_owned()),
            origin: Some(origin(file)),
            effect: ErrorEffect::OutOfForce,
        };
        ClusterObjects {
            errors: vec![error],
            ..ClusterObjects::default()
        }
    }

    fn stored(nodes: &KeptNodes) -> LastGoodVersions {
        let mut versions = LastGoodVersions::default();
        nodes.store(&mut versions);
        versions
    }

    #[test]
    fn a_node_whose_file_cannot_be_read_stays_as_it_was_in_a_later_process_too() {
        let mut nodes = KeptNodes::default();
        assert!(nodes.lay_over(&good()).is_none());
        let mut later = KeptNodes::default();
        later.restore(&stored(&nodes));
        for mut whichever in [nodes, later] {
            let (objects, kept) = whichever.lay_over(&broken("node.yaml")).unwrap();
            assert_eq!(**objects.nodes.get(&name()).unwrap(), node());
            assert_eq!(kept[0].0.to_string(), "Node n1");
            assert_eq!(stored(&whichever).0.len(), 1);
        }
    }

    #[test]
    fn a_node_that_is_gone_has_no_last_good_version() {
        for objects in [ClusterObjects::default(), broken("other.yaml")] {
            let mut nodes = KeptNodes::default();
            nodes.lay_over(&good());
            assert!(nodes.lay_over(&objects).is_none());
            assert!(stored(&nodes).0.is_empty());
        }
    }

    #[test]
    fn a_node_of_an_api_server_is_not_written_down() {
        let mut objects = ClusterObjects::default();
        objects.nodes.insert(name(), Object::new(Arc::new(node())));
        let mut nodes = KeptNodes::default();
        nodes.lay_over(&objects);
        assert!(stored(&nodes).0.is_empty());
    }
}
