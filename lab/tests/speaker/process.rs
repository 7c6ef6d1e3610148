//! What a speaker may do on the cluster, and what it tells about itself.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use k8s_openapi::api::rbac::v1::PolicyRule;
use lab::cluster::{Audit, NAMESPACE};
use lab::{Host, LabError, until};
use serde_json::{Value, json};

use crate::families::{Families, Reach, parsed};
use crate::object::{Object, TIMEOUT, apply};
use crate::state::state;
use crate::tenant::Tenant;

const RIGHTS: &str = include_str!("../../../deploy/manifests/speaker-rbac.yaml");

/// Who applies (server-side apply) what is not there needs the right to create too, and the request is a patch.
const CREATED_BY_APPLYING: [&str; 4] = [
    "create bgpsessions",
    "create configurationstates",
    "create servicebgpstatuses",
    "create servicel2statuses",
];

/// What the shipped roles allow a speaker, as in `patch servicel2statuses/status`.
fn granted() -> BTreeSet<String> {
    let roles: Vec<Value> = serde_saphyr::from_multiple(RIGHTS).unwrap();
    let rules = roles.iter().filter_map(|role| role["rules"].as_array());
    let mut granted = BTreeSet::new();
    for rule in rules.flatten() {
        let rule: PolicyRule = serde_json::from_value(rule.clone()).unwrap();
        for resource in rule.resources.unwrap_or_default() {
            granted.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
        }
    }
    granted
}

#[test]
fn the_shipped_rights_of_a_speaker_are_enough_and_all_of_them_are_used() {
    let Some(mut tenant) = Tenant::alone("rights") else {
        return;
    };
    let audit = Audit::from_now(&tenant.cluster.plane);
    let user = format!("system:serviceaccount:{NAMESPACE}:speaker");
    tenant.cluster.stop_speaker("node1").unwrap();
    tenant.cluster.start_speaker("node1").unwrap();
    tenant.cluster.wait_until_established().unwrap();
    state(&tenant).request_deletion();
    do_everything(&tenant);
    // Told of no more, and told of anew.
    let (version, kind) = ("metallb.io/v1beta2", "BGPPeer");
    let peer = Object::of(&tenant.cluster.plane, version, kind, NAMESPACE, "frr-v6");
    let elsewhere = json!([{"matchLabels": {"kubernetes.io/hostname": "node2"}}]);
    peer.patch(json!({"spec": {"nodeSelectors": elsewhere}}));
    until("end of a session that was told of", TIMEOUT, || {
        let deleted = audit.requests(&user)?.of("delete bgpsessions");
        Ok((deleted > 0).then_some(()))
    })
    .unwrap();
    peer.patch(json!({"spec": {"nodeSelectors": null}}));

    let mut unused = BTreeSet::new();
    let used = until("all rights used", TIMEOUT, || {
        let requests = audit.requests(&user)?;
        unused = granted();
        unused.retain(|right| {
            let is_expected = !CREATED_BY_APPLYING.contains(&right.as_str());
            is_expected && requests.of(right) == 0
        });
        Ok(unused.is_empty().then_some(()))
    });
    let refused = audit.refused(&user).unwrap();
    assert_eq!(refused.to_string(), "", "what it may not do");
    used.unwrap_or_else(|error| panic!("{error}; unused: {unused:#?}"));
}

/// A Service that is announced by both protocols, twice, so that an event comes again; and somebody who asks for metrics.
fn do_everything(tenant: &Tenant<crate::harness::Alone>) {
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    tenant.bgp("ad", json!({}));
    let _pods = tenant.pods("web");
    let service = tenant.service("web", Families::V4, json!({}));
    for _ in 0..2 {
        let address = service.until_address();
        tenant.until_owner(&service, |_| true);
        service.patch(json!({"spec": {"type": "ClusterIP"}}));
        tenant.until_layer2_nodes(&service, &[]);
        until(&format!("nobody at {address}"), TIMEOUT, || {
            let answers = tenant.client().who_has(address.parse().unwrap())?;
            Ok(answers.is_empty().then_some(()))
        })
        .unwrap();
        service.patch(json!({"spec": {"type": "LoadBalancer"}}));
    }
    let token = tenant.cluster.access_of_speakers().unwrap().token;
    let answer = metrics(tenant, Some(&token));
    assert!(answer.is_err(), "a speaker itself may not read metrics");
}

/// What node1's speaker tells Prometheus.
fn metrics(
    tenant: &Tenant<impl std::ops::Deref<Target = lab::cluster::Cluster>>,
    token: Option<&str>,
) -> Result<String, LabError> {
    let server = format!("https://{}:9120", tenant.node("node1").ipv4);
    tenant.cluster.plane.get(&server, "/metrics", token)
}

