//! Status files below a folder of manifests: `status/KINDS/NAMESPACE/NAME.yaml`, one object a file, and events as lines
//! of JSON in `status/events/COMPONENT.log`.
//!
//! A file comes into place by being renamed, so that nobody reads half of it, and only when it says something new.
//! Nothing is synced to the disk, save the last good versions of the configuration: after a crash of the machine
//! everything else here is computed anew.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use k8s_openapi::jiff::Timestamp;
use planner::effect::{Component, Effect, Event, StatusAbout, StatusId};
use serde_json::Value;

use super::{Sink, SinkError, patch};
use crate::translate::{ClusterObjects, LAST_GOOD_SECRET, ObjectName, Objects, status_name};

/// The length beyond which a log of events is put aside as `COMPONENT.log.1` and begun again.
const MAX_LOG: u64 = 4 << 20;

/// Writes status files below a folder.
///
/// Files are small and on a local disk: they are written in place, on the task that asks for it.
#[derive(Clone, Debug)]
pub struct DirSink {
    folder: PathBuf,
    status: PathBuf,
    namespace: String,
    component: Component,
}

impl DirSink {
    /// Writes below `folder`/`status`, as `component`; its own objects are in `namespace`.
    pub fn new(folder: &Path, namespace: impl Into<String>, component: Component) -> Self {
        Self {
            folder: folder.to_owned(),
            status: folder.join("status"),
            namespace: namespace.into(),
            component,
        }
    }

    fn carry_out(&self, effect: &Effect, objects: &ClusterObjects) -> Result<(), SinkError> {
        match effect {
            Effect::PatchServiceStatus {
                service,
                ingress,
                pool,
                condition,
                announced,
            } => {
                let pool = pool.as_ref().map(ipam::PoolName::as_str);
                let name = ObjectName::new(service.namespace().as_str(), service.name());
                let present = objects.services.get(&name);
                let (condition, announced) = (condition.as_ref(), announced.as_ref());
                let present = present.map(AsRef::as_ref);
                let conditions = patch::conditions(condition, announced, present, Timestamp::now());
                let file = self.file("services", service.namespace().as_str(), service.name())?;
                write(&file, &patch::service(service, ingress, pool, &conditions))
            }
            Effect::UpsertStatus { id, body } => write(
                &self.status_file(id)?,
                &patch::status(&self.namespace, id, body),
            ),
            Effect::DeleteStatus { id } => remove(&self.status_file(id)?),
            Effect::PoolStatus { pool, usage } => {
                let name = ObjectName::new(self.namespace.as_str(), pool.as_str());
                // A pool of the ConfigMap `config` is no object that could have a status.
                if objects.ip_address_pools.get(&name).is_none() {
                    return Ok(());
                }
                let file = self.file("ipaddresspools", &self.namespace, pool.as_str())?;
                write(&file, &patch::pool(&self.namespace, pool.as_str(), usage))
            }
            Effect::ReservationStatus {
                reservation,
                status,
            } => {
                let (namespace, name) = (self.namespace.as_str(), reservation.as_str());
                let present = objects
                    .ip_reservations
                    .get(&ObjectName::new(namespace, name));
                let present = present.map(|object| &**object);
                let file = self.file("ipreservations", namespace, name)?;
                write(
                    &file,
                    &patch::reservation(namespace, name, status, present, Timestamp::now()),
                )
            }
            Effect::KeepLastGood(versions) => {
                let file = self.file("secrets", &self.namespace, LAST_GOOD_SECRET)?;
                write_secret(&file, &patch::last_good(&self.namespace, versions))
            }
            Effect::EmitEvent(event) => self.append(event),
            Effect::ConfigurationState(state) => {
                let name = patch::component_name(&state.component);
                let file = self.file("configurationstates", &self.namespace, &name)?;
                let written = fs::read_to_string(&file).ok();
                let written: Option<Value> =
                    written.and_then(|text| serde_saphyr::from_str(&text).ok());
                let object = patch::configuration_state(
                    &self.namespace,
                    state,
                    written.as_ref(),
                    Timestamp::now(),
                );
                write(&file, &object)
            }
        }
    }

    fn status_file(&self, id: &StatusId) -> Result<PathBuf, SinkError> {
        let kinds = match id.about {
            StatusAbout::Layer2(_) => "servicel2statuses",
            StatusAbout::Bgp(_) => "servicebgpstatuses",
            StatusAbout::Session(_) => "bgpsessions",
        };
        self.file(kinds, &self.namespace, &status_name(id))
    }

