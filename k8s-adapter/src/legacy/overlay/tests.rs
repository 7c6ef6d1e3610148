//! What a ConfigMap comes to beside the objects, version after version.

use planner::snapshot::Options;

use super::*;
use crate::crd::{IPAddressPool, IPAddressPoolSpec};
use crate::translate::{Object, TranslateOptions, Translator};

const NAMESPACE: &str = "metallb-system";

/// The pool `web` of the ConfigMap.
const WEB: &str = "address-pools:\n- {name: web, protocol: layer2, addresses: [203.0.113.0/28]}\n";

fn translator() -> Translator {
    Translator::new(TranslateOptions {
        namespace: NAMESPACE.into(),
        planner: Options::default(),
    })
}

fn objects(text: &str) -> ClusterObjects {
    let mut objects = ClusterObjects::default();
    let config_map = ConfigMap {
        data: Some([(DATA_KEY.to_owned(), text.to_owned())].into()),
        ..ConfigMap::default()
    };
    let name = ObjectName::new(NAMESPACE, CONFIG_MAP);
    objects.config_maps.insert(name, Object::new(config_map));
    objects
}

fn with_pool(mut objects: ClusterObjects, name: &str, range: &str) -> ClusterObjects {
    let spec = IPAddressPoolSpec {
        addresses: vec![range.to_owned()],
        auto_assign: true,
        ..IPAddressPoolSpec::default()
    };
    let pool = Object::new(IPAddressPool::new(name, spec));
    let name = ObjectName::new(NAMESPACE, name);
    objects.ip_address_pools.insert(name, pool);
    objects
}

/// The pools in force and what is wrong, save that the ConfigMap is deprecated.
fn update(translator: &mut Translator, objects: &ClusterObjects) -> (Vec<String>, Vec<String>) {
    translator.update(objects);
    let pools = translator.snapshot().config.pools.addresses();
    let pools = pools.iter().map(|pool| {
        let ranges: Vec<String> = pool.ranges().iter().map(ToString::to_string).collect();
        format!("{} {}", pool.name(), ranges.join(" "))
    });
    let errors = translator.errors().iter().filter(|error| error.is_fault());
    (pools.collect(), errors.map(ToString::to_string).collect())
}

#[test]
fn it_is_said_that_the_config_map_is_deprecated_and_what_replaces_it() {
    let mut translator = translator();
    translator.update(&objects(WEB));
    let errors: Vec<String> = translator
        .errors()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        errors,
        [
            "ConfigMap metallb-system/config: data.config: configuration by ConfigMap is deprecated: it counts \
             as 2 objects, which `ferrolb convert` prints"
        ]
    );
}

#[test]
fn an_object_of_the_same_name_is_the_one_in_force() {
    let objects = with_pool(objects(WEB), "web", "203.0.113.16/28");
    let (pools, errors) = update(&mut translator(), &objects);
    assert_eq!(pools, ["web 203.0.113.16/28"]);
    assert_eq!(
        errors,
        [
            "ConfigMap metallb-system/config: data.config.address-pools[0]: IPAddressPool metallb-system/web is \
             there and says something else: remove one of them; not in force"
        ]
    );
}

#[test]
fn an_object_that_says_the_same_is_no_contradiction() {
    let objects = with_pool(objects(WEB), "web", "203.0.113.0/28");
    let (pools, errors) = update(&mut translator(), &objects);
    assert_eq!((pools.len(), errors.len()), (1, 0));
}

#[test]
fn an_object_that_is_in_conflict_is_the_one_in_force() {
    let objects = with_pool(objects(WEB), "wider", "203.0.113.0/24");
    let (pools, errors) = update(&mut translator(), &objects);
    assert_eq!(pools, ["wider 203.0.113.0/24"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("data.config.address-pools[0].addresses[0]: 203.0.113.0/28"));
}

#[test]
fn a_config_map_that_cannot_be_read_keeps_its_last_good_version_in_force() {
    let mut translator = translator();
    let (pools, _) = update(&mut translator, &objects(WEB));
    let (kept, errors) = update(&mut translator, &objects("address-pools: {}"));
    assert_eq!(kept, pools);
    assert_eq!(
        errors,
        [
            "ConfigMap metallb-system/config: data.config.address-pools: must be a list; its last good version \
             stays in force"
        ]
    );
}

#[test]
fn one_entry_at_fault_keeps_its_own_last_good_version_in_force() {
    let mut translator = translator();
    update(&mut translator, &objects(WEB));
    let entries = [
        "{name: web, protocol: layer2, addresses: [203.0.113.0/33]}",
        "{name: lab, protocol: layer2, addresses: [203.0.113.16/28]}",
    ];
    let text = format!("address-pools:\n- {}\n- {}\n", entries[0], entries[1]);
    let (pools, errors) = update(&mut translator, &objects(&text));
    assert_eq!(pools, ["lab 203.0.113.16/28", "web 203.0.113.0/28"]);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].ends_with("; its last good version stays in force"));
}

#[test]
fn a_config_map_that_is_deleted_is_forgotten() {
    let mut translator = translator();
    update(&mut translator, &objects(WEB));
    let (pools, errors) = update(&mut translator, &ClusterObjects::default());
    assert_eq!((pools.len(), errors.len()), (0, 0));
    let (pools, errors) = update(&mut translator, &objects("address-pools: {}"));
    assert_eq!((pools.len(), errors.len()), (0, 1));
}

#[test]
fn a_config_map_without_the_key_is_somebody_elses() {
    let mut objects = objects(WEB);
    let name = ObjectName::new(NAMESPACE, CONFIG_MAP);
    let other = Object::new(ConfigMap::default());
    objects.config_maps.insert(name, other);
    let (pools, errors) = update(&mut translator(), &objects);
    assert_eq!((pools.len(), errors.len()), (0, 0));
}
