use std::sync::{Mutex, PoisonError};

use planner::desired::{InterfaceSelection, Tenure};
use planner::effect::EventReason;
use planner::names::ServiceKey;
use planner::verdict::{L2Announcement, Reason, Verdict, Verdicts};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::*;
use crate::crd::{ConfigurationState as ConfigurationStateObject, ServiceL2Status};
use crate::sink::SinkError;
use crate::sink::patch;
use crate::translate::{Object, ObjectName, Status as _, status_name};

/// An API server that counts what it is told, and keeps it, as long as it answers.
#[derive(Clone, Default)]
struct Counting(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// When each status or event was written.
    writes: Vec<Instant>,
    events: usize,
    /// How often the state of the configuration was told.
    states: usize,
    statuses: BTreeMap<StatusId, StatusBody>,
    is_down: bool,
}

impl Counting {
    fn with<T>(&self, f: impl FnOnce(&mut Told) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink for Counting {
    async fn apply(&self, effect: Effect, _: &ClusterObjects) -> Result<(), SinkError> {
        sleep(Duration::from_millis(5)).await;
        self.with(|told| {
            if told.is_down {
                return Err(SinkError::File {
                    path: "api".into(),
                    source: std::io::Error::other("down"),
                });
            }
            match effect {
                Effect::UpsertStatus { id, body } => drop(told.statuses.insert(id, body)),
                Effect::DeleteStatus { id } => drop(told.statuses.remove(&id)),
                Effect::EmitEvent(event) => {
                    assert_eq!(event.reason, EventReason::NodeAssigned);
                    told.events += 1;
                }
                Effect::ConfigurationState(_) => {
                    told.states += 1;
                    return Ok(());
                }
                other => panic!("not a speaker's business: {other:?}"),
            }
            told.writes.push(Instant::now());
            Ok(())
        })
    }

    async fn retain(&self, _: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}

struct Speaker {
    sink: Counting,
    facts: watch::Sender<Option<Arc<Facts>>>,
    reporter: JoinHandle<()>,
}

impl Speaker {
    fn start(sink: &Counting) -> Self {
        let (facts, newest) = watch::channel(None);
        let reporter = Reporter::new(NodeName::from("n1"), sink.clone());
        Self {
            sink: sink.clone(),
            facts,
            reporter: tokio::spawn(reporter.run(newest)),
        }
    }

    /// The node answers for so many Services on these links, of `objects`.
    fn announce(&self, services: usize, links: &[&str], objects: &Arc<ClusterObjects>) {
        let verdicts = (0..services).map(|index| {
            let verdicts = Verdicts {
                bgp: Verdict::Withheld(Reason::NoIpAllocated),
                layer2: Verdict::Announced(L2Announcement {
                    addresses: Vec::new(),
                    interfaces: InterfaceSelection::Named(["eth0", "eth1"].map(Into::into).into()),
                    tenure: Tenure::Owner,
                }),
            };
            (ServiceKey::new("shop", format!("s{index}")), verdicts)
        });
        let desired = Desired {
            verdicts: verdicts.collect(),
            ..Desired::default()
        };
        let observed = Observed {
            interfaces: links.iter().map(|link| (*link).into()).collect(),
            ..Observed::default()
        };
        self.facts.send_replace(Some(Arc::new(Facts {
            objects: Arc::clone(objects),
            desired: Arc::new(desired),
            observed,
            problems: Vec::new(),
            alive: None,
        })));
    }

    /// How many writes there have been since `start`, and how many statuses show these interfaces.
    fn told(&self, interfaces: usize) -> (usize, usize) {
        self.sink.with(|told| {
            let shows = |body: &&StatusBody| {
                matches!(body, StatusBody::Layer2 { interfaces: shown } if shown.len() == interfaces)
            };
            (told.writes.len(), told.statuses.values().filter(shows).count())
        })
    }

    async fn stop(self) {
        drop(self.facts);
        self.reporter.await.unwrap();
    }
}

/// What an API server shows of these statuses.
fn shown(sink: &Counting) -> Arc<ClusterObjects> {
    let mut objects = ClusterObjects::default();
    for (id, body) in sink.with(|told| told.statuses.clone()) {
        let object = patch::status("metallb-system", &id, &body);
        let name = ObjectName::new("metallb-system", status_name(&id));
        let object: ServiceL2Status = serde_json::from_value(object).unwrap();
        objects
            .service_l2_statuses
            .insert(name, Object::new(object.said()));
    }
    Arc::new(objects)
}

const SERVICES: usize = 1000;

#[tokio::test(start_paused = true)]
async fn a_thousand_services_that_move_at_once_do_not_flood_the_api() {
    let sink = Counting::default();
    let (speaker, start) = (Speaker::start(&sink), Instant::now());
    let nothing = Arc::default();
    speaker.announce(SERVICES, &["eth0"], &nothing);
    // They move again, all of them, before a tenth has been told.
    sleep(Duration::from_secs(2)).await;
    speaker.announce(SERVICES, &["eth0", "eth1"], &nothing);
    sleep(Duration::from_secs(8)).await;
    let in_ten_seconds = sink.with(|told| told.writes.len());
    assert!((250..=300).contains(&in_ten_seconds), "{in_ten_seconds}");
    for _ in 0..24 {
        sleep(Duration::from_secs(5)).await;
        speaker.announce(SERVICES, &["eth0", "eth1"], &shown(&sink));
    }
    let (writes, newest) = speaker.told(2);
    assert_eq!(newest, SERVICES, "nothing is lost");
    assert_eq!(sink.with(|told| told.events), SERVICES);
    // A status and an event each, and one status more of those that had been told before they moved again.
    assert!(
        (2 * SERVICES..=2 * SERVICES + 140).contains(&writes),
        "{writes}"
    );
    let times = sink.with(|told| told.writes.clone());
    for (index, time) in times.iter().enumerate() {
        let allowed = 101.0 + 20.0 * (*time - start).as_secs_f64();
        assert!(
            (index as f64) < allowed,
            "write {index} after {:?}",
            *time - start
        );
    }
    speaker.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_changes_nothing_writes_nothing_and_tells_of_nothing() {
    let sink = Counting::default();
    let speaker = Speaker::start(&sink);
    speaker.announce(50, &["eth0"], &Arc::default());
    sleep(Duration::from_secs(20)).await;
    assert_eq!(speaker.told(1), (100, 50));
    // Killed: nothing is taken back.
    speaker.reporter.abort();
    let speaker = Speaker::start(&sink);
    speaker.announce(50, &["eth0"], &shown(&sink));
    sleep(Duration::from_secs(300)).await;
    assert_eq!(speaker.told(1), (100, 50));
}

#[tokio::test(start_paused = true)]
async fn an_api_outage_loses_no_status_and_repeats_none() {
    let sink = Counting::default();
    let speaker = Speaker::start(&sink);
    sink.with(|told| told.is_down = true);
    speaker.announce(30, &["eth0"], &Arc::default());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(speaker.told(1), (0, 0));
    sink.with(|told| told.is_down = false);
    sleep(Duration::from_secs(120)).await;
    let (_, statuses) = speaker.told(1);
    assert_eq!(statuses, 30);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_ends_takes_its_statuses_back_at_once() {
    let sink = Counting::default();
    let speaker = Speaker::start(&sink);
    speaker.announce(500, &["eth0"], &Arc::default());
    sleep(Duration::from_secs(60)).await;
    assert_eq!(speaker.told(1).1, 500);
    let end = Instant::now();
    speaker.announce(0, &["eth0"], &shown(&sink));
    let sink = speaker.sink.clone();
    speaker.stop().await;
    assert_eq!(sink.with(|told| told.statuses.len()), 0);
    assert!(
        end.elapsed() < Duration::from_secs(1),
        "{:?}",
        end.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_that_somebody_removes_is_written_again() {
    let sink = Counting::default();
    let speaker = Speaker::start(&sink);
    speaker.announce(1, &["eth0"], &Arc::default());
    sleep(Duration::from_secs(1)).await;
    speaker.announce(1, &["eth0"], &shown(&sink));
    sleep(Duration::from_secs(1)).await;
    let (before, _) = speaker.told(1);
    sink.with(|told| told.statuses.clear());
    speaker.announce(1, &["eth0"], &shown(&sink));
    sleep(Duration::from_secs(1)).await;
    assert_eq!(speaker.told(1), (before + 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_state_of_the_configuration_that_somebody_removes_is_told_again_at_once() {
    let sink = Counting::default();
    let speaker = Speaker::start(&sink);
    let mut with_state = ClusterObjects::default();
    let name = ObjectName::new("metallb-system", "speaker-n1");
    let state = ConfigurationStateObject::new("speaker-n1", Default::default());
    with_state
        .configuration_states
        .insert(name, Object::new(state));
    for objects in [with_state, ClusterObjects::default()] {
        speaker.announce(0, &[], &Arc::new(objects));
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(sink.with(|told| told.states), 2);
}
