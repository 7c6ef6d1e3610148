//! The body of the fuzz target, which `cargo test` runs over the corpus. Not an interface.

use alloc::string::ToString;

use crate::range::IpRange;

/// Any text is a range or a fault, and a range survives being printed.
pub fn ip_range(text: &[u8]) {
    let Ok(text) = core::str::from_utf8(text) else {
        return;
    };
    let Ok(range) = text.parse::<IpRange>() else {
        return;
    };
    assert_eq!(range.to_string().parse().as_ref(), Ok(&range));
    assert!(
        range.contains(range.first()) && range.contains(range.last()) && range.overlaps(&range)
    );
    assert_eq!(range.addresses().next_back(), Some(range.last()));
    assert!(
        range
            .network()
            .is_none_or(|network| IpRange::from(network) == range)
    );
}
