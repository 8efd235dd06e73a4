//! Bit vectors: the intervals that the tests of each field tell apart, and for each interval a bit for each rule.
//!
//! A packet finds its interval in each field, and the vectors found there are joined by "and" (source S43 of the platform
//! page). An interval is its first value, in octets as the field is wide, and a vector of as many words of 64 bits as the
//! rules fill. Aggregated vectors (source S44) have a second one beside each, with a bit for each of its words.

use super::super::terms::{Cube, Literal};
use super::rows::{run_count, runs};
use crate::field::{Field, FieldInfo};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::ValueSetRef;
use std::collections::BTreeMap;

/// Bits of a word.
const WORD: u64 = 64;

/// The rules of one rule set, field by field.
#[derive(Debug)]
pub(super) struct BitVectors {
    rules: u64,
    fields: BTreeMap<Field, Bounds>,
    held: Meter,
}

/// Where the intervals of a field begin, behind the first.
#[derive(Debug, Default)]
struct Bounds {
    starts: Vec<u128>,
    /// Whether packets without the field are told apart.
    absent: bool,
    /// How many there were when they were last sorted.
    sorted: usize,
}

/// Octets as plain and as aggregated vectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Octets {
    pub(super) plain: u64,
    pub(super) aggregated: u64,
}

impl Default for BitVectors {
    fn default() -> Self {
        Self { rules: 0, fields: BTreeMap::new(), held: Meter::new(&limits::BUILT_BOUNDS) }
    }
}

impl BitVectors {
    /// Adds a rule: an alternative, whose fields are sets of values. A step a range.
    pub(super) fn add(&mut self, cube: &Cube<'_>, meter: &mut Meter) -> Result<(), Exhausted> {
        self.rules = self.rules.saturating_add(1);
        for (field, literal) in cube {
            let bounds = self.fields.entry(super::told(*field)).or_default();
            match literal {
                Literal::Absent => bounds.absent = true,
                Literal::In(values) => bounds.add(values.view(), field.info(), meter, &mut self.held)?,
            }
        }
        Ok(())
    }

    /// What all of them take. Of rules that were added in part this is less than they take, never more.
    pub(super) fn octets(self) -> Octets {
        let words = self.rules.div_ceil(WORD);
        let (vector, second) = (words.saturating_mul(8), words.div_ceil(WORD).saturating_mul(8));
        let mut sum = Octets::default();
        for (field, bounds) in self.fields {
            let intervals = bounds.intervals();
            // What tells nothing apart is not kept.
            if intervals < 2 {
                continue;
            }
            let bound = u64::from(field.info().width.div_ceil(8).next_power_of_two());
            let plain = intervals.saturating_mul(bound.saturating_add(vector));
            sum.plain = sum.plain.saturating_add(plain);
            let aggregated = plain.saturating_add(intervals.saturating_mul(second));
            sum.aggregated = sum.aggregated.saturating_add(aggregated);
        }
        sum
    }
}

impl Bounds {
    fn add(
        &mut self,
        values: ValueSetRef<'_>,
        info: &FieldInfo,
        meter: &mut Meter,
        held: &mut Meter,
    ) -> Result<(), Exhausted> {
        let width = u32::from(info.width);
        let count = match values {
            ValueSetRef::Ranges(set) => set.ranges().len() as u64,
            ValueSetRef::Wide(set) => set.ranges().len() as u64,
            ValueSetRef::Bits(set) => {
                set.patterns().iter().map(|pattern| run_count(*pattern, width)).fold(0, u64::saturating_add)
            }
        };
        held.charge(count.saturating_mul(2))?;
        // Twice what is left of them, or a few, is the most that is ever held beside those of one set.
        if self.starts.len() > self.sorted.saturating_mul(2).saturating_add(1 << 12) {
            let before = self.starts.len();
            self.sort();
            held.release((before - self.starts.len()) as u64);
        }
        match values {
            ValueSetRef::Ranges(set) => {
                meter.charge(set.ranges().len() as u64)?;
                set.ranges().for_each(|(lo, hi)| self.range(lo.into(), hi.into(), info.max));
            }
            ValueSetRef::Wide(set) => {
                meter.charge(set.ranges().len() as u64)?;
                set.ranges().for_each(|(lo, hi)| self.range(lo, hi, info.max));
            }
            ValueSetRef::Bits(set) => {
                for pattern in set.patterns() {
                    runs(*pattern, width, meter, &mut |lo, hi| self.range(lo, hi, info.max))?;
                }
            }
        }
        Ok(())
    }

