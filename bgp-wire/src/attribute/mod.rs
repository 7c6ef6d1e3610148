//! Path attributes (RFC 4271 §5).

pub(crate) mod community;
pub(crate) mod ext_community;
pub(crate) mod large_community;
