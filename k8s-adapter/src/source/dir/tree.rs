//! The folder's files and what each of them says.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::io::ErrorKind;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use super::status::{overlay_pool, overlay_reservation, overlay_service};
use crate::source::SourceError;
use crate::source::manifest::{Manifest, is_hidden, is_manifest};
use crate::source::object::AnyObject;
use crate::translate::{
    ClusterObjects, ConfigError, ErrorEffect, LAST_GOOD_SECRET, Object, ObjectRef, Origin, Reason,
};

/// Told of each folder before its content is listed, so that what comes later is seen as an event.
pub(super) type Follow<'a> = &'a mut dyn FnMut(&Path);

/// The root, relative to itself.
const ROOT: &str = "";
/// The folder below the root where the processes write.
const STATUS: &str = "status";
/// The folder in there with what is laid over Services.
const SERVICES: &str = "services";
/// The folders in there that are read again whenever they change: those that the processes read of one another.
const FOLLOWED: [&str; 5] = [
    SERVICES,
    "bgpsessions",
    "configurationstates",
    "servicebgpstatuses",
    "servicel2statuses",
];

/// The folder's files and what each of them says.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    /// The manifests, by path relative to the root.
    files: BTreeMap<PathBuf, File>,
    /// The files under `status/`, by path relative to the root.
    statuses: BTreeMap<PathBuf, File>,
    /// Files that somebody has begun to write and not closed yet.
    being_written: BTreeSet<PathBuf>,
    /// Files that are gone, or different without anybody having been seen to write them, as they were found: `None`
    /// means gone. They stay in force as they were until they have kept that state for a while.
    unsettled: BTreeMap<PathBuf, Option<Fingerprint>>,
    /// Folders that cannot be listed: the files below stay in force.
    unlisted: BTreeMap<PathBuf, String>,
    /// Whether everything has been read once.
    is_read_once: bool,
}

#[derive(Debug)]
struct File {
    fingerprint: Fingerprint,
    digest: u64,
    manifest: Manifest,
}

/// What tells a file from its earlier content without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fingerprint {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Fingerprint {
    /// Follows symbolic links, which is how a mounted ConfigMap changes.
    fn of(path: &Path) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt as _;
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        })
    }
}

impl Tree {
    /// Reads everything.
    pub(super) fn read(root: &Path, follow: Follow<'_>) -> Result<Self, SourceError> {
        let mut tree = Self {
            root: root.to_owned(),
            files: BTreeMap::new(),
            statuses: BTreeMap::new(),
            being_written: BTreeSet::new(),
            unsettled: BTreeMap::new(),
            unlisted: BTreeMap::new(),
            is_read_once: false,
        };
        follow(root);
        fs::read_dir(root).map_err(|source| SourceError::Read {
            path: root.to_owned(),
            source,
        })?;
        tree.walk(Path::new(ROOT), follow);
        tree.is_read_once = true;
        Ok(tree)
    }

    /// Reads everything again, after events have been lost.
    pub(super) fn reread(&mut self, follow: Follow<'_>) -> bool {
        self.being_written.clear();
        let mut changed = self.walk(Path::new(ROOT), follow);
        let paths: Vec<PathBuf> = self
            .files
            .keys()
            .chain(self.statuses.keys())
            .cloned()
            .collect();
        for path in paths {
            changed |= self.load(&path);
        }
        changed
    }

    /// Somebody has closed, moved or linked something here: a file, which counts from now on, or a folder.
    pub(super) fn closed(&mut self, path: &Path, follow: Follow<'_>) -> bool {
        let Some(path) = self.relative(path) else {
            return false;
        };
        self.being_written.remove(&path);
        let kind = self
            .root
            .join(&path)
            .symlink_metadata()
            .map(|metadata| metadata.file_type());
        let (is_link, is_folder) =
            kind.map_or((false, false), |kind| (kind.is_symlink(), kind.is_dir()));
        if is_hidden(&path) {
            // A mounted ConfigMap is changed by moving a hidden link that all visible files go through.
            let folder = path.parent().map(Path::to_owned).unwrap_or_default();
            is_link && self.walk(&folder, follow)
        } else if is_folder {
            self.walk(&path, follow)
        } else {
            self.is_read(&path) && self.load(&path)
        }
    }

    /// Owner, mode or times of something have changed: it may have become readable.
    pub(super) fn touched(&mut self, path: &Path, follow: Follow<'_>) -> bool {
        let is_open = self
            .relative(path)
            .is_some_and(|path| self.being_written.contains(&path));
        !is_open && self.closed(path, follow)
    }

