//! What is shown while kinds are being read, and when.

use planner::selector::Labels;

use super::*;
use crate::translate::Reason;

const POOLS: Collection<crate::crd::IPAddressPool> = |all| &mut all.ip_address_pools;
const NAMESPACES: Collection<Labels> = |all| &mut all.namespaces;

fn name(name: &str) -> ObjectName {
    ObjectName::new("", name)
}

fn labels(text: &str) -> Labels {
    Labels::from([("text".to_owned(), text.to_owned())])
}

fn item(object_name: &str, version: &str, text: &str) -> Item<Labels> {
    Item {
        name: name(object_name),
        stamp: Stamp {
            uid: object_name.into(),
            resource_version: version.into(),
        },
        object: Ok(Some(labels(text))),
    }
}

fn broken(object_name: &str) -> Item<Labels> {
    let fault = TypeFault {
        field: "spec.text".to_owned(),
        reason: Reason::Missing,
    };
    Item {
        object: Err(vec![fault]),
        ..item(object_name, "9", "")
    }
}

struct Fixture(Store);

impl Fixture {
    fn new() -> Self {
        Self(Store::new([Kind::Namespace]))
    }

    fn with(names: &[&str]) -> Self {
        let mut fixture = Self::new();
        fixture.on(Event::Begin);
        for name in names {
            fixture.on(Event::Found(item(name, "1", "old")));
        }
        fixture.on(Event::Complete);
        fixture.0.publish();
        fixture
    }

    fn on(&mut self, event: Event<Labels>) {
        let step = Step {
            kind: Kind::Namespace,
            collection: NAMESPACES,
            event,
        };
        Box::new(step).apply(&mut self.0);
    }

