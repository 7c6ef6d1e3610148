//! What routes are announced with: the addresses of the interface that holds a connection's local address.

use std::io;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use nix::ifaddrs::getifaddrs;

use crate::input::NextHops;

/// Looks up the next hops for a connection between these addresses.
///
/// # Errors
/// That of getifaddrs(3).
pub(super) fn next_hops(local: IpAddr, remote: IpAddr) -> io::Result<NextHops> {
    Ok(choose(&interface_addresses()?, local, remote))
}

/// An address of an interface, with the prefix of its link.
#[derive(Debug, Clone)]
struct InterfaceAddress {
    interface: String,
    network: IpNet,
}

fn interface_addresses() -> io::Result<Vec<InterfaceAddress>> {
    let with_mask = getifaddrs()?.filter_map(|entry| {
        let address = to_ip(entry.address.as_ref()?)?;
        let mask = to_ip(entry.netmask.as_ref()?)?;
        let network = IpNet::with_netmask(address, mask).ok()?;
        Some(InterfaceAddress {
            interface: entry.interface_name,
            network,
        })
    });
    Ok(with_mask.collect())
}

fn to_ip(address: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    let v4 = address
        .as_sockaddr_in()
        .map(|address| IpAddr::V4(address.ip()));
    v4.or_else(|| {
        address
            .as_sockaddr_in6()
            .map(|address| IpAddr::V6(address.ip()))
    })
}

/// The connection's own address for its family, for the other family the first one of the same interface that others
/// can reach. The link-local address goes along if the peer is on the same link (RFC 2545 §3).
fn choose(addresses: &[InterfaceAddress], local: IpAddr, remote: IpAddr) -> NextHops {
    let own = addresses
        .iter()
        .find(|candidate| candidate.network.addr() == local);
    let interface = own.map(|own| own.interface.as_str());
    let of_interface = || {
        addresses
            .iter()
            .filter(|candidate| Some(candidate.interface.as_str()) == interface)
            .map(|c| c.network)
    };
    let v4 = of_interface().find_map(|network| match network.addr() {
        IpAddr::V4(address) if !address.is_loopback() && !address.is_link_local() => Some(address),
        _ => None,
    });
    let v6 = |wanted: fn(&Ipv6Addr) -> bool| {
        of_interface().find_map(|network| match network.addr() {
            IpAddr::V6(address) if wanted(&address) => Some(address),
            _ => None,
        })
    };
    let global = v6(|address| !address.is_loopback() && !address.is_unicast_link_local());
    let link_local = v6(Ipv6Addr::is_unicast_link_local);
    let mut next_hops = match local {
        IpAddr::V4(local) => NextHops::new(Some(local), global),
        // A session between link-local addresses has nothing better where the interface has no other.
        IpAddr::V6(local) if local.is_unicast_link_local() => {
            NextHops::new(v4, global.or(Some(local)))
        }
        IpAddr::V6(local) => NextHops::new(v4, Some(local)),
    };
    let same_link = of_interface().any(|network| network.contains(&remote));
    if same_link && next_hops.ipv6 != link_local {
        next_hops.link_local = link_local;
    }
    next_hops
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<InterfaceAddress> {
        let address = |interface: &str, network: &str| InterfaceAddress {
            interface: interface.to_owned(),
            network: network.parse().unwrap(),
        };
        vec![
            address("lo", "127.0.0.1/8"),
            address("lo", "::1/128"),
            address("eth0", "192.0.2.10/24"),
            address("eth0", "fe80::1/64"),
            address("eth0", "2001:db8::10/64"),
            address("eth1", "198.51.100.10/24"),
        ]
    }

    fn chosen(local: &str, remote: &str) -> NextHops {
        choose(&machine(), local.parse().unwrap(), remote.parse().unwrap())
    }

    #[test]
    fn a_session_over_ipv4_announces_ipv6_with_the_interfaces_address() {
        let expected = NextHops::new(
            Some([192, 0, 2, 10].into()),
            Some("2001:db8::10".parse().unwrap()),
        )
        .with_link_local("fe80::1".parse().unwrap());
        assert_eq!(chosen("192.0.2.10", "192.0.2.1"), expected);
    }

    #[test]
    fn a_session_over_ipv6_announces_ipv4_with_the_interfaces_address() {
        assert_eq!(
            chosen("2001:db8::10", "2001:db8::1"),
            chosen("192.0.2.10", "192.0.2.1")
        );
    }

    #[test]
    fn a_peer_that_is_not_on_the_link_gets_no_link_local_next_hop() {
        assert_eq!(chosen("2001:db8::10", "2001:db8:1::1").link_local, None);
    }

    #[test]
    fn a_link_local_session_uses_the_global_address_where_there_is_one() {
        assert_eq!(
            chosen("fe80::1", "fe80::2").ipv6,
            Some("2001:db8::10".parse().unwrap())
        );
    }

    #[test]
    fn an_interface_without_ipv6_has_no_next_hop_for_it() {
        assert_eq!(
            chosen("198.51.100.10", "198.51.100.1"),
            NextHops::new(Some([198, 51, 100, 10].into()), None)
        );
        assert_eq!(
            chosen("127.0.0.1", "127.0.0.2").ipv6,
            None,
            "nobody else reaches ::1"
        );
    }

    #[test]
    fn the_machines_loopback_address_is_found() {
        let local = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(
            next_hops(local, local).unwrap().ipv4,
            Some([127, 0, 0, 1].into())
        );
        assert!(
            interface_addresses()
                .unwrap()
                .iter()
                .any(|entry| entry.network.addr() == local)
        );
    }
}
