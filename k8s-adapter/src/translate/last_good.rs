//! Which version of each object of a kind is in force: the newest one, or the last good one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Resource;
use kube::core::object::HasSpec;
use planner::effect::LastGoodVersions;
use serde::Serialize;

use super::error::{ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Origin, Reason};
use super::objects::{Object, Objects};
use super::stored::{self, Identity};

/// What is wrong with one object, as its translation finds it.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<(String, Reason, Weight)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Warning,
    /// With another object, not with itself.
    Conflict,
    Fault,
}

impl Faults {
    /// The object cannot be in force.
    pub(super) fn reject(&mut self, field: impl Into<String>, reason: Reason) {
        self.0.push((field.into(), reason, Weight::Fault));
    }

    /// The object cannot be in force as others are.
    pub(super) fn conflict(&mut self, field: impl Into<String>, reason: Reason) {
        self.0.push((field.into(), reason, Weight::Conflict));
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
        let mut weights = self.0.iter().map(|(_, _, weight)| *weight);
        weights.any(|weight| weight != Weight::Warning)
    }

    /// Whether the object could not be in force whatever the others are.
    fn has_own_fault(&self) -> bool {
        self.0.iter().any(|(_, _, weight)| *weight == Weight::Fault)
    }
}

/// Collects the errors of all kinds.
#[derive(Debug)]
pub(super) struct Report<'a> {
    /// FerroLB's own namespace.
    pub(super) namespace: &'a Arc<str>,
    /// What the source could not read.
    pub(super) unread: &'a [ConfigError],
    /// What was found so far.
    pub(super) errors: Vec<ConfigError>,
    /// The objects that the source could not read of which the last good version is in force.
    pub(super) held: Vec<Held>,
}

/// An object of which the last good version is in force.
pub(super) type Held = (ObjectRef, Identity);

/// The last good version of every object of one kind.
#[derive(Debug)]
pub(super) struct LastGood<K, T> {
    versions: BTreeMap<ObjectName, Version<K, T>>,
    /// Those of an earlier process, until the objects themselves have been seen.
    stored: Vec<(ObjectName, Identity, K)>,
}

/// A version of an object, as it was and translated.
#[derive(Debug)]
struct Version<K, T> {
    identity: Identity,
    object: Arc<K>,
    translated: T,
}

impl<K, T> Default for LastGood<K, T> {
    fn default() -> Self {
        Self {
            versions: BTreeMap::new(),
            stored: Vec::new(),
        }
    }
}

impl<K: Resource, T> LastGood<K, T> {
    /// Goes through the objects of a kind, oldest first (by name where that is the same), so that of two that conflict
    /// the newer one is at fault, on every node alike.
    ///
    /// `translate` makes of an object what can be told from it alone; `accept` takes it in or says with what older
    /// object it conflicts. Where one of the two fails, the last version for which both succeeded is offered again; so
    /// it is for an object that the source could not read. An object that was made anew under its name has none.
    pub(super) fn bring_in_force(
        &mut self,
        kind: Kind,
        objects: &Objects<K>,
        report: &mut Report<'_>,
        translate: impl Fn(&ObjectName, &K, &mut Faults) -> Option<T>,
        mut accept: impl FnMut(&ObjectName, &T, &mut Faults),
    ) {
        self.take_in_stored(&translate);
        self.versions
            .retain(|name, version| match objects.entry(name) {
                Some(object) => object.uid().map(AsRef::as_ref) == version.identity.uid.as_deref(),
                None => report.is_unread(kind, name, &version.identity),
            });
        for (name, object) in self.by_age(objects) {
            let Some(object) = object else {
                self.hold(kind, name, &mut accept, report);
                continue;
            };
            let mut faults = Faults::default();
            if name.namespace != *report.namespace {
                faults.reject(
                    "metadata.namespace",
                    Reason::WrongNamespace {
                        expected: Arc::clone(report.namespace),
                    },
                );
            }
            let translated =
                translate(&name, &object.value, &mut faults).filter(|_| !faults.has_fault());
            if let Some(translated) = translated {
                accept(&name, &translated, &mut faults);
                if !faults.has_fault() {
                    let version = Version {
                        identity: Identity::of(object),
                        object: Arc::clone(&object.value),
                        translated,
                    };
                    self.versions.insert(name.clone(), version);
                }
            }
            let effect = if faults.has_fault() {
                self.fall_back(&name, &mut accept)
            } else {
                ErrorEffect::Warning
            };
            report.add(
                ObjectRef::new(kind, name),
                object.origin.as_ref(),
                faults,
                effect,
            );
        }
    }

    /// Takes versions of an earlier process for its own, as far as it has none and they are what they were.
    pub(super) fn restore(&mut self, stored: Vec<(ObjectName, Identity, K)>) {
        self.stored = stored;
    }

