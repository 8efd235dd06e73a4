//! Names of interfaces: whole ones, and beginnings that stand for many.

use super::{Document, Test, ValueSet};
use crate::field::Field;
use crate::guard::{Exhausted, Meter};
use crate::net::{IntervalSet, Intervals};
use std::borrow::Cow;
use std::collections::HashMap;

/// What a symbol of [`Document::symbols`] stands for where it names an interface.
///
/// `eth*` is the interfaces whose names begin with `eth` and that no longer symbol of the document takes out: neither
/// their whole name nor a longer beginning. So the symbols of a document never overlap, and every interface is of one
/// of them at most. A rule about all that begins with `eth` has this symbol and those that it leaves out. In a name
/// that ends in a star itself, and in one with a backslash in front of it, these have a backslash in front.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Interface<'a> {
    /// The interface of this name.
    Name(Cow<'a, str>),
    /// The interfaces whose names begin so.
    Beginning(Cow<'a, str>),
}

impl<'a> Interface<'a> {
    /// What the words of a symbol say.
    pub fn of(symbol: &'a str) -> Self {
        match symbol.strip_suffix('*') {
            None => Self::Name(Cow::Borrowed(symbol)),
            Some(stem) => {
                let kept = stem.trim_end_matches('\\');
                let marks = stem.len() - kept.len();
                let halved = || format!("{kept}{}", "\\".repeat(marks / 2));
                match marks {
                    0 => Self::Beginning(Cow::Borrowed(stem)),
                    _ if marks.is_multiple_of(2) => Self::Beginning(Cow::Owned(halved())),
                    _ => Self::Name(Cow::Owned(format!("{}*", halved()))),
                }
            }
        }
    }

    /// The words of its symbol.
    pub fn symbol(&self) -> Cow<'_, str> {
        let doubled = |stem: &str| {
            let kept = stem.trim_end_matches('\\');
            format!("{kept}{}", "\\".repeat(2 * (stem.len() - kept.len())))
        };
        match self {
            Self::Name(name) => match name.strip_suffix('*') {
                Some(stem) => Cow::Owned(format!("{}\\*", doubled(stem))),
                None => Cow::Borrowed(name),
            },
            Self::Beginning(stem) => Cow::Owned(format!("{}*", doubled(stem))),
        }
    }

    /// The name or its beginning.
    pub fn text(&self) -> &str {
        match self {
            Self::Name(text) | Self::Beginning(text) => text,
        }
    }

    /// Whether it is among those that the other stands for.
    pub fn is_of(&self, other: &Interface<'_>) -> bool {
        match other {
            Interface::Name(_) => *self == *other,
            Interface::Beginning(stem) => self.text().starts_with(&**stem),
        }
    }

    /// The symbol that an interface of these words has among `symbols`: its own, else the longest beginning.
    pub fn find(words: &str, symbols: &[Box<str>]) -> Option<usize> {
        if let Some(index) = symbols.iter().position(|symbol| **symbol == *words) {
            return Some(index);
        }
        let wanted = Interface::of(words);
        let mut best: Option<(usize, usize)> = None;
        for (index, symbol) in symbols.iter().enumerate() {
            if let Interface::Beginning(stem) = Interface::of(symbol)
                && wanted.text().starts_with(&*stem)
                && best.is_none_or(|(length, _)| length < stem.len())
            {
                best = Some((stem.len(), index));
            }
        }
        best.map(|(_, index)| index)
    }

    /// Every symbol that takes a part of what the symbol stands for, with itself, as a rule asks for it.
    pub fn all_of(index: usize, symbols: &'a [Box<str>]) -> Vec<u32> {
        let Some(symbol) = symbols.get(index) else { return Vec::new() };
        let wanted = Self::of(symbol);
        let fits = (0_u32..).zip(symbols).filter(|(_, symbol)| Interface::of(symbol).is_of(&wanted));
        fits.map(|(index, _)| index).collect()
    }

    /// The fewest symbols that say a set of them, in their order. The error is a beginning of which some are not in
    /// the set, or a number that is no symbol's.
    pub fn words_for(set: Intervals<'_, u32>, symbols: &[Box<str>]) -> Result<Vec<u32>, u32> {
        let mut list = Vec::new();
        let mut beginnings: Vec<(Interface<'_>, u32)> = Vec::new();
        for index in set.ranges().flat_map(|(low, high)| low..=high) {
            let named = Interface::of(symbols.get(index as usize).ok_or(index)?);
            if matches!(named, Interface::Beginning(_)) {
                let mut fits =
                    (0_u32..).zip(symbols).filter(|(_, symbol)| Interface::of(symbol).is_of(&named));
                if !fits.all(|(index, _)| set.contains(index)) {
                    return Err(index);
                }
                beginnings.push((named.clone(), index));
            }
            list.push((named, index));
        }
        list.retain(|(named, index)| {
            let is_part = |(other, at): &(Interface<'_>, u32)| at != index && named.is_of(other);
            !beginnings.iter().any(is_part)
        });
        Ok(list.into_iter().map(|(_, index)| index).collect())
    }
}

impl Document {
    /// Has tests of beginnings take the symbols that the beginnings leave out too. For readers, once every name of the
    /// document is known.
    pub fn widen_interfaces(&mut self, meter: &mut Meter) -> Result<(), Exhausted> {
        let mut names: Vec<(Interface<'_>, u32)> =
            self.symbols.iter().zip(0_u32..).map(|(symbol, index)| (Interface::of(symbol), index)).collect();
        names.sort_by(|(a, _), (b, _)| a.text().cmp(b.text()));
        let mut wide: HashMap<u32, IntervalSet<u32>> = HashMap::new();
        for (at, (named, index)) in names.iter().enumerate() {
            let Interface::Beginning(stem) = named else { continue };
            // Names that begin alike stand together; one of the same words may stand in front.
            let before = names.iter().take(at).rev().take_while(|(other, _)| other.text() == &**stem);
            let behind = names.iter().skip(at).take_while(|(other, _)| other.text().starts_with(&**stem));
            let all: Vec<u32> = before.chain(behind).map(|(_, index)| *index).collect();
            meter.charge(all.len() as u64 / 16 + 1)?;
            wide.insert(*index, IntervalSet::from_ranges(all.into_iter().map(|index| (index, index))));
        }
        let Some(last) = wide.keys().max().copied() else { return Ok(()) };
        let mut spent = Ok(());
        for condition in self.rule_sets.iter_mut().flat_map(|set| set.rules.conditions_mut()) {
            condition.change_tests(&mut |test| {
                if spent.is_ok() {
                    spent = widen(test, &wide, last, meter);
                }
            });
        }
        spent
    }
}

fn widen(
    test: &mut Test,
    wide: &HashMap<u32, IntervalSet<u32>>,
    last: u32,
    meter: &mut Meter,
) -> Result<(), Exhausted> {
    if !matches!(test.field(), Field::InIface | Field::OutIface) {
        return Ok(());
    }
    let Some(set) = test.values().as_ranges() else { return Ok(()) };
    let mut more: Option<IntervalSet<u32>> = None;
    for (low, high) in set.ranges() {
        for found in (low..=high.min(last)).filter_map(|index| wide.get(&index)) {
            meter.charge(found.ranges().count() as u64 / 16 + 1)?;
            more = Some(more.map_or_else(|| found.clone(), |more| more.union(found)));
        }
    }
    if let Some(more) = more {
        *test = test.with_values(ValueSet::from(more.union(&set.to_set())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn words_of_symbols_read_back() {
        for text in ["", "e", "eth*", "*", "eth\\", "eth\\*", "\\", "\\\\*", "a\\b", "a*b"] {
            for named in [Interface::Name(text.into()), Interface::Beginning(text.into())] {
                assert_eq!(Interface::of(&named.symbol()), named, "{text}");
            }
        }
        assert_eq!(Interface::of("eth*"), Interface::Beginning("eth".into()));
        assert_eq!(Interface::of("eth\\*"), Interface::Name("eth*".into()));
    }

    #[test]
    fn an_interface_has_its_own_symbol_or_the_longest_beginning() {
        let symbols = symbols(&["e*", "eth1", "eth*", "lo", "x\\*"]);
        for (words, found) in [
            ("eth1", Some(1)),
            ("eth2", Some(2)),
            ("eth*", Some(2)),
            ("eth\\*", Some(2)),
            ("e", Some(0)),
            ("x\\*", Some(4)),
            ("x1", None),
            ("x*", None),
        ] {
            assert_eq!(Interface::find(words, &symbols), found, "{words}");
        }
    }

    #[test]
    fn beginnings_say_all_that_they_stand_for() {
        let symbols = symbols(&["e*", "eth1", "eth*", "lo", "eth"]);
        assert_eq!(Interface::all_of(2, &symbols), [1, 2, 4]);
        assert_eq!(Interface::all_of(0, &symbols), [0, 1, 2, 4]);
        assert_eq!(Interface::all_of(3, &symbols), [3]);
        let words = |list: &[u32]| {
            let set = IntervalSet::from_ranges(list.iter().map(|index| (*index, *index)));
            Interface::words_for(set.view(), &symbols)
        };
        assert_eq!(words(&[1, 2, 3, 4]), Ok(vec![2, 3]));
        assert_eq!(words(&[0, 1, 2, 4]), Ok(vec![0]));
        assert_eq!(words(&[1, 3]), Ok(vec![1, 3]));
        assert_eq!(words(&[2, 4]), Err(2));
        assert_eq!(words(&[7]), Err(7));
    }

    #[test]
    fn tests_of_beginnings_take_what_other_names_take_out() {
        use crate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, Verdict};
        let rule = |index| RuleBuf {
            name: "r".into(),
            condition: Condition::test(Field::InIface, ValueSet::single(index)),
            actions: Box::default(),
            outcome: Outcome::Verdict(Verdict::Accept),
            action_given: true,
            nlri: None,
            origin: crate::ir::Origin::default(),
        };
        let mut document = Document {
            rule_sets: vec![RuleSet {
                name: "s".into(),
                kind: Kind::Filter,
                family: crate::field::Family::Any,
                default: Verdict::Accept,
                rules: (0..4).map(rule).collect(),
            }],
            symbols: symbols(&["eth*", "lo", "eth", "eth\\*"]),
            ..Document::default()
        };
        let mut meter = Meter::new(&crate::guard::limits::EXPANSION);
        document.widen_interfaces(&mut meter).unwrap();
        let values = |rule: usize| {
            document.rule_sets[0].rules.get(rule).unwrap().condition.tests()[0].values().to_set()
        };
        assert_eq!(values(0), ValueSet::of([0, 2, 3]));
        assert_eq!(
            (values(1), values(2), values(3)),
            (ValueSet::single(1), ValueSet::single(2), ValueSet::single(3))
        );
        let mut none = Meter::with_allowance(&crate::guard::limits::EXPANSION, 0);
        assert!(document.widen_interfaces(&mut none).is_err());
    }
}
