//! What has been read so far of every kind, and when that is enough to be shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use planner::service::{Service, ServiceType};
use tokio::sync::watch;
use tracing::{info, warn};

use super::document::{Document, Wire};
use super::health::Health;
use crate::source::object::TypeFault;
use crate::translate::{
    ClusterObjects, ConfigError, ErrorEffect, Kind, Object, ObjectName, ObjectRef, Objects, Stamp,
};

/// Where the objects of a kind are among all objects.
pub(super) type Collection<T> = fn(&mut ClusterObjects) -> &mut Objects<T>;

/// Something that happened to the objects of some kind.
pub(super) trait Change: Send {
    /// Takes it in.
    fn apply(self: Box<Self>, store: &mut Store);
}

/// What happened to the objects of one kind.
pub(super) struct Step<T> {
    pub(super) kind: Kind,
    pub(super) collection: Collection<T>,
    pub(super) event: Event<T>,
}

/// What happened.
pub(super) enum Event<T> {
    /// All objects are about to be listed; what was listed before and not completed is void.
    Begin,
    /// One of the objects listed.
    Found(Item<T>),
    /// There are no others than those listed.
    Complete,
    /// An object is new or has changed.
    Seen(Item<T>),
    /// An object is no more, or no longer one of those that are followed. This is how it was at last.
    Gone(Item<T>),
    /// The server has no such kind, nor need have.
    Absent,
    /// The server cannot be asked, or does not answer. What was read stays.
    Failed(String),
    /// It answers again.
    Recovered,
}

/// An object as it was read.
pub(super) struct Item<T> {
    pub(super) name: ObjectName,
    pub(super) stamp: Stamp,
    /// The object; `None` when it is none that counts.
    pub(super) object: Result<Option<T>, Vec<TypeFault>>,
}

/// All objects, while they are being read.
pub(super) struct Store {
    /// As they are shown.
    live: ClusterObjects,
    /// Those of the kinds that are being listed, as far as they have been: they take the place of the others at once, so
    /// that nobody sees one half old and the other half new.
    staged: ClusterObjects,
    errors: Errors,
    staged_errors: Errors,
    /// Objects that are gone, as they were at last, which may never have been shown.
    departed: ClusterObjects,
    is_changed: bool,
    /// How often something could not be read since this was asked last.
    read_errors: u64,
    health: watch::Sender<Health>,
}

type Errors = BTreeMap<ObjectRef, Vec<ConfigError>>;

impl Store {
    pub(super) fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        Self {
            live: ClusterObjects::default(),
            staged: ClusterObjects::default(),
            errors: Errors::new(),
            staged_errors: Errors::new(),
            departed: ClusterObjects::default(),
            is_changed: true,
            read_errors: 0,
            health: watch::Sender::new(Health {
                unread: kinds.into_iter().collect(),
                ..Health::default()
            }),
        }
    }

    pub(super) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// Whether there is something new, and every kind has been read.
    pub(super) fn is_due(&self) -> bool {
        self.is_changed && self.health.borrow().unread.is_empty()
    }

    /// Everything as it is now.
    pub(super) fn publish(&mut self) -> Arc<ClusterObjects> {
        self.is_changed = false;
        self.live.errors = self.errors.values().flatten().cloned().collect();
        Arc::new(self.live.clone())
    }

    /// What has gone since this was asked last, as it was then.
    pub(super) fn take_departed(&mut self) -> ClusterObjects {
        std::mem::take(&mut self.departed)
    }

    pub(super) fn take_errors(&mut self) -> u64 {
        std::mem::take(&mut self.read_errors)
    }

    fn begin<T: PartialEq>(&mut self, kind: Kind, collection: Collection<T>) {
        *collection(&mut self.staged) = Objects::default();
        self.staged_errors.retain(|object, _| object.kind != kind);
    }

    fn complete<T>(&mut self, kind: Kind, collection: Collection<T>) {
        *collection(&mut self.live) = std::mem::take(collection(&mut self.staged));
        self.errors.retain(|object, _| object.kind != kind);
        let staged = std::mem::take(&mut self.staged_errors).into_iter();
        let (listed, others): (Errors, Errors) =
            staged.partition(|(object, _)| object.kind == kind);
        self.errors.extend(listed);
        self.staged_errors = others;
        self.read(kind);
        self.is_changed = true;
    }

    /// The kind has been read, whatever of it there is.
    fn read(&mut self, kind: Kind) {
        self.health
            .send_if_modified(|health| health.unread.remove(&kind));
    }

    fn found<T: PartialEq>(&mut self, kind: Kind, collection: Collection<T>, item: Item<T>) {
        let present = collection(&mut self.live).entry(&item.name).cloned();
        let id = ObjectRef::new(kind, item.name.clone());
        let (object, errors) = item.judge(&id, present);
        if let Some(object) = object {
            collection(&mut self.staged).insert(id.name.clone(), object);
        }
        if !errors.is_empty() {
            self.staged_errors.insert(id, errors);
        }
    }

    fn seen<T: PartialEq>(&mut self, kind: Kind, collection: Collection<T>, item: Item<T>) {
        let present = collection(&mut self.live).entry(&item.name).cloned();
        let id = ObjectRef::new(kind, item.name.clone());
        let (object, errors) = item.judge(&id, present.clone());
        // Of what nobody writes to nobody needs the newest version, and Nodes have a new one all the time.
        let is_same = match (&present, &object) {
            (Some(present), Some(object)) => {
                Arc::ptr_eq(&present.value, &object.value) && !is_written(kind)
            }
            (None, None) => true,
            _ => false,
        };
        if is_same && errors.is_empty() && !self.errors.contains_key(&id) {
            return;
        }
        let objects = collection(&mut self.live);
        match object {
            Some(object) => objects.insert(id.name.clone(), object),
            None => drop(objects.remove(&id.name)),
        }
        if errors.is_empty() {
            self.errors.remove(&id);
        } else {
            self.errors.insert(id, errors);
        }
        self.is_changed = true;
    }

    fn departs<T: PartialEq>(&mut self, kind: Kind, collection: Collection<T>, item: Item<T>) {
        let name = item.name;
        if let Ok(Some(object)) = item.object {
            let last = Object::from_api(Arc::new(object), item.stamp);
            collection(&mut self.departed).insert(name.clone(), last);
        }
        self.gone(kind, collection, name);
    }

    fn gone<T>(&mut self, kind: Kind, collection: Collection<T>, name: ObjectName) {
        let is_gone = collection(&mut self.live).remove(&name).is_some();
        let had_errors = self.errors.remove(&ObjectRef::new(kind, name)).is_some();
        self.is_changed |= is_gone || had_errors;
    }

    /// Takes in how a Service was found that is not followed, or was not when it was looked for.
    pub(super) fn former_service(&mut self, name: ObjectName, found: Option<Item<Service>>) {
        let present = self.live.services.get(&name);
        if present.is_some_and(|service| service.service_type == ServiceType::LoadBalancer) {
            return;
        }
        match found {
            Some(item) => self.seen(Kind::Service, |all| &mut all.services, item),
            None => self.gone(Kind::Service, |all| &mut all.services, name),
        }
    }

    fn absent(&mut self, kind: Kind) {
        if self.health.borrow().unread.contains(&kind) {
            info!(%kind, "kindNotInstalled");
            self.read(kind);
            self.is_changed = true;
        }
    }

    fn failed(&mut self, kind: Kind, error: String) {
        self.read_errors = self.read_errors.saturating_add(1);
        self.health.send_modify(|health| {
            if health.failing.get(&kind) != Some(&error) {
                warn!(%kind, error, "apiNotReadable");
                health.failing.insert(kind, error);
            }
        });
    }

    fn recovered(&mut self, kind: Kind) {
        self.health.send_if_modified(|health| {
            let has_failed = health.failing.remove(&kind).is_some();
            if has_failed {
                info!(%kind, "apiReadable");
            }
            has_failed
        });
    }
}