    /// Somebody writes to a file and has not closed it.
    pub(super) fn being_written(&mut self, path: &Path) -> bool {
        if let Some(path) = self.relative(path).filter(|path| self.is_read(path)) {
            self.being_written.insert(path);
        }
        false
    }

    /// A file or folder is gone, perhaps only while an editor puts the new version in its place.
    pub(super) fn vanished(&mut self, path: &Path) -> bool {
        let Some(path) = self.relative(path) else {
            return false;
        };
        if path == Path::new(ROOT) {
            return self.root_is_gone();
        }
        self.being_written.retain(|open| !open.starts_with(&path));
        self.unlisted.retain(|folder, _| !folder.starts_with(&path));
        let gone: Vec<PathBuf> = at_or_below(&self.statuses, &path).cloned().collect();
        for status in &gone {
            self.statuses.remove(status);
        }
        let vanished = at_or_below(&self.files, &path).map(|file| (file.clone(), None));
        self.unsettled.extend(vanished);
        !gone.is_empty()
    }

    /// The folder itself is gone. That is a mishap and no way to delete everything: all stays as it is until the folder
    /// is back.
    fn root_is_gone(&mut self) -> bool {
        let reason = "the folder is gone".to_owned();
        self.unlisted.insert(ROOT.into(), reason).is_none()
    }

    /// Whether somebody has put something into the folder. A mount that is lost leaves an empty one behind, which is no
    /// more a way to delete everything than having none.
    fn holds_anything(&self) -> bool {
        let entries = fs::read_dir(&self.root).into_iter().flatten().flatten();
        let mut names = entries.map(|entry| PathBuf::from(entry.file_name()));
        names.any(|name| !is_hidden(&name) && name != Path::new(STATUS))
    }

    /// Whether nothing waits to be looked at again.
    pub(super) fn is_settled(&self) -> bool {
        self.unsettled.is_empty() && !self.unlisted.contains_key(Path::new(ROOT))
    }

    /// How many files wait to be looked at again.
    pub(super) fn unsettled(&self) -> usize {
        self.unsettled.len()
    }

    /// Nothing has happened for a while: what has kept its state since counts now.
    pub(super) fn settle(&mut self, follow: Follow<'_>) -> bool {
        if !self.root.is_dir() {
            return self.root_is_gone();
        }
        if self.unlisted.contains_key(Path::new(ROOT)) {
            // What is not there again has as long to come as any file that is moved.
            return self.holds_anything() && self.walk(Path::new(ROOT), follow);
        }
        let mut changed = false;
        for (path, seen) in std::mem::take(&mut self.unsettled) {
            if self.being_written.contains(&path) {
                continue;
            }
            match (Fingerprint::of(&self.root.join(&path)), seen) {
                (Err(error), None) if error.kind() == ErrorKind::NotFound => {
                    changed |= self.files.remove(&path).is_some();
                    changed |= self.statuses.remove(&path).is_some();
                }
                (Ok(now), Some(seen)) if now != seen => {
                    self.unsettled.insert(path, Some(now));
                }
                _ => changed |= self.load(&path),
            }
        }
        changed
    }

