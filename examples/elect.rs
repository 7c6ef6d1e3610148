//! Which of three nodes owns an address, and what moves when one of them dies.
//!
//! `cargo run -p ferrolb-examples --bin elect`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use election::{Candidate, elect, rank};

fn main() {
    let nodes = ["node-1", "node-2", "node-3"].map(|name| Candidate::new(name, 0));
    for address in ["198.51.100.10", "198.51.100.11", "2001:db8::10"] {
        let order: Vec<&str> = rank(&nodes, address)
            .iter()
            .map(|node| node.name())
            .collect();
        let survivors = nodes.iter().filter(|node| node.name() != "node-1");
        let heir = elect(survivors, address).map_or("nobody", |node| node.name());
        println!(
            "{address:<14} ranking {}; without node-1: {heir}",
            order.join(", ")
        );
    }
}
