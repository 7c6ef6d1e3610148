//! The Services whose addresses move, with an endpoint on each node.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::LabError;
use crate::bench::NAMESPACE;
use crate::cluster::ControlPlane;

/// How many there are. Which node owns one is a matter of chance, so that each has some.
pub(super) const COUNT: u8 = 8;

/// The addresses of the `number`th: on the nodes' link.
pub(super) fn addresses(number: u8) -> [IpAddr; 2] {
    let last = 200 + number;
    [
        Ipv4Addr::new(198, 51, 100, last).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0xf, 0, 0, u16::from(last)).into(),
    ]
}

/// The name of the `number`th.
pub(super) fn name(number: u8) -> String {
    format!("s{number}")
}

/// Creates all of them, and gives each its addresses as a controller would.
///
/// # Errors
/// When the server refuses one.
pub(super) fn create(plane: &ControlPlane, nodes: &[String]) -> Result<(), LabError> {
    let endpoints = |address: &str| -> Vec<Value> {
        let of = |node: &String| json!({"addresses": [address], "nodeName": node});
        nodes.iter().map(of).collect()
    };
    let slices = [
        ("IPv4", endpoints("203.0.113.1")),
        ("IPv6", endpoints("2001:db8:113::1")),
    ];
    let client = plane.client();
    let created = plane.block_on(async move {
        let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
        let endpoints: Api<EndpointSlice> = Api::namespaced(client, NAMESPACE);
        let create = PostParams::default();
        for number in 0..COUNT {
            let name = name(number);
            services.create(&create, &service(&name)?).await?;
            for (family, slice) in &slices {
                let slice = parsed(json!({
                    "metadata": {
                        "name": format!("{name}-{}", family.to_lowercase()),
                        "labels": {"kubernetes.io/service-name": name},
                    },
                    "addressType": family, "ports": [{"port": 80}], "endpoints": slice,
                }))?;
                endpoints.create(&create, &slice).await?;
            }
            let ingress = addresses(number).map(|address| json!({"ip": address}));
            let status = json!({"status": {"loadBalancer": {"ingress": ingress}}});
            let merge = PatchParams::default();
            services
                .patch_status(&name, &merge, &Patch::Merge(status))
                .await?;
        }
        Ok(())
    });
    created.map_err(LabError::kubernetes("creating Services"))
}

fn service(name: &str) -> Result<Service, kube::Error> {
    parsed(json!({
        "metadata": {"name": name},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ipFamilyPolicy": "RequireDualStack",
            "ports": [{"port": 80}],
        },
    }))
}

fn parsed<T: DeserializeOwned>(object: Value) -> Result<T, kube::Error> {
    serde_json::from_value(object).map_err(kube::Error::SerdeError)
}
