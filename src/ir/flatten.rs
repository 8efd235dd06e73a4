//! Rule sets that walk others, as lists whose first match decides: what dialects without chains can say.
//!
//! A called rule set's rules stand where the call stands, each under the condition of the call. A packet that leaves
//! a rule set while rules of its callers are left is kept from the rest of it by the opposite of what it left by;
//! where none are left, the default it comes to is its verdict.

use super::calls::Visits;
use super::{Condition, Document, Kind, Outcome, Rule, RuleParts, RuleSet, Rules, Verdict};
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::ValueSet;
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Document {
    /// The document with each entry that walks other rule sets as one list that walks none and decides the same
    /// about every packet. Rule sets that only such entries walk are gone; names of rules say by which rules of the
    /// callers packets come to them, as `5/2`.
    ///
    /// An entry stays as it is where `keeps` is true for every rule with a target or a [`Outcome::Return`] that is
    /// walked from there, where a rule holds a verdict while others are tried, where rule sets walk each other in
    /// a circle, and where the list would take more than an allowance.
    pub fn flattened(&self, keeps: impl Fn(&RuleSet, &Rule<'_>) -> bool) -> Cow<'_, Document> {
        let walks = |outcome: Outcome| outcome.target().is_some() || outcome == Outcome::Return;
        if !self.rule_sets.iter().any(|set| set.rules.outcomes().any(walks)) || !self.circles().is_empty() {
            return Cow::Borrowed(self);
        }
        let mut flat: Vec<(usize, RuleSet)> = Vec::new();
        // What some entry that stays as it is still walks.
        let mut kept = BTreeSet::new();
        let entries = self.entries();
        for entry in &entries {
            let mut reached = BTreeSet::new();
            self.mark_reached(vec![*entry], &mut reached);
            let sets = || reached.iter().filter_map(|index| self.rule_sets.get(*index));
            let plain = sets().all(|set| {
                !set.rules.outcomes().any(walks)
                    || set.rules.iter().all(|rule| !walks(rule.outcome) || keeps(set, &rule))
            });
            match self.rule_sets.get(*entry).filter(|_| !plain).map(|set| Flattener::run(self, set)) {
                Some(Ok(set)) => flat.push((*entry, set)),
                Some(Err(_)) | None => kept.extend(reached),
            }
        }
        if flat.is_empty() {
            return Cow::Borrowed(self);
        }
        // Chains that nobody walks are still there: whoever writes the document says what becomes of them.
        let mut walked = BTreeSet::new();
        self.mark_reached(entries.clone(), &mut walked);
        kept.extend((0..self.rule_sets.len()).filter(|index| !walked.contains(index)));
        kept.extend(entries.iter().copied());
        let place = |old: u32| {
            let at = kept.iter().position(|index| *index == old as usize);
            at.and_then(|at| u32::try_from(at).ok()).unwrap_or(u32::MAX)
        };
        let rule_sets = kept.iter().filter_map(|index| {
            if let Some((_, set)) = flat.iter().find(|(entry, _)| entry == index) {
                return Some(set.clone());
            }
            let mut set = self.rule_sets.get(*index)?.clone();
            set.rules.map_outcomes(|outcome| {
                outcome.target().map_or(outcome, |target| outcome.with_target(place(target)))
            });
            Some(set)
        });
        Cow::Owned(Document {
            rule_sets: rule_sets.collect(),
            symbols: self.symbols.clone(),
            patterns: self.patterns.clone(),
            attached: self.attached.clone(),
        })
    }
}

/// Why there is no list.
#[derive(Debug)]
enum Stop {
    Exhausted,
    Held,
}

impl From<Exhausted> for Stop {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

struct Flattener<'a> {
    document: &'a Document,
    family: Family,
    rules: Rules,
    scopes: Vec<Scope>,
    // The rules of the callers.
    path: Vec<&'a str>,
    meter: Meter,
    depth: Meter,
    // How often each rule set was walked.
    visits: Visits,
}

/// A rule set that is being walked.
#[derive(Debug)]
struct Scope {
    // What holds for packets that are in it.
    conditions: Vec<Condition>,
    leaves: Leaves,
}

/// What becomes of a packet that leaves a rule set.
#[derive(Clone, Copy, Debug)]
enum Leaves {
    /// No rule is left for it.
    With(Verdict),
    /// It goes on behind the rule by which it came.
    Behind,
}

impl<'a> Flattener<'a> {
    fn run(document: &'a Document, entry: &'a RuleSet) -> Result<RuleSet, Stop> {
        let mut flattener = Self {
            document,
            family: entry.family,
            rules: Rules::new(),
            scopes: vec![Scope { conditions: Vec::new(), leaves: Leaves::With(entry.default) }],
            path: Vec::new(),
            meter: Meter::new(&limits::FLATTENED),
            depth: Meter::new(&limits::CALL_DEPTH),
            visits: Visits::default(),
        };
        flattener.walk(entry, 1, None)?;
        Ok(RuleSet {
            name: entry.name.clone(),
            kind: if entry.kind == Kind::Hook { Kind::Filter } else { entry.kind },
            family: entry.family,
            default: entry.default,
            rules: flattener.rules,
        })
    }

    /// The rules of a rule set, within the innermost scope. `stage` is the scope that an accept leaves.
    fn walk(&mut self, set: &'a RuleSet, visit: u32, stage: Option<usize>) -> Result<(), Stop> {
        let last = set.rules.len().checked_sub(1);
        for (index, rule) in set.rules.iter().enumerate() {
            self.meter.charge(1)?;
            let later = rule.condition.at_visit(visit);
            let name = rule.name;
            let rule = Rule { condition: later.as_ref().unwrap_or(rule.condition), ..rule };
            let here = self.scopes.len() - 1;
            match rule.outcome {
                Outcome::Verdict(verdict) => match stage {
                    // An accept lets the packet through this stage only.
                    Some(scope) if !verdict.is_drop() => self.leave(&rule, scope)?,
                    _ => self.emit(&rule, rule.outcome)?,
                },
                Outcome::Next { held: Some(_) } => return Err(Stop::Held),
                Outcome::Next { held: None } if rule.actions.is_empty() => {}
                Outcome::Next { held: None } => self.emit(&rule, rule.outcome)?,
                Outcome::Return => self.leave(&rule, here)?,
                Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    if !rule.actions.is_empty() {
                        self.emit(&rule, Outcome::Next { held: None })?;
                    }
                    self.enter(&rule, name, Some(index) == last, stage)?;
                }
            }
        }
        Ok(())
    }

    /// The rules of the rule set that a rule walks next.
    fn enter(
        &mut self,
        rule: &Rule<'_>,
        name: &'a str,
        last: bool,
        stage: Option<usize>,
    ) -> Result<(), Stop> {
        let document = self.document;
        // One that is not there decides nothing.
        let index = rule.outcome.target();
        let target = index.and_then(|target| document.rule_sets.get(target as usize));
        let visit = index.map_or(1, |index| self.visits.come_to(index));
        self.depth.charge(1)?;
        self.path.push(name);
        let here = self.scopes.len() - 1;
        let outer = self.scopes.last().map_or(Leaves::Behind, |scope| scope.leaves);
        let behind = if last || matches!(rule.outcome, Outcome::Goto(_)) { outer } else { Leaves::Behind };
        match (rule.outcome, target) {
            (Outcome::Stage(_), Some(set)) => self.stage(rule, set, visit, behind)?,
            (_, Some(set)) => {
                self.scopes.push(Scope { conditions: vec![rule.condition.clone()], leaves: behind });
                self.walk(set, visit, stage)?;
                self.scopes.pop();
            }
            (_, None) => {}
        }
        self.path.pop();
        self.depth.release(1);
        if matches!(rule.outcome, Outcome::Goto(_)) && !last {
            // What comes out of it has left this rule set too.
            self.leave(&Rule { actions: &[], ..*rule }, here)?;
        }
        Ok(())
    }

    fn stage(&mut self, rule: &Rule<'_>, set: &'a RuleSet, visit: u32, behind: Leaves) -> Result<(), Stop> {
        let version = match set.family {
            family if family == self.family => Condition::True,
            Family::Any => Condition::True,
            Family::Inet => Condition::test(Field::IpVersion, ValueSet::single(4)),
            Family::Inet6 => Condition::test(Field::IpVersion, ValueSet::single(6)),
        };
        let conditions = vec![Condition::and([rule.condition.clone(), version])];
        // A packet that no rule decides meets the default: it drops, or lets it through.
        let leaves = if set.default.is_drop() { Leaves::With(set.default) } else { behind };
        self.scopes.push(Scope { conditions, leaves });
        let scope = self.scopes.len() - 1;
        // What an accept leaves stands around what a return leaves: they come to different places.
        self.scopes.push(Scope { conditions: Vec::new(), leaves });
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.leaves = behind;
        }
        self.walk(set, visit, Some(scope))?;
        if set.default.is_drop() {
            let rest = Rule { name: "default", condition: &Condition::True, actions: &[], ..*rule };
            self.emit(&rest, Outcome::Verdict(set.default))?;
        }
        self.scopes.pop();
        self.scopes.pop();
        Ok(())
    }

    /// A rule by which packets leave a scope: where no rule is left for them, they get what they come to then.
    fn leave(&mut self, rule: &Rule<'_>, scope: usize) -> Result<(), Stop> {
        match self.scopes.get(scope).map(|scope| scope.leaves) {
            Some(Leaves::With(fate)) => self.emit(rule, Outcome::Verdict(fate)),
            Some(Leaves::Behind) | None => {
                if !rule.actions.is_empty() {
                    self.emit(rule, Outcome::Next { held: None })?;
                }
                let inner = self.scopes.iter().skip(scope + 1).flat_map(|scope| &scope.conditions);
                let left = Condition::and(inner.cloned().chain([rule.condition.clone()]));
                self.meter.charge(left.tests().len() as u64 + 1)?;
                if let Some(scope) = self.scopes.get_mut(scope) {
                    scope.conditions.push(Condition::not(left));
                }
                Ok(())
            }
        }
    }

    fn emit(&mut self, rule: &Rule<'_>, outcome: Outcome) -> Result<(), Stop> {
        let guard = self.scopes.iter().flat_map(|scope| &scope.conditions);
        let condition = Condition::and(guard.cloned().chain([rule.condition.clone()]));
        self.meter.charge(condition.tests().len() as u64 + 1)?;
        let condition = condition.of_packets(self.family);
        if condition == Condition::False {
            return Ok(());
        }
        let mut name = String::new();
        for caller in &self.path {
            name.push_str(caller);
            name.push('/');
        }
        name.push_str(rule.name);
        self.rules.add(RuleParts {
            name: &name,
            condition,
            actions: rule.actions,
            outcome,
            action_given: rule.action_given,
            nlri: None,
            origin: rule.origin,
        });
        Ok(())
    }
}