    /// Lists a folder, relative to the root, and all below it; reads the files that are new there.
    fn walk(&mut self, folder: &Path, follow: Follow<'_>) -> bool {
        let mut found = BTreeSet::new();
        let mut changed = false;
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let absolute = self.root.join(&folder);
            follow(&absolute);
            let entries = match fs::read_dir(&absolute)
                .and_then(Iterator::collect::<io::Result<Vec<_>>>)
            {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound && folder != Path::new(ROOT) => {
                    continue;
                }
                Err(error) => {
                    changed |= self.unlisted.insert(folder, error.to_string()).is_none();
                    continue;
                }
            };
            changed |= self.unlisted.remove(&folder).is_some();
            for entry in entries {
                let path = folder.join(entry.file_name());
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    if !is_hidden(&path) {
                        folders.push(path);
                    }
                } else if is_manifest(&path) {
                    changed |= self.meet(&path);
                    found.insert(path);
                }
            }
        }
        let is_gone = |file: &&PathBuf| {
            !found.contains(*file)
                && !self
                    .unlisted
                    .keys()
                    .any(|unlisted| file.starts_with(unlisted))
        };
        let gone: Vec<PathBuf> = at_or_below(&self.files, folder)
            .filter(is_gone)
            .cloned()
            .collect();
        self.unsettled
            .extend(gone.into_iter().map(|file| (file, None)));
        changed
    }

    /// A file that was found by listing its folder: reads it when it is new.
    ///
    /// Later on, who made its folder may still be writing it, before that folder was watched; statuses are moved into
    /// place whole.
    fn meet(&mut self, path: &Path) -> bool {
        let known = self
            .files
            .get(path)
            .or_else(|| self.statuses.get(path))
            .map(|file| file.fingerprint);
        let now = Fingerprint::of(&self.root.join(path)).ok();
        match known {
            None if self.is_read_once && !path.starts_with(STATUS) => {
                self.unsettled.entry(path.to_owned()).or_insert(now);
                false
            }
            None => !self.being_written.contains(path) && self.load(path),
            Some(known) => {
                if now.is_some_and(|now| now != known) {
                    self.unsettled.entry(path.to_owned()).or_insert(now);
                } else {
                    self.unsettled.remove(path);
                }
                false
            }
        }
    }

    /// Reads a file, relative to the root. True when it says something else than before.
    fn load(&mut self, path: &Path) -> bool {
        let absolute = self.root.join(path);
        let name = Arc::new(path.to_owned());
        let files = if path.starts_with(STATUS) {
            &mut self.statuses
        } else {
            &mut self.files
        };
        let content = Fingerprint::of(&absolute)
            .and_then(|fingerprint| Ok((fingerprint, fs::read(&absolute)?)));
        let (fingerprint, digest, mut manifest) = match content {
            Ok((fingerprint, content)) => {
                let digest = digest(&content);
                if let Some(file) = files.get_mut(path).filter(|file| file.digest == digest) {
                    file.fingerprint = fingerprint;
                    return self.unsettled.remove(path).is_some();
                }
                let manifest = match str::from_utf8(&content) {
                    Ok(text) => Manifest::parse(&name, text),
                    Err(error) => {
                        Manifest::unavailable(&name, Reason::Unreadable(error.to_string()))
                    }
                };
                (fingerprint, digest, manifest)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if files.contains_key(path) {
                    self.unsettled.insert(path.to_owned(), None);
                }
                return false;
            }
            Err(error) => {
                let manifest = Manifest::unavailable(&name, Reason::Unavailable(error.to_string()));
                let fingerprint = Fingerprint {
                    device: 0,
                    inode: 0,
                    length: 0,
                    modified: (0, 0),
                };
                (fingerprint, digest(&[]), manifest)
            }
        };
        if let Some(earlier) = files.remove(path) {
            manifest.keep_last_good(earlier.manifest);
        }
        files.insert(
            path.to_owned(),
            File {
                fingerprint,
                digest,
                manifest,
            },
        );
        self.unsettled.remove(path);
        true
    }

    /// The path below the root; `None` for one that is not there.
    fn relative(&self, path: &Path) -> Option<PathBuf> {
        path.strip_prefix(&self.root).map(Path::to_owned).ok()
    }

    /// Whether changes of a file count: that of a manifest, or of a status that some process reads.
    fn is_read(&self, path: &Path) -> bool {
        let is_seen = !path.ancestors().any(is_hidden);
        let is_followed = |folder: &&str| path.starts_with(Path::new(STATUS).join(folder));
        is_seen
            && is_manifest(path)
            && (!path.starts_with(STATUS) || FOLLOWED.iter().any(is_followed))
    }

    /// What all files say together.
    pub(super) fn objects(&self) -> ClusterObjects {
        let mut collected = Collected::default();
        let is_there = |path: &PathBuf| self.unsettled.get(path) != Some(&None);
        for (_, file) in self.files.iter().filter(|(path, _)| is_there(path)) {
            collected.add(&file.manifest);
        }
        // Whatever is gone or broken yields to the same object elsewhere: it was most likely moved there.
        for (_, file) in self.files.iter().filter(|(path, _)| !is_there(path)) {
            collected.fill_in(&file.manifest.objects);
        }
        for file in self.files.values() {
            collected.fill_in(&file.manifest.kept);
        }
        for (folder, error) in &self.unlisted {
            collected.objects.errors.push(unlisted(folder, error));
        }
        self.lay_over_statuses(&mut collected.objects);
        collected.objects
    }

    fn lay_over_statuses(&self, objects: &mut ClusterObjects) {
        for (path, file) in &self.statuses {
            objects.errors.extend(file.manifest.errors.iter().cloned());
            let said = file.manifest.kept.iter().chain(&file.manifest.objects);
            for (id, (object, origin)) in said {
                match object {
                    AnyObject::Service(status)
                        if path.starts_with(Path::new(STATUS).join(SERVICES)) =>
                    {
                        if let Some(service) = objects.services.entry(&id.name).cloned() {
                            let overlaid = overlay_service(&service.value, status);
                            let overlaid = Object {
                                value: overlaid,
                                ..service
                            };
                            objects.services.insert(id.name.clone(), overlaid);
                        }
                    }
                    AnyObject::IPAddressPool(written) => {
                        if let Some(pool) = objects.ip_address_pools.entry(&id.name).cloned() {
                            let overlaid = overlay_pool(&pool.value, written);
                            let overlaid = Object {
                                value: overlaid,
                                ..pool
                            };
                            objects.ip_address_pools.insert(id.name.clone(), overlaid);
                        }
                    }
                    AnyObject::IPReservation(written) => {
                        if let Some(reservation) = objects.ip_reservations.entry(&id.name).cloned()
                        {
                            let overlaid = overlay_reservation(&reservation.value, written);
                            let overlaid = Object {
                                value: overlaid,
                                ..reservation
                            };
                            objects.ip_reservations.insert(id.name.clone(), overlaid);
                        }
                    }
                    AnyObject::BGPSession(_)
                    | AnyObject::ServiceBGPStatus(_)
                    | AnyObject::ServiceL2Status(_)
                    | AnyObject::ConfigurationState(_) => {
                        object.insert_into(objects, id.name.clone(), origin.clone());
                    }
                    AnyObject::Secret(_) if *id.name.name == *LAST_GOOD_SECRET => {
                        object.insert_into(objects, id.name.clone(), origin.clone());
                    }
                    // Nobody writes anything else there, and manifests do not belong there.
                    _ => {}
                }
            }
        }
    }
}

