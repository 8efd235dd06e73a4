//! Bitmask lists: TCP flags as ternary patterns, fragments as the kinds of fragment there are.

use super::Operand;
use super::component::{AND, EQ, MATCH, NOT};
use super::lower::groups;
use crate::field::{Family, Field};
use crate::ir::{Condition, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet, TruthSet};
use crate::source::Span;

/// Bits of TCP header octets 12 and 13 without the data offset, which is read as 0 (RFC 8955 §4.2.2.9).
pub(super) const TCP_FLAG_BITS: u64 = 0x0fff;

/// Fragment operand: don't-fragment bit (IPv4).
pub(super) const DF: u8 = 0x01;
/// Fragment operand: a fragment other than the first.
pub(super) const IS_FRAGMENT: u8 = 0x02;
/// Fragment operand: the first fragment.
pub(super) const FIRST: u8 = 0x04;
/// Fragment operand: the last fragment.
pub(super) const LAST: u8 = 0x08;

// Lists of more patterns than this become ranges: what one operand costs stays small.
const PATTERNS: usize = 64;

/// Whether one bitmask operand holds for `data` (RFC 8955 §4.2.1.2).
pub(super) fn holds(op: u8, value: u64, data: u64) -> bool {
    let plain = if op & MATCH != 0 { data & value == value } else { data & value != 0 };
    plain != (op & NOT != 0)
}

/// The flags a TCP flags list accepts. A function of the meaning: its prime patterns, or ranges where there are
/// too many to look for.
pub(super) fn tcp_flags(list: &[Operand]) -> ValueSet {
    if let Some(set) = one_pattern(list).or_else(|| any_flag(list)) {
        return ValueSet::from(set);
    }
    let table = accepted(list);
    let bits: Vec<u32> = (0..Flags::BITS).filter(|bit| table.depends_on(*bit)).collect();
    if let Some(patterns) = table.prime_patterns(&bits, PATTERNS) {
        ValueSet::from(patterns)
    } else if let Some(pattern) = table.only_pattern() {
        ValueSet::from(BitSet::new([pattern]))
    } else if let Some(BitMatch { mask, value: 0 }) = table.complement().only_pattern() {
        ValueSet::from(each_flag(mask))
    } else {
        ValueSet::from(IntervalSet::from_ranges(table.members().map(|x| (x, x))))
    }
}

/// Whether no value of the flags satisfies a list.
pub(super) fn is_never(list: &[Operand]) -> bool {
    accepted(list).is_empty()
}

/// A single group of "all of" and "none of" operands is one pattern, or none when they contradict.
fn one_pattern(list: &[Operand]) -> Option<BitSet> {
    let (mut set, mut clear) = (0_u64, 0_u64);
    for (index, operand) in list.iter().enumerate() {
        if index > 0 && operand.op & AND == 0 {
            return None;
        }
        let one_bit = operand.value.is_power_of_two();
        match (operand.op & NOT != 0, operand.op & MATCH != 0) {
            (false, true) => set |= operand.value,
            (false, false) if one_bit => set |= operand.value,
            (true, false) => clear |= operand.value,
            (true, true) if one_bit => clear |= operand.value,
            _ => return None,
        }
    }
    let possible = set & !TCP_FLAG_BITS == 0 && set & clear == 0;
    let pattern = BitMatch::new(u128::from(set), u128::from((set | clear) & TCP_FLAG_BITS));
    Some(BitSet::new(possible.then_some(pattern)))
}

/// A single "any of" operand has a pattern for each flag.
fn any_flag(list: &[Operand]) -> Option<BitSet> {
    let [Operand { op, value, .. }] = list else { return None };
    if op & (NOT | MATCH) != 0 {
        return None;
    }
    Some(each_flag(u128::from(value & TCP_FLAG_BITS)))
}

