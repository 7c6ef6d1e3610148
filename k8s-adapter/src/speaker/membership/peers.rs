//! Where the other speakers are to be found.

use std::collections::BTreeSet;
use std::fmt;
use std::future::pending;
use std::net::IpAddr;

use kube::Client;
use tokio::sync::watch;

use crate::source::kube::Pods;

/// By what the other speakers are found.
pub(in crate::speaker) enum Peers {
    /// By the labels of their pods.
    Pods {
        /// The way to the API server.
        client: Client,
        /// Our own namespace.
        namespace: String,
        /// The labels, as a selector.
        labels: String,
    },
    /// By the addresses of the Nodes, which whoever reads them tells.
    Nodes,
}

/// What a [`Membership`](super::Membership) is told of the Nodes.
type Nodes = watch::Sender<Option<BTreeSet<IpAddr>>>;

impl Peers {
    /// Where to tell of the Nodes, if anybody need know, and who finds the others.
    pub(super) fn connect(self) -> (Option<Nodes>, Finder) {
        match self {
            Self::Pods {
                client,
                namespace,
                labels,
            } => {
                let pods = Pods::follow(client, &namespace, labels.clone());
                (None, Finder::Pods { pods, labels })
            }
            Self::Nodes => {
                let (tell, nodes) = watch::channel(None);
                (Some(tell), Finder::Nodes(nodes))
            }
        }
    }
}

/// Finds the other speakers, and follows where they are.
pub(super) enum Finder {
    Pods { pods: Pods, labels: String },
    Nodes(watch::Receiver<Option<BTreeSet<IpAddr>>>),
}

impl Finder {
    /// Where the others are now, or why that is not known: what was known before stays true then. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Result<BTreeSet<IpAddr>, String> {
        match self {
            Self::Pods { pods, labels } => pods.changed().await.map_err(|why| {
                format!("the pods with the labels {labels:?} (--ml-labels) cannot be read: {why}")
            }),
            Self::Nodes(nodes) => loop {
                if nodes.changed().await.is_err() {
                    pending::<()>().await;
                }
                if let Some(addresses) = nodes.borrow_and_update().clone() {
                    return Ok(addresses);
                }
            },
        }
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods { labels, .. } => f.debug_tuple("Pods").field(labels).finish(),
            Self::Nodes => f.write_str("Nodes"),
        }
    }
}
