//! `ferrolb convert`: its options, what it writes and how it ends. What things are converted to is tested where that is
//! decided.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const DATA: &str =
    "address-pools:\n- name: web\n  protocol: layer2\n  addresses: [203.0.113.0/28]\n";

const OBJECTS: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: web
  namespace: metallb-system
spec:
  addresses:
  - 203.0.113.0/28
  autoAssign: true
  avoidBuggyIPs: false
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata:
  name: l2advertisement1
  namespace: metallb-system
spec:
  ipAddressPools:
  - web
";

#[test]
fn the_objects_are_written_to_resources_yaml() {
    let folder = folder("config.yaml", &config_map(DATA));
    let output = convert(folder.path(), &[]);
    assert_eq!(status_and_errors(&output), (Some(0), String::new()));
    assert!(output.stdout.is_empty());
    let written = fs::read_to_string(folder.path().join("resources.yaml")).unwrap();
    assert_eq!(written, OBJECTS);
}

#[test]
fn options_may_be_written_as_those_of_metallbs_converter() {
    for arguments in [
        &["-source", "old.yaml", "-stdout"][..],
        &["-source=old.yaml", "-stdout"],
        &["--source", "old.yaml", "--stdout"],
    ] {
        let folder = folder("old.yaml", &config_map(DATA));
        let output = convert(folder.path(), arguments);
        assert_eq!(status_and_errors(&output), (Some(0), String::new()));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), OBJECTS);
        assert!(!folder.path().join("resources.yaml").exists());
    }
}

#[test]
fn the_text_of_the_config_map_may_stand_alone() {
    let folder = folder("config.yaml", DATA);
    let output = convert(folder.path(), &["-only-data", "-stdout"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), OBJECTS);
    let without = convert(folder.path(), &["-stdout"]);
    let (status, errors) = status_and_errors(&without);
    assert_eq!(status, Some(1));
    assert!(errors.contains("--only-data"), "{errors}");
}

#[test]
fn the_standard_input_can_be_converted() {
    let mut process = command(Path::new("."), &["--source", "-", "--stdout"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = process.stdin.take().unwrap();
    input.write_all(config_map(DATA).as_bytes()).unwrap();
    drop(input);
    let output = process.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), OBJECTS);
}

#[test]
fn nothing_is_written_while_something_cannot_be_converted() {
    let folder = folder("config.yaml", &config_map("peers:\n- my-asn: x\n"));
    let output = convert(folder.path(), &[]);
    assert_eq!(
        status_and_errors(&output),
        (
            Some(1),
            "error: ./config.yaml: ConfigMap metallb-system/config: peers[0].my-asn: must be a whole number from 0 \
             to 4294967295\n"
                .to_owned()
        )
    );
    assert!(!folder.path().join("resources.yaml").exists());
}

#[test]
fn a_file_that_is_not_there_ends_with_status_2() {
    let folder = tempfile::tempdir().unwrap();
    let (status, errors) = status_and_errors(&convert(folder.path(), &[]));
    assert_eq!(status, Some(2));
    assert!(
        errors.starts_with("ferrolb: cannot read ./config.yaml: "),
        "{errors}"
    );
}

fn config_map(data: &str) -> String {
    let data = data.replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config, namespace: metallb-system}}\ndata:\n  config: |\n    {data}\n"
    )
}

fn folder(file: &str, text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(file), text).unwrap();
    folder
}

fn convert(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrolb"));
    command.current_dir(folder).arg("convert").args(arguments);
    command.env_remove("METALLB_NAMESPACE");
    command
}

fn status_and_errors(output: &Output) -> (Option<i32>, String) {
    let errors = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), errors)
}
