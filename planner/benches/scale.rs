//! What a cluster of 1 000 nodes sends and writes, and how soon all is as it shall be: `make bench-scale`.

mod gossip;
mod simulation;

use std::io::Write as _;
use std::time::Duration;

use gossip::{Gossip, LOSS};
use simulation::{Size, dead, run};

fn main() -> std::io::Result<()> {
    let size = Size {
        nodes: 1_000,
        services: 10_000,
        routers: 4,
    };
    let Size {
        nodes,
        services,
        routers,
    } = size;
    let costs = run(size);
    let mut out = std::io::stdout().lock();
    writeln!(out, "{nodes} nodes, {services} Services, {routers} routers")?;
    writeln!(out, "{:<24}{HEADER}", "")?;
    for (event, cost) in &costs {
        writeln!(out, "{event:<24}{cost}")?;
    }
    writeln!(
        out,
        "\n{nodes} members, {} % of the datagrams lost; what each sends a second",
        LOSS * 100.0
    )?;
    writeln!(out, "{:<24}{GOSSIP_HEADER}", "")?;
    let [start, rest, death] = gossip::run(nodes, dead(size));
    // Of an edit the members have nothing to say.
    for ((event, cost), gossip) in costs.iter().zip([start, death, rest]) {
        let converged = gossip.known_after + cost.settled_after();
        writeln!(
            out,
            "{event:<24}{}{}",
            spoken(&gossip),
            in_seconds(converged)
        )?;
    }
    writeln!(out, "{:<24}{}", "nothing happens", spoken(&rest))
}

fn spoken(gossip: &Gossip) -> String {
    let (datagrams, octets) = (gossip.datagrams, gossip.octets);
    let known = in_seconds(gossip.known_after);
    format!("{datagrams:>10.1} {octets:>8.0}{known}")
}

fn in_seconds(time: Duration) -> String {
    format!("{:>10.1} s", time.as_secs_f64())
}

/// Above the columns of a `Cost`.
const HEADER: &str =
    " nodes  taken announced withdrawn  UPDATEs   writes  sessions   most   events    settled";

/// Above the columns of a `Gossip`, and of both together.
const GOSSIP_HEADER: &str = " datagrams   octets   known by all   converged";
