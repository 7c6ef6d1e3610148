//! The loop of one peer: sockets, deadline and commands in; outputs out.

use std::collections::VecDeque;
use std::future::{pending, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bgp_wire::{AfiSafi, Cease, ShutdownCommunication};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::connect::connect;
use super::link::{Link, Reading};
use super::next_hops::next_hops;
use super::status::Status;
use super::transport::Transport;
use crate::config::PeerConfig;
use crate::input::{ConnId, Input, NextHops};
use crate::output::{DownReason, Event, Output};
use crate::routes::Routes;
use crate::session::Session;
use crate::state::State;

/// What the user wants to be true.
#[derive(Debug)]
pub(super) struct Desired {
    pub(super) config: PeerConfig,
    pub(super) routes: Routes,
    pub(super) events: Option<mpsc::Sender<Event>>,
}

/// What the user wants to happen.
#[derive(Debug)]
pub(super) enum Control {
    Accepted(TcpStream),
    RequestRefresh(AfiSafi),
    Stop(Cease, ShutdownCommunication),
}

/// The attempt to connect that is under way.
type Attempt = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// What the loop waits for.
enum Happening {
    Desired,
    /// `None`: the handle was dropped.
    Control(Option<Control>),
    Connected(ConnId, io::Result<TcpStream>),
    Ready,
    Timeout,
    EventTaken,
}

/// The driver of one session.
#[derive(Debug)]
pub(super) struct Task {
    session: Session,
    transport: Arc<Transport>,
    desired: watch::Receiver<Desired>,
    controls: mpsc::Receiver<Control>,
    status: watch::Sender<Status>,
    since: Instant,
    /// Why the latest attempt to connect failed.
    connect_error: Option<io::Error>,
    links: Vec<Link>,
    closing: JoinSet<()>,
    accepted: u64,
    events: Option<mpsc::Sender<Event>>,
    unread: VecDeque<Event>,
}

impl Task {
    pub(super) fn new(
        config: PeerConfig,
        transport: Arc<Transport>,
        seed: u64,
        desired: watch::Receiver<Desired>,
        controls: mpsc::Receiver<Control>,
    ) -> (Self, watch::Receiver<Status>) {
        let since = Instant::now();
        let (status, watched) = watch::channel(Status::idle(since));
        let task = Self {
            session: Session::new(config, seed),
            transport,
            desired,
            controls,
            status,
            since,
            connect_error: None,
            links: Vec::new(),
            closing: JoinSet::new(),
            accepted: 0,
            events: None,
            unread: VecDeque::new(),
        };
        (task, watched)
    }

    /// Runs until it is stopped or its handle is dropped.
    pub(super) async fn run(mut self) {
        let mut attempt: Option<(ConnId, Attempt)> = None;
        self.take_desired();
        self.input(Input::Start);
        loop {
            self.carry_out(&mut attempt);
            self.report();
            match self.next(&mut attempt).await {
                Happening::Desired => self.take_desired(),
                Happening::Control(Some(Control::Accepted(stream))) => self.accept(stream),
                Happening::Control(Some(Control::RequestRefresh(family))) => {
                    self.input(Input::RequestRefresh(family))
                }
                Happening::Control(Some(Control::Stop(cease, text))) => {
                    return self.stop(cease, text).await;
                }
                Happening::Control(None) => {
                    return self
                        .stop(
                            Cease::ADMINISTRATIVE_SHUTDOWN,
                            ShutdownCommunication::default(),
                        )
                        .await;
                }
                Happening::Connected(conn, Ok(stream)) => {
                    attempt = None;
                    self.open(conn, stream);
                }
                Happening::Connected(conn, Err(error)) => {
                    attempt = None;
                    self.connect_error = Some(error);
                    self.input(Input::ConnectFailed { conn });
                }
                Happening::Ready => self.exchange(),
                Happening::Timeout => self.session.handle_timeout(Instant::now().into_std()),
                Happening::EventTaken => {}
            }
        }
    }

    /// Waits. Every arm can be dropped and tried again without loss.
    async fn next(&mut self, attempt: &mut Option<(ConnId, Attempt)>) -> Happening {
        let reading = if self.unread.len() < MAX_UNREAD {
            Reading::On
        } else {
            Reading::Off
        };
        let links = &self.links;
        let deadline = self.session.poll_timeout().map(Instant::from_std);
        tokio::select! {
            // Acceptors may outlive the handle, so that it is gone shows here.
            changed = self.desired.changed() => changed.map_or(Happening::Control(None), |()| Happening::Desired),
            control = self.controls.recv() => Happening::Control(control),
            (conn, result) = connected(attempt) => Happening::Connected(conn, result),
            () = poll_fn(|cx| ready(links, cx, reading)) => Happening::Ready,
            () = until(deadline) => Happening::Timeout,
            permit = room(self.events.as_ref()), if !self.unread.is_empty() => {
                deliver(permit, &mut self.unread);
                Happening::EventTaken
            }
            Some(_) = self.closing.join_next() => Happening::EventTaken,
        }
    }

    /// Ends the session and waits until its connections are closed, which takes a bounded time each.
    async fn stop(mut self, cease: Cease, text: ShutdownCommunication) {
        self.input(Input::Stop { cease, text });
        self.carry_out(&mut None);
        self.report();
        while self.closing.join_next().await.is_some() {}
    }

    fn input(&mut self, input: Input<'_>) {
        self.session.handle_input(Instant::now().into_std(), input);
    }

    fn take_desired(&mut self) {
        let (config, routes, events) = {
            let desired = self.desired.borrow_and_update();
            (
                desired.config.clone(),
                desired.routes.clone(),
                desired.events.clone(),
            )
        };
        self.events = events;
        if *self.session.config() != config {
            self.input(Input::SetConfig(config));
        }
        if !self.session.routes().is_copy_of(&routes) {
            self.input(Input::SetRoutes(routes));
        }
    }

    fn accept(&mut self, stream: TcpStream) {
        self.accepted += 1;
        self.open(ConnId::Incoming(self.accepted), stream);
    }

    fn open(&mut self, conn: ConnId, stream: TcpStream) {
        match Link::new(conn, stream) {
            Ok(link) => {
                let (local, remote) = (link.local, link.remote);
                let next_hops = next_hops(local.ip(), remote.ip()).unwrap_or_else(|error| {
                    tracing::warn!(peer = %remote, %error, "addresses of the interface are not known");
                    NextHops::default()
                });
                self.links.push(link);
                self.input(Input::Connected {
                    conn,
                    local,
                    remote,
                    next_hops,
                });
            }
            Err(error) => {
                self.connect_error = Some(error);
                self.input(Input::ConnectFailed { conn });
            }
        }
    }

    /// Writes and reads what the sockets take and have, once around.
    fn exchange(&mut self) {
        let conns: Vec<ConnId> = self.links.iter().map(|link| link.conn).collect();
        for conn in conns {
            if let Err(error) = self.exchange_on(conn) {
                tracing::debug!(peer = %self.transport.remote, %error, "connection broke");
                self.input(Input::Closed { conn });
            }
        }
    }

    fn exchange_on(&mut self, conn: ConnId) -> io::Result<()> {
        let Some(link) = self.links.iter_mut().find(|link| link.conn == conn) else {
            return Ok(());
        };
        // On the stack: an idle session holds no buffer.
        let mut buffer = [0; READ_BUFFER];
        let octets = link.write()?;
        let read = if self.unread.len() < MAX_UNREAD {
            link.read(&mut buffer)?
        } else {
            None
        };
        let now = Instant::now().into_std();
        if octets > 0 {
            self.session
                .handle_input(now, Input::Drained { conn, octets });
        }
        match read {
            None => {}
            Some(0) => self.session.handle_input(now, Input::Closed { conn }),
            Some(count) => {
                let octets = buffer.get(..count).unwrap_or_default();
                self.session
                    .handle_input(now, Input::Received { conn, octets });
            }
        }
        Ok(())
    }

    /// Does what the session wants.
    fn carry_out(&mut self, attempt: &mut Option<(ConnId, Attempt)>) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect { conn } => {
                    let transport = Arc::clone(&self.transport);
                    *attempt = Some((conn, Box::pin(async move { connect(&transport).await })));
                }
                Output::Transmit { conn, octets } => {
                    if let Some(link) = self.links.iter_mut().find(|link| link.conn == conn) {
                        link.push(octets);
                    }
                }
                Output::Close { conn } => {
                    attempt.take_if(|(attempted, _)| *attempted == conn);
                    if let Some(index) = self.links.iter().position(|link| link.conn == conn) {
                        self.closing.spawn(self.links.swap_remove(index).close());
                    }
                }
                Output::Event(event) => self.log_and_queue(event),
            }
        }
    }

    fn log_and_queue(&mut self, event: Event) {
        let peer = self.transport.remote;
        match &event {
            Event::StateChanged { from, to, cause } => {
                tracing::debug!(%peer, %from, %to, %cause, "state changed");
                self.since = Instant::now();
            }
            Event::Established(negotiated) => {
                tracing::info!(
                    %peer,
                    peer_as = %negotiated.peer_as(),
                    peer_identifier = %negotiated.peer_identifier(),
                    hold_time = %negotiated.hold_time(),
                    "session established"
                );
            }
            Event::Down {
                from: State::Established,
                reason,
            } => tracing::info!(%peer, %reason, "session down"),
            Event::Down { from, reason } => {
                tracing::debug!(%peer, %from, %reason, "attempt failed")
            }
            Event::Unsendable {
                family,
                routes,
                error,
            } => {
                tracing::warn!(%peer, %family, routes, %error, "routes cannot be announced");
            }
            Event::FamilyDisabled(family) => {
                tracing::warn!(%peer, %family, "family disabled after a malformed UPDATE")
            }
            Event::RouteRefresh(family) => {
                tracing::debug!(%peer, %family, "peer asked for its routes")
            }
            Event::Update(_) | Event::EndOfRib(_) => {}
        }
        // Whoever dropped the receiver does not want events any more.
        if self
            .events
            .as_ref()
            .is_some_and(|events| !events.is_closed())
        {
            self.unread.push_back(event);
        } else {
            self.unread.clear();
        }
    }

    fn report(&self) {
        let session = &self.session;
        let state = session.state();
        let link = self
            .links
            .iter()
            .find(|link| session.established_connection() == Some(link.conn));
        self.status.send_replace(Status {
            state,
            since: self.since,
            negotiated: session.negotiated().cloned(),
            local: link.map(|link| link.local),
            remote: link.map(|link| link.remote),
            advertised: session.advertised(),
            routes: session.routes().clone(),
            unsent: session.unsent(),
            stats: *session.stats(),
            last_error: session.last_error().map(|reason| self.in_words(reason)),
        });
    }

    fn in_words(&self, reason: &DownReason) -> String {
        match (reason, &self.connect_error) {
            (DownReason::ConnectFailed, Some(error)) => format!("{reason}: {error}"),
            _ => reason.to_string(),
        }
    }
}

