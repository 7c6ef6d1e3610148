//! What is wrong with the configuration: which object, which field, why, and what follows from it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use planner::overlap::Overlap;

/// The kinds of object that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `metallb.io` BFDProfile.
    BFDProfile,
    /// `metallb.io` BGPAdvertisement.
    BGPAdvertisement,
    /// `metallb.io` BGPPeer.
    BGPPeer,
    /// `ferrolb.io` BGPPolicy.
    BGPPolicy,
    /// `metallb.io` Community.
    Community,
    /// `metallb.io` ConfigurationState.
    ConfigurationState,
    /// `metallb.io` IPAddressPool.
    IPAddressPool,
    /// `ferrolb.io` BGPSession.
    BGPSession,
    /// `ferrolb.io` IPReservation.
    IPReservation,
    /// `metallb.io` L2Advertisement.
    L2Advertisement,
    /// `metallb.io` ServiceBGPStatus.
    ServiceBGPStatus,
    /// `metallb.io` ServiceL2Status.
    ServiceL2Status,
    /// ConfigMap of the core group.
    ConfigMap,
    /// FRRConfiguration of `frrk8s.metallb.io`.
    FRRConfiguration,
    /// EndpointSlice of `discovery.k8s.io`.
    EndpointSlice,
    /// Namespace of the core group.
    Namespace,
    /// Node of the core group.
    Node,
    /// Secret of the core group.
    Secret,
    /// Service of the core group.
    Service,
    /// ServiceCIDR of `networking.k8s.io`.
    ServiceCIDR,
}

impl Kind {
    /// The name as an object's `kind` spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BFDProfile => "BFDProfile",
            Self::BGPAdvertisement => "BGPAdvertisement",
            Self::BGPPeer => "BGPPeer",
            Self::BGPPolicy => "BGPPolicy",
            Self::Community => "Community",
            Self::ConfigurationState => "ConfigurationState",
            Self::BGPSession => "BGPSession",
            Self::IPAddressPool => "IPAddressPool",
            Self::IPReservation => "IPReservation",
            Self::L2Advertisement => "L2Advertisement",
            Self::ServiceBGPStatus => "ServiceBGPStatus",
            Self::ServiceL2Status => "ServiceL2Status",
            Self::ConfigMap => "ConfigMap",
            Self::FRRConfiguration => "FRRConfiguration",
            Self::EndpointSlice => "EndpointSlice",
            Self::Namespace => "Namespace",
            Self::Node => "Node",
            Self::Secret => "Secret",
            Self::Service => "Service",
            Self::ServiceCIDR => "ServiceCIDR",
        }
    }

    /// Whether objects of this kind are what FerroLB is configured with: its own kinds, without those of statuses.
    #[must_use]
    pub fn is_configuration(self) -> bool {
        matches!(
            self,
            Self::BFDProfile
                | Self::BGPAdvertisement
                | Self::BGPPeer
                | Self::BGPPolicy
                | Self::Community
                | Self::IPAddressPool
                | Self::IPReservation
                | Self::L2Advertisement
        )
    }

    /// Whether objects of this kind belong to no namespace.
    #[must_use]
    pub fn is_cluster_scoped(self) -> bool {
        matches!(self, Self::Namespace | Self::Node | Self::ServiceCIDR)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An object's namespace and name within its kind; ordered by namespace, then name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The namespace; empty for Nodes and Namespaces.
    pub namespace: Arc<str>,
    /// The name.
    pub name: Arc<str>,
}

impl ObjectName {
    /// The object `name` in `namespace`.
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            namespace: namespace.into(),
            name: name.into(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.pad(&self.name)
        } else {
            write!(f, "{}/{}", self.namespace, self.name)
        }
    }
}

/// One object among all: written `IPAddressPool metallb-system/production`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Its kind.
    pub kind: Kind,
    /// Its namespace and name.
    pub name: ObjectName,
}

impl ObjectRef {
    /// The object `name` of `kind`.
    #[must_use]
    pub fn new(kind: Kind, name: ObjectName) -> Self {
        Self { kind, name }
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}

/// Where in a folder of manifests an object was read; written `FILE:LINE (document N)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// The file, relative to the folder.
    pub file: Arc<PathBuf>,
    /// Which of the file's documents, from 1.
    pub document: usize,
    /// The line that the error is about, from 1, where known; else that of the document.
    pub line: Option<u64>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, " (document {})", self.document)
    }
}

/// The lines of a file that the fields of an object are on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldLines(BTreeMap<String, u64>);

impl FieldLines {
    /// Notes the line, from 1, of the field at `path`, such as `spec.addresses[0]`; 0 counts as not known.
    pub fn insert(&mut self, path: String, line: u64) {
        if line > 0 {
            self.0.insert(path, line);
        }
    }

    /// The line of `field`, or of the nearest field around it that is there.
    #[must_use]
    pub fn line_of(&self, field: &str) -> Option<u64> {
        let mut path = field;
        loop {
            if let Some(line) = self.0.get(path) {
                return Some(*line);
            }
            path = match path.rfind(['.', '[']) {
                Some(end) => path.get(..end)?,
                None if path.is_empty() => return None,
                None => "",
            };
        }
    }

