//! What becomes of a set of packets in a rule set: evaluation of all of them at once, with the same rules for
//! calls, stages, held verdicts and defaults as the walk over one packet.

use super::space::{Space, Spaces};
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Outcome, Rule, RuleSet, ValueSet, Verdict, Visits};

/// What became of the packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach {
    /// Packets that go on.
    pub accepted: Space,
    /// Packets that do not.
    pub dropped: Space,
    /// Packets the rule set does not decide, those of another family included.
    pub undecided: Space,
}

/// A rule that packets came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Visit {
    /// Index of its rule set in the document.
    pub rule_set: u32,
    /// Its own index in the rule set.
    pub rule: u32,
    /// The packets that came to it and match. Those that an earlier rule holds a drop for are not among them.
    pub matched: Space,
}

/// Watches a walk; see [`reach`].
pub trait Watch {
    /// Whether a rule surely matches none of the packets the walk began with, so that it need not be looked at.
    fn skips(&self, rule: &Rule) -> bool;

    /// Packets came to a rule and match it.
    fn visit(&mut self, spaces: &mut Spaces<'_>, visit: Visit) -> Result<(), Exhausted>;
}

/// The packets of a family.
pub fn of_family(family: Family) -> Condition {
    match family {
        Family::Any => Condition::True,
        Family::Inet => Condition::test(Field::IpVersion, ValueSet::single(4)),
        Family::Inet6 => Condition::test(Field::IpVersion, ValueSet::single(6)),
    }
}

/// Walks a rule set with all packets of `start` at once.
pub fn reach(
    spaces: &mut Spaces<'_>,
    document: &Document,
    rule_set: u32,
    start: Space,
    watch: &mut dyn Watch,
) -> Result<Reach, Exhausted> {
    let Some(set) = document.rule_sets.get(rule_set as usize) else {
        return Ok(Reach { accepted: Space::NONE, dropped: Space::NONE, undecided: start });
    };
    let family = spaces.of(&of_family(set.family))?;
    let inside = spaces.intersection(start, family)?;
    let mut walk = Walk {
        spaces,
        document,
        watch,
        steps: Meter::new(&limits::EVALUATION_STEPS),
        depth: Meter::new(&limits::CALL_DEPTH),
        held: Held::default(),
        passed: None,
        visits: Visits::default(),
        accepted: Space::NONE,
        dropped: Space::NONE,
        undecided: Space::NONE,
    };
    walk.undecided = walk.spaces.difference(start, family)?;
    let left = walk.rules(rule_set, set, inside)?;
    walk.conclude(left, set.default)?;
    Ok(Reach { accepted: walk.accepted, dropped: walk.dropped, undecided: walk.undecided })
}

/// Packets that rules hold a verdict for, in this stage.
struct Held {
    drop: Space,
    accept: Space,
    open: Space,
}

impl Default for Held {
    fn default() -> Self {
        Self { drop: Space::NONE, accept: Space::NONE, open: Space::NONE }
    }
}

struct Walk<'a, 's, 'm> {
    spaces: &'s mut Spaces<'m>,
    document: &'a Document,
    watch: &'a mut dyn Watch,
    steps: Meter,
    depth: Meter,
    held: Held,
    // Within a stage: the packets that it lets through.
    passed: Option<Space>,
    // How often packets came to each rule set.
    visits: Visits,
    accepted: Space,
    dropped: Space,
    undecided: Space,
}

