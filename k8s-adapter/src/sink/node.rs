//! Asks a node to let go of what it announces, and looks at what it still announces.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use k8s_openapi::api::core::v1::Node;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use planner::node::DRAIN;
use serde_json::{Value, json};

use super::patch::NODE;
use crate::crd::{ServiceBGPStatus, ServiceL2Status};

/// What a node is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// To lead traffic away and let go of everything.
    Drain,
    /// To announce again what it can.
    Stay,
}

impl Request {
    /// The annotations of a Node that ask for it, as a merge patch (RFC 7386).
    fn patch(self) -> Value {
        let value = match self {
            Self::Drain => Value::from("true"),
            Self::Stay => Value::Null,
        };
        json!({"metadata": {"annotations": {DRAIN: value}}})
    }
}

/// Asks a node. Returns when the API server has taken the request, not when the node has heard of it.
///
/// # Errors
/// There is no such Node, or the API server does not take the change.
pub async fn ask(client: &Client, node: &str, request: Request) -> Result<(), kube::Error> {
    let nodes: Api<Node> = Api::all(client.clone());
    let parameters = PatchParams::default();
    let patch = Patch::Merge(request.patch());
    nodes.patch_metadata(node, &parameters, &patch).await?;
    Ok(())
}

/// What a node announces, as its status objects say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Announced {
    /// The peers that hold a prefix of each Service.
    pub bgp: BTreeMap<String, BTreeSet<String>>,
    /// The Services that it answers for on the link.
    pub layer2: BTreeSet<String>,
}

impl Announced {
    /// Looks at the status objects of `node` in FerroLB's own `namespace`.
    ///
    /// # Errors
    /// They cannot be listed.
    pub async fn by(client: &Client, namespace: &str, node: &str) -> Result<Self, kube::Error> {
        let own = ListParams::default().labels(&format!("{NODE}={node}"));
        let bgp: Api<ServiceBGPStatus> = Api::namespaced(client.clone(), namespace);
        let layer2: Api<ServiceL2Status> = Api::namespaced(client.clone(), namespace);
        let bgp = bgp.list(&own).await?.items.into_iter();
        let bgp = bgp.filter_map(|object| object.status).map(|status| {
            let service = format!("{}/{}", status.service_namespace, status.service_name);
            (service, status.peers.into_iter().collect())
        });
        let layer2 = layer2.list(&own).await?.items.into_iter();
        let layer2 = layer2
            .filter_map(|object| object.status)
            .map(|status| format!("{}/{}", status.service_namespace, status.service_name));
        Ok(Self {
            bgp: bgp.collect(),
            layer2: layer2.collect(),
        })
    }

    /// Whether that is nothing.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.bgp.is_empty() && self.layer2.is_empty()
    }
}

/// In plain words, with the first of each as an example.
impl fmt::Display for Announced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return f.write_str("nothing");
        }
        if let Some((service, peers)) = self.bgp.first_key_value() {
            let peers: Vec<&str> = peers.iter().map(String::as_str).collect();
            let (count, peers) = (Services(self.bgp.len()), peers.join(", "));
            write!(f, "{count} by BGP ({service} to {peers}")?;
            f.write_str(if self.bgp.len() > 1 { ", ...)" } else { ")" })?;
        }
        if !self.bgp.is_empty() && !self.layer2.is_empty() {
            f.write_str(", ")?;
        }
        if let Some(service) = self.layer2.first() {
            write!(f, "{} by layer 2 ({service}", Services(self.layer2.len()))?;
            f.write_str(if self.layer2.len() > 1 { ", ...)" } else { ")" })?;
        }
        Ok(())
    }
}

struct Services(usize);

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            1 => f.write_str("1 Service"),
            count => write!(f, "{count} Services"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_touches_one_annotation_and_takes_it_away_again() {
        let annotation =
            |patch: &Value| patch["metadata"]["annotations"]["ferrolb.io/drain"].clone();
        assert_eq!(annotation(&Request::Drain.patch()), json!("true"));
        assert_eq!(annotation(&Request::Stay.patch()), Value::Null);
        let whole = Request::Stay.patch();
        assert_eq!(whole["metadata"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn what_is_announced_is_told_in_words_with_examples() {
        assert_eq!(Announced::default().to_string(), "nothing");
        let peers: BTreeSet<String> = ["tor-a", "tor-b"].map(str::to_owned).into();
        let web = "default/web".to_owned();
        let mut announced = Announced {
            bgp: [(web.clone(), peers.clone())].into(),
            layer2: BTreeSet::new(),
        };
        assert_eq!(
            announced.to_string(),
            "1 Service by BGP (default/web to tor-a, tor-b)"
        );
        announced.bgp.insert("other/dns".to_owned(), peers);
        announced.layer2.insert(web);
        assert_eq!(
            announced.to_string(),
            "2 Services by BGP (default/web to tor-a, tor-b, ...), 1 Service by layer 2 (default/web)"
        );
    }
}
