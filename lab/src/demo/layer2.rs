//! The steps about addresses that one node answers for on the link.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use ipnet::IpNet;

use super::steps::{NAMESPACE, PATIENCE, assign, expect};
use super::timeline::{Facts, milliseconds};
use crate::topology::Host;
use crate::{Lab, LabError, Probe, until};

/// How often the probes ask.
const INTERVAL: Duration = Duration::from_millis(10);

/// Adds service shop, and finds out who answers for it.
pub(super) fn announce(lab: &Lab, facts: &mut Facts) -> Result<(Vec<IpAddr>, String), LabError> {
    let addresses = assign(lab, "shop", facts)?;
    let start = Instant::now();
    let owner = wait_for_owner(lab, |_| true)?;
    for &address in &addresses {
        let mac = expect_owner(lab, address, &owner)?;
        let took = milliseconds(start.elapsed());
        let protocol = if address.is_ipv4() { "ARP" } else { "NDP" };
        facts.push(format!(
            "{address}: at {mac}, {owner}, by {protocol} after {took}"
        ));
    }
    Ok((addresses, owner))
}

/// Kills the speaker that owns the addresses of shop, and starts it again.
pub(super) fn crash(
    lab: &mut Lab,
    shop: &[IpAddr],
    owner: &str,
    facts: &mut Facts,
) -> Result<(), LabError> {
    let requests = Requests::start(lab, shop)?;
    let node = lab.topology.node(owner)?;
    lab.product.kill_speaker(node)?;
    // What the dead speaker has said about itself is still there.
    let client = &lab.topology.client;
    let heir = until("answer of another node", PATIENCE, || {
        let answers = shop.iter().map(|&address| client.get(address).ok());
        let mut answers: Vec<_> = answers.collect::<Option<_>>().unwrap_or_default();
        answers.dedup();
        Ok(answers
            .pop()
            .filter(|heir| answers.is_empty() && heir != owner))
    })?;
    requests.tell(shop, owner, &heir, facts)?;
    let start = Instant::now();
    lab.product.start_speaker(node)?;
    lab.wait_until_established(PATIENCE)?;
    return_to(lab, shop, owner, start, facts)
}

/// Asks the node that owns the addresses of shop to give up what it announces, and takes that back.
pub(super) fn drain(
    lab: &Lab,
    web: &[IpAddr],
    shop: &[IpAddr],
    owner: &str,
    facts: &mut Facts,
) -> Result<(), LabError> {
    let name = format!("  name: {owner}\n");
    let drained = format!("{name}  annotations: {{ferrolb.io/drain: \"new disks\"}}\n");
    let requests = Requests::start(lab, &[web, shop].concat())?;
    lab.manifests.edit("nodes.yaml", &name, &drained)?;
    let heir = wait_for_owner(lab, |node| node != owner)?;
    for &address in shop {
        expect_owner(lab, address, &heir)?;
    }
    let nodes = lab.topology.nodes.len();
    wait_for_paths(lab, web, nodes - 1)?;
    requests.tell(shop, owner, &heir, facts)?;
    let start = Instant::now();
    lab.manifests.edit("nodes.yaml", &drained, &name)?;
    wait_for_paths(lab, web, nodes)?;
    return_to(lab, shop, owner, start, facts)
}

/// Says of the node that owns the addresses of shop that it is not to announce anything.
pub(super) fn exclude(
    lab: &Lab,
    web: &[IpAddr],
    shop: &[IpAddr],
    owner: &str,
    facts: &mut Facts,
) -> Result<(), LabError> {
    let requests = Requests::start(lab, &[web, shop].concat())?;
    let labels = format!("    kubernetes.io/hostname: {owner}\n");
    let excluded =
        format!("{labels}    node.kubernetes.io/exclude-from-external-load-balancers: \"\"\n");
    lab.manifests.edit("nodes.yaml", &labels, &excluded)?;
    let others = lab.topology.nodes.len() - 1;
    for &address in web {
        let paths = lab
            .router
            .wait_for_paths(IpNet::from(address), others, PATIENCE)?;
        let took = milliseconds(requests.start.elapsed());
        let excluded = lab.topology.node(owner)?;
        let is_gone = paths
            .iter()
            .all(|path| path.peer != excluded.ipv4 && path.peer != excluded.ipv6);
        expect(is_gone, || format!("{owner} still announces: {paths:?}"))?;
        facts.push(format!("{address}: withdrawn by {owner} after {took}"));
    }
    let heir = wait_for_owner(lab, |node| node != owner)?;
    for &address in shop {
        expect_owner(lab, address, &heir)?;
    }
    requests.tell(shop, owner, &heir, facts)
}

