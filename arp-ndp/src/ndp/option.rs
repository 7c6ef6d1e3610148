//! Neighbor Discovery options (RFC 4861 §4.6): a walk that ends on any input.
//!
//! Not done: the contents of options other than the two link-layer addresses and marks; they are stepped over.

use crate::error::FrameError;
use crate::mac::MacAddr;
use crate::mark::{MAGIC, Mark};

/// What an option is: one of the numbers that IANA hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OptionType(pub(crate) u8);

impl OptionType {
    pub(crate) const SOURCE_LINK_LAYER_ADDRESS: Self = Self(1);
    pub(crate) const TARGET_LINK_LAYER_ADDRESS: Self = Self(2);
    /// The first of two for experiments (RFC 4727 §5).
    pub(crate) const EXPERIMENT_1: Self = Self(253);
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
    walk(options, |kind, option| {
        if kind == wanted && found.is_none() {
            found = Some(ethernet_address(option)?);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Returns the mark in the first option that is one, after a look at every option as above. What others do with options of
/// the same type is stepped over.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type = 253   |  Length = 3   |    0x46       |    0x65       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Mark (16 octets) ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Zero (4 octets)                                              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
pub(crate) fn mark(options: &[u8]) -> Result<Option<Mark>, FrameError> {
    let mut found = None;
    walk(options, |kind, option| {
        if kind == OptionType::EXPERIMENT_1 && found.is_none() {
            found = mark_in(option);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Shows each option, header included, until one is refused or cannot be read.
fn walk(
    options: &[u8],
    mut look: impl FnMut(OptionType, &[u8]) -> Result<(), FrameError>,
) -> Result<(), FrameError> {
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
        look(OptionType(kind), option)?;
        rest = next;
    }
    match *rest {
        [] => Ok(()),
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

/// The octets of an option that holds this mark.
pub(crate) fn encode_mark(mark: Mark) -> [u8; MARK_LEN] {
    let header = [OptionType::EXPERIMENT_1.0, 3];
    let octets = header.into_iter().chain(MAGIC).chain(mark.0);
    let mut option = [0; MARK_LEN];
    for (slot, octet) in option.iter_mut().zip(octets) {
        *slot = octet;
    }
    option
}

/// The mark in an option for experiments, if that is what it holds.
fn mark_in(option: &[u8]) -> Option<Mark> {
    let (mark, rest) = Mark::read(option.get(HEADER_LEN..)?)?;
    (*rest == [0; 4]).then_some(mark)
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
/// Of an option with a mark.
const MARK_LEN: usize = 3 * UNIT;

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
    fn the_first_option_for_experiments_that_is_a_mark_is_the_mark() {
        let marks = [Mark([0xa5; 16]), Mark([0x5a; 16])];
        let option = encode_mark(marks[0]);
        assert_eq!(option[..4], [253, 3, b'F', b'e']);
        assert_eq!(
            (&option[4..20], &option[20..]),
            (&[0xa5; 16][..], &[0; 4][..])
        );
        // Of other experiments: with other octets first, with something where zeros are, and of another length.
        let mut others = [option.to_vec(), option.to_vec(), vec![0xa5; 16]];
        others[0][2] = 0;
        others[1][23] = 1;
        others[2][..4].copy_from_slice(&[253, 2, b'F', b'e']);
        for other in &others {
            assert_eq!(mark(other), Ok(None), "{other:?}");
        }
        let all = [
            others.concat(),
            option.to_vec(),
            encode_mark(marks[1]).to_vec(),
        ]
        .concat();
        assert_eq!(mark(&all), Ok(Some(marks[0])));
        assert!(mark(&all[..all.len() - 1]).is_err());
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
