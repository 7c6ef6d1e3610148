//! Members that hear each other on the link, and not as members.

use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use lab::failover::{Stage, Watch};

use crate::harness::stage;

/// How long one node has to have answered alone.
const ALONE: Duration = Duration::from_secs(2);

/// How long it may take until one does: members have to miss or to find each other before.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Longer than members need to miss or to find each other: until then nobody claims what is another's.
const MISSED: Duration = Duration::from_secs(4);

/// How long two nodes may answer for an address from the first question that both did: they hear each other's claims, and one
/// of them yields (issue of fast failover: a second).
const CONTESTED: Duration = Duration::from_secs(1);

/// Cuts of so many random lengths, beside those that are waited for.
const SPLITS: usize = 2;

fn until_one_answers_for_each_address(watch: &mut Watch) {
    watch.until_settled(ALONE, TIMEOUT, |_| true).unwrap();
}

/// Lets something happen to what members hear of each other, and looks at each address until one node answers for it alone.
fn expect_no_quarrel(watch: &mut Watch, what: &str, work: impl FnOnce()) {
    let start = Instant::now();
    work();
    thread::sleep(MISSED);
    until_one_answers_for_each_address(watch);
    let end = Instant::now();
    let each = watch.seen().values();
    let contested = each.map(|seen| seen.contested(start, end)).max();
    expect_short(what, contested.unwrap_or_default());
}

fn expect_short(what: &str, contested: Duration) {
    eprintln!("{what}: two nodes answered for {contested:?}");
    assert!(contested <= CONTESTED, "{what}: {contested:?}");
}

#[test]
fn two_nodes_answer_for_no_address_for_a_second_however_members_are_cut_off_from_each_other() {
    let Some(mut stage) = stage() else {
        return;
    };
    let addresses: Vec<IpAddr> = Stage::services().into_flattened();
    let mut watch = stage.watch(&addresses).unwrap();
    until_one_answers_for_each_address(&mut watch);
    for node in ["node1", "node2", "node3"] {
        let cut_off = [node];
        let cut = || stage.cut_gossip(&cut_off).unwrap();
        expect_no_quarrel(&mut watch, &format!("{node} cut off"), cut);
        let heal = || stage.heal_gossip(&cut_off).unwrap();
        expect_no_quarrel(&mut watch, &format!("{node} back"), heal);
    }
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for split in stage.split(SPLITS, &mut random).unwrap() {
        expect_short(&format!("cut of seed {seed}"), split.cut.contested);
        expect_short(&format!("its end, seed {seed}"), split.healed.contested);
    }
    until_one_answers_for_each_address(&mut watch);
}