    fn take_in_stored(&mut self, translate: impl Fn(&ObjectName, &K, &mut Faults) -> Option<T>) {
        for (name, identity, object) in std::mem::take(&mut self.stored) {
            let mut faults = Faults::default();
            let translated =
                translate(&name, &object, &mut faults).filter(|_| !faults.has_own_fault());
            if let Some(translated) = translated {
                let object = Arc::new(object);
                self.versions.entry(name).or_insert(Version {
                    identity,
                    object,
                    translated,
                });
            }
        }
    }

    /// The objects, and the names of those that only have a last good version, the oldest first.
    fn by_age<'a>(&self, objects: &'a Objects<K>) -> Vec<(ObjectName, Option<&'a Object<K>>)> {
        let present = objects.iter().map(|(name, object)| {
            let age = created(object.value.as_ref());
            (age, name.clone(), Some(object))
        });
        let unread = self.versions.iter();
        let unread = unread.filter(|(name, _)| objects.get(name).is_none());
        let unread =
            unread.map(|(name, version)| (created(version.object.as_ref()), name.clone(), None));
        let mut by_age: Vec<_> = present.chain(unread).collect();
        by_age.sort_by(|(age, name, _), (other_age, other, _)| {
            (age, &name.name).cmp(&(other_age, &other.name))
        });
        by_age
            .into_iter()
            .map(|(_, name, object)| (name, object))
            .collect()
    }

    /// Keeps the last good version of an object that the source could not read in force.
    fn hold(
        &self,
        kind: Kind,
        name: ObjectName,
        accept: &mut impl FnMut(&ObjectName, &T, &mut Faults),
        report: &mut Report<'_>,
    ) {
        if self.fall_back(&name, accept) == ErrorEffect::LastGoodInForce
            && let Some(version) = self.versions.get(&name)
        {
            let identity = version.identity.clone();
            report.held.push((ObjectRef::new(kind, name), identity));
        }
    }

    fn fall_back(
        &self,
        name: &ObjectName,
        accept: &mut impl FnMut(&ObjectName, &T, &mut Faults),
    ) -> ErrorEffect {
        let Some(last_good) = self.versions.get(name) else {
            return ErrorEffect::OutOfForce;
        };
        let mut faults = Faults::default();
        accept(name, &last_good.translated, &mut faults);
        if faults.has_fault() {
            ErrorEffect::OutOfForce
        } else {
            ErrorEffect::LastGoodInForce
        }
    }
}

impl<K, T> LastGood<K, T> {
    /// The last good versions, in the order of their objects' names.
    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.versions.values().map(|version| &version.translated)
    }
}

impl<K, T> LastGood<K, T>
where
    K: Resource + HasSpec<Spec: Clone + Serialize>,
{
    /// Adds all versions to `versions`. `settle` puts what a spec refers to in place of the reference.
    pub(super) fn store(
        &self,
        kind: Kind,
        versions: &mut LastGoodVersions,
        settle: impl Fn(&mut K::Spec, &T),
    ) {
        for (name, version) in &self.versions {
            let mut spec = version.object.spec().clone();
            settle(&mut spec, &version.translated);
            // Our own types always have a JSON form.
            if let Ok(spec) = serde_json::to_value(spec) {
                let meta = version.object.meta();
                let id = (kind, &*name.name);
                stored::add(versions, id, &version.identity, meta, spec);
            }
        }
    }
}

impl Report<'_> {
    /// Whether the source says that it could not read an object, or the file or folder that it was in.
    fn is_unread(&self, kind: Kind, name: &ObjectName, identity: &Identity) -> bool {
        let mut unread = self.unread.iter();
        unread.any(|error| error.may_be_about(kind, name, identity))
    }

    /// Everything that is wrong: what the source could not read, and then what was found.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        let mut unread = self.unread.to_vec();
        for error in &mut unread {
            let mut held = self.held.iter();
            if held.any(|(id, identity)| error.may_be_about(id.kind, &id.name, identity)) {
                error.effect = ErrorEffect::LastGoodInForce;
            }
        }
        unread.extend(self.errors);
        unread
    }

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

impl ConfigError {
    /// Whether this names the object, or a file or folder that it was in.
    pub(super) fn may_be_about(&self, kind: Kind, name: &ObjectName, identity: &Identity) -> bool {
        let is_within = |origin: &Origin, file: &PathBuf| {
            *origin.file == Path::new(".") || file.starts_with(&*origin.file)
        };
        match (&self.object, &self.origin, &identity.file) {
            (Some(object), _, _) => object.kind == kind && object.name == *name,
            (None, Some(origin), Some(file)) => is_within(origin, file),
            _ => false,
        }
    }
}

impl Identity {
    /// That of an object.
    pub(super) fn of<K>(object: &Object<K>) -> Self {
        let file = object.origin.as_ref().map(|origin| &*origin.file);
        Self {
            uid: object.uid().map(ToString::to_string),
            file: file.cloned(),
        }
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
