//! The rules of a rule set, kept by column: fleets have them by the hundred thousand, and a rule in a box of its own
//! takes twice the memory.

use super::columns::{Effect, Effects, Indices, Labels, Permutation};
use super::{Action, Condition, Origin, Outcome};
use crate::source::{SourceId, Span};
use std::fmt;

/// One rule: what it matches, what it does, what evaluation does after it. Borrowed from its [`Rules`], or from a
/// [`RuleBuf`].
///
/// Equality is that of meaning and name: where it was written does not count.
#[derive(Clone, Copy, Debug)]
pub struct Rule<'a> {
    /// Its name; for rules without one, a number the dialect gives.
    pub name: &'a str,
    /// Which packets it matches.
    pub condition: &'a Condition,
    /// What it asks for besides the verdict, in the order written.
    pub actions: &'a [Action],
    /// What evaluation does with a packet that matches.
    pub outcome: Outcome,
    /// Whether any action was given. A flow rule read from its NLRI alone has none: it accepts, and checks on
    /// drops look at it as if it discarded.
    pub action_given: bool,
    /// The octets that are the rule's identity on the wire (flowspec NLRI without its length), kept for
    /// sorting, pricing and writing; the stages on this floor never read them.
    pub nlri: Option<&'a [u8]>,
    /// Where it was written.
    pub origin: Origin,
}

impl Rule<'_> {
    /// Whether it does with a packet what another does.
    pub fn does_as(&self, other: &Rule<'_>) -> bool {
        self.outcome == other.outcome
            && self.action_given == other.action_given
            && self.actions == other.actions
    }

    /// A rule of its own.
    pub fn to_buf(&self) -> RuleBuf {
        RuleBuf {
            name: self.name.into(),
            condition: self.condition.clone(),
            actions: self.actions.into(),
            outcome: self.outcome,
            action_given: self.action_given,
            nlri: self.nlri.map(Into::into),
            origin: self.origin,
        }
    }
}

impl PartialEq for Rule<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.condition == other.condition
            && self.actions == other.actions
            && self.outcome == other.outcome
            && self.action_given == other.action_given
            && self.nlri == other.nlri
    }
}

/// A [`Rule`] that owns its parts, to be put into [`Rules`].
#[derive(Clone, Debug)]
pub struct RuleBuf {
    /// As [`Rule::name`].
    pub name: Box<str>,
    /// As [`Rule::condition`].
    pub condition: Condition,
    /// As [`Rule::actions`].
    pub actions: Box<[Action]>,
    /// As [`Rule::outcome`].
    pub outcome: Outcome,
    /// As [`Rule::action_given`].
    pub action_given: bool,
    /// As [`Rule::nlri`].
    pub nlri: Option<Box<[u8]>>,
    /// As [`Rule::origin`].
    pub origin: Origin,
}

impl RuleBuf {
    /// A rule that asks for nothing but what evaluation does, written nowhere.
    pub fn new(name: impl Into<Box<str>>, condition: Condition, outcome: Outcome) -> Self {
        Self {
            name: name.into(),
            condition,
            actions: Box::default(),
            outcome,
            action_given: true,
            nlri: None,
            origin: Origin::default(),
        }
    }

    /// The rule, borrowed.
    pub fn as_rule(&self) -> Rule<'_> {
        Rule {
            name: &self.name,
            condition: &self.condition,
            actions: &self.actions,
            outcome: self.outcome,
            action_given: self.action_given,
            nlri: self.nlri.as_deref(),
            origin: self.origin,
        }
    }
}

impl PartialEq for RuleBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_rule() == other.as_rule()
    }
}

/// A [`Rule`] whose condition is its own, to be put into [`Rules`] without more copies than that.
#[derive(Clone, Debug)]
pub struct RuleParts<'a> {
    /// As [`Rule::name`].
    pub name: &'a str,
    /// As [`Rule::condition`].
    pub condition: Condition,
    /// As [`Rule::actions`].
    pub actions: &'a [Action],
    /// As [`Rule::outcome`].
    pub outcome: Outcome,
    /// As [`Rule::action_given`].
    pub action_given: bool,
    /// As [`Rule::nlri`].
    pub nlri: Option<&'a [u8]>,
    /// As [`Rule::origin`].
    pub origin: Origin,
}

impl RuleParts<'_> {
    /// A rule of its own.
    pub fn into_buf(self) -> RuleBuf {
        RuleBuf {
            name: self.name.into(),
            condition: self.condition,
            actions: self.actions.into(),
            outcome: self.outcome,
            action_given: self.action_given,
            nlri: self.nlri.map(Into::into),
            origin: self.origin,
        }
    }
}

