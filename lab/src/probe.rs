//! Requests in a steady rhythm, to see what a change costs those who use the service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::client;
use crate::topology::{HTTP_PORT, Host};
use crate::{LabError, until};

/// A running probe. Dropping it without [`Probe::finish`] stops it too.
#[derive(Debug)]
pub struct Probe {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Trace>>,
}

/// Between the probe and its thread.
#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    answers: AtomicUsize,
}

/// What a probe saw, in the order of asking.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Each request.
    pub requests: Vec<Request>,
}

/// One request of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it was sent.
    pub sent: Instant,
    /// When its answer, or its failure, was there.
    pub done: Instant,
    /// The node that answered; `None` when nobody did.
    pub answer: Option<String>,
}

impl Probe {
    /// Asks the HTTP server at `address` from a host every `interval`, or, when an answer takes longer, as
    /// soon as it is there or has failed to come. One that takes longer than a tenth of a second may still come; meanwhile
    /// the next is asked for, so that one connection that is stuck does not look as if nobody answered.
    ///
    /// # Errors
    /// When the host's namespace cannot be entered.
    pub fn start(host: &Host, address: IpAddr, interval: Duration) -> Result<Self, LabError> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let target = SocketAddr::new(address, HTTP_PORT);
        // A thread started inside a namespace stays in it.
        let start = || thread::spawn(move || ask(target, interval, &of_thread));
        let thread = host.namespace.run(start)?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits for one more answer.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn wait_for_answer(&self, timeout: Duration) -> Result<(), LabError> {
        let count = || self.shared.answers.load(Ordering::Relaxed);
        let before = count();
        until("answer to the probe", timeout, || {
            Ok((count() > before).then_some(()))
        })
    }

    /// Stops asking, and returns what was seen.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        self.shared.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        thread
            .and_then(|thread| thread.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

impl Trace {
    /// How many requests nobody answered.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.requests
            .iter()
            .filter(|request| request.answer.is_none())
            .count()
    }

    /// How many requests were answered, and took longer than this.
    #[must_use]
    pub fn late(&self, limit: Duration) -> usize {
        self.answered()
            .filter(|request| request.done.duration_since(request.sent) > limit)
            .count()
    }

    /// The longest time between two answers that had no answer within it.
    #[must_use]
    pub fn longest_gap(&self) -> Duration {
        let mut answered: Vec<Instant> = self.answered().map(|request| request.done).collect();
        answered.sort_unstable();
        let gaps = answered.windows(2).filter_map(|pair| match pair {
            [before, after] => Some(after.duration_since(*before)),
            _ => None,
        });
        gaps.max().unwrap_or_default()
    }

    /// When `node` answered for the first time at or after `since`.
    #[must_use]
    pub fn first_answer_of(&self, node: &str, since: Instant) -> Option<Instant> {
        let mut answers = self.requests.iter().filter(|request| request.sent >= since);
        let answer = answers.find(|request| request.answer.as_deref() == Some(node));
        answer.map(|request| request.done)
    }

    fn answered(&self) -> impl Iterator<Item = &Request> {
        let requests = self.requests.iter();
        requests.filter(|request| request.answer.is_some())
    }
}

fn ask(target: SocketAddr, interval: Duration, shared: &Arc<Shared>) -> Trace {
    let (sender, done) = mpsc::channel();
    let mut trace = Trace::default();
    while !shared.stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let (sender, shared) = (sender.clone(), Arc::clone(shared));
        thread::spawn(move || {
            let answer = client::get(target).ok();
            if answer.is_some() {
                shared.answers.fetch_add(1, Ordering::Relaxed);
            }
            let done = Instant::now();
            // An error here says that nobody wants to know any more.
            let _ = sender.send(Request { sent, done, answer });
        });
        while let Ok(request) = done.recv_timeout(PATIENCE.saturating_sub(sent.elapsed())) {
            let is_this = request.sent == sent;
            trace.requests.push(request);
            if is_this {
                break;
            }
        }
        thread::sleep((sent + interval).saturating_duration_since(Instant::now()));
    }
    // It ends with the last request that is under way.
    drop(sender);
    trace.requests.extend(done);
    trace.requests.sort_by_key(|request| request.sent);
    trace
}

/// How long the next request waits for an answer.
const PATIENCE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_gap_spans_what_was_lost() {
        let start = Instant::now();
        let at = |milliseconds, answer: Option<&str>| Request {
            sent: start + Duration::from_millis(milliseconds),
            done: start + Duration::from_millis(milliseconds + 1),
            answer: answer.map(str::to_owned),
        };
        let trace = Trace {
            requests: vec![
                at(0, Some("node1")),
                at(10, Some("node1")),
                at(20, None),
                at(30, Some("node2")),
                at(40, Some("node2")),
            ],
        };
        assert_eq!(trace.lost(), 1);
        assert_eq!(trace.longest_gap(), Duration::from_millis(20));
        assert_eq!(trace.late(Duration::from_micros(900)), 4);
        assert_eq!(trace.late(Duration::from_millis(1)), 0);
        let first = trace.first_answer_of("node2", start + Duration::from_millis(10));
        assert_eq!(first, Some(start + Duration::from_millis(31)));
        assert_eq!(trace.first_answer_of("node3", start), None);
    }
}
