//! `interface_selector.go`: on which links an address is announced. The client is on the nodes' `eth0` by its own `eth0`,
//! and on their `eth1` by its `eth2`.

use std::net::IpAddr;

use lab::cluster::Pod;
use lab::until;
use serde_json::{Value, json};

use super::node_named;
use crate::families::{Reach, parsed};
use crate::harness::Shared;
use crate::object::{Object, TIMEOUT};
use crate::service::Service;
use crate::tenant::{self, Tenant};

/// The client's link for each link of the nodes.
const LINKS: [(&str, &str); 2] = [("eth0", "eth0"), ("eth1", "eth2")];

/// A Service with pods on all nodes.
struct Stage<'a> {
    tenant: &'a Tenant<Shared>,
    advertisement: Object,
    service: Service,
    _pods: Vec<Pod>,
}

/// Runs a test in each family, with what the spec of the advertisement has in it.
fn in_each_family(name: &str, spec: &Value, test: impl Fn(&Stage<'_>) + Sync) {
    tenant::in_each_family(name, |tenant, families| {
        tenant.pool(Reach::OnLink);
        test(&Stage {
            tenant,
            advertisement: tenant.layer2("ad", spec.clone()),
            _pods: tenant.pods("web"),
            service: tenant.service("web", families, json!({})),
        });
    });
}

impl Stage<'_> {
    fn addresses(&self) -> Vec<IpAddr> {
        parsed(&self.service.addresses())
    }

    fn select(&self, links: &[&str]) {
        self.advertisement
            .patch(json!({"spec": {"interfaces": links}}));
    }

    /// Waits until one node says that it announces the Service on these links, and returns the node; no links stand for
    /// all.
    fn until_links(&self, links: &[&str]) -> String {
        let expected: Vec<Value> = links.iter().map(|name| json!({"name": name})).collect();
        let look = || {
            let statuses = self.tenant.statuses("ServiceL2Status", &self.service);
            let [status] = statuses.as_slice() else {
                return Ok(None);
            };
            let named = status["status"]["interfaces"].as_array();
            let is_so = named.map_or(&[][..], Vec::as_slice) == expected;
            let node = status["status"]["node"].as_str().map(str::to_owned);
            Ok(node.filter(|_| is_so))
        };
        until(&format!("{links:?} in the status"), TIMEOUT, look).unwrap()
    }

    /// Waits until a node answers for all addresses on these links of its own, and on no other.
    fn until_answers(&self, node: &str, links: &[&str]) {
        for address in self.addresses() {
            // What is to be silent is asked last: by then the others have answered.
            let mut sorted = LINKS;
            sorted.sort_by_key(|(link, _)| !links.contains(link));
            for (link, of_client) in sorted {
                let mac = self.tenant.node(node).namespace.mac(link).unwrap();
                let expected: &[&str] = if links.contains(&link) { &[&mac] } else { &[] };
                self.tenant.until_answers(of_client, address, expected);
            }
        }
    }

    /// Sends what the client has for the addresses through one of its links.
    fn route(&self, link: &str) {
        for address in self.addresses() {
            let client = &self.tenant.client().namespace;
            client
                .ip(&format!("route replace {address} dev {link}"))
                .unwrap();
        }
    }
}

#[test]
fn the_status_names_the_links_that_are_selected() {
    in_each_family("l2-links", &json!({"interfaces": ["eth0"]}), |stage| {
        stage.until_links(&["eth0"]);
        stage.select(&["eth1", "eth0"]);
        stage.until_links(&["eth0", "eth1"]);
        stage.select(&[]);
        stage.until_links(&[]);
    });
}

#[test]
fn an_address_is_at_the_mac_of_the_selected_link_and_moves_with_the_selection() {
    in_each_family("l2-mac", &json!({"interfaces": ["eth1"]}), |stage| {
        for (link, of_client) in [("eth1", "eth2"), ("eth0", "eth0"), ("eth1", "eth2")] {
            stage.select(&[link]);
            let node = stage.until_links(&[link]);
            stage.until_answers(&node, &[link]);
            stage.route(of_client);
            stage.tenant.until_reached(&stage.service);
        }
    });
}

#[test]
fn an_address_on_a_link_that_is_not_there_is_not_announced_and_that_is_told() {
    in_each_family("l2-missing", &json!({"interfaces": ["eth9"]}), |stage| {
        // Each address is told of by itself, one after the other.
        for address in stage.addresses() {
            let text = format!("the interfaces specified by LB IP \"{address}\" doesn't exist");
            stage.service.until_told(&text, |event| {
                event.reason == "announceFailed" && event.message.starts_with(&text)
            });
            assert!(stage.tenant.client().get(address).is_err());
            assert!(stage.tenant.client().who_has(address).unwrap().is_empty());
        }
        assert!(stage.tenant.layer2_nodes(&stage.service).is_empty());
    });
}

#[test]
fn two_advertisements_announce_on_the_links_of_both() {
    in_each_family("l2-union", &json!({"interfaces": ["eth0"]}), |stage| {
        let second = json!({"interfaces": ["eth1"]});
        stage.tenant.layer2("second", second);
        let node = stage.until_links(&["eth0", "eth1"]);
        stage.until_answers(&node, &["eth0", "eth1"]);
        stage.tenant.until_reached(&stage.service);
    });
}

#[test]
fn links_and_nodes_are_selected_together() {
    in_each_family("l2-both", &json!({"interfaces": ["eth1"]}), |stage| {
        for node in ["node2", "node3"] {
            let spec = json!({"spec": {"nodeSelectors": [node_named(node)]}});
            stage.advertisement.patch(spec);
            stage
                .tenant
                .until_owner(&stage.service, |owner| owner == node);
            stage.until_answers(node, &["eth1"]);
        }
    });
}
