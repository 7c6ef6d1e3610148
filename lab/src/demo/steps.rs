//! The steps, in the order in which they are told.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::layer2;
use super::timeline::{Facts, Timeline, milliseconds};
use crate::router::Route;
use crate::topology::NODE_ASN;
use crate::{Lab, LabError, until};

/// How long anything may take that takes a moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Connections over which ECMP has to reach every node; 60 miss one of three once in 10^10.
const CONNECTIONS: u32 = 60;

/// What the manifests ask to be announced with each route.
const COMMUNITY: &str = "64500:100";
const LARGE_COMMUNITY: &str = "64500:1:100";

/// The namespace of the services.
pub(super) const NAMESPACE: &str = "default";

pub(super) fn run<W: Write>(timeline: &mut Timeline<W>, lab: &mut Lab) -> Result<(), LabError> {
    timeline.step(
        "controller and speakers run, every session is established",
        |facts| start(lab, facts),
    )?;
    let web = timeline.step(
        "service web gets its addresses, the router learns them",
        |facts| announce(lab, "web", facts),
    )?;
    timeline.step(
        "the client reaches web through the router, spread over the nodes",
        |facts| spread(lab, &web, facts),
    )?;
    let (shop, owner) = timeline.step(
        "service shop is answered for on the link by one node",
        |facts| layer2::announce(lab, facts),
    )?;
    timeline.step(
        "service docs comes and goes, no session is touched",
        |facts| come_and_go(lab, facts),
    )?;
    timeline.step(
        "the speaker of shop is killed, and started again",
        |facts| layer2::crash(lab, &shop, &owner, facts),
    )?;
    timeline.step("the node of shop is drained, and back", |facts| {
        layer2::drain(lab, &web, &shop, &owner, facts)
    })?;
    timeline.step(
        "a node is excluded: its routes go, its addresses move",
        |facts| layer2::exclude(lab, &web, &shop, &owner, facts),
    )?;
    timeline.step("the speakers end, and tell the router why", |facts| {
        stop(lab, facts)
    })
}

fn start(lab: &mut Lab, facts: &mut Facts) -> Result<(), LabError> {
    lab.manifests
        .write_example(|file| !file.starts_with("service-"))?;
    lab.start_product(PATIENCE)?;
    facts.push(format!(
        "{} sessions, IPv4 and IPv6",
        lab.router.sessions()?.len()
    ));
    Ok(())
}

/// Adds a service, and waits until the router has a path to each of its addresses over each node.
fn announce(lab: &mut Lab, service: &str, facts: &mut Facts) -> Result<Vec<IpAddr>, LabError> {
    let start = Instant::now();
    let addresses = assign(lab, service, facts)?;
    let nodes = lab.topology.nodes.len();
    for &address in &addresses {
        let paths = lab
            .router
            .wait_for_paths(IpNet::from(address), nodes, PATIENCE)?;
        let took = milliseconds(start.elapsed());
        expect_paths(lab, &paths)?;
        let hops: Vec<_> = paths.iter().map(|path| path.next_hop.to_string()).collect();
        facts.push(format!(
            "{address}: known to the router after {took} via {}",
            hops.join(", ")
        ));
    }
    facts.push(format!(
        "AS path {NODE_ASN}, community {COMMUNITY}, large community {LARGE_COMMUNITY}"
    ));
    Ok(addresses)
}

/// Adds a service, and waits for its two addresses.
pub(super) fn assign(lab: &Lab, service: &str, facts: &mut Facts) -> Result<Vec<IpAddr>, LabError> {
    let start = Instant::now();
    let file = format!("service-{service}.yaml");
    lab.manifests.write_example(|name| name == file)?;
    let addresses = until(&format!("addresses for {service}"), PATIENCE, || {
        let addresses = lab.manifests.addresses(NAMESPACE, service)?;
        Ok(Some(addresses).filter(|addresses| addresses.len() == 2))
    })?;
    let took = milliseconds(start.elapsed());
    let texts: Vec<_> = addresses.iter().map(IpAddr::to_string).collect();
    facts.push(format!("{}: assigned after {took}", texts.join(" and ")));
    Ok(addresses)
}

