//! Services that no longer are of type LoadBalancer and still carry what was written on them: only Services of that type
//! are followed, so the others are asked for one by one, until they carry nothing any more. That is for the controller,
//! which clears them.
//!
//! They are found when a Service leaves the followed ones without being deleted, and once at the start, by a list of all
//! Services' metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt, unfold};
use k8s_openapi::api::core::v1;
use kube::api::ListParams;
use kube::core::ApiResource;
use kube::{Api, Client};
use planner::service::{Service, ServiceType};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::debug;

use super::document::{Document, ServiceMetadataWire, ServiceWire};
use super::store::{Change, Item, Store};
use crate::client::plain;
use crate::translate::{ClusterObjects, ObjectName, Objects};

/// Tells which Services to look for.
pub(super) struct Departed {
    to_look_for: mpsc::UnboundedSender<Request>,
    seen: Option<Objects<Service>>,
}

enum Request {
    /// Those that carry something and are none of these.
    AllBut(Objects<Service>),
    /// These.
    These(Vec<ObjectName>),
}

impl Departed {
    /// Looks for those that were followed, carry something, and are followed no more. What one of them got may have been
    /// seen only with its departure, since changes are taken together: so that counts too.
    pub(super) fn look_for(&mut self, objects: &ClusterObjects, departed: &ClusterObjects) {
        let present = &objects.services;
        let request = match self.seen.replace(present.clone()) {
            None => Request::AllBut(present.clone()),
            Some(seen) => {
                let carried = |name: &ObjectName| {
                    let mut last = [departed.services.get(name), seen.get(name)].into_iter();
                    last.any(|service| service.is_some_and(|service| carries(service)))
                };
                let changed = present.changed_since(&seen);
                let gone: BTreeSet<&ObjectName> = changed
                    .chain(departed.services.iter().map(|(name, _)| name))
                    .filter(|name| present.get(name).is_none() && carried(name))
                    .collect();
                let gone: Vec<ObjectName> = gone.into_iter().cloned().collect();
                if gone.is_empty() {
                    return;
                }
                Request::These(gone)
            }
        };
        // The other end goes only together with this one.
        let _ = self.to_look_for.send(request);
    }
}

/// Whether a Service carries what only one with an address should.
fn carries(service: &Service) -> bool {
    service.allocated_from.is_some()
        || service.condition.is_some()
        || service.announced.is_some()
        || !service.ingress.is_empty()
}

/// What there is to know about former LoadBalancer Services, once [`Departed`] has been told about them.
pub(super) fn follow(client: &Client) -> (Departed, BoxStream<'static, Box<dyn Change>>) {
    let (to_look_for, requests) = mpsc::unbounded_channel();
    let resource = ApiResource::erase::<v1::Service>(&());
    let finder = Finder {
        services: Api::all_with(client.clone(), &resource),
        client: client.clone(),
        resource,
        requests,
        looks: BTreeMap::new(),
        found: Vec::new(),
    };
    let found = unfold(finder, async |mut finder| {
        let found = finder.next().await?;
        Some((Box::new(found) as Box<dyn Change>, finder))
    });
    let departed = Departed {
        to_look_for,
        seen: None,
    };
    (departed, found.boxed())
}

/// How a Service that is not followed was found.
struct Former {
    name: ObjectName,
    /// The Service; `None` when it carries nothing, or is no more.
    service: Option<Item<Service>>,
}

impl Change for Former {
    fn apply(self: Box<Self>, store: &mut Store) {
        store.former_service(self.name, self.service);
    }
}

struct Finder {
    services: Api<Document<ServiceMetadataWire>>,
    client: Client,
    resource: ApiResource,
    requests: mpsc::UnboundedReceiver<Request>,
    looks: BTreeMap<ObjectName, Look>,
    found: Vec<Former>,
}

/// When to look at a Service.
struct Look {
    at: Instant,
    /// How long to wait after that: whoever clears it needs some time.
    pause: Duration,
}

impl Finder {
    /// The next one found; `None` when nobody asks any more.
    async fn next(&mut self) -> Option<Former> {
        loop {
            if let Some(found) = self.found.pop() {
                return Some(found);
            }
            let next = self.looks.values().map(|look| look.at).min();
            tokio::select! {
                request = self.requests.recv() => {
                    let names = self.names(request?).await;
                    let at = Instant::now() + SOON;
                    let looks = names.into_iter().map(|name| (name, Look { at, pause: FIRST_PAUSE }));
                    self.looks.extend(looks);
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.look().await,
            }
        }
    }

    async fn names(&self, request: Request) -> Vec<ObjectName> {
        match request {
            Request::These(names) if names.len() <= MOST_SINGLE_LOOKS => names,
            // Most likely they were all deleted: a list tells of which there is anything to see.
            Request::These(names) => {
                let carriers = self.carriers().await;
                names
                    .into_iter()
                    .filter(|name| carriers.contains(name))
                    .collect()
            }
            Request::AllBut(followed) => {
                let carriers = self.carriers().await.into_iter();
                carriers
                    .filter(|name| followed.get(name).is_none())
                    .collect()
            }
        }
    }

    /// All Services that carry something, as far as their metadata tells.
    async fn carriers(&self) -> BTreeSet<ObjectName> {
        loop {
            match self.list_carriers().await {
                Ok(carriers) => return carriers,
                Err(error) => {
                    debug!(error = plain(&error), "servicesNotListed");
                    sleep(LONGEST_PAUSE).await;
                }
            }
        }
    }

    async fn list_carriers(&self) -> Result<BTreeSet<ObjectName>, kube::Error> {
        let mut carriers = BTreeSet::new();
        let mut page = ListParams::default().limit(PAGE);
        loop {
            let list = self.services.list(&page).await?;
            let found = list
                .items
                .iter()
                .filter(|service| matches!(service.object, Ok(Some(()))));
            carriers.extend(found.map(Document::object_name));
            match list.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => page = page.continue_token(&token),
                None => return Ok(carriers),
            }
        }
    }

