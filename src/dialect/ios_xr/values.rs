//! Values of a line to sets: comparisons, addresses with their wildcards and masks.

use super::names;
use super::syntax::{Read, fault};
use super::words::Words;
use crate::ir::ValueSet;
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix4, Prefix6};

/// A set of addresses or ports as groups hold them, one width for all.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// Closed ranges.
    pub(super) ranges: Vec<(u128, u128)>,
    /// Patterns that are no range.
    pub(super) patterns: Vec<BitMatch>,
}

impl Members {
    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.ranges.len() + self.patterns.len()
    }

    /// The set, for a field of up to 32 bits or a wider one.
    pub(super) fn set(&self, width: Width) -> ValueSet {
        let ranges = || IntervalSet::from_ranges(self.ranges.iter().copied());
        if !self.patterns.is_empty() {
            let top = width.max();
            let prefixes = ranges();
            let covers = prefixes.ranges().flat_map(|(lo, hi)| Prefix6::cover(lo, hi));
            // A range becomes the patterns of the prefixes that cover it.
            let covers = covers.map(|prefix| BitMatch::new(prefix.first(), prefix.mask() & top));
            return ValueSet::from(BitSet::new(covers.chain(self.patterns.iter().copied())));
        }
        match width {
            Width::Six => ValueSet::from(ranges()),
            Width::Four | Width::Port => {
                let narrow = |x: u128| u32::try_from(x).unwrap_or(u32::MAX);
                let ranges = self.ranges.iter().map(|(lo, hi)| (narrow(*lo), narrow(*hi)));
                ValueSet::from(IntervalSet::from_ranges(ranges))
            }
        }
    }
}

/// What values are compared with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Width {
    /// IPv4 addresses.
    Four,
    /// IPv6 addresses.
    Six,
    /// Ports.
    Port,
}

impl Width {
    /// The largest value.
    pub(super) fn max(self) -> u128 {
        match self {
            Self::Four => u128::from(u32::MAX),
            Self::Six => u128::MAX,
            Self::Port => 0xffff,
        }
    }
}

/// The values an operator accepts, up to `max`; nothing where the operator is none.
pub(super) fn compare(op: &str, low: u32, high: u32, max: u32) -> Option<IntervalSet<u32>> {
    let empty = IntervalSet::empty;
    Some(match op {
        "eq" => IntervalSet::single(low),
        "neq" => IntervalSet::single(low).complement(max),
        "lt" => low.checked_sub(1).map_or_else(empty, |top| IntervalSet::range(0, top.min(max))),
        "gt" if low < max => IntervalSet::range(low + 1, max),
        "gt" => empty(),
        "range" => IntervalSet::range(low, high),
        _ => return None,
    })
}

/// What a comparison of a part says.
#[derive(Clone, Debug)]
pub(super) struct Comparison<'a> {
    /// The values.
    pub(super) set: IntervalSet<u32>,
    /// A value beyond what the field can carry.
    pub(super) beyond: Option<&'a str>,
}

/// Reads `[eq] V`, `neq V`, `lt V`, `gt V`, `range A B` behind a keyword.
pub(super) fn comparison<'a>(
    words: &mut Words<'a>,
    value: impl Fn(&str) -> Option<u32>,
    max: u32,
) -> Read<'a, Comparison<'a>> {
    let op = match words.peek() {
        "eq" | "neq" | "lt" | "gt" | "range" => words.next(),
        _ => "eq",
    };
    let low = words.next();
    let first = value(low).ok_or(fault(low, "a value"))?;
    let (high, second) = if op == "range" {
        let high = words.next();
        (high, value(high).ok_or(fault(high, "a value"))?)
    } else {
        (low, first)
    };
    let beyond = [(low, first), (high, second)].into_iter().find(|(_, value)| *value > max).map(|v| v.0);
    let set = compare(op, first, second, max).ok_or(fault(op, "an operator"))?;
    Ok(Comparison { set, beyond })
}

