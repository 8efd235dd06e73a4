//! Sums over many packets: hits of every rule, verdicts, defaults, and why nobody could say.

use super::{Compiled, Decision, Hit, Step, Truth, Unknown, unknowns, walk};
use crate::field::{Field, Headers};
use crate::guard::Exhausted;
use crate::ir::{Document, Verdict};
use std::collections::BTreeMap;

/// Packets, and their octets as sent (whole frames, whatever the capture kept of them).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// How many packets.
    pub packets: u64,
    /// How many octets they had together.
    pub octets: u64,
}

impl Tally {
    /// Counts one packet of `length` octets.
    #[inline]
    pub fn add(&mut self, length: u32) {
        self.packets += 1;
        self.octets += u64::from(length);
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        self.packets += other.packets;
        self.octets += other.octets;
    }

    /// The share of `whole`'s packets, from 0 to 1; 0 of nothing.
    #[expect(clippy::cast_precision_loss, reason = "a share is shown with a few digits")]
    pub fn share(self, whole: Self) -> f64 {
        if whole.packets == 0 { 0.0 } else { self.packets as f64 / whole.packets as f64 }
    }
}

/// What one rule came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RuleTotals {
    /// Packets its condition held for when evaluation came to it, whether it decided or went on.
    pub hits: Tally,
    /// Packets it decided, by dropping them: the damage when it is wrong.
    pub drops: Tally,
    /// Packets of which nobody can say, because nobody can say whether this rule matches.
    pub unknown: Tally,
}

/// Packets by what became of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verdicts {
    /// Accepted.
    pub accept: Tally,
    /// Discarded.
    pub discard: Tally,
    /// Rejected.
    pub reject: Tally,
    /// No rule set decides.
    pub no_decision: Tally,
    /// Nobody can say.
    pub unknown: Tally,
}

impl Verdicts {
    fn of(&mut self, decision: Decision) -> &mut Tally {
        match decision {
            Decision::Verdict(Verdict::Accept, _) => &mut self.accept,
            Decision::Verdict(Verdict::Discard, _) => &mut self.discard,
            Decision::Verdict(Verdict::Reject(_), _) => &mut self.reject,
            Decision::Verdict(Verdict::NoDecision, _) => &mut self.no_decision,
            Decision::Unknown(_) => &mut self.unknown,
        }
    }
}

/// Why nobody can say whether a rule matches a packet.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Reason {
    /// The capture does not hold the field.
    Cut(Field),
    /// A condition that is not modelled, by its id.
    Opaque(Box<str>),
}

/// Runs packets through one rule set and sums up.
#[derive(Clone, Debug)]
pub struct Totals<'a> {
    document: &'a Document,
    rule_set: u32,
    all: Tally,
    undecoded: Tally,
    verdicts: Verdicts,
    // By rule set: packets its default decided.
    defaults: Vec<Tally>,
    // Stages whose default decided, of the packet at hand.
    stages: Vec<u32>,
    // By rule set and rule: called rule sets are counted too.
    rules: Vec<Vec<RuleTotals>>,
    // INVARIANT: bounded by the rules and what they name, not by the packets.
    reasons: BTreeMap<(Hit, Reason), Tally>,
}

impl<'a> Totals<'a> {
    /// Nothing yet, of the rule set with that index; none when there is no such rule set.
    pub fn new(document: &'a Document, rule_set: usize) -> Option<Self> {
        document.rule_sets.get(rule_set)?;
        Some(Self {
            document,
            rule_set: u32::try_from(rule_set).ok()?,
            all: Tally::default(),
            undecoded: Tally::default(),
            verdicts: Verdicts::default(),
            defaults: vec![Tally::default(); document.rule_sets.len()],
            stages: Vec::new(),
            rules: document
                .rule_sets
                .iter()
                .map(|set| vec![RuleTotals::default(); set.rules.len()])
                .collect(),
            reasons: BTreeMap::new(),
        })
    }

    /// Evaluates one packet of `length` octets as sent, and counts it.
    pub fn run(&mut self, headers: &Headers, length: u32) -> Result<Decision, Exhausted> {
        let (document, rule_set) = (self.document, self.rule_set);
        self.counted(headers, length, |watch| walk(document, rule_set, headers, watch))
    }

    /// Evaluates one packet by the compiled form of the same rule set, and counts it as [`Totals::run`] does.
    pub fn run_compiled(
        &mut self,
        compiled: &Compiled<'_>,
        headers: &Headers,
        length: u32,
    ) -> Result<Decision, Exhausted> {
        if let Some(decision) = compiled.at_once(headers) {
            self.decided(decision, length);
            return Ok(decision);
        }
        self.counted(headers, length, |watch| compiled.walk(headers, watch))
    }

