use std::io;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::lease::Standing;

/// A sink that answers when it is let.
struct Slow {
    /// How many more writes it answers.
    answers: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    begun: Vec<Effect>,
    /// What it answers, if not that all is well.
    error: Option<fn() -> SinkError>,
}

impl Slow {
    fn with<T>(&self, f: impl FnOnce(&mut State) -> T) -> T {
        f(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Slow {
    async fn apply(&self, effect: Effect, _: &ClusterObjects) -> Result<(), SinkError> {
        self.with(|state| state.begun.push(effect));
        self.answers.acquire().await.unwrap().forget();
        self.with(|state| state.error)
            .map_or(Ok(()), |error| Err(error()))
    }

    async fn retain(&self, _: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}

fn broken() -> SinkError {
    SinkError::File {
        path: "web.yaml".into(),
        source: io::Error::other("broken"),
    }
}

fn gone() -> SinkError {
    SinkError::Name("web".to_owned())
}

struct Surroundings {
    sink: Arc<Slow>,
    writer: Writer<Slow>,
}

impl Surroundings {
    fn new(answers: usize) -> Self {
        let sink = Arc::new(Slow {
            answers: Semaphore::new(answers),
            state: Mutex::default(),
        });
        let writer = Writer::new(Arc::clone(&sink), Leadership::always(), Events::Free);
        Self { sink, writer }
    }

    /// Lets the writer go on for so long; returns what it gave back.
    async fn go_on(&mut self, span: Duration) -> Vec<Effect> {
        let mut given_back = Vec::new();
        let end = Instant::now() + span;
        while let Ok(effect) = timeout(end - Instant::now(), self.writer.next()).await {
            given_back.extend(effect);
        }
        given_back
    }

    /// What has been begun since the last call.
    fn begun(&self) -> Vec<Effect> {
        self.sink.with(|state| std::mem::take(&mut state.begun))
    }
}

const MOMENT: Duration = Duration::from_millis(1);

fn patch(name: &str, pool: &str) -> Effect {
    Effect::PatchServiceStatus {
        service: ServiceKey::new("shop", name),
        ingress: Vec::new(),
        pool: Some(pool.into()),
        condition: None,
        announced: None,
    }
}

fn pool(name: &str, assigned: i64) -> Effect {
    let mut usage = ipam::Usage::default();
    usage.assigned_ipv4 = assigned;
    Effect::PoolStatus {
        pool: name.into(),
        usage,
    }
}

fn event(name: &str) -> Effect {
    Effect::EmitEvent(Event {
        involved: planner::effect::Involved::Service(ServiceKey::new("shop", name)),
        reason: planner::effect::EventReason::IpAllocated,
        message: String::new(),
    })
}

#[tokio::test(start_paused = true)]
async fn no_more_than_so_many_writes_are_under_way() {
    let mut surroundings = Surroundings::new(0);
    for index in 0..100 {
        surroundings
            .writer
            .submit(patch(&format!("web-{index}"), "p"));
    }
    surroundings.go_on(MOMENT).await;
    assert_eq!(surroundings.begun().len(), IN_FLIGHT);
    assert!(!surroundings.writer.is_settled());
    surroundings.sink.answers.add_permits(100);
    surroundings.go_on(MOMENT).await;
    assert_eq!(surroundings.begun().len(), 100 - IN_FLIGHT);
    assert!(surroundings.writer.is_settled());
}

#[tokio::test(start_paused = true)]
async fn one_write_of_an_object_at_a_time_and_the_newest_wins() {
    let mut surroundings = Surroundings::new(0);
    for pool in ["first", "second", "third"] {
        surroundings.writer.submit(patch("web", pool));
        surroundings.go_on(MOMENT).await;
    }
    assert_eq!(surroundings.begun(), [patch("web", "first")]);
    surroundings.sink.answers.add_permits(1);
    surroundings.go_on(MOMENT).await;
    assert_eq!(surroundings.begun(), [patch("web", "third")]);
}

#[tokio::test(start_paused = true)]
async fn services_come_before_events() {
    let mut surroundings = Surroundings::new(100);
    surroundings.writer.submit(event("web"));
    surroundings.writer.submit(patch("web", "p"));
    surroundings.go_on(MOMENT).await;
    assert_eq!(surroundings.begun(), [patch("web", "p"), event("web")]);
}

#[tokio::test(start_paused = true)]
async fn pools_are_written_twice_a_second_whatever_happens_to_them() {
    let mut surroundings = Surroundings::new(1000);
    for round in 0..1000 {
        for name in ["a", "b", "c"] {
            surroundings.writer.submit(pool(name, round));
        }
        surroundings.go_on(Duration::from_millis(10)).await;
    }
    let mut begun = surroundings.begun();
    assert!((19..=21).contains(&begun.len()), "{} in 10 s", begun.len());
    surroundings.go_on(Duration::from_secs(2)).await;
    begun.extend(surroundings.begun());
    for name in ["a", "b", "c"] {
        let mut of_pool = begun.iter().rev();
        let last = of_pool.find(|effect| Target::of(effect) == Target::Pool(name.into()));
        assert_eq!(last, Some(&pool(name, 999)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_fails_comes_back_after_pauses_that_grow() {
    let mut surroundings = Surroundings::new(100);
    surroundings.sink.with(|state| state.error = Some(broken));
    surroundings.writer.submit(patch("web", "p"));
    let begin = Instant::now();
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let before = Instant::now();
        let failed = loop {
            if let Some(effect) = surroundings.writer.next().await {
                break effect;
            }
        };
        assert_eq!(failed, patch("web", "p"));
        pauses.push(before.elapsed());
        surroundings.writer.submit(failed);
    }
    assert!(pauses[0] <= FIRST_PAUSE, "{pauses:?}");
    assert!(
        pauses.iter().all(|pause| *pause <= LONGEST_PAUSE),
        "{pauses:?}"
    );
    assert!(begin.elapsed() > LONGEST_PAUSE, "{pauses:?}");
    assert_eq!(surroundings.writer.take_errors(), 12);
    // Once it succeeds, the next failure is a first one again.
    surroundings.sink.with(|state| state.error = None);
    surroundings.go_on(MOMENT).await;
    surroundings.sink.with(|state| state.error = Some(broken));
    surroundings.writer.submit(patch("web", "p"));
    assert_eq!(
        surroundings.go_on(FIRST_PAUSE * 2).await,
        [patch("web", "p")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_newer_decision_does_not_wait_for_the_pause_of_an_older_one() {
    let mut surroundings = Surroundings::new(100);
    surroundings.sink.with(|state| state.error = Some(broken));
    surroundings.writer.submit(patch("web", "old"));
    surroundings.go_on(MOMENT).await;
    surroundings.sink.with(|state| state.error = None);
    surroundings.writer.submit(patch("web", "new"));
    assert_eq!(surroundings.go_on(LONGEST_PAUSE).await, []);
    assert_eq!(
        surroundings.begun(),
        [patch("web", "old"), patch("web", "new")]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_is_not_written_again_and_counts_as_no_error() {
    let mut surroundings = Surroundings::new(100);
    surroundings.sink.with(|state| state.error = Some(gone));
    surroundings.writer.submit(patch("web", "p"));
    assert_eq!(surroundings.go_on(LONGEST_PAUSE).await, []);
    assert_eq!(surroundings.begun().len(), 1);
    assert_eq!(surroundings.writer.take_errors(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_takes_is_given_up() {
    let mut surroundings = Surroundings::new(100);
    surroundings.sink.with(|state| state.error = Some(broken));
    surroundings.writer.submit(event("web"));
    for _ in 0..60 {
        for effect in surroundings.go_on(LONGEST_PAUSE).await {
            surroundings.writer.submit(effect);
        }
    }
    let tries = u32::try_from(surroundings.begun().len()).unwrap();
    assert_eq!(tries, TRIES_OF_AN_EVENT);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_without_leadership() {
    let mut surroundings = Surroundings::new(100);
    let until = Instant::now() + MOMENT;
    let (sender, receiver) = tokio::sync::watch::channel(Standing::Leading { until });
    surroundings.writer.leadership = Leadership::of(receiver);
    sleep_until(until).await;
    surroundings.writer.submit(patch("web", "p"));
    surroundings.go_on(Duration::from_secs(1)).await;
    assert_eq!(surroundings.begun(), []);
    drop(sender);
}
