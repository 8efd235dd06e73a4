//! Numeric conditions: which field a keyword reads, and its values as ranges.

use super::lower::Lowering;
use super::names::{self, Names};
use super::support::{Families, INET6, N};
use super::syntax::NodeId;
use crate::dialect::raised;
use crate::field::Field;
use crate::ir::{Condition, Test, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;

/// What a numeric keyword reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads {
    /// The field; with `either`, both of two.
    pub(super) field: Field,
    /// The other field of which one must hold.
    pub(super) either: Option<Field>,
    /// The IP version the keyword itself asks for.
    pub(super) version: Option<u32>,
    /// The largest value a packet can carry.
    pub(super) max: u32,
    /// Low bits of the field the keyword does not look at.
    pub(super) shift: u32,
    /// Names for values.
    pub(super) names: Names,
}

/// What a numeric keyword reads in a family.
pub(super) fn reads(number: N, family: Families) -> Reads {
    use names as t;
    let six = family == INET6;
    let of = |field, max, names| Reads { field, either: None, version: None, max, shift: 0, names };
    let bound = |version, reads| Reads { version: Some(version), ..reads };
    match number {
        // Conditions behind the IP header imply no protocol: they read the octets that stand there.
        N::DestinationPort => of(Field::RawPort1, 0xffff, t::PORTS),
        N::SourcePort => of(Field::RawPort0, 0xffff, t::PORTS),
        N::Port => Reads { either: Some(Field::RawPort1), ..of(Field::RawPort0, 0xffff, t::PORTS) },
        N::IcmpType => of(Field::RawOctet0, 0xff, if six { t::ICMP6_TYPES } else { t::ICMP_TYPES }),
        N::IcmpCode => of(Field::RawOctet1, 0xff, if six { t::ICMP6_CODES } else { t::ICMP_CODES }),
        N::AhSpi => of(Field::AhSpi, u32::MAX, &[]),
        N::EspSpi => of(Field::EspSpi, u32::MAX, &[]),
        N::GreKey => of(Field::GreKey, u32::MAX, &[]),
        N::Dscp => of(Field::Dscp, 63, t::DSCPS),
        N::TrafficClass6 => bound(6, of(Field::Dscp, 63, t::DSCPS)),
        N::Precedence => Reads { shift: 3, ..of(Field::Dscp, 7, t::PRECEDENCES) },
        N::EtherType => of(Field::EthType, 0xffff, t::ETHER_TYPES),
        N::FragmentOffset => of(Field::FragOff, 0x1fff, &[]),
        N::VlanId => of(Field::VlanId, 0xfff, &[]),
        N::VlanPcp => of(Field::VlanPcp, 7, &[]),
        N::InnerVlanId => of(Field::InnerVlanId, 0xfff, &[]),
        N::InnerVlanPcp => of(Field::InnerVlanPcp, 7, &[]),
        N::MplsExp => of(Field::MplsExp, 7, &[]),
        N::MplsLabel => of(Field::MplsLabel, 0xf_ffff, &[]),
        // The statement takes no more than a total length can be, in either family.
        N::PacketLength => of(Field::Len, 0xffff, &[]),
        N::Protocol | N::PayloadProtocol => of(Field::Proto, 0xff, t::PROTOCOLS),
        N::Protocol4 => bound(4, of(Field::Proto, 0xff, t::PROTOCOLS)),
        N::NextHeader => of(Field::ProtoField, 0xff, t::PROTOCOLS),
        N::NextHeader6 => bound(6, of(Field::ProtoField, 0xff, t::PROTOCOLS)),
        N::PayloadProtocol6 => bound(6, of(Field::Proto, 0xff, t::PROTOCOLS)),
        N::Ttl => of(Field::Ttl, 0xff, &[]),
    }
}

/// The number a text says: decimal, or hexadecimal behind `0x`; saturates at the top.
pub(super) fn number(word: &str) -> Option<u64> {
    let (digits, radix) = match word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None => (word, 10),
    };
    if digits.is_empty() {
        return None;
    }
    digits.bytes().try_fold(0_u64, |sum, octet| {
        let digit = char::from(octet).to_digit(radix)?;
        Some(sum.saturating_mul(u64::from(radix)).saturating_add(u64::from(digit)))
    })
}