/// The values with any of the flags.
fn each_flag(flags: u128) -> BitSet {
    let bits = (0..12).map(|bit| 1_u128 << bit).filter(|bit| flags & bit != 0);
    BitSet::new(bits.map(|bit| BitMatch::new(bit, bit)))
}

/// A set of values of the twelve flags.
type Flags = TruthSet<64>;

/// The values a list accepts.
fn accepted(list: &[Operand]) -> Flags {
    let all = |group: &[Operand]| group.iter().fold(Flags::ALL, |all, operand| all.and(&of_operand(operand)));
    groups(list).fold(Flags::NONE, |union, group| union.or(&all(group)))
}

fn of_operand(operand: &Operand) -> Flags {
    // Bits above the twelve are never set in the data.
    let all = operand.op & MATCH != 0;
    let plain = if all { Flags::with_all(operand.value) } else { Flags::with_any(operand.value) };
    if operand.op & NOT != 0 { plain.complement() } else { plain }
}

/// Which packets a fragment list accepts: a bit for each kind of fragment, four without the don't-fragment bit
/// and four with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct FragmentStates(pub(super) u8);

/// No fragment: offset 0, no more fragments.
pub(super) const WHOLE: u8 = 1;
/// Offset 0, more fragments.
pub(super) const HEAD: u8 = 2;
/// Another offset, more fragments.
pub(super) const MIDDLE: u8 = 4;
/// Another offset, no more fragments.
pub(super) const TAIL: u8 = 8;

impl FragmentStates {
    /// Every packet.
    pub(super) const ALL: Self = Self(0xff);

    /// The kinds in both.
    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The data octet of each of the eight kinds, in the order of the bits.
    pub(super) fn data() -> impl Iterator<Item = (u8, u8)> {
        let kinds = [(WHOLE, 0), (HEAD, FIRST), (MIDDLE, IS_FRAGMENT), (TAIL, IS_FRAGMENT | LAST)];
        kinds.into_iter().flat_map(|(bit, data)| [(bit, data), (bit << 4, data | DF)])
    }

    /// The kinds a list accepts. Reserved bits of the operands are read as 0; IPv6 has no don't-fragment bit.
    pub(super) fn of(list: &[Operand], family: Family) -> Self {
        let bits = if family == Family::Inet6 { IS_FRAGMENT | FIRST | LAST } else { 0x0f };
        let accepted = |data: u8| {
            let one = |o: &Operand| holds(o.op, o.value & u64::from(bits), u64::from(data & bits));
            groups(list).any(|group| group.iter().all(one))
        };
        Self(Self::data().filter(|(_, data)| accepted(*data)).fold(0, |set, (bit, _)| set | bit))
    }

    /// The kinds for which a condition on fragment fields holds; none when it tells packets of one kind apart.
    pub(super) fn of_condition(condition: &Condition, family: Family) -> Option<Self> {
        let mut states = Self(0);
        for (bit, data) in Self::data() {
            let (df, later) = (u32::from(data & DF), data & IS_FRAGMENT != 0);
            let more = u32::from(bit & (MORE * 0x11) != 0);
            let offsets = if later { (1, 0x1fff) } else { (0, 0) };
            let packet = |header| Fragment {
                df: (family != Family::Inet6).then_some(df),
                more: (header == 1).then_some(more),
                offsets,
                header,
            };
            let with = packet(1).holds(condition)?;
            // An IPv6 packet that is whole may have a fragment header or none.
            let bare = family == Family::Inet6 && bit & (WHOLE * 0x11) != 0;
            if bare && packet(0).holds(condition)? != with {
                return None;
            }
            states.0 |= if with { bit } else { 0 };
        }
        Some(states)
    }

