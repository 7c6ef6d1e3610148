//! What fuzz targets start from, for tests that run their bodies without a fuzzer.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;

/// The entries of the corpus of a fuzz target, by the names of their files.
///
/// # Panics
/// There are none, or they cannot be read.
#[must_use]
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let entries = fs::read_dir(&folder).and_then(|files| {
        let paths = files.map(|file| Ok(file?.path()));
        let mut paths = paths.collect::<Result<Vec<_>, std::io::Error>>()?;
        paths.sort();
        paths.iter().map(fs::read).collect::<Result<Vec<_>, _>>()
    });
    match entries {
        Ok(entries) if !entries.is_empty() => entries,
        Ok(_) => panic!("{} is empty", folder.display()),
        Err(error) => panic!("{}: {error}", folder.display()),
    }
}

/// What becomes of octets when some are replaced, the end is cut off, and up to `tail` others follow.
pub fn mutated(
    octets: impl Strategy<Value = Vec<u8>>,
    tail: usize,
) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<Index>(), any::<u8>()), 0..6);
    let tail = proptest::collection::vec(any::<u8>(), 0..tail);
    let cut = (any::<Index>(), any::<bool>());
    (octets, changes, cut, tail).prop_map(|(mut octets, changes, (cut, keep), tail)| {
        if !octets.is_empty() {
            for (at, value) in changes {
                *at.get_mut(&mut octets) = value;
            }
            if !keep {
                octets.truncate(cut.index(octets.len()));
            }
        }
        octets.extend(tail);
        octets
    })
}