/// Ready when one of the links is.
fn ready(links: &[Link], cx: &mut std::task::Context<'_>, reading: Reading) -> Poll<()> {
    // All are asked, so that each of them wakes the task.
    let ready = links
        .iter()
        .filter(|link| link.poll_ready(cx, reading).is_ready())
        .count();
    if ready > 0 {
        Poll::Ready(())
    } else {
        Poll::Pending
    }
}

async fn connected(attempt: &mut Option<(ConnId, Attempt)>) -> (ConnId, io::Result<TcpStream>) {
    match attempt {
        Some((conn, attempt)) => (*conn, attempt.await),
        None => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// Room for an event; `None` where nobody reads them any more.
async fn room(events: Option<&mpsc::Sender<Event>>) -> Option<mpsc::Permit<'_, Event>> {
    events?.reserve().await.ok()
}

fn deliver(permit: Option<mpsc::Permit<'_, Event>>, unread: &mut VecDeque<Event>) {
    match permit {
        Some(permit) => {
            if let Some(event) = unread.pop_front() {
                permit.send(event);
            }
        }
        None => unread.clear(),
    }
}

const READ_BUFFER: usize = 32 * 1024;
/// When so many events are not read, reading from the peer pauses.
const MAX_UNREAD: usize = 1024;
