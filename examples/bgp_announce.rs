//! Announce a prefix to a router until Ctrl-C, then say goodbye.
//!
//! `cargo run -p ferrolb-examples --bin bgp_announce -- 198.51.100.1:179 64512 64500 203.0.113.10/32`

use std::env;
use std::error::Error;
use std::sync::Arc;

use bgp_fsm::driver::{Peer, Transport};
use bgp_fsm::{PeerConfig, Routes};
use bgp_wire::{Cease, PathAttributes, PeerAs};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [router, local_as, peer_as, prefix] = args.as_slice() else {
        return Err("usage: bgp_announce ROUTER:PORT LOCAL_AS PEER_AS PREFIX".into());
    };

    // ORIGIN, AS_PATH and NEXT_HOP are the session's to fill in.
    let attributes = PathAttributes::builder()
        .communities(["64512:100".parse()?])
        .build()?;
    let routes = Routes::from_iter([(prefix.parse()?, Arc::new(attributes))]);

    let config = PeerConfig::builder(
        local_as.parse()?,
        PeerAs::Exactly(peer_as.parse()?),
        "198.51.100.250".parse()?,
    )
    .build()?;
    let peer = Peer::spawn(config, Transport::new(router.parse()?), 1);
    let mut events = peer.events();
    peer.set_routes(routes);

    loop {
        tokio::select! {
            Some(event) = events.recv() => println!("{event:?}"),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    peer.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "the example is over")
        .await;
    Ok(())
}
