//! Hand out addresses from two pools, keep what is held, and say why somebody gets none.
//!
//! `cargo run -p ferrolb-examples --bin ipam_plan`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::BTreeMap;
use std::error::Error;

use ipam::{Assignment, Decision, Families, Family, Pool, Pools, Request, allocate};

fn main() -> Result<(), Box<dyn Error>> {
    let small = Pool::try_new("small", ["203.0.113.0/31".parse()?])?;
    let v6 = Pool::try_new("v6", ["2001:db8:5::/64".parse()?])?;
    let pools = Pools::try_new([small, v6])?;

    // "shop" holds the second address already: whoever comes new gets another one.
    let current = BTreeMap::from([("shop", Assignment::new(["203.0.113.1".parse()?]))]);
    let v4_request = Request::new(Families::Single(Family::V4));
    let v6_request = Request::new(Families::Single(Family::V6));
    let requests = BTreeMap::from([
        ("docs", v4_request.clone()),
        ("mail", v6_request),
        ("shop", v4_request.clone()),
        ("zoo", v4_request),
    ]);

    let plan = allocate(&pools, &current, &requests);
    for (service, decision) in &plan.decisions {
        match decision {
            Decision::Fail { error, .. } => println!("{service:<5} no address: {error}"),
            _ => match decision.placement() {
                Some(at) => println!("{service:<5} {} from pool {}", at.addresses, at.pool),
                None => println!("{service:<5} released"),
            },
        }
    }
    Ok(())
}