/// A value: a name, a number, for code points also `b` and six bits.
pub(super) fn value(word: &str, names: Names) -> Option<u64> {
    if word.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return number(word);
    }
    names::value(names, word).map(u64::from).or_else(|| {
        let bits = word.strip_prefix('b').filter(|b| b.len() == 6 && names::value(names, "ef").is_some())?;
        u64::from_str_radix(bits, 2).ok()
    })
}

/// A value, or two joined by `-`.
pub(super) fn range(word: &str, names: Names) -> Option<(u64, u64)> {
    if let Some(value) = value(word, names) {
        return Some((value, value));
    }
    // Names have dashes too: the first dash with a value on either side is the one.
    word.match_indices('-').find_map(|(at, _)| {
        let (lo, hi) = word.split_at(at);
        Some((value(lo, names)?, value(hi.get(1..)?, names)?))
    })
}

impl Lowering<'_, '_> {
    /// The condition of a numeric keyword with the values below it.
    pub(super) fn number(&mut self, keyword: NodeId, number: N, except: bool, family: Families) -> Condition {
        let reads = reads(number, family);
        let mut ranges = std::mem::take(&mut self.ranges);
        ranges.clear();
        let mut unread = Vec::new();
        let span = self.values(keyword, |this, node| match this.value_range(node, &reads) {
            Some((lo, hi)) => {
                if let Some(range) = this.checked(node, lo, hi, keyword, reads.max) {
                    ranges
                        .push((range.0 << reads.shift, (range.1 << reads.shift) | ((1 << reads.shift) - 1)));
                }
            }
            None => unread.push(this.unread_value(keyword, node)),
        });
        let Some(span) = span else {
            self.ranges = ranges;
            return self.without_value(keyword);
        };
        let set = match *ranges.as_slice() {
            [(lo, hi)] => IntervalSet::range(lo, hi),
            _ => IntervalSet::from_ranges(ranges.iter().copied()),
        };
        self.ranges = ranges;
        let top = (reads.max << reads.shift) | ((1 << reads.shift) - 1);
        let set = if except { set.complement(top) } else { set };
        let condition = numeric_condition(&reads, set, except, span);
        join(condition, unread, except)
    }

    /// Calls `each` for every value below a keyword; where they stand, none when there is no value.
    pub(super) fn values(
        &mut self,
        keyword: NodeId,
        mut each: impl FnMut(&mut Self, NodeId),
    ) -> Option<Span> {
        let tree = self.tree;
        let mut span = None;
        for node in tree.children(keyword) {
            let here = tree.span(node);
            span = Some(span.map_or(here, |s: Span| s.to(here)));
            each(self, node);
        }
        span
    }

    /// A keyword that has lost its values to `inactive` is not there; one written without is wrong.
    pub(super) fn without_value(&mut self, keyword: NodeId) -> Condition {
        if self.tree.had_inactive(keyword) {
            return Condition::True;
        }
        let word = self.tree.word(keyword);
        let span = self.tree.span(keyword);
        self.findings.syntax(span, &format!("`{}` needs a value", shown(word)));
        Condition::opaque(word, "its value is missing", span)
    }

    fn value_range(&mut self, node: NodeId, reads: &Reads) -> Option<(u64, u64)> {
        let tree = self.tree;
        let word = tree.word(node);
        let low = range(word, reads.names).or_else(|| {
            let alias = *self.aliases.get(word).filter(|_| reads.field == Field::Dscp && reads.shift == 0)?;
            Some((u64::from(alias), u64::from(alias)))
        })?;
        let Some(next) = tree.children(node).next() else { return Some(low) };
        // `100 - 200`.
        if tree.word(next) == "-"
            && let Some(high) = tree.children(next).next()
        {
            self.nothing_behind(high);
            return Some((low.0, value(tree.word(high), reads.names)?));
        }
        self.nothing_behind(node);
        Some(low)
    }

