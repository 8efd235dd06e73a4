//! How rule sets reach each other: calls, gotos and stages, where packets enter, and circles.

use super::{Document, Kind, Outcome, RuleSet, Rules};
use std::collections::{BTreeMap, BTreeSet};

/// How often a walk came to each rule set, for [`Condition::at_visit`](super::Condition::at_visit).
#[derive(Clone, Debug, Default)]
pub struct Visits(BTreeMap<u32, u32>);

impl Visits {
    /// Comes to a rule set; for the how manieth time, counted from 1.
    pub fn come_to(&mut self, rule_set: u32) -> u32 {
        let visit = self.0.entry(rule_set).or_default();
        *visit += 1;
        *visit
    }
}

impl Outcome {
    /// The rule set that is walked next, as an index into [`Document::rule_sets`]; none for outcomes that walk none.
    pub fn target(self) -> Option<u32> {
        match self {
            Self::Call(target) | Self::Goto(target) | Self::Stage(target) => Some(target),
            Self::Verdict(_) | Self::Next { .. } | Self::Return => None,
        }
    }

    /// The same outcome with another rule set walked next.
    #[must_use]
    pub fn with_target(self, target: u32) -> Self {
        match self {
            Self::Call(_) => Self::Call(target),
            Self::Goto(_) => Self::Goto(target),
            Self::Stage(_) => Self::Stage(target),
            Self::Verdict(_) | Self::Next { .. } | Self::Return => self,
        }
    }
}

impl RuleSet {
    /// The rule sets its rules walk, as indices; one for every such rule, in order.
    pub fn targets(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.rules.len())
            .filter_map(|index| self.rules.outcome(index)?.target().map(|target| target as usize))
    }
}

impl Document {
    /// Where packets enter, as indices in ascending order.
    ///
    /// Where the document has hooks, these are the entries. Else they are the rule sets that no other walks,
    /// without the chains, and one of each circle of calls that no entry reaches.
    pub fn entries(&self) -> Vec<usize> {
        let sets = &self.rule_sets;
        let of_kind = |index: &usize, kind: Kind| sets.get(*index).is_some_and(|set| set.kind == kind);
        let hooks: Vec<usize> = (0..sets.len()).filter(|index| of_kind(index, Kind::Hook)).collect();
        if !hooks.is_empty() {
            return hooks;
        }
        let walked: BTreeSet<usize> = sets.iter().flat_map(RuleSet::targets).collect();
        let (circles, mut list): (Vec<usize>, Vec<usize>) =
            (0..sets.len()).filter(|index| !of_kind(index, Kind::Chain)).partition(|i| walked.contains(i));
        // What chains that nobody calls reach is no circle: only packets of another document come there.
        let chains = (0..sets.len()).filter(|index| of_kind(index, Kind::Chain) && !walked.contains(index));
        let mut seen = BTreeSet::new();
        self.mark_reached(list.iter().copied().chain(chains).collect(), &mut seen);
        for start in circles {
            if !seen.contains(&start) {
                list.push(start);
                self.mark_reached(vec![start], &mut seen);
            }
        }
        list.sort_unstable();
        list
    }

    /// The rule sets that packets may come to from one, itself among them, in ascending order.
    pub fn reached(&self, from: usize) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        self.mark_reached(vec![from], &mut seen);
        seen.into_iter().collect()
    }

    pub(super) fn mark_reached(&self, mut waiting: Vec<usize>, seen: &mut BTreeSet<usize>) {
        while let Some(index) = waiting.pop() {
            if seen.insert(index)
                && let Some(set) = self.rule_sets.get(index)
            {
                waiting.extend(set.targets());
            }
        }
    }

    /// The rules that close a circle of calls, gotos and stages, as rule set and rule: without them every walk
    /// ends. Readers refuse them, as the engines do; a walk over one ends at a limit.
    pub fn circles(&self) -> Vec<(usize, usize)> {
        #[derive(Clone, Copy, PartialEq)]
        enum Seen {
            Not,
            Open,
            Done,
        }
        let mut found = Vec::new();
        let mut seen = vec![Seen::Not; self.rule_sets.len()];
        for start in 0..seen.len() {
            // Rule sets that are being walked, each with the rule to look at next.
            let mut path = vec![(start, 0)];
            while let Some((set, rule)) = path.pop() {
                if rule == 0 {
                    match seen.get_mut(set) {
                        Some(state) if *state == Seen::Not => *state = Seen::Open,
                        _ => continue,
                    }
                }
                let rules = self.rule_sets.get(set).map(|set| &set.rules);
                let target = |index| Some((index, rules?.outcome(index)?.target()?));
                let next = (rule..rules.map_or(0, Rules::len)).find_map(target);
                let Some((index, target)) = next else {
                    if let Some(state) = seen.get_mut(set) {
                        *state = Seen::Done;
                    }
                    continue;
                };
                path.push((set, index + 1));
                match seen.get(target as usize) {
                    Some(Seen::Open) => found.push((set, index)),
                    Some(Seen::Not) => path.push((target as usize, 0)),
                    Some(Seen::Done) | None => {}
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Family;
    use crate::ir::{Condition, RuleBuf, Verdict};

    fn set(kind: Kind, outcomes: &[Outcome]) -> RuleSet {
        let rule = |outcome: &Outcome| RuleBuf::new("r", Condition::True, *outcome);
        RuleSet {
            name: "s".into(),
            kind,
            family: Family::Any,
            default: Verdict::Accept,
            rules: outcomes.iter().map(rule).collect(),
        }
    }

    fn document(rule_sets: Vec<RuleSet>) -> Document {
        Document { rule_sets, symbols: Vec::new(), ..Document::default() }
    }

    #[test]
    fn packets_enter_by_hooks_else_where_nobody_calls() {
        use Outcome::{Call, Goto, Stage};
        let filters =
            vec![set(Kind::Filter, &[Call(1)]), set(Kind::Filter, &[]), set(Kind::Chain, &[Call(1)])];
        assert_eq!(document(filters.clone()).entries(), [0]);
        let mut hooked = filters;
        hooked.push(set(Kind::Hook, &[Stage(0)]));
        assert_eq!(document(hooked).entries(), [3]);
        let circle = vec![set(Kind::Filter, &[Goto(1)]), set(Kind::Filter, &[Call(0)])];
        assert_eq!(document(circle).entries(), [0]);
        assert_eq!(document(vec![set(Kind::Chain, &[])]).entries(), [0; 0]);
    }

    #[test]
    fn rules_that_close_a_circle_are_found_once() {
        use Outcome::{Call, Goto, Return, Stage};
        let sets = vec![
            set(Kind::Filter, &[Call(1), Return, Goto(2)]),
            set(Kind::Chain, &[Call(2)]),
            set(Kind::Chain, &[Goto(1), Stage(2), Call(9)]),
        ];
        assert_eq!(document(sets).circles(), [(2, 0), (2, 1)]);
        let tree = vec![set(Kind::Filter, &[Call(1), Call(1)]), set(Kind::Chain, &[])];
        assert_eq!(document(tree).circles(), []);
    }
}
