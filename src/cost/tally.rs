//! What one rule comes to: entries, rules of a software engine, elements of its sets.

use crate::guard::Exhausted;

/// A number that may be known from below only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Count {
    /// The number, or less than it.
    pub at_least: u64,
    /// Whether it is the number.
    pub exact: bool,
}

impl Count {
    /// A number that is known.
    pub const fn exact(value: u64) -> Self {
        Self { at_least: value, exact: true }
    }

    /// A number that is at least `value`.
    pub const fn at_least(value: u64) -> Self {
        Self { at_least: value, exact: false }
    }

    /// The number, where it is known.
    pub fn value(self) -> Option<u64> {
        self.exact.then_some(self.at_least)
    }

    /// The sum; no longer exact where it does not fit.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let (sum, over) = self.at_least.overflowing_add(other.at_least);
        Self { at_least: if over { u64::MAX } else { sum }, exact: self.exact && other.exact && !over }
    }

    /// The product; no longer exact where it does not fit.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        match self.at_least.checked_mul(factor) {
            Some(at_least) => Self { at_least, exact: self.exact },
            None => Self::at_least(u64::MAX),
        }
    }

    /// The larger; as exact as both are.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        Self { at_least: self.at_least.max(other.at_least), exact: self.exact && other.exact }
    }
}

/// What one field of a term comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FieldCost {
    /// Entries the prefix cover or the ternary patterns take.
    pub(crate) entries: u64,
    /// The fewest any prefix encoding with accepting and refusing entries takes.
    pub(crate) fewest: u64,
    /// Ranges or patterns in the set.
    pub(crate) ranges: u64,
}

impl FieldCost {
    /// A field compared with one value, one prefix or anything.
    pub(crate) const ONE: Self = Self { entries: 1, fewest: 1, ranges: 1 };
}

/// What one rule comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// Table entries as drivers are known to make them: prefix covers multiplied over the fields, added over the
    /// alternatives.
    pub entries: Count,
    /// A lower bound of the entries any prefix encoding of this rule alone takes: the fewest of its worst field,
    /// exact for that field, entries that refuse allowed. With all other fields held at a value of the rule, what
    /// is left of an encoding is one of that field.
    pub minimum: Count,
    /// Alternatives: rules of an engine that knows sets and ranges but no "either".
    pub terms: Count,
    /// Rules of an engine that knows one range a field: the ranges multiplied.
    pub lines: Count,
    /// Ranges of sets with more than one.
    pub elements: Count,
}

impl Tally {
    /// No alternative yet.
    pub(crate) const NONE: Self = {
        let none = Count::exact(0);
        Self { entries: none, minimum: none, terms: none, lines: none, elements: none }
    };

    /// The rule could not be counted to the end.
    pub(crate) const UNKNOWN: Self = {
        let some = Count::at_least(0);
        Self { entries: some, minimum: some, terms: some, lines: some, elements: some }
    };

    /// Adds one alternative with the costs of its fields.
    pub(crate) fn add_term(&mut self, fields: impl IntoIterator<Item = FieldCost>) {
        let one = Count::exact(1);
        let (mut entries, mut fewest, mut lines, mut elements) = (one, one, one, Count::exact(0));
        for field in fields {
            if field.entries == 0 {
                // No value is left for this field: the alternative takes nothing.
                return;
            }
            entries = entries.times(field.entries);
            fewest = fewest.max(Count::exact(field.fewest));
            lines = lines.times(field.ranges);
            if field.ranges > 1 {
                elements = elements.plus(Count::exact(field.ranges));
            }
        }
        self.entries = self.entries.plus(entries);
        // Two alternatives may be one together, so that their fewest say nothing of the whole.
        self.minimum = if self.terms.at_least == 0 { fewest } else { one };
        self.terms = self.terms.plus(one);
        self.lines = self.lines.plus(lines);
        self.elements = self.elements.plus(elements);
    }

    /// The same figures as bounds from below.
    #[must_use]
    pub(crate) fn inexact(self) -> Self {
        let loose = |count: Count| Count { exact: false, ..count };
        Self {
            entries: loose(self.entries),
            minimum: loose(self.minimum),
            terms: loose(self.terms),
            lines: loose(self.lines),
            elements: loose(self.elements),
        }
    }
}

/// Why a rule has no exact price.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Inexact {
    /// A limit was reached; nothing is known.
    Exhausted(Exhausted),
    /// A part of its condition is not modelled; the figures count that part as one entry.
    Opaque,
    /// It asks for what a structure has no place for; nothing is known of the whole.
    NoPlace,
    /// It does something beside its verdict that is not modelled; the figures count it as nothing.
    Action,
    /// A figure does not fit into 64 bits.
    TooLarge,
}
