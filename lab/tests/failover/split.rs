//! Members that hear each other on the link, and not as members.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use lab::failover::{Stage, Watch};

use crate::harness::stage;

/// How long one node has to have answered alone.
const ALONE: Duration = Duration::from_secs(2);

/// How long it may take until one does: members have to miss or to find each other before.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Longer than members need to miss each other: until then nobody claims what is another's.
const MISSED: Duration = Duration::from_secs(4);

/// Cuts of so many random lengths, beside those that are waited for.
const SPLITS: usize = 2;

fn until_one_answers_for_each_address(watch: &mut Watch) {
    watch.until_settled(ALONE, TIMEOUT, |_| true).unwrap();
}

#[test]
fn one_node_answers_for_each_address_however_members_are_cut_off_from_each_other() {
    let Some(mut stage) = stage() else {
        return;
    };
    let addresses: Vec<IpAddr> = Stage::services().into_flattened();
    let mut watch = stage.watch(&addresses).unwrap();
    until_one_answers_for_each_address(&mut watch);
    for cut_off in [["node1"], ["node2"], ["node3"]] {
        stage.cut_gossip(&cut_off).unwrap();
        thread::sleep(MISSED);
        until_one_answers_for_each_address(&mut watch);
        stage.heal_gossip(&cut_off).unwrap();
        until_one_answers_for_each_address(&mut watch);
    }
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    for split in stage.split(SPLITS, &mut random).unwrap() {
        eprintln!("seed {seed}: {split:?}");
    }
    until_one_answers_for_each_address(&mut watch);
}