/// Rules in order.
#[derive(Clone, Default)]
pub struct Rules {
    conditions: Vec<Condition>,
    spans: Vec<Span>,
    // One for each rule, or none while all rules are of the first source.
    sources: Vec<SourceId>,
    source: SourceId,
    // For each rule, which of the effects it has.
    effects: Indices,
    known: Effects,
    // Name and NLRI.
    labels: Labels,
}

impl Rules {
    /// No rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// No rules, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        let mut rules = Self::default();
        rules.reserve(count);
        rules
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, count: usize) {
        self.conditions.reserve(count);
        self.spans.reserve(count);
        self.effects.reserve(count);
        self.labels.reserve(count);
    }

    /// How many.
    #[inline]
    pub fn len(&self) -> usize {
        self.conditions.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.conditions.is_empty()
    }

    /// The rule of an index.
    pub fn get(&self, index: usize) -> Option<Rule<'_>> {
        let condition = self.conditions.get(index)?;
        let effect = self.effect(index)?;
        let (name, nlri) = self.labels.get(index);
        Some(Rule {
            name,
            condition,
            actions: &effect.actions,
            outcome: effect.outcome,
            action_given: effect.action_given,
            nlri,
            origin: Origin {
                source: self.sources.get(index).copied().unwrap_or(self.source),
                span: self.spans.get(index).copied().unwrap_or_default(),
            },
        })
    }

    /// The first rule.
    pub fn first(&self) -> Option<Rule<'_>> {
        self.get(0)
    }

    /// The last rule.
    pub fn last(&self) -> Option<Rule<'_>> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The rules in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rules: self, next: 0, end: self.len() }
    }

    /// The conditions of the rules, in order.
    #[inline]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// The conditions of the rules, to change them.
    pub fn conditions_mut(&mut self) -> &mut [Condition] {
        &mut self.conditions
    }

    /// The outcome of the rule of an index.
    #[inline]
    pub fn outcome(&self, index: usize) -> Option<Outcome> {
        self.effect(index).map(|effect| effect.outcome)
    }

    /// The NLRI of the rule of an index, as [`Rule::nlri`].
    #[inline]
    pub fn nlri(&self, index: usize) -> Option<&[u8]> {
        self.labels.octets_of(index).1
    }

    /// Every outcome that some rule may have, once or more.
    pub fn outcomes(&self) -> impl Iterator<Item = Outcome> + '_ {
        self.known.iter().map(|effect| effect.outcome)
    }

    /// Every action that some rule may ask for, once or more.
    pub fn asked(&self) -> impl Iterator<Item = &Action> + '_ {
        self.known.iter().flat_map(|effect| &effect.actions)
    }

    fn effect(&self, index: usize) -> Option<&Effect> {
        self.known.get(self.effects.get(index)?)
    }

    /// Adds a rule behind the others.
    pub fn push(&mut self, rule: RuleBuf) {
        let RuleBuf { name, condition, actions, outcome, action_given, nlri, origin } = rule;
        let (name, actions, nlri) = (&*name, &*actions, nlri.as_deref());
        self.add(RuleParts { name, condition, actions, outcome, action_given, nlri, origin });
    }

    /// Adds a rule behind the others, as [`Rules::push`] does.
    pub fn add(&mut self, rule: RuleParts<'_>) {
        let RuleParts { name, condition, actions, outcome, action_given, nlri, origin } = rule;
        let index = self.len();
        if index == 0 {
            self.source = origin.source;
        }
        if origin.source != self.source && self.sources.is_empty() {
            self.sources = vec![self.source; index];
        }
        if !self.sources.is_empty() || origin.source != self.source {
            self.sources.push(origin.source);
        }
        self.conditions.push(condition);
        self.spans.push(origin.span);
        self.effects.push(self.known.index(outcome, action_given, actions));
        self.labels.push(name, nlri);
    }

    /// Puts the rules of another list behind these.
    pub fn append(&mut self, mut other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let conditions = std::mem::take(&mut other.conditions);
        self.reserve(conditions.len());
        other.conditions = vec![Condition::False; conditions.len()];
        for (rule, condition) in other.iter().zip(conditions) {
            let Rule { name, actions, outcome, action_given, nlri, origin, .. } = rule;
            self.add(RuleParts { name, condition, actions, outcome, action_given, nlri, origin });
        }
    }

    /// Gives every rule another origin, made of its span, and so every part of its condition.
    pub fn relocate(&mut self, to: impl Fn(Span) -> Origin) {
        let origins: Vec<Origin> = self.spans.iter().map(|span| to(*span)).collect();
        self.conditions.iter_mut().for_each(|condition| condition.move_spans(&mut |span| to(span).span));
        self.source = origins.first().map_or(self.source, |origin| origin.source);
        self.sources = origins.iter().map(|origin| origin.source).collect();
        self.spans = origins.into_iter().map(|origin| origin.span).collect();
    }

    /// Gives the rule of an index another outcome.
    pub fn set_outcome(&mut self, index: usize, outcome: Outcome) {
        if let Some(effect) = self.effect(index) {
            let Effect { action_given, actions, .. } = effect.clone();
            let new = self.known.index(outcome, action_given, &actions);
            self.effects.set(index, new);
        }
    }

    /// Gives every rule another outcome, made of its own.
    pub fn map_outcomes(&mut self, to: impl Fn(Outcome) -> Outcome) {
        self.known.map(to);
    }

    /// Gives every rule another name, made of its index and its own.
    pub fn rename(&mut self, mut to: impl FnMut(usize, &str, &mut String)) {
        let mut labels = Labels::default();
        let mut name = String::new();
        for index in 0..self.len() {
            let (old, nlri) = self.labels.get(index);
            name.clear();
            to(index, old, &mut name);
            labels.push(&name, nlri);
        }
        self.labels = labels;
    }

    /// Puts rules in front of the one of an index; `at` is at most how many there are.
    pub fn insert(&mut self, at: usize, rules: impl IntoIterator<Item = RuleBuf>) {
        let old = self.len();
        rules.into_iter().for_each(|rule| self.push(rule));
        if at < old {
            let order: Vec<usize> = (0..at).chain(old..self.len()).chain(at..old).collect();
            self.reorder(&order);
        }
    }

    /// Takes a rule out.
    pub fn remove(&mut self, at: usize) {
        let order: Vec<usize> = (0..self.len()).filter(|index| *index != at).collect();
        self.reorder(&order);
    }

    /// Keeps the rules that `keep` is true for.
    pub fn retain(&mut self, mut keep: impl FnMut(usize, Rule<'_>) -> bool) {
        let order: Vec<usize> = self
            .iter()
            .enumerate()
            .filter(|(index, rule)| keep(*index, *rule))
            .map(|(index, _)| index)
            .collect();
        if order.len() < self.len() {
            self.reorder(&order);
        }
    }

    /// Keeps the rules whose indices `order` holds, each once, in that order.
    pub fn reorder(&mut self, order: &[usize]) {
        if order.len() == self.len() && order.is_sorted() {
            return;
        }
        if let Some(order) = Permutation::new(order).filter(|_| order.len() == self.len()) {
            order.apply(&mut self.conditions);
            order.apply(&mut self.spans);
            order.apply(&mut self.sources);
            self.effects.permute(&order);
            self.labels.permute(&order);
            return;
        }
        let old = std::mem::take(self);
        self.source = old.source;
        self.known = old.known;
        let mut conditions = old.conditions;
        let take = |index: &usize| conditions.get_mut(*index).map(|c| std::mem::replace(c, Condition::False));
        self.conditions = order.iter().filter_map(take).collect();
        drop(conditions);
        self.spans = picked(&old.spans, order);
        self.sources = picked(&old.sources, order);
        self.effects = old.effects.picked(order);
        self.labels = old.labels.picked(order);
    }

    /// Gives back what was reserved for more rules.
    pub fn shrink_to_fit(&mut self) {
        self.conditions.shrink_to_fit();
        self.spans.shrink_to_fit();
        self.sources.shrink_to_fit();
        self.effects.shrink_to_fit();
        self.labels.shrink_to_fit();
    }
}

