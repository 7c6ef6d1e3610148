//! Any text ends without a panic: the body of the fuzz target over its corpus, and over what is left of it when it is cut.

use k8s_adapter::legacy::fuzzing::legacy_config;
use testkit::corpus;

#[test]
fn the_corpus_is_survived_however_it_is_cut() {
    for text in corpus("legacy_config") {
        for end in 0..=text.len() {
            let (head, tail) = text.split_at(end);
            legacy_config(head);
            legacy_config(tail);
        }
    }
}

#[test]
fn one_changed_octet_is_survived() {
    let text = include_bytes!("../../fuzz/corpus/legacy_config/anchors");
    for index in 0..text.len() {
        for octet in b"-:&*[]{}<~\"'|# \n\t0z\xff" {
            let mut changed = text.to_vec();
            changed.splice(index..=index, [*octet]);
            legacy_config(&changed);
        }
    }
}
