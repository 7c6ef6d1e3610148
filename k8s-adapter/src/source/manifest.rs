//! The text of a manifest file to typed objects: several documents, lists, YAML or JSON.
//!
//! Each document and each object stands for itself: one that is broken is reported with its file, document, line and
//! field, and all others are read.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use serde_saphyr::UserMessageFormatter;
use tracing::debug;

use super::locate::lines;
use super::object::{AnyObject, Recognized, Schema};
use crate::translate::{
    ConfigError, ErrorEffect, FieldLines, Kind, ObjectName, ObjectRef, Origin, Reason,
};

/// The namespace of an object that names none, as with `kubectl`.
pub const DEFAULT_NAMESPACE: &str = "default";

/// What a file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Manifest {
    /// The objects that could be read.
    pub(crate) objects: BTreeMap<ObjectRef, (AnyObject, Origin)>,
    /// Objects of an earlier version of the file that stay in force because the newer one cannot be read.
    pub(crate) kept: BTreeMap<ObjectRef, (AnyObject, Origin)>,
    /// Where the fields of those that are configuration are.
    pub(crate) field_lines: BTreeMap<ObjectRef, Arc<FieldLines>>,
    /// What could not; each error with an object says that the file has it, if in no good form.
    pub(crate) errors: Vec<ConfigError>,
}

