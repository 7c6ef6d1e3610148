//! Answer ARP or NDP for an address on an interface until Ctrl-C, and count who asked. Needs CAP_NET_RAW.
//!
//! `cargo run -p ferrolb-examples --bin arp_answer -- eth0 203.0.113.10`

#![expect(clippy::print_stdout, reason = "an example shows its result")]

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::net::IpAddr;

use arp_ndp::driver::{Interface, Interfaces};
use arp_ndp::{Config, Role};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [name, address] = args.as_slice() else {
        return Err("usage: arp_answer INTERFACE ADDRESS".into());
    };
    let address: IpAddr = address.parse()?;

    let links = Interfaces::spawn().await?.links().borrow().clone();
    let Some(link) = links.values().find(|link| link.name == *name) else {
        return Err(format!("no interface {name}").into());
    };
    let usable = link
        .responder_link()
        .ok_or("the interface answers neither ARP nor NDP")?;

    let mut interface = Interface::spawn(link.index, usable, Config::default(), 1)?;
    interface.set_addresses(BTreeMap::from([(address, Role::Owner)]));
    println!("{} answers for {address} on {name}", usable.mac);
    loop {
        tokio::select! {
            Some(event) = interface.events().recv() => println!("{event:?}"),
            _ = tokio::signal::ctrl_c() => break,
        }
    }
    println!("{:?}", interface.status().borrow().addresses.get(&address));
    interface.stop().await;
    Ok(())
}