    /// The condition, a function of the kinds.
    pub(super) fn condition(self, family: Family, span: Span) -> Condition {
        let kinds = |set| fragment_kinds(set, family, span);
        let df = |value| Condition::test_at(Field::Df, ValueSet::single(value), span);
        match (self.0 & 0x0f, self.0 >> 4) {
            (without, with) if without == with => kinds(without),
            (0, with) => Condition::and([df(1), kinds(with)]),
            (without, 0) => Condition::and([df(0), kinds(without)]),
            (without, 0x0f) => Condition::or([df(1), kinds(without)]),
            (0x0f, with) => Condition::or([df(0), kinds(with)]),
            (without, with) => {
                Condition::or([Condition::and([df(0), kinds(without)]), Condition::and([df(1), kinds(with)])])
            }
        }
    }
}

/// Packets of one kind of fragment.
struct Fragment {
    df: Option<u32>,
    more: Option<u32>,
    offsets: (u32, u32),
    header: u32,
}

impl Fragment {
    /// Whether a condition holds for all of them or for none; nothing when they differ.
    fn holds(&self, condition: &Condition) -> Option<bool> {
        Some(match condition {
            Condition::Test(test) => {
                let set = test.values().as_ranges()?;
                let one = |value: Option<u32>| value.is_some_and(|v| set.contains(v));
                match test.field() {
                    Field::Df => one(self.df),
                    Field::Mf => one(self.more),
                    Field::IsFragHeader => one(Some(self.header)),
                    Field::FragOff => {
                        let all = IntervalSet::range(self.offsets.0, self.offsets.1);
                        let common = all.view().intersection(set);
                        if !common.is_empty() && common != all {
                            return None;
                        }
                        !common.is_empty()
                    }
                    _ => return None,
                }
            }
            Condition::And(parts) => {
                let each = parts.iter().map(|part| self.holds(part)).collect::<Option<Vec<bool>>>()?;
                each.into_iter().all(|holds| holds)
            }
            Condition::Or(parts) => {
                let each = parts.iter().map(|part| self.holds(part)).collect::<Option<Vec<bool>>>()?;
                each.into_iter().any(|holds| holds)
            }
            Condition::Not(part) => !self.holds(part)?,
            Condition::True => true,
            Condition::False => false,
            Condition::Opaque(_) => return None,
        })
    }
}

const FIRSTS: u8 = WHOLE | HEAD;
const LATER: u8 = MIDDLE | TAIL;
const MORE: u8 = HEAD | MIDDLE;
const ENDS: u8 = WHOLE | TAIL;

fn fragment_kinds(set: u8, family: Family, span: Span) -> Condition {
    let offset = |lo, hi| Condition::test_at(Field::FragOff, ValueSet::range(lo, hi), span);
    let (first, later) = (|| offset(0, 0), || offset(1, 0x1fff));
    let more = || Condition::test_at(Field::Mf, ValueSet::single(1), span);
    // An IPv6 packet without a fragment header has no such bit.
    let last = || match family {
        Family::Inet6 => Condition::not(more()),
        Family::Inet | Family::Any => Condition::test_at(Field::Mf, ValueSet::single(0), span),
    };
    match set & 0x0f {
        0 => Condition::test_at(Field::FragOff, IntervalSet::<u32>::empty(), span),
        WHOLE => Condition::and([first(), last()]),
        HEAD => Condition::and([first(), more()]),
        MIDDLE => Condition::and([later(), more()]),
        TAIL => Condition::and([later(), last()]),
        FIRSTS => first(),
        LATER => later(),
        MORE => more(),
        ENDS => last(),
        0x0f => offset(0, 0x1fff),
        x if x == WHOLE | MIDDLE => {
            Condition::or([Condition::and([first(), last()]), Condition::and([later(), more()])])
        }
        x if x == HEAD | TAIL => {
            Condition::or([Condition::and([first(), more()]), Condition::and([later(), last()])])
        }
        x if x == FIRSTS | MIDDLE => Condition::or([first(), more()]),
        x if x == FIRSTS | TAIL => Condition::or([first(), last()]),
        x if x == LATER | HEAD => Condition::or([later(), more()]),
        _ => Condition::or([later(), last()]),
    }
}