impl Manifest {
    /// Reads the text of `file`, whose name is only used to say where something is.
    pub(crate) fn parse(file: &Arc<PathBuf>, text: &str) -> Self {
        let mut manifest = Self::default();
        if file
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            manifest.json(file, text);
        } else {
            manifest.yaml(file, text);
        }
        manifest
    }

    /// A file that cannot even be opened.
    pub(crate) fn unavailable(file: &Arc<PathBuf>, reason: Reason) -> Self {
        let mut manifest = Self::default();
        let origin = Origin {
            file: Arc::clone(file),
            document: 1,
            line: None,
        };
        manifest.broken(reason, origin);
        manifest
    }

    /// Keeps what an earlier version of the file said of the objects that this one has in no good form. A document
    /// that cannot be read at all might have held any of them.
    pub(crate) fn keep_last_good(&mut self, earlier: Self) {
        let broken: BTreeSet<ObjectRef> = self
            .errors
            .iter()
            .filter_map(|error| error.object.clone())
            .collect();
        let is_complete = self.errors.iter().all(|error| error.object.is_some());
        self.kept = earlier.kept;
        self.kept.extend(earlier.objects);
        self.kept.retain(|id, _| {
            !self.objects.contains_key(id) && (!is_complete || broken.contains(id))
        });
        for error in &mut self.errors {
            let is_kept = match &error.object {
                Some(object) => self.kept.contains_key(object) || self.objects.contains_key(object),
                None => !self.kept.is_empty(),
            };
            error.effect = if is_kept {
                ErrorEffect::LastGoodInForce
            } else {
                ErrorEffect::OutOfForce
            };
        }
    }

    fn yaml(&mut self, file: &Arc<PathBuf>, text: &str) {
        for (index, (first_line, document)) in documents(text).enumerate() {
            let place = Place {
                file,
                document: index.saturating_add(1),
                first_line,
                text: Some(document),
                lines: OnceCell::new(),
            };
            match serde_saphyr::from_str_with_options::<Value>(document, yaml_options()) {
                Ok(value) => self.document(&place, value),
                Err(error) => {
                    let line = error.location().map(|location| location.line());
                    self.unreadable(
                        place.origin_at(line.unwrap_or(1)),
                        error
                            .without_snippet()
                            .render_with_formatter(&UserMessageFormatter),
                    );
                }
            }
        }
    }

    fn json(&mut self, file: &Arc<PathBuf>, text: &str) {
        for (index, value) in serde_json::Deserializer::from_str(text)
            .into_iter::<Value>()
            .enumerate()
        {
            let document = index.saturating_add(1);
            match value {
                Ok(value) => self.document(
                    &Place {
                        file,
                        document,
                        first_line: 1,
                        text: None,
                        lines: OnceCell::new(),
                    },
                    value,
                ),
                Err(error) => {
                    let line = u64::try_from(error.line()).ok();
                    self.unreadable(
                        Origin {
                            file: Arc::clone(file),
                            document,
                            line,
                        },
                        error.to_string(),
                    );
                }
            }
        }
    }

    fn unreadable(&mut self, origin: Origin, detail: String) {
        self.broken(Reason::Unreadable(detail), origin);
    }

    /// Something that names no object.
    fn broken(&mut self, reason: Reason, origin: Origin) {
        let effect = ErrorEffect::OutOfForce;
        self.errors.push(ConfigError {
            object: None,
            field: String::new(),
            reason,
            origin: Some(origin),
            effect,
        });
    }

    /// One document: an object, a list of objects, or nothing.
    fn document(&mut self, place: &Place<'_>, mut value: Value) {
        if value.is_null() {
            return;
        }
        let (api_version, kind) = (text_at(&value, "apiVersion"), text_at(&value, "kind"));
        let items = value
            .get_mut("items")
            .and_then(Value::as_array_mut)
            .map(std::mem::take);
        let (Some(item_kind), Some(items)) = (kind.strip_suffix("List"), items) else {
            self.object(place, "", value);
            return;
        };
        for (index, mut item) in items.into_iter().enumerate() {
            // The items of a typed list need not repeat what they are.
            if let Some(fields) = item.as_object_mut()
                && !item_kind.is_empty()
            {
                fields
                    .entry("apiVersion")
                    .or_insert_with(|| Value::from(api_version.as_str()));
                fields
                    .entry("kind")
                    .or_insert_with(|| Value::from(item_kind));
            }
            self.object(place, &format!("items[{index}]"), item);
        }
    }

    /// One object, found at `prefix` within its document.
    fn object(&mut self, place: &Place<'_>, prefix: &str, value: Value) {
        let (api_version, kind) = (text_at(&value, "apiVersion"), text_at(&value, "kind"));
        if api_version.is_empty() || kind.is_empty() {
            let detail = "not a Kubernetes object: apiVersion and kind must be set";
            self.unreadable(place.origin(prefix), detail.to_owned());
            return;
        }
        let schema = match Recognized::of(&api_version, &kind) {
            Recognized::Object(schema) => schema,
            Recognized::Unknown => {
                let mut detail = format!("there is no kind {kind} in {api_version}");
                if kind == "AddressPool" {
                    detail.push_str(": `ferrolb convert` makes an IPAddressPool of it");
                }
                self.unreadable(place.origin(prefix), detail);
                return;
            }
            Recognized::Foreign => {
                debug!(file = %place.file.display(), document = place.document, api_version, kind, "not read");
                return;
            }
        };
        let Some(name) = object_name(&value, schema.kind) else {
            let detail = format!("{kind}: metadata.name must be set, and be text");
            self.unreadable(place.origin(&field(prefix, "metadata")), detail);
            return;
        };
        self.typed(
            place,
            prefix,
            ObjectRef::new(schema.kind, name),
            schema,
            value,
        );
    }

    fn typed(
        &mut self,
        place: &Place<'_>,
        prefix: &str,
        id: ObjectRef,
        schema: Schema,
        value: Value,
    ) {
        match schema.read(&id.name, value) {
            Ok(object) => {
                let origin = place.origin(prefix);
                if let Some((_, first)) = self.objects.get(&id) {
                    let first = first.clone();
                    self.fault(id, String::new(), Reason::DefinedTwice { first }, origin);
                } else {
                    if id.kind.is_configuration() {
                        self.field_lines.extend(
                            place
                                .field_lines(prefix)
                                .map(|lines| (id.clone(), Arc::new(lines))),
                        );
                    }
                    self.objects.insert(id, (object, origin));
                }
            }
            Err(faults) => {
                for fault in faults {
                    let origin = place.origin(&field(prefix, &fault.field));
                    self.fault(id.clone(), fault.field, fault.reason, origin);
                }
            }
        }
    }

    fn fault(&mut self, object: ObjectRef, field: String, reason: Reason, origin: Origin) {
        let effect = ErrorEffect::OutOfForce;
        self.errors.push(ConfigError {
            object: Some(object),
            field,
            reason,
            origin: Some(origin),
            effect,
        });
    }
}

/// Options for all YAML: plain messages, and no limit on size, since these are the operator's own files.
pub(crate) fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! { budget: None, with_snippet: false }
}