/// The client's requests to some addresses while something happens.
struct Requests {
    probes: Vec<(IpAddr, Probe)>,
    start: Instant,
}

impl Requests {
    /// Starts them, and waits until each address answers.
    fn start(lab: &Lab, addresses: &[IpAddr]) -> Result<Self, LabError> {
        let probe = |&address: &IpAddr| Ok((address, probe(&lab.topology.client, address)?));
        let probes = addresses.iter().map(probe);
        let probes = probes.collect::<Result<Vec<_>, LabError>>()?;
        Ok(Self {
            probes,
            start: Instant::now(),
        })
    }

    /// Ends them, and tells how many were lost, and when `heir` answered on the addresses that moved.
    fn tell(
        self,
        moved: &[IpAddr],
        owner: &str,
        heir: &str,
        facts: &mut Facts,
    ) -> Result<(), LabError> {
        for (address, probe) in self.probes {
            probe.wait_for_answer(PATIENCE)?;
            let trace = probe.finish();
            let lost = format!("{} of {} requests lost", trace.lost(), trace.requests.len());
            let Some(answer) = trace
                .first_answer_of(heir, self.start)
                .filter(|_| moved.contains(&address))
            else {
                facts.push(format!("{address}: {lost}"));
                continue;
            };
            let took = milliseconds(answer.duration_since(self.start));
            facts.push(format!(
                "{address}: {heir} answers instead of {owner} after {took}, {lost}"
            ));
        }
        Ok(())
    }
}

fn probe(client: &Host, address: IpAddr) -> Result<Probe, LabError> {
    let probe = Probe::start(client, address, INTERVAL)?;
    probe.wait_for_answer(PATIENCE)?;
    Ok(probe)
}

/// Waits until the addresses of shop are where they were.
fn return_to(
    lab: &Lab,
    shop: &[IpAddr],
    owner: &str,
    start: Instant,
    facts: &mut Facts,
) -> Result<(), LabError> {
    wait_for_owner(lab, |node| node == owner)?;
    for &address in shop {
        expect_owner(lab, address, owner)?;
    }
    let took = milliseconds(start.elapsed());
    facts.push(format!("all as before {took} after it was put right"));
    Ok(())
}

fn wait_for_paths(lab: &Lab, addresses: &[IpAddr], count: usize) -> Result<(), LabError> {
    let mut prefixes = addresses.iter().map(|&address| IpNet::from(address));
    prefixes.try_for_each(|prefix| {
        let paths = lab.router.wait_for_paths(prefix, count, PATIENCE);
        paths.map(drop)
    })
}

/// The one node that says that it owns the addresses of shop, if it is meant.
fn wait_for_owner(lab: &Lab, is_meant: impl Fn(&str) -> bool) -> Result<String, LabError> {
    until("node that owns the addresses of shop", PATIENCE, || {
        let nodes = lab.manifests.layer2_nodes(NAMESPACE, "shop")?;
        let [node] = nodes.as_slice() else {
            return Ok(None);
        };
        Ok(Some(node.clone()).filter(|node| is_meant(node)))
    })
}

/// The owner answers over HTTP, and the client's kernel knows its MAC address, which is returned, as that of the
/// address.
fn expect_owner(lab: &Lab, address: IpAddr, owner: &str) -> Result<String, LabError> {
    let client = &lab.topology.client;
    until(&format!("answer of {owner} on {address}"), PATIENCE, || {
        Ok((client.get(address).ok().as_deref() == Some(owner)).then_some(()))
    })?;
    let (known, mac) = (client.neighbour(address)?, lab.topology.node(owner)?.mac()?);
    expect(known.as_ref() == Some(&mac), || {
        format!("{address} at {known:?}, and not at {mac}")
    })?;
    Ok(mac)
}
