//! Conditions as unions of cells from outside: every packet of which the condition is not surely false is in one of them.
//!
//! What a cell cannot say is left away, and the cells are then said not to be exact: what is found by them is asked again.

use super::key::Fields;
use crate::field::{Family, Field};
use crate::ir::{Condition, ValueSetRef};
use crate::net::IntervalSet;

/// Cells that one condition may become; what would make more is taken from outside.
pub(super) const MOST: usize = 4_096;
/// Cells made on the way to those of one condition.
const WORK: usize = 1 << 18;

/// A range of each field of a key. Ports are counted from one; 0 is a packet without the port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Cell {
    pub(super) src: (u128, u128),
    pub(super) dst: (u128, u128),
    pub(super) protocols: [u64; 4],
    pub(super) sport: (u32, u32),
    pub(super) dport: (u32, u32),
}

/// What a condition became.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    pub(super) list: Vec<Cell>,
    /// Whether the condition is true in the cells, and false elsewhere.
    pub(super) exact: bool,
    /// How many cells were made on the way.
    pub(super) work: usize,
    most: usize,
}

/// Ports, and packets without them.
pub(super) const PORTS: (u32, u32) = (0, 0x1_0000);

impl Cell {
    /// Every packet that has a key.
    fn all() -> Self {
        Self {
            src: (0, u128::MAX),
            dst: (0, u128::MAX),
            protocols: [u64::MAX; 4],
            sport: PORTS,
            dport: PORTS,
        }
    }
}

/// The cells of a condition, at most so many, over packets with the fields of a key.
pub(super) fn cells(condition: &Condition, fields: &Fields, most: usize) -> Cells {
    let mut cells = Cells { list: vec![Cell::all()], exact: true, work: 0, most };
    cells.narrow(condition, false, fields);
    cells
}

impl Cells {
    fn narrow(&mut self, condition: &Condition, negated: bool, fields: &Fields) {
        match condition {
            Condition::True | Condition::False => {
                if matches!(condition, Condition::True) == negated {
                    self.list.clear();
                }
            }
            Condition::Not(part) => self.narrow(part, !negated, fields),
            Condition::And(parts) if !negated => {
                parts.iter().for_each(|part| self.narrow(part, false, fields));
            }
            Condition::Or(parts) if negated => {
                parts.iter().for_each(|part| self.narrow(part, true, fields));
            }
            Condition::And(parts) | Condition::Or(parts) => self.either(parts, negated, fields),
            Condition::Opaque(opaque) => {
                self.exact = false;
                // It is not false where its upper bound is not, and not true where its lower bound is not.
                let bound = if negated { &opaque.under } else { &opaque.over };
                self.narrow(bound, negated, fields);
            }
            Condition::Test(test) => self.test(test.field(), test.values(), negated, fields),
        }
    }

    fn either(&mut self, parts: &[Condition], negated: bool, fields: &Fields) {
        let mut all = Vec::new();
        let mut exact = self.exact;
        for part in parts {
            if all.len() > self.most || self.work > WORK {
                self.exact = false;
                return;
            }
            let mut some = self.clone();
            some.work += self.list.len();
            some.narrow(part, negated, fields);
            exact &= some.exact;
            self.work = some.work;
            all.append(&mut some.list);
        }
        if all.len() > self.most {
            self.exact = false;
            return;
        }
        (self.list, self.exact) = (all, exact);
    }

    fn test(&mut self, field: Field, values: ValueSetRef<'_>, negated: bool, fields: &Fields) {
        if field == Field::IpVersion {
            if values.contains(fields.version.into()) == negated {
                self.list.clear();
            }
            return;
        }
        // A packet with a key has none of these.
        if field.info().family != Family::Any && field.info().family != fields.family {
            if !negated {
                self.list.clear();
            }
            return;
        }
        let max = field.info().max;
        let ranges: IntervalSet<u128> = match values {
            ValueSetRef::Ranges(set) => {
                IntervalSet::from_ranges(set.ranges().map(|(lo, hi)| (u128::from(lo), u128::from(hi))))
            }
            ValueSetRef::Wide(set) => set.to_set(),
            ValueSetRef::Bits(_) => {
                self.exact = false;
                return;
            }
        };
        let those = |max| if negated { ranges.complement(max) } else { ranges.clone() };
        if field == fields.src {
            self.split(&those(max), |cell| &mut cell.src);
        } else if field == fields.dst {
            self.split(&those(max), |cell| &mut cell.dst);
        } else if fields.is_protocol(field) {
            let mask = protocols(&those(max));
            self.list.retain_mut(|cell| {
                cell.protocols.iter_mut().zip(mask).for_each(|(own, mask)| *own &= mask);
                cell.protocols != [0; 4]
            });
        } else if field == fields.sport {
            self.split(&counted(&ranges, max, negated), |cell| &mut cell.sport);
        } else if field == fields.dport {
            self.split(&counted(&ranges, max, negated), |cell| &mut cell.dport);
        } else {
            self.exact = false;
        }
    }

    /// Each cell for each range; where that would be too many, for the range around all of them.
    fn split<T>(&mut self, set: &IntervalSet<T>, place: impl Fn(&mut Cell) -> &mut (T, T))
    where
        T: crate::net::Unsigned,
    {
        let take = |cell: &mut Cell, (lo, hi): (T, T)| {
            let place = place(cell);
            *place = (place.0.max(lo), place.1.min(hi));
            place.0 <= place.1
        };
        let (Some((lo, _)), Some((_, hi))) = (set.ranges().next(), set.ranges().next_back()) else {
            self.list.clear();
            return;
        };
        let count = self.list.len().saturating_mul(set.ranges().len());
        let many = count > self.most || self.work.saturating_add(count) > WORK;
        self.work = self.work.saturating_add(if many { self.list.len() } else { count });
        if set.ranges().len() == 1 || many {
            self.exact &= !many || set.ranges().len() == 1;
            self.list.retain_mut(|cell| take(cell, (lo, hi)));
            return;
        }
        let old = std::mem::take(&mut self.list);
        for cell in &old {
            for range in set.ranges() {
                let mut part = cell.clone();
                if take(&mut part, range) {
                    self.list.push(part);
                }
            }
        }
    }
}

/// The values of a port, counted from one, that a test accepts; negated it accepts packets without the port too.
fn counted(ranges: &IntervalSet<u128>, max: u128, negated: bool) -> IntervalSet<u32> {
    let count = |value: u128| u32::try_from(value.min(max)).unwrap_or(u32::MAX - 1) + 1;
    let there = ranges.ranges().filter(|(lo, _)| *lo <= max).map(|(lo, hi)| (count(lo), count(hi)));
    let set = IntervalSet::from_ranges(there);
    if negated { set.complement(count(max)) } else { set }
}

fn protocols(set: &IntervalSet<u128>) -> [u64; 4] {
    let mut mask = [0_u64; 4];
    for (word, first) in mask.iter_mut().zip((0..).step_by(64)) {
        for (lo, hi) in set.ranges() {
            let (lo, hi): (u128, u128) = (lo.max(first), hi.min(first + 63));
            if lo <= hi {
                *word |= u64::MAX >> (63 - (hi - lo)) << (lo - first);
            }
        }
    }
    mask
}
