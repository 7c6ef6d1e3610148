//! What an installation with a webhook leaves behind, looked for by a controller that serves none.
//!
//! MetalLB's chart has the API server convert BGPPeers by its webhook. Where nobody answers there, every request for
//! BGPPeers of version `v1beta1` fails, reads included; those for the stored version `v1beta2` go on.

use std::time::Duration;

use kube::Client;
use kube::api::{Api, ListParams};
use tokio::time::sleep;
use tracing::{debug, error, info};

use crate::crd::bgp_peer::v1beta1::BGPPeer;
use crate::telemetry::chain;

/// Looks for a conversion that nobody does, over and over, and logs when that begins and ends. Does not end itself.
pub async fn look(client: Client, namespace: &str) {
    let peers: Api<BGPPeer> = Api::namespaced(client, namespace);
    let mut known = None;
    loop {
        // Another process may serve the webhook, so whether one is configured says nothing: a question does.
        let found = match peers.list_metadata(&ListParams::default().limit(1)).await {
            Ok(_) => None,
            Err(kube::Error::Api(status)) => dead_conversion(&status.message),
            Err(error) => {
                debug!(
                    error = chain(&error),
                    "whether BGPPeers can be converted is not known"
                );
                known.clone()
            }
        };
        match &found {
            Some(problem) if found != known => error!("nobody converts BGPPeers: {problem}"),
            None if known.is_some() => info!("BGPPeers are converted again"),
            _ => {}
        }
        known = found;
        sleep(INTERVAL).await;
    }
}

/// What is wrong, if the API server said so, and how to mend it.
fn dead_conversion(message: &str) -> Option<String> {
    message.starts_with("conversion webhook for").then(|| {
        format!(
            "those of version v1beta1 can be neither read nor written, because of the {message}. None is needed: \
            kubectl patch crd {DEFINITION} --type=merge -p '{MEND}'"
        )
    })
}

const DEFINITION: &str = "bgppeers.metallb.io";
/// The patch that makes the API server convert by itself.
const MEND: &str = r#"{"spec":{"conversion":{"strategy":"None","webhook":null}}}"#;
/// How often it is looked for.
const INTERVAL: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversion_that_nobody_does_is_reported_with_the_command_that_mends_it() {
        let said = "conversion webhook for metallb.io/v1beta2, Kind=BGPPeer failed: Post \
            \"https://metallb-webhook-service.metallb-system.svc:443/convert?timeout=30s\": connection refused";
        let problem = dead_conversion(said).unwrap();
        assert!(
            problem.contains(
                "connection refused. None is needed: kubectl patch crd bgppeers.metallb.io"
            )
        );
    }

    #[test]
    fn another_error_says_nothing_of_conversions() {
        assert_eq!(dead_conversion("bgppeers.metallb.io is forbidden"), None);
    }
}
