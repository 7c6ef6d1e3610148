//! The handle to a running session.

use std::sync::Arc;
use std::time::Duration;

use bgp_wire::{AfiSafi, Cease, PathAttributes, ShutdownCommunication};
use ipnet::IpNet;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::listen::Acceptor;
use super::status::Status;
use super::task::{Control, Desired, Task};
use super::transport::Transport;
use crate::config::PeerConfig;
use crate::output::Event;
use crate::routes::Routes;

/// A session that runs in a task of its own, from [`spawn`](Self::spawn) until [`shutdown`](Self::shutdown).
///
/// If the handle is dropped without that, the session ends with Cease, Administrative Shutdown, in the background.
#[derive(Debug)]
pub struct Peer {
    transport: Arc<Transport>,
    desired: watch::Sender<Desired>,
    control: mpsc::Sender<Control>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
}

impl Peer {
    /// Starts a session. The seed is that of the jitter of its timers; give each peer its own.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn spawn(config: PeerConfig, transport: Transport, seed: u64) -> Self {
        let transport = Arc::new(transport);
        let desired = watch::Sender::new(Desired {
            config: config.clone(),
            routes: Routes::new(),
            events: None,
        });
        let (control, controls) = mpsc::channel(CONTROLS);
        let (task, status) = Task::new(
            config,
            Arc::clone(&transport),
            seed,
            desired.subscribe(),
            controls,
        );
        Self {
            transport,
            desired,
            control,
            status,
            task: tokio::spawn(task.run()),
        }
    }

    /// The peer shall know these routes and no others. Only differences are sent; of several calls in a row the last
    /// one counts.
    pub fn set_routes(&self, routes: Routes) {
        self.desired.send_modify(|desired| desired.routes = routes);
    }

    /// The peer shall know each of these prefixes with these attributes, or not at all; what is not named stays as it is.
    /// Costs what the changes take, whatever the number of the other routes.
    pub fn update_routes(
        &self,
        changes: impl IntoIterator<Item = (IpNet, Option<Arc<PathAttributes>>)>,
    ) {
        self.desired
            .send_modify(|desired| desired.routes.update(changes));
    }

    /// Runs the session with these settings. It starts anew only if they would have made another of it: see
    /// [`PeerConfig`].
    pub fn set_config(&self, config: PeerConfig) {
        self.desired.send_modify(|desired| desired.config = config);
    }

    /// Asks the peer for its routes of this family (RFC 2918), if it can do that.
    pub async fn request_refresh(&self, family: AfiSafi) {
        // The task takes controls until this handle goes.
        let _ = self.control.send(Control::RequestRefresh(family)).await;
    }

    /// The events of the session from now on. A second call ends the first one's.
    ///
    /// The channel is bounded: while it is full nothing is read from the peer, so that UPDATEs do not pile up. Who does
    /// not read events shall drop the receiver, and see [`status`](Self::status).
    #[must_use]
    pub fn events(&self) -> mpsc::Receiver<Event> {
        let (sender, receiver) = mpsc::channel(EVENTS);
        self.desired
            .send_modify(|desired| desired.events = Some(sender));
        receiver
    }

    /// How the session is, now and whenever that changes.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Whether the peer has been told all that it shall know by now: see [`Status::has_told`].
    #[must_use]
    pub fn has_told(&self) -> bool {
        self.status.borrow().has_told(&self.desired.borrow().routes)
    }

    /// The way into the session for connections that the peer opened: see [`Listener::add`](super::Listener::add).
    #[must_use]
    pub fn acceptor(&self) -> Acceptor {
        Acceptor::new(Arc::clone(&self.transport), self.control.clone())
    }

    /// Ends the session: the peer is sent a Cease, with a text where the subcode can carry one (RFC 9003). Returns when
    /// that was written and the connection is closed, at the latest after a few seconds.
    pub async fn shutdown(mut self, cease: Cease, text: &str) {
        let text = ShutdownCommunication::truncated(text);
        let ended = async {
            // A task that does not take the control any more has ended already.
            let _ = self.control.send(Control::Stop(cease, text)).await;
            // Its only error is a panic, which the runtime has reported.
            let _ = (&mut self.task).await;
        };
        if timeout(SHUTDOWN, ended).await.is_err() {
            self.task.abort();
        }
    }
}

/// Few controls wait at a time: a request, a connection.
const CONTROLS: usize = 16;
const EVENTS: usize = 1024;
/// Longer than a connection may take to write out its last message.
const SHUTDOWN: Duration = Duration::from_secs(3);
