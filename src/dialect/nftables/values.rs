//! Sets of numbers of a given width: closed ranges, or ternary patterns where operators mask bits.

use super::across::Across;
use super::fields::Load;
use crate::field::Field;
use crate::ir::ValueSet;
use crate::net::{BitMatch, BitSet, IntervalSet, Prefix6};
use std::fmt;

/// A set of numbers.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Values {
    Ranges(IntervalSet<u128>),
    Bits(Vec<BitMatch>),
}

/// Every bit of a width.
pub(super) fn full(width: u32) -> u128 {
    if width >= 128 { u128::MAX } else { (1 << width) - 1 }
}

/// Patterns one set may have: what an expression of masks makes stays far below.
const PATTERNS: usize = 4096;

impl Values {
    pub(super) fn single(value: u128) -> Self {
        Self::Ranges(IntervalSet::single(value))
    }

    pub(super) fn range(lo: u128, hi: u128) -> Self {
        Self::Ranges(IntervalSet::range(lo, hi))
    }

    /// The numbers with `x & mask == value`.
    pub(super) fn pattern(value: u128, mask: u128, width: u32) -> Self {
        Self::of_patterns(vec![BitMatch::new(value, mask)], width)
    }

    /// Any of the bits.
    pub(super) fn any_of(bits: u128, width: u32) -> Self {
        let each = (0..width.min(128)).map(|bit| 1 << bit).filter(|bit| bits & bit != 0);
        Self::of_patterns(each.map(|bit| BitMatch::new(bit, bit)).collect(), width)
    }

    /// A union of patterns; as ranges where each is a prefix.
    pub(super) fn of_patterns(list: Vec<BitMatch>, width: u32) -> Self {
        let all = full(width);
        let is_prefix = |pattern: &BitMatch| {
            let free = !pattern.mask & all;
            pattern.mask & !all == 0 && free & free.wrapping_add(1) == 0
        };
        if list.iter().all(is_prefix) {
            let ranges = list.iter().map(|pattern| (pattern.value, pattern.value | (!pattern.mask & all)));
            return Self::Ranges(IntervalSet::from_ranges(ranges));
        }
        if width <= 8 && list.len() > 8 {
            // Few values, many patterns: what the members are is said more shortly.
            let members = (0..=all).filter(|value| list.iter().any(|pattern| pattern.contains(*value)));
            return Self::Ranges(IntervalSet::from_ranges(members.map(|value| (value, value))));
        }
        Self::Bits(list)
    }

    /// The same as patterns; none where they are too many.
    pub(super) fn patterns(&self, width: u32) -> Option<Vec<BitMatch>> {
        match self {
            Self::Bits(list) => Some(list.clone()),
            Self::Ranges(set) => {
                let mut list = Vec::new();
                for (lo, hi) in set.ranges() {
                    let cover = Prefix6::cover(lo, hi.min(full(width)));
                    list.extend(cover.into_iter().map(|p| BitMatch::new(p.first(), p.mask() & full(width))));
                    if list.len() > PATTERNS {
                        return None;
                    }
                }
                Some(list)
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Ranges(set) => set.is_empty(),
            Self::Bits(list) => list.is_empty(),
        }
    }

    pub(super) fn contains(&self, value: u128) -> bool {
        match self {
            Self::Ranges(set) => set.contains(value),
            Self::Bits(list) => list.iter().any(|pattern| pattern.contains(value)),
        }
    }

    /// The numbers of the width that are no members; none where they cannot be said shortly.
    pub(super) fn complement(&self, width: u32) -> Option<Self> {
        match self {
            Self::Ranges(set) => Some(Self::Ranges(set.complement(full(width)))),
            Self::Bits(list) => {
                // Not (x & m == v): some bit of the mask differs. Of several patterns, all must fail.
                let mut left = vec![BitMatch::new(0, 0)];
                for pattern in list {
                    let bits = (0..width.min(128)).map(|bit| 1_u128 << bit);
                    let flips: Vec<BitMatch> = bits
                        .filter(|bit| pattern.mask & bit != 0)
                        .map(|bit| BitMatch::new(!pattern.value & bit, bit))
                        .collect();
                    let pairs = left.iter().flat_map(|a| flips.iter().filter_map(|b| a.intersection(*b)));
                    left = pairs.collect();
                    left.sort_unstable();
                    left.dedup();
                    if left.len() > PATTERNS {
                        return None;
                    }
                }
                Some(Self::of_patterns(BitSet::new(left).patterns().to_vec(), width))
            }
        }
    }

    /// What stands above the `low` lowest bits, in members that have none of these.
    pub(super) fn above(&self, low: u32, width: u32) -> Option<Self> {
        let Self::Ranges(set) = self else { return None };
        let ranges = set.ranges().map(|(lo, hi)| {
            let up = lo.checked_shr(low).unwrap_or(0) + u128::from(lo & full(low) != 0);
            (up, hi.checked_shr(low).unwrap_or(0).min(full(width)))
        });
        Some(Self::Ranges(IntervalSet::from_ranges(ranges)))
    }

    /// As the value set of a field.
    pub(super) fn to_set(&self, field: Field) -> ValueSet {
        match self {
            Self::Ranges(set) if field.is_wide() => set.clone().into(),
            Self::Ranges(set) => {
                let small = |value: u128| u32::try_from(value).unwrap_or(u32::MAX);
                let max = field.info().max;
                if let Some((lo, hi)) = set.as_range().filter(|(lo, _)| *lo <= max) {
                    return ValueSet::range(small(lo), small(hi.min(max)));
                }
                let ranges = set.ranges().filter(|(lo, _)| *lo <= max);
                IntervalSet::from_ranges(ranges.map(|(lo, hi)| (small(lo), small(hi.min(max))))).into()
            }
            Self::Bits(list) => BitSet::new(list.iter().copied()).into(),
        }
    }
}

/// What operators between a load and its comparison come to: the bits of the load, moved, masked, turned over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Linear {
    mask: u128,
    xor: u128,
    // Bits to the left.
    shift: i32,
    width: u32,
    way: Way,
    // What the last operator turns over: nft turns the other side over.
    moved: u128,
}