    /// Looks at all Services whose time has come.
    async fn look(&mut self) {
        let now = Instant::now();
        let due = self.looks.iter().filter(|(_, look)| look.at <= now);
        let due: Vec<ObjectName> = due.map(|(name, _)| name.clone()).collect();
        let services: Vec<_> = stream::iter(due)
            .map(|name| service(&self.client, &self.resource, name))
            .buffer_unordered(CONCURRENT_LOOKS)
            .collect()
            .await;
        for (name, service) in services {
            self.judge(name, service);
        }
    }

    fn judge(
        &mut self,
        name: ObjectName,
        service: Result<Option<Document<ServiceWire>>, kube::Error>,
    ) {
        let item = match service {
            Ok(document) => document.map(Item::from),
            Err(error) => {
                debug!(service = %name, error = plain(&error), "formerServiceNotRead");
                self.look_again(&name);
                return;
            }
        };
        let service = item.as_ref().and_then(Item::object);
        if service.is_some_and(|service| service.service_type == ServiceType::LoadBalancer) {
            // It is followed again, or will be.
            self.looks.remove(&name);
            return;
        }
        let carries = service.is_some_and(carries);
        let service = item.filter(|_| carries && self.look_again(&name));
        if service.is_none() {
            self.looks.remove(&name);
        }
        self.found.push(Former { name, service });
    }

    /// Whether it is worth while to look at a Service again: what nobody clears in a minute or two is not ours to clear.
    fn look_again(&mut self, name: &ObjectName) -> bool {
        let Some(look) = self.looks.get_mut(name) else {
            return false;
        };
        look.at = Instant::now() + look.pause;
        look.pause = look.pause.saturating_mul(2);
        look.pause <= LONGEST_PAUSE
    }
}

/// A Service as it is now; `None` when it is no more.
async fn service(
    client: &Client,
    resource: &ApiResource,
    name: ObjectName,
) -> (
    ObjectName,
    Result<Option<Document<ServiceWire>>, kube::Error>,
) {
    let services = Api::namespaced_with(client.clone(), &name.namespace, resource);
    let service = services.get_opt(&name.name).await;
    (name, service)
}

/// How many Services are looked at one by one, rather than in a list of all.
const MOST_SINGLE_LOOKS: usize = 50;
/// How many of them at a time.
const CONCURRENT_LOOKS: usize = 8;
/// The Services on a page of the list.
const PAGE: u32 = 250;
/// How long to wait for more Services to look for.
const SOON: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(64);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ipam::PoolName;

    use super::*;
    use crate::translate::Object;

    fn name() -> ObjectName {
        ObjectName::new("shop", "web")
    }

    fn with(service: Service) -> ClusterObjects {
        let mut objects = ClusterObjects::default();
        objects
            .services
            .insert(name(), Object::new(Arc::new(service)));
        objects
    }

    /// What is looked for after each of these was shown, each with what had departed by then.
    fn looked_for(shown: &[(&ClusterObjects, &ClusterObjects)]) -> Vec<ObjectName> {
        let (to_look_for, mut requests) = mpsc::unbounded_channel();
        let mut departed = Departed {
            to_look_for,
            seen: None,
        };
        for (objects, gone) in shown {
            departed.look_for(objects, gone);
        }
        let mut names = Vec::new();
        while let Ok(request) = requests.try_recv() {
            if let Request::These(these) = request {
                names.extend(these);
            }
        }
        names
    }

    fn carrier() -> Service {
        Service {
            allocated_from: Some(PoolName::from("web")),
            ..Service::default()
        }
    }

    #[test]
    fn a_service_that_was_seen_with_an_address_is_looked_for_when_it_leaves() {
        let (followed, none) = (with(carrier()), ClusterObjects::default());
        assert_eq!(
            looked_for(&[(&followed, &none), (&none, &followed)]),
            [name()]
        );
        assert_eq!(looked_for(&[(&followed, &none), (&none, &none)]), [name()]);
    }

    #[test]
    fn a_service_is_looked_for_even_if_its_address_came_back_with_its_departure() {
        let (bare, last) = (with(Service::default()), with(carrier()));
        let none = ClusterObjects::default();
        assert_eq!(looked_for(&[(&bare, &none), (&none, &last)]), [name()]);
        assert_eq!(looked_for(&[(&none, &none), (&none, &last)]), [name()]);
    }

    #[test]
    fn a_service_that_carries_nothing_or_is_followed_again_is_not_looked_for() {
        let (bare, none) = (with(Service::default()), ClusterObjects::default());
        assert_eq!(looked_for(&[(&bare, &none), (&none, &bare)]), []);
        let followed = with(carrier());
        assert_eq!(looked_for(&[(&followed, &none), (&bare, &followed)]), []);
    }
}
