//! What the nft back end reads where a later fragment has no transport header.
//!
//! Measured with iptables 1.8.9 on Linux 6.18: ports and flags of `-p tcp` and `-p udp` are loads from the place
//! of the transport header. In IPv4 that is behind the IP header, whatever the fragment offset. In a later
//! fragment of IPv6 it is the beginning of the IPv6 header itself: the source port is version, traffic class and
//! the top of the flow label, the destination port the rest of the flow label, octet 13 the sixth octet of the
//! source address. Where connections are tracked, fragments are put together before any rule sees them.

use super::lower::Reader;
use super::options::ranges;
use super::transport::flags_test;
use crate::field::{Family, Field};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, Intervals};
use crate::source::Span;

impl Reader<'_> {
    /// A port, read from the octets wherever they stand.
    pub(super) fn port_anywhere(
        &self,
        source: bool,
        list: &[(u32, u32)],
        not: bool,
        span: Span,
    ) -> Condition {
        let field = if source { Field::RawPort0 } else { Field::RawPort1 };
        let four = || Condition::test_at(field, ranges(list, not, 65_535), span);
        self.anywhere(four, || {
            let set = IntervalSet::from_ranges(list.iter().copied());
            let set = if not { set.complement(65_535) } else { set };
            if source { first_octets(set.view(), span) } else { low_label(set.view(), span) }
        })
    }

    /// Flags, read from octet 13 wherever it stands.
    pub(super) fn flags_anywhere(&self, mask: u32, compare: u32, not: bool, span: Span) -> Condition {
        let four = || flags_test(Field::RawOctet13, mask, compare, not, 0xff, span);
        self.anywhere(four, || {
            // The sixth octet of the source address.
            const SHIFT: u32 = 128 - 48;
            if compare & !mask != 0 {
                return if not { Condition::True } else { Condition::False };
            }
            let pattern =
                |value: u32, mask: u32| BitMatch::new(u128::from(value) << SHIFT, u128::from(mask) << SHIFT);
            let patterns: Vec<BitMatch> = if not {
                let bits = (0..8).map(|bit| 1_u32 << bit).filter(|bit| mask & bit != 0);
                bits.map(|bit| pattern(!compare & bit, bit)).collect()
            } else {
                vec![pattern(compare, mask)]
            };
            Condition::test_at(Field::Src6, ValueSet::from(BitSet::new(patterns)), span)
        })
    }

    /// Puts the two readings together: `raw` behind the IP headers, `header` in later fragments of IPv6.
    fn anywhere(&self, raw: impl Fn() -> Condition, header: impl Fn() -> Condition) -> Condition {
        let later = || Condition::test(Field::FragOff, ValueSet::range(1, 0x1fff));
        let first = || Condition::test(Field::FragOff, ValueSet::single(0));
        let six = || Condition::or([Condition::and([first(), raw()]), Condition::and([later(), header()])]);
        let version = |version| Condition::test(Field::IpVersion, ValueSet::single(version));
        match self.family() {
            Some(Family::Inet) => raw(),
            Some(Family::Inet6) => six(),
            _ => Condition::or([Condition::and([version(4), raw()]), Condition::and([version(6), six()])]),
        }
    }
}

/// The low 16 bits of the flow label.
fn low_label(set: Intervals<'_, u32>, span: Span) -> Condition {
    let patterns = set.ranges().flat_map(|range| blocks(range, 16));
    let patterns = patterns.map(|(value, mask)| BitMatch::new(value.into(), mask.into()));
    Condition::test_at(Field::FlowLabel, ValueSet::from(BitSet::new(patterns)), span)
}

/// Octets 0 and 1 of an IPv6 header: version 6, traffic class, the top four bits of the flow label.
fn first_octets(set: Intervals<'_, u32>, span: Span) -> Condition {
    let inside = set.intersection(IntervalSet::range(0x6000, 0x6fff).view());
    let low = |v: u32| v & 0xfff;
    let parts = inside.ranges().flat_map(|(lo, hi)| blocks((low(lo), low(hi)), 12)).map(|(value, mask)| {
        let part = |field, value: u32, mask: u32| match mask {
            0 => Condition::True,
            _ => Condition::test_at(field, ValueSet::bits(value.into(), mask.into()), span),
        };
        Condition::and([
            part(Field::Dscp, value >> 6, mask >> 6),
            part(Field::Ecn, value >> 4 & 3, mask >> 4 & 3),
            part(Field::FlowLabel, (value & 15) << 16, (mask & 15) << 16),
        ])
    });
    Condition::or(parts)
}

/// A range of numbers of `width` bits as values with masks.
fn blocks((lo, hi): (u32, u32), width: u32) -> Vec<(u32, u32)> {
    let all = (1_u32 << width) - 1;
    let mut out = Vec::new();
    let mut from = lo;
    while from <= hi {
        let mut size = if from == 0 { 1 << width } else { 1 << from.trailing_zeros().min(width) };
        while from + (size - 1) > hi {
            size >>= 1;
        }
        out.push((from, all & !(size - 1)));
        from += size;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_a_range_exactly() {
        for (lo, hi) in [(0, 15), (3, 9), (0, 0), (15, 15), (1, 14)] {
            let list = blocks((lo, hi), 4);
            let held = (0..16).filter(|v| list.iter().any(|(value, mask)| v & mask == *value));
            assert_eq!(held.collect::<Vec<_>>(), (lo..=hi).collect::<Vec<_>>());
        }
        assert_eq!(blocks((0, 0xffff), 16), [(0, 0)]);
    }
}