// Where the bits stand while it is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    // As the field's value.
    Value,
    // In the octets of a field across octets, shifted.
    Register(Across),
    // The same, compared in a way that is not modelled.
    Unsaid(Across),
}

impl Linear {
    /// Nothing done to a load of that width.
    pub(super) fn new(width: u32) -> Self {
        Self { mask: full(width), xor: 0, shift: 0, width, way: Way::Value, moved: 0 }
    }

    /// Whether nothing is done.
    pub(super) fn is_identity(self) -> bool {
        self == Self::new(self.width)
    }

    /// The same where the load goes through a register: before operators, and among several loads.
    pub(super) fn joined(self, load: &Load) -> Self {
        match Across::of(load) {
            Some(across) if self.way == Way::Value => {
                Self { way: Way::Register(across), ..Self::new(across.bits()) }
            }
            _ => self,
        }
    }

    /// The same where it is looked up in a named set, whose elements have their own octets.
    pub(super) fn looked_up(self, load: &Load) -> Self {
        self.joined(load).alone()
    }

    /// The same where it alone is the key of a set or map.
    pub(super) fn alone(self) -> Self {
        match self.way {
            Way::Register(across) if across.spare() > 0 => self.unsaid(),
            _ => self,
        }
    }

    /// The same, compared in a way that is not modelled.
    pub(super) fn unsaid(self) -> Self {
        match self.way {
            Way::Register(across) => Self { way: Way::Unsaid(across), ..self },
            Way::Value | Way::Unsaid(_) => self,
        }
    }

    /// The octets it is done in.
    pub(super) fn across(self) -> Option<Across> {
        match self.way {
            Way::Register(across) => Some(across),
            Way::Value | Way::Unsaid(_) => None,
        }
    }

    /// Whether the values are not simply those of the field: nft moves a shift to the other side, too.
    pub(super) fn is_strange(self) -> bool {
        self.way != Way::Value || self.shift != 0
    }

    /// The bits that nft turns over on the other side of the comparison, which are done with then.
    pub(super) fn take_moved(&mut self) -> u128 {
        std::mem::take(&mut self.moved)
    }

    /// The same where the other side stays as it is.
    pub(super) fn unmoved(mut self) -> Self {
        self.xor ^= self.take_moved();
        self
    }

    pub(super) fn and(&mut self, value: u128) {
        *self = self.unmoved();
        self.mask &= value;
        self.xor &= value;
    }

