//! The links of the machine, followed by rtnetlink events: never by asking again and again.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::{Handle, MulticastGroup, new_multicast_connection};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::driver::DriverError;
use crate::driver::links::{Links, apply};
use crate::driver::path::trace;

/// The links of the network namespace as they are now, until this is stopped or dropped.
#[derive(Debug)]
pub struct Interfaces {
    links: watch::Receiver<Arc<Links>>,
    task: JoinHandle<()>,
}

impl Interfaces {
    /// Lists the links with their addresses and follows them from then on.
    ///
    /// # Errors
    /// [`DriverError::NetlinkSocket`], [`DriverError::NetlinkDump`]. Later on, a failure is logged and everything begun
    /// anew.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn spawn() -> Result<Self, DriverError> {
        let follower = Follower::connect().await?;
        let (sender, links) = watch::channel(Arc::new(follower.links.clone()));
        Ok(Self {
            links,
            task: tokio::spawn(follow(follower, sender)),
        })
    }

    /// The links, by index. The channel holds the newest, and says when they changed; it closes when following ends.
    #[must_use]
    pub fn links(&self) -> watch::Receiver<Arc<Links>> {
        self.links.clone()
    }

    /// Stops following and waits until that is done.
    pub async fn stop(mut self) {
        self.task.abort();
        // An error says that it was aborted, which was the point.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Interfaces {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Publishes every change, for ever.
async fn follow(mut follower: Follower, links: watch::Sender<Arc<Links>>) {
    loop {
        links.send_if_modified(|published| {
            let changed = **published != follower.links;
            if changed {
                *published = Arc::new(follower.links.clone());
            }
            changed
        });
        if let Err(error) = follower.advance().await {
            tracing::warn!(%error, "cannot follow links, beginning anew");
            follower = reconnect().await;
        }
    }
}

async fn reconnect() -> Follower {
    loop {
        sleep(RECONNECT_PAUSE).await;
        match Follower::connect().await {
            Ok(follower) => return follower,
            Err(error) => tracing::warn!(%error, "cannot follow links"),
        }
    }
}

/// A subscription to link and address events, and the table that they are taken into.
struct Follower {
    handle: Handle,
    messages: BoxStream<'static, Vec<NetlinkPayload<RouteNetlinkMessage>>>,
    links: Links,
    /// The task that moves messages between the socket and the two above; it ends with this.
    _connection: JoinSet<()>,
}

impl Follower {
    /// Subscribes first and lists then, so that no change falls between the two. An event that the list already has in
    /// it does no harm: the events behind it lead to the same end.
    async fn connect() -> Result<Self, DriverError> {
        let groups = [
            MulticastGroup::Link,
            MulticastGroup::Ipv4Ifaddr,
            MulticastGroup::Ipv6Ifaddr,
        ];
        let (connection, handle, messages) =
            new_multicast_connection(&groups).map_err(DriverError::NetlinkSocket)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(connection);
        let messages = messages
            .map(|(message, _)| message.payload)
            .ready_chunks(BATCH)
            .boxed();
        let mut follower = Self {
            handle,
            messages,
            links: Links::new(),
            _connection: tasks,
        };
        follower.list().await?;
        Ok(follower)
    }

    /// Waits for events and takes in all that have arrived.
    async fn advance(&mut self) -> Result<(), DriverError> {
        let batch = self
            .messages
            .next()
            .await
            .ok_or(DriverError::NetlinkClosed)?;
        let mut lost = false;
        for payload in batch {
            match payload {
                NetlinkPayload::InnerMessage(message) => apply(&mut self.links, &message),
                // The socket's buffer was full, and the kernel threw events away.
                NetlinkPayload::Overrun(_) => lost = true,
                _ => {}
            }
        }
        if lost {
            tracing::info!("link events were lost, listing links anew");
            self.list().await?;
        }
        trace(&mut self.links);
        Ok(())
    }

    async fn list(&mut self) -> Result<(), DriverError> {
        let mut links = Links::new();
        let mut dump = self.handle.link().get().execute();
        while let Some(link) = dump.try_next().await.map_err(dump_failed)? {
            apply(&mut links, &RouteNetlinkMessage::NewLink(link));
        }
        let mut dump = self.handle.address().get().execute();
        while let Some(address) = dump.try_next().await.map_err(dump_failed)? {
            apply(&mut links, &RouteNetlinkMessage::NewAddress(address));
        }
        trace(&mut links);
        self.links = links;
        Ok(())
    }
}

fn dump_failed(error: rtnetlink::Error) -> DriverError {
    DriverError::NetlinkDump(io::Error::other(error))
}

/// How many events are taken in before the links are published.
const BATCH: usize = 1024;
/// How long to wait after the subscription broke.
const RECONNECT_PAUSE: Duration = Duration::from_secs(1);
