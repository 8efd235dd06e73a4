//! From places in headers to fields of the packet model: which fields hold which bits, and a condition over them.

use super::values::{Values, full};
use crate::field::Field;
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

/// Bits of a load that one field holds, the highest first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part {
    field: Field,
    // The lowest bit in the field.
    low: u32,
    width: u32,
    // Every bit of the header's field.
    whole: bool,
    // What the model's value has more than the header's.
    add: u32,
    // The only value packets with this header have.
    fixed: Option<u128>,
}

/// One part or more, of which a single one, as most are, needs no list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Parts {
    first: Part,
    rest: Vec<Part>,
}

impl Parts {
    fn iter(&self) -> impl DoubleEndedIterator<Item = Part> + '_ {
        std::iter::once(self.first).chain(self.rest.iter().copied())
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        1 + self.rest.len()
    }
}

impl From<Part> for Parts {
    fn from(first: Part) -> Self {
        Self { first, rest: Vec::new() }
    }
}

/// A field of a header: first bit, width, the field, what its value has more than the octets; for the
/// version, its value.
pub(super) type Row = (u32, u32, Field, u32);

/// The IPv4 header; its checksum is not modelled.
pub(super) static INET: &[Row] = &[
    (0, 4, Field::IpVersion, 4),
    (4, 4, Field::HdrLen, 0),
    (8, 6, Field::Dscp, 0),
    (14, 2, Field::Ecn, 0),
    (16, 16, Field::Len, 0),
    (32, 16, Field::IpId, 0),
    (48, 1, Field::ReservedFlag, 0),
    (49, 1, Field::Df, 0),
    (50, 1, Field::Mf, 0),
    (51, 13, Field::FragOff, 0),
    (64, 8, Field::Ttl, 0),
    (72, 8, Field::Proto, 0),
    (96, 32, Field::Src4, 0),
    (128, 32, Field::Dst4, 0),
];

/// The IPv6 header; its payload length is 40 less than the packet's.
pub(super) static INET6: &[Row] = &[
    (0, 4, Field::IpVersion, 6),
    (4, 6, Field::Dscp, 0),
    (10, 2, Field::Ecn, 0),
    (12, 20, Field::FlowLabel, 0),
    (32, 16, Field::Len, 40),
    (48, 8, Field::ProtoField, 0),
    (56, 8, Field::Ttl, 0),
    (64, 128, Field::Src6, 0),
    (192, 128, Field::Dst6, 0),
];

/// The Ethernet header as far as it is modelled: the type is asked for elsewhere, for tags.
pub(super) static LINK: &[Row] = &[(0, 48, Field::EthDst, 0), (48, 48, Field::EthSrc, 0)];

/// The octets behind the IP headers, whatever they are.
pub(super) static BEHIND: &[Row] = &[(0, 32, Field::RawWord0, 0), (32, 32, Field::RawWord1, 0)];

/// A TCP header that is there.
pub(super) static TCP: &[Row] = &[
    (0, 16, Field::Sport, 0),
    (16, 16, Field::Dport, 0),
    (32, 32, Field::TcpSeq, 0),
    (64, 32, Field::TcpAck, 0),
    (96, 4, Field::TcpDataOff, 0),
    (100, 12, Field::TcpFlags, 0),
    (112, 16, Field::TcpWindow, 0),
];

/// Which fields hold the bits from `bit` on; none where some bit is in no field.
pub(super) fn parts(rows: &[Row], bit: u32, width: u32) -> Option<Parts> {
    let end = bit.checked_add(width)?;
    let mut list: Option<Parts> = None;
    let mut at = bit;
    let start = rows.partition_point(|(first, size, ..)| first + size <= bit);
    for (first, size, field, add) in rows.get(start..)? {
        let last = first + size;
        if at < *first || at >= last {
            return None;
        }
        let stop = end.min(last);
        let part = Part {
            field: *field,
            low: last - stop,
            width: stop - at,
            whole: stop - at == *size,
            add: if *field == Field::IpVersion { 0 } else { *add },
            fixed: (*field == Field::IpVersion).then(|| u128::from(*add) >> (last - stop) & full(stop - at)),
        };
        match &mut list {
            None => list = Some(part.into()),
            Some(list) => list.rest.push(part),
        }
        at = stop;
        if at == end {
            return list;
        }
    }
    None
}