impl<W: Wire> From<Document<W>> for Item<W::Object> {
    fn from(document: Document<W>) -> Self {
        Self {
            name: document.object_name(),
            stamp: document.stamp(),
            object: document.object,
        }
    }
}

impl<T> Item<T> {
    /// The object, if it is one that counts.
    pub(super) fn object(&self) -> Option<&T> {
        self.object.as_ref().ok()?.as_ref()
    }
}

impl<T: PartialEq> Item<T> {
    /// The object to hold in place of the present one, and what is wrong with this one: then the present one stays.
    fn judge(
        self,
        id: &ObjectRef,
        present: Option<Object<T>>,
    ) -> (Option<Object<T>>, Vec<ConfigError>) {
        match self.object {
            Ok(None) => (None, Vec::new()),
            Ok(Some(object)) => {
                let value = match present {
                    Some(present) if *present.value == object => present.value,
                    _ => Arc::new(object),
                };
                (Some(Object::from_api(value, self.stamp)), Vec::new())
            }
            Err(faults) => {
                let effect = if present.is_some() {
                    ErrorEffect::LastGoodInForce
                } else {
                    ErrorEffect::OutOfForce
                };
                let errors = faults.into_iter().map(|fault| ConfigError {
                    object: Some(id.clone()),
                    field: fault.field,
                    reason: fault.reason,
                    origin: None,
                    effect,
                });
                (present, errors.collect())
            }
        }
    }
}

impl<T: PartialEq + Send + Sync> Change for Step<T> {
    fn apply(self: Box<Self>, store: &mut Store) {
        let (kind, collection) = (self.kind, self.collection);
        if !matches!(self.event, Event::Begin | Event::Failed(_)) {
            store.recovered(kind);
        }
        match self.event {
            Event::Begin => store.begin(kind, collection),
            Event::Found(item) => store.found(kind, collection, item),
            Event::Complete => store.complete(kind, collection),
            Event::Seen(item) => store.seen(kind, collection, item),
            Event::Gone(item) => store.departs(kind, collection, item),
            Event::Absent => store.absent(kind),
            Event::Failed(error) => store.failed(kind, error),
            Event::Recovered => {}
        }
    }
}

/// Whether some process of ours writes to objects of the kind, and must know which version it has seen.
fn is_written(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::EndpointSlice
            | Kind::Node
            | Kind::Namespace
            | Kind::ConfigMap
            | Kind::FRRConfiguration
    )
}

#[cfg(test)]
mod tests;
