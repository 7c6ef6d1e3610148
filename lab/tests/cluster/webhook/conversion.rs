//! BGPPeers of both versions, with a webhook that converts them, without one, and where nobody answers.

use lab::cluster::Run;
use lab::{Process, until};
use serde_json::{Value, json};

use super::site::{NAMESPACE, Site};
use crate::object::TIMEOUT;

fn peer(version: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({ "name": name, "namespace": NAMESPACE });
    json!({ "apiVersion": format!("metallb.io/{version}"), "kind": "BGPPeer", "metadata": metadata, "spec": spec })
}

fn list(site: &Site, version: &str) -> super::site::Answer {
    let path = format!("/apis/metallb.io/{version}/namespaces/{NAMESPACE}/bgppeers");
    site.request("GET", &path, None)
}

fn spec(site: &Site, version: &str, name: &str) -> Value {
    site.object(&format!("metallb.io/{version}"), "BGPPeer", name)
        .at_path("/spec")
}

#[test]
fn peers_are_converted_both_ways() {
    let Some(site) = Site::own() else { return };
    site.convert_by_webhook();
    site.definition().until("trusting", |definition| {
        definition?
            .pointer("/spec/conversion/webhook/clientConfig/caBundle")
            .map(drop)
    });
    let selectors =
        json!([{ "matchExpressions": [{ "key": "rack", "operator": "In", "values": ["a"] }] }]);
    let old = json!({
        "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "peerPort": 0, "holdTime": "90s",
        "nodeSelectors": selectors, "ebgpMultiHop": true,
    });
    until("a peer of v1beta1", TIMEOUT, || {
        Ok((site.create(&peer("v1beta1", "old", old.clone())).status == 201).then_some(()))
    })
    .unwrap();
    let converted = spec(&site, "v1beta2", "old");
    for field in [
        "myASN",
        "peerASN",
        "peerAddress",
        "holdTime",
        "nodeSelectors",
        "ebgpMultiHop",
    ] {
        assert_eq!(converted[field], old[field], "{field}");
    }
    assert_eq!(converted["peerPort"], 179);

    let new =
        json!({ "myASN": 64512, "dynamicASN": "external", "interface": "eth0", "vrf": "red" });
    let answer = site.create(&peer("v1beta2", "new", new));
    assert_eq!(answer.status, 201, "{answer:?}");
    let converted = spec(&site, "v1beta1", "new");
    assert_eq!(
        (&converted["peerASN"], &converted["peerAddress"]),
        (&json!(0), &json!(""))
    );
    assert_eq!(
        (converted.get("vrf"), converted.get("interface")),
        (None, None)
    );

    let listed = list(&site, "v1beta1");
    let items = listed.body["items"].as_array().unwrap();
    assert!(
        items
            .iter()
            .all(|peer| peer["apiVersion"] == "metallb.io/v1beta1")
    );
    assert_eq!(items.len(), 2);

    // Server-side apply in both versions by the same manager: the server has parts of the object converted, too.
    for (version, hold_time) in [("v1beta1", "30s"), ("v1beta2", "60s"), ("v1beta1", "90s")] {
        let fields = json!({
            "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.3", "holdTime": hold_time,
        });
        let applied = peer(version, "applied", fields).to_string();
        site.plane.apply(&applied, NAMESPACE).unwrap();
        assert_eq!(spec(&site, "v1beta2", "applied")["holdTime"], hold_time);
    }
    assert_eq!(
        spec(&site, "v1beta1", "applied")["peerAddress"],
        "198.51.100.3"
    );
}

#[test]
fn a_conversion_that_nobody_does_is_reported_and_mended_by_the_command_that_is_named() {
    let Some(site) = Site::without_server() else {
        return;
    };
    site.configuration().delete();
    let spec = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1" });
    assert_eq!(site.create(&peer("v1beta2", "router", spec)).status, 201);
    site.convert_by_webhook();
    until("a server that converts", TIMEOUT, || {
        Ok((list(&site, "v1beta1").status == 500).then_some(()))
    })
    .unwrap();
    // What FerroLB itself reads and writes goes on.
    assert_eq!(list(&site, "v1beta2").status, 200);

    let mut controller = disabled(&site);
    let said = controller
        .wait_for_line("nobody converts BGPPeers", TIMEOUT)
        .unwrap();
    let (_, command) = said.split_once("--type=merge -p '").unwrap();
    let (patch, _) = command.split_once('\'').unwrap();
    // The log may show quotes with a backslash before them.
    site.definition()
        .patch(serde_json::from_str(&patch.replace('\\', "")).unwrap());
    until("a server that needs nobody", TIMEOUT, || {
        Ok((list(&site, "v1beta1").status == 200).then_some(()))
    })
    .unwrap();
}

/// A controller that serves no webhook.
fn disabled(site: &Site) -> Process {
    let run = Run {
        name: "disabled".to_owned(),
        namespace: NAMESPACE.to_owned(),
        lb_class: String::new(),
        access: site.plane.access().clone(),
        port: 20_000,
        flags: ["--metrics-insecure", "--webhook-mode=disabled"]
            .map(str::to_owned)
            .into(),
    };
    run.start(&site.plane).unwrap()
}
