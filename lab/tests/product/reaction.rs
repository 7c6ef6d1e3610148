//! How long the routers hold what leads nowhere.

use std::time::{Duration, Instant};

use lab::manifests::EXAMPLE;

use crate::sessions::Sessions;
use crate::stage::Stage;

/// Ten times what it takes on a quiet machine, most of which is to see what was written, and to ask the routers: a speaker
/// may take 100 ms from the event to its UPDATE.
const BOUND: Duration = Duration::from_secs(3);

#[test]
fn a_service_without_endpoints_is_soon_gone_from_the_routers() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    let addresses = stage.addresses("web");
    let (file, text) = EXAMPLE
        .iter()
        .find(|(file, _)| *file == "service-web.yaml")
        .unwrap();
    let gone = text.replace("ready: true", "ready: false");
    assert_ne!(&gone, text);
    let start = Instant::now();
    stage.manifests.write(file, &gone).unwrap();
    stage.wait_for_paths(&addresses, 0);
    let took = start.elapsed();
    assert!(took < BOUND, "{took:?}");
    sessions.expect_same(&stage.routers());
}