/// The objects of several manifests.
#[derive(Default)]
struct Collected<'a> {
    objects: ClusterObjects,
    defined: BTreeMap<&'a ObjectRef, &'a Origin>,
}

impl<'a> Collected<'a> {
    /// Adds what a file says. Of two files with one object the first counts.
    fn add(&mut self, manifest: &'a Manifest) {
        for (id, (object, origin)) in &manifest.objects {
            if let Some(first) = self.defined.get(id) {
                self.objects.errors.push(ConfigError {
                    object: Some(id.clone()),
                    field: String::new(),
                    reason: Reason::DefinedTwice {
                        first: (*first).clone(),
                    },
                    origin: Some(origin.clone()),
                    effect: ErrorEffect::OutOfForce,
                });
                continue;
            }
            self.defined.insert(id, origin);
            object.insert_into(&mut self.objects, id.name.clone(), origin.clone());
            let lines = manifest.field_lines.get(id);
            self.objects
                .field_lines
                .extend(lines.map(|lines| (id.clone(), Arc::clone(lines))));
        }
        self.objects.errors.extend(manifest.errors.iter().cloned());
    }

    /// Adds those of `others` that no file has.
    fn fill_in(&mut self, others: &'a BTreeMap<ObjectRef, (AnyObject, Origin)>) {
        for (id, (object, origin)) in others {
            if !self.defined.contains_key(id) {
                self.defined.insert(id, origin);
                object.insert_into(&mut self.objects, id.name.clone(), origin.clone());
            }
        }
    }
}

/// The files that `path` is or holds: paths are ordered by their components, so that these are neighbours.
fn at_or_below<'a>(
    files: &'a BTreeMap<PathBuf, File>,
    path: &'a Path,
) -> impl Iterator<Item = &'a PathBuf> {
    let from = (Bound::Included(path), Bound::Unbounded);
    let neighbours = files.range::<Path, _>(from).map(|(file, _)| file);
    neighbours.take_while(move |file| file.starts_with(path))
}

fn unlisted(folder: &Path, error: &str) -> ConfigError {
    let folder = if folder == Path::new(ROOT) {
        Path::new(".")
    } else {
        folder
    };
    ConfigError {
        object: None,
        field: String::new(),
        reason: Reason::Unavailable(error.to_owned()),
        origin: Some(Origin {
            file: Arc::new(folder.to_owned()),
            document: 1,
            line: None,
        }),
        effect: ErrorEffect::LastGoodInForce,
    }
}

fn digest(content: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish()
}
