use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ipam::PoolName;
use planner::effect::{ConditionStatus, ConfigurationResult, Effect, EventReason, Involved};
use planner::names::ServiceKey;
use planner::service::AddressCondition;
use planner::snapshot::Options;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::term::SLOW_TIMER;
use super::*;
use crate::lease::Standing;
use crate::sink::SinkError;
use crate::source::dir::read;
use crate::translate::{ClusterObjects, Object, ObjectName};

/// Shows what is put into it, at first what has been put there already.
struct Shown(watch::Receiver<Option<Arc<ClusterObjects>>>);

impl Source for Shown {
    async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
        loop {
            self.0.changed().await.map_err(|_| SourceError::Ended)?;
            if let Some(objects) = &*self.0.borrow_and_update() {
                return Ok(Arc::clone(objects));
            }
        }
    }
}

/// Keeps what it is given, or refuses it.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Outside>>);

#[derive(Default)]
struct Outside {
    effects: Vec<Effect>,
    is_broken: bool,
}

impl Kept {
    fn with<T>(&self, f: impl FnOnce(&mut Outside) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What came since the last call.
    fn take(&self) -> Vec<Effect> {
        self.with(|outside| std::mem::take(&mut outside.effects))
    }

    /// The addresses assigned since the last call of either.
    fn patches(&self) -> BTreeMap<String, Vec<IpAddr>> {
        let patches = self.take().into_iter().filter_map(|effect| match effect {
            Effect::PatchServiceStatus {
                service, ingress, ..
            } => Some((service.name().to_owned(), ingress)),
            _ => None,
        });
        patches.collect()
    }
}

impl Sink for Kept {
    async fn apply(&self, effect: Effect, _: &ClusterObjects) -> Result<(), SinkError> {
        self.with(|outside| {
            if outside.is_broken {
                return Err(SinkError::File {
                    path: "web.yaml".into(),
                    source: std::io::Error::other("broken"),
                });
            }
            outside.effects.push(effect);
            Ok(())
        })
    }

    async fn retain(&self, _: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}

/// A controller whose surroundings are in memory. Time is virtual.
struct Surroundings {
    objects: ClusterObjects,
    show: watch::Sender<Option<Arc<ClusterObjects>>>,
    sink: Kept,
    lead: watch::Sender<Standing>,
    facts: watch::Receiver<Facts>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), SourceError>>,
}

impl Surroundings {
    /// With a pool of two addresses. Nothing is shown yet.
    fn new() -> Self {
        let (show, shown) = watch::channel(None);
        let (lead, leads) = watch::channel(leading(FOREVER));
        let (stop, stopped) = oneshot::channel::<()>();
        let sink = Kept::default();
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: Options::default(),
        };
        let controller = Controller {
            options,
            sink: Arc::new(sink.clone()),
            leadership: Leadership::of(leads),
            facts: watch::Sender::default(),
        };
        let facts = controller.facts.subscribe();
        let open = move || {
            let mut shown = shown.clone();
            shown.mark_changed();
            Ok(Shown(shown))
        };
        let task = tokio::spawn(controller.run(open, async move { drop(stopped.await) }));
        let mut surroundings = Self {
            objects: ClusterObjects::default(),
            show,
            sink,
            lead,
            facts,
            stop,
            task,
        };
        surroundings.add(
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: pool\n  namespace: metallb-system\n\
             spec:\n  addresses: [192.0.2.6/31]\n",
        );
        surroundings
    }

    fn add(&mut self, manifest: &str) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.yaml"), manifest).unwrap();
        let added = read(folder.path()).unwrap();
        assert_eq!(added.errors, []);
        for (name, object) in &added.services {
            self.objects.services.insert(name.clone(), object.clone());
        }
        for (name, object) in &added.config_maps {
            self.objects
                .config_maps
                .insert(name.clone(), object.clone());
        }
        for (name, object) in &added.ip_address_pools {
            self.objects
                .ip_address_pools
                .insert(name.clone(), object.clone());
        }
    }

    /// A Service that has no address, or this one and all that is written with it.
    fn add_service(&mut self, name: &str, address: &str) {
        let mut manifest = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop, annotations: {{ANNOTATIONS}}}}\n\
             spec: {{type: LoadBalancer}}\n"
        );
        let annotation = if address.is_empty() {
            ""
        } else {
            manifest += &format!(
                "status:\n  loadBalancer: {{ingress: [{{ip: {address}}}]}}\n  conditions:\n  - {{type: \
                 ferrolb.io/AddressAssigned, status: \"True\", reason: Assigned, message: {address} from pool pool, \
                 lastTransitionTime: 2026-01-01T00:00:00Z}}\n  - {{type: ferrolb.io/Announced, status: \"False\", \
                 reason: NoAdvertisement, message: '{UNADVERTISED}', lastTransitionTime: 2026-01-01T00:00:00Z}}\n"
            );
            "metallb.io/ip-allocated-from-pool: pool"
        };
        self.add(&manifest.replace("ANNOTATIONS", annotation));
    }

    /// Shows the objects as they are now, and lets the controller do all that follows from it.
    async fn show(&self) {
        self.show.send_replace(Some(Arc::new(self.objects.clone())));
        settle().await;
    }
}

