//! `ferrolb plan`, compared with what happens.

use std::net::IpAddr;
use std::process::Command;

use ipnet::IpNet;
use lab::router::Route;
use lab::{Host, Requirement, output, own_binary, requires};
use serde_json::Value;

use crate::stage::{Stage, TIMEOUT};

#[test]
fn ferrolb_plan_predicts_what_the_routers_and_the_client_see() {
    if !requires(&[Requirement::Binary("ferrolb")]) {
        return;
    }
    let Some(mut stage) = Stage::prepare() else {
        return;
    };
    let plan = plan(&stage);
    stage.start_product();
    stage.wait_until_announced("web");
    for service in ["web", "shop"] {
        let planned = find(&plan, "services", "service", &format!("default/{service}"));
        assert_eq!(addresses(&planned["addresses"]), stage.addresses(service));
    }
    for (host, router) in stage.topology.routers.iter().zip(stage.routers()) {
        let planned = routes(&plan, host, &stage);
        assert_eq!(stage.shown_routes(router), planned, "{}", router.kind());
    }
    let planned = list(&plan["layer2"]).iter();
    let on_link: Vec<_> = planned.map(|planned| text(&planned["address"])).collect();
    assert_eq!(
        on_link,
        stage.addresses("shop").map(|address| address.to_string())
    );
    expect_owner(&stage, &plan, 0);
    stage.exclude(&stage.owner(|_| true));
    expect_owner(&stage, &plan, 1);
}

/// Fails if anybody else answers for the addresses of `shop` than the node of that place in the plan's ranking.
fn expect_owner(stage: &Stage, plan: &Value, place: usize) {
    for address in stage.addresses("shop") {
        let planned = find(plan, "layer2", "address", &address.to_string());
        let ranking = list(&planned["ranking"]).iter();
        let ranking: Vec<&str> = ranking.map(|ranked| text(&ranked["node"])).collect();
        assert_eq!(planned["owner"].as_str(), ranking.first().copied());
        let owner = *ranking.get(place).unwrap();
        stage.owner(|node| node == owner);
        stage.topology.client.send_datagram(address).unwrap();
        stage.wait_for_neighbour(address, owner);
        stage.until_answered_by(address, owner);
    }
}

fn plan(stage: &Stage) -> Value {
    let mut command = Command::new(own_binary("ferrolb").unwrap());
    command.arg("plan").arg("-f").arg(stage.manifests.path());
    command.args(["-o", "json"]);
    serde_json::from_str(&output(command, TIMEOUT).unwrap()).unwrap()
}

/// The routes that the plan has for a router, over all nodes and sessions, as the router shows them.
fn routes(plan: &Value, router: &Host, stage: &Stage) -> Vec<Route> {
    let mut routes = Vec::new();
    for node in list(&plan["nodes"]) {
        let host = stage.node(text(&node["node"]));
        for peer in list(&node["peers"]) {
            let address: IpAddr = text(&peer["address"]).parse().unwrap();
            if address == router.ipv4 || address == router.ipv6 {
                let planned = list(&peer["routes"]).iter();
                routes.extend(planned.map(|planned| route(planned, address, host)));
            }
        }
    }
    routes.sort_unstable();
    routes
}

fn route(planned: &Value, router: IpAddr, node: &Host) -> Route {
    let of_node = |is_ipv4: bool| -> IpAddr {
        if is_ipv4 {
            node.ipv4.into()
        } else {
            node.ipv6.into()
        }
    };
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let texts = |value: &Value| {
        list(value)
            .iter()
            .map(|value| text(value).to_owned())
            .collect()
    };
    let prefix: IpNet = text(&planned["prefix"]).parse().unwrap();
    assert_eq!(planned["next_hop"], "self");
    Route {
        prefix,
        peer: of_node(router.is_ipv4()),
        next_hop: of_node(prefix.addr().is_ipv4()),
        as_path: list(&planned["as_path"]).iter().map(number).collect(),
        local_pref: Some(&planned["local_pref"])
            .filter(|value| !value.is_null())
            .map(number),
        med: None,
        communities: texts(&planned["communities"]),
        large_communities: texts(&planned["large_communities"]),
    }
}

fn addresses(value: &Value) -> Vec<IpAddr> {
    list(value)
        .iter()
        .map(|value| text(value).parse().unwrap())
        .collect()
}

/// The member of a list whose `key` is `wanted`.
fn find<'a>(plan: &'a Value, members: &str, key: &str, wanted: &str) -> &'a Value {
    let member = list(&plan[members])
        .iter()
        .find(|member| member[key] == wanted);
    member.unwrap_or_else(|| panic!("no {wanted} among the {members} of {plan}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}