/// An IPv4 address.
pub(super) fn address4(word: &str) -> Option<u32> {
    word.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}

/// An IPv6 address.
pub(super) fn address6(word: &str) -> Option<u128> {
    word.parse::<std::net::Ipv6Addr>().ok().map(u128::from)
}

/// An IPv4 address with its mask behind a slash or as a length.
pub(super) fn prefix4(word: &str) -> Option<Prefix4> {
    word.parse().ok()
}

/// An IPv6 prefix.
pub(super) fn prefix6(word: &str) -> Option<Prefix6> {
    word.parse().ok()
}

/// How a mask of one bits for what counts looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shape {
    /// Ones, then zeros: a prefix of that length.
    Prefix(u8),
    /// Zeros, then ones: what is written where the other kind of mask is meant.
    Reversed,
    /// Anything else.
    Holes,
}

/// The shape of a mask whose set bits count, `width` bits wide.
pub(super) fn shape(mask: u128, width: u8) -> Shape {
    let top = u128::MAX >> (128 - u32::from(width));
    let ones = (mask & top).count_ones();
    let leading = (mask << (128 - u32::from(width))).leading_ones();
    if leading == ones {
        Shape::Prefix(u8::try_from(ones).unwrap_or(width))
    } else if mask.trailing_ones() == ones {
        Shape::Reversed
    } else {
        Shape::Holes
    }
}

/// Adds `base` under a mask whose set bits count.
pub(super) fn push_masked(members: &mut Members, base: u128, mask: u128, width: u8) {
    let top = u128::MAX >> (128 - u32::from(width));
    if let Shape::Prefix(_) = shape(mask, width) {
        members.ranges.push((base & mask, base & mask | top & !mask));
    } else {
        members.patterns.push(BitMatch::new(base, mask & top));
    }
}

/// Ports of a comparison for a protocol.
pub(super) fn ports<'a>(
    op: &'a str,
    low: &'a str,
    high: &'a str,
    protocol: u8,
) -> Read<'a, IntervalSet<u32>> {
    let port = |word: &'a str| names::port(word, protocol).map(u32::from).ok_or(fault(word, "a port"));
    let (first, second) = (port(low)?, port(high)?);
    if first > second {
        return Err(fault(high, "a port not below the first"));
    }
    compare(op, first, second, 0xffff).ok_or(fault(op, "an operator"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_agree_with_their_meaning() {
        for (op, holds) in [
            ("eq", (|x, a, _| x == a) as fn(u32, u32, u32) -> bool),
            ("neq", |x, a, _| x != a),
            ("lt", |x, a, _| x < a),
            ("gt", |x, a, _| x > a),
            ("range", |x, a, b| a <= x && x <= b),
        ] {
            for low in [0, 1, 7, 254, 255] {
                for high in [0, 1, 7, 254, 255] {
                    let set = compare(op, low, high, 255).unwrap();
                    assert!((0..256).all(|x| set.contains(x) == holds(x, low, high)), "{op} {low} {high}");
                }
            }
        }
    }

    #[test]
    fn masks_have_shapes() {
        assert_eq!(shape(0xffff_ff00, 32), Shape::Prefix(24));
        assert_eq!(shape(0, 32), Shape::Prefix(0));
        assert_eq!(shape(u128::MAX, 128), Shape::Prefix(128));
        assert_eq!(shape(0xff, 32), Shape::Reversed);
        assert_eq!(shape(0xff00_ff00, 32), Shape::Holes);
    }

    #[test]
    fn ranges_beside_patterns_stay_exact() {
        let mut members = Members { ranges: vec![(3, 9)], ..Members::default() };
        push_masked(&mut members, 0x0a00_0001, 0xff00_00ff, 32);
        let set = members.set(Width::Four);
        for x in [2, 3, 9, 10, 0x0a12_3401, 0x0a12_3402] {
            assert_eq!(set.contains(x), (3..=9).contains(&x) || x & 0xff00_00ff == 0x0a00_0001, "{x:#x}");
        }
    }
}
