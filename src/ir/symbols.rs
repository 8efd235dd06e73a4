//! Two documents with one list of symbols.

use super::{Document, Interface, Test, ValueSet};
use crate::field::{Field, GROUPS};
use crate::net::{BitMatch, BitSet, IntervalSet};

impl Document {
    /// Gives this document and another the same symbols, with the meaning each had: then a number says the same in
    /// both. Interface groups behind the first [`GROUPS`] of both together keep the number they have.
    pub fn join_symbols(&mut self, other: &mut Self) {
        if self.symbols == other.symbols {
            return;
        }
        let mut both = self.symbols.clone();
        for symbol in &other.symbols {
            if !both.contains(symbol) {
                both.push(symbol.clone());
            }
        }
        for document in [self, other] {
            let old = std::mem::replace(&mut document.symbols, both.clone());
            let names = Names::new(&old, &both);
            for condition in document.rule_sets.iter_mut().flat_map(|set| set.rules.conditions_mut()) {
                condition.change_tests(&mut |test| names.renumber(test));
            }
        }
    }
}

/// The symbols of a document among those of two.
struct Names {
    // Of each of the new ones: the old one that stood for it.
    old: Vec<u32>,
    // Of each of the old ones: its place now.
    place: Vec<usize>,
}

/// No symbol stands for it.
const OTHER: u32 = u32::MAX;

impl Names {
    fn new(old: &[Box<str>], both: &[Box<str>]) -> Self {
        let index = |at: usize| u32::try_from(at).unwrap_or(OTHER);
        let stood = |symbol: &str| Interface::find(symbol, old).map_or(OTHER, index);
        let place = |symbol: &str| both.iter().position(|of| **of == *symbol).unwrap_or(usize::MAX);
        Self {
            old: both.iter().map(|symbol| stood(symbol)).collect(),
            place: old.iter().map(|symbol| place(symbol)).collect(),
        }
    }

    fn renumber(&self, test: &mut Test) {
        match test.field() {
            Field::InIface | Field::OutIface => {
                let Some(set) = test.values().as_ranges() else { return };
                let count = u32::try_from(self.old.len()).unwrap_or(u32::MAX);
                let known = self.old.iter().zip(0..).filter(|(old, _)| set.contains(**old));
                let known = known.map(|(_, new)| (new, new));
                let others = set.contains(OTHER).then_some((count, u32::MAX));
                let new = IntervalSet::from_ranges(known.chain(others));
                *test = test.with_values(ValueSet::from(new));
            }
            Field::InGroup | Field::OutGroup => {
                let super::ValueSetRef::Bits(set) = test.values() else { return };
                let moved = |bits: u128| {
                    let ones = (0..GROUPS as usize).filter(|at| bits >> at & 1 == 1);
                    let places = ones.map(|at| self.place.get(at).copied().unwrap_or(at));
                    places.filter(|at| *at < GROUPS as usize).fold(0, |all, at| all | 1 << at)
                };
                let patterns = set.patterns().iter();
                let new = BitSet::new(patterns.map(|p| BitMatch::new(moved(p.value), moved(p.mask))));
                *test = test.with_values(ValueSet::from(new));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Family;
    use crate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, Verdict};

    fn document(symbols: &[&str], conditions: Vec<Condition>) -> Document {
        let rule = |condition| RuleBuf::new("r", condition, Outcome::Verdict(Verdict::Accept));
        let set = RuleSet {
            name: "s".into(),
            kind: Kind::Filter,
            family: Family::Any,
            default: Verdict::Discard,
            rules: conditions.into_iter().map(rule).collect(),
        };
        Document {
            rule_sets: vec![set],
            symbols: symbols.iter().map(|symbol| (*symbol).into()).collect(),
            ..Document::default()
        }
    }

    fn members(document: &Document, rule: usize) -> Vec<&str> {
        let Condition::Test(test) = &document.rule_sets[0].rules.conditions()[rule] else {
            panic!("no test")
        };
        let names = document.symbols.iter().zip(0_u128..).filter(|(_, at)| test.values().contains(*at));
        names.map(|(name, _)| &**name).chain(test.values().contains(999).then_some("others")).collect()
    }

    #[test]
    fn each_document_keeps_its_meaning() {
        let is = |values: ValueSet| Condition::test(Field::InIface, values);
        let not = |value: u32| is(IntervalSet::<u32>::single(value).complement(u32::MAX).into());
        let mut a = document(&["eth0", "lo"], vec![is(ValueSet::single(1)), not(0)]);
        let group = Condition::test(Field::InGroup, ValueSet::bits(1, 1));
        let mut b = document(&["eth*", "lo"], vec![is(ValueSet::single(0)), not(1), group]);
        a.join_symbols(&mut b);
        assert_eq!(a.symbols, b.symbols);
        assert_eq!(members(&a, 0), ["lo"]);
        assert_eq!(members(&a, 1), ["lo", "eth*", "others"]);
        // What begins with `eth` is `eth0` too, which the other names.
        assert_eq!(members(&b, 0), ["eth0", "eth*"]);
        assert_eq!(members(&b, 1), ["eth0", "eth*", "others"]);
        let at = b.symbols.iter().position(|symbol| &**symbol == "eth*").unwrap();
        let want = Condition::test(Field::InGroup, ValueSet::bits(1 << at, 1 << at));
        assert_eq!(b.rule_sets[0].rules.conditions()[2], want);
        let before = a.clone();
        a.join_symbols(&mut b);
        assert_eq!(a, before);
    }
}
