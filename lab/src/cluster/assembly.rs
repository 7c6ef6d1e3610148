//! A whole cluster, put together: control plane, nodes with kube-proxy, FRR and BIRD, a client, and the product.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use super::{Access, ControlPlane, Pod, Run, network, node, product, speaker};
use crate::product::GOODBYE;
use crate::router::{Config, Kind, Neighbour, Router};
use crate::topology::{NODE_ASN, ROUTER_ASN};
use crate::{Host, LabError, Names, Process, Requirement, Topology, until};

/// The sessions of all nodes with both routers, of each family: `frr-v4`, `frr-v6` (eBGP), `bird-v4`, `bird-v6` (iBGP).
const PEERS: &str = include_str!("peers.yaml");

/// How long the product may take until all its sessions are established.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// All of it. Dropping it ends the processes and removes the network. Fields are dropped in this order.
///
/// What changes only its own objects can be done by several at once; what needs `&mut` disturbs everybody.
#[derive(Debug)]
pub struct Cluster {
    speakers: BTreeMap<String, Process>,
    /// Theirs; kept, so that they can be started while the API server is away.
    access_of_speakers: OnceLock<Access>,
    controller: Option<Process>,
    /// FRR on `router1`, through which the client's uplink goes.
    pub frr: Router,
    /// BIRD on `router2`.
    pub bird: Router,
    proxies: Vec<Process>,
    /// The API server.
    pub plane: Arc<ControlPlane>,
    /// The network.
    pub topology: Topology,
    folder: PathBuf,
}

impl Cluster {
    /// What a test needs that uses one, for [`crate::requires`].
    #[must_use]
    pub fn requirements() -> Vec<Requirement> {
        let programs = ["ip", "nft"].map(Requirement::Program);
        let binaries = ["controller", "speaker", "ferrolb-lab"].map(Requirement::Binary);
        let routers = [Kind::Frr, Kind::Bird].map(Kind::requirements).concat();
        let own = [Requirement::ControlPlane, Requirement::KubeProxy];
        [&routers[..], &programs, &binaries, &own].concat()
    }

    /// Builds it and starts everything, with sessions between every node and both routers, and waits until these are
    /// established. All files go to `folder`, which must be empty.
    ///
    /// # Errors
    /// When a part of it does not come up; what was made by then is removed again.
    pub fn start(names: Names, folder: &Path) -> Result<Self, LabError> {
        let topology = network::build(names)?;
        let (plane, frr, bird) = thread::scope(|scope| {
            let plane = scope.spawn(|| start_plane(&topology, folder));
            let frr = start_router(&topology, 0, Kind::Frr, folder);
            let bird = start_router(&topology, 1, Kind::Bird, folder);
            (joined(plane.join()), frr, bird)
        });
        let (plane, proxies) = plane?;
        let mut cluster = Self {
            speakers: BTreeMap::new(),
            access_of_speakers: OnceLock::new(),
            controller: None,
            frr: frr?,
            bird: bird?,
            proxies,
            plane: Arc::new(plane),
            topology,
            folder: folder.to_owned(),
        };
        cluster.start_product()?;
        Ok(cluster)
    }

    /// Puts right what a test has disturbed: Nodes are again what they were when they were registered, and all of the
    /// product runs.
    ///
    /// # Errors
    /// As [`Cluster::start_product`], and when the API server refuses.
    pub fn restore(&mut self) -> Result<(), LabError> {
        for host in &self.topology.nodes {
            node::restore(&self.plane, host)?;
        }
        self.start_product()
    }

    /// Starts the controller and the speakers that do not run, and waits until every session is established and every
    /// speaker knows of all others.
    ///
    /// # Errors
    /// When one of them cannot be started or ends, or [`LabError::Timeout`].
    pub fn start_product(&mut self) -> Result<(), LabError> {
        if self.controller.is_none() {
            self.start_controller()?;
        }
        for name in self.node_names() {
            if !self.speakers.contains_key(&name) {
                self.start_speaker(&name)?;
            }
        }
        self.wait_until_established()?;
        self.wait_until_members()
    }

