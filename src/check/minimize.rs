//! A smaller document that decides the same about every packet.

use super::fix::decides_the_same;
use super::merge::merges;
use crate::eval::holds;
use crate::ir::{Condition, Document, Outcome, RuleSet};
use crate::symbolic::{Fates, RuleFate, delta};
use std::collections::{BTreeMap, BTreeSet};

/// A document with fewer rules.
#[derive(Debug)]
pub struct Minimized {
    /// The document; the old one where nothing could be taken away, or the proof that it decides the same failed.
    pub document: Document,
    /// Rules taken away, because no packet comes to them or what comes after them does the same.
    pub removed: usize,
    /// Rules put together with others.
    pub merged: usize,
    /// Why it is the old one although rules could go.
    pub unproven: Option<&'static str>,
}

/// Merging lets more rules meet: so often it is tried again.
const ROUNDS: usize = 64;
/// Rule sets in which each rule is tried for being in vain; a try takes a look at all of them.
const TRIED: usize = 1_000;

/// Takes rules away that no packet comes to or that do what comes after them does anyway, and puts rules together that can
/// be one, as long as every packet provably meets the same verdict. Rules that ask for more than a verdict are only taken
/// away where no packet comes to them.
pub fn minimize(document: &Document) -> Minimized {
    let mut new = document.clone();
    let (mut removed, mut merged) = (0, 0);
    for _ in 0..ROUNDS {
        let before = (removed, merged);
        removed += without_dead(&mut new);
        for set in new.rule_sets.iter_mut().filter(|set| set.kind.is_written()) {
            merged += with_merges(set);
        }
        if (removed, merged) == before {
            break;
        }
    }
    for entry in new.entries() {
        if let Some(set) = new.rule_sets.get_mut(entry) {
            removed += without_vain(set);
        }
    }
    if removed + merged == 0 || decides_the_same(document, &new) {
        return Minimized { document: new, removed, merged, unproven: None };
    }
    let unproven = Some("that the smaller set decides the same is not proven");
    Minimized { document: document.clone(), removed: 0, merged: 0, unproven }
}

fn without_dead(document: &mut Document) -> usize {
    let fates = Fates::of(document, &Condition::True, holds);
    let mut removed = 0;
    for (index, set) in document.rule_sets.iter_mut().enumerate().filter(|(_, set)| set.kind.is_written()) {
        let count = set.rules.len();
        set.rules.retain(|rule, _| !matches!(fates.rule(index, rule), Some(RuleFate::Covered(_))));
        removed += count - set.rules.len();
    }
    removed
}

fn with_merges(set: &mut RuleSet) -> usize {
    let found = merges(set);
    let kept: BTreeMap<usize, &Condition> =
        found.iter().map(|merge| (merge.first, &merge.condition)).collect();
    for (index, condition) in set.rules.conditions_mut().iter_mut().enumerate() {
        if let Some(merged) = kept.get(&index) {
            *condition = (*merged).clone();
        }
    }
    let gone: BTreeSet<usize> = found.iter().map(|merge| merge.second).collect();
    set.rules.retain(|index, _| !gone.contains(&index));
    found.len()
}

/// Takes away rules without which every packet meets the same verdict, from the last on.
fn without_vain(set: &mut RuleSet) -> usize {
    if set.rules.len() > TRIED {
        return 0;
    }
    let mut removed = 0;
    for index in (0..set.rules.len()).rev() {
        let plain = set
            .rules
            .get(index)
            .is_some_and(|rule| matches!(rule.outcome, Outcome::Verdict(_)) && rule.actions.is_empty());
        if !plain {
            continue;
        }
        let mut less = set.clone();
        less.rules.remove(index);
        if delta(set, &less, holds).is_ok_and(|found| found.changes.is_empty()) {
            *set = less;
            removed += 1;
        }
    }
    removed
}