impl Walk<'_, '_, '_> {
    /// Walks the rules of a rule set; the packets that none of them decided.
    fn rules(&mut self, index: u32, set: &RuleSet, start: Space) -> Result<Space, Exhausted> {
        let visit = self.visits.come_to(index);
        let mut left = start;
        let mut returned = Space::NONE;
        for (rule, number) in set.rules.iter().zip(0_u32..) {
            if left.is_empty() {
                break;
            }
            self.steps.charge(1)?;
            if self.watch.skips(&rule) {
                continue;
            }
            let later = rule.condition.at_visit(visit);
            let condition = self.spaces.of(later.as_ref().unwrap_or(rule.condition))?;
            let matched = self.spaces.intersection(left, condition)?;
            if matched.is_empty() {
                continue;
            }
            let fresh = self.spaces.difference(matched, self.held.drop)?;
            self.watch.visit(self.spaces, Visit { rule_set: index, rule: number, matched: fresh })?;
            match rule.outcome {
                Outcome::Verdict(verdict) => {
                    self.decide(matched, verdict)?;
                    left = self.spaces.difference(left, matched)?;
                }
                Outcome::Next { held: Some(verdict) } if verdict.is_drop() => {
                    self.held.drop = self.spaces.union(self.held.drop, matched)?;
                }
                Outcome::Next { held: Some(verdict) } => self.hold(matched, verdict)?,
                Outcome::Next { held: None } => {}
                Outcome::Return => {
                    returned = self.spaces.union(returned, matched)?;
                    left = self.spaces.difference(left, matched)?;
                }
                Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    let after = self.enter(rule.outcome, matched)?;
                    left = self.spaces.difference(left, matched)?;
                    let to = if matches!(rule.outcome, Outcome::Goto(_)) { &mut returned } else { &mut left };
                    *to = self.spaces.union(*to, after)?;
                }
            }
        }
        self.spaces.union(left, returned)
    }

    /// Walks the rule set that an outcome names; the packets that come out of it.
    fn enter(&mut self, outcome: Outcome, start: Space) -> Result<Space, Exhausted> {
        let document = self.document;
        let Some(target) = outcome.target() else { return Ok(start) };
        let Some(set) = document.rule_sets.get(target as usize) else { return Ok(start) };
        self.depth.charge(1)?;
        let after = if matches!(outcome, Outcome::Stage(_)) {
            self.stage(target, set, start)?
        } else {
            self.rules(target, set, start)?
        };
        self.depth.release(1);
        Ok(after)
    }

    /// Walks a rule set as a stage: the packets that it does not drop.
    fn stage(&mut self, index: u32, set: &RuleSet, start: Space) -> Result<Space, Exhausted> {
        let family = self.spaces.of(&of_family(set.family))?;
        let inside = self.spaces.intersection(start, family)?;
        let outside = self.spaces.difference(start, family)?;
        let outer = (std::mem::take(&mut self.held), self.passed.replace(Space::NONE));
        let left = self.rules(index, set, inside)?;
        self.conclude(left, set.default)?;
        let passed = self.passed.take().unwrap_or(Space::NONE);
        (self.held, self.passed) = outer;
        self.spaces.union(passed, outside)
    }

    /// The first held verdict that is no drop stands.
    fn hold(&mut self, packets: Space, verdict: Verdict) -> Result<(), Exhausted> {
        let (own, other) = match verdict {
            Verdict::NoDecision => (&mut self.held.open, self.held.accept),
            Verdict::Accept | Verdict::Discard | Verdict::Reject(_) => {
                (&mut self.held.accept, self.held.open)
            }
        };
        let fresh = self.spaces.difference(packets, other)?;
        *own = self.spaces.union(*own, fresh)?;
        Ok(())
    }

    fn decide(&mut self, packets: Space, verdict: Verdict) -> Result<(), Exhausted> {
        let held = self.spaces.intersection(packets, self.held.drop)?;
        self.dropped = self.spaces.union(self.dropped, held)?;
        let free = self.spaces.difference(packets, self.held.drop)?;
        let target = match (verdict, &mut self.passed) {
            (Verdict::Discard | Verdict::Reject(_), _) => &mut self.dropped,
            (_, Some(passed)) => passed,
            (Verdict::Accept, None) => &mut self.accepted,
            (Verdict::NoDecision, None) => &mut self.undecided,
        };
        *target = self.spaces.union(*target, free)?;
        Ok(())
    }

    fn conclude(&mut self, left: Space, default: Verdict) -> Result<(), Exhausted> {
        // A held accept stands only where nothing later decided; a held drop stands anyway.
        let accepted = self.spaces.intersection(left, self.held.accept)?;
        self.decide(accepted, Verdict::Accept)?;
        let open = self.spaces.intersection(left, self.held.open)?;
        self.decide(open, Verdict::NoDecision)?;
        let rest = self.spaces.difference(left, self.held.accept)?;
        let rest = self.spaces.difference(rest, self.held.open)?;
        self.decide(rest, default)
    }
}