    pub(super) fn or(&mut self, value: u128) {
        *self = self.unmoved();
        let value = value & full(self.width);
        let kept = match self.way {
            Way::Register(across) => full(across.reach()),
            Way::Value | Way::Unsaid(_) => full(self.width),
        };
        self.mask &= kept & !value;
        self.xor |= value;
    }

    pub(super) fn xor(&mut self, value: u128) {
        self.moved ^= value & full(self.width);
    }

    /// To the left by `bits`, to the right where negative.
    pub(super) fn shift(&mut self, bits: i32) {
        *self = self.unmoved();
        let moved = |value: u128| shifted(value, bits) & full(self.width);
        (self.mask, self.xor) = (moved(self.mask), moved(self.xor));
        self.shift += bits;
    }

    /// Where all that is done is to look at some bits side by side: how many lie below them, and how many they are.
    pub(super) fn window(self) -> Option<(u32, u32)> {
        let low = self.mask.trailing_zeros();
        let bits = self.mask.checked_shr(low)?;
        let plain = self.xor | self.moved == 0 && self.shift == 0 && bits & bits.wrapping_add(1) == 0;
        plain.then(|| (low, bits.count_ones()))
    }

    /// The loads for which the outcome is in `values`; none where they cannot be said shortly.
    pub(super) fn before(self, values: &Values) -> Option<Values> {
        if self.is_identity() {
            return Some(values.clone());
        }
        let this = self.unmoved();
        let mut list = Vec::new();
        for pattern in values.patterns(self.width)? {
            let (mask, value) = (pattern.mask & full(self.width), pattern.value);
            // Bits that no longer depend on the load.
            if mask & !this.mask & (this.xor ^ value) != 0 {
                continue;
            }
            let mask = mask & this.mask;
            let value = (value ^ this.xor) & mask;
            let (mask, value) = (shifted(mask, -self.shift), shifted(value, -self.shift));
            list.push(BitMatch::new(value, mask & full(self.width)));
        }
        Some(Values::of_patterns(BitSet::new(list).patterns().to_vec(), self.width))
    }
}

impl fmt::Display for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shift != 0 {
            write!(f, " << {}", self.shift)?;
        }
        if self.mask != full(self.width) {
            write!(f, " & {:#x}", self.mask)?;
        }
        let turned = self.xor ^ self.moved;
        if turned == 0 { Ok(()) } else { write!(f, " ^ {turned:#x}") }
    }
}

fn shifted(value: u128, bits: i32) -> u128 {
    let by = bits.unsigned_abs();
    if bits >= 0 { value.checked_shl(by).unwrap_or(0) } else { value.checked_shr(by).unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(values: &Values, width: u32) -> Vec<u128> {
        (0..=full(width)).filter(|v| values.contains(*v)).collect()
    }

    #[test]
    fn operators_are_undone_exactly() {
        type Step = (fn(&mut Linear, u128), fn(u128, u128) -> u128);
        let steps: [Step; 3] =
            [(Linear::and, |x, c| x & c), (Linear::or, |x, c| x | c), (Linear::xor, |x, c| x ^ c)];
        for (undo_a, do_a) in steps {
            for (undo_b, do_b) in steps {
                for (a, b, lo, hi) in [(0b10_1100, 0b01_0110, 3, 20), (0b11, 0b10_0001, 0, 0), (63, 8, 9, 63)]
                {
                    let mut linear = Linear::new(6);
                    undo_a(&mut linear, a);
                    undo_b(&mut linear, b);
                    let values = Values::range(lo, hi);
                    let before = linear.before(&values).unwrap();
                    let expected: Vec<u128> =
                        (0..64).filter(|x| values.contains(do_b(do_a(*x, a), b))).collect();
                    assert_eq!(members(&before, 6), expected);
                    let rest: Vec<u128> = (0..64).filter(|x| !before.contains(*x)).collect();
                    assert_eq!(members(&before.complement(6).unwrap(), 6), rest);
                }
            }
        }
        let mut linear = Linear::new(6);
        linear.shift(-2);
        assert_eq!(members(&linear.before(&Values::single(5)).unwrap(), 6), [20, 21, 22, 23]);
    }

    #[test]
    fn masks_of_prefixes_are_ranges() {
        assert_eq!(Values::pattern(0x30, 0xf0, 8), Values::range(0x30, 0x3f));
        assert_eq!(members(&Values::any_of(5, 3), 3), [1, 3, 4, 5, 6, 7]);
    }
}
