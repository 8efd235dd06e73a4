//! Octets of headers as fields: a set of values of a load, as a condition on the fields it reads.

use super::values::Words;
use crate::field::{Field, Layer};
use crate::ir::{Condition, Test, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, Intervals};
use crate::source::Span;

/// A field in a header: its first bit, its width there, and how much the field is more than those bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot(u16, u8, Field, u32);

macro_rules! header {
    ($(#[$doc:meta])* $name:ident: $($at:literal $width:literal $field:ident $(plus $bias:literal)?),* $(,)?) => {
        $(#[$doc])*
        pub(super) const $name: &[Slot] = &[$(Slot($at, $width, Field::$field, 0 $(+ $bias)?)),*];
    };
}

header! {
    /// The fixed IPv4 header, less its checksum (RFC 791 §3.1).
    INET: 0 4 IpVersion, 4 4 HdrLen, 8 6 Dscp, 14 2 Ecn, 16 16 Len, 32 16 IpId, 48 1 ReservedFlag, 49 1 Df,
    50 1 Mf, 51 13 FragOff, 64 8 Ttl, 72 8 Proto, 96 32 Src4, 128 32 Dst4,
}
header! {
    /// The fixed IPv6 header (RFC 8200 §3); our length counts its 40 octets.
    INET6: 0 4 IpVersion, 4 6 Dscp, 10 2 Ecn, 12 20 FlowLabel, 32 16 Len plus 40, 48 8 ProtoField, 56 8 Ttl,
    64 128 Src6, 192 128 Dst6,
}
header! {
    /// The IPv6 fragment header, less its next header (RFC 8200 §4.5).
    FRAGMENT: 16 13 FragOff, 31 1 Mf,
}
header! {
    /// An Ethernet header, less its type.
    ETHERNET: 0 48 EthDst, 48 48 EthSrc,
}
header! {
    /// The control octets of the outermost VLAN tag (IEEE 802.1Q).
    OUTER_TAG: 0 3 VlanPcp, 3 1 VlanDei, 4 12 VlanId,
}
header! {
    /// Those of the second.
    INNER_TAG: 0 3 InnerVlanPcp, 4 12 InnerVlanId,
}
header! {
    /// The outermost entry of a label stack, less its end and its time to live (RFC 3032 §2.1).
    LABEL: 0 20 MplsLabel, 20 3 MplsExp,
}
header! {
    /// ARP between Ethernet and IPv4 (RFC 826).
    ARP: 48 16 ArpOp, 112 32 ArpSender, 192 32 ArpTarget,
}
header! {
    /// TCP, less checksum and urgent pointer (RFC 9293 §3.1).
    TCP: 0 16 Sport, 16 16 Dport, 32 32 TcpSeq, 64 32 TcpAck, 96 4 TcpDataOff, 100 12 TcpFlags, 112 16 TcpWindow,
}
header! {
    /// UDP (RFC 768).
    UDP: 0 16 Sport, 16 16 Dport, 32 16 UdpLen, 32 32 RawWord1,
}
header! {
    /// SCTP (RFC 9260 §3.1).
    SCTP: 0 16 Sport, 16 16 Dport, 32 32 RawWord1,
}
header! {
    /// ICMP (RFC 792).
    ICMP: 0 8 IcmpType, 8 8 IcmpCode, 0 32 RawWord0, 32 16 IcmpId, 48 16 IcmpMtu,
}
header! {
    /// ICMPv6 (RFC 4443 §2.1).
    ICMP6: 0 8 Icmp6Type, 8 8 Icmp6Code, 0 32 RawWord0, 32 32 RawWord1,
}
header! {
    /// IGMP (RFC 2236 §2).
    IGMP: 0 8 IgmpType, 0 32 RawWord0, 32 32 RawWord1,
}
header! {
    /// A GRE header with a checksum before its key (RFC 2890 §2).
    GRE_KEY: 64 32 GreKey,
}
header! {
    /// Octets behind the IP headers, whatever they are.
    RAW: 0 8 RawOctet0, 8 8 RawOctet1, 16 16 RawPort1, 32 32 RawWord1, 104 8 RawOctet13,
}
header! {
    /// The same where the load is of the width of a field.
    RAW_WHOLE: 0 8 RawOctet0, 8 8 RawOctet1, 0 16 RawPort0, 16 16 RawPort1, 0 32 RawWord0, 32 32 RawWord1,
    104 8 RawOctet13,
}

/// A condition on the fields of a header, and how many octets behind the IP headers its fields need to be there: all
/// of them, and the least of them.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) condition: Condition,
    pub(super) room: u32,
    pub(super) least: u32,
}

/// The packets whose `size` octets at `at` of a header have a value in `words`; none where the value depends on
/// bits that are no field, or takes too long to say.
pub(super) fn read(header: &[Slot], at: u32, size: u8, words: &Words, span: Span) -> Option<Read> {
    let start = at.checked_mul(8)?;
    let width = u32::from(size) * 8;
    if let Some(set) = words.ranges(width) {
        let all = IntervalSet::range(0, u32::MAX >> (32 - width));
        if set.is_empty() || set == all {
            let condition = if set.is_empty() { Condition::False } else { Condition::True };
            return Some(Read { condition, room: 0, least: 0 });
        }
        // The whole of one field.
        let whole = header.iter().find(|slot| u32::from(slot.0) == start && u32::from(slot.1) == width);
        if let Some(slot) = whole
            && slot.2.info().width <= 32
        {
            let room = room(*slot);
            return Some(Read { condition: ranges(*slot, set.view(), span), room, least: room });
        }
    }
    let patterns = words.patterns(width)?;
    let relevant = patterns.iter().fold(0, |all, p| all | p.mask);
    let mut left = relevant;
    let mut parts = Vec::new();
    for slot in header {
        let Some(part) = Part::of(*slot, start, width) else { continue };
        let bits = part.bits() & left;
        if bits != 0 {
            left &= !bits;
            parts.push((part, bits));
        }
    }
    if left != 0 {
        return None;
    }
    let rooms = || parts.iter().map(|(part, _)| room(part.slot));
    let (room, least) = (rooms().max().unwrap_or(0), rooms().min().unwrap_or(0));
    let condition = if let [(part, _)] = parts.as_slice() {
        part.test(&patterns, span)?
    } else {
        let each = patterns.iter().map(|pattern| {
            let tests = parts.iter().filter(|(_, bits)| pattern.mask & bits != 0).map(|(part, bits)| {
                part.test(&[BitMatch::new(pattern.value & bits, pattern.mask & bits)], span)
            });
            tests.collect::<Option<Vec<_>>>().map(Condition::and)
        });
        Condition::or(each.collect::<Option<Vec<_>>>()?)
    };
    Some(Read { condition, room, least })
}

/// Octets behind the IP headers that must be there for a field to be.
fn room(slot: Slot) -> u32 {
    let info = slot.2.info();
    if info.layer != Layer::Transport {
        return 0;
    }
    let ends = info.needs.iter().filter(|need| need.field == Field::L4Room);
    ends.filter_map(|need| need.values.first().map(|(lo, _)| *lo)).max().unwrap_or(0)
}

fn ranges(slot: Slot, set: Intervals<'_, u32>, span: Span) -> Condition {
    let bias = slot.3;
    let set = IntervalSet::from_ranges(set.ranges().map(|(lo, hi)| (lo + bias, hi + bias)));
    Condition::Test(Test::new(slot.2, ValueSet::from(set), span))
}

/// The part of a load that reads a field.
#[derive(Clone, Copy, Debug)]
struct Part {
    slot: Slot,
    width: u32,
    // The lowest bit in the load and in the field.
    in_load: u32,
    in_field: u32,
}

impl Part {
    fn of(slot: Slot, start: u32, width: u32) -> Option<Self> {
        let (first, end) = (u32::from(slot.0), u32::from(slot.0) + u32::from(slot.1));
        let (from, to) = (first.max(start), end.min(start + width));
        let size = to.checked_sub(from).filter(|size| *size > 0)?;
        Some(Self { slot, width: size, in_load: start + width - to, in_field: end - to })
    }

    fn ones(self) -> u128 {
        (1 << self.width) - 1
    }

    fn bits(self) -> u128 {
        self.ones() << self.in_load
    }

    /// The field has one of the patterns, of which only bits of this part count.
    fn test(self, patterns: &[BitMatch], span: Span) -> Option<Condition> {
        let moved: Vec<BitMatch> = patterns
            .iter()
            .map(|p| {
                let bits = |x: u128| (x >> self.in_load & self.ones()) << self.in_field;
                BitMatch::new(bits(p.value), bits(p.mask))
            })
            .collect();
        let Slot(_, width, field, bias) = self.slot;
        if field.info().width <= 32 {
            // Patterns are the exception; where ranges are no longer, they say the same more plainly.
            let set = Words::Patterns(moved.clone()).ranges(u32::from(width));
            match set {
                Some(set) if bias > 0 || set.ranges().len() <= moved.len() => {
                    return Some(ranges(self.slot, set.view(), span));
                }
                None if bias > 0 => return None,
                _ => {}
            }
        }
        Some(Condition::Test(Test::new(field, ValueSet::from(BitSet::new(moved)), span)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::syntax::Comparison;
    use super::*;
    use crate::eval::{Truth, evaluate};
    use crate::field::Headers;

    fn holds(condition: &Condition, fields: &[(Field, u32)]) -> bool {
        let mut headers = Headers::new();
        for (field, value) in fields {
            headers.set(*field, *value);
        }
        evaluate(condition, &headers) == Truth::Yes
    }

    #[test]
    fn bits_of_several_fields_meet_in_one_load() {
        for value in [0x45_u32, 0x46, 0x60, 0] {
            for comparison in
                [Comparison::Equal, Comparison::NotEqual, Comparison::Less, Comparison::GreaterEqual]
            {
                let words = Words::compared(comparison, value);
                let read = read(INET, 0, 1, &words, Span::default()).unwrap();
                for octet in 0..=255 {
                    let fields = [(Field::IpVersion, octet >> 4), (Field::HdrLen, octet & 15)];
                    let wanted = words.ranges(8).unwrap().contains(octet);
                    assert_eq!(holds(&read.condition, &fields), wanted, "{octet} {comparison:?} {value}");
                }
            }
        }
    }

    #[test]
    fn a_mask_that_leaves_one_field_gives_its_ranges() {
        let words = Words::compared(Comparison::NotEqual, 0);
        let words = words.before(super::super::syntax::Operator::And, 0x1fff).unwrap();
        let read = read(INET, 6, 2, &words, Span::default()).unwrap();
        assert_eq!(read.condition, Condition::test(Field::FragOff, ValueSet::range(1, 8191)));
        assert!(super::read(INET, 10, 2, &words, Span::default()).is_none());
    }
}
