//! One kind followed for good: whatever happens to the watch, it is taken up again, or all objects are listed anew.

use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt, unfold};
use kube::Api;
use kube::core::Status;
use kube::runtime::watcher::{self, watcher};
use tokio::time::{sleep, timeout};
use tracing::debug;

use super::document::{Document, Wire};
use super::store::{Change, Collection, Event, Step};
use crate::translate::Kind;

/// What is followed.
pub(super) struct Followed<W: Wire> {
    pub(super) kind: Kind,
    pub(super) api: Api<Document<W>>,
    pub(super) selector: Selector,
    pub(super) collection: Collection<W::Object>,
    pub(super) presence: Presence,
}

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Selector {
    /// All of them.
    All,
    /// Those with these labels.
    Labels(String),
    /// Those with these fields; all of them where the server cannot tell by these.
    Fields(String),
}

/// Whether an API server must have the kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// Nothing works without it: it is waited for.
    Required,
    /// Without it there are no objects of it.
    Optional,
}

/// Follows a kind: what comes out, applied in order to what was there before, gives what the server holds. Never ends.
pub(super) fn follow<W: Wire>(followed: Followed<W>) -> BoxStream<'static, Box<dyn Change>> {
    let (kind, collection) = (followed.kind, followed.collection);
    let events = events(followed.api, followed.selector, followed.presence);
    let steps = events.map(move |event| -> Box<dyn Change> {
        Box::new(Step {
            kind,
            collection,
            event,
        })
    });
    steps.boxed()
}

/// What happens to the objects of a kind, from a list of all of them on. Never ends.
pub(super) fn events<W: Wire>(
    api: Api<Document<W>>,
    selector: Selector,
    presence: Presence,
) -> BoxStream<'static, Event<W::Object>> {
    let follower = Follower {
        stream: watch(&api, &selector),
        api,
        selector,
        presence,
        backoff: Backoff::default(),
        pause: None,
    };
    let events = unfold(follower, async |mut follower| {
        Some((follower.next().await, follower))
    });
    events.boxed()
}

struct Follower<W: Wire> {
    api: Api<Document<W>>,
    selector: Selector,
    presence: Presence,
    stream: BoxStream<'static, watcher::Result<watcher::Event<Document<W>>>>,
    backoff: Backoff,
    /// How long to wait before the server is asked again.
    pause: Option<Duration>,
}

impl<W: Wire> Follower<W> {
    async fn next(&mut self) -> Event<W::Object> {
        loop {
            if let Some(pause) = self.pause.take() {
                sleep(pause).await;
            }
            // A watch that is quiet says nothing either when it has been taken up again.
            let next = if self.backoff.has_failed() {
                match timeout(QUIET, self.stream.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        self.backoff.reset();
                        return Event::Recovered;
                    }
                }
            } else {
                self.stream.next().await
            };
            let event = match next {
                Some(Ok(event)) => event,
                Some(Err(error)) => match self.failed(error) {
                    Some(event) => return event,
                    None => continue,
                },
                None => {
                    self.watch_anew();
                    continue;
                }
            };
            return match event {
                // It is asked for the objects only now.
                watcher::Event::Init => Event::Begin,
                watcher::Event::InitApply(document) => {
                    self.succeeded(Event::Found(document.into()))
                }
                watcher::Event::InitDone => self.succeeded(Event::Complete),
                watcher::Event::Apply(document) => self.succeeded(Event::Seen(document.into())),
                watcher::Event::Delete(document) => self.succeeded(Event::Gone(document.into())),
            };
        }
    }

    fn succeeded(&mut self, event: Event<W::Object>) -> Event<W::Object> {
        self.backoff.reset();
        event
    }

    fn watch_anew(&mut self) {
        self.stream = watch(&self.api, &self.selector);
    }

    /// What comes of an error, if anybody need know: the watch goes on by itself, after a pause.
    fn failed(&mut self, error: watcher::Error) -> Option<Event<W::Object>> {
        let resource = self.api.resource_url();
        let status = status(&error);
        let code = status.map_or(0, |status| status.code);
        match (code, &self.selector) {
            (EXPIRED, _) => {
                // The server no longer knows what has changed since: all objects are listed.
                debug!(resource, "watchExpired");
                if !matches!(error, watcher::Error::WatchError(_)) {
                    self.watch_anew();
                }
                self.pause = Some(self.backoff.next_pause());
                None
            }
            (BAD_REQUEST, Selector::Fields(fields)) => {
                debug!(resource, fields, "fieldSelectorNotSupported");
                self.selector = Selector::All;
                self.watch_anew();
                None
            }
            (NOT_FOUND, _) if self.presence == Presence::Optional => {
                // That is an answer.
                self.backoff.reset();
                self.pause = Some(ABSENT);
                Some(Event::Absent)
            }
            _ => {
                self.pause = Some(self.backoff.next_pause());
                Some(Event::Failed(message(&error, status)))
            }
        }
    }
}

fn watch<W: Wire>(
    api: &Api<Document<W>>,
    selector: &Selector,
) -> BoxStream<'static, watcher::Result<watcher::Event<Document<W>>>> {
    // Not a stream from the start: that one may begin with what some server of several remembers, and an address that has
    // just been given away would look free. A list of pages is as new as the cluster is, and costs one page of memory.
    let config = watcher::Config::default().page_size(PAGE);
    let config = match selector {
        Selector::All => config,
        Selector::Labels(labels) => config.labels(labels),
        Selector::Fields(fields) => config.fields(fields),
    };
    watcher(api.clone(), config).boxed()
}

/// What the server said, where it was the server who said something.
fn status(error: &watcher::Error) -> Option<&Status> {
    match error {
        watcher::Error::WatchError(status) => Some(status),
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status)) => Some(status),
        _ => None,
    }
}

fn message(error: &watcher::Error, status: Option<&Status>) -> String {
    match (status, error) {
        (Some(status), _) => status.message.clone(),
        (
            None,
            watcher::Error::InitialListFailed(cause)
            | watcher::Error::WatchStartFailed(cause)
            | watcher::Error::WatchFailed(cause),
        ) => crate::client::plain(cause),
        (None, _) => error.to_string(),
    }
}

/// Pauses that double, up to a limit, and differ from one kind and process to the next.
#[derive(Debug, Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    fn has_failed(&self) -> bool {
        self.failures > 0
    }

    fn reset(&mut self) {
        self.failures = 0;
    }

    fn next_pause(&mut self) -> Duration {
        let pause =
            FIRST_PAUSE.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        pause
            .min(LONGEST_PAUSE)
            .mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// The objects of a response. What is read of a page is translated at once, so that this bounds the text alone.
const PAGE: u32 = 250;
/// How long no error follows another one before the watch counts as taken up again: longer than connecting takes.
const QUIET: Duration = Duration::from_secs(6);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long to wait before looking again whether the server has a kind that it need not have.
const ABSENT: Duration = Duration::from_secs(30);
const BAD_REQUEST: u16 = 400;
const NOT_FOUND: u16 = 404;
const EXPIRED: u16 = 410;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let mut longest = FIRST_PAUSE;
        for _ in 0..40 {
            let pause = backoff.next_pause();
            assert!(
                pause <= longest && pause >= longest / 2,
                "{pause:?} of {longest:?}"
            );
            longest = (longest * 2).min(LONGEST_PAUSE);
        }
        backoff.reset();
        assert!(!backoff.has_failed() && backoff.next_pause() <= FIRST_PAUSE);
    }
}