    /// The file of an object. The names come from files that anybody may have written, and must not lead elsewhere.
    fn file(&self, kinds: &str, namespace: &str, name: &str) -> Result<PathBuf, SinkError> {
        for part in [namespace, name] {
            if part.is_empty() || part.starts_with('.') || part.contains(['/', '\0']) {
                return Err(SinkError::Name(part.to_owned()));
            }
        }
        Ok(self
            .status
            .join(kinds)
            .join(namespace)
            .join(format!("{name}.yaml")))
    }

    fn append(&self, event: &Event) -> Result<(), SinkError> {
        let name = patch::component_name(&self.component);
        let file = self.status.join("events").join(format!("{name}.log"));
        let line = format!(
            "{}\n",
            serde_json::to_string(&patch::event(event, Timestamp::now()))?
        );
        let append = || {
            if fs::metadata(&file).is_ok_and(|metadata| metadata.len() > MAX_LOG) {
                fs::rename(&file, file.with_extension("log.1"))?;
            }
            fs::create_dir_all(self.status.join("events"))?;
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&file)?
                .write_all(line.as_bytes())
        };
        append().map_err(|source| SinkError::File {
            path: file.clone(),
            source,
        })
    }

    /// Removes the files of one kind whose objects are no more.
    fn prune<K>(&self, kinds: &str, objects: &Objects<K>) -> Result<(), SinkError> {
        let folder = self.status.join(kinds);
        let files = files_below(&folder).map_err(|source| SinkError::File {
            path: folder,
            source,
        })?;
        let kept: BTreeSet<&ObjectName> = objects.iter().map(|(name, _)| name).collect();
        for (name, file) in files {
            if !kept.contains(&name) {
                remove(&file)?;
            }
        }
        Ok(())
    }
}

impl Sink for DirSink {
    async fn apply(&self, effect: Effect, objects: &ClusterObjects) -> Result<(), SinkError> {
        // Made anew, it would look as if somebody had deleted everything in it.
        fs::metadata(&self.folder).map_err(|source| SinkError::File {
            path: self.folder.clone(),
            source,
        })?;
        self.carry_out(&effect, objects)
    }

    async fn retain(&self, objects: &ClusterObjects) -> Result<(), SinkError> {
        // What speakers have written is theirs to remove. While something cannot be read, nobody knows whether its
        // objects are no more.
        if self.component == Component::Controller && objects.errors.is_empty() {
            self.prune("services", &objects.services)?;
            self.prune("ipaddresspools", &objects.ip_address_pools)?;
            self.prune("ipreservations", &objects.ip_reservations)?;
        }
        Ok(())
    }
}

/// The objects that have a file in `folder`/NAMESPACE/NAME.yaml.
fn files_below(folder: &Path) -> io::Result<Vec<(ObjectName, PathBuf)>> {
    let mut files = Vec::new();
    for namespace in entries(folder)? {
        for file in entries(&namespace)? {
            let parts = (
                namespace.file_name().and_then(|name| name.to_str()),
                file.file_stem().and_then(|n| n.to_str()),
            );
            if let ((Some(namespace), Some(name)), Some("yaml")) =
                (parts, file.extension().and_then(|e| e.to_str()))
            {
                files.push((ObjectName::new(namespace, name), file.clone()));
            }
        }
    }
    Ok(files)
}

/// What is in a folder; nothing when it does not exist.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Puts an object into a file, unless it is there already.
fn write(file: &Path, object: &Value) -> Result<(), SinkError> {
    put(file, object, |temporary, text| fs::write(temporary, text))
}

/// Puts an object into a file that its owner alone may read, and sees to it that it is on the disk.
fn write_secret(file: &Path, object: &Value) -> Result<(), SinkError> {
    put(file, object, |temporary, text| {
        use std::os::unix::fs::OpenOptionsExt as _;
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut temporary = options.open(temporary)?;
        temporary.write_all(text.as_bytes())?;
        temporary.sync_all()
    })
}

/// Has an object written into a temporary file, which then takes the place of the one there is.
fn put(
    file: &Path,
    object: &Value,
    write: impl Fn(&Path, &str) -> io::Result<()>,
) -> Result<(), SinkError> {
    let text = serde_saphyr::to_string(object)?;
    if fs::read(file).is_ok_and(|written| written == text.as_bytes()) {
        return Ok(());
    }
    let put = || {
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        fs::create_dir_all(folder)?;
        // Hidden and without the ending of a manifest, so that no reader takes it for one. Two processes never write
        // the same file at once by design; the process id keeps them apart should they do so by accident.
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let temporary = folder.join(format!(".{name}.{}", std::process::id()));
        write(&temporary, &text)?;
        fs::rename(&temporary, file)
    };
    put().map_err(|source| SinkError::File {
        path: file.to_owned(),
        source,
    })
}

fn remove(file: &Path) -> Result<(), SinkError> {
    match fs::remove_file(file) {
        Err(source) if source.kind() != ErrorKind::NotFound => Err(SinkError::File {
            path: file.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
