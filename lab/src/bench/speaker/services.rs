//! The Services of the bench: with an address and an endpoint, or still without.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::LabError;
use crate::bench::many::write_each;
use crate::bench::site::{NAMESPACE, NODE};
use crate::cluster::ControlPlane;

/// The first address of the pool.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);

/// One Service, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u32);

impl Number {
    fn name(self) -> String {
        format!("s{}", self.0)
    }

    fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(FIRST.to_bits() + self.0)
    }

    /// What is announced for it.
    pub(super) fn prefix(self) -> IpNet {
        Ipv4Net::from(self.address()).into()
    }
}

/// Creates Services with an endpoint, many at a time, and gives each its address as a controller would.
///
/// # Errors
/// As [`write_each`].
pub(super) fn create_with_addresses(plane: &ControlPlane, count: u32) -> Result<(), LabError> {
    let numbers = (0..count).map(Number).collect();
    write_each(plane, numbers, |client, number| async move {
        create_one(&client, number).await?;
        assign_one(&client, number).await
    })
}

/// Creates Services with an endpoint and without an address.
///
/// # Errors
/// As [`write_each`].
pub(super) fn create(plane: &ControlPlane, numbers: Vec<Number>) -> Result<(), LabError> {
    write_each(plane, numbers, |client, number| async move {
        create_one(&client, number).await
    })
}

/// Gives a Service its address.
///
/// # Errors
/// As [`write_each`].
pub(super) fn assign(plane: &ControlPlane, number: Number) -> Result<(), LabError> {
    write_each(plane, vec![number], |client, number| async move {
        assign_one(&client, number).await
    })
}

/// Takes the endpoint of a Service out of service.
///
/// # Errors
/// As [`write_each`].
pub(super) fn end_endpoint(plane: &ControlPlane, number: Number) -> Result<(), LabError> {
    write_each(plane, vec![number], |client, number| async move {
        let api: Api<EndpointSlice> = Api::namespaced(client, NAMESPACE);
        let patch = Patch::Merge(json!({"endpoints": [endpoint(Readiness::Gone)]}));
        let parameters = PatchParams::default();
        api.patch(&number.name(), &parameters, &patch)
            .await
            .map(drop)
    })
}

async fn create_one(client: &Client, number: Number) -> Result<(), kube::Error> {
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    let service = json!({
        "metadata": {"name": number.name()},
        "spec": {
            "type": "LoadBalancer",
            "allocateLoadBalancerNodePorts": false,
            "ports": [{"port": 80}],
        },
    });
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
    let slice = json!({
        "metadata": {
            "name": number.name(),
            "labels": {"kubernetes.io/service-name": number.name()},
        },
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [endpoint(Readiness::Ready)],
    });
    let parameters = PostParams::default();
    services.create(&parameters, &parsed(service)?).await?;
    slices.create(&parameters, &parsed(slice)?).await?;
    Ok(())
}

async fn assign_one(client: &Client, number: Number) -> Result<(), kube::Error> {
    let api: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    let ingress = json!([{"ip": number.address()}]);
    let patch = Patch::Merge(json!({"status": {"loadBalancer": {"ingress": ingress}}}));
    let parameters = PatchParams::default();
    api.patch_status(&number.name(), &parameters, &patch)
        .await
        .map(drop)
}

/// Whether an endpoint takes requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Readiness {
    Ready,
    Gone,
}

fn endpoint(readiness: Readiness) -> Value {
    let is_ready = readiness == Readiness::Ready;
    json!({
        "addresses": ["203.0.113.1"],
        "conditions": {"ready": is_ready, "serving": is_ready},
        "nodeName": NODE,
    })
}

fn parsed<T: serde::de::DeserializeOwned>(object: Value) -> Result<T, kube::Error> {
    serde_json::from_value(object).map_err(kube::Error::SerdeError)
}
