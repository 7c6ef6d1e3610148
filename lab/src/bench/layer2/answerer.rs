//! Our responder, or the kernel's, ready to answer for all addresses.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::time::Duration;

use arp_ndp::driver::{Interface, Interfaces, Status};
use arp_ndp::{Config, Role};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::{ArpLoad, Responder};
use crate::{LabError, Namespace};

/// It answers until it is stopped.
pub(super) enum Answerer {
    FerroLb(Runtime, Interface),
    Kernel,
}

impl Answerer {
    /// Starts to answer on `eth0`, and returns when all is quiet.
    pub(super) fn start(
        responder: Responder,
        node: &Namespace,
        load: ArpLoad,
    ) -> Result<Self, LabError> {
        match responder {
            Responder::FerroLb => {
                let runtime = node.runtime()?;
                let interface = block_on(&runtime, start(load))??;
                Ok(Self::FerroLb(runtime, interface))
            }
            Responder::Kernel => {
                add_addresses(node, load)?;
                Ok(Self::Kernel)
            }
        }
    }

    pub(super) fn stop(self) -> Result<(), LabError> {
        match self {
            Self::FerroLb(runtime, interface) => block_on(&runtime, interface.stop()),
            Self::Kernel => Ok(()),
        }
    }
}

/// Starts our responder, and waits until the last announcement of the last address has been made.
async fn start(load: ArpLoad) -> Result<Interface, LabError> {
    let interfaces = Interfaces::spawn()
        .await
        .map_err(failed("following links"))?;
    let links = interfaces.links().borrow().clone();
    interfaces.stop().await;
    let eth0 = links.values().find(|link| link.name == "eth0");
    let (index, link) = eth0
        .and_then(|eth0| Some((eth0.index, eth0.responder_link()?)))
        .ok_or_else(|| failed("looking for eth0")("there is none"))?;
    let interface = Interface::spawn(index, link, Config::default(), 1)
        .map_err(failed("opening packet sockets"))?;
    let addresses: BTreeMap<IpAddr, Role> = load
        .targets()
        .map(|target| (target.into(), Role::Owner))
        .collect();
    let count = addresses.len();
    interface.set_addresses(addresses);
    let done = |status: &Status| {
        let all = status.addresses.values();
        let quiet = all.filter(|address| address.counters.gratuitous_sent >= BURST_FRAMES);
        quiet.count() == count
    };
    let mut status = interface.status();
    timeout(TIMEOUT, status.wait_for(done))
        .await
        .map_err(failed("announcing all addresses"))?
        .map_err(failed("announcing all addresses"))?;
    Ok(interface)
}

/// Runs a future on the threads of the runtime, which are in the namespace, not on this one.
fn block_on<T: Send + 'static>(
    runtime: &Runtime,
    future: impl Future<Output = T> + Send + 'static,
) -> Result<T, LabError> {
    runtime
        .block_on(runtime.spawn(future))
        .map_err(failed("running our responder"))
}

fn failed<E: Into<Box<dyn Error + Send + Sync>>>(what: &str) -> impl FnOnce(E) -> LabError {
    let what = what.to_owned();
    move |error| LabError::io(what)(io::Error::other(error))
}

fn add_addresses(node: &Namespace, load: ArpLoad) -> Result<(), LabError> {
    let mut batch = tempfile::NamedTempFile::new().map_err(LabError::io("making a file"))?;
    for target in load.targets() {
        writeln!(batch, "addr add {target}/32 dev eth0").map_err(LabError::io("writing a file"))?;
    }
    batch.flush().map_err(LabError::io("writing a file"))?;
    node.ip(&format!("-batch {}", batch.path().display()))?;
    Ok(())
}

/// Five announcements of two frames each.
const BURST_FRAMES: u64 = 14;
const TIMEOUT: Duration = Duration::from_secs(60);
