//! Jumps the kernel refuses, measured on Linux 6.18: into chains at hooks, in circles, and too deep. It looks from the
//! chains at hooks on, whether by `jump` or `goto`, and by every element of a map; other chains may do what they like.

use super::lower::Lower;
use super::matching::Problem;
use super::syntax::{Data, Verdict, Word};
use crate::dialect::raised;
use crate::ir::{Kind, Outcome, RuleSet};
use crate::source::Span;
use std::collections::BTreeSet;

/// Chains behind each other that the kernel takes, the one at a hook among them (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: usize = 16;

impl<'a> Lower<'a, '_> {
    /// Why no rule jumps to a chain: packets come there from a hook.
    pub(super) fn hooked_target(&self, name: Word<'a>) -> Result<(), Problem> {
        if !self.is_at_hook(name.text) {
            return Ok(());
        }
        let message =
            format!("packets come to `{}` from its hook, and rules jump to other chains", name.text);
        Err(Problem::new(raised::SYNTAX_ERROR, message, Some(name.span)))
    }

    /// The same of what an element of a map gives.
    pub(super) fn hooked_data(&self, data: Option<&Data<'a>>) -> Result<(), Problem> {
        match data {
            Some(Data::Verdict(Verdict::Jump(name) | Verdict::Goto(name))) => self.hooked_target(*name),
            _ => Ok(()),
        }
    }

    /// Circles of chains and chains too deep, as far as packets come from a hook. What closes a circle goes on to the
    /// next rule instead.
    pub(super) fn jumps(&mut self) {
        let is_jump = |outcome: &Outcome| matches!(outcome, Outcome::Call(_) | Outcome::Goto(_));
        let reached = self.reached_by_hooks();
        let mut said = BTreeSet::new();
        for (set, rule) in self.document.circles() {
            let Some(rules) = self.document.rule_sets.get_mut(set).map(|set| &mut set.rules) else {
                continue;
            };
            if !reached.contains(&set) || !rules.outcome(rule).is_some_and(|outcome| is_jump(&outcome)) {
                continue;
            }
            let span = rules.get(rule).map(|rule| rule.origin.span).unwrap_or_default();
            // A jump into a chain at a hook has been said.
            let target = rules.outcome(rule).and_then(Outcome::target);
            rules.set_outcome(rule, Outcome::Next { held: None });
            if !target.is_some_and(|target| self.is_filter(target as usize)) && said.insert(span) {
                let message = "this jump closes a circle of chains, which the kernel refuses";
                self.refuse(raised::SYNTAX_ERROR, message, "", span);
            }
        }
        self.too_deep(&reached);
    }

    fn is_filter(&self, set: usize) -> bool {
        self.document.rule_sets.get(set).is_some_and(|set| set.kind == Kind::Filter)
    }

    fn reached_by_hooks(&self) -> BTreeSet<usize> {
        let sets = &self.document.rule_sets;
        let mut waiting: Vec<usize> = (0..sets.len()).filter(|index| self.is_filter(*index)).collect();
        let mut reached = BTreeSet::new();
        while let Some(index) = waiting.pop() {
            if reached.insert(index)
                && let Some(set) = sets.get(index)
            {
                waiting.extend(set.targets());
            }
        }
        reached
    }

    // Chains in an order in which each stands behind those that jump to it; their depth is that of the deepest of them.
    fn too_deep(&mut self, reached: &BTreeSet<usize>) {
        let sets = &self.document.rule_sets;
        let targets = |index: usize| sets.get(index).into_iter().flat_map(RuleSet::targets);
        let mut callers = vec![0_usize; sets.len()];
        for target in reached.iter().flat_map(|index| targets(*index)) {
            if let Some(count) = callers.get_mut(target) {
                *count += 1;
            }
        }
        let mut depth = vec![1_usize; sets.len()];
        let mut ready: Vec<usize> =
            reached.iter().copied().filter(|index| callers.get(*index) == Some(&0)).collect();
        let mut deep: BTreeSet<Span> = BTreeSet::new();
        while let Some(index) = ready.pop() {
            let here = depth.get(index).copied().unwrap_or(1);
            let rules = sets.get(index).map(|set| &set.rules);
            for (rule, target) in rules.into_iter().flat_map(|rules| {
                (0..rules.len()).filter_map(|rule| Some((rule, rules.outcome(rule)?.target()?)))
            }) {
                let target = target as usize;
                if here == DEEPEST {
                    let span = rules.and_then(|rules| rules.get(rule)).map(|rule| rule.origin.span);
                    deep.extend(span);
                }
                if let Some(depth) = depth.get_mut(target) {
                    *depth = (*depth).max(here + 1);
                }
                if let Some(count) = callers.get_mut(target) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(target);
                    }
                }
            }
        }
        for span in deep {
            let message = format!("the kernel takes no more than {DEEPEST} chains behind each other");
            self.refuse(raised::SYNTAX_ERROR, message, "this jump leads into one more", span);
        }
    }
}
