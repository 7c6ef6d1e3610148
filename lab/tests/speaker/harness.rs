//! The cluster that the tests share.

use std::ops::{Deref, DerefMut};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use lab::cluster::Cluster;
use lab::{LabError, Names, folder, requires, start_guard, sweep};
use tempfile::TempDir;

/// The cluster, beside others who use it.
pub(crate) type Shared = RwLockReadGuard<'static, Cluster>;

/// The cluster for one test alone, which may disturb it: end processes, change Nodes. All is as before when it is given
/// back.
pub(crate) struct Alone(RwLockWriteGuard<'static, Cluster>);

/// The cluster as [`Shared`]; `None` where a program is missing.
pub(crate) fn shared() -> Option<Shared> {
    let cluster = cluster()?;
    Some(cluster.read().unwrap_or_else(PoisonError::into_inner))
}

/// The cluster as [`Alone`]; `None` where a program is missing.
pub(crate) fn alone() -> Option<Alone> {
    let cluster = cluster()?;
    Some(Alone(
        cluster.write().unwrap_or_else(PoisonError::into_inner),
    ))
}

/// The cluster of all tests of this process, started by the first that asks for it. Since nothing drops it, a guard ends
/// it after the process.
fn cluster() -> Option<&'static RwLock<Cluster>> {
    static CLUSTER: OnceLock<Result<(RwLock<Cluster>, TempDir), String>> = OnceLock::new();
    if !requires(&Cluster::requirements()) {
        return None;
    }
    match CLUSTER.get_or_init(|| start().map_err(|error| format!("{error:?}"))) {
        Ok((cluster, _)) => Some(cluster),
        Err(error) => panic!("no cluster: {error}"),
    }
}

fn start() -> Result<(RwLock<Cluster>, TempDir), LabError> {
    start_guard()?;
    sweep()?;
    let folder = folder()?;
    let cluster = Cluster::start(Names::OfProcess, folder.path())?;
    Ok((RwLock::new(cluster), folder))
}

impl Deref for Alone {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.0
    }
}

impl DerefMut for Alone {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.0
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        if let Err(error) = self.0.restore() {
            eprintln!("the cluster is broken: {error}");
        }
    }
}
