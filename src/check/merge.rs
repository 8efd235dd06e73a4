//! Rules that can be one: they ask for the same but in one field, where their values touch, and do the same.

use super::protected::disjoint;
use crate::field::Field;
use crate::ir::{Action, Condition, Kind, Outcome, Rule, RuleSet, Test, ValueSet, ValueSetRef};
use crate::net::{Intervals, Prefix4, Prefix6, Unsigned};
use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher, Hash, Hasher};

/// Two rules of a rule set that can be one, at the place of the first.
#[derive(Debug)]
pub(super) struct Merge {
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) condition: Condition,
}

/// Rules between two that are looked at; further apart nobody would put them together.
const BETWEEN: usize = 1_000;

/// The pairs of rules of a rule set that can be one, each rule in one pair at most.
pub(super) fn merges(set: &RuleSet) -> Vec<Merge> {
    if set.kind == Kind::FlowRoutes {
        // Another NLRI stands at another place.
        return Vec::new();
    }
    let state = foldhash::fast::FixedState::default();
    // Rules that ask for the same but in one part: by all the rest.
    let mut alike: HashMap<u64, Vec<(usize, usize)>> = HashMap::new();
    let mut found = Vec::new();
    let mut taken = BTreeSet::new();
    for (index, rule) in set.rules.iter().enumerate() {
        // Two counters, or two rates, are not one.
        let plain = rule.actions.iter().all(|action| match action {
            Action::RateLimit(_)
            | Action::Policer(_)
            | Action::Count(_)
            | Action::Sample
            | Action::Other(_) => false,
            Action::RedirectTarget(_)
            | Action::RedirectInstance(_)
            | Action::RedirectIp { .. }
            | Action::InterfaceSet { .. }
            | Action::Log
            | Action::Mark(_)
            | Action::Class(_) => true,
        });
        if !plain || !matches!(rule.outcome, Outcome::Verdict(_)) {
            continue;
        }
        for (part, test) in tests(rule.condition) {
            let key = key(&state, &rule, part, test.field());
            let others = alike.entry(key).or_default();
            let partner = others.iter().rev().take(16).find_map(|(other, of)| {
                let free = !taken.contains(other) && !taken.contains(&index);
                let first = set.rules.get(*other).filter(|_| free)?;
                let condition = joined(first.condition, *of, rule.condition, part)?;
                let same = first.outcome == rule.outcome
                    && first.actions == rule.actions
                    && first.action_given == rule.action_given;
                (same && may_move(set, *other, index)).then_some(Merge {
                    first: *other,
                    second: index,
                    condition,
                })
            });
            if let Some(merge) = partner {
                taken.extend([merge.first, merge.second]);
                found.push(merge);
                break;
            }
            others.push((index, part));
        }
    }
    found
}

/// The parts that must hold together.
fn parts(condition: &Condition) -> &[Condition] {
    match condition {
        Condition::And(parts) => parts,
        other => std::slice::from_ref(other),
    }
}

/// The tests among them, with their number.
fn tests(condition: &Condition) -> impl Iterator<Item = (usize, &Test)> {
    parts(condition).iter().enumerate().filter_map(|(number, part)| match part {
        Condition::Test(test) => Some((number, test)),
        _ => None,
    })
}

fn key(state: &foldhash::fast::FixedState, rule: &Rule<'_>, without: usize, field: Field) -> u64 {
    let mut hasher = state.build_hasher();
    (rule.outcome, field, without).hash(&mut hasher);
    for (number, part) in parts(rule.condition).iter().enumerate().filter(|(number, _)| *number != without) {
        (number, part.digest(state)).hash(&mut hasher);
    }
    hasher.finish()
}

/// Both conditions as one, where they differ in one part alone whose values touch.
fn joined(a: &Condition, of_a: usize, b: &Condition, of_b: usize) -> Option<Condition> {
    let (list, others) = (parts(a), parts(b));
    if of_a != of_b || list.len() != others.len() {
        return None;
    }
    let rest = list.iter().zip(others).enumerate();
    if !rest.filter(|(number, _)| *number != of_a).all(|(_, (a, b))| a.is_same(b)) {
        return None;
    }
    let (Condition::Test(a), Condition::Test(b)) = (list.get(of_a)?, others.get(of_b)?) else { return None };
    let values = touching(a, b)?;
    let both = list.iter().enumerate().map(|(number, part)| {
        if number == of_a { Condition::Test(a.with_values(values.clone())) } else { part.clone() }
    });
    Some(Condition::and(both.collect::<Vec<_>>()))
}

/// The values of both tests, where they are as easily said as those of one: a prefix, or a range.
fn touching(a: &Test, b: &Test) -> Option<ValueSet> {
    match (a.values(), b.values()) {
        (ValueSetRef::Ranges(one), ValueSetRef::Ranges(other)) => {
            let (lo, hi) = range(one, other)?;
            let is_address = matches!(a.field(), Field::Src4 | Field::Dst4);
            (!is_address || Prefix4::cover(lo, hi).len() == 1).then(|| ValueSet::range(lo, hi))
        }
        (ValueSetRef::Wide(one), ValueSetRef::Wide(other)) => {
            let (lo, hi) = range(one, other)?;
            let is_address = matches!(a.field(), Field::Src6 | Field::Dst6);
            (is_address && Prefix6::cover(lo, hi).len() == 1)
                .then(|| crate::net::IntervalSet::range(lo, hi).into())
        }
        _ => None,
    }
}

fn range<T: Unsigned>(a: Intervals<'_, T>, b: Intervals<'_, T>) -> Option<(T, T)> {
    if a.ranges().len() != 1 || b.ranges().len() != 1 {
        return None;
    }
    // One that holds the other is no half of both.
    let is_half = !a.is_subset(b) && !b.is_subset(a);
    a.union(b).as_range().filter(|_| is_half)
}

/// Whether the packets of the second rule may be taken at the first: no rule between them does something else with any.
fn may_move(set: &RuleSet, first: usize, second: usize) -> bool {
    let Some(moved) = set.rules.get(second).filter(|_| second - first <= BETWEEN) else { return false };
    (first + 1..second).all(|index| {
        set.rules.get(index).is_some_and(|between| {
            let same = between.outcome == moved.outcome && between.actions == moved.actions;
            same || disjoint(between.condition, moved.condition)
        })
    })
}