/// Everybody does what there is to do, in no time.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// What is told of a Service in a cluster without advertisements.
const UNADVERTISED: &str = "allocated, but no advertisement selects pool pool; create an L2Advertisement or a \
                            BGPAdvertisement with ipAddressPools: [pool]";

/// Longer than any test, in virtual time.
const FOREVER: Duration = Duration::from_secs(1_000_000);

fn leading(span: Duration) -> Standing {
    let until = Instant::now() + span;
    Standing::Leading { until }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_before_the_source_has_been_read() {
    let surroundings = Surroundings::new();
    tokio::time::sleep(10 * SLOW_TIMER).await;
    assert_eq!(surroundings.sink.take(), []);
}

#[tokio::test(start_paused = true)]
async fn a_service_gets_an_address_and_an_event_once() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.show().await;
    let effects = surroundings.sink.take();
    let expected = Effect::PatchServiceStatus {
        service: ServiceKey::new("shop", "web"),
        ingress: vec![ip("192.0.2.6")],
        pool: Some(PoolName::from("pool")),
        condition: Some(AddressCondition {
            status: ConditionStatus::True,
            reason: "Assigned".into(),
            message: "192.0.2.6 from pool pool".to_owned(),
        }),
        announced: Some(AddressCondition {
            status: ConditionStatus::False,
            reason: "NoAdvertisement".into(),
            message: UNADVERTISED.to_owned(),
        }),
    };
    assert!(effects.contains(&expected), "{effects:?}");
    let events = effects.iter().filter(|effect| matches!(effect, Effect::EmitEvent(event) if event.reason == EventReason::IpAllocated));
    assert_eq!(events.count(), 1);
    surroundings.add_service("web", "192.0.2.6");
    surroundings.show().await;
    assert_eq!(surroundings.sink.take(), []);
}

/// The trap: the Service's own status comes back late, and meanwhile another Service arrives.
#[tokio::test(start_paused = true)]
async fn an_address_that_was_given_and_not_seen_yet_is_not_given_again() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.show().await;
    assert_eq!(surroundings.sink.patches()["web"], [ip("192.0.2.6")]);
    surroundings.add_service("another", "");
    surroundings.show().await;
    assert_eq!(
        surroundings.sink.patches(),
        BTreeMap::from([("another".to_owned(), vec![ip("192.0.2.7")])])
    );
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_written_after_a_short_while() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.sink.with(|outside| outside.is_broken = true);
    surroundings.show().await;
    surroundings.sink.with(|outside| outside.is_broken = false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    settle().await;
    assert_eq!(surroundings.sink.patches()["web"], [ip("192.0.2.6")]);
    assert!(surroundings.facts.borrow().update_errors > 0);
}

