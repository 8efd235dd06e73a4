//! Conditions on what rules of the same document change, a mark or a set: what holds before a change need not hold
//! behind it. So a condition is named by what was changed before it is asked, and is no variable of another moment.

use crate::ir::{Action, Document, Opaque, Outcome, Rule, RuleSet};
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, Hasher};

/// Gives opaque conditions that `is_changed` says a rule may change other names in every rule set: with the number of
/// changes before them there, and a digest of all changes of the document and of what decides who comes to them. Equal
/// names are equal moments, in one document and in two.
pub(super) fn name(document: &mut Document, is_changed: impl Fn(&Opaque) -> bool) {
    let changing = changing(document);
    if !changing.contains(&true) {
        return;
    }
    let digest = digest(document, &changing);
    for set in &mut document.rule_sets {
        let moments = set.rules.iter().scan(0_u32, |before, rule| {
            let moment = *before;
            *before += u32::from(may_change(&rule, &changing));
            Some(moment)
        });
        let moments: Vec<u32> = moments.collect();
        let RuleSet { name, rules, .. } = set;
        for (condition, moment) in rules.conditions_mut().iter_mut().zip(moments) {
            condition.rename_opaque(&mut |opaque| {
                let id = &opaque.id;
                is_changed(opaque)
                    .then(|| format!("{id}, in `{name}` behind {moment} changes of {digest:016x}"))
            });
        }
    }
}

/// Names of conditions that are others wherever they stand, though their words are the same: a limit counts for itself.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<String, u32>);

impl Places {
    /// The words at a place, with how often they stood there.
    pub(super) fn name(&mut self, words: &str, place: &str) -> String {
        let key = format!("{words} ({place}");
        let count = self.0.entry(key.clone()).or_default();
        *count += 1;
        format!("{key} #{count})")
    }
}

/// Of each rule set, whether a packet may be changed on its way through.
fn changing(document: &Document) -> Vec<bool> {
    let mut changing = vec![false; document.rule_sets.len()];
    let mut callers: Vec<Vec<usize>> = vec![Vec::new(); document.rule_sets.len()];
    let mut found = Vec::new();
    for (index, set) in document.rule_sets.iter().enumerate() {
        for target in set.targets() {
            if let Some(list) = callers.get_mut(target) {
                list.push(index);
            }
        }
        // Few rule sets have such a rule, and what their rules ask for is kept once.
        if set.rules.asked().any(changes) && set.rules.iter().any(|rule| changes_itself(&rule)) {
            found.push(index);
        }
    }
    // Every rule set is found once.
    while let Some(index) = found.pop() {
        let Some(known) = changing.get_mut(index).filter(|known| !**known) else { continue };
        *known = true;
        found.extend(callers.get(index).into_iter().flatten());
    }
    changing
}

fn changes(action: &Action) -> bool {
    matches!(action, Action::Mark(_) | Action::Class(_) | Action::Other(_))
}

fn changes_itself(rule: &Rule<'_>) -> bool {
    rule.actions.iter().any(changes)
}

fn may_change(rule: &Rule<'_>, changing: &[bool]) -> bool {
    let walks = rule.outcome.target().and_then(|index| changing.get(index as usize)) == Some(&true);
    walks || changes_itself(rule)
}

/// Of the rules before the last change of every rule set, but those that drop: what these take is not changed.
fn digest(document: &Document, changing: &[bool]) -> u64 {
    let state = foldhash::fast::FixedState::default();
    let mut hasher = state.build_hasher();
    for (set, _) in document.rule_sets.iter().zip(changing).filter(|(_, changing)| **changing) {
        set.name.hash(&mut hasher);
        let behind = |(rule, number): (Rule<'_>, usize)| may_change(&rule, changing).then_some(number);
        let last = set.rules.iter().zip(1..).filter_map(behind).last();
        for rule in set.rules.iter().take(last.unwrap_or(0)) {
            if matches!(rule.outcome, Outcome::Verdict(verdict) if verdict.is_drop()) {
                continue;
            }
            rule.condition.digest(&state).hash(&mut hasher);
            match rule.outcome.target().and_then(|index| document.rule_sets.get(index as usize)) {
                Some(target) => (std::mem::discriminant(&rule.outcome), &target.name).hash(&mut hasher),
                None => rule.outcome.hash(&mut hasher),
            }
            rule.actions.iter().for_each(|action| action.digest(&mut hasher));
        }
    }
    hasher.finish()
}