    /// What is shown: names with their text.
    fn shown(&mut self) -> Vec<(String, String)> {
        let objects = self.0.publish();
        let text = |labels: &Labels| labels.get("text").unwrap().clone();
        let namespaces = objects.namespaces.iter();
        namespaces
            .map(|(name, object)| (name.name.to_string(), text(&object.value)))
            .collect()
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

#[test]
fn nothing_is_due_before_every_kind_has_been_read() {
    let mut store = Store::new([Kind::Namespace, Kind::IPAddressPool]);
    let mut on = |event| {
        let step = Step {
            kind: Kind::Namespace,
            collection: NAMESPACES,
            event,
        };
        Box::new(step).apply(&mut store);
    };
    on(Event::Begin);
    on(Event::Found(item("a", "1", "new")));
    on(Event::Complete);
    assert!(!store.is_due());
    let pools = Step {
        kind: Kind::IPAddressPool,
        collection: POOLS,
        event: Event::Absent,
    };
    Box::new(pools).apply(&mut store);
    assert!(store.is_due());
}

#[test]
fn that_there_is_no_such_kind_is_an_answer_after_a_failure() {
    let mut store = Store::new([Kind::IPAddressPool]);
    for event in [Event::Failed("starting".to_owned()), Event::Absent] {
        let step = Step {
            kind: Kind::IPAddressPool,
            collection: POOLS,
            event,
        };
        Box::new(step).apply(&mut store);
    }
    assert_eq!(*store.health.borrow(), Health::default());
}

#[test]
fn a_list_takes_the_place_of_what_was_there_all_at_once() {
    let mut fixture = Fixture::with(&["a", "b"]);
    fixture.on(Event::Begin);
    fixture.on(Event::Found(item("b", "2", "new")));
    fixture.on(Event::Found(item("c", "2", "new")));
    assert!(!fixture.0.is_due());
    assert_eq!(fixture.shown(), pairs(&[("a", "old"), ("b", "old")]));
    fixture.on(Event::Complete);
    assert!(fixture.0.is_due());
    assert_eq!(fixture.shown(), pairs(&[("b", "new"), ("c", "new")]));
}

#[test]
fn a_list_that_breaks_off_changes_nothing_and_leaves_nothing_for_the_next_one() {
    let mut fixture = Fixture::with(&["a"]);
    fixture.on(Event::Begin);
    fixture.on(Event::Found(item("half", "2", "new")));
    fixture.on(Event::Failed("connection refused".to_owned()));
    assert_eq!(fixture.shown(), pairs(&[("a", "old")]));
    fixture.on(Event::Begin);
    fixture.on(Event::Found(item("a", "3", "new")));
    fixture.on(Event::Complete);
    assert_eq!(fixture.shown(), pairs(&[("a", "new")]));
}

#[test]
fn what_is_listed_again_unchanged_stays_where_it_is_in_memory() {
    let mut fixture = Fixture::with(&["a"]);
    let before = fixture.0.publish();
    fixture.on(Event::Begin);
    fixture.on(Event::Found(item("a", "2", "old")));
    fixture.on(Event::Complete);
    let after = fixture.0.publish();
    let entry = |objects: &ClusterObjects| objects.namespaces.entry(&name("a")).unwrap().clone();
    assert!(Arc::ptr_eq(&entry(&before).value, &entry(&after).value));
    assert_eq!(&*entry(&after).stamp.unwrap().resource_version, "2");
}

#[test]
fn a_new_version_that_says_the_same_of_what_nobody_writes_is_no_change() {
    let mut fixture = Fixture::with(&["a"]);
    fixture.on(Event::Seen(item("a", "2", "old")));
    assert!(!fixture.0.is_due());
    fixture.on(Event::Seen(item("a", "3", "new")));
    assert!(fixture.0.is_due());
}

#[test]
fn a_broken_object_is_an_error_and_its_last_good_version_stays() {
    let mut fixture = Fixture::with(&["a"]);
    fixture.on(Event::Seen(broken("a")));
    fixture.on(Event::Seen(broken("b")));
    let objects = fixture.0.publish();
    let effects: Vec<ErrorEffect> = objects.errors.iter().map(|error| error.effect).collect();
    assert_eq!(
        effects,
        [ErrorEffect::LastGoodInForce, ErrorEffect::OutOfForce]
    );
    assert_eq!(fixture.shown(), pairs(&[("a", "old")]));
}

#[test]
fn an_error_goes_with_its_cause() {
    let mut fixture = Fixture::with(&["a"]);
    fixture.on(Event::Seen(broken("a")));
    fixture.on(Event::Seen(broken("b")));
    assert_eq!(fixture.0.publish().errors.len(), 2);
    fixture.on(Event::Seen(item("a", "10", "new")));
    fixture.on(Event::Gone(item("b", "2", "last")));
    assert!(fixture.0.is_due());
    assert!(fixture.0.publish().errors.is_empty());
}

#[test]
fn a_list_keeps_the_last_good_version_of_a_broken_object() {
    let mut fixture = Fixture::with(&["a"]);
    fixture.on(Event::Begin);
    fixture.on(Event::Found(broken("a")));
    fixture.on(Event::Complete);
    assert_eq!(fixture.shown(), pairs(&[("a", "old")]));
    assert_eq!(fixture.0.publish().errors.len(), 1);
}

#[test]
fn a_failure_shows_in_the_health_until_it_is_over() {
    let mut fixture = Fixture::with(&["a"]);
    let health = fixture.0.health();
    assert!(health.borrow().failing.is_empty());
    fixture.on(Event::Failed("connection refused".to_owned()));
    fixture.on(Event::Begin);
    fixture.on(Event::Failed("connection refused".to_owned()));
    assert!(health.borrow().failing.contains_key(&Kind::Namespace));
    assert_eq!(fixture.0.take_errors(), 2);
    fixture.on(Event::Recovered);
    assert!(health.borrow().failing.is_empty());
    assert!(!fixture.0.is_due(), "an outage changes no object");
}

/// A Service that was looked for may be followed again by the time the answer comes, which is older.
#[test]
fn how_a_former_service_was_found_does_not_replace_one_that_is_followed() {
    let mut store = Store::new([]);
    let service = |service_type| Item {
        name: ObjectName::new("shop", "web"),
        stamp: Stamp {
            uid: "1".into(),
            resource_version: "1".into(),
        },
        object: Ok(Some(Service {
            service_type,
            ..Service::default()
        })),
    };
    let shown = |store: &mut Store| {
        let services = store.publish().services.clone();
        let service = services.get(&ObjectName::new("shop", "web"));
        service.map(|service| service.service_type)
    };
    let web = || ObjectName::new("shop", "web");
    store.former_service(web(), Some(service(ServiceType::Other)));
    assert_eq!(shown(&mut store), Some(ServiceType::Other));
    let followed = service(ServiceType::LoadBalancer);
    store.seen(Kind::Service, |all| &mut all.services, followed);
    store.former_service(web(), Some(service(ServiceType::Other)));
    store.former_service(web(), None);
    assert_eq!(shown(&mut store), Some(ServiceType::LoadBalancer));
    store.former_service(web(), None);
    store.gone(Kind::Service, |all| &mut all.services, web());
    store.former_service(web(), Some(service(ServiceType::Other)));
    store.former_service(web(), None);
    assert_eq!(shown(&mut store), None);
}