    /// The lines of what is at `path`, with the paths that they have within it, all `below` lines further down.
    #[must_use]
    pub fn within(&self, path: &str, below: u64) -> Self {
        let inside = self.0.range(path.to_owned()..);
        let inside = inside.map_while(|(inner, line)| Some((inner.strip_prefix(path)?, line)));
        // `items[1]` is not within `items[10]`, and `spec.a` is not within `spec.ab`.
        let inside = inside
            .filter(|(rest, _)| path.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']));
        let inside = inside.map(|(rest, line)| {
            let rest = rest.strip_prefix('.').unwrap_or(rest);
            (rest.to_owned(), line.saturating_add(below))
        });
        Self(inside.collect())
    }
}

/// One thing that is wrong with the configuration; written
/// `pools.yaml:12 (document 2): IPAddressPool metallb-system/web: spec.addresses[0]: REASON; not in force`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The object at fault; `None` when a document cannot be read far enough to name one.
    pub object: Option<ObjectRef>,
    /// Path of the field, such as `spec.addresses[0]`; empty when the whole object is meant.
    pub field: String,
    /// What is wrong.
    pub reason: Reason,
    /// Where the object was read, if from a file.
    pub origin: Option<Origin>,
    /// What follows for the object.
    pub effect: ErrorEffect,
}

impl ConfigError {
    /// Whether the object is not in force as written (a warning leaves it in force).
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.effect != ErrorEffect::Warning
    }

    /// Whether the fault may go away without a change of the object itself, because what it refers to may still come.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.reason, Reason::NotFound(_))
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        if let Some(object) = &self.object {
            write!(f, "{object}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}{}", self.reason, self.effect)
    }
}

/// What an error means for its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorEffect {
    /// The object is in force as written all the same.
    Warning,
    /// The last good version of the object stays in force.
    LastGoodInForce,
    /// The object is not in force.
    OutOfForce,
}

impl fmt::Display for ErrorEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Warning => "",
            Self::LastGoodInForce => "; its last good version stays in force",
            Self::OutOfForce => "; not in force",
        })
    }
}

/// What is wrong with a field or an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The text is no YAML or JSON, or no Kubernetes object.
    #[error("{0}")]
    Unreadable(String),
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unavailable(String),
    /// The kind has no such field.
    #[error("unknown field")]
    UnknownField,
    /// The value does not have the field's type or is out of range.
    #[error("{0}")]
    Invalid(String),
    /// The field must be there.
    #[error("must be set")]
    Missing,
    /// Two fields of which only one may be set.
    #[error("cannot be set together with {other}")]
    Exclusive {
        /// The other field.
        other: &'static str,
    },
    /// A field that means nothing without another.
    #[error("can only be set together with {other}")]
    Needs {
        /// The other field.
        other: &'static str,
    },
    /// Neither of two fields is set, of which one must be.
    #[error("this or {other} must be set")]
    OneOf {
        /// The other field.
        other: &'static str,
    },
    /// The list holds this twice.
    #[error("{0} is there twice")]
    Duplicate(String),
    /// Another object has the same namespace and name.
    #[error("the same object is also in {first}, which is the one in force")]
    DefinedTwice {
        /// Where it is defined too.
        first: Origin,
    },
    /// An older object holds what this one claims (compat/metallb.md 12 #3).
    #[error("{what} conflicts with {there} of {with}, which is older or comes first by name")]
    Conflict {
        /// What this object claims.
        what: String,
        /// The older object.
        with: ObjectRef,
        /// What that one holds.
        there: String,
    },
    /// The object named does not exist, or not yet.
    #[error("{0} does not exist")]
    NotFound(String),
    /// Objects of this kind count in one namespace only.
    #[error("must be in namespace {expected}")]
    WrongNamespace {
        /// That namespace.
        expected: Arc<str>,
    },
    /// A field of the API that is not honoured yet.
    #[error("not supported yet: {field}")]
    NotSupportedYet {
        /// The field or kind.
        field: &'static str,
    },
    /// Raw FRR configuration: there is no FRR to give it to (compat/metallb.md 1.12).
    #[error("raw FRR configuration cannot be honoured: there is no FRR here")]
    RawFrrConfiguration,
    /// The cluster uses addresses of a pool for something else.
    #[error("{0}")]
    Overlap(Overlap),
    /// The ConfigMap that configured MetalLB up to 0.12 (compat/metallb.md 1.13).
    #[error(
        "configuration by ConfigMap is deprecated: it counts as {objects} objects, which `ferrolb convert` prints"
    )]
    LegacyConfiguration {
        /// How many.
        objects: usize,
    },
    /// Another name is used, which is one that Kubernetes takes.
    #[error("counts as {name:?}, and must be asked for by that name")]
    Renamed {
        /// The name that counts.
        name: String,
    },
    /// What this would be converted to is there as an object of its own, and says something else.
    #[error("{by} is there and says something else: remove one of them")]
    Overruled {
        /// That object.
        by: ObjectRef,
    },
    /// Configuration of a daemon that is not there (compat/metallb.md 12 #12).
    #[error("not honoured: there is no FRR here; BGPPeer and BGPAdvertisement configure sessions")]
    FrrConfiguration,
    /// Some peers are never told what the field says.
    #[error("has no effect towards BGPPeer {peers}: {why}")]
    NoEffectTowards {
        /// The BGPPeers, with commas.
        peers: String,
        /// Why not.
        why: &'static str,
    },
    /// A field that no longer does anything.
    #[error("deprecated, has no effect")]
    WithoutEffect,
}
