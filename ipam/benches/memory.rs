//! The memory that an [`Allocator`] takes for each holder: `make bench-ipam`.

#![expect(clippy::print_stdout, reason = "the figures are what this is for")]

use std::alloc::System;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipam::{Allocator, Families, Family, Pool, Pools, Port, Protocol, Request, Sharing};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HOLDERS: u32 = 100_000;

fn main() {
    let single = |_| Request::new(Families::Single(Family::V4));
    let dual = |_| Request::new(Families::RequireDual);
    let sharing = |number: u32| {
        let mut request = Request::new(Families::Single(Family::V4));
        request.sharing = Sharing::try_new(format!("key-{}", number / 4), "");
        request
    };
    let full = "10.0.0.0/31";
    let both = "10.0.0.0/8,2001:db8::/64";
    measure("one address", "10.0.0.0/8", single);
    measure("two addresses", both, dual);
    measure("an address shared by four", "10.0.0.0/8", sharing);
    measure("waiting for an address", full, single);
}

/// Prints what an allocator with so many holders takes, their names and requests included.
fn measure(what: &str, ranges: &str, request: impl Fn(u32) -> Request) {
    let ranges = ranges.split(',').flat_map(str::parse);
    let pool = Pool::try_new("default", ranges).into_iter();
    let pools = Pools::try_new(pool).unwrap_or_default();
    let region = Region::new(ALLOCATOR);
    let requests: BTreeMap<Arc<str>, Request> = (0..HOLDERS)
        .map(|number| {
            let mut request = request(number);
            request.created = Duration::from_secs(number.into());
            // Four that share an address must serve different ports.
            let port = u16::try_from(number % 4).unwrap_or_default();
            request.ports.insert(Port::new(Protocol::Tcp, 443 + port));
            let key = format!("namespace-{}/service-{number}", number % 100);
            (key.into(), request)
        })
        .collect();
    let asked = held(&region);
    let (allocator, plan) = Allocator::start(pools, BTreeMap::new(), requests);
    drop(plan);
    let all = held(&region);
    let each = |octets: usize| octets / usize::try_from(HOLDERS).unwrap_or(usize::MAX);
    println!(
        "{what}: {} octets a holder, {} of them name and request",
        each(all),
        each(asked)
    );
    drop(allocator);
}

/// How much has been allocated since and not been given back.
fn held(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change
        .bytes_allocated
        .saturating_sub(change.bytes_deallocated)
}
