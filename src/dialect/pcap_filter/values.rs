//! Sets of 32-bit words, and which words an operation with a constant takes into a set.

use super::syntax::{Comparison, Operator};
use crate::net::{BitMatch, IntervalSet, Intervals, Prefix4};

/// More ranges or patterns than this, and a set is not worth spelling out.
const MOST: usize = 512;

/// A set of words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Words {
    Ranges(IntervalSet<u32>),
    Patterns(Vec<BitMatch>),
}

impl Words {
    /// The words that compare so with a number.
    pub(super) fn compared(comparison: Comparison, number: u32) -> Self {
        let set = match comparison {
            Comparison::Less => {
                number.checked_sub(1).map_or_else(IntervalSet::empty, |hi| IntervalSet::range(0, hi))
            }
            Comparison::LessEqual => IntervalSet::range(0, number),
            Comparison::Equal => IntervalSet::single(number),
            Comparison::NotEqual => IntervalSet::single(number).complement(u32::MAX),
            Comparison::GreaterEqual => IntervalSet::range(number, u32::MAX),
            Comparison::Greater => {
                number.checked_add(1).map_or_else(IntervalSet::empty, |lo| IntervalSet::range(lo, u32::MAX))
            }
        };
        Self::Ranges(set)
    }

    /// The words of either; none where they are too many. What is said by patterns stays so: their free bits may be no
    /// field.
    pub(super) fn union(&self, other: &Self) -> Option<Self> {
        if let (Self::Ranges(a), Self::Ranges(b)) = (self, other) {
            return Self::few(a.union(b));
        }
        let all: Vec<BitMatch> = self.patterns(32)?.into_iter().chain(other.patterns(32)?).collect();
        (all.len() <= MOST).then_some(Self::Patterns(all))
    }

    /// The words of both.
    pub(super) fn intersection(&self, other: &Self) -> Option<Self> {
        if let (Self::Ranges(a), Self::Ranges(b)) = (self, other) {
            return Self::few(a.intersection(b));
        }
        let (a, b) = (self.patterns(32)?, other.patterns(32)?);
        if a.len() * b.len() > MOST {
            return None;
        }
        let both = a.iter().flat_map(|p| b.iter().map(move |q| (p, q)));
        let both = both.filter(|(p, q)| (p.value ^ q.value) & p.mask & q.mask == 0);
        Some(Self::Patterns(both.map(|(p, q)| BitMatch::new(p.value | q.value, p.mask | q.mask)).collect()))
    }

    fn few(set: IntervalSet<u32>) -> Option<Self> {
        let few = set.ranges().len() <= MOST;
        few.then_some(Self::Ranges(set))
    }

    /// As ranges of words of that many bits; none when they are too many.
    pub(super) fn ranges(&self, width: u32) -> Option<IntervalSet<u32>> {
        let max = u32::MAX >> (32 - width.clamp(1, 32));
        match self {
            Self::Ranges(set) => Some(set.intersection(&IntervalSet::range(0, max))),
            Self::Patterns(patterns) => {
                let mut list = Vec::new();
                for pattern in patterns {
                    spread(*pattern, max, &mut list)?;
                }
                Some(IntervalSet::from_ranges(list))
            }
        }
    }

    /// As ternary patterns; none when they are too many.
    pub(super) fn patterns(&self, width: u32) -> Option<Vec<BitMatch>> {
        let max = u32::MAX >> (32 - width.clamp(1, 32));
        match self {
            Self::Patterns(patterns) => {
                // Bits above the width are zero.
                let high = !u128::from(max);
                let fits = patterns.iter().filter(|p| p.value & high == 0);
                Some(fits.map(|p| BitMatch::new(p.value, p.mask & !high)).collect())
            }
            Self::Ranges(set) => {
                let mut list = Vec::new();
                for (lo, hi) in set.intersection(&IntervalSet::range(0, max)).ranges() {
                    list.extend(Prefix4::cover(lo, hi).into_iter().map(|prefix| {
                        BitMatch::new(u128::from(prefix.first()), u128::from(prefix.mask() & max))
                    }));
                    if list.len() > MOST {
                        return None;
                    }
                }
                Some(list)
            }
        }
    }

