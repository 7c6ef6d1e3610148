//! The order of candidates: known digests, and what holds for every set of candidates.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use election::{Candidate, elect, rank};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

fn nodes(names: &[&str]) -> Vec<Candidate> {
    names.iter().map(|name| Candidate::new(*name, 0)).collect()
}

fn names<'a>(ranked: &[&'a Candidate]) -> Vec<&'a str> {
    ranked.iter().map(|candidate| candidate.name()).collect()
}

/// The digests, as `printf 'node-a#203.0.113.10' | sha256sum` gives them, begin with 9397 (a), d84a (b), 64a5 (c) and
/// 0895 (d) for the first key, and with 5525, 21d5, d30d and f33c for the second.
#[test]
fn candidates_are_ranked_by_the_digest_of_name_and_key() {
    let candidates = nodes(&["node-a", "node-b", "node-c", "node-d"]);
    assert_eq!(
        names(&rank(&candidates, "203.0.113.10")),
        ["node-d", "node-c", "node-a", "node-b"]
    );
    assert_eq!(
        names(&rank(&candidates, "2001:db8::10")),
        ["node-b", "node-a", "node-c", "node-d"]
    );
}

#[test]
fn a_higher_preference_comes_before_any_digest() {
    let mut candidates = nodes(&["node-a", "node-b", "node-c", "node-d"]);
    candidates[1].preference = 2;
    candidates[2].preference = 1;
    assert_eq!(
        names(&rank(&candidates, "203.0.113.10")),
        ["node-b", "node-c", "node-d", "node-a"]
    );
}

#[test]
fn nobody_is_elected_from_nobody() {
    assert_eq!(elect(&[], "203.0.113.10"), None);
}

#[test]
fn a_single_candidate_wins_every_key() {
    let candidates = nodes(&["node-a"]);
    assert_eq!(elect(&candidates, "203.0.113.10"), candidates.first());
}

#[test]
fn keys_are_spread_over_the_candidates() {
    let candidates = nodes(&["node-a", "node-b", "node-c", "node-d", "node-e"]);
    let mut owned: BTreeMap<&str, u32> = BTreeMap::new();
    for address in 0..5000 {
        let key = format!("10.0.{}.{}", address / 250, address % 250);
        *owned
            .entry(elect(&candidates, &key).unwrap().name())
            .or_default() += 1;
    }
    // A fair share is 1000, its standard deviation √(5000 · ⅕ · ⅘) ≈ 28.
    assert_eq!(owned.len(), 5);
    assert!(
        owned.values().all(|count| (850..=1150).contains(count)),
        "{owned:?}"
    );
}

/// Candidates of different names.
fn candidates() -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::btree_map("[a-z]{1,3}", 0..3_u32, 1..12).prop_map(|nodes| {
        nodes
            .into_iter()
            .map(|(name, preference)| Candidate::new(name, preference))
            .collect()
    })
}

proptest! {
    #[test]
    fn the_order_is_that_of_the_plain_digests(
        nodes in prop::collection::btree_map("[a-z0-9.-]{1,130}", 0..3_u32, 1..12),
        address in any::<IpAddr>(),
    ) {
        let plain = |name: &String| Sha256::digest(format!("{name}#{address}"));
        let mut expected: Vec<_> = nodes.iter().collect();
        expected.sort_by_key(|(name, preference)| (Reverse(**preference), plain(name)));
        let candidates: Vec<_> = nodes.iter().map(|(name, preference)| Candidate::new(name, *preference)).collect();
        let ranked = rank(&candidates, &address.to_string());
        let ranked: Vec<_> = ranked.iter().map(|candidate| candidate.name()).collect();
        let expected: Vec<_> = expected.iter().map(|(name, _)| name.as_str()).collect();
        prop_assert_eq!(ranked, expected);
    }

    #[test]
    fn the_owner_is_the_first_of_the_ranking(candidates in candidates(), key in "[0-9.]{0,8}") {
        prop_assert_eq!(elect(&candidates, &key), rank(&candidates, &key).first().copied());
    }

    #[test]
    fn the_order_of_the_candidates_makes_no_difference(
        (candidates, shuffled) in candidates().prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        key in "[0-9.]{0,8}",
    ) {
        prop_assert_eq!(rank(&candidates, &key), rank(&shuffled, &key));
    }

    #[test]
    fn who_leaves_changes_the_rank_of_nobody_else(
        candidates in candidates(),
        leaver in any::<prop::sample::Index>(),
        key in "[0-9.]{0,8}",
    ) {
        let leaver = leaver.get(&candidates).clone();
        let mut expected = rank(&candidates, &key);
        expected.retain(|candidate| **candidate != leaver);
        prop_assert_eq!(rank(candidates.iter().filter(|candidate| **candidate != leaver), &key), expected);
    }

    #[test]
    fn a_preference_outranks_every_lower_one(candidates in candidates(), key in "[0-9.]{0,8}") {
        let ranked = rank(&candidates, &key);
        prop_assert!(ranked.is_sorted_by(|a, b| a.preference >= b.preference));
    }
}
