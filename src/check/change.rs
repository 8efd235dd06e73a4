//! What a change to rules does: each input beside the one it takes the place of, compared once for all checks on changes.

use super::{Comparison, Input, Meta, RuleAt};
use crate::diagnostic::{Diagnostic, Label};
use crate::eval::holds;
use crate::field::{Family, Field};
use crate::ir::{Condition, Document, Rule, RuleSet, ValueSetRef};
use crate::symbolic::Fates;
use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

/// An input before and after a change; one of them is missing where it is new or gone.
#[derive(Clone, Copy, Debug)]
pub struct Versions<'a> {
    /// As it was.
    pub old: Option<&'a Input>,
    /// As it is to be.
    pub new: Option<&'a Input>,
}

/// One input that stands on both sides.
#[derive(Debug)]
pub(super) struct Change<'a> {
    pub(super) new: &'a Input,
    pub(super) comparison: Comparison,
    pub(super) old_fates: Fates,
    /// Rule sets of one name, chains among them.
    pub(super) rule_sets: Vec<SetPair<'a>>,
}

/// A rule set before and after.
#[derive(Debug)]
pub(super) struct SetPair<'a> {
    input: &'a Input,
    pub(super) old: &'a RuleSet,
    pub(super) new: &'a RuleSet,
    pub(super) old_index: usize,
    pub(super) new_index: usize,
    pub(super) alignment: Alignment,
}

impl<'a> Change<'a> {
    pub(super) fn of(versions: &Versions<'a>, view: &Condition) -> Option<Self> {
        let (old, new) = (versions.old?, versions.new?);
        let mut comparison = Comparison::of(old.reading.document.clone(), new.reading.document.clone());
        if old.dialect != new.dialect {
            comparison.forget_words();
        }
        let old_fates = Fates::of(&old.reading.document, view, holds);
        let mut named: HashMap<&str, (usize, &RuleSet)> = HashMap::new();
        for (index, set) in new.reading.document.rule_sets.iter().enumerate() {
            named.entry(&set.name).or_insert((index, set));
        }
        let pairs = old.reading.document.rule_sets.iter().enumerate().filter_map(|(old_index, old)| {
            let (new_index, next) = named.get(&*old.name).copied()?;
            let alignment = Alignment::of(old, next);
            Some(SetPair { input: new, old, new: next, old_index, new_index, alignment })
        });
        Some(Self { new, comparison, old_fates, rule_sets: pairs.collect() })
    }
}

impl<'a> SetPair<'a> {
    /// Rules of both that stand for each other: the index of the old one, the old one, and where the new one stands.
    pub(super) fn rules<'p>(
        &'p self,
        pairs: &'p [(usize, usize)],
    ) -> impl Iterator<Item = (usize, Rule<'a>, RuleAt<'a>)> + 'p {
        pairs.iter().filter_map(|(before, index)| {
            let at = RuleAt::of(self.input, self.new_index, *index)?;
            Some((*before, self.old.rules.get(*before)?, at))
        })
    }
}

/// Whether a condition holds for every packet that comes to the rules of a family.
pub(super) fn matches_all(condition: &Condition, family: Family) -> bool {
    condition.clone().of_packets(family) == Condition::True
}

/// A finding about a whole rule set, shown on one of its rules.
pub(super) fn about_set(
    meta: &'static Meta,
    set: &RuleSet,
    rule: &Rule<'_>,
    words: &str,
    message: String,
) -> Diagnostic {
    let mut finding = Diagnostic::new(meta.name, meta.level, message, label(rule, words));
    finding.rule_set = Some(set.name.clone());
    finding
}

/// How many values, ranges or patterns a condition lists of each field.
pub(super) fn list_sizes(condition: &Condition) -> Vec<(Field, usize)> {
    let mut sizes: Vec<(Field, usize)> = Vec::new();
    for test in condition.tests() {
        let size = match test.values() {
            ValueSetRef::Ranges(set) => set.ranges().count(),
            ValueSetRef::Wide(set) => set.ranges().count(),
            ValueSetRef::Bits(set) => set.patterns().len(),
        };
        match sizes.iter_mut().find(|(field, _)| *field == test.field()) {
            Some((_, sum)) => *sum += size,
            None => sizes.push((test.field(), size)),
        }
    }
    sizes
}

