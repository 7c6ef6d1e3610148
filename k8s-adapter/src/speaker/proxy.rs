//! What is new to the node waits while its kube-proxy says that it is behind: a machine, and the questions around it.
//!
//! An address that routers send here before kube-proxy knows it is answered by nobody. Nothing that is announced is held
//! back or withdrawn for it, and nothing waits for longer than [`LONGEST`].

use std::future::pending;
use std::pin::Pin;
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use imbl::OrdMap;
use ipnet::IpNet;
use planner::desired::Desired;
use planner::diff::{Change, diff_shared};
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

/// What kube-proxy says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its rules are as old as it wants them to be, or it says nothing that could be waited for.
    UpToDate,
    /// It has changes that it has not made rules of.
    Behind,
}

/// Whether what is new may pass. Four verbs: [`wait`](Self::wait) and [`answer`](Self::answer) tell it what happened,
/// [`poll_ask`](Self::poll_ask) says what to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Gate {
    /// Since when something waits.
    since: Option<Instant>,
    /// When to ask, and ask again.
    ask_at: Option<Instant>,
}

impl Gate {
    /// Something new has come, and waits.
    fn wait(&mut self, now: Instant) {
        if self.since.is_none() {
            (self.since, self.ask_at) = (Some(now), Some(now));
        }
    }

    /// kube-proxy has answered.
    fn answer(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::UpToDate => *self = Self::default(),
            Answer::Behind => self.ask_at = Some(now + PAUSE),
        }
    }

    /// Lets everything pass that has waited for long enough.
    fn handle_timeout(&mut self, now: Instant) {
        if self.since.is_some_and(|since| now >= since + LONGEST) {
            *self = Self::default();
        }
    }

    /// Whether to ask now. Says so once.
    fn poll_ask(&mut self, now: Instant) -> bool {
        self.ask_at.take_if(|at| *at <= now).is_some()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let end = self.since.map(|since| since + LONGEST);
        self.ask_at.into_iter().chain(end).min()
    }

    const fn is_open(&self) -> bool {
        self.since.is_none()
    }
}

type Asked = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// The kube-proxy of this node.
pub(super) struct KubeProxy {
    gate: Gate,
    ask: Box<dyn Fn() -> Asked + Send>,
    answer: Option<Asked>,
    /// The gate has opened, and what waited has not passed yet.
    passing: bool,
}

impl KubeProxy {
    /// One that answers at this address, `http://ADDRESS:PORT/healthz`.
    pub(super) fn at(url: Uri) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
        Self::asked(move || {
            let (client, url) = (client.clone(), url.clone());
            Box::pin(async move {
                match timeout(PATIENCE, client.get(url.clone())).await {
                    Ok(Ok(response)) if response.status() == StatusCode::SERVICE_UNAVAILABLE => {
                        Answer::Behind
                    }
                    Ok(Ok(_)) => Answer::UpToDate,
                    Ok(Err(error)) => {
                        warn!(%url, %error, "kube-proxy does not say how far it is, nothing waits for it");
                        Answer::UpToDate
                    }
                    Err(_) => {
                        warn!(%url, "kube-proxy does not say in time how far it is, nothing waits for it");
                        Answer::UpToDate
                    }
                }
            })
        })
    }

    /// One that is asked so.
    pub(super) fn asked(ask: impl Fn() -> Asked + Send + 'static) -> Self {
        Self {
            gate: Gate::default(),
            ask: Box::new(ask),
            answer: None,
            passing: false,
        }
    }

    /// What of `wanted` is to be announced now, on a node that announces `present`.
    pub(super) fn admit(&mut self, present: &Desired, wanted: Desired) -> Desired {
        if std::mem::take(&mut self.passing) {
            return wanted;
        }
        let admitted = without_new(present, &wanted);
        if admitted != wanted {
            self.gate.wait(now());
        }
        admitted
    }

    /// Waits until what waits may pass. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.gate.is_open() {
            return pending().await;
        }
        while !self.gate.is_open() {
            if self.gate.poll_ask(now()) {
                self.answer = Some((self.ask)());
            }
            let deadline = self.gate.poll_timeout();
            tokio::select! {
                answer = answered(&mut self.answer) => {
                    self.answer = None;
                    if answer == Answer::Behind {
                        info!("kube-proxy is behind, new addresses wait for it");
                    }
                    self.gate.answer(now(), answer);
                }
                () = until(deadline) => self.gate.handle_timeout(now()),
            }
        }
        self.answer = None;
        self.passing = true;
    }
}