    /// Starts the controller.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start_controller(&mut self) -> Result<(), LabError> {
        let run = Run {
            name: "controller".to_owned(),
            namespace: product::NAMESPACE.to_owned(),
            lb_class: String::new(),
            access: self.plane.access_of(product::NAMESPACE, "controller")?,
            port: 9120,
            flags: ["--metrics-insecure", "--webhook-mode=disabled"]
                .map(str::to_owned)
                .into(),
        };
        self.controller = Some(run.start(&self.plane)?);
        Ok(())
    }

    /// Asks the controller to end by SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// When there is none, or it does not end.
    pub fn stop_controller(&mut self) -> Result<ExitStatus, LabError> {
        let controller = self.controller.take();
        let no_controller = || LabError::Unexpected("no controller".to_owned());
        controller.ok_or_else(no_controller)?.terminate(GOODBYE)
    }

    /// Starts the speaker of a node.
    ///
    /// # Errors
    /// When there is no such node, or the speaker cannot be started.
    pub fn start_speaker(&mut self, node: &str) -> Result<(), LabError> {
        self.start_speaker_with(node, &[])
    }

    /// The same with further flags.
    ///
    /// # Errors
    /// As [`Cluster::start_speaker`].
    pub fn start_speaker_with(&mut self, node: &str, flags: &[String]) -> Result<(), LabError> {
        let access = self.access_of_speakers()?;
        let host = self.topology.node(node)?;
        let speaker = speaker::start(&self.plane, host, &access, flags)?;
        self.speakers.insert(node.to_owned(), speaker);
        Ok(())
    }

    /// Asks the speaker of a node to end by SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// When it has none, or it does not end.
    pub fn stop_speaker(&mut self, node: &str) -> Result<ExitStatus, LabError> {
        self.take_speaker(node)?.terminate(GOODBYE)
    }

    /// Ends the speaker of a node by SIGKILL.
    ///
    /// # Errors
    /// When it has none.
    pub fn kill_speaker(&mut self, node: &str) -> Result<(), LabError> {
        self.take_speaker(node)?.kill()
    }

    /// The speaker of a node: its log, its id, signals.
    ///
    /// # Errors
    /// When it has none.
    pub fn speaker(&mut self, node: &str) -> Result<&mut Process, LabError> {
        self.speakers.get_mut(node).ok_or_else(|| no_speaker(node))
    }

    /// Starts kube-proxy of each node anew, which then knows all at once. After an outage of the API server it would ask
    /// again only after a pause that has doubled with each attempt.
    ///
    /// # Errors
    /// When one of them cannot be started.
    pub fn restart_proxies(&mut self) -> Result<(), LabError> {
        self.proxies.clear();
        let access = self.plane.access_of_proxy();
        for host in &self.topology.nodes {
            let proxy = node::start_proxy(host, &access, &self.folder)?;
            self.proxies.push(proxy);
        }
        Ok(())
    }

    /// Waits until both routers have all their sessions with the nodes.
    ///
    /// # Errors
    /// When a process has ended, or [`LabError::Timeout`].
    pub fn wait_until_established(&mut self) -> Result<(), LabError> {
        until("established sessions", START_TIMEOUT, || {
            self.expect_running()?;
            for router in [&self.frr, &self.bird] {
                let sessions = router.sessions()?;
                // One that has only just begun does not know them yet.
                if sessions.is_empty() || sessions.iter().any(|session| session.uptime.is_none()) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
    }

    /// Waits until every speaker knows all others to be alive. Until then an address on the link may be at another node
    /// than later.
    fn wait_until_members(&self) -> Result<(), LabError> {
        let all = format!("ferrolb_members_alive {}", self.topology.nodes.len());
        for node in &self.topology.nodes {
            let server = format!("https://{}:9120", node.ipv4);
            let what = format!("{all} from the speaker on {}", node.name);
            until(&what, START_TIMEOUT, || {
                let token = Some(self.plane.access().token.as_str());
                let metrics = self.plane.get(&server, "/metrics", token);
                let is_told = metrics.is_ok_and(|text| text.lines().any(|line| line == all));
                Ok(is_told.then_some(()))
            })?;
        }
        Ok(())
    }

    /// Fails if a process of the cluster has ended by itself.
    ///
    /// # Errors
    /// [`LabError::Ended`] with the end of its output.
    pub fn expect_running(&mut self) -> Result<(), LabError> {
        self.processes().try_for_each(Process::expect_running)
    }

    /// Starts a pod on a node, with the label `app`; see [`Pod::start`].
    ///
    /// # Errors
    /// When there is no such node, or the pod does not come up.
    pub fn start_pod(
        &self,
        node: &str,
        namespace: &str,
        name: &str,
        app: &str,
    ) -> Result<Pod, LabError> {
        Pod::start(&self.plane, self.topology.node(node)?, namespace, name, app)
    }

    /// One more router, on a machine of its own (see [`Topology::add_router`]), with what `neighbours` makes of the nodes.
    /// It goes with what is returned.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn add_router(
        &self,
        kind: Kind,
        index: u8,
        asn: u32,
        neighbours: impl FnOnce(&[Host]) -> Vec<Neighbour>,
    ) -> Result<(Router, Host), LabError> {
        let host = self.topology.add_router(index)?;
        let config = Config {
            asn,
            router_id: host.ipv4,
            neighbours: neighbours(&self.topology.nodes),
        };
        let router = Router::start(kind, &host, &self.folder.join(&host.name), &config)?;
        Ok((router, host))
    }

    /// The names of all nodes.
    #[must_use]
    pub fn node_names(&self) -> Vec<String> {
        let nodes = self.topology.nodes.iter();
        nodes.map(|node| node.name.clone()).collect()
    }

    /// The access that the speakers have.
    ///
    /// # Errors
    /// When there is no such account.
    pub fn access_of_speakers(&self) -> Result<Access, LabError> {
        if let Some(access) = self.access_of_speakers.get() {
            return Ok(access.clone());
        }
        let access = self.plane.access_of(product::NAMESPACE, "speaker")?;
        Ok(self.access_of_speakers.get_or_init(|| access).clone())
    }

    /// Leaves everything standing.
    ///
    /// # Errors
    /// When somebody else still holds the control plane.
    pub fn keep(mut self) -> Result<(), LabError> {
        self.processes().for_each(Process::keep);
        self.frr.keep();
        self.bird.keep();
        self.topology.keep();
        let plane = Arc::get_mut(&mut self.plane);
        let in_use = || LabError::Unexpected("control plane in use".to_owned());
        plane.ok_or_else(in_use).map(ControlPlane::keep)
    }

    /// The product's, and kube-proxy.
    fn processes(&mut self) -> impl Iterator<Item = &mut Process> {
        let speakers = self.speakers.values_mut();
        speakers
            .chain(&mut self.controller)
            .chain(&mut self.proxies)
    }

    fn take_speaker(&mut self, node: &str) -> Result<Process, LabError> {
        self.speakers.remove(node).ok_or_else(|| no_speaker(node))
    }
}

fn no_speaker(node: &str) -> LabError {
    LabError::Unexpected(format!("no speaker on {node}"))
}

/// The API server with all that is in it before the product runs, and kube-proxy on the nodes.
fn start_plane(
    topology: &Topology,
    folder: &Path,
) -> Result<(ControlPlane, Vec<Process>), LabError> {
    let plane = ControlPlane::start_on(&topology.control, folder)?;
    plane.start_controller_manager()?;
    let access = plane.access_of_proxy();
    let start = |host| {
        node::register(&plane, host)?;
        node::start_proxy(host, &access, folder)
    };
    let proxies = topology.nodes.iter().map(start).collect::<Result<_, _>>()?;
    product::install(&plane)?;
    for host in &topology.nodes {
        product::register_speaker(&plane, host)?;
    }
    plane.apply(PEERS, product::NAMESPACE)?;
    Ok((plane, proxies))
}

/// The router on the `index`th machine for one, with a session for each family with each node.
fn start_router(
    topology: &Topology,
    index: usize,
    kind: Kind,
    folder: &Path,
) -> Result<Router, LabError> {
    let host = topology.routers.get(index);
    let host = host.ok_or_else(|| LabError::Unexpected("too few routers".to_owned()))?;
    let config = router_config(kind, host, &topology.nodes);
    Router::start(kind, host, &folder.join(kind.to_string()), &config)
}

/// As `peers.yaml` has it from the other side: eBGP with FRR, iBGP with BIRD.
pub(super) fn router_config(kind: Kind, router: &Host, nodes: &[Host]) -> Config {
    let asn = if kind == Kind::Frr {
        NODE_ASN
    } else {
        ROUTER_ASN
    };
    Config::for_nodes(router, nodes, asn)
}

fn joined<T>(result: thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
