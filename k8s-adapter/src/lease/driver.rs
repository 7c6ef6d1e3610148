//! The machine over a Kubernetes API.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use k8s_openapi::api::coordination::v1::Lease as LeaseObject;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, info, warn};

use super::leadership::{Leadership, Standing};
use super::machine::{Candidate, Input, Lease, Output, Timing, Write};
use crate::telemetry::chain;

/// Where the Lease is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Seeks leadership, in a task of its own.
#[derive(Debug)]
pub struct Elector {
    leadership: Leadership,
    release: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Elector {
    /// Seeks leadership from now on. `identity` is who this process is to people; something is added to it so that no
    /// other process has the same.
    #[must_use]
    pub fn start(client: Client, lease: &LeaseName, identity: &str, timing: Timing) -> Self {
        let identity: Arc<str> = format!("{identity}_{:016x}", fastrand::u64(..)).into();
        let (standing, leadership) = watch::channel(Standing::Unknown);
        let (release, released) = oneshot::channel();
        let api: Api<LeaseObject> = Api::namespaced(client, &lease.namespace);
        let now = Instant::now();
        let task = Task {
            candidate: Candidate::new(now.into_std(), Arc::clone(&identity), timing),
            server: Server {
                api,
                name: lease.name.clone(),
                identity,
            },
            standing,
            failing: false,
        };
        Self {
            leadership: Leadership::of(leadership),
            release,
            task: tokio::spawn(task.run(released)),
        }
    }

    /// Whether this process leads.
    #[must_use]
    pub fn leadership(&self) -> Leadership {
        self.leadership.clone()
    }

    /// Lets another process lead at once. Whatever writes under this leadership must have ended before.
    pub async fn release(self) {
        // A task that has ended holds nothing.
        let _ = self.release.send(());
        if timeout(RELEASE_TIME, self.task).await.is_err() {
            warn!(
                "the Lease could not be given up in time, another replica has to wait until it runs out"
            );
        }
    }
}

struct Task {
    candidate: Candidate,
    server: Server,
    standing: watch::Sender<Standing>,
    /// Whether the API server's failure has been told.
    failing: bool,
}

/// What came of a read or write; an error in words when nothing is known of it.
type Answer = Pin<Box<dyn Future<Output = Result<Input, String>> + Send>>;

impl Task {
    async fn run(mut self, released: oneshot::Receiver<()>) {
        let mut seen = self.server.watch();
        let mut released = Some(released);
        let mut answer: Option<Answer> = None;
        loop {
            while let Some(output) = self.candidate.poll_output() {
                match output {
                    Output::Read => {
                        let patience = self.candidate.patience();
                        answer = Some(Box::pin(self.server.clone().read(patience)));
                    }
                    Output::Write(write) => {
                        let patience = self.candidate.patience();
                        answer = Some(Box::pin(self.server.clone().write(write, patience)));
                    }
                    Output::Leading { until } => self.lead(Instant::from_std(until)),
                    Output::Lost => self.lose(),
                    Output::Released => return,
                }
            }
            let input = tokio::select! {
                answered = pending_or(answer.as_mut()) => {
                    answer = None;
                    Some(self.tell_failure(answered))
                }
                Some(lease) = seen.next() => Some(Input::Seen(lease)),
                // Whoever dropped the other end wants no leadership either.
                _ = pending_or(released.as_mut()) => {
                    released = None;
                    Some(Input::Release)
                }
                () = sleep_to(self.candidate.poll_timeout()) => None,
            };
            let now = Instant::now().into_std();
            match input {
                Some(input) => {
                    self.follow();
                    self.candidate.handle_input(now, input);
                }
                None => self.candidate.handle_timeout(now),
            }
        }
    }

    /// The first of several failures is worth a line.
    fn tell_failure(&mut self, answered: Result<Input, String>) -> Input {
        match &answered {
            Err(error) if !self.failing => warn!(error, "Lease cannot be read or written"),
            Err(error) => debug!(error, "Lease still cannot be read or written"),
            Ok(_) => {}
        }
        self.failing = answered.is_err();
        answered.unwrap_or(Input::Failed)
    }

    fn lead(&self, until: Instant) {
        let before = self.standing.send_replace(Standing::Leading { until });
        if !matches!(before, Standing::Leading { .. }) {
            info!(identity = %self.server.identity, "Lease held");
        }
    }

    fn lose(&self) {
        self.standing.send_replace(Standing::Unknown);
        info!(identity = %self.server.identity, "Lease lost");
    }