/// What is wanted of that which is present: no prefix that no peer was to know, and no address that was not answered for.
fn without_new(present: &Desired, wanted: &Desired) -> Desired {
    let mut admitted = wanted.clone();
    for change in diff_shared(&present.addresses, &wanted.addresses) {
        if let Change::Add(address, _) = change {
            admitted.addresses.remove(address);
        }
    }
    let none = OrdMap::new();
    let is_present = |prefix: &IpNet| {
        let mut peers = present.peers.values();
        peers.any(|peer| peer.routes.contains_key(prefix))
    };
    for (name, peer) in &mut admitted.peers {
        let before = present.peers.get(name).map(|before| &before.routes);
        let now = peer.routes.clone();
        for change in diff_shared(before.unwrap_or(&none), &now) {
            if let Change::Add(prefix, _) = change
                && !is_present(prefix)
            {
                peer.routes.remove(prefix);
            }
        }
    }
    admitted
}

async fn answered(answer: &mut Option<Asked>) -> Answer {
    match answer {
        Some(answer) => answer.await,
        None => pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The longest that anything waits: a kube-proxy that is behind for longer may be so for good.
pub(super) const LONGEST: Duration = Duration::from_secs(10);
/// Between two questions.
const PAUSE: Duration = Duration::from_millis(250);
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::future::IntoFuture;

    use super::*;

    #[test]
    fn what_is_new_passes_with_the_first_good_answer() {
        let start = Instant::now();
        let mut gate = Gate::default();
        assert!(gate.is_open() && gate.poll_timeout().is_none());
        gate.wait(start);
        assert!(gate.poll_ask(start) && !gate.poll_ask(start), "asked once");
        gate.answer(start, Answer::Behind);
        assert!(!gate.is_open() && !gate.poll_ask(start));
        let again = start + PAUSE;
        assert_eq!(gate.poll_timeout(), Some(again));
        gate.wait(again);
        assert!(gate.poll_ask(again));
        gate.answer(again, Answer::UpToDate);
        assert_eq!(gate, Gate::default());
    }

    #[tokio::test]
    async fn a_kube_proxy_is_behind_when_it_answers_503_and_only_then() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (status, now) = tokio::sync::watch::channel(StatusCode::SERVICE_UNAVAILABLE);
        let healthz = move || std::future::ready(*now.borrow());
        let service = axum::Router::new().route("/healthz", axum::routing::get(healthz));
        let server = tokio::spawn(axum::serve(listener, service).into_future());
        let proxy = KubeProxy::at(format!("http://{address}/healthz").parse().unwrap());
        assert_eq!((proxy.ask)().await, Answer::Behind);
        status.send_replace(StatusCode::OK);
        assert_eq!((proxy.ask)().await, Answer::UpToDate);
        server.abort();
        assert!(server.await.unwrap_err().is_cancelled());
        let nobody = KubeProxy::at("http://127.0.0.1:9/healthz".parse().unwrap());
        assert_eq!((nobody.ask)().await, Answer::UpToDate);
    }

    #[test]
    fn nothing_waits_for_longer_than_it_may() {
        let start = Instant::now();
        let mut gate = Gate::default();
        gate.wait(start);
        gate.poll_ask(start);
        gate.answer(start + LONGEST - PAUSE / 2, Answer::Behind);
        gate.wait(start + LONGEST - PAUSE / 2);
        assert_eq!(gate.poll_timeout(), Some(start + LONGEST));
        gate.handle_timeout(start + LONGEST - PAUSE / 2);
        assert!(!gate.is_open());
        gate.handle_timeout(start + LONGEST);
        assert!(gate.is_open());
    }
}
