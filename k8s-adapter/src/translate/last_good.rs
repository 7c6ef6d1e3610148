//! Which version of each object of a kind is in force: the newest one, or the last good one.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;

use super::error::{ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Origin, Reason};
use super::objects::Objects;

/// What is wrong with one object, as its translation finds it.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, Reason, Weight)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Warning,
    Fault,
}

impl Faults {
    /// The object cannot be in force.
    pub(super) fn reject(&mut self, field: impl Into<String>, reason: Reason) {
        self.0.push((field.into(), reason, Weight::Fault));
    }

    /// The object can be in force, but somebody should know.
    pub(super) fn warn(&mut self, field: impl Into<String>, reason: Reason) {
        self.0.push((field.into(), reason, Weight::Warning));
    }

    /// The value, or a fault of that field.
    pub(super) fn check<T, E: ToString>(
        &mut self,
        field: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result
            .map_err(|error| self.reject(field, Reason::Invalid(error.to_string())))
            .ok()
    }

    /// A list in which nothing may be twice.
    pub(super) fn distinct(&mut self, field: &str, list: &[String]) {
        for (index, item) in list.iter().enumerate() {
            if list.iter().take(index).any(|earlier| earlier == item) {
                self.reject(
                    format!("{field}[{index}]"),
                    Reason::Duplicate(format!("{item:?}")),
                );
            }
        }
    }

    fn has_fault(&self) -> bool {
        self.0.iter().any(|(_, _, weight)| *weight == Weight::Fault)
    }
}

/// Collects the errors of all kinds.
#[derive(Debug)]
pub(super) struct Report<'a> {
    /// FerroLB's own namespace.
    pub(super) namespace: &'a str,
    /// What was found so far.
    pub(super) errors: Vec<ConfigError>,
}

/// The last good version of every object of one kind, translated.
#[derive(Debug)]
pub(super) struct LastGood<T>(BTreeMap<ObjectName, T>);

impl<T> Default for LastGood<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T> LastGood<T> {
    /// The last good versions, in the order of their objects' names.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }

    /// Goes through the objects of a kind, oldest first (by name where that is the same), so that of two that conflict
    /// the newer one is at fault, on every node alike.
    ///
    /// `translate` makes of an object what can be told from it alone; `accept` takes it in or says with what older
    /// object it conflicts. Where one of the two fails, the last version for which both succeeded is offered again.
    pub(super) fn bring_in_force<K: Resource>(
        &mut self,
        kind: Kind,
        objects: &Objects<K>,
        report: &mut Report<'_>,
        translate: impl Fn(&ObjectName, &K, &mut Faults) -> Option<T>,
        mut accept: impl FnMut(&ObjectName, &T, &mut Faults),
    ) {
        self.0.retain(|name, _| objects.get(name).is_some());
        let mut by_age: Vec<_> = objects.iter().collect();
        by_age.sort_by_cached_key(|(name, object)| {
            (created(object.value.as_ref()), name.name.clone())
        });
        for (name, object) in by_age {
            let mut faults = Faults::default();
            if *name.namespace != *report.namespace {
                faults.reject(
                    "metadata.namespace",
                    Reason::WrongNamespace {
                        expected: report.namespace.into(),
                    },
                );
            }
            let translated =
                translate(name, &object.value, &mut faults).filter(|_| !faults.has_fault());
            if let Some(translated) = translated {
                accept(name, &translated, &mut faults);
                if !faults.has_fault() {
                    self.0.insert(name.clone(), translated);
                }
            }
            let effect = if faults.has_fault() {
                self.fall_back(name, &mut accept)
            } else {
                ErrorEffect::Warning
            };
            report.add(
                ObjectRef::new(kind, name.clone()),
                object.origin.as_ref(),
                faults,
                effect,
            );
        }
    }

    fn fall_back(
        &self,
        name: &ObjectName,
        accept: &mut impl FnMut(&ObjectName, &T, &mut Faults),
    ) -> ErrorEffect {
        let Some(last_good) = self.0.get(name) else {
            return ErrorEffect::OutOfForce;
        };
        let mut faults = Faults::default();
        accept(name, last_good, &mut faults);
        if faults.has_fault() {
            ErrorEffect::OutOfForce
        } else {
            ErrorEffect::LastGoodInForce
        }
    }
}

impl Report<'_> {
    fn add(
        &mut self,
        object: ObjectRef,
        origin: Option<&Origin>,
        faults: Faults,
        effect: ErrorEffect,
    ) {
        self.errors.extend(
            faults
                .0
                .into_iter()
                .map(|(field, reason, weight)| ConfigError {
                    object: Some(object.clone()),
                    field,
                    reason,
                    origin: origin.cloned(),
                    effect: if weight == Weight::Warning {
                        ErrorEffect::Warning
                    } else {
                        effect
                    },
                }),
        );
    }
}

/// When an object was created, as time since the Unix epoch; zero where nobody has noted it, as in a folder.
pub(super) fn created<K: Resource>(object: &K) -> Duration {
    let stamp = object.meta().creation_timestamp.as_ref();
    stamp.map(since_epoch).unwrap_or_default()
}

/// A time as that since the Unix epoch, in whole seconds as Kubernetes has it; zero for one before it.
pub(super) fn since_epoch(time: &Time) -> Duration {
    let seconds = u64::try_from(time.0.as_second());
    seconds.map(Duration::from_secs).unwrap_or_default()
}
