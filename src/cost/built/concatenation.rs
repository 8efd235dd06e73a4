//! Sets and maps of nftables whose keys are several fields, as the kernel keeps them: with ranges in pipapo, else in a
//! hash table.
//!
//! In pipapo a field has its own prefixes: they are added up over the elements and never multiplied. Its table has for
//! each octet of the field, and each value of that octet, a bit for each prefix, or from 2 MiB on for each half octet
//! (source C4 of the platform page).

use super::super::cover;
use super::super::kernel::{self, HEAD, allocated};
use crate::field::Field;
use crate::ir::{Condition, Test, ValueSetRef};

/// Elements of one set or map.
#[derive(Debug, Default)]
pub(in crate::cost) struct Concatenation {
    pub(in crate::cost) parts: Vec<Part>,
    /// What every element asks for beside, and nobody looks up.
    guards: usize,
    elements: u64,
}

/// One field of the elements.
#[derive(Debug)]
pub(in crate::cost) struct Part {
    pub(in crate::cost) field: Field,
    /// The range that all elements have, where it is one.
    pub(in crate::cost) same: Option<(u128, u128)>,
    prefixes: u64,
    ranges: u64,
    /// Ranges that begin where the one before has ended.
    adjacent: u64,
    last: u128,
}

/// The largest table with a row for each octet.
const WHOLE_OCTETS_MAX: u64 = 2 << 20;

impl Concatenation {
    /// Adds an element. False where it is none: no product of ranges, one for each of the fields of those before, and of
    /// as many conditions that ask for what is not there. Then what was added is of no use either.
    pub(in crate::cost) fn add(&mut self, condition: &Condition) -> bool {
        let parts = match condition {
            Condition::And(parts) => &**parts,
            other => std::slice::from_ref(other),
        };
        let (mut fields, mut guards) = (0, 0);
        for test in parts {
            if matches!(test, Condition::Not(_)) && !test.has_opaque() {
                guards += 1;
                continue;
            }
            let Some((field, range)) = as_range(test) else { return false };
            let at = fields;
            fields += 1;
            if self.elements == 0 {
                if self.parts.iter().any(|part| part.field == field) {
                    return false;
                }
                self.parts.push(Part::new(field, range));
            } else if let Some(part) = self.parts.get_mut(at).filter(|part| part.field == field) {
                part.add(range);
            } else {
                return false;
            }
        }
        if self.elements == 0 {
            self.guards = guards;
        }
        self.elements += 1;
        fields == self.parts.len() && guards == self.guards
    }

    /// Whether elements of several fields were added, and nothing beside.
    pub(in crate::cost) fn is_whole(&self) -> bool {
        self.parts.len() > 1 && self.guards == 0
    }

    /// Begins anew.
    pub(in crate::cost) fn clear(&mut self) {
        self.parts.clear();
        (self.guards, self.elements) = (0, 0);
    }

    /// How many there are.
    pub(in crate::cost) fn elements(&self) -> u64 {
        self.elements
    }

    /// What the set takes, with the data of a verdict beside each element where it is a map. `is_key` says which parts
    /// are in its key.
    pub(in crate::cost) fn octets(&self, map: bool, is_key: impl Fn(&Part) -> bool) -> u64 {
        let key: Vec<&Part> = self.parts.iter().filter(|part| is_key(part)).collect();
        let name = allocated(16);
        let octets: u64 = key.iter().map(|part| part.octets().next_multiple_of(4)).sum();
        let data = if map { VERDICT } else { 0 };
        let ranges = key.iter().any(|part| part.ranges > 0);
        name + match key.as_slice() {
            [only] if ranges => tree(only, self.elements, data),
            _ if ranges => pipapo(&key, self.elements, octets, data),
            _ => hash(self.elements, octets, data),
        }
    }
}

impl Part {
    fn new(field: Field, range: (u128, u128)) -> Self {
        let mut part =
            Self { field, same: Some(range), prefixes: 0, ranges: 0, adjacent: 0, last: u128::MAX };
        part.add(range);
        part
    }

    fn add(&mut self, (lo, hi): (u128, u128)) {
        self.same = self.same.filter(|same| *same == (lo, hi));
        self.prefixes = self.prefixes.saturating_add(cover::prefixes(lo, hi));
        self.ranges += u64::from(lo != hi);
        self.adjacent += u64::from(self.last.checked_add(1) == Some(lo));
        self.last = hi;
    }

    fn octets(&self) -> u64 {
        u64::from(self.field.info().width.div_ceil(8))
    }
}

/// A test of one range.
fn as_range(test: &Condition) -> Option<(Field, (u128, u128))> {
    let Condition::Test(test) = test else { return None };
    Some((test.field(), only_range(test)?))
}

fn only_range(test: &Test) -> Option<(u128, u128)> {
    let mut small = match test.values() {
        ValueSetRef::Ranges(set) => set.ranges().map(|(lo, hi)| (lo.into(), hi.into())),
        ValueSetRef::Wide(set) => {
            let mut ranges = set.ranges();
            return ranges.next().filter(|_| ranges.next().is_none());
        }
        ValueSetRef::Bits(_) => return None,
    };
    small.next().filter(|_| small.next().is_none())
}

/// What an element is beside its key: where its parts are.
const PARTS: u64 = 12;
/// A verdict, and the chain it leads to.
const VERDICT: u64 = 16;

fn hash(elements: u64, key: u64, data: u64) -> u64 {
    const LINKS: u64 = 16;
    let buckets = (elements.saturating_mul(4) / 3).next_power_of_two();
    let element = allocated(LINKS + PARTS + key + data);
    allocated(HEAD + buckets.saturating_mul(8)).saturating_add(elements.saturating_mul(element))
}

