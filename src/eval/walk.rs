//! First-match evaluation of a rule set, with calls, held verdicts and unknowns.

use super::{Truth, evaluate};
use crate::field::{Family, Field, Headers, Reading};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Document, Outcome, RuleSet, Verdict};

/// Which rule: the index of its rule set in the document, and its own in the rule set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Hit {
    /// Index into [`Document::rule_sets`].
    pub rule_set: u32,
    /// Index into [`RuleSet::rules`].
    pub rule: u32,
}

/// What evaluation says of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The verdict, and the rule that gave it; none when the default did.
    Verdict(Verdict, Option<Hit>),
    /// Nobody can say: this rule is the first that may decide otherwise.
    Unknown(Hit),
}

/// One rule tried, for whoever watches the walk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    /// The rule.
    pub hit: Hit,
    /// Whether its condition held.
    pub truth: Truth,
}

/// Evaluates packets against one rule set of a document.
#[derive(Debug)]
pub struct Evaluator<'a> {
    document: &'a Document,
    rule_set: u32,
}

impl<'a> Evaluator<'a> {
    /// An evaluator of the rule set with that index; none when there is no such rule set.
    pub fn new(document: &'a Document, rule_set: usize) -> Option<Self> {
        document.rule_sets.get(rule_set)?;
        Some(Self { document, rule_set: u32::try_from(rule_set).ok()? })
    }

    /// What the rule set does with one packet.
    pub fn decide(&self, headers: &Headers) -> Result<Decision, Exhausted> {
        walk(self.document, self.rule_set, headers, &mut |_| {})
    }
}

/// Walks one rule set over one packet and tells `watch` of every rule tried.
pub fn walk(
    document: &Document,
    rule_set: u32,
    headers: &Headers,
    watch: &mut dyn FnMut(Step),
) -> Result<Decision, Exhausted> {
    let mut walk = Walk {
        document,
        headers,
        watch,
        meter: Meter::new(&limits::EVALUATION_STEPS),
        depth: Meter::new(&limits::NESTING),
        held: None,
        doubt: None,
    };
    let Some(set) = document.rule_sets.get(rule_set as usize) else {
        return Ok(Decision::Verdict(Verdict::NoDecision, None));
    };
    if !reaches(set.family, headers) {
        return Ok(Decision::Verdict(Verdict::NoDecision, None));
    }
    let ended = walk.rules(rule_set, set)?;
    Ok(walk.conclude(ended, set))
}

/// Whether packets of this family are put to the rule set at all.
fn reaches(family: Family, headers: &Headers) -> bool {
    let version = headers.get(Field::IpVersion);
    match family {
        Family::Any => true,
        Family::Inet => matches!(version, Reading::Value(4) | Reading::Cut),
        Family::Inet6 => matches!(version, Reading::Value(6) | Reading::Cut),
    }
}

struct Walk<'a, 'w> {
    document: &'a Document,
    headers: &'a Headers,
    watch: &'w mut dyn FnMut(Step),
    meter: Meter,
    depth: Meter,
    // The first held verdict, a drop in preference.
    held: Option<(Verdict, Hit)>,
    // The first rule nobody can say of, with the verdict that all such rules share.
    doubt: Option<(Hit, Option<Verdict>)>,
}

enum Ended {
    Decided(Verdict, Hit),
    Returned,
    Through,
}

impl Walk<'_, '_> {
    fn rules(&mut self, index: u32, set: &RuleSet) -> Result<Ended, Exhausted> {
        for (rule, number) in set.rules.iter().zip(0_u32..) {
            self.meter.charge(1)?;
            let truth = evaluate(&rule.condition, self.headers);
            if truth == Truth::No {
                (self.watch)(Step { hit: Hit { rule_set: index, rule: number }, truth });
                continue;
            }
            let hit = Hit { rule_set: index, rule: number };
            (self.watch)(Step { hit, truth });
            if truth == Truth::Unknown {
                // The walk goes on: if what follows comes to the same verdict, the doubt does not matter.
                self.doubt(hit, rule.outcome);
                continue;
            }
            match rule.outcome {
                Outcome::Verdict(verdict) => return Ok(Ended::Decided(verdict, hit)),
                Outcome::Next { held } => self.hold(held, hit),
                Outcome::Return => return Ok(Ended::Returned),
                Outcome::Call(target) => {
                    if let Ended::Decided(verdict, hit) = self.call(target)? {
                        return Ok(Ended::Decided(verdict, hit));
                    }
                }
            }
        }
        Ok(Ended::Through)
    }

