//! What there is to see of the sessions.

use std::time::Duration;

use lab::cluster::{Assets, NAMESPACE};
use lab::{output, until};

use super::{BIRD, FRR, NODES};
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// The columns, as kubectl writes them.
const COLUMNS: &str = "NAME NODE PEER ADDRESS ASN STATE UP/DOWN SENT LAST ERROR";

#[test]
fn kubectl_shows_the_sessions_like_a_routers_summary() {
    let Some(tenant) = Tenant::start("bgp-summary") else {
        return;
    };
    let plane = &tenant.cluster.plane;
    let kubeconfig = plane.kubeconfig("summary", plane.access()).unwrap();
    let table = || {
        let mut command = Assets::find()?.program("kubectl");
        command.args([
            "get",
            "bgpsessions",
            "--namespace",
            NAMESPACE,
            "--kubeconfig",
        ]);
        command.arg(&kubeconfig);
        let run = || output(command, Duration::from_secs(60));
        plane.namespace().run(run)?
    };
    let [frr, bird] = &tenant.cluster.topology.routers[..] else {
        panic!("another number of routers");
    };
    for node in NODES {
        for (peer, router) in [
            (FRR[0], frr.ipv4.to_string()),
            (FRR[1], frr.ipv6.to_string()),
            (BIRD[0], bird.ipv4.to_string()),
            (BIRD[1], bird.ipv6.to_string()),
        ] {
            let expected = [node, peer, &router, "64512", "Established"];
            let mut last = String::new();
            let found = until("line of a session", TIMEOUT, || {
                last = table()?;
                let header = last.lines().next().unwrap_or_default();
                let columns: Vec<_> = header.split_whitespace().collect();
                assert_eq!(columns.join(" "), COLUMNS);
                let mut lines = last.lines().map(|line| line.split_whitespace().collect());
                let line = lines.find(|cells: &Vec<&str>| cells.get(1..6) == Some(&expected));
                // For how long, as in `3m15s`, and how many prefixes.
                let is_shown = line.is_some_and(|cells| {
                    cells[6].starts_with(|first: char| first.is_ascii_digit())
                        && cells[7].parse::<u64>().is_ok()
                });
                Ok(is_shown.then_some(()))
            });
            found.unwrap_or_else(|error| panic!("{error}: {expected:?}\n{last}"));
        }
    }
}
