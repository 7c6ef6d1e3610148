//! The lab of the demo: three nodes, one router that has each of them as its neighbour twice, a client, and
//! the product running from a folder of manifests.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::router::{Config, Kind, Router};
use crate::topology::{NODE_ASN, Names, Size, Topology};
use crate::{LabError, Manifests, Product, until};

/// As many as the picture shows.
const NODES: u8 = 3;

/// All of it. Dropping it ends the processes and removes the network.
#[derive(Debug)]
pub struct Lab {
    /// The controller and the speakers.
    pub product: Product,
    /// The routing daemon on the first router.
    pub router: Router,
    /// What the product runs from.
    pub manifests: Manifests,
    /// The network.
    pub topology: Topology,
}

impl Lab {
    /// Builds the network, starts an HTTP server on each node and the router, and makes an empty folder for
    /// manifests. All files go to `folder`, which must exist.
    ///
    /// # Errors
    /// When a part of it cannot be made; what was made by then is removed again.
    pub fn build(kind: Kind, names: Names, folder: &Path) -> Result<Self, LabError> {
        let logs = folder.join("logs");
        fs::create_dir(&logs).map_err(LabError::io(format!("making {}", logs.display())))?;
        let size = Size {
            names,
            ..Size::new(NODES, 1)
        };
        let mut topology = Topology::build(&size)?;
        topology.start_answerers(&logs)?;
        let host = topology.router()?;
        let config = Config::for_nodes(host, &topology.nodes, NODE_ASN);
        let router = Router::start(kind, host, &folder.join("router"), &config)?;
        let manifests = Manifests::create(folder.join("manifests"))?;
        Ok(Self {
            product: Product::new(&manifests, &logs),
            router,
            manifests,
            topology,
        })
    }

    /// One that another process has built in `folder` and kept: everything in it can be asked.
    ///
    /// # Errors
    /// When a part of it is not there.
    pub fn attach(kind: Kind, prefix: &str, folder: &Path) -> Result<Self, LabError> {
        let topology = Topology::attach(prefix, NODES, 1)?;
        let host = topology.router()?;
        let config = Config::for_nodes(host, &topology.nodes, NODE_ASN);
        let router = Router::attach(kind, host, &folder.join("router"), &config)?;
        let manifests = Manifests::at(folder.join("manifests"));
        Ok(Self {
            product: Product::new(&manifests, &folder.join("logs")),
            router,
            manifests,
            topology,
        })
    }

    /// Starts the controller and the speakers, and waits until the router holds all its sessions with them and they know
    /// of each other.
    ///
    /// # Errors
    /// When one of them cannot be started or ends, or [`LabError::Timeout`].
    pub fn start_product(&mut self, timeout: Duration) -> Result<(), LabError> {
        self.product.start(&self.topology)?;
        self.wait_until_established(timeout)?;
        self.product.wait_until_members(&self.topology, timeout)
    }

    /// Waits until the router holds all its sessions with the speakers.
    ///
    /// # Errors
    /// When a process of the product has ended, or [`LabError::Timeout`].
    pub fn wait_until_established(&mut self, timeout: Duration) -> Result<(), LabError> {
        until("established sessions", timeout, || {
            self.product.expect_running()?;
            let sessions = self.router.sessions()?;
            let all =
                !sessions.is_empty() && sessions.iter().all(|session| session.uptime.is_some());
            Ok(all.then_some(()))
        })
    }

    /// Leaves everything standing when this value is dropped.
    pub fn keep(&mut self) {
        self.product.keep();
        self.router.keep();
        self.topology.keep();
    }
}