    fn call(&mut self, target: u32) -> Result<Ended, Exhausted> {
        let document = self.document;
        let Some(set) = document.rule_sets.get(target as usize) else {
            return Ok(Ended::Through);
        };
        self.depth.charge(1)?;
        let ended = self.rules(target, set)?;
        self.depth.release(1);
        Ok(ended)
    }

    fn hold(&mut self, held: Option<Verdict>, hit: Hit) {
        if let Some(verdict) = held
            && self.held.is_none_or(|(old, _)| !old.is_drop() && verdict.is_drop())
        {
            self.held = Some((verdict, hit));
        }
    }

    fn doubt(&mut self, hit: Hit, outcome: Outcome) {
        let verdict = match outcome {
            // A rule that only goes on without a verdict decides nothing, whether it matches or not.
            Outcome::Next { held: None } => return,
            Outcome::Verdict(verdict) => Some(verdict),
            Outcome::Next { held: Some(_) } | Outcome::Call(_) | Outcome::Return => None,
        };
        self.doubt = Some(match self.doubt {
            None => (hit, verdict),
            Some((first, earlier)) => (first, earlier.filter(|v| Some(*v) == verdict)),
        });
    }

    fn conclude(self, ended: Ended, set: &RuleSet) -> Decision {
        let (verdict, hit) = match (ended, self.held) {
            (Ended::Decided(verdict, hit), None) => (verdict, Some(hit)),
            (Ended::Decided(verdict, hit), Some((held, by))) => {
                if held.is_drop() {
                    (held, Some(by))
                } else {
                    (verdict, Some(hit))
                }
            }
            (Ended::Returned | Ended::Through, Some((held, by))) => (held, Some(by)),
            (Ended::Returned | Ended::Through, None) => (set.default, None),
        };
        match self.doubt {
            Some((doubt, same)) if self.held.is_some() || same != Some(verdict) => Decision::Unknown(doubt),
            _ => Decision::Verdict(verdict, hit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::{Condition, Kind, Origin, Rule, ValueSet};
    use crate::source::Span;

    fn rule(condition: Condition, outcome: Outcome) -> Rule {
        Rule {
            name: "r".into(),
            condition,
            actions: Box::default(),
            outcome,
            action_given: true,
            nlri: None,
            origin: Origin::default(),
        }
    }

    fn decide(rules: Vec<Rule>, headers: &Headers) -> Decision {
        let set = RuleSet {
            name: "f".into(),
            kind: Kind::Filter,
            family: Family::Any,
            default: Verdict::NoDecision,
            rules,
        };
        let document = Document { rule_sets: vec![set], symbols: vec![] };
        Evaluator::new(&document, 0).unwrap().decide(headers).unwrap()
    }

    const DROP: Outcome = Outcome::Verdict(Verdict::Discard);
    const PASS: Outcome = Outcome::Verdict(Verdict::Accept);

    #[test]
    fn the_first_match_decides_and_a_held_drop_beats_a_later_accept() {
        let headers = Headers::new();
        let hold = Outcome::Next { held: Some(Verdict::Discard) };
        let hit = |rule| Some(Hit { rule_set: 0, rule });
        let set =
            vec![rule(Condition::False, DROP), rule(Condition::True, PASS), rule(Condition::True, DROP)];
        assert_eq!(decide(set, &headers), Decision::Verdict(Verdict::Accept, hit(1)));
        let set = vec![rule(Condition::True, hold), rule(Condition::True, PASS)];
        assert_eq!(decide(set, &headers), Decision::Verdict(Verdict::Discard, hit(0)));
    }

    #[test]
    fn a_doubt_counts_only_when_it_would_change_the_verdict() {
        let headers = Headers::new();
        let what = || Condition::opaque("x", "not modelled", Span::default());
        let set = vec![rule(what(), DROP), rule(Condition::True, PASS)];
        assert_eq!(decide(set, &headers), Decision::Unknown(Hit { rule_set: 0, rule: 0 }));
        let set = vec![rule(what(), DROP), rule(Condition::True, DROP)];
        assert_eq!(
            decide(set, &headers),
            Decision::Verdict(Verdict::Discard, Some(Hit { rule_set: 0, rule: 1 }))
        );
        let never = Condition::test(Field::Ttl, ValueSet::single(1));
        let set = vec![rule(Condition::and([what(), never]), DROP), rule(Condition::True, PASS)];
        assert_eq!(
            decide(set, &headers),
            Decision::Verdict(Verdict::Accept, Some(Hit { rule_set: 0, rule: 1 }))
        );
    }
}
