//! The objects that a change is judged among, read from the API server at each question: what it answers is newer than
//! any copy, so that of two objects that are created one after the other the second is judged beside the first. It
//! costs nothing while nobody asks, and a replica that stands by needs to follow nothing.

use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, ListParams};
use kube::core::DynamicObject;
use kube::{Client, ResourceExt};

use super::kinds;
use super::server::Present;
use crate::translate::{self, ClusterObjects, Kind, Object, ObjectName};

/// Reads through a client.
pub(super) struct ApiServer {
    pub(super) client: Client,
    /// FerroLB's own namespace.
    pub(super) namespace: String,
}

impl Present for ApiServer {
    type Error = kube::Error;

    async fn beside(&self, kind: Kind) -> Result<ClusterObjects, kube::Error> {
        let mut present = ClusterObjects::default();
        let beside = kinds::beside(kind);
        for (kind, objects) in try_join_all(beside.iter().map(|kind| self.list(*kind))).await? {
            for object in objects {
                // What has not the form of its kind is not in force, so it is at odds with nothing.
                drop(kinds::put(kind, &object, &mut present));
            }
        }
        if kinds::needs_nodes(kind) {
            self.nodes(&mut present).await?;
        }
        Ok(present)
    }
}

impl ApiServer {
    async fn list(&self, kind: Kind) -> Result<(Kind, Vec<DynamicObject>), kube::Error> {
        let Some(resource) = kinds::resource(kind) else {
            return Ok((kind, Vec::new()));
        };
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &resource);
        Ok((kind, api.list(&ListParams::default()).await?.items))
    }

    /// Of Nodes only their labels are asked for, and not of all at once: there may be many.
    async fn nodes(&self, present: &mut ClusterObjects) -> Result<(), kube::Error> {
        let api: Api<Node> = Api::all(self.client.clone());
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let nodes = api.list_metadata(&page).await?;
            for item in nodes.items {
                let name = ObjectName::new("", item.name_any());
                let node = Node {
                    metadata: item.metadata,
                    ..Node::default()
                };
                present
                    .nodes
                    .insert(name, Object::new(translate::node(&node)));
            }
            let Some(rest) = nodes.metadata.continue_.filter(|token| !token.is_empty()) else {
                return Ok(());
            };
            page = page.continue_token(&rest);
        }
    }
}

/// Nodes in one answer.
const PAGE: u32 = 500;