/// Where each range begins and where it ends, unless the next begins there.
fn tree(key: &Part, elements: u64, data: u64) -> u64 {
    const LINKS: u64 = 24;
    let octets = key.octets().next_multiple_of(4);
    let ends = elements.saturating_sub(key.adjacent);
    let begin = allocated(LINKS + PARTS + octets + data);
    let end = allocated(LINKS + PARTS + octets + 1);
    let octets = elements.saturating_mul(begin).saturating_add(ends.saturating_mul(end));
    kernel::tree(elements.saturating_add(ends)).saturating_add(octets)
}

fn pipapo(key: &[&Part], elements: u64, octets: u64, data: u64) -> u64 {
    /// The set's own: its tables, the copy that is changed.
    const OWN: u64 = 32;
    /// The head of the tables, and what is kept of each field.
    const TABLES: u64 = 32;
    const FIELD: u64 = 32;
    /// Room to begin at a multiple of 32.
    const ALIGN: u64 = 24;
    /// Two vectors for each processor, here for two.
    const PROCESSORS: u64 = 2;
    let mut sum = allocated(HEAD + OWN) + allocated(TABLES + FIELD * key.len() as u64);
    let mut longest = 0;
    for part in key {
        let words = part.prefixes.div_ceil(64).next_multiple_of(4);
        longest = words.max(longest);
        let whole = part.octets().saturating_mul(256).saturating_mul(words).saturating_mul(8);
        // Twice as many rows of a sixteenth.
        let table = if whole > WHOLE_OCTETS_MAX { whole / 8 } else { whole };
        sum = sum
            .saturating_add(allocated(table.saturating_add(ALIGN)))
            .saturating_add(allocated(mapped(part.prefixes).saturating_mul(8)));
    }
    let vectors = allocated(8 + longest.saturating_mul(16) + ALIGN).saturating_mul(PROCESSORS);
    // Both ends of the key.
    let element = allocated(PARTS + 2 * octets + data);
    sum.saturating_add(vectors).saturating_add(elements.saturating_mul(element))
}

/// How many prefixes there is room for: beyond a page of them, one page ahead.
fn mapped(prefixes: u64) -> u64 {
    const PAGE: u64 = 512;
    match prefixes.checked_sub(PAGE + 1) {
        None => prefixes,
        Some(beyond) => 2 * PAGE + 1 + beyond / PAGE * PAGE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::ValueSet;

    fn element(source: u32, ports: (u32, u32)) -> Condition {
        let source = Condition::test(Field::Src4, ValueSet::single(source));
        Condition::and([source, Condition::test(Field::Dport, ValueSet::range(ports.0, ports.1))])
    }

    #[test]
    fn room_for_prefixes_is_what_inserting_one_by_one_leaves() {
        let mut room = 0;
        for prefixes in 1..5_000 {
            if room <= prefixes {
                room = if prefixes > 512 { prefixes + 512 } else { prefixes };
            }
            assert_eq!(mapped(prefixes), room, "{prefixes}");
        }
    }

    #[test]
    fn prefixes_add_up_and_the_table_halves_its_octets_beyond_two_mebibytes() {
        let of = |count: u32, ports| {
            let mut set = Concatenation::default();
            assert!((0..count).all(|n| set.add(&element(n, ports))));
            set.octets(false, |_| true)
        };
        // 1-65534 is thirty prefixes: 960 octets a rule and octet at eight bits.
        let exact = |prefixes: u64, octets: u64| {
            let words = prefixes.div_ceil(64).next_multiple_of(4);
            octets * 256 * words * 8
        };
        let rest = |count: u64, longest: u64| {
            allocated(16)
                + allocated(HEAD + 32)
                + allocated(96)
                + 2 * allocated(32 + longest * 16)
                + count * allocated(28)
        };
        let (source, ports) = (exact(100, 4), exact(3_000, 2));
        let want = rest(100, 48)
            + allocated(source + 24)
            + allocated(800)
            + allocated(ports + 24)
            + allocated(3_073 * 8);
        assert_eq!(of(100, (1, 65_534)), want);
        assert!(exact(15_000, 4) < WHOLE_OCTETS_MAX && exact(16_400, 4) > WHOLE_OCTETS_MAX);
        assert!(of(16_400, (0, 65_535)) < of(15_000, (0, 65_535)));
    }

    #[test]
    fn what_is_no_element_is_not_taken_for_one() {
        let (port, life) = (
            Condition::test(Field::Dport, ValueSet::single(80)),
            Condition::test(Field::Ttl, ValueSet::single(1)),
        );
        let hosts = Condition::test(Field::Src4, ValueSet::of([1, 5]));
        let cases = [
            (element(2, (80, 90)), true),
            (port.clone(), false),
            (Condition::and([element(3, (1, 2)), life]), false),
            (Condition::and([hosts, port.clone()]), false),
            (Condition::and([port.clone(), element(3, (1, 1))]), false),
            (Condition::and([element(3, (1, 1)), Condition::not(port)]), false),
        ];
        for (other, is_element) in cases {
            let mut set = Concatenation::default();
            assert!(set.add(&element(1, (80, 90))));
            assert_eq!(set.add(&other), is_element, "{other:?}");
        }
        let mut set = Concatenation::default();
        assert!((1..4).all(|source| set.add(&element(source, (80, 90)))) && set.is_whole());
        assert_eq!((set.parts[0].same, set.parts[1].same), (None, Some((80, 90))));
    }
}
