//! The product's own processes in the lab.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::client::get_page;
use crate::cluster::membership;
use crate::topology::{Host, Topology, own_binary};
use crate::{LabError, Manifests, Process, until};

/// How long a process of the product may take to end after SIGTERM: as long as Kubernetes gives a pod.
pub const GOODBYE: Duration = Duration::from_secs(30);

/// The port at which each speaker tells what it counts.
const METRICS: u16 = 9120;

/// A `controller`, and a `speaker` on each node that is to have one, all through one folder of manifests.
/// Dropping it kills them.
#[derive(Debug)]
pub struct Product {
    source: String,
    log_folder: PathBuf,
    speaker_flags: Vec<String>,
    controller: Option<Process>,
    speakers: BTreeMap<String, Process>,
}

impl Product {
    /// Prepares to run from a folder of manifests; nothing is started.
    #[must_use]
    pub fn new(manifests: &Manifests, log_folder: &Path) -> Self {
        Self {
            source: format!("dir:{}", manifests.path().display()),
            log_folder: log_folder.to_owned(),
            speaker_flags: Vec::new(),
            controller: None,
            speakers: BTreeMap::new(),
        }
    }

    /// Starts speakers with these flags beside the usual ones from now on.
    pub fn set_speaker_flags(&mut self, flags: &[&str]) {
        self.speaker_flags = flags.iter().map(|&flag| flag.to_owned()).collect();
    }

    /// Starts the controller and a speaker on each node.
    ///
    /// # Errors
    /// When one of them is not built or cannot be started.
    pub fn start(&mut self, topology: &Topology) -> Result<(), LabError> {
        self.start_controller(topology)?;
        topology
            .nodes
            .iter()
            .try_for_each(|node| self.start_speaker(node))
    }

    /// Starts the controller.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start_controller(&mut self, topology: &Topology) -> Result<(), LabError> {
        let mut command = Command::new(own_binary("controller")?);
        command.args(["--source", &self.source]);
        let process = topology
            .control
            .namespace
            .spawn("controller", command, &self.log_folder)?;
        self.controller = Some(process);
        Ok(())
    }

    /// Starts the speaker of a node.
    ///
    /// # Errors
    /// When it is not built or cannot be started.
    pub fn start_speaker(&mut self, node: &Host) -> Result<(), LabError> {
        let mut command = Command::new(own_binary("speaker")?);
        command.args(["--source", &self.source, "--node-name", &node.name]);
        command.args(["--metrics-insecure", "--port", &METRICS.to_string()]);
        command.args(&self.speaker_flags);
        membership::configure(&mut command, node, &self.log_folder)?;
        let name = format!("speaker-{}", node.name);
        let process = node.namespace.spawn(&name, command, &self.log_folder)?;
        self.speakers.insert(node.name.clone(), process);
        Ok(())
    }

    /// Waits until every speaker knows all others to be alive. Until then an address on the link may be at another node
    /// than later.
    ///
    /// # Errors
    /// When a process has ended, or [`LabError::Timeout`].
    pub fn wait_until_members(
        &mut self,
        topology: &Topology,
        timeout: Duration,
    ) -> Result<(), LabError> {
        let metrics = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), METRICS);
        let all = format!("ferrolb_members_alive {}", self.speakers.len());
        for node in &topology.nodes {
            let what = format!("{all} from the speaker on {}", node.name);
            until(&what, timeout, || {
                self.expect_running()?;
                let text = node.namespace.run(|| get_page(metrics, "/metrics"))?;
                let is_told = text.is_ok_and(|text| text.lines().any(|line| line == all));
                Ok(is_told.then_some(()))
            })?;
        }
        Ok(())
    }

    /// Asks the speaker of a node to end by SIGTERM, and waits until it has, for 30 s at most.
    ///
    /// # Errors
    /// When it does not end, or there is none.
    pub fn stop_speaker(&mut self, node: &Host) -> Result<ExitStatus, LabError> {
        self.take_speaker(node)?.terminate(GOODBYE)
    }

    /// Ends the speaker of a node by SIGKILL.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_speaker(&mut self, node: &Host) -> Result<(), LabError> {
        self.take_speaker(node)?.kill()
    }

    /// Ends the controller by SIGKILL.
    ///
    /// # Errors
    /// When there is none.
    pub fn kill_controller(&mut self) -> Result<(), LabError> {
        let no_controller = || LabError::Unexpected("no controller".to_owned());
        self.controller.take().ok_or_else(no_controller)?.kill()
    }

    /// Asks all of them to end by SIGTERM at once, and waits until they have, for 30 s each at most.
    ///
    /// # Errors
    /// When one does not end, or ends with a status other than 0.
    pub fn stop(&mut self) -> Result<(), LabError> {
        let speakers = std::mem::take(&mut self.speakers).into_values();
        let mut processes: Vec<Process> = speakers.chain(self.controller.take()).collect();
        for process in &mut processes {
            process.signal(Signal::SIGTERM)?;
        }
        for process in processes {
            let (name, log) = (process.name().to_owned(), process.log().to_owned());
            let status = process.wait(GOODBYE)?;
            if !status.success() {
                return Err(LabError::Ended {
                    name,
                    status,
                    output: fs::read_to_string(log).unwrap_or_default(),
                });
            }
        }
        Ok(())
    }

    /// Fails if one of them has ended by itself.
    ///
    /// # Errors
    /// [`LabError::Ended`] with the end of its output.
    pub fn expect_running(&mut self) -> Result<(), LabError> {
        let processes = self.controller.iter_mut().chain(self.speakers.values_mut());
        processes.into_iter().try_for_each(Process::expect_running)
    }

    /// All that the speaker of a node has written so far; nothing when there is none.
    #[must_use]
    pub fn speaker_output(&self, node: &Host) -> String {
        self.speakers
            .get(&node.name)
            .map(Process::output)
            .unwrap_or_default()
    }

    /// Leaves them running when this value is dropped.
    pub fn keep(&mut self) {
        let processes = self.controller.iter_mut().chain(self.speakers.values_mut());
        processes.into_iter().for_each(Process::keep);
    }

    fn take_speaker(&mut self, node: &Host) -> Result<Process, LabError> {
        self.speakers
            .remove(&node.name)
            .ok_or_else(|| LabError::Unexpected(format!("no speaker on {}", node.name)))
    }
}