    /// The part of a range packets can carry; says what is wrong with the rest.
    fn checked(&mut self, node: NodeId, lo: u64, hi: u64, keyword: NodeId, max: u32) -> Option<(u32, u32)> {
        let clamp = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).min(max);
        if lo <= hi && hi <= u64::from(max) {
            return Some((clamp(lo), clamp(hi)));
        }
        let (word, keyword) = (self.tree.word(node), self.tree.word(keyword));
        let span = self.tree.span(node);
        if lo > hi {
            let message = format!("no value is in the range `{}` of `{}`", shown(word), shown(keyword));
            let help = format!("the lower value stands first: `{hi}-{lo}`");
            self.findings.add_with_help(
                raised::EMPTY_RANGE,
                crate::diagnostic::Level::Error,
                span,
                message,
                help,
            );
            return None;
        }
        let message =
            format!("`{}` is out of range: `{}` is at most {max} in any packet", shown(word), shown(keyword));
        self.findings.error(raised::VALUE_OUT_OF_RANGE, span, message);
        (lo <= u64::from(max)).then(|| (clamp(lo), max))
    }

    /// Reports a value that cannot be read; what stands for it in the condition.
    pub(super) fn unread_value(&mut self, keyword: NodeId, node: NodeId) -> Condition {
        let (word, keyword) = (self.tree.word(node), self.tree.word(keyword));
        let span = self.tree.span(node);
        let message = format!("`{}` is no value of `{}`", shown(word), shown(keyword));
        self.findings.syntax(span, &message);
        Condition::opaque(format!("{} {word}", base(keyword)), "the value cannot be read", span)
    }

    /// Reports the first word behind a node that should have none.
    pub(super) fn nothing_behind(&mut self, node: NodeId) {
        let tree = self.tree;
        let Some(extra) = tree.children(node).next() else { return };
        let message = format!("unexpected `{}` behind `{}`", shown(tree.word(extra)), shown(tree.word(node)));
        let help = "is a `;` missing between them, or are brackets missing around a list";
        self.findings.syntax_with_help(tree.span(extra), &message, help);
        self.unreadable = true;
    }
}

/// The test, or the two, of a set of values.
fn numeric_condition(reads: &Reads, set: IntervalSet<u32>, except: bool, span: Span) -> Condition {
    let test = |field, set: IntervalSet<u32>| Condition::Test(Test::new(field, ValueSet::from(set), span));
    let condition = match reads.either {
        None => test(reads.field, set),
        Some(other) => {
            let both = [test(reads.field, set.clone()), test(other, set)];
            if except { Condition::and(both) } else { Condition::or(both) }
        }
    };
    match reads.version {
        None => condition,
        Some(version) => {
            Condition::and([Condition::test_at(Field::IpVersion, ValueSet::single(version), span), condition])
        }
    }
}

/// Adds the values that could not be read: alternatives, or with `-except` exclusions.
pub(super) fn join(condition: Condition, unread: Vec<Condition>, except: bool) -> Condition {
    if unread.is_empty() {
        return condition;
    }
    if except {
        Condition::and(std::iter::once(condition).chain(unread.into_iter().map(Condition::not)))
    } else {
        Condition::or(std::iter::once(condition).chain(unread))
    }
}

/// The keyword without `-except`: what it is compared with is the same.
pub(super) fn base(keyword: &str) -> &str {
    keyword.strip_suffix("-except").unwrap_or(keyword)
}

/// A word as a message shows it: one line, not endless.
pub(super) fn shown(word: &str) -> String {
    let plain = word.chars().map(|c| if c.is_control() { ' ' } else { c });
    if word.chars().count() <= 60 { plain.collect() } else { plain.take(57).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_names_numbers_and_ranges_of_both() {
        assert_eq!(range("ftp-data", names::PORTS), Some((20, 20)));
        assert_eq!(range("ftp-data-ssh", names::PORTS), Some((20, 22)));
        assert_eq!(range("1024-65535", names::PORTS), Some((1024, 65535)));
        assert_eq!(range("0x10-0100", &[]), Some((16, 100)));
        assert_eq!(range("af41-af42", names::DSCPS), Some((34, 36)));
        assert_eq!(range("b111000", names::DSCPS), Some((56, 56)));
        assert_eq!(range("99999999999999999999999", &[]), Some((u64::MAX, u64::MAX)));
        for bad in ["", "-", "1-", "-1", "12a", "0x", "b111000", "ssh-"] {
            assert_eq!(range(bad, names::PORTS), None, "{bad}");
        }
    }
}
