//! Where the pods with some labels are, followed as every kind is.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::net::IpAddr;

use futures_util::stream::{BoxStream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::core::ApiResource;
use kube::{Api, Client};

use super::document::PodWire;
use super::follow::{Presence, Selector, events};
use super::store::{Event, Item};
use crate::translate::ObjectName;

/// The pods with some labels.
pub(crate) struct Pods {
    events: BoxStream<'static, Event<Addresses>>,
    /// The addresses of each that runs.
    found: BTreeMap<ObjectName, Addresses>,
    /// Those of the list that is being read, if one is.
    list: Option<BTreeMap<ObjectName, Addresses>>,
}

type Addresses = BTreeSet<IpAddr>;

impl Pods {
    /// Follows those of a namespace. Asks the server nothing before somebody waits for [`changed`](Self::changed).
    pub(crate) fn follow(client: Client, namespace: &str, labels: String) -> Self {
        let resource = ApiResource::erase::<Pod>(&());
        let api = Api::namespaced_with(client, namespace, &resource);
        Self {
            events: events::<PodWire>(api, Selector::Labels(labels), Presence::Required),
            found: BTreeMap::new(),
            list: None,
        }
    }

    /// Where they are now, or why that is not known: what was known before stays true then. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> Result<BTreeSet<IpAddr>, String> {
        loop {
            match self.events.next().await {
                None => pending().await,
                Some(Event::Failed(why)) => return Err(why),
                Some(event) => {
                    if self.take_in(event) {
                        return Ok(self.found.values().flatten().copied().collect());
                    }
                }
            }
        }
    }

    /// Takes in what has happened. Returns whether all are known.
    fn take_in(&mut self, event: Event<Addresses>) -> bool {
        match event {
            Event::Begin => self.list = Some(BTreeMap::new()),
            Event::Found(item) => put(self.list.get_or_insert_default(), item),
            Event::Complete => self.found = self.list.take().unwrap_or_default(),
            Event::Seen(item) => put(&mut self.found, item),
            Event::Gone(item) => drop(self.found.remove(&item.name)),
            Event::Absent | Event::Failed(_) | Event::Recovered => {}
        }
        self.list.is_none()
    }
}

fn put(pods: &mut BTreeMap<ObjectName, Addresses>, item: Item<Addresses>) {
    match item.object {
        Ok(Some(addresses)) => drop(pods.insert(item.name, addresses)),
        Ok(None) | Err(_) => drop(pods.remove(&item.name)),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, stream};

    use super::*;
    use crate::translate::Stamp;

    fn item(name: &str, address: &str) -> Item<Addresses> {
        let stamp = Stamp {
            uid: name.into(),
            resource_version: "1".into(),
        };
        Item {
            name: ObjectName::new("metallb-system", name),
            stamp,
            object: Ok(address.parse().ok().map(|address| [address].into())),
        }
    }

    /// What is told after each event.
    fn told(events: Vec<Event<Addresses>>) -> Vec<Result<String, String>> {
        let mut pods = Pods {
            events: stream::iter(events).boxed(),
            found: BTreeMap::new(),
            list: None,
        };
        let in_words = |all: Addresses| {
            let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
            texts.join(" ")
        };
        let mut told = Vec::new();
        while let Some(found) = pods.changed().now_or_never() {
            told.push(found.map(in_words));
        }
        told
    }

    #[test]
    fn pods_are_told_once_all_are_listed_and_a_new_list_replaces_them_at_once() {
        let events = vec![
            Event::Begin,
            Event::Found(item("a", "192.0.2.1")),
            Event::Found(item("b", "192.0.2.2")),
            Event::Complete,
            Event::Begin,
            Event::Found(item("c", "192.0.2.3")),
            Event::Complete,
        ];
        assert_eq!(
            told(events),
            [Ok("192.0.2.1 192.0.2.2".into()), Ok("192.0.2.3".into())]
        );
    }

    #[test]
    fn a_pod_that_has_ended_or_gone_is_found_no_more_and_an_error_changes_nothing() {
        let events = vec![
            Event::Begin,
            Event::Found(item("a", "192.0.2.1")),
            Event::Complete,
            Event::Failed("no answer".to_owned()),
            Event::Seen(item("b", "2001:db8::2")),
            Event::Seen(item("a", "")),
            Event::Gone(item("b", "")),
        ];
        let all = ["192.0.2.1", "192.0.2.1 2001:db8::2", "2001:db8::2", ""].map(|it| Ok(it.into()));
        let [first, rest @ ..] = all;
        let failed = Err("no answer".to_owned());
        let expected: Vec<_> = [first, failed].into_iter().chain(rest).collect();
        assert_eq!(told(events), expected);
    }
}
