//! The ConfigMap `config` at run time: it counts as if the objects that it converts to were there.
//!
//! * An object that is there by that name is the one in force; where it says something else, that is reported.
//! * Of two that are in conflict, such as pools with common addresses, those of the ConfigMap count as the younger ones:
//!   whoever brings in objects one by one replaces the ConfigMap bit by bit.
//! * A ConfigMap that cannot be read is as a whole at fault: what its last readable version says stays in force. What is
//!   wrong with one of the objects takes that one alone out of force, as with any object.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;

use super::object::Place;
use super::{ConfigObject, Converted, ConvertedObject, Fault, LegacyConfig, keys};
use crate::translate::{
    ClusterObjects, ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Origin, Reason,
};

/// The ConfigMap's name.
pub const CONFIG_MAP: &str = "config";
/// The ConfigMap's only key, and the path of what is there.
const DATA_KEY: &str = "config";
const DATA_PATH: &str = "data.config";

/// Lays what the ConfigMap says over the objects, again and again.
#[derive(Debug, Default)]
pub struct Overlay {
    seen: Option<Seen>,
    /// The objects that are there because of it, and the keys that they stand for.
    settled: BTreeMap<ObjectRef, (ConfigObject, String)>,
    errors: Vec<ConfigError>,
}

/// The ConfigMap as it was last.
#[derive(Debug)]
struct Seen {
    config_map: Arc<ConfigMap>,
    /// What its last readable version comes to, if there was one.
    converted: Option<Converted>,
    /// What is wrong with the newest version, if that cannot be read.
    unreadable: Vec<Fault>,
}

impl Overlay {
    /// The objects with those of the ConfigMap in `namespace`; `None` if there is no such ConfigMap.
    pub fn lay_over(
        &mut self,
        objects: &ClusterObjects,
        namespace: &Arc<str>,
    ) -> Option<ClusterObjects> {
        self.settled.clear();
        self.errors.clear();
        let name = ObjectName::new(Arc::clone(namespace), CONFIG_MAP);
        let entry = objects.config_maps.entry(&name);
        let Some((entry, text)) = entry.and_then(|entry| Some((entry, text(&entry.value)?))) else {
            self.seen = None;
            return None;
        };
        let seen = match self.seen.take() {
            Some(seen) if Arc::ptr_eq(&seen.config_map, &entry.value) => seen,
            earlier => Seen::read(&entry.value, text, namespace, earlier),
        };
        let mut objects = objects.clone();
        let origin = entry.origin.as_ref();
        let faults = self.settle(&seen, &mut objects, origin);
        let id = ObjectRef::new(Kind::ConfigMap, name);
        self.errors = faults
            .into_iter()
            .map(|fault| ConfigError {
                object: Some(id.clone()),
                field: path(&fault.key),
                reason: fault.reason,
                origin: origin.cloned(),
                effect: fault.effect,
            })
            .collect();
        self.seen = Some(seen);
        Some(objects)
    }

    /// What there is to say about the ConfigMap that was laid over last.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// Makes what is wrong with an object of the ConfigMap point to the key that it comes from.
    pub fn point_back(&self, errors: &mut [ConfigError]) {
        for error in errors {
            let Some(id) = &error.object else { continue };
            let Some((object, entry)) = self.settled.get(id) else {
                continue;
            };
            error.field = path(&keys::key_of(object, entry, &error.field));
            let name = ObjectName::new(Arc::clone(&id.name.namespace), CONFIG_MAP);
            error.object = Some(ObjectRef::new(Kind::ConfigMap, name));
        }
    }

    /// Puts the objects among the others; what there is to say.
    fn settle(
        &mut self,
        seen: &Seen,
        objects: &mut ClusterObjects,
        origin: Option<&Origin>,
    ) -> Vec<Fault> {
        let Some(converted) = &seen.converted else {
            return seen.unreadable.clone();
        };
        let mut faults = seen.unreadable.clone();
        for fault in &mut faults {
            fault.effect = ErrorEffect::LastGoodInForce;
        }
        for ConvertedObject { object, key } in &converted.objects {
            let id = object.id();
            match object.settle(objects, origin.cloned()) {
                Place::Free => {
                    self.settled.insert(id, (object.clone(), key.clone()));
                }
                Place::Same => {}
                Place::Taken => faults.push(Fault::new(key, Reason::Overruled { by: id })),
            }
        }
        faults.extend(converted.faults.iter().cloned());
        let objects = converted.objects.len();
        faults.push(Fault::warning("", Reason::LegacyConfiguration { objects }));
        faults
    }
}

impl Seen {
    fn read(
        config_map: &Arc<ConfigMap>,
        text: &str,
        namespace: &Arc<str>,
        earlier: Option<Self>,
    ) -> Self {
        let metadata = ObjectMeta {
            namespace: Some(namespace.to_string()),
            creation_timestamp: Some(Time(Timestamp::MAX)),
            ..ObjectMeta::default()
        };
        let (converted, unreadable) = match LegacyConfig::parse(text) {
            Ok(config) => (Some(config.convert(&metadata)), Vec::new()),
            Err(faults) => (earlier.and_then(|earlier| earlier.converted), faults),
        };
        Self {
            config_map: Arc::clone(config_map),
            converted,
            unreadable,
        }
    }
}

fn text(config_map: &ConfigMap) -> Option<&str> {
    config_map.data.as_ref()?.get(DATA_KEY).map(String::as_str)
}

/// The path of a key within the ConfigMap.
fn path(key: &str) -> String {
    if key.is_empty() {
        DATA_PATH.to_owned()
    } else {
        format!("{DATA_PATH}.{key}")
    }
}

#[cfg(test)]
mod tests;