/// The Service is gone by the time that its write is tried again.
#[tokio::test(start_paused = true)]
async fn a_write_that_failed_is_decided_anew_before_it_is_tried_again() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.sink.with(|outside| outside.is_broken = true);
    surroundings.show().await;
    let name = ObjectName::new("shop", "web");
    surroundings.objects.services.remove(&name);
    surroundings.show().await;
    surroundings.sink.with(|outside| outside.is_broken = false);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(surroundings.sink.patches(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_written_before_and_after_a_term_of_leadership() {
    let mut surroundings = Surroundings::new();
    surroundings.lead.send_replace(Standing::Following);
    surroundings.add_service("web", "");
    surroundings.show().await;
    assert_eq!(surroundings.sink.take(), []);

    let (span, begin) = (Duration::from_secs(2), Instant::now());
    surroundings.lead.send_replace(leading(span));
    settle().await;
    assert_eq!(surroundings.sink.patches()["web"], [ip("192.0.2.6")]);
    let facts = surroundings.facts.borrow().clone();
    assert_eq!(facts.progress, Progress::Deciding);
    assert_eq!(facts.pools[&PoolName::from("pool")].services, 1);

    // Nobody says so, but its time is over.
    tokio::time::sleep_until(begin + span).await;
    surroundings.add_service("another", "");
    surroundings.show().await;
    assert_eq!(surroundings.sink.take(), []);
    let facts = surroundings.facts.borrow().clone();
    assert_eq!(facts.progress, Progress::StandingBy);
    assert!(facts.pools.is_empty());
}

/// What it wrote and has not seen is of no account in the next term: meanwhile another has decided.
#[tokio::test(start_paused = true)]
async fn a_new_term_begins_with_what_the_source_says() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.show().await;
    assert_eq!(surroundings.sink.patches()["web"], [ip("192.0.2.6")]);
    surroundings.lead.send_replace(Standing::Following);
    settle().await;
    surroundings.add_service("web", "192.0.2.7");
    surroundings.add_service("another", "");
    surroundings.show().await;
    surroundings.lead.send_replace(leading(FOREVER));
    settle().await;
    assert_eq!(
        surroundings.sink.patches(),
        BTreeMap::from([("another".to_owned(), vec![ip("192.0.2.6")])])
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_written_and_never_seen_is_written_again() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("web", "");
    surroundings.show().await;
    assert_eq!(surroundings.sink.patches().len(), 1);
    tokio::time::sleep(2 * SLOW_TIMER).await;
    settle().await;
    assert_eq!(surroundings.sink.patches()["web"], [ip("192.0.2.6")]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_service_is_served_when_another_one_goes() {
    let mut surroundings = Surroundings::new();
    surroundings.add_service("one", "192.0.2.6");
    surroundings.add_service("two", "192.0.2.7");
    surroundings.add_service("waiting", "");
    surroundings.show().await;
    let effects = surroundings.sink.take();
    let waiting = Involved::Service(ServiceKey::new("shop", "waiting"));
    let told = effects.iter().any(|effect| {
        matches!(effect, Effect::EmitEvent(event) if event.reason == EventReason::AllocationFailed && event.involved == waiting)
    });
    assert!(told, "{effects:?}");
    surroundings
        .objects
        .services
        .remove(&ObjectName::new("shop", "one"));
    surroundings.show().await;
    assert_eq!(surroundings.sink.patches()["waiting"], [ip("192.0.2.6")]);
}

#[tokio::test(start_paused = true)]
async fn the_configuration_state_tells_of_broken_objects_and_of_their_repair() {
    let mut surroundings = Surroundings::new();
    let result = |effects: &[Effect]| {
        effects.iter().find_map(|effect| match effect {
            Effect::ConfigurationState(state) => Some((state.result, state.conditions.clone())),
            _ => None,
        })
    };
    surroundings.show().await;
    assert_eq!(
        result(&surroundings.sink.take()).unwrap().0,
        ConfigurationResult::Valid
    );

    let name = ObjectName::new("metallb-system", "pool");
    let good = Arc::clone(surroundings.objects.ip_address_pools.get(&name).unwrap());
    let mut broken = good.as_ref().clone();
    broken.spec.addresses = vec!["nonsense".to_owned()];
    surroundings
        .objects
        .ip_address_pools
        .insert(name.clone(), Object::new(broken));
    surroundings.add_service("web", "");
    surroundings.show().await;
    let effects = surroundings.sink.take();
    let (verdict, conditions) = result(&effects).unwrap();
    assert_eq!(verdict, ConfigurationResult::Invalid);
    let condition = conditions
        .iter()
        .find(|c| c.condition_type == "ipaddresspool.metallb.io/pool")
        .unwrap();
    assert!(
        condition.message.starts_with("spec.addresses[0]: "),
        "{}",
        condition.message
    );
    let is_served = effects
        .iter()
        .any(|effect| matches!(effect, Effect::PatchServiceStatus { .. }));
    assert!(is_served, "the last good version of the pool is in force");

    surroundings
        .objects
        .ip_address_pools
        .insert(name, Object::new(good));
    surroundings.show().await;
    assert_eq!(
        result(&surroundings.sink.take()).unwrap().0,
        ConfigurationResult::Valid
    );
}

#[tokio::test(start_paused = true)]
async fn usage_of_pools_is_written_when_it_changes() {
    let mut surroundings = Surroundings::new();
    let usage = |effects: Vec<Effect>| {
        let mut usage = effects.into_iter().filter_map(|effect| match effect {
            Effect::PoolStatus { usage, .. } => Some((usage.assigned_ipv4, usage.available_ipv4)),
            _ => None,
        });
        (usage.next(), usage.next())
    };
    surroundings.add_service("web", "");
    surroundings.show().await;
    assert_eq!(usage(surroundings.sink.take()), (Some((1, 1)), None));
    surroundings.add_service("web", "192.0.2.6");
    surroundings.show().await;
    assert_eq!(usage(surroundings.sink.take()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn it_stops_when_asked_to_and_when_the_source_ends() {
    let Surroundings {
        stop, task, show, ..
    } = Surroundings::new();
    stop.send(()).unwrap();
    assert!(matches!(task.await, Ok(Ok(()))));
    drop(show);

    let Surroundings {
        task, show, stop, ..
    } = Surroundings::new();
    drop(show);
    assert!(matches!(task.await, Ok(Err(SourceError::Ended))));
    drop(stop);
}

#[tokio::test(start_paused = true)]
async fn raw_frr_configuration_is_an_event_on_its_config_map_told_once() {
    let told = |sink: &Kept| -> Vec<String> {
        let events = sink.take().into_iter().filter_map(|effect| match effect {
            Effect::EmitEvent(event) if event.reason == EventReason::RawConfigurationRejected => {
                Some(event.involved.to_string())
            }
            _ => None,
        });
        events.collect()
    };
    let mut surroundings = Surroundings::new();
    surroundings.add(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bgpextras\n  namespace: metallb-system\ndata:\n  \
         extras: router bgp 64500\n",
    );
    surroundings.sink.with(|outside| outside.is_broken = true);
    surroundings.show().await;
    surroundings.sink.with(|outside| outside.is_broken = false);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        told(&surroundings.sink),
        ["ConfigMap metallb-system/bgpextras"]
    );
    surroundings.show().await;
    assert_eq!(told(&surroundings.sink), Vec::<String>::new());
}