    /// The words that `word OPERATOR number` takes into this set; none when that has no short form.
    pub(super) fn before(&self, operator: Operator, number: u32) -> Option<Self> {
        let wide = u128::from(number);
        let each = |change: &dyn Fn(BitMatch) -> Option<BitMatch>| {
            Some(Self::Patterns(self.patterns(32)?.into_iter().filter_map(change).collect()))
        };
        match operator {
            Operator::And => each(&|p| {
                // A bit that is masked away is zero.
                (p.value & !wide == 0).then(|| BitMatch::new(p.value, p.mask & wide))
            }),
            Operator::Or => each(&|p| {
                let ones = p.mask & wide;
                (p.value & ones == ones).then(|| BitMatch::new(p.value, p.mask & !wide))
            }),
            Operator::Xor => each(&|p| Some(BitMatch::new(p.value ^ (wide & p.mask), p.mask))),
            Operator::Left => each(&|p| {
                let low = (1_u128 << number.min(32)) - 1;
                (p.value & low == 0)
                    .then(|| BitMatch::new(p.value >> number.min(32), (p.mask & !low) >> number.min(32)))
            }),
            Operator::Right => each(&|p| {
                let all = u128::from(u32::MAX);
                let shift = number.min(32);
                // Bits shifted in are zero.
                let (value, mask) = (p.value << shift, p.mask << shift);
                (value & !all == 0).then(|| BitMatch::new(value, mask & all))
            }),
            Operator::Add => Some(Self::Ranges(moved(self.ranges(32)?.view(), number.wrapping_neg()))),
            Operator::Subtract => Some(Self::Ranges(moved(self.ranges(32)?.view(), number))),
            Operator::Divide => {
                let set = self.ranges(32)?;
                let scaled = set.ranges().filter_map(|(lo, hi)| {
                    let lo = lo.checked_mul(number)?;
                    Some((lo, hi.saturating_mul(number).saturating_add(number.checked_sub(1)?)))
                });
                Some(Self::Ranges(IntervalSet::from_ranges(scaled)))
            }
            Operator::Modulo if number.is_power_of_two() => self.before(Operator::And, number - 1),
            Operator::Multiply | Operator::Modulo => None,
        }
    }

    /// The words of `width` bits that `word * number` takes into this set, where no product wraps.
    pub(super) fn before_product(&self, number: u32, width: u32) -> Option<Self> {
        let max = u32::MAX >> (32 - width.clamp(1, 32));
        max.checked_mul(number)?;
        if number == 0 {
            let always = self.ranges(32)?.contains(0);
            let set = if always { IntervalSet::range(0, u32::MAX) } else { IntervalSet::empty() };
            return Some(Self::Ranges(set));
        }
        let set = self.ranges(32)?;
        let scaled =
            set.ranges().map(|(lo, hi)| (lo.div_ceil(number), hi / number)).filter(|(lo, hi)| lo <= hi);
        Some(Self::Ranges(IntervalSet::from_ranges(scaled)))
    }

    /// The words that `number - word` takes into this set.
    pub(super) fn before_difference(&self, number: u32) -> Option<Self> {
        let set = self.ranges(32)?;
        let mut list = Vec::new();
        for (lo, hi) in set.ranges() {
            let (from, to) = (number.wrapping_sub(hi), number.wrapping_sub(lo));
            if from <= to {
                list.push((from, to));
            } else {
                list.extend([(from, u32::MAX), (0, to)]);
            }
        }
        Some(Self::Ranges(IntervalSet::from_ranges(list)))
    }
}

/// The set with `by` added to each word, modulo 2^32.
fn moved(set: Intervals<'_, u32>, by: u32) -> IntervalSet<u32> {
    let mut list = Vec::new();
    for (lo, hi) in set.ranges() {
        let (from, to) = (lo.wrapping_add(by), hi.wrapping_add(by));
        if from <= to {
            list.push((from, to));
        } else {
            list.extend([(from, u32::MAX), (0, to)]);
        }
    }
    IntervalSet::from_ranges(list)
}