#[test]
fn metrics_of_a_speaker_are_for_those_whom_the_api_server_lets_read_them() {
    let Some(tenant) = Tenant::start("metrics") else {
        return;
    };
    let plane = &tenant.cluster.plane;
    let (account, group) = ("scraper", "rbac.authorization.k8s.io");
    apply(
        plane,
        NAMESPACE,
        &[
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account}}),
            json!({
                "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
                "metadata": {"name": account},
                "roleRef": {
                    "apiGroup": group, "kind": "ClusterRole", "name": "metallb-system:metrics-reader",
                },
                "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": NAMESPACE}],
            }),
        ],
    );
    let scraper = plane.access_of(NAMESPACE, account).unwrap().token;
    tenant.pool(Reach::OnLink);
    tenant.layer2(
        "ad",
        json!({"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "node1"}}]}),
    );
    tenant.bgp("ad", json!({}));
    let _pods = tenant.pods("web");
    let service = tenant.service("web", Families::V4, json!({}));
    tenant.until_answered_by(&service, "node1");
    let ip = parsed(&service.addresses())[0];
    let (name, frr) = (service.name(), tenant.cluster.topology.routers[0].ipv4);
    let announced = |protocol| {
        format!(
            "metallb_speaker_announced{{service=\"metrics/{name}\",protocol=\"{protocol}\",node=\"node1\",ip=\"{ip}\"}} 1"
        )
    };
    let lines = [
        announced("layer2"),
        announced("bgp"),
        format!("metallb_bgp_session_up{{peer=\"{frr}:179\",vrf=\"\"}} 1"),
        "metallb_k8s_client_config_loaded_bool 1".to_owned(),
        "# TYPE metallb_bgp_opens_sent counter".to_owned(),
    ];
    let peer = format!("{{peer=\"{frr}:179\",vrf=\"\"}} ");
    let counters = [
        format!("metallb_bgp_opens_sent{peer}"),
        format!("metallb_bgp_updates_total{peer}"),
        format!("metallb_bgp_keepalives_received{peer}"),
        format!("metallb_bgp_total_received{peer}"),
        format!("metallb_layer2_requests_received{{ip=\"{ip}\"}} "),
        format!("metallb_layer2_responses_sent{{ip=\"{ip}\"}} "),
        format!("metallb_layer2_gratuitous_sent{{ip=\"{ip}\"}} "),
        format!("ferrolb_l2_last_claim_timestamp_seconds{{ip=\"{ip}\"}} "),
        "ferrolb_failover_duration_seconds_count ".to_owned(),
        "metallb_k8s_client_updates_total ".to_owned(),
    ];
    let mut last = String::new();
    let shown = until("metrics", TIMEOUT, || {
        last = metrics(&tenant, Some(&scraper))?;
        let has = |line: &String| last.lines().any(|text| text == line);
        let counts = |name: &String| {
            let value = last
                .lines()
                .find_map(|line| line.strip_prefix(name.as_str()));
            value.is_some_and(|value| value.parse::<f64>().is_ok_and(|value| value > 0.0))
        };
        Ok((lines.iter().all(has) && counters.iter().all(counts)).then_some(()))
    });
    shown.unwrap_or_else(|error| panic!("{error}:\n{last}"));

    let refusal = |token| format!("{:?}", metrics(&tenant, token).unwrap_err());
    assert!(refusal(None).contains("401"));
    assert!(refusal(Some("nonsense")).contains("401"));
}

/// What a probe on the machine itself is answered: the status and the text; `None` while nobody listens.
fn probe(host: &Host, path: &str) -> Option<(u16, String)> {
    let ask = || -> io::Result<String> {
        let address = SocketAddr::from(([127, 0, 0, 1], 17472));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    let text = host.namespace.run(ask).unwrap().ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

#[test]
fn a_speaker_that_starts_without_an_api_server_is_alive_and_says_what_it_waits_for() {
    let Some(mut tenant) = Tenant::alone("ready") else {
        return;
    };
    let until_ready = |tenant: &Tenant<_>, expected: u16| {
        let mut last = None;
        let answered = until(&format!("/readyz with {expected}"), TIMEOUT, || {
            last = probe(tenant.node("node1"), "/readyz");
            Ok(last.clone().filter(|(status, _)| *status == expected))
        });
        answered
            .unwrap_or_else(|error| panic!("{error}: {last:?}"))
            .1
    };
    until_ready(&tenant, 200);
    tenant.cluster.stop_speaker("node1").unwrap();
    tenant.cluster.plane.kill_api_server().unwrap();
    tenant.cluster.start_speaker("node1").unwrap();
    let words = until_ready(&tenant, 503);
    assert!(
        words.contains("cannot be read") || words.contains("first time"),
        "{words}"
    );
    assert_eq!(
        probe(tenant.node("node1"), "/healthz").unwrap(),
        (200, "ok".to_owned())
    );
    // From elsewhere nobody is answered.
    let node = tenant.node("node1").ipv4.into();
    assert!(tenant.client().get_on(node, 17472).is_err());

    tenant.cluster.plane.start_api_server().unwrap();
    assert_eq!(until_ready(&tenant, 200), "ok");
    tenant.cluster.restart_proxies().unwrap();
}
