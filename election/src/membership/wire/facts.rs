//! Facts to octets and back.
//!
//! ```text
//! draining(1) links(2) { name up(1) mac(6) subnets(2) { address length(1) } }
//! ```

use std::collections::BTreeMap;
use std::net::IpAddr;

use bytes::{Buf, BufMut};
use ipnet::IpNet;

use super::super::facts::{Facts, LinkFacts};
use super::{Malformed, Wire, get_bool, get_short, put_short, take};

impl Wire for Facts {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.draining.into());
        put_len(out, self.links.len());
        for (name, link) in &self.links {
            put_short(out, name);
            link.encode(out);
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let draining = get_bool(input)?;
        let links = (0..input.try_get_u16()?)
            .map(|_| Ok((get_short(input)?.to_owned(), LinkFacts::decode(input)?)))
            .collect::<Result<BTreeMap<_, _>, Malformed>>()?;
        Ok(Self { links, draining })
    }
}

impl Wire for LinkFacts {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u8(self.up.into());
        out.put_slice(&self.mac);
        put_len(out, self.subnets.len());
        for subnet in &self.subnets {
            subnet.addr().encode(out);
            out.put_u8(subnet.prefix_len());
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let up = get_bool(input)?;
        let mac = take(input, 6)?.try_into().map_err(|_| Malformed::Value)?;
        let subnets = (0..input.try_get_u16()?)
            .map(|_| {
                let address = IpAddr::decode(input)?;
                IpNet::new(address, input.try_get_u8()?).map_err(|_| Malformed::Value)
            })
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { up, mac, subnets })
    }
}

impl Facts {
    /// Every text and number fits its place on the wire.
    pub(in super::super) fn fit(&self) -> bool {
        self.links.len() <= usize::from(u16::MAX)
            && self.links.iter().all(|(name, link)| {
                name.len() <= usize::from(u8::MAX) && link.subnets.len() <= usize::from(u16::MAX)
            })
    }
}

/// See [`Facts::fit`].
fn put_len(out: &mut Vec<u8>, len: usize) {
    out.put_u16(u16::try_from(len).unwrap_or(u16::MAX));
}
