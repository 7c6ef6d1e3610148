//! Who makes the marks of announcements.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::mac::MacAddr;
use crate::mark::Mark;

/// Makes the [`Mark`] of an announcement from the address and from the hardware address that it is announced with.
///
/// It is asked for each announcement, and must give the same mark for the same addresses. Two are equal if one is a clone of
/// the other.
#[derive(Clone)]
pub struct Marker(Arc<dyn Fn(IpAddr, MacAddr) -> Mark + Send + Sync>);

impl Marker {
    /// A marker that does this.
    #[must_use]
    pub fn new(mark: impl Fn(IpAddr, MacAddr) -> Mark + Send + Sync + 'static) -> Self {
        Self(Arc::new(mark))
    }

    /// The mark for an address that is announced with this hardware address.
    #[must_use]
    pub fn mark(&self, address: IpAddr, mac: MacAddr) -> Mark {
        (self.0)(address, mac)
    }
}

impl PartialEq for Marker {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Marker {}

impl fmt::Debug for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Marker(..)")
    }
}