/// The ranges of a pattern; none when they are too many.
fn spread(pattern: BitMatch, max: u32, list: &mut Vec<(u32, u32)>) -> Option<()> {
    let low = |x: u128| u32::try_from(x & u128::from(max)).unwrap_or(0);
    if pattern.value & !u128::from(max) != 0 {
        return Some(());
    }
    let (mask, value) = (low(pattern.mask), low(pattern.value));
    let free = max & !mask;
    // The run of free bits at the bottom makes one range; the others are counted through.
    let bottom = free.trailing_ones();
    let span = if bottom >= 32 { u32::MAX } else { (1_u32 << bottom) - 1 };
    let scattered = free & !span;
    if list.len() + (1_usize << scattered.count_ones().min(20)) > MOST {
        return None;
    }
    let mut part = 0_u32;
    loop {
        list.push((value | part, value | part | span));
        // The next subset of the scattered bits.
        part = part.wrapping_sub(scattered) & scattered;
        if part == 0 {
            return Some(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(words: &Words, word: u32) -> bool {
        match words {
            Words::Ranges(set) => set.contains(word),
            Words::Patterns(list) => list.iter().any(|p| p.contains(u128::from(word))),
        }
    }

    #[test]
    fn unions_and_intersections_are_exact() {
        let sets: Vec<Words> = [
            Words::compared(Comparison::Less, 9),
            Words::compared(Comparison::NotEqual, 5),
            Words::compared(Comparison::Equal, 0).before(Operator::And, 6).unwrap(),
            Words::compared(Comparison::GreaterEqual, 3).before(Operator::And, 0xff).unwrap(),
        ]
        .into();
        for (a, b) in sets.iter().flat_map(|a| sets.iter().map(move |b| (a, b))) {
            let (union, intersection) = (a.union(b).unwrap(), a.intersection(b).unwrap());
            for word in (0..600).chain([0x1_0005, u32::MAX]) {
                assert_eq!(holds(&union, word), holds(a, word) || holds(b, word), "{a:?} {b:?} {word}");
                assert_eq!(
                    holds(&intersection, word),
                    holds(a, word) && holds(b, word),
                    "{a:?} {b:?} {word}"
                );
            }
        }
    }

    #[test]
    fn what_an_operation_takes_into_a_set_is_exact() {
        use Operator::{Add, And, Divide, Left, Modulo, Or, Right, Subtract, Xor};
        let comparisons = [
            Comparison::Less,
            Comparison::LessEqual,
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::GreaterEqual,
            Comparison::Greater,
        ];
        for comparison in comparisons {
            for number in [0, 1, 5, 64, 255, 256, 70_000, u32::MAX] {
                let set = Words::compared(comparison, number);
                for constant in [0_u32, 1, 3, 8, 16, 31, 0x1fff, 0xff00, u32::MAX] {
                    for operator in [Add, And, Divide, Left, Modulo, Or, Right, Subtract, Xor] {
                        if matches!(operator, Divide | Modulo) && constant == 0
                            || matches!(operator, Left | Right) && constant > 31
                        {
                            continue;
                        }
                        let Some(before) = set.before(operator, constant) else { continue };
                        for word in (0..600).chain([0x1fff, 0x2000, 0xffff, 0x10000, 0x8000_0000, u32::MAX]) {
                            let after = super::super::relation::calculate(operator, word, constant).unwrap();
                            assert_eq!(
                                holds(&before, word),
                                holds(&set, after),
                                "{word} {operator:?} {constant} {comparison:?} {number}"
                            );
                            if let Some(ranges) = before.ranges(16)
                                && word < 65_536
                            {
                                assert_eq!(ranges.contains(word), holds(&before, word));
                            }
                            if let Some(patterns) = before.patterns(16)
                                && word < 65_536
                            {
                                let found = patterns.iter().any(|p| p.contains(u128::from(word)));
                                assert_eq!(found, holds(&before, word));
                            }
                        }
                    }
                }
            }
        }
    }
}
