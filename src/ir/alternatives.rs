//! Conditions brought to forms that more dialects can say: without what the family of the packets decides, with
//! negation at the tests, and as alternatives, each of which can be a rule of its own.

use super::{
    Action, Condition, Document, Outcome, Rule, RuleParts, RuleSet, Rules, Test, ValueSet, ValueSetRef,
};
use crate::field::{Family, Field};
use crate::net::{BitMatch, IntervalSet, Prefix4, Prefix6};
use std::borrow::Cow;

impl Condition {
    /// The same for packets of a family: what the family decides is decided, and negations are of single tests that
    /// have no opposite.
    #[must_use]
    pub fn of_packets(&self, family: Family) -> Self {
        match self {
            Self::Test(test) => decided(test, family).map_or_else(|| self.clone(), Self::from),
            Self::And(parts) => Self::and(parts.iter().map(|part| part.of_packets(family))),
            Self::Or(parts) => Self::or(parts.iter().map(|part| part.of_packets(family))),
            Self::Not(part) => part.opposite(family),
            Self::True | Self::False | Self::Opaque(_) => self.clone(),
        }
    }

    fn opposite(&self, family: Family) -> Self {
        match self {
            Self::Test(test) => match decided(test, family) {
                Some(holds) => Self::from(!holds),
                None => others(test, family).unwrap_or_else(|| Self::not(self.clone())),
            },
            Self::And(parts) => Self::or(parts.iter().map(|part| part.opposite(family))),
            Self::Or(parts) => Self::and(parts.iter().map(|part| part.opposite(family))),
            Self::Not(part) => part.of_packets(family),
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Opaque(_) => Self::not(self.clone()),
        }
    }

    /// Conditions without alternatives in them, any of which holds just where this one does; none where they are
    /// more than `most`. With `prefixes`, addresses of several prefixes are alternatives too.
    pub fn alternatives(&self, most: usize, prefixes: bool) -> Option<Vec<Self>> {
        match self {
            Self::Test(test) if prefixes && is_address(test.field()) => by_prefix(test, most),
            Self::Or(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    all.extend(part.alternatives(most, prefixes)?);
                    (all.len() <= most).then_some(())?;
                }
                Some(all)
            }
            Self::And(parts) => {
                let mut all = vec![Self::True];
                for part in parts {
                    let each = part.alternatives(most, prefixes)?;
                    (all.len().saturating_mul(each.len()) <= most).then_some(())?;
                    let pairs =
                        all.iter().flat_map(|a| each.iter().map(|b| Self::and([a.clone(), b.clone()])));
                    all = pairs.collect();
                }
                Some(all)
            }
            Self::False => Some(Vec::new()),
            Self::True | Self::Test(_) | Self::Not(_) | Self::Opaque(_) => Some(vec![self.clone()]),
        }
    }
}