/// A document of a file.
struct Place<'a> {
    file: &'a Arc<PathBuf>,
    document: usize,
    first_line: u64,
    /// The document's text, where lines can be found in it.
    text: Option<&'a str>,
    /// Where its fields are, once somebody has asked.
    lines: OnceCell<FieldLines>,
}

impl Place<'_> {
    /// Where `field` of the document is. The document as a whole begins with its first line that says something.
    fn origin(&self, field: &str) -> Origin {
        let line = match self.text {
            Some(text) if field.is_empty() => (1..)
                .zip(text.lines())
                .find(|(_, line)| is_content(line))
                .map(|(line, _)| line),
            _ => self.lines().and_then(|lines| lines.line_of(field)),
        };
        match line {
            Some(line) => self.origin_at(line),
            None => Origin {
                file: Arc::clone(self.file),
                document: self.document,
                line: None,
            },
        }
    }

    /// The lines of the fields of the object at `prefix`.
    fn field_lines(&self, prefix: &str) -> Option<FieldLines> {
        let above = self.first_line.saturating_sub(1);
        Some(self.lines()?.within(prefix, above))
    }

    fn lines(&self) -> Option<&FieldLines> {
        let text = self.text?;
        Some(self.lines.get_or_init(|| lines(text)))
    }

    /// Where the document's line `line`, from 1, is.
    fn origin_at(&self, line: u64) -> Origin {
        let line = self.first_line.saturating_add(line).saturating_sub(1);
        Origin {
            file: Arc::clone(self.file),
            document: self.document,
            line: Some(line),
        }
    }
}

/// The documents of a YAML stream that hold anything, each with the number of its first line, from 1.
///
/// A line that starts with `---` begins a document wherever it stands, even within a scalar (YAML 1.2.2 §9.1.2), so
/// that a document can be cut out without reading those before it.
fn documents(text: &str) -> impl Iterator<Item = (u64, &str)> {
    let mut starts = vec![(0_usize, 1_u64)];
    let mut offset = 0_usize;
    for (line, number) in text.split_inclusive('\n').zip(1_u64..) {
        if is_marker(line) && offset > 0 {
            starts.push((offset, number));
        }
        offset = offset.saturating_add(line.len());
    }
    let ends: Vec<usize> = starts
        .iter()
        .skip(1)
        .map(|(start, _)| *start)
        .chain([text.len()])
        .collect();
    starts
        .into_iter()
        .zip(ends)
        .filter_map(|((start, line), end)| Some((line, text.get(start..end)?)))
        .filter(|(_, document)| document.lines().any(is_content))
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Whether a line is more than a blank, a comment, a directive or a marker.
fn is_content(line: &str) -> bool {
    let text = if is_marker(line) {
        line.trim_start_matches('-')
    } else {
        line
    };
    let text = text.trim();
    !(text.is_empty() || text.starts_with('#') || text.starts_with('%') || text == "...")
}

/// The text of a field, empty when it is absent or no text.
fn text_at(value: &Value, field: &str) -> String {
    value
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn object_name(value: &Value, kind: Kind) -> Option<ObjectName> {
    let metadata = value.get("metadata")?;
    let name = metadata
        .get("name")?
        .as_str()
        .filter(|name| !name.is_empty())?;
    let namespace = metadata
        .get("namespace")
        .and_then(Value::as_str)
        .filter(|name| !name.is_empty());
    let namespace = if kind.is_cluster_scoped() {
        ""
    } else {
        namespace.unwrap_or(DEFAULT_NAMESPACE)
    };
    Some(ObjectName::new(namespace, name))
}

fn field(prefix: &str, field: &str) -> String {
    if prefix.is_empty() || field.is_empty() {
        format!("{prefix}{field}")
    } else {
        format!("{prefix}.{field}")
    }
}

/// Whether a file of this name is a manifest: `.yaml`, `.yml` or `.json`, and not hidden.
pub(crate) fn is_manifest(path: &Path) -> bool {
    !is_hidden(path)
        && path
            .extension()
            .is_some_and(|extension| ["yaml", "yml", "json"].iter().any(|e| extension == *e))
}

/// Whether a file or folder of this name is hidden.
pub(crate) fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

#[cfg(test)]
mod tests;
