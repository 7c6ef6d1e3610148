//! What every node does, for the snapshots in `tests/desired/*.yaml`: the text beside each says what is expected.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fixture;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

use planner::desired::{Desired, InterfaceSelection, PeerSession, Route, desired_state};
use planner::verdict::{Reason, Verdict};

#[test]
fn every_node_does_what_the_text_beside_the_snapshot_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/desired");
    let mut differing = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            seen += 1;
            let expected = path.with_extension("txt");
            let actual = render(&fs::read_to_string(&path).unwrap());
            if fs::read_to_string(&expected).ok() != Some(actual.clone()) {
                // What came out is left for comparison, to be copied once it has been judged right.
                let out =
                    Path::new(env!("CARGO_TARGET_TMPDIR")).join(expected.file_name().unwrap());
                fs::write(&out, actual).unwrap();
                differing.push(format!("diff {} {}", expected.display(), out.display()));
            }
        }
    }
    assert!(differing.is_empty(), "see\n{}", differing.join("\n"));
    assert!(seen >= 7, "snapshots have gone: {seen} left");
}

fn render(yaml: &str) -> String {
    let snapshot = fixture::snapshot(yaml);
    let mut text = String::new();
    for node in snapshot.nodes.keys() {
        let desired = desired_state(&snapshot, node);
        write!(text, "node {node}\n{}", Rendered(&desired)).unwrap();
    }
    text
}

struct Rendered<'a>(&'a Desired);

impl fmt::Display for Rendered<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, peer) in &self.0.peers {
            write!(f, "  peer {name}: ")?;
            session(f, &peer.session)?;
            for (prefix, found) in &peer.routes {
                write!(f, "    {prefix}")?;
                route(f, found)?;
            }
        }
        for (address, desired) in &self.0.addresses {
            match &desired.interfaces {
                InterfaceSelection::All => {
                    writeln!(f, "  answers for {address} on all interfaces")?
                }
                InterfaceSelection::Named(named) => {
                    writeln!(f, "  answers for {address} on {named:?}")?
                }
            }
        }
        for (service, verdicts) in &self.0.verdicts {
            match &verdicts.bgp {
                Verdict::Announced(announcement) => {
                    writeln!(f, "  {service} by BGP:")?;
                    for (peer, verdict) in announcement.peers.as_ref() {
                        writeln!(f, "    {peer}: {verdict}")?;
                    }
                }
                Verdict::Withheld(reason) => withheld(f, service, "BGP", reason)?,
            }
            match &verdicts.layer2 {
                Verdict::Announced(announcement) => {
                    writeln!(f, "  {service} by layer 2: {:?}", announcement.addresses)?;
                }
                Verdict::Withheld(reason) => withheld(f, service, "layer 2", reason)?,
            }
        }
        Ok(())
    }
}

fn session(f: &mut fmt::Formatter<'_>, session: &PeerSession) -> fmt::Result {
    let PeerSession {
        local_as,
        peer_as,
        address,
        port,
        hold_time,
        families,
        ttl,
        ..
    } = session;
    write!(
        f,
        "AS {local_as} to {address} port {port} AS {peer_as}, {families}, ttl {ttl:?}"
    )?;
    write!(f, ", hold {}", hold_time.as_secs())?;
    for (name, time) in [
        ("keepalive", session.keepalive_time),
        ("connect", session.connect_time),
    ] {
        if let Some(time) = time {
            write!(f, ", {name} {}", time.as_secs())?;
        }
    }
    if let Some(source) = session.source {
        write!(f, ", from {source}")?;
    }
    if let Some(router_id) = session.router_id {
        write!(f, ", router id {router_id}")?;
    }
    writeln!(
        f,
        "{}",
        if session.password.is_some() {
            ", password"
        } else {
            ""
        }
    )
}

fn route(f: &mut fmt::Formatter<'_>, route: &Route) -> fmt::Result {
    if let Some(local_pref) = route.attributes.local_pref {
        write!(f, " local-pref {local_pref}")?;
    }
    let prepend = Some(u32::from(route.attributes.as_path_prepend));
    for (name, value) in [
        ("prepend", prepend.filter(|times| *times > 0)),
        ("med", route.attributes.med),
    ] {
        if let Some(value) = value {
            write!(f, " {name} {value}")?;
        }
    }
    if let Some(next_hop) = route.attributes.next_hop {
        write!(f, " via {next_hop}")?;
    }
    for community in &route.attributes.communities {
        write!(f, " {community}")?;
    }
    for community in &route.attributes.large_communities {
        write!(f, " {community}")?;
    }
    let services: BTreeSet<_> = route.services.iter().collect();
    writeln!(f, " for {services:?}")
}

fn withheld(
    f: &mut fmt::Formatter<'_>,
    service: &impl fmt::Display,
    protocol: &str,
    reason: &Reason,
) -> fmt::Result {
    writeln!(
        f,
        "  {service} not by {protocol}: {}: {reason}",
        reason.code()
    )
}
