//! What a cluster of 1 000 nodes sends and writes: `make bench-scale`.

mod simulation;

use std::io::Write as _;

use simulation::{Size, run};

fn main() -> std::io::Result<()> {
    let size = Size {
        nodes: 1_000,
        services: 10_000,
        routers: 4,
    };
    let costs = run(size);
    let mut out = std::io::stdout().lock();
    let Size {
        nodes,
        services,
        routers,
    } = size;
    writeln!(out, "{nodes} nodes, {services} Services, {routers} routers")?;
    writeln!(out, "{:<24}{HEADER}", "")?;
    for (event, cost) in costs {
        writeln!(out, "{event:<24}{cost}")?;
    }
    writeln!(out, "gossip: membership comes with issue 6")
}

/// Above the columns of a `Cost`.
const HEADER: &str =
    " nodes  taken announced withdrawn  UPDATEs   writes  sessions   most   events    settled";
