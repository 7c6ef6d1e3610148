//! The webhooks that an API server asks: whether our kinds may be stored as they are, and to convert BGPPeers.
//! Optional (compat/metallb.md 3.4).

pub mod conversion;