/// One field, whole.
pub(super) fn whole(field: Field, width: u32) -> Parts {
    Part { field, low: 0, width, whole: true, add: 0, fixed: None }.into()
}

/// The low bits of a field.
pub(super) fn low_bits(field: Field, width: u32) -> Parts {
    Part { field, low: 0, width, whole: false, add: 0, fixed: None }.into()
}

/// The bits of the parts are in `values`; none where fields cannot say that.
pub(super) fn condition(parts: &Parts, values: &Values, span: Span) -> Option<Condition> {
    if parts.rest.is_empty() {
        let part = parts.first;
        if let Some(fixed) = part.fixed {
            return Some(if values.contains(fixed) { Condition::True } else { Condition::False });
        }
        return one(part, values).map(|set| Condition::test_at(part.field, set, span));
    }
    let width: u32 = parts.iter().map(|part| part.width).sum();
    let patterns = values.patterns(width)?;
    let mut any = Vec::with_capacity(patterns.len());
    'patterns: for pattern in patterns {
        let mut all = Vec::new();
        let mut low = width;
        for part in parts.iter() {
            low -= part.width;
            let take = |bits: u128| bits.checked_shr(low).unwrap_or(0) & full(part.width);
            let (mask, value) = (take(pattern.mask), take(pattern.value));
            if mask == 0 {
                continue;
            }
            match part.fixed {
                Some(fixed) if fixed & mask == value => continue,
                Some(_) => continue 'patterns,
                None => {}
            }
            let set = one(part, &Values::pattern(value, mask, part.width))?;
            all.push(Condition::test_at(part.field, set, span));
        }
        if all.is_empty() {
            // Whatever the bits are: they need only be there.
            all.extend(parts.iter().next_back().map(|part| Condition::present(part.field)));
        }
        any.push(Condition::and(all));
    }
    Some(Condition::or(any))
}

// The values of a field whose bits from `low` on are in `values`.
fn one(part: Part, values: &Values) -> Option<ValueSet> {
    if part.whole {
        if part.add == 0 {
            return Some(values.to_set(part.field));
        }
        let Values::Ranges(set) = values else { return None };
        let more = u128::from(part.add);
        let ranges = set.ranges().map(|(lo, hi)| (lo + more, hi + more));
        let moved = crate::net::IntervalSet::from_ranges(ranges);
        return Some(Values::Ranges(moved).to_set(part.field));
    }
    if part.add != 0 {
        return None;
    }
    let size = u32::from(part.field.info().width);
    if let Values::Ranges(set) = values
        && part.low + part.width == size
    {
        // The highest bits: ranges stay ranges.
        let ranges = set.ranges().map(|(lo, hi)| (lo << part.low, (hi << part.low) | full(part.low)));
        return Some(Values::Ranges(crate::net::IntervalSet::from_ranges(ranges)).to_set(part.field));
    }
    let patterns = values.patterns(part.width)?.into_iter().map(|pattern| {
        crate::net::BitMatch::new(pattern.value << part.low, (pattern.mask & full(part.width)) << part.low)
    });
    Some(Values::of_patterns(patterns.collect(), size).to_set(part.field))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_a_header_are_found_in_its_fields() {
        let fragment = parts(INET, 48, 16).unwrap();
        assert_eq!(fragment.len(), 4);
        let zero = condition(&fragment, &Values::single(0), Span::default()).unwrap();
        assert_eq!(zero.tests().len(), 4);
        let later = Values::pattern(0, 0x1fff, 16).complement(16).unwrap();
        let later = condition(&fragment, &later, Span::default()).unwrap();
        assert!(later.tests().iter().all(|test| test.field() == Field::FragOff));
        assert_eq!(parts(INET, 80, 16), None);
        let label = parts(INET6, 16, 16).unwrap();
        let port = condition(&label, &Values::single(443), Span::default()).unwrap();
        assert_eq!(port, Condition::test(Field::FlowLabel, ValueSet::bits(443, 0xffff)));
    }
}