// `MATCH` and `EQ` are one bit of the operator octet in two readings.
const _: () = assert!(MATCH == EQ);

#[cfg(test)]
mod tests {
    use super::*;

    fn operand(op: u8, value: u64) -> Operand {
        Operand::new(op, value, Span::default())
    }

    fn accepts(list: &[Operand], data: u64) -> bool {
        groups(list).any(|group| group.iter().all(|o| holds(o.op, o.value, data)))
    }

    #[test]
    fn flags_agree_with_their_definition_for_every_value() {
        let lists: Vec<Vec<Operand>> = vec![
            vec![operand(MATCH, 0x12)],
            vec![operand(0, 0x12)],
            vec![operand(NOT, 0x12)],
            vec![operand(NOT | MATCH, 0x12)],
            vec![operand(0, 0)],
            vec![operand(MATCH, 0)],
            vec![operand(NOT, 0)],
            vec![operand(NOT | MATCH, 0)],
            vec![operand(MATCH, 2), operand(AND | NOT, 0x10)],
            vec![operand(MATCH, 2), operand(AND | NOT, 2)],
            vec![operand(0, 0xff0), operand(0, 3)],
            vec![operand(0, 0xff0), operand(AND, 3)],
            vec![operand(0, 2), operand(0, 4), operand(AND, 1), operand(AND | NOT | MATCH, 8)],
            vec![operand(MATCH, 0xff02)],
            vec![operand(0, 0xff02)],
            vec![operand(NOT | MATCH, 0xff02)],
            vec![operand(NOT, 0xff02)],
        ];
        for list in lists {
            let set = tcp_flags(&list);
            for data in 0..4096 {
                assert_eq!(set.contains(u128::from(data)), accepts(&list, data), "{list:?} {data:#x}");
            }
        }
    }

    #[test]
    fn many_patterns_become_ranges_and_stay_exact() {
        // An odd number of four flags, then of eight: 8 and 128 patterns.
        for flags in [4, 8_u32] {
            let odd = (0..1_u64 << flags).filter(|x| x.count_ones() % 2 == 1);
            let all = (1 << flags) - 1;
            let list: Vec<Operand> =
                odd.flat_map(|x| [operand(MATCH, x), operand(AND | NOT, all & !x)]).collect();
            let set = tcp_flags(&list);
            assert_eq!(matches!(set, ValueSet::Bits(_)), flags == 4);
            for data in 0..4096_u64 {
                assert_eq!(set.contains(data.into()), (data & all).count_ones() % 2 == 1);
            }
        }
    }

    #[test]
    fn equal_meanings_are_equal_patterns() {
        let same = |a: &[Operand], b: &[Operand]| assert_eq!(tcp_flags(a), tcp_flags(b));
        same(&[operand(0, 0x12)], &[operand(0, 2), operand(0, 0x10)]);
        same(&[operand(0, 2)], &[operand(MATCH, 2)]);
        same(&[operand(MATCH, 2), operand(MATCH, 0x10), operand(0, 2)], &[operand(0, 0x12)]);
        same(&[operand(NOT | MATCH, 0x12)], &[operand(NOT, 2), operand(NOT, 0x10)]);
    }

    #[test]
    fn no_fragment_is_none_of_is_fragment_and_first() {
        for family in [Family::Inet, Family::Inet6] {
            let states = FragmentStates::of(&[operand(NOT, 6)], family);
            assert_eq!(states, FragmentStates(WHOLE | WHOLE << 4));
        }
        assert_eq!(FragmentStates::of(&[operand(0, 1)], Family::Inet), FragmentStates(0xf0));
        assert_eq!(FragmentStates::of(&[operand(0, 1)], Family::Inet6), FragmentStates(0));
        let upper = FragmentStates::of(&[operand(MATCH, 0xf2)], Family::Inet);
        assert_eq!(upper, FragmentStates((MIDDLE | TAIL) * 0x11));
    }
}