    /// Counts one packet whose decision the compiled form gave from its tuple: the rule of the decision is the only one
    /// that matched.
    #[inline]
    pub fn decided(&mut self, decision: Decision, length: u32) {
        self.all.add(length);
        self.verdicts.of(decision).add(length);
        match decision {
            Decision::Verdict(verdict, Some(hit)) => {
                if let Some(rule) = at(&mut self.rules, hit) {
                    rule.hits.add(length);
                    if verdict.is_drop() {
                        rule.drops.add(length);
                    }
                }
            }
            Decision::Verdict(_, None) => self.by_default(self.rule_set, length),
            Decision::Unknown(hit) => {
                if let Some(rule) = at(&mut self.rules, hit) {
                    rule.unknown.add(length);
                }
            }
        }
    }

    fn counted(
        &mut self,
        headers: &Headers,
        length: u32,
        walk: impl FnOnce(&mut dyn FnMut(Step)) -> Result<Decision, Exhausted>,
    ) -> Result<Decision, Exhausted> {
        let (rules, stages) = (&mut self.rules, &mut self.stages);
        stages.clear();
        let decision = walk(&mut |step| match step {
            Step::Tried { hit, truth: Truth::Yes } => {
                if let Some(rule) = at(rules, hit) {
                    rule.hits.add(length);
                }
            }
            Step::Tried { truth: Truth::No | Truth::Unknown, .. } => {}
            Step::Default { rule_set } => stages.push(rule_set),
        })?;
        self.all.add(length);
        self.verdicts.of(decision).add(length);
        match decision {
            Decision::Verdict(_, None) if self.stages.is_empty() => self.by_default(self.rule_set, length),
            Decision::Verdict(_, None) => {}
            Decision::Verdict(verdict, Some(hit)) => {
                if let Some(rule) = at(&mut self.rules, hit).filter(|_| verdict.is_drop()) {
                    rule.drops.add(length);
                }
            }
            Decision::Unknown(hit) => {
                self.unknown(hit, headers, length);
                return Ok(decision);
            }
        }
        for index in 0..self.stages.len() {
            let stage = self.stages.get(index).copied();
            self.by_default(stage.unwrap_or(u32::MAX), length);
        }
        Ok(decision)
    }

    fn by_default(&mut self, rule_set: u32, length: u32) {
        if let Some(default) = self.defaults.get_mut(rule_set as usize) {
            default.add(length);
        }
    }

    /// Counts a packet nobody could decode: it is put to no rule.
    pub fn skip(&mut self, length: u32) {
        self.all.add(length);
        self.undecoded.add(length);
    }

    #[cold]
    fn unknown(&mut self, hit: Hit, headers: &Headers, length: u32) {
        if let Some(rule) = at(&mut self.rules, hit) {
            rule.unknown.add(length);
        }
        let sets = &self.document.rule_sets;
        let rule = sets.get(hit.rule_set as usize).and_then(|set| set.rules.get(hit.rule as usize));
        let mut reasons: Vec<Reason> = rule.map_or(Vec::new(), |rule| {
            let reason = |unknown| match unknown {
                Unknown::Cut(field) => Reason::Cut(field),
                Unknown::Opaque(opaque) => Reason::Opaque(opaque.id.clone()),
            };
            unknowns(rule.condition, headers).into_iter().map(reason).collect()
        });
        reasons.sort_unstable();
        reasons.dedup();
        for reason in reasons {
            self.reasons.entry((hit, reason)).or_default().add(length);
        }
    }