/// Where a rule was written, with words.
pub(super) fn label(rule: &Rule<'_>, words: impl Into<String>) -> Label {
    Label::new(rule.origin.source, rule.origin.span).with_message(words)
}

/// The first rule of a rule set or of what it walks: where something is said of the whole of it.
pub(super) fn first_rule(document: &Document, set: usize) -> Option<Rule<'_>> {
    document.reached(set).into_iter().find_map(|index| document.rule_sets.get(index)?.rules.get(0))
}

/// Rules of an old and a new rule set that stand for each other.
#[derive(Debug, Default)]
pub struct Alignment {
    /// Rules that are the same in both, wherever they stand.
    pub same: Vec<(usize, usize)>,
    /// Rules of one name, or between the same neighbours, that are not the same.
    pub edited: Vec<(usize, usize)>,
    /// Rules of the old set alone.
    pub removed: Vec<usize>,
    /// Rules of the new set alone.
    pub added: Vec<usize>,
}

impl Alignment {
    /// Aligns the rules of a rule set as it was with those of it as it is to be.
    pub fn of(old: &RuleSet, new: &RuleSet) -> Self {
        let state = foldhash::fast::FixedState::default();
        let key = |rule: &Rule<'_>| state.hash_one((rule.condition.digest(&state), rule.outcome));
        let mut left: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, rule) in new.rules.iter().enumerate().rev() {
            left.entry(key(&rule)).or_default().push(index);
        }
        let mut found = Self::default();
        let mut taken = vec![false; new.rules.len()];
        for (index, rule) in old.rules.iter().enumerate() {
            let list = left.get_mut(&key(&rule));
            let same = |other: usize| {
                new.rules.get(other).is_some_and(|other| {
                    other.outcome == rule.outcome && other.condition.is_same(rule.condition)
                })
            };
            match list.and_then(|list| list.pop_if(|other| same(*other))) {
                Some(other) => {
                    taken.get_mut(other).into_iter().for_each(|taken| *taken = true);
                    found.same.push((index, other));
                }
                None => found.removed.push(index),
            }
        }
        found.added = (0..taken.len()).filter(|index| taken.get(*index) == Some(&false)).collect();
        found.pair(old, new);
        found
    }

    /// Pairs rules of one side alone: by name where rules are named, else those between the same neighbours, in order.
    fn pair(&mut self, old: &RuleSet, new: &RuleSet) {
        let mut by_name: HashMap<&str, usize> = HashMap::new();
        for index in &self.added {
            if let Some(rule) = new.rules.get(*index) {
                by_name.insert(rule.name, *index);
            }
        }
        // Numbers that stand for places say nothing.
        let named = |set: &RuleSet| set.rules.iter().zip(1_u32..).any(|(rule, n)| rule.name != n.to_string());
        if named(old) && named(new) {
            for index in &self.removed {
                let name = old.rules.get(*index).map_or("", |rule| rule.name);
                self.edited.extend(by_name.remove(name).map(|other| (*index, other)));
            }
        } else {
            // How many rules that stay stand before each.
            let gaps = |stay: Vec<usize>, count: usize| {
                let mut marks = vec![0; count];
                for index in stay {
                    marks.get_mut(index).into_iter().for_each(|mark| *mark = 1);
                }
                let sum =
                    marks.into_iter().scan(0_usize, |sum, mark| Some(std::mem::replace(sum, *sum + mark)));
                sum.collect::<Vec<_>>()
            };
            let old_gaps = gaps(self.same.iter().map(|pair| pair.0).collect(), old.rules.len());
            let new_gaps = gaps(self.same.iter().map(|pair| pair.1).collect(), new.rules.len());
            let mut next = self.added.iter().copied().peekable();
            for index in &self.removed {
                let place = old_gaps.get(*index);
                while next.next_if(|other| new_gaps.get(*other) < place).is_some() {}
                let other = next.next_if(|other| new_gaps.get(*other) == place);
                self.edited.extend(other.map(|other| (*index, other)));
            }
        }
        let [old, new]: [BTreeSet<usize>; 2] = [
            self.edited.iter().map(|pair| pair.0).collect(),
            self.edited.iter().map(|pair| pair.1).collect(),
        ];
        self.removed.retain(|index| !old.contains(index));
        self.added.retain(|index| !new.contains(index));
    }
}
