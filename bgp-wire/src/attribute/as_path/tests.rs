//! AS paths: prepending, length, text, merge.

use super::*;
use alloc::string::ToString;
use alloc::vec;

fn asns(numbers: &[u32]) -> Vec<Asn> {
    numbers.iter().copied().map(Asn).collect()
}

fn path(segments: &[(SegmentType, &[u32])]) -> AsPath {
    let mut path = AsPath::empty();
    for (kind, numbers) in segments {
        path.push(*kind, asns(numbers));
    }
    path
}

/// The same path as an old speaker writes it.
fn two_octet(path: &AsPath) -> Vec<u8> {
    let mut octets = vec![];
    for segment in path.as_ref().segments() {
        octets.extend([
            segment.kind() as u8,
            u8::try_from(segment.asns().len()).unwrap(),
        ]);
        segment
            .asns()
            .for_each(|asn| octets.extend(asn.to_two_octet().to_be_bytes()));
    }
    octets
}

use SegmentType::{AsConfedSequence, AsSequence, AsSet};

#[test]
fn prepending_fills_the_first_sequence_and_then_begins_another() {
    let full = AsPath::sequence((1..=254).map(Asn));
    assert_eq!(full.prepended(Asn(9), 1).as_ref().segments().count(), 1);
    let over = full.prepended(Asn(9), 3);
    assert_eq!(over.as_ref().segments().count(), 2);
    assert_eq!(over.as_ref().path_len(), 257);
    assert_eq!(
        path(&[(AsSet, &[1, 2])]).prepended(Asn(9), 1).to_string(),
        "9 {1,2}"
    );
    assert_eq!(AsPath::empty().prepended(Asn(9), 0), AsPath::empty());
}

#[test]
fn a_set_counts_as_one_and_a_confederation_segment_as_nothing() {
    let path = path(&[
        (AsConfedSequence, &[65001, 65002]),
        (AsSequence, &[1, 2]),
        (AsSet, &[3, 4, 5]),
    ]);
    assert_eq!(path.as_ref().path_len(), 3);
    assert_eq!(path.to_string(), "(65001 65002) 1 2 {3,4,5}");
    assert_eq!(path.as_ref().origin_as(), None);
    assert_eq!(path.as_ref().first_as(), None);
    assert_eq!(
        AsPath::sequence(asns(&[1, 2])).as_ref().origin_as(),
        Some(Asn(2))
    );
}

#[test]
fn a_path_that_went_through_old_speakers_is_put_together_again() {
    // RFC 6793 §4.2.3: two old speakers (1 and 2) prepended themselves to the path of a new one.
    let original = AsPath::sequence(asns(&[1, 2, 70000, 70001, 5]));
    let as4 = AsPath::sequence(asns(&[70000, 70001, 5]));
    let octets = two_octet(&original);
    assert_eq!(
        AsPathRef::new(&octets, AsnWidth::Two).merged_with(as4.as_ref()),
        original
    );
}

#[test]
fn sets_and_confederations_are_put_together_as_wholes() {
    let original = path(&[
        (AsConfedSequence, &[65001]),
        (AsSequence, &[1]),
        (AsSet, &[70000, 7]),
        (AsSequence, &[8]),
    ]);
    let octets = two_octet(&original);
    let wide = AsPathRef::new(&octets, AsnWidth::Two);
    let as4 = path(&[(AsSet, &[70000, 7]), (AsSequence, &[8])]);
    assert_eq!(wide.merged_with(as4.as_ref()), original);
    // RFC 6793 §6: a confederation segment in AS4_PATH is discarded.
    let with_confed = path(&[
        (AsConfedSequence, &[65009]),
        (AsSet, &[70000, 7]),
        (AsSequence, &[8]),
    ]);
    assert_eq!(wide.merged_with(with_confed.as_ref()), original);
}

#[test]
fn an_as4_path_that_is_longer_is_ignored() {
    let short = AsPath::sequence(asns(&[1, 2]));
    let octets = two_octet(&short);
    let longer = AsPath::sequence(asns(&[1, 2, 3]));
    assert_eq!(
        AsPathRef::new(&octets, AsnWidth::Two).merged_with(longer.as_ref()),
        short
    );
}

#[test]
fn paths_that_do_not_add_up_are_told() {
    let check = |octets: &[u8], peer| AsPathRef::new(octets, AsnWidth::Two).is_well_formed(peer);
    assert!(check(&[], PeerKind::Ebgp));
    assert!(check(&[2, 1, 0, 1], PeerKind::Ebgp));
    assert!(!check(&[2, 0], PeerKind::Ebgp), "no AS number");
    assert!(!check(&[5, 1, 0, 1], PeerKind::Ebgp), "unknown type");
    assert!(!check(&[2, 2, 0, 1], PeerKind::Ebgp), "cut off");
    assert!(
        !check(&[2, 1, 0, 1, 2], PeerKind::Ebgp),
        "an octet too many"
    );
    assert!(!check(&[2, 1, 0, 0], PeerKind::Ebgp), "AS 0");
    assert!(
        !check(&[3, 1, 0, 1], PeerKind::Ebgp),
        "a confederation that is not ours"
    );
    assert!(check(&[3, 1, 0, 1], PeerKind::Confederation));
}

#[test]
fn paths_of_both_widths_compare_by_what_they_say() {
    let four = path(&[(AsSequence, &[1, 2]), (AsSet, &[3])]);
    let octets = two_octet(&four);
    assert_eq!(AsPathRef::new(&octets, AsnWidth::Two), four.as_ref());
    assert_ne!(
        AsPathRef::new(&octets, AsnWidth::Two),
        AsPath::sequence(asns(&[1, 2, 3])).as_ref()
    );
}
