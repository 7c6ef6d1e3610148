use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use planner::endpoints::Endpoint;
use planner::node::Node;
use planner::service::{AddressField, Service};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::translate::{
    ErrorEffect, LAST_GOOD_SECRET, LAST_GOOD_TYPE, Object, Objects, Reason, Slice, Stamp,
};

const NAMESPACE: &str = "metallb-system";

/// Something that happens to one object.
#[derive(Clone, Debug)]
enum Happening {
    Service(u8, Option<u8>),
    Slice(u8, Option<(u8, Vec<u8>)>),
    Node(u8, Option<(u8, bool)>),
    Namespace(u8, Option<u8>),
    Pool(u8, Option<(u8, bool)>),
    PoolStatus(u8, u64),
    Peer(u8, Option<u8>),
    Secret(Option<u8>),
    Community(Option<u8>),
    Advertisement(u8, Option<u8>),
    SourceError(bool),
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening::*;
    let some = |range: std::ops::Range<u8>| proptest::option::weighted(0.8, range);
    let slice = proptest::option::weighted(0.8, (0..3_u8, vec(0..3_u8, 0..4)));
    let node = proptest::option::weighted(0.8, (0..3_u8, any::<bool>()));
    let pool = proptest::option::weighted(0.8, (0..4_u8, any::<bool>()));
    prop_oneof![
        (0..3_u8, some(0..3)).prop_map(|(name, what)| Service(name, what)),
        (0..3_u8, slice).prop_map(|(name, what)| Slice(name, what)),
        (0..3_u8, node).prop_map(|(name, what)| Node(name, what)),
        (0..2_u8, some(0..2)).prop_map(|(name, what)| Namespace(name, what)),
        (0..3_u8, pool).prop_map(|(name, what)| Pool(name, what)),
        (0..3_u8, 0..3_u64).prop_map(|(name, assigned)| PoolStatus(name, assigned)),
        (0..3_u8, some(0..4)).prop_map(|(name, what)| Peer(name, what)),
        some(0..2).prop_map(Secret),
        some(0..2).prop_map(Community),
        (0..2_u8, some(0..3)).prop_map(|(name, what)| Advertisement(name, what)),
        any::<bool>().prop_map(SourceError),
    ]
}

fn read<K: DeserializeOwned>(name: u8, mut object: Value) -> K {
    object["metadata"]["name"] = json!(format!("o{name}"));
    object["metadata"]["namespace"] = json!(NAMESPACE);
    serde_json::from_value(object).unwrap()
}

fn put<K: PartialEq>(objects: &mut Objects<K>, namespace: &str, name: u8, object: Option<K>) {
    let name = ObjectName::new(namespace, format!("o{name}"));
    match object {
        Some(object) => objects.insert(name, Object::new(object)),
        None => drop(objects.remove(&name)),
    }
}

fn service(variant: u8) -> Service {
    Service {
        ingress: (0..variant)
            .map(|octet| AddressField::Ip([192, 0, 2, octet].into()))
            .collect(),
        ..Service::default()
    }
}

fn slice((service, endpoints): (u8, Vec<u8>)) -> Slice {
    let endpoint = |node: &u8| Endpoint {
        node: Some(format!("o{node}").as_str().into()),
        ready: Some(*node > 0),
        serving: None,
    };
    Slice {
        service: ServiceKey::new("shop", format!("o{service}")),
        endpoints: endpoints.iter().map(endpoint).collect(),
    }
}

fn node((rack, is_available): (u8, bool)) -> Node {
    Node {
        labels: BTreeMap::from([("rack".to_owned(), rack.to_string())]),
        network: if is_available {
            planner::node::Network::Available
        } else {
            planner::node::Network::Unavailable
        },
        ..Node::default()
    }
}

/// Four ranges of which two overlap and one is none; some serve the namespaces of a team.
fn pool(name: u8, (range, is_picky): (u8, bool)) -> crate::crd::IPAddressPool {
    let ranges = ["192.0.2.0/24", "192.0.2.128/25", "198.51.100.0/24", "wrong"];
    let mut spec = json!({ "addresses": [ranges[usize::from(range)]] });
    if is_picky {
        spec["serviceAllocation"] =
            json!({ "namespaceSelectors": [{ "matchLabels": { "team": "0" } }] });
    }
    read(name, json!({ "spec": spec }))
}

