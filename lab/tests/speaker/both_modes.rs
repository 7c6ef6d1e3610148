//! A folder with the objects of a cluster lets `ferrolb plan` decide what the speakers of the cluster did: a source makes
//! no difference.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;

use kube::api::{Api, DynamicObject, ListParams};
use lab::router::{Route, Router};
use lab::{Manifests, Requirement, own_binary, requires, until};
use serde_json::{Value, json};

use crate::families::{Families, Reach};
use crate::harness::Alone;
use crate::object::{TIMEOUT, resource};
use crate::service::Service;
use crate::tenant::Tenant;

/// What a speaker reads, save Secrets and ConfigMaps.
const KINDS: [(&str, &str); 9] = [
    ("v1", "Service"),
    ("v1", "Node"),
    ("v1", "Namespace"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("metallb.io/v1beta1", "IPAddressPool"),
    ("metallb.io/v1beta1", "L2Advertisement"),
    ("metallb.io/v1beta1", "BGPAdvertisement"),
    ("metallb.io/v1beta1", "Community"),
    ("metallb.io/v1beta2", "BGPPeer"),
];

/// A path of a router: from whom, to where, and with which attributes that are as the node sent them.
type Path = (
    IpAddr,
    String,
    Vec<String>,
    Vec<String>,
    Option<u32>,
    Vec<u32>,
);

#[test]
fn a_folder_with_the_objects_of_the_cluster_gives_the_same_announcements() {
    if !requires(&[Requirement::Binary("ferrolb")]) {
        return;
    }
    let Some(tenant) = Tenant::alone("both-modes") else {
        return;
    };
    let _pods = [
        tenant.pod("web", "node1"),
        tenant.pod("local", "node2"),
        tenant.pod("shop", "node3"),
    ];
    let services = announce(&tenant);
    let broken = tenant.bgp("broken", json!({"communities": ["no-such-alias"]}));
    // Endpoints follow their pods: what the folder is made of is what the speakers go by.
    let [web, local, shop] = &services;
    tenant.until_routed(web, &["node1", "node2", "node3"]);
    tenant.until_routed(local, &["node2"]);
    tenant.until_owner(shop, |_| true);
    let plan = plan(&tenant);

    for service in &services {
        let name = format!("{}/{}", tenant.name, service.name());
        let planned = find(&plan["services"], "service", &name);
        let bgp: BTreeSet<String> = texts(&planned["bgp"]).into_iter().collect();
        until(&format!("{name} by BGP from {bgp:?}"), TIMEOUT, || {
            let statuses = tenant.statuses("ServiceBGPStatus", service);
            let nodes = statuses
                .iter()
                .map(|object| text(&object["status"]["node"]));
            Ok((nodes.collect::<BTreeSet<_>>() == bgp).then_some(()))
        })
        .unwrap();
        let owner: Vec<&str> = planned["layer2"].as_str().into_iter().collect();
        tenant.until_layer2_nodes(service, &owner);
    }
    for (router, host) in tenant
        .routers()
        .into_iter()
        .zip(&tenant.cluster.topology.routers)
    {
        let expected = planned_paths(&tenant, &plan, &[host.ipv4.into(), host.ipv6.into()]);
        let prefixes: BTreeSet<String> = expected.iter().map(|path| path.1.clone()).collect();
        assert!(prefixes.len() >= 3, "{prefixes:?}");
        let mut last = BTreeSet::new();
        let same = until(
            &format!("the same paths on {}", router.kind()),
            TIMEOUT,
            || {
                last = shown_paths(router, &prefixes)?;
                Ok((last == expected).then_some(()))
            },
        );
        same.unwrap_or_else(|error| panic!("{error}: {last:#?} instead of {expected:#?}"));
    }
    // Others look whether the configuration is valid as a whole.
    broken.delete();
}

/// Services by BGP to all and to some peers, from all and from some nodes, and by layer 2.
fn announce(tenant: &Tenant<Alone>) -> [Service; 3] {
    tenant.pool(Reach::Routed);
    tenant.bgp(
        "all",
        json!({"communities": ["64500:7", "large:64500:1:2"]}),
    );
    let wide = json!({"aggregationLength": 28, "peers": ["bird-v4"], "communities": ["64500:8"]});
    tenant.bgp("wide", wide);
    let on_link = format!("{}-link", tenant.name);
    tenant.pool_named(&on_link, &[tenant.v4(Reach::OnLink, "0/28")]);
    let preferred =
        json!([{"weight": 7, "preference": {"matchLabels": {"kubernetes.io/hostname": "node2"}}}]);
    let link = json!({"ipAddressPools": [on_link], "preferredNodeSelectors": preferred});
    tenant.layer2("link", link);
    let local = json!({"spec": {"externalTrafficPolicy": "Local"}});
    let linked = json!({"metadata": {"annotations": {"metallb.io/address-pool": on_link}}});
    [
        tenant.service("web", Families::Dual, json!({})),
        tenant.service("local", Families::V4, local),
        tenant.service("shop", Families::V4, linked),
    ]
}

/// What `ferrolb plan` says of a folder with the objects of the cluster.
fn plan(tenant: &Tenant<Alone>) -> Value {
    let plane = &tenant.cluster.plane;
    let folder = Manifests::create(plane.folder().join("both-modes")).unwrap();
    for (api_version, kind) in KINDS {
        let api: Api<DynamicObject> = Api::all_with(plane.client(), &resource(api_version, kind));
        let list = plane.block_on(async move { api.list(&ListParams::default()).await });
        let documents = list.unwrap().items.into_iter().map(|mut object| {
            object.metadata.managed_fields = None;
            let mut object = serde_json::to_value(object).unwrap();
            object["apiVersion"] = json!(api_version);
            object["kind"] = json!(kind);
            object.to_string()
        });
        let text = documents.collect::<Vec<_>>().join("\n---\n");
        folder
            .write(&format!("{}.yaml", kind.to_lowercase()), &text)
            .unwrap();
    }
    let mut command = Command::new(own_binary("ferrolb").unwrap());
    command
        .arg("plan")
        .arg("-f")
        .arg(folder.path())
        .args(["-o", "json"]);
    // For the advertisement at fault it ends with an error, and tells of all others.
    let output = command.output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let broken = format!("BGPAdvertisement metallb-system/{}-broken", tenant.name);
    find(&plan["problems"], "object", &broken);
    plan
}

/// The paths that a router has from all nodes by the plan.
fn planned_paths(tenant: &Tenant<Alone>, plan: &Value, router: &[IpAddr]) -> BTreeSet<Path> {
    let mut paths = BTreeSet::new();
    for node in list(&plan["nodes"]) {
        let host = tenant.node(&text(&node["node"]));
        for peer in list(&node["peers"]) {
            let address: IpAddr = text(&peer["address"]).parse().unwrap();
            if !router.contains(&address) {
                continue;
            }
            let from = if address.is_ipv4() {
                host.ipv4.into()
            } else {
                host.ipv6.into()
            };
            let own = list(&peer["routes"]).iter().filter(|route| {
                let services = texts(&route["services"]);
                services
                    .iter()
                    .any(|service| service.starts_with(&tenant.name))
            });
            paths.extend(own.map(|route| {
                let as_path = list(&route["as_path"]).iter();
                (
                    from,
                    text(&route["prefix"]),
                    texts(&route["communities"]),
                    texts(&route["large_communities"]),
                    route["med"].as_u64().map(|med| u32::try_from(med).unwrap()),
                    as_path
                        .map(|asn| u32::try_from(asn.as_u64().unwrap()).unwrap())
                        .collect(),
                )
            }));
        }
    }
    paths
}

/// The paths that a router shows.
fn shown_paths(
    router: &Router,
    prefixes: &BTreeSet<String>,
) -> Result<BTreeSet<Path>, lab::LabError> {
    let routes = router.routes()?.into_iter();
    let own = routes.filter(|route| prefixes.contains(&route.prefix.to_string()));
    Ok(own
        .map(|route: Route| {
            let prefix = route.prefix.to_string();
            (
                route.peer,
                prefix,
                route.communities,
                route.large_communities,
                route.med,
                route.as_path,
            )
        })
        .collect())
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    list(value).iter().map(text).collect()
}

/// The member of a list whose field has a value.
fn find<'a>(members: &'a Value, field: &str, value: &str) -> &'a Value {
    let mut members = list(members).iter();
    let found = members.find(|member| member[field] == value);
    found.unwrap_or_else(|| panic!("no {value} in {members:?}"))
}