    /// Adds what another run of the same rule set came to.
    pub fn merge(&mut self, other: &Self) {
        self.all.merge(other.all);
        self.undecoded.merge(other.undecoded);
        for (mine, theirs) in [
            (&mut self.verdicts.accept, other.verdicts.accept),
            (&mut self.verdicts.discard, other.verdicts.discard),
            (&mut self.verdicts.reject, other.verdicts.reject),
            (&mut self.verdicts.no_decision, other.verdicts.no_decision),
            (&mut self.verdicts.unknown, other.verdicts.unknown),
        ] {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.defaults.iter_mut().zip(&other.defaults) {
            mine.merge(*theirs);
        }
        for (mine, theirs) in self.rules.iter_mut().flatten().zip(other.rules.iter().flatten()) {
            mine.hits.merge(theirs.hits);
            mine.drops.merge(theirs.drops);
            mine.unknown.merge(theirs.unknown);
        }
        for (key, tally) in &other.reasons {
            self.reasons.entry(key.clone()).or_default().merge(*tally);
        }
    }

    /// All packets, those nobody could decode among them.
    pub fn all(&self) -> Tally {
        self.all
    }

    /// Packets nobody could decode.
    pub fn undecoded(&self) -> Tally {
        self.undecoded
    }

    /// What became of the decoded ones.
    pub fn verdicts(&self) -> &Verdicts {
        &self.verdicts
    }

    /// Packets no rule decided.
    pub fn default_hits(&self) -> Tally {
        self.default_of(self.rule_set as usize)
    }

    /// Packets that the default of a rule set decided: of the one they enter by, or of one they pass as a stage.
    pub fn default_of(&self, rule_set: usize) -> Tally {
        self.defaults.get(rule_set).copied().unwrap_or_default()
    }

    /// What a rule came to; of rule sets that are called too.
    pub fn rule(&self, hit: Hit) -> RuleTotals {
        let set = self.rules.get(hit.rule_set as usize);
        set.and_then(|rules| rules.get(hit.rule as usize)).copied().unwrap_or_default()
    }

    /// The share of all packets that a rule drops, from 0 to 1.
    pub fn collateral(&self, hit: Hit) -> f64 {
        self.rule(hit).drops.share(self.all)
    }

    /// Why nobody can say, by the first rule in doubt, in order of rules. A packet counts once for each reason.
    pub fn reasons(&self) -> impl Iterator<Item = (Hit, &Reason, Tally)> {
        self.reasons.iter().map(|((hit, reason), tally)| (*hit, reason, *tally))
    }
}

fn at(rules: &mut [Vec<RuleTotals>], hit: Hit) -> Option<&mut RuleTotals> {
    rules.get_mut(hit.rule_set as usize)?.get_mut(hit.rule as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Family;
    use crate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, ValueSet};
    use crate::source::Span;

    fn document(rules: Vec<(Condition, Outcome)>) -> Document {
        let rules = rules.into_iter().map(|(condition, outcome)| RuleBuf::new("r", condition, outcome));
        let set = RuleSet {
            name: "f".into(),
            kind: Kind::Filter,
            family: Family::Any,
            default: Verdict::NoDecision,
            rules: rules.collect(),
        };
        Document { rule_sets: vec![set], symbols: vec![], ..Document::default() }
    }

    #[test]
    fn every_packet_is_counted_once_and_every_rule_that_matched() {
        let ttl = |lo, hi| Condition::test(Field::Ttl, ValueSet::range(lo, hi));
        let what = Condition::opaque("odd", "not modelled", Span::default());
        let document = document(vec![
            (ttl(0, 9), Outcome::Next { held: None }),
            (ttl(5, 5), Outcome::Verdict(Verdict::Discard)),
            (ttl(0, 6), Outcome::Verdict(Verdict::Accept)),
            (Condition::and([ttl(7, 7), what]), Outcome::Verdict(Verdict::Accept)),
        ]);
        let mut totals = Totals::new(&document, 0).unwrap();
        let mut headers = Headers::new();
        for ttl in [5, 6, 7, 8, 200] {
            headers.set(Field::Ttl, ttl);
            totals.run(&headers, 100).unwrap();
        }
        headers.set_cut(Field::Ttl);
        totals.run(&headers, 100).unwrap();
        totals.skip(50);
        let hit = |rule| Hit { rule_set: 0, rule };
        assert_eq!(totals.all(), Tally { packets: 7, octets: 650 });
        assert_eq!(totals.undecoded().octets, 50);
        assert_eq!(totals.rule(hit(0)).hits.packets, 4);
        assert_eq!(totals.rule(hit(1)).drops.packets, 1);
        assert_eq!(totals.rule(hit(2)).hits.packets, 1);
        assert_eq!(totals.default_hits().packets, 2);
        let verdicts = *totals.verdicts();
        assert_eq!((verdicts.accept.packets, verdicts.discard.packets), (1, 1));
        assert_eq!((verdicts.no_decision.packets, verdicts.unknown.packets), (2, 2));
        assert!((totals.collateral(hit(1)) - 1.0 / 7.0).abs() < 1e-9);
        let reasons: Vec<_> = totals.reasons().map(|(hit, reason, _)| (hit.rule, reason.clone())).collect();
        assert_eq!(reasons, [(1, Reason::Cut(Field::Ttl)), (3, Reason::Opaque("odd".into()))]);
        let mut twice = totals.clone();
        twice.merge(&totals);
        assert_eq!(twice.all().packets, 14);
    }
}
