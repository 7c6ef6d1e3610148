//! Who may import whom within this crate (ARCHITECTURE.md), told from the `use` lines and paths of the sources.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// All source files below a folder of `src`.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(folder),
    ];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

/// The lines that are no comments, up to the tests at the end of a file.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text
        .lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"));
    lines
        .map(|(number, line)| (number + 1, line.trim()))
        .filter(|(_, line)| !line.starts_with("//"))
}

/// The places below `folder` that mention one of `forbidden`, save in files whose path contains one of `excepted`.
fn breaches(folder: &str, forbidden: &[&str], excepted: &[&str]) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in sources(folder) {
        let name = path.to_string_lossy();
        if excepted.iter().any(|excepted| name.contains(excepted)) {
            continue;
        }
        for (number, line) in code(&text) {
            if forbidden.iter().any(|word| line.contains(word)) {
                breaches.push(format!("{name}:{number}: {line}"));
            }
        }
    }
    breaches
}

#[test]
fn translation_uses_no_client_runtime_file_or_clock() {
    let forbidden = [
        "tokio",
        "kube::Client",
        "kube::Api",
        "std::fs",
        "std::net::Tcp",
        "std::net::Udp",
        "tracing",
        "::now(",
    ];
    let pure = ["translate", "legacy"];
    for folder in pure {
        assert_eq!(breaches(folder, &forbidden, &[]), Vec::<String>::new());
    }
    let upwards = [
        "crate::source",
        "crate::sink",
        "crate::controller",
        "crate::speaker",
    ];
    for folder in pure {
        assert_eq!(breaches(folder, &upwards, &[]), Vec::<String>::new());
    }
}

#[test]
fn only_the_sink_writes_files() {
    let writes = [
        "fs::write",
        "fs::rename",
        "fs::remove",
        "fs::create_dir",
        "fs::copy",
        "fs::hard_link",
        "File::create",
        "OpenOptions",
        "fs::symlink",
    ];
    let excepted = ["/sink/", "/tests.rs", "/tests/"];
    assert_eq!(breaches("", &writes, &excepted), Vec::<String>::new());
    assert!(
        !breaches("sink", &writes, &["/tests.rs"]).is_empty(),
        "the check sees what it looks for"
    );
}

#[test]
fn sources_and_sinks_know_nothing_of_the_processes() {
    let processes = ["crate::controller", "crate::speaker"];
    for folder in ["source", "sink", "crd"] {
        assert_eq!(
            breaches(folder, &processes, &["/tests.rs"]),
            Vec::<String>::new()
        );
    }
}
