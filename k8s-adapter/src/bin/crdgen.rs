//! Prints the CustomResourceDefinitions of the `metallb.io` kinds, as `deploy/manifests/crds.yaml` has them.
#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use std::process::ExitCode;

fn main() -> ExitCode {
    match k8s_adapter::crd::manifest() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crdgen: {error}");
            ExitCode::FAILURE
        }
    }
}