    /// Whoever does not lead knows who may, as long as the API server tells.
    fn follow(&self) {
        let follows = if self.failing {
            Standing::Unknown
        } else {
            Standing::Following
        };
        self.standing.send_if_modified(|standing| {
            let changes = !matches!(standing, Standing::Leading { .. }) && *standing != follows;
            if changes {
                *standing = follows;
            }
            changes
        });
    }
}

/// What is asked of the API server.
#[derive(Clone)]
struct Server {
    api: Api<LeaseObject>,
    name: String,
    identity: Arc<str>,
}

impl Server {
    fn watch(&self) -> Pin<Box<dyn Stream<Item = Option<Lease>> + Send>> {
        let stream = watch_object(self.api.clone(), &self.name).default_backoff();
        let shown = stream.filter_map(async |seen: watcher::Result<Option<LeaseObject>>| {
            seen.inspect_err(|error| debug!(error = chain(error), "Lease cannot be watched"))
                .ok()
        });
        // It does not end; if it did, reading would do.
        Box::pin(
            shown
                .map(|lease| lease.as_ref().map(lease_of))
                .chain(stream::pending()),
        )
    }

    async fn read(self, patience: Duration) -> Result<Input, String> {
        let lease = timeout(patience, self.api.get_opt(&self.name)).await;
        let lease = lease
            .map_err(|_| SLOW.to_owned())?
            .map_err(|error| chain(&error))?;
        Ok(Input::Read(lease.as_ref().map(lease_of)))
    }

    async fn write(self, write: Write, patience: Duration) -> Result<Input, String> {
        let written = async {
            match self.change(&write) {
                Change::New(object) => self.api.create(&PostParams::default(), &object).await,
                Change::Patch(patch) => {
                    let parameters = PatchParams::default();
                    self.api
                        .patch(&self.name, &parameters, &Patch::Merge(patch))
                        .await
                }
            }
        };
        match timeout(patience, written)
            .await
            .map_err(|_| SLOW.to_owned())?
        {
            Ok(lease) => Ok(Input::Written(lease_of(&lease))),
            // It exists already, is another by now, or is gone.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(Input::Refused),
            Err(error) => Err(chain(&error)),
        }
    }

    fn new_object(&self, duration: Duration) -> LeaseObject {
        let now = MicroTime(Timestamp::now());
        let mut object = LeaseObject::default();
        object.metadata.name = Some(self.name.clone());
        let spec = object.spec.get_or_insert_default();
        spec.holder_identity = Some(self.identity.to_string());
        spec.lease_duration_seconds = Some(seconds(duration));
        spec.acquire_time = Some(now.clone());
        spec.renew_time = Some(now);
        spec.lease_transitions = Some(0);
        object
    }

    fn change(&self, write: &Write) -> Change {
        let now = MicroTime(Timestamp::now());
        let (version, spec) = match write {
            Write::Create { duration } => return Change::New(Box::new(self.new_object(*duration))),
            Write::Take {
                version,
                transitions,
                duration,
            } => {
                let spec = json!({
                    "holderIdentity": &*self.identity,
                    "leaseDurationSeconds": seconds(*duration),
                    "acquireTime": now,
                    "renewTime": now,
                    "leaseTransitions": transitions,
                });
                (version, spec)
            }
            Write::Renew { version, duration } => {
                let seconds = seconds(*duration);
                let spec = json!({"leaseDurationSeconds": seconds, "renewTime": now});
                (version, spec)
            }
            Write::GiveUp { version } => (version, json!({"holderIdentity": "", "renewTime": now})),
        };
        Change::Patch(json!({"metadata": {"resourceVersion": &**version}, "spec": spec}))
    }
}

/// How a write is carried out.
enum Change {
    /// The whole object, where there is none.
    New(Box<LeaseObject>),
    /// What of the object changes.
    Patch(Value),
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn lease_of(object: &LeaseObject) -> Lease {
    let spec = object.spec.clone().unwrap_or_default();
    let seconds = spec.lease_duration_seconds.unwrap_or(0);
    Lease {
        version: object
            .metadata
            .resource_version
            .clone()
            .unwrap_or_default()
            .into(),
        holder: spec
            .holder_identity
            .filter(|holder| !holder.is_empty())
            .map(Into::into),
        duration: Duration::from_secs(seconds.try_into().unwrap_or(0)),
        transitions: spec.lease_transitions.unwrap_or(0),
    }
}

async fn pending_or<F: Future + Unpin>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn sleep_to(when: Option<std::time::Instant>) {
    match when {
        Some(when) => sleep_until(Instant::from_std(when)).await,
        None => std::future::pending().await,
    }
}

/// What is said of a request that took longer.
const SLOW: &str = "no answer in time";

/// How long giving up may take: the request under way, and one more.
const RELEASE_TIME: Duration = Duration::from_secs(3);