fn picked<T: Copy>(from: &[T], order: &[usize]) -> Vec<T> {
    order.iter().filter_map(|index| from.get(*index).copied()).collect()
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Extend<RuleBuf> for Rules {
    fn extend<I: IntoIterator<Item = RuleBuf>>(&mut self, rules: I) {
        rules.into_iter().for_each(|rule| self.push(rule));
    }
}

impl FromIterator<RuleBuf> for Rules {
    fn from_iter<I: IntoIterator<Item = RuleBuf>>(rules: I) -> Self {
        let mut list = Self::new();
        list.extend(rules);
        list
    }
}

impl From<Vec<RuleBuf>> for Rules {
    fn from(rules: Vec<RuleBuf>) -> Self {
        rules.into_iter().collect()
    }
}

impl<'a> IntoIterator for &'a Rules {
    type Item = Rule<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Iterates over [`Rules`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    rules: &'a Rules,
    next: usize,
    end: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Rule<'a>;

    fn next(&mut self) -> Option<Rule<'a>> {
        let index = self.next;
        (index < self.end).then(|| self.next += 1)?;
        self.rules.get(index)
    }

    fn nth(&mut self, n: usize) -> Option<Rule<'a>> {
        self.next = self.next.saturating_add(n).min(self.end);
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        (self.next < self.end).then(|| self.end -= 1)?;
        self.rules.get(self.end)
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Field;
    use crate::ir::{Rate, RateUnit, ValueSet, Verdict};

    fn rule(number: u32) -> RuleBuf {
        let span = Span { start: number, end: number + 1 };
        let rate = Rate { amount: f64::from(number % 3), unit: RateUnit::OctetsPerSecond, burst: None };
        let octets: Box<[u8]> = vec![7; (number % 4) as usize].into();
        RuleBuf {
            name: "r".repeat((number % 5 * (number % 90)) as usize).into(),
            condition: Condition::test(Field::Ttl, ValueSet::single(number)),
            actions: if number.is_multiple_of(2) { Box::default() } else { [Action::RateLimit(rate)].into() },
            outcome: Outcome::Call(number % 20),
            action_given: !number.is_multiple_of(7),
            nlri: (!number.is_multiple_of(3)).then_some(octets),
            origin: Origin { source: SourceId(number / 50), span },
        }
    }

    fn same(rules: &Rules, list: &[RuleBuf]) {
        assert_eq!(rules.len(), list.len());
        assert_eq!(rules.conditions().len(), list.len());
        for (index, (is, want)) in rules.iter().zip(list).enumerate() {
            assert_eq!((is, is.origin), (want.as_rule(), want.origin));
            assert_eq!(rules.outcome(index), Some(want.outcome));
            assert_eq!(is.to_buf(), *want);
        }
        assert!(rules.get(list.len()).is_none() && rules.iter().rev().count() == list.len());
    }

    #[test]
    fn rules_are_as_a_list_of_rules_whatever_is_done_with_them() {
        let mut list: Vec<RuleBuf> = (0..120).map(rule).collect();
        let mut rules = Rules::from(list.clone());
        same(&rules, &list);
        let new = [rule(500), rule(501)];
        rules.insert(40, new.clone());
        list.splice(40..40, new);
        same(&rules, &list);
        rules.insert(rules.len(), [rule(502)]);
        list.push(rule(502));
        rules.remove(3);
        list.remove(3);
        same(&rules, &list);
        let more: Vec<RuleBuf> = (600..700).map(rule).collect();
        rules.append(Rules::from(more.clone()));
        list.extend(more);
        same(&rules, &list);
        let mut empty = Rules::new();
        empty.append(rules);
        let mut rules = empty;
        same(&rules, &list);
        rules.retain(|index, rule| index % 4 != 1 && rule.origin.span.start != 100);
        let mut index = 0;
        list.retain(|rule| {
            index += 1;
            (index - 1) % 4 != 1 && rule.origin.span.start != 100
        });
        same(&rules, &list);
        let order: Vec<usize> = (0..list.len()).rev().collect();
        rules.reorder(&order);
        list.reverse();
        same(&rules, &list);
        rules.set_outcome(5, Outcome::Verdict(Verdict::Discard));
        list[5].outcome = Outcome::Verdict(Verdict::Discard);
        rules.rename(|index, old, new| {
            new.push_str(&index.to_string());
            new.push_str(old);
        });
        list.iter_mut()
            .enumerate()
            .for_each(|(index, rule)| rule.name = format!("{index}{}", rule.name).into());
        same(&rules, &list);
        rules.map_outcomes(|outcome| outcome.target().map_or(outcome, |t| outcome.with_target(t + 1)));
        for rule in &mut list {
            rule.outcome = rule.outcome.target().map_or(rule.outcome, |t| rule.outcome.with_target(t + 1));
        }
        same(&rules, &list);
    }

    #[test]
    fn what_rules_do_is_kept_once() {
        let rules: Rules =
            (0..10_000).map(|number| RuleBuf { outcome: Outcome::Call(0), ..rule(number) }).collect();
        assert!(rules.outcomes().count() < 20);
    }
}
