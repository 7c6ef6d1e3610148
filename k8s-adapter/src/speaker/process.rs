//! The process around the loop that announces: where objects come from and status goes, and what others are told.

use std::env;
use std::net::SocketAddr;

use kube::Client;
use planner::effect::Component;
use planner::names::NodeName;
use prometheus_client::registry::Registry;
use rustix::thread::CapabilitySet;
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{info, warn};

use super::Speaker;
use super::board::Board;
use super::counted::CountedSink;
use super::exclude;
use super::flags::{BindAddressError, SpeakerFlags};
use super::listeners::{ListenError, Listeners};
use super::membership::{Membership, Peers};
use super::metrics::{Boards, SpeakerMetrics};
use super::proxy::KubeProxy;
use super::responders::KernelResponders;
use super::sessions::BgpSessions;
use super::tally::Tally;
use crate::admin::{AdminError, Endpoints, ProcessMetrics, Reach, Readiness};
use crate::client::{self, ClientError};
use crate::privileges::{PrivilegesError, keep_only};
use crate::sink::Sink;
use crate::sink::dir::DirSink;
use crate::sink::kube::KubeSink;
use crate::source::dir::DirSource;
use crate::source::kube::{Health, KubeSource};
use crate::source::{Mounted, Source, SourceError, SourceOption};
use crate::translate::ObjectName;

/// Gives up what a speaker may do and does not need. To be called before there are threads.
///
/// # Errors
/// The system does not allow it.
pub fn give_up_privileges(flags: &SpeakerFlags) -> Result<(), PrivilegesError> {
    let is_privileged = |address: &SocketAddr| (1..PRIVILEGED_PORTS).contains(&address.port());
    let mut needed = CapabilitySet::NET_RAW;
    if flags.bgp_listen.iter().any(is_privileged) {
        needed |= CapabilitySet::NET_BIND_SERVICE;
    }
    // A port that cannot be had is an error of its own.
    if keep_only(needed)?.contains(CapabilitySet::NET_RAW) {
        warn!(
            "without the capability CAP_NET_RAW layer 2 stays silent; see README, \"What a speaker may do\", for how it gets it"
        );
    }
    Ok(())
}

/// Announces what the source says until `stop` is ready, then hands over and returns.
///
/// # Errors
/// The flags cannot be honoured, the node's links cannot be followed, or the source cannot be read.
pub async fn run(flags: &SpeakerFlags, stop: impl Future<Output = ()>) -> Result<(), SpeakerError> {
    info!(node = flags.node_name, source = %flags.common.source, "speaker started");
    for name in flags.inert.given(|name| env::var_os(name).is_some()) {
        warn!("{name} has no effect");
    }
    let node = NodeName::from(flags.node_name.as_str());
    let component = Component::Speaker(node);
    let namespace = flags.common.namespace.as_str();
    match &flags.common.source {
        SourceOption::Kube => {
            let client = client::connect(flags.common.kubeconfig.as_deref()).await?;
            let source = KubeSource::new(&client, namespace, &component);
            let cluster = Cluster {
                client: client.clone(),
                reading: source.health(),
            };
            let sink = KubeSink::new(client, namespace, &component);
            let sink = match flags.pod() {
                Some(pod) => sink.owned_by_pod(pod),
                None => sink,
            };
            announce(flags, source, sink, Some(cluster), stop).await
        }
        SourceOption::Dir(folder) => {
            let sink = DirSink::new(folder, namespace, component);
            announce(flags, DirSource::open(folder)?, sink, None, stop).await
        }
    }
}

/// What there is of a cluster beside its objects.
struct Cluster {
    client: Client,
    /// How reading goes.
    reading: watch::Receiver<Health>,
}

async fn announce(
    flags: &SpeakerFlags,
    source: impl Source,
    sink: impl Sink + 'static,
    cluster: Option<Cluster>,
    stop: impl Future<Output = ()>,
) -> Result<(), SpeakerError> {
    let node = NodeName::from(flags.node_name.as_str());
    let group = Board::default();
    let membership = flags.membership.settings()?.map(|settings| {
        let peers = match &cluster {
            Some(cluster) => Peers::Pods {
                client: cluster.client.clone(),
                namespace: flags.common.namespace.clone(),
                labels: settings.labels.clone(),
            },
            None => Peers::Nodes,
        };
        Membership::start(node.clone(), settings, peers, group.clone())
    });
    let (tally, seed) = (Tally::default(), flags.seed());
    let responders = KernelResponders::new(flags.layer2(), seed, tally.clone()).await?;
    let listeners = Listeners::bind(&flags.bgp_listen)?;
    let sessions = BgpSessions::new(node.clone(), responders.all_links(), listeners, seed);
    let boards = Boards {
        sessions: sessions.board(),
        responders: responders.board(),
        membership: group,
    };
    let options = flags.translate_options();
    let sink = CountedSink::new(sink, tally.clone());
    let exclusions = ObjectName::new(&*options.namespace, exclude::CONFIG_MAP);
    let source = Mounted::new(source, &flags.exclude_l2_file, exclusions, exclude::KEY);
    let speaker = Speaker::new(node.clone(), options, source, sink, sessions, responders)
        .with_tally(tally.clone())
        .with_caution(flags.l2_defend, flags.probe())
        .with_membership(membership)
        .with_proxy(flags.kube_proxy_healthz.clone().map(KubeProxy::at));
    let (names, facts) = (flags.metric_names(), speaker.facts());
    let mut metrics = Registry::default();
    metrics.register_collector(Box::new(SpeakerMetrics::new(
        node,
        facts,
        tally.clone(),
        boards,
        names,
    )));
    metrics.register_collector(Box::new(ProcessMetrics::new()));
    let (api, reading) = cluster
        .map(|cluster| (cluster.client, cluster.reading))
        .unzip();
    // Others on the node's network need not know.
    let reach = Reach::ThisMachine;
    let readiness = move || readiness(reading.as_ref(), &tally);
    let _endpoints = Endpoints::open(&flags.admin, api, metrics, reach, readiness).await?;
    Ok(speaker.run(stop).await?)
}

/// Ready when all objects are known as they are now, and what follows from them has been announced once. Sessions need not
/// be up: whether routers answer is no matter of this process.
fn readiness(reading: Option<&watch::Receiver<Health>>, tally: &Tally) -> Readiness {
    match reading.and_then(|reading| reading.borrow().missing()) {
        Some(what) => Readiness::Waiting(what.into()),
        None => tally.readiness(Instant::now()),
    }
}

/// Why a speaker cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum SpeakerError {
    /// It cannot see the node's links.
    #[error("cannot follow the links of this node")]
    Links(#[from] arp_ndp::driver::DriverError),
    /// There is no way to the API server.
    #[error("no way to the API server")]
    Client(#[from] ClientError),
    /// It cannot read what to announce.
    #[error("cannot read what to announce")]
    Source(#[from] SourceError),
    /// It cannot tell about itself.
    #[error("cannot serve metrics or probes")]
    Admin(#[from] AdminError),
    /// It is told to talk to other speakers from no address.
    #[error(transparent)]
    Membership(#[from] BindAddressError),
    /// Routers could not connect to it.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// Ports below this one need the capability NET_BIND_SERVICE, where the system is not told otherwise.
const PRIVILEGED_PORTS: u16 = 1024;
