//! Where the other speakers are to be found.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::pending;
use std::net::IpAddr;

use futures_util::stream::{BoxStream, StreamExt};
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

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
            } => (None, Finder::Pods(Pods::new(client, &namespace, labels))),
            Self::Nodes => {
                let (tell, nodes) = watch::channel(None);
                (Some(tell), Finder::Nodes(nodes))
            }
        }
    }
}

/// Finds the other speakers, and follows where they are.
pub(super) enum Finder {
    Pods(Pods),
    Nodes(watch::Receiver<Option<BTreeSet<IpAddr>>>),
}

impl Finder {
    /// Where the others are now, or why that is not known: what was known before stays true then. Cancel-safe.
    pub(super) async fn changed(&mut self) -> Result<BTreeSet<IpAddr>, String> {
        match self {
            Self::Pods(pods) => pods.changed().await,
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

/// The pods with some labels.
pub(super) struct Pods {
    events: BoxStream<'static, watcher::Result<Event<Pod>>>,
    selector: String,
    /// The addresses of each, by its name.
    found: BTreeMap<String, Vec<IpAddr>>,
    /// The list that is being read.
    list: Option<BTreeMap<String, Vec<IpAddr>>>,
}

impl Pods {
    fn new(client: Client, namespace: &str, labels: String) -> Self {
        let config = watcher::Config::default().labels(&labels);
        let api: Api<Pod> = Api::namespaced(client, namespace);
        Self {
            events: watcher(api, config).default_backoff().boxed(),
            selector: labels,
            found: BTreeMap::new(),
            list: None,
        }
    }

    async fn changed(&mut self) -> Result<BTreeSet<IpAddr>, String> {
        loop {
            match self.events.next().await {
                None => pending().await,
                Some(Err(error)) => return Err(self.failed(&error)),
                Some(Ok(event)) => {
                    if self.take_in(event) {
                        return Ok(self.found.values().flatten().copied().collect());
                    }
                }
            }
        }
    }

    /// Takes in what has happened. Returns whether it is complete.
    fn take_in(&mut self, event: Event<Pod>) -> bool {
        match event {
            Event::Init => self.list = Some(BTreeMap::new()),
            Event::InitApply(pod) => {
                let list = self.list.get_or_insert_default();
                list.insert(pod.name_any(), addresses(&pod));
            }
            Event::InitDone => self.found = self.list.take().unwrap_or_default(),
            Event::Apply(pod) => drop(self.found.insert(pod.name_any(), addresses(&pod))),
            Event::Delete(pod) => drop(self.found.remove(&pod.name_any())),
        }
        self.list.is_none()
    }

    fn failed(&self, error: &watcher::Error) -> String {
        let selector = &self.selector;
        let why = match error {
            watcher::Error::InitialListFailed(cause)
            | watcher::Error::WatchStartFailed(cause)
            | watcher::Error::WatchFailed(cause) => crate::client::plain(cause),
            error => error.to_string(),
        };
        format!("the pods with the labels {selector:?} (--ml-labels) cannot be read: {why}")
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

/// The addresses of a pod that runs.
fn addresses(pod: &Pod) -> Vec<IpAddr> {
    let status = pod.status.iter();
    let running = status.filter(|status| {
        let phase = status.phase.as_deref();
        !matches!(phase, Some("Succeeded" | "Failed"))
    });
    let several = running.flat_map(|status| {
        let all = status.pod_ips.iter().flatten().map(|ip| ip.ip.as_str());
        all.chain(status.pod_ip.as_deref())
    });
    several.filter_map(|ip| ip.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, status: serde_json::Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": name}, "status": status})).unwrap()
    }

    #[test]
    fn a_pod_is_found_at_all_of_its_addresses_while_it_runs() {
        let ips = json!({"phase": "Running", "podIP": "192.0.2.1",
                         "podIPs": [{"ip": "192.0.2.1"}, {"ip": "2001:db8::1"}]});
        let found: BTreeSet<IpAddr> = addresses(&pod("a", ips)).into_iter().collect();
        let texts: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["192.0.2.1", "2001:db8::1"]);
        assert!(addresses(&pod("b", json!({}))).is_empty());
        let ended = json!({"phase": "Failed", "podIP": "192.0.2.1"});
        assert!(addresses(&pod("c", ended)).is_empty());
    }
}