    fn range(&mut self, lo: u128, hi: u128, max: u128) {
        if lo > 0 {
            self.starts.push(lo);
        }
        if hi < max {
            self.starts.push(hi.saturating_add(1));
        }
    }

    fn sort(&mut self) {
        self.starts.sort_unstable();
        self.starts.dedup();
        self.sorted = self.starts.len();
    }

    fn intervals(mut self) -> u64 {
        self.sort();
        1 + self.starts.len() as u64 + u64::from(self.absent)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::cube;
    use super::*;
    use crate::ir::ValueSet;
    use crate::net::{BitMatch, BitSet, IntervalSet};
    use proptest::prelude::*;

    fn octets(rules: &[Vec<(Field, ValueSet)>]) -> Octets {
        let mut vectors = BitVectors::default();
        let mut meter = Meter::new(&limits::COST_STEPS);
        for rule in rules {
            vectors.add(&cube(rule), &mut meter).unwrap();
        }
        vectors.octets()
    }

    #[test]
    fn vectors_are_a_word_for_each_64_rules_and_interval() {
        let port = |port| vec![(Field::Dport, ValueSet::single(port))];
        // One port: below, it, above; a bound of two octets and a word each.
        assert_eq!(octets(&[port(80)]), Octets { plain: 3 * 10, aggregated: 3 * 18 });
        let ports: Vec<_> = (0..65).map(|n| port(2 * n)).collect();
        // The first port is the first value there is.
        assert_eq!(octets(&ports).plain, 130 * (2 + 16));
        assert_eq!(octets(&[vec![(Field::Dport, ValueSet::all(Field::Dport))]]), Octets::default());
        assert_eq!(octets(&[]), Octets::default());
    }

    #[test]
    fn a_pattern_of_many_runs_is_charged_and_not_built() {
        let mut vectors = BitVectors::default();
        let low_bit = ValueSet::bits(1, 1);
        let mut meter = Meter::new(&limits::COST_STEPS);
        assert!(vectors.add(&cube(&[(Field::Dst4, low_bit.clone())]), &mut meter).is_err());
        let mut meter = Meter::new(&limits::COST_STEPS);
        assert!(vectors.add(&cube(&[(Field::Dst6, low_bit)]), &mut meter).is_err());
    }

    fn sets() -> impl Strategy<Value = ValueSet> {
        let ranges = proptest::collection::vec((0..64_u32, 0..64_u32), 1..4);
        let ranges = ranges
            .prop_map(|list| IntervalSet::from_ranges(list.into_iter().map(|(a, b)| (a.min(b), a.max(b)))));
        let bits = (0..64_u128, 0..64_u128)
            .prop_map(|(value, mask)| ValueSet::Bits(BitSet::new([BitMatch::new(value, mask)])));
        prop_oneof![ranges.prop_map(ValueSet::Ranges), bits]
    }

    proptest! {
        // The vectors themselves, value for value: equal neighbours are one interval.
        #[test]
        fn intervals_are_where_vectors_change(rules in proptest::collection::vec(sets(), 1..70)) {
            let vector = |value: u128| rules.iter().map(|set| set.contains(value)).collect::<Vec<_>>();
            let changes = (1..64).filter(|value| vector(*value) != vector(value - 1)).count() as u64;
            let words = (rules.len() as u64).div_ceil(64);
            let rules: Vec<_> = rules.iter().map(|set| vec![(Field::Dscp, set.clone())]).collect();
            let got = octets(&rules).plain;
            let want = |intervals: u64| if intervals > 1 { intervals * (1 + 8 * words) } else { 0 };
            // Bounds of one rule may meet those of a pattern that goes on there: never fewer, and no more than there are.
            prop_assert!(got >= want(changes + 1), "{got} {}", want(changes + 1));
            if rules.iter().all(|rule| matches!(&rule[0].1, ValueSet::Ranges(_))) {
                prop_assert_eq!(got, want(changes + 1));
            }
        }
    }
}