impl From<bool> for Condition {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

fn is_address(field: Field) -> bool {
    matches!(field, Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6)
}

/// A test of each prefix that the addresses of a test are made of.
fn by_prefix(test: &Test, most: usize) -> Option<Vec<Condition>> {
    let mut all = Vec::new();
    let one = |values: ValueSet| Condition::test_at(test.field(), values, test.span());
    match test.values() {
        ValueSetRef::Ranges(set) => {
            for (lo, hi) in set.ranges() {
                all.extend(
                    Prefix4::cover(lo, hi).into_iter().map(|p| one(ValueSet::range(p.first(), p.last()))),
                );
                (all.len() <= most).then_some(())?;
            }
        }
        ValueSetRef::Wide(set) => {
            for (lo, hi) in set.ranges() {
                let prefixes = Prefix6::cover(lo, hi).into_iter();
                all.extend(prefixes.map(|p| one(IntervalSet::range(p.first(), p.last()).into())));
                (all.len() <= most).then_some(())?;
            }
        }
        ValueSetRef::Bits(set) => {
            (set.patterns().len() <= most).then_some(())?;
            all.extend(set.patterns().iter().map(|p| one(ValueSet::bits(p.value, p.mask))));
        }
    }
    Some(all)
}

/// Whether a test holds for every packet of a family, or for none.
fn decided(test: &Test, family: Family) -> Option<bool> {
    let version = match family {
        Family::Any => return None,
        Family::Inet => 4,
        Family::Inet6 => 6,
    };
    match test.field() {
        Field::IpVersion => Some(test.values().contains(version)),
        field if field.info().family != Family::Any && field.info().family != family => Some(false),
        _ => None,
    }
}

/// The other values of a field that every packet of the family has.
fn others(test: &Test, family: Family) -> Option<Condition> {
    let info = test.field().info();
    if !info.is_always_there(family) {
        return None;
    }
    let values = match test.values() {
        ValueSetRef::Ranges(set) => {
            ValueSet::from(set.complement(u32::try_from(info.max).unwrap_or(u32::MAX)))
        }
        ValueSetRef::Wide(set) => ValueSet::from(set.complement(info.max)),
        ValueSetRef::Bits(set) => match set.patterns() {
            [BitMatch { mask, value }] if mask.is_power_of_two() => ValueSet::bits(!value & mask, *mask),
            _ => return None,
        },
    };
    Some(if values.is_empty() {
        Condition::False
    } else {
        Condition::test_at(test.field(), values, test.span())
    })
}

impl Document {
    /// The document with a rule for each alternative of the rules that `says` is false for, where it is true for
    /// all of these; `most` are the most alternatives of one rule. A rule that limits what it matches is one rule,
    /// and so is one that does not decide.
    pub fn spread(&self, most: usize, says: impl Fn(&RuleSet, &Rule<'_>) -> bool) -> Cow<'_, Document> {
        let mut spread = Cow::Borrowed(self);
        for (index, set) in self.rule_sets.iter().enumerate() {
            if let Some(rules) = spread_rules(set, most, &says)
                && let Some(set) = spread.to_mut().rule_sets.get_mut(index)
            {
                set.rules = rules;
            }
        }
        spread
    }
}

fn spread_rules(set: &RuleSet, most: usize, says: &impl Fn(&RuleSet, &Rule<'_>) -> bool) -> Option<Rules> {
    let mut rules = Rules::new();
    let mut changed = false;
    for rule in &set.rules {
        let Rule { actions, outcome, action_given, origin, .. } = rule;
        let said = |condition: &Condition| says(set, &Rule { condition, nlri: None, ..rule });
        let parts = parts_of(&rule).filter(|_| !says(set, &rule)).and_then(|condition| {
            let plain = condition.of_packets(set.family);
            [false, true].into_iter().find_map(|prefixes| {
                plain.alternatives(most, prefixes).filter(|parts| parts.iter().all(said))
            })
        });
        let Some(parts) = parts else {
            rules.push(rule.to_buf());
            continue;
        };
        changed = true;
        for (condition, number) in parts.into_iter().zip(1..) {
            let name = if number == 1 { rule.name.to_owned() } else { format!("{}.{number}", rule.name) };
            let (name, nlri) = (name.as_str(), None);
            rules.add(RuleParts { name, condition, actions, outcome, action_given, nlri, origin });
        }
    }
    changed.then_some(rules)
}

/// The condition of a rule that may be several.
fn parts_of<'a>(rule: &Rule<'a>) -> Option<&'a Condition> {
    let once = |action: &Action| {
        matches!(
            action,
            Action::Log
                | Action::Sample
                | Action::Mark(_)
                | Action::RedirectTarget(_)
                | Action::RedirectInstance(_)
                | Action::RedirectIp { .. }
                | Action::InterfaceSet { .. }
                | Action::Class(_)
                | Action::Other(_)
                | Action::Count(_)
        )
    };
    let decides = matches!(rule.outcome, Outcome::Verdict(_));
    let mut has_more = false;
    rule.condition.visit(&mut |part| {
        has_more |= match part {
            Condition::Or(_) | Condition::Not(_) => true,
            Condition::Test(test) => is_address(test.field()),
            _ => false,
        };
    });
    (has_more && decides && rule.actions.iter().all(once)).then_some(rule.condition)
}
