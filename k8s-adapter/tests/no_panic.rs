//! Any text ends without a panic: the body of the fuzz target over its corpus, and over what is left of it when it is cut.

use std::fs;
use std::path::Path;

use k8s_adapter::legacy::fuzzing::legacy_config;

#[test]
fn the_corpus_is_survived_however_it_is_cut() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/legacy_config");
    let corpus: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!corpus.is_empty());
    for text in corpus {
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
