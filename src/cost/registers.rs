//! Registers that compare ports: shared by every list of a chip, so that they are counted over all of them.

use super::platform::RegisterUnits;
use crate::field::Field;
use std::collections::BTreeSet;

/// What is compared: whether of source ports, and the ranges.
type Comparison = (bool, Vec<(u32, u32)>);

/// The comparisons of all lists added so far.
#[derive(Debug)]
pub(crate) struct Registers {
    units: RegisterUnits,
    capacity: u64,
    held: BTreeSet<Comparison>,
    // Those that found no register.
    surplus: BTreeSet<Comparison>,
    // Those of the rule set at hand, whether or not they found one.
    of_set: BTreeSet<Comparison>,
    used: u64,
    wanted: u64,
}

impl Registers {
    /// None in use, of a chip with so many units.
    pub(crate) fn new(units: RegisterUnits, capacity: u64) -> Self {
        let (held, surplus, of_set) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { units, capacity, held, surplus, of_set, used: 0, wanted: 0 }
    }

    /// A new rule set begins.
    pub(crate) fn begin_rule_set(&mut self) {
        self.of_set.clear();
    }

    /// Units all comparisons together ask for.
    pub(crate) fn wanted(&self) -> u64 {
        self.wanted
    }

    /// Distinct comparisons of the rule set at hand.
    pub(crate) fn in_rule_set(&self) -> u64 {
        self.of_set.len() as u64
    }

    /// How many ranges of a set of port values take one entry each, because a register compares them; none where the
    /// field is not compared by registers, or none is left. Single values and "any" need no register.
    pub(crate) fn claim(&mut self, field: Field, ranges: &[(u32, u32)]) -> Option<u64> {
        let of_source = match field {
            Field::Sport | Field::RawPort0 => true,
            Field::Dport | Field::RawPort1 if !self.units.source_only => false,
            _ => return None,
        };
        if let ([(0, below), (above, 0xffff)], Some(units)) = (ranges, self.units.other)
            && below.checked_add(2) == Some(*above)
        {
            return self.take((of_source, ranges.to_vec()), units).then_some(1);
        }
        let mut entries = 0;
        for (lo, hi) in ranges {
            let units = match (lo, hi) {
                _ if lo == hi => 0,
                (0, 0xffff..) => 0,
                (0, _) | (_, 0xffff) => self.units.bound,
                _ => self.units.range,
            };
            let taken = units == 0 || self.take((of_source, vec![(*lo, *hi)]), units);
            entries += if taken { 1 } else { super::cover::prefixes((*lo).into(), (*hi).into()) };
        }
        Some(entries)
    }

    /// Whether a comparison has a register, or gets one.
    fn take(&mut self, comparison: Comparison, units: u64) -> bool {
        self.of_set.insert(comparison.clone());
        if self.held.contains(&comparison) {
            return true;
        }
        if self.surplus.contains(&comparison) {
            return false;
        }
        self.wanted = self.wanted.saturating_add(units);
        if self.used.saturating_add(units) > self.capacity {
            self.surplus.insert(comparison);
            return false;
        }
        self.used += units;
        self.held.insert(comparison);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALVES: RegisterUnits = RegisterUnits { range: 2, bound: 1, other: Some(1), source_only: false };

    #[test]
    fn a_range_is_held_once_for_all_lists_and_twice_for_both_directions() {
        let mut registers = Registers::new(HALVES, 64);
        for _ in 0..3 {
            assert_eq!(registers.claim(Field::Dport, &[(100, 200)]), Some(1));
            registers.begin_rule_set();
        }
        assert_eq!((registers.wanted(), registers.in_rule_set()), (2, 0));
        registers.claim(Field::Sport, &[(100, 200)]);
        assert_eq!(registers.wanted(), 4);
        // At least, not, one value, anything: half, half, none, none.
        registers.claim(Field::Sport, &[(1024, 65_535)]);
        registers.claim(Field::Sport, &[(0, 79), (81, 65_535)]);
        registers.claim(Field::Sport, &[(80, 80)]);
        registers.claim(Field::Sport, &[(0, 65_535)]);
        assert_eq!((registers.wanted(), registers.in_rule_set()), (6, 3));
        assert_eq!(registers.claim(Field::Proto, &[(1, 9)]), None);
    }

    #[test]
    fn what_finds_no_register_is_covered_by_prefixes() {
        let mut registers = Registers::new(HALVES, 2);
        assert_eq!(registers.claim(Field::Dport, &[(1, 65_534)]), Some(1));
        assert_eq!(registers.claim(Field::Dport, &[(100, 200)]), Some(6));
        assert_eq!(registers.claim(Field::Dport, &[(1, 65_534)]), Some(1));
        assert_eq!(registers.wanted(), 4);
        // Not 80: sixteen prefixes.
        assert_eq!(registers.claim(Field::Sport, &[(0, 79), (81, 65_535)]), None);
    }
}
