//! Who asked the API server for what, by its audit log.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Seek as _, SeekFrom};
use std::ops::AddAssign;
use std::path::PathBuf;

use serde::Deserialize;

use super::ControlPlane;
use crate::LabError;

/// The verbs of whoever changes something.
const WRITING: &[&str] = &["create", "patch", "update", "delete"];

/// A place in the audit log: requests are counted from there on.
#[derive(Clone, Debug)]
pub struct Audit {
    log: PathBuf,
    offset: u64,
    /// Where the objects are that requests are counted of; empty for everywhere.
    namespaces: Vec<String>,
}

impl Audit {
    /// Begins to count now.
    #[must_use]
    pub fn from_now(plane: &ControlPlane) -> Self {
        let log = plane.audit_log();
        let offset = fs::metadata(&log).map_or(0, |metadata| metadata.len());
        let namespaces = Vec::new();
        Self {
            log,
            offset,
            namespaces,
        }
    }

    /// Counts the requests for objects of these namespaces only.
    #[must_use]
    pub fn within(mut self, namespaces: &[&str]) -> Self {
        self.namespaces = namespaces.iter().copied().map(str::to_owned).collect();
        self
    }

    /// The requests of a user so far. A ServiceAccount is the user `system:serviceaccount:<namespace>:<name>`.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn requests(&self, user: &str) -> Result<Requests, LabError> {
        let (requests, _) = self.count(|entry| entry.is_counted() && entry.is_of(user))?;
        Ok(requests)
    }

    /// The same since the last call alone, for whoever looks again and again at a log that grows.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn take_requests(&mut self, user: &str) -> Result<Requests, LabError> {
        let (requests, end) = self.count(|entry| entry.is_counted() && entry.is_of(user))?;
        self.offset = end;
        Ok(requests)
    }

    /// Those of them that the user has no right to.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn refused(&self, user: &str) -> Result<Requests, LabError> {
        let (requests, _) = self.count(|entry| entry.is_forbidden() && entry.is_of(user))?;
        Ok(requests)
    }

    /// Also tells where the last whole line ends.
    fn count(&self, is_meant: impl Fn(&Entry) -> bool) -> Result<(Requests, u64), LabError> {
        let failed = || LabError::io(format!("reading {}", self.log.display()));
        let mut file = File::open(&self.log).map_err(failed())?;
        file.seek(SeekFrom::Start(self.offset)).map_err(failed())?;
        let (mut requests, mut end) = (Requests::default(), self.offset);
        let (mut reader, mut line) = (BufReader::new(file), String::new());
        loop {
            line.clear();
            let length = reader.read_line(&mut line).map_err(failed())?;
            // The last line may not be whole yet.
            if !line.ends_with('\n') {
                break;
            }
            end += u64::try_from(length).unwrap_or(u64::MAX);
            // Nor was the line, perhaps, at whose end counting began.
            let Ok(entry) = serde_json::from_str::<Entry>(&line) else {
                continue;
            };
            if is_meant(&entry) && (self.namespaces.is_empty() || entry.is_in(&self.namespaces)) {
                *requests.0.entry(entry.name()).or_default() += 1;
            }
        }
        Ok((requests, end))
    }
}

/// How often a user asked for what, as in `patch services/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests(BTreeMap<String, usize>);

impl Requests {
    /// How often for this, as in `patch services/status`, `list nodes`, `get /readyz`.
    #[must_use]
    pub fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How often with one of these verbs, for anything.
    #[must_use]
    pub fn with_verbs(&self, verbs: &[&str]) -> usize {
        let is_meant = |name: &str| {
            name.split_once(' ')
                .is_some_and(|(verb, _)| verbs.contains(&verb))
        };
        let counts = self.0.iter().filter(|(name, _)| is_meant(name));
        counts.map(|(_, count)| count).sum()
    }

