//! What is done with the chains of a source once all of it is read: names, circles, patterns of interfaces, hooks.

use super::chains::{HOOKS, Table, TableState};
use super::lower::Reader;
use super::matching::WRITTEN;
use super::options::shown;
use super::sets::CHANGED;
use crate::diagnostic::Level;
use crate::dialect::{moments, raised};
use crate::field::{Family, Field};
use crate::ir::{Condition, Kind, Origin, Outcome, RuleBuf, RuleSet, Rules, Test, ValueSet, Verdict};
use crate::source::Span;
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

impl Reader<'_> {
    /// What can be said only when everything is read.
    pub(super) fn finish_chains(&mut self) {
        self.undefined_chains();
        self.renumber_symbols();
        self.widen_interfaces();
        self.break_circles();
        for set in &mut self.document.rule_sets {
            set.rules.shrink_to_fit();
            number(&mut set.rules);
        }
        self.drop_deleted();
        self.hooks();
        moments::name(&mut self.document, |opaque| {
            matches!(&*opaque.reason, WRITTEN | CHANGED) || opaque.id.starts_with("iptables -m connmark")
        });
    }

    pub(super) fn undefined_chains(&mut self) {
        let tables = std::mem::take(&mut self.tables);
        for info in tables.iter().flat_map(|table| &table.infos) {
            let Some(span) = info.early.filter(|_| !info.declared) else { continue };
            let message = format!("`{}` is neither a target nor a chain of this table", shown(&info.name));
            self.findings.add(raised::UNDEFINED_REFERENCE, Level::Error, span, &message);
            // It may do either to any packet, or neither.
            let origin = Origin { source: self.source, span };
            let mut rules = Rules::new();
            for (what, verdict) in [("accepts", Verdict::Accept), ("discards", Verdict::Discard)] {
                let id = format!("iptables chain {} {what}", info.name);
                rules.push(RuleBuf {
                    name: what.into(),
                    condition: Condition::opaque(id, "the chain is not defined here", span),
                    actions: Box::default(),
                    outcome: Outcome::Verdict(verdict),
                    action_given: true,
                    nlri: None,
                    origin,
                });
            }
            self.put_back(info.index, rules);
        }
        self.tables = tables;
    }

    /// Chains deleted by a script stay as rule sets that nothing names, unless they can be taken from the end.
    pub(super) fn drop_deleted(&mut self) {
        let called: HashSet<usize> = self.document.rule_sets.iter().flat_map(RuleSet::targets).collect();
        let gone: HashSet<usize> = self
            .tables
            .iter()
            .flat_map(|t| &t.infos)
            .filter(|i| !i.declared && i.early.is_none())
            .map(|i| i.index)
            .collect();
        while let Some(last) = self.document.rule_sets.len().checked_sub(1) {
            if !gone.contains(&last) || called.contains(&last) {
                break;
            }
            self.document.rule_sets.pop();
        }
    }

    /// A circle of jumps is refused by the kernel.
    pub(super) fn break_circles(&mut self) {
        for (set, rule) in self.document.circles() {
            let Some(rules) = self.document.rule_sets.get_mut(set).map(|set| &mut set.rules) else {
                continue;
            };
            rules.set_outcome(rule, Outcome::Next { held: None });
            let span = rules.get(rule).map(|rule| rule.origin.span).unwrap_or_default();
            self.findings.syntax(span, "this jump closes a circle of chains, which the kernel refuses");
        }
    }

    /// Numbers names in the order rules stand in, not in which they were read.
    pub(super) fn renumber_symbols(&mut self) {
        if self.document.symbols.is_empty() {
            return;
        }
        let mut order: HashMap<u32, u32> = HashMap::new();
        for condition in self.document.rule_sets.iter_mut().flat_map(|set| set.rules.conditions_mut()) {
            renumber(condition, &mut order);
        }
        let mut placed: Vec<(u32, Box<str>)> = std::mem::take(&mut self.document.symbols)
            .into_iter()
            .zip(0_u32..)
            .filter_map(|(name, index)| Some((*order.get(&index)?, name)))
            .collect();
        placed.sort_by_key(|(index, _)| *index);
        self.document.symbols = placed.into_iter().map(|(_, name)| name).collect();
    }

    /// Has a name with a `+` take every interface that the file names and that begins so.
    fn widen_interfaces(&mut self) {
        if self.document.widen_interfaces(&mut self.expansion).is_err() {
            let message = format!("patterns of interfaces are too many: {}", self.expansion.exhausted());
            self.findings.syntax(Span::default(), &message);
        }
    }

    /// Where several tables have chains, packets pass them one after the other.
    pub(super) fn hooks(&mut self) {
        let families = [Family::Any, Family::Inet, Family::Inet6];
        let several = families.iter().any(|family| {
            let with_chains = |t: &&TableState| t.family == *family && t.infos.iter().any(|i| i.builtin);
            self.tables.iter().filter(with_chains).count() > 1
        });
        if !several {
            return;
        }
        for hook in HOOKS {
            for family in &families {
                let mut stages: Vec<(Table, usize)> = self
                    .tables
                    .iter()
                    .filter(|table| table.family == *family)
                    .filter_map(|table| Some((table.table, *table.chains.get(hook)?)))
                    .collect();
                if stages.is_empty() {
                    continue;
                }
                stages.sort_by_key(|(table, _)| table.place(hook));
                let stage = |(table, index): &(Table, usize)| RuleBuf {
                    name: table.name().into(),
                    condition: Condition::True,
                    actions: Box::default(),
                    outcome: Outcome::Stage(u32::try_from(*index).unwrap_or(u32::MAX)),
                    action_given: true,
                    nlri: None,
                    origin: Origin { source: self.source, span: Span::default() },
                };
                let plain = format!("hook/{hook}");
                let taken = self.document.rule_sets.iter().any(|set| set.name == plain);
                let name = if taken { format!("ip6/{plain}") } else { plain };
                let rules = stages.iter().map(stage).collect();
                let kind = Kind::Hook;
                self.document.rule_sets.push(RuleSet {
                    name,
                    kind,
                    family: *family,
                    default: Verdict::Accept,
                    rules,
                });
            }
        }
    }
}

/// Names of rules: the comment where no other rule of the chain has it, else the number.
pub(super) fn number(rules: &mut Rules) {
    let mut taken: HashSet<Box<str>> = HashSet::new();
    rules.rename(|index, comment, name| {
        let named = !comment.is_empty()
            && !comment.bytes().all(|b| b.is_ascii_digit())
            && taken.insert(comment.into());
        if named {
            name.push_str(comment);
        } else {
            // A string takes everything.
            let _ = write!(name, "{}", index + 1);
        }
    });
}

/// The only interface a test asks for.
pub(super) fn interface(test: &Test) -> Option<u32> {
    matches!(test.field(), Field::InIface | Field::OutIface)
        .then(|| test.values().as_single())
        .flatten()
        .and_then(|value| u32::try_from(value).ok())
}

pub(super) fn renumber(condition: &mut Condition, order: &mut HashMap<u32, u32>) {
    condition.change_tests(&mut |test| {
        if let Some(old) = interface(test) {
            let next = u32::try_from(order.len()).unwrap_or(u32::MAX);
            *test = test.with_values(ValueSet::single(*order.entry(old).or_insert(next)));
        }
    });
}
