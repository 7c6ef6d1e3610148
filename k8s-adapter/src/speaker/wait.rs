//! Waiting for what a speaker may not have.

use std::future::pending;
use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::membership::Membership;
use super::proxy::KubeProxy;
use crate::source::{Source, SourceError};
use crate::translate::ClusterObjects;

/// Waits until members may have told something new. Cancel-safe.
pub(super) async fn members_changed(membership: Option<&mut Membership>) {
    match membership {
        Some(membership) => membership.changed().await,
        None => pending().await,
    }
}

/// The newest objects of a source, which is not asked before `from`. Cancel-safe.
pub(super) async fn changed(
    source: &mut impl Source,
    from: Instant,
) -> Result<Arc<ClusterObjects>, SourceError> {
    sleep_until(from).await;
    source.changed().await
}

/// Waits until new addresses need not wait any longer for kube-proxy. Cancel-safe.
pub(super) async fn caught_up(proxy: Option<&mut KubeProxy>) {
    match proxy {
        Some(proxy) => proxy.changed().await,
        None => pending().await,
    }
}

/// Waits for a deadline, if there is one. Cancel-safe.
pub(super) async fn until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
