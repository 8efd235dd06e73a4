//! The intermediate form every dialect is lowered to: rule sets of conditions and actions, as data.
//!
//! A [`Condition`] has three readers (evaluation on one packet, the symbolic stage, printing) and none has a
//! private idea of what it means. Nothing here names a dialect; text positions are kept only inside
//! [`Origin`] and the place of a [`Test`].

mod action;
mod alternatives;
mod calls;
mod columns;
mod condition;
mod flatten;
mod interfaces;
mod last_match;
mod pattern;
mod rules;
mod same;
mod symbols;
mod values;

pub use action::{Action, Mark, Outcome, Rate, RateUnit, RejectKind, RouteTarget, Verdict};
pub use calls::Visits;
pub use condition::{Beyond, Condition, Opaque, Test};
pub use interfaces::Interface;
pub use last_match::Ranked;
pub use pattern::{Pattern, PatternFlags};
pub use rules::{Iter, Rule, RuleBuf, RuleParts, Rules};
pub use values::{ValueSet, ValueSetRef};

use crate::field::{Family, GROUPS};
use crate::source::{SourceId, Span};
use std::collections::BTreeSet;

/// Where a rule was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Origin {
    /// The source.
    pub source: SourceId,
    /// The place in it.
    pub span: Span,
}

/// What a rule set is, which decides how it is judged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Kind {
    /// A filter: rules in the order written, decided by the first that matches.
    Filter,
    /// Flow routes: rules in RFC 8955 §5.1 order; the rules of a [`RuleSet`] already stand in it.
    FlowRoutes,
    /// A chain: rules in the order written, for packets that another rule set hands over with [`Outcome::Call`]
    /// or [`Outcome::Goto`]. Its default is [`Verdict::NoDecision`]; packets never enter by it.
    Chain,
    /// A place in an engine that packets pass: each rule is an [`Outcome::Stage`], in the order the engine takes
    /// them; its default is [`Verdict::Accept`]. Made by the reader: nobody wrote it, so checks on rules pass its
    /// own by.
    Hook,
}

impl Kind {
    /// Whether its rules were written by someone, and can be right or wrong.
    pub fn is_written(self) -> bool {
        match self {
            Self::Filter | Self::FlowRoutes | Self::Chain => true,
            Self::Hook => false,
        }
    }
}

/// An ordered list of rules with the verdict when none decides. Rules stand in evaluation order: the first
/// that matches decides, unless its [`Outcome`] goes on.
#[derive(Clone, PartialEq, Debug)]
pub struct RuleSet {
    /// Its name with what the dialect puts before it, as `inet/EDGE-IN`.
    pub name: String,
    /// How it is judged.
    pub kind: Kind,
    /// Whose packets reach it. Packets of another family are never put to its rules.
    pub family: Family,
    /// The verdict when no rule decides.
    pub default: Verdict,
    /// The rules in evaluation order.
    pub rules: Rules,
}

impl RuleSet {
    /// Whether a name means one of its rules: that of the rule, or with the name of the rule set and a colon before it.
    pub fn means(&self, name: &str, rule: &Rule<'_>) -> bool {
        let whole = || name.strip_prefix(&self.name)?.strip_prefix(':');
        name == rule.name || whole() == Some(rule.name)
    }
}

/// Everything one source said: its rule sets and the names they use.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Document {
    /// The rule sets in the order written. [`Outcome::target`] is an index into this list.
    pub rule_sets: Vec<RuleSet>,
    /// Interface and group names, those of interfaces as [`Interface`] says; a symbol field holds an index into this list, a field of groups has a bit for
    /// each of the first [`GROUPS`].
    pub symbols: Vec<Box<str>>,
    /// Regular expressions in the order written. They say nothing of packets: no rule set refers to them.
    pub patterns: Vec<Pattern>,
    /// Where rule sets are attached, as far as the source says so.
    pub attached: BTreeSet<Attached>,
}

/// A place where packets enter a rule set.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Attached {
    /// The name of the rule set.
    pub rule_set: Box<str>,
    /// The place in the words of the dialect, as `type filter hook input priority 0` or `interface Gi0/0/0/0 ingress`.
    /// At the hooks of one system all dialects use the same words.
    pub place: Box<str>,
}

impl Document {
    /// The symbol of a name, added if new.
    pub fn symbol(&mut self, name: &str) -> u32 {
        let index = self.symbols.iter().position(|s| &**s == name).unwrap_or_else(|| {
            self.symbols.push(name.into());
            self.symbols.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// The places where a rule set is attached, sorted.
    pub fn places<'d>(&'d self, rule_set: &str) -> impl Iterator<Item = &'d str> {
        let first = Attached { rule_set: rule_set.into(), place: Box::default() };
        let from = self.attached.range(first..);
        from.take_while(move |at| &*at.rule_set == rule_set).map(|at| &*at.place)
    }

    /// Forgets the places of rule sets that are not there.
    pub fn forget_unattached(&mut self) {
        let known: BTreeSet<&str> = self.rule_sets.iter().map(|set| &*set.name).collect();
        self.attached.retain(|at| known.contains(&*at.rule_set));
    }

    /// The bit of an interface group, added to the symbols if new; none when it is not among the first
    /// [`GROUPS`] of them.
    pub fn group(&mut self, name: &str) -> Option<u128> {
        let told_apart = GROUPS as usize;
        let known = self.symbols.iter().take(told_apart).position(|symbol| **symbol == *name);
        let index = known.or_else(|| {
            let next = self.symbols.len();
            (next < told_apart).then(|| self.symbols.push(name.into())).map(|()| next)
        })?;
        1_u128.checked_shl(u32::try_from(index).ok()?)
    }

    /// How many rules were written in all.
    pub fn rule_count(&self) -> usize {
        self.rule_sets.iter().filter(|set| set.kind.is_written()).map(|set| set.rules.len()).sum()
    }
}