/// Each node is the next hop of its own path, and the attributes are those of the manifests.
fn expect_paths(lab: &Lab, paths: &[Route]) -> Result<(), LabError> {
    for (path, node) in paths.iter().zip(&lab.topology.nodes) {
        let next_hop: IpAddr = match path.prefix {
            IpNet::V4(_) => node.ipv4.into(),
            IpNet::V6(_) => node.ipv6.into(),
        };
        let is_right = (path.peer, path.next_hop) == (next_hop, next_hop)
            && path.as_path == [NODE_ASN]
            && path.communities == [COMMUNITY]
            && path.large_communities == [LARGE_COMMUNITY];
        expect(is_right, || format!("path over {}: {path:?}", node.name))?;
    }
    Ok(())
}

fn spread(lab: &Lab, web: &[IpAddr], facts: &mut Facts) -> Result<(), LabError> {
    let client = &lab.topology.client;
    for &address in web {
        // The router's kernel has each route a moment after its BGP table does.
        let answers = until(
            &format!("answers of every node on {address}"),
            PATIENCE,
            || {
                let answers = client.get_many(address, CONNECTIONS).unwrap_or_default();
                Ok(Some(answers).filter(|answers| answers.len() == lab.topology.nodes.len()))
            },
        )?;
        let counts: Vec<_> = answers
            .iter()
            .map(|(node, count)| format!("{node} {count}"))
            .collect();
        facts.push(format!(
            "{address}: {CONNECTIONS} connections: {}",
            counts.join(", ")
        ));
    }
    Ok(())
}

fn come_and_go(lab: &mut Lab, facts: &mut Facts) -> Result<(), LabError> {
    let docs = announce(lab, "docs", &mut Facts::new())?;
    let uptimes = |lab: &Lab| -> Result<BTreeMap<IpAddr, Option<Duration>>, LabError> {
        let sessions = lab.router.sessions()?.into_iter();
        Ok(sessions
            .map(|session| (session.neighbour, session.uptime))
            .collect())
    };
    let before = uptimes(lab)?;
    let start = Instant::now();
    lab.manifests.remove("service-docs.yaml")?;
    for &address in &docs {
        lab.router
            .wait_for_paths(IpNet::from(address), 0, PATIENCE)?;
        facts.push(format!(
            "{address}: withdrawn by every node after {}",
            milliseconds(start.elapsed())
        ));
    }
    let after = uptimes(lab)?;
    let went_on = before
        .iter()
        .all(|(neighbour, before)| after.get(neighbour).is_some_and(|after| after >= before));
    expect(went_on, || {
        format!("sessions that were up for {before:?} are now for {after:?}")
    })?;
    facts.push(format!("all {} sessions went on", after.len()));
    Ok(())
}

fn stop(lab: &mut Lab, facts: &mut Facts) -> Result<(), LabError> {
    lab.product.stop()?;
    for node in &lab.topology.nodes {
        let session = lab.router.wait_for_end(node.ipv4, PATIENCE)?;
        let reason = session.last_error.unwrap_or_default();
        // A router that has tried to connect since then tells of that too.
        expect(reason.contains("is stopping"), || {
            format!("end of the session with {}: {reason}", node.name)
        })?;
        facts.push(format!("{}: {reason}", node.name));
    }
    // A router takes them out of its table a moment after the session.
    until("router without routes", PATIENCE, || {
        Ok(lab.router.routes()?.is_empty().then_some(()))
    })
}

pub(super) fn expect(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<(), LabError> {
    if is_so {
        Ok(())
    } else {
        Err(LabError::Unexpected(otherwise()))
    }
}