/// Peers that get in each other's way on nodes of one rack, or need the Secret.
fn peer(name: u8, variant: u8) -> crate::crd::BGPPeer {
    let mut spec = json!({
        "myASN": 64500, "peerASN": 64510, "peerAddress": "203.0.113.1",
        "nodeSelectors": [{ "matchLabels": { "rack": variant.to_string() } }],
    });
    if variant == 3 {
        spec["passwordSecret"] = json!({ "name": "o0" });
        spec["peerAddress"] = json!(format!("203.0.113.{}", 10 + name));
    }
    read(name, json!({ "spec": spec }))
}

fn happen(objects: &mut ClusterObjects, happening: Happening) {
    match happening {
        Happening::Service(name, what) => {
            put(&mut objects.services, "shop", name, what.map(service));
        }
        Happening::Slice(name, what) => {
            put(&mut objects.endpoint_slices, "shop", name, what.map(slice));
        }
        Happening::Node(name, what) => put(&mut objects.nodes, "", name, what.map(node)),
        Happening::Namespace(name, what) => {
            let labels = what.map(|team| BTreeMap::from([("team".to_owned(), team.to_string())]));
            put(&mut objects.namespaces, "", name, labels);
        }
        Happening::Pool(name, what) => {
            let pool = what.map(|what| pool(name, what));
            put(&mut objects.ip_address_pools, NAMESPACE, name, pool);
        }
        Happening::PoolStatus(name, assigned) => {
            let key = ObjectName::new(NAMESPACE, format!("o{name}"));
            let pool = objects.ip_address_pools.get(&key).cloned();
            let pool = pool.map(|pool| crate::crd::IPAddressPool {
                status: serde_json::from_value(json!({
                    "assignedIPv4": assigned, "assignedIPv6": 0, "availableIPv4": 9, "availableIPv6": 0,
                }))
                .unwrap(),
                ..(*pool).clone()
            });
            put(&mut objects.ip_address_pools, NAMESPACE, name, pool);
        }
        Happening::Peer(name, what) => {
            let peer = what.map(|what| peer(name, what));
            put(&mut objects.bgp_peers, NAMESPACE, name, peer);
        }
        Happening::Secret(what) => {
            let secret = what.map(|what| {
                let data = json!({ "password": format!("secret{what}") });
                let secret = json!({ "type": "kubernetes.io/basic-auth", "stringData": data });
                read::<Secret>(0, secret)
            });
            put(&mut objects.secrets, NAMESPACE, 0, secret);
        }
        Happening::Community(what) => {
            let community = what.map(|what| {
                let alias = json!({ "name": "alias", "value": format!("64500:{what}") });
                read(0, json!({ "spec": { "communities": [alias] } }))
            });
            put(&mut objects.communities, NAMESPACE, 0, community);
        }
        Happening::Advertisement(name, what) => {
            let advertisement = what.map(|what| {
                let communities: &[&str] = if what == 0 { &["alias"] } else { &[] };
                let spec = json!({ "communities": communities, "localPref": what });
                read(name, json!({ "spec": spec }))
            });
            put(
                &mut objects.bgp_advertisements,
                NAMESPACE,
                name,
                advertisement,
            );
        }
        Happening::SourceError(is_there) => {
            objects.errors = Vec::from_iter(is_there.then(|| ConfigError {
                object: None,
                field: String::new(),
                reason: Reason::Unreadable("no YAML".to_owned()),
                origin: None,
                effect: ErrorEffect::OutOfForce,
            }));
        }
    }
}