    /// How often anything was written.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.with_verbs(WRITING)
    }

    /// How often objects of a resource were written, or parts of them, as their status.
    #[must_use]
    pub fn writes_of(&self, resource: &str) -> usize {
        let status = format!("{resource}/status");
        let names = WRITING
            .iter()
            .flat_map(|verb| [resource, &status].map(|part| format!("{verb} {part}")));
        names.map(|name| self.of(&name)).sum()
    }

    /// How often in all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }
}

impl AddAssign for Requests {
    fn add_assign(&mut self, more: Self) {
        for (name, count) in more.0 {
            *self.0.entry(name).or_default() += count;
        }
    }
}

/// One line for each kind of request.
impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|(name, count)| writeln!(f, "{count:>7} {name}"))
    }
}

/// What is read of one line.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    stage: String,
    verb: String,
    user: User,
    #[serde(rename = "requestURI")]
    request_uri: String,
    object_ref: Option<ObjectRef>,
    response_status: Option<ResponseStatus>,
}

#[derive(Deserialize)]
struct ResponseStatus {
    code: Option<u16>,
}

#[derive(Deserialize)]
struct User {
    #[serde(default)]
    username: String,
}

#[derive(Deserialize)]
struct ObjectRef {
    namespace: Option<String>,
    resource: Option<String>,
    subresource: Option<String>,
}

impl Entry {
    /// A watch has two lines, one when it begins and one when it ends; what else is long also has both.
    fn is_counted(&self) -> bool {
        let counted = if self.verb == "watch" {
            "ResponseStarted"
        } else {
            "ResponseComplete"
        };
        self.stage == counted
    }

    fn is_of(&self, user: &str) -> bool {
        self.user.username == user
    }

    fn is_in(&self, namespaces: &[String]) -> bool {
        let object = self.object_ref.as_ref();
        let namespace = object.and_then(|object| object.namespace.as_ref());
        namespace.is_some_and(|namespace| namespaces.contains(namespace))
    }

    fn is_forbidden(&self) -> bool {
        let status = self.response_status.as_ref();
        self.stage == "ResponseComplete" && status.is_some_and(|status| status.code == Some(403))
    }

    fn name(&self) -> String {
        let object = self.object_ref.as_ref();
        let subresource = object.and_then(|object| object.subresource.as_ref());
        match (
            object.and_then(|object| object.resource.as_ref()),
            subresource,
        ) {
            (Some(resource), Some(part)) => format!("{} {resource}/{part}", self.verb),
            (Some(resource), None) => format!("{} {resource}", self.verb),
            (None, _) => {
                let path = self.request_uri.split('?').next().unwrap_or_default();
                format!("{} {path}", self.verb)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINE: &str = r#"{"stage": "ResponseComplete", "verb": "patch", "user": {"username": "ann"}, "requestURI": "/", "objectRef": {"resource": "nodes"}}"#;

    #[test]
    fn each_request_is_taken_once_and_only_when_its_line_is_whole() {
        let mut log = tempfile::NamedTempFile::new().unwrap();
        let mut audit = Audit {
            log: log.path().to_owned(),
            offset: 0,
            namespaces: Vec::new(),
        };
        let mut take = |text: &str| {
            log.write_all(text.as_bytes()).unwrap();
            audit.take_requests("ann").unwrap().of("patch nodes")
        };
        assert_eq!(take(&format!("{LINE}\n{LINE}\n")), 2);
        assert_eq!(take(LINE), 0);
        assert_eq!(take("\n"), 1);
        assert_eq!(take(&format!("the end of a line\n{LINE}\n")), 1);
        assert_eq!(take(""), 0);
    }

    #[test]
    fn requests_add_up() {
        let of = |counts: &[(&str, usize)]| {
            let counts = counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count));
            Requests(counts.collect())
        };
        let mut requests = of(&[("get a", 1), ("get b", 2)]);
        requests += of(&[("get b", 3), ("get c", 4)]);
        assert_eq!(requests, of(&[("get a", 1), ("get b", 5), ("get c", 4)]));
    }
}
