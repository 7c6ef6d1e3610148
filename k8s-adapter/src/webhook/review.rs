//! Whether an object may be stored as it is (compat/metallb.md 3.4): put among all others, the way the controller will
//! see it, it must not be at fault, nor put another object of its kind out of force.
//!
//! * What an object refers to may come later, so that manifests apply in any order: a missing alias or Secret is no
//!   reason to refuse it. It is a reason to warn.
//! * Neither is what other objects suffer from already, nor a field that is not supported yet.
//! * What an edit does to objects of other kinds is told as a warning, because the edit of those may follow.

use kube::core::DynamicObject;
use kube::core::admission::{AdmissionRequest, AdmissionResponse, Operation};

use super::kinds;
use super::references::{assume_aliases, assume_secrets};
use crate::source::object::TypeFault;
use crate::translate::{
    ClusterObjects, ConfigError, Kind, ObjectRef, Reason, TranslateOptions, snapshot,
};

/// What is said to a change of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Why it is refused; empty when it is allowed.
    pub refusals: Vec<String>,
    /// What its author should know.
    pub warnings: Vec<String>,
}

impl Verdict {
    /// Puts the verdict into the answer to an API server.
    #[must_use]
    pub fn answer(self, response: AdmissionResponse) -> AdmissionResponse {
        let mut response = if self.refusals.is_empty() {
            response
        } else {
            response.deny(self.refusals.join("; "))
        };
        response.warnings = Some(self.warnings).filter(|warnings| !warnings.is_empty());
        response
    }

    fn refuse(reason: String) -> Self {
        Self {
            refusals: vec![reason],
            warnings: Vec::new(),
        }
    }
}

/// Judges a change of an object of `kind` among the objects that are `present`.
#[must_use]
pub fn review(
    kind: Kind,
    request: &AdmissionRequest<DynamicObject>,
    present: &ClusterObjects,
    options: &TranslateOptions,
) -> Verdict {
    match (&request.operation, &request.object, &request.old_object) {
        (Operation::Create, Some(new), _) => {
            let namespace = new.metadata.namespace.as_deref().unwrap_or_default();
            if *namespace == *options.namespace {
                review_version(kind, new, present, options)
            } else {
                let expected = &options.namespace;
                Verdict::refuse(format!("resource must be created in {expected} namespace"))
            }
        }
        (Operation::Update, Some(new), Some(old)) if is_same_configuration(new, old) => {
            Verdict::default()
        }
        (Operation::Update, Some(new), _) => review_version(kind, new, present, options),
        (Operation::Delete, ..) if kind == Kind::BFDProfile => {
            review_profile_deletion(request, present)
        }
        _ => Verdict::default(),
    }
}

/// Whether nothing changes that counts. Whoever takes the last finalizer off an object must not be held up by what is
/// wrong with it.
fn is_same_configuration(new: &DynamicObject, old: &DynamicObject) -> bool {
    new.metadata.deletion_timestamp.is_some()
        || (new.data.get("spec") == old.data.get("spec")
            && new.metadata.labels == old.metadata.labels
            && new.metadata.annotations == old.metadata.annotations)
}

fn review_version(
    kind: Kind,
    new: &DynamicObject,
    present: &ClusterObjects,
    options: &TranslateOptions,
) -> Verdict {
    let mut changed = present.clone();
    let reviewed = match kinds::put(kind, new, &mut changed) {
        Ok(reviewed) => reviewed,
        Err(faults) => return unreadable(faults),
    };
    let (before, after) = (Errors::of(present, options), Errors::of(&changed, options));
    let mut verdict = Verdict::default();
    for error in after.later.iter().filter(|error| is_for_good(error)) {
        let wrong = what_is_wrong(error);
        match &error.object {
            Some(object) if *object == reviewed => verdict.refusals.push(wrong),
            Some(object) if object.kind == kind && !is_faulty(object, &before.later) => {
                let refusal = format!("{object} would no longer be in force: {wrong}");
                verdict.refusals.push(refusal);
            }
            _ => {}
        }
    }
    for error in &after.at_once {
        match &error.object {
            Some(object) if *object == reviewed && !is_for_good(error) => {
                let warning = format!("{}{}", what_is_wrong(error), error.effect);
                verdict.warnings.push(warning);
            }
            Some(object) if object.kind != kind && !is_faulty(object, &before.at_once) => {
                verdict.warnings.push(error.to_string());
            }
            _ => {}
        }
    }
    verdict
}

/// What is wrong with objects.
struct Errors {
    /// At once.
    at_once: Vec<ConfigError>,
    /// When all that they refer to is there.
    later: Vec<ConfigError>,
}

impl Errors {
    fn of(objects: &ClusterObjects, options: &TranslateOptions) -> Self {
        let mut objects = objects.clone();
        assume_secrets(&mut objects);
        let (_, at_once) = snapshot(&objects, options);
        assume_aliases(&mut objects);
        let (_, later) = snapshot(&objects, options);
        Self { at_once, later }
    }
}

fn is_faulty(object: &ObjectRef, errors: &[ConfigError]) -> bool {
    let mut faults = errors.iter().filter(|error| error.is_fault());
    faults.any(|error| error.object.as_ref() == Some(object))
}

/// An object that has not the form of its kind, which the schema in the API server rules out, unless it is an older or
/// newer one than ours. A field that is not known here is not in force, no more.
fn unreadable(faults: Vec<TypeFault>) -> Verdict {
    let mut verdict = Verdict::default();
    for TypeFault { field, reason } in faults {
        let list = if matches!(reason, Reason::UnknownField) {
            &mut verdict.warnings
        } else {
            &mut verdict.refusals
        };
        list.push(format!("{field}: {reason}"));
    }
    verdict
}

fn review_profile_deletion(
    request: &AdmissionRequest<DynamicObject>,
    present: &ClusterObjects,
) -> Verdict {
    let users = present.bgp_peers.iter().filter(|(name, peer)| {
        Some(&*name.namespace) == request.namespace.as_deref()
            && peer.value.spec.bfd_profile.as_ref() == Some(&request.name)
    });
    let users: Vec<&str> = users.map(|(name, _)| &*name.name).collect();
    if users.is_empty() {
        return Verdict::default();
    }
    Verdict::refuse(format!(
        "BFDProfile {} is used by BGPPeer {}: change spec.bfdProfile there first",
        request.name,
        users.join(", ")
    ))
}

/// Whether only an edit of the object itself can mend it.
fn is_for_good(error: &ConfigError) -> bool {
    error.is_fault()
        && !error.is_transient()
        && !matches!(error.reason, Reason::NotSupportedYet { .. })
}

fn what_is_wrong(error: &ConfigError) -> String {
    if error.field.is_empty() {
        error.reason.to_string()
    } else {
        format!("{}: {}", error.field, error.reason)
    }
}

#[cfg(test)]
mod tests;