/// The keys of entries that are in one map only, or differ.
fn differing<K: Ord + Clone, V: PartialEq>(
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> BTreeSet<K> {
    let keys = one.keys().chain(other.keys());
    keys.filter(|key| one.get(key) != other.get(key))
        .cloned()
        .collect()
}

fn same<T: Debug>(one: &T, other: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(format!("{one:#?}"), format!("{other:#?}"));
    Ok(())
}

/// The objects together with the Secret that the translator has kept.
fn with_last_good(objects: &ClusterObjects, translator: &Translator) -> ClusterObjects {
    let versions = translator.last_good().0.into_iter();
    let data = versions.map(|(key, text)| (key, ByteString(text.into_bytes())));
    let secret = Secret {
        data: Some(data.collect()),
        type_: Some(LAST_GOOD_TYPE.to_owned()),
        ..Secret::default()
    };
    let name = ObjectName::new(NAMESPACE, LAST_GOOD_SECRET);
    let mut objects = objects.clone();
    objects.secrets.insert(name, Object::new(secret));
    objects
}

fn options() -> TranslateOptions {
    TranslateOptions {
        namespace: NAMESPACE.into(),
        planner: Options::default(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_kept_up_to_date_is_what_comes_of_everything_at_once(
        rounds in vec(vec(happening(), 1..5), 1..12)
    ) {
        let mut objects = ClusterObjects::default();
        let mut translator = Translator::new(options());
        let mut whole = Translator::new(options());
        for (round, happenings) in rounds.into_iter().enumerate() {
            for happening in happenings {
                happen(&mut objects, happening);
            }
            let before = translator.snapshot().clone();
            let changed = translator.update(&objects);
            // Remembers the last good versions, as the other one does, and nothing else.
            whole = Translator {
                configuration: whole.configuration,
                ..Translator::new(options())
            };
            whole.update(&objects);
            let now = translator.snapshot();
            same(now, whole.snapshot())?;
            // No password is shown.
            prop_assert!(now.config == whole.snapshot().config);
            same(&translator.errors(), &whole.errors())?;
            let mut restarted = Translator::new(options());
            restarted.update(&with_last_good(&objects, &translator));
            prop_assert!(restarted.snapshot().config == now.config);
            same(&restarted.errors(), &translator.errors())?;
            prop_assert_eq!(changed.services, differing(&before.services, &now.services));
            prop_assert_eq!(changed.endpoints, differing(&before.endpoints, &now.endpoints));
            prop_assert_eq!(changed.nodes, differing(&before.nodes, &now.nodes));
            prop_assert_eq!(changed.config, round == 0 || before.config != now.config);
        }
    }
}

#[test]
fn a_pools_status_is_no_change_of_the_configuration() {
    let mut objects = ClusterObjects::default();
    happen(&mut objects, Happening::Pool(0, Some((0, false))));
    let mut translator = Translator::new(options());
    assert!(translator.update(&objects).config);
    happen(&mut objects, Happening::PoolStatus(0, 7));
    assert_eq!(translator.update(&objects), Changed::default());
    let usage = translator.snapshot().reported_usage.values();
    assert_eq!(
        usage.map(|usage| usage.assigned_ipv4).collect::<Vec<_>>(),
        [7]
    );
}

fn api_pool(uid: &str, range: u8) -> Object<crate::crd::IPAddressPool> {
    let stamp = Stamp {
        uid: uid.into(),
        resource_version: "1".into(),
    };
    Object::from_api(pool(0, (range, false)), stamp)
}

/// Range 3 is none.
#[test]
fn an_object_that_was_made_anew_does_not_inherit_the_last_good_version_of_its_namesake() {
    let name = ObjectName::new(NAMESPACE, "o0");
    let mut objects = ClusterObjects::default();
    objects
        .ip_address_pools
        .insert(name.clone(), api_pool("first", 0));
    let mut translator = Translator::new(options());
    translator.update(&objects);

    let mut edited = with_last_good(&objects, &translator);
    edited
        .ip_address_pools
        .insert(name.clone(), api_pool("first", 3));
    let mut anew = with_last_good(&objects, &translator);
    anew.ip_address_pools.insert(name, api_pool("second", 3));

    let mut restarted = Translator::new(options());
    restarted.update(&edited);
    assert_eq!(restarted.errors()[0].effect, ErrorEffect::LastGoodInForce);
    for mut whichever in [Translator::new(options()), translator, restarted] {
        whichever.update(&anew);
        assert_eq!(whichever.errors()[0].effect, ErrorEffect::OutOfForce);
        assert!(whichever.last_good().0.is_empty());
    }
}

#[test]
fn a_password_and_communities_outlive_the_objects_that_they_are_from() {
    let mut objects = ClusterObjects::default();
    happen(&mut objects, Happening::Peer(0, Some(3)));
    happen(&mut objects, Happening::Secret(Some(1)));
    happen(&mut objects, Happening::Advertisement(0, Some(0)));
    happen(&mut objects, Happening::Community(Some(1)));
    let mut translator = Translator::new(options());
    translator.update(&objects);
    assert_eq!(translator.errors(), []);
    happen(&mut objects, Happening::Secret(None));
    happen(&mut objects, Happening::Community(None));
    let mut restarted = Translator::new(options());
    restarted.update(&with_last_good(&objects, &translator));
    assert_eq!(restarted.errors().len(), 2);
    assert!(restarted.snapshot().config == translator.snapshot().config);
    let shown = format!("{:?}", restarted.last_good());
    assert!(shown.contains("bgppeer.o0") && !shown.contains("secret1"));
}
