//! Neighbor Discovery options (RFC 4861 §4.6): a walk that ends on any input.
//!
//! Not done: the contents of options other than the two link-layer addresses; they are stepped over.

use crate::error::FrameError;
use crate::mac::MacAddr;

/// What an option is: one of the numbers that IANA hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionType(pub(crate) u8);

impl OptionType {
    pub(crate) const SOURCE_LINK_LAYER_ADDRESS: Self = Self(1);
    pub(crate) const TARGET_LINK_LAYER_ADDRESS: Self = Self(2);
}

/// Returns the Ethernet address in the first option of this type, after a look at every option: one with a bad length
/// makes the whole message invalid, wherever it stands (RFC 4861 §7.1.1, §7.1.2).
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      | Length (by 8) |    Link-layer address ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
pub(crate) fn link_layer_address(
    options: &[u8],
    wanted: OptionType,
) -> Result<Option<MacAddr>, FrameError> {
    let mut found = None;
    let mut rest = options;
    while let [kind, length, ..] = *rest {
        let offset = options.len().saturating_sub(rest.len());
        let error = FrameError::OptionLength { offset, length };
        if length == 0 {
            return Err(error);
        }
        let (option, next) = rest
            .split_at_checked(usize::from(length) * UNIT)
            .ok_or(error)?;
        if OptionType(kind) == wanted && found.is_none() {
            found = Some(ethernet_address(option)?);
        }
        rest = next;
    }
    match *rest {
        [] => Ok(found),
        // One octet is left, too short for a length field.
        _ => Err(FrameError::Truncated {
            needed: HEADER_LEN,
            available: rest.len(),
        }),
    }
}

/// The octets of a link-layer address option that holds this Ethernet address.
pub(crate) const fn encode_link_layer_address(kind: OptionType, mac: MacAddr) -> [u8; UNIT] {
    let [a, b, c, d, e, f] = mac.octets();
    [kind.0, 1, a, b, c, d, e, f]
}

fn ethernet_address(option: &[u8]) -> Result<MacAddr, FrameError> {
    let address = option.get(HEADER_LEN..).unwrap_or_default();
    let octets: [u8; 6] = address
        .try_into()
        .map_err(|_| FrameError::LinkLayerLength {
            length: address.len(),
        })?;
    Ok(MacAddr(octets))
}

/// Lengths count in this many octets.
const UNIT: usize = 8;
const HEADER_LEN: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: OptionType = OptionType::SOURCE_LINK_LAYER_ADDRESS;
    const MAC: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);

    #[test]
    fn unknown_options_are_stepped_over_and_the_first_address_counts() {
        let mut options = vec![0xa5; 24];
        options[..2].copy_from_slice(&[0xfe, 3]);
        options.extend(encode_link_layer_address(SOURCE, MAC));
        options.extend(encode_link_layer_address(SOURCE, MacAddr::BROADCAST));
        assert_eq!(link_layer_address(&options, SOURCE), Ok(Some(MAC)));
        assert_eq!(
            link_layer_address(&options, OptionType::TARGET_LINK_LAYER_ADDRESS),
            Ok(None)
        );
        assert_eq!(link_layer_address(&[], SOURCE), Ok(None));
    }

    #[test]
    fn an_option_of_length_zero_ends_the_walk_with_an_error() {
        let mut options = encode_link_layer_address(SOURCE, MAC).to_vec();
        options.extend([0xfe, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(
            link_layer_address(&options, SOURCE),
            Err(FrameError::OptionLength {
                offset: 8,
                length: 0
            })
        );
    }

    /// Eight times 32 does not fit eight bits: a walk that multiplies there goes round in circles.
    #[test]
    fn an_option_of_length_32_and_more_is_measured_without_wrapping() {
        for length in [32, 255_u8] {
            let mut options = vec![0xa5; usize::from(length) * 8];
            options[..2].copy_from_slice(&[0xfe, length]);
            assert_eq!(link_layer_address(&options, SOURCE), Ok(None));
            options.pop();
            assert_eq!(
                link_layer_address(&options, SOURCE),
                Err(FrameError::OptionLength { offset: 0, length })
            );
        }
    }

    #[test]
    fn a_lone_octet_and_an_address_of_another_length_are_refused() {
        assert_eq!(
            link_layer_address(&[1], SOURCE),
            Err(FrameError::Truncated {
                needed: 2,
                available: 1
            })
        );
        let mut long = [0xa5; 16];
        long[..2].copy_from_slice(&[1, 2]);
        assert_eq!(
            link_layer_address(&long, SOURCE),
            Err(FrameError::LinkLayerLength { length: 14 })
        );
    }
}
