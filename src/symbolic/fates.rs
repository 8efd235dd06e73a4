//! Which rules of a document packets come to, along every way that leads there: rules of a chain behind what its callers
//! let through, rules of a stage behind the stages before it.

use super::cover::{Cover, Fate, asks_for_octets};
use super::reach::of_family;
use super::seek::Holds;
use crate::field::Family;
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Kind, Outcome, RuleSet, Visits};
use std::collections::{BTreeMap, BTreeSet};

/// A rule of a document, or what its rule set does where none of its rules decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    /// Index of the rule set.
    pub rule_set: u32,
    /// Index of the rule in it; none for the default.
    pub rule: Option<u32>,
}

/// What becomes of a rule along all ways to it.
#[derive(Clone, PartialEq, Debug)]
pub enum RuleFate {
    /// Packets come to it and match.
    Live,
    /// Others take all of its packets: these. None where no packet that comes to it can match.
    Covered(BTreeSet<Place>),
    /// What is not modelled decides whether a packet comes to it.
    Unmodelled,
    /// The answer would take too much.
    Spent(Exhausted),
}

impl RuleFate {
    /// Along one way more.
    fn join(&mut self, other: Self) {
        match (&mut *self, other) {
            (Self::Live, _) => {}
            (_, Self::Live) => *self = Self::Live,
            (Self::Covered(by), Self::Covered(more)) => by.extend(more),
            (Self::Covered(_), other) => *self = other,
            (Self::Unmodelled | Self::Spent(_), _) => {}
        }
    }
}

/// The fates of the rules of a document.
#[derive(Debug, Default)]
pub struct Fates {
    rules: Vec<Vec<Option<RuleFate>>>,
    defaults: BTreeMap<u32, RuleFate>,
    // Rule sets that packets come to.
    reached: BTreeSet<u32>,
    /// What ended the search early, and at which rule; rules without a fate were not looked at then.
    pub stopped: Option<(Exhausted, Place)>,
}

impl Fates {
    /// Judges every rule of a document for the packets of `view`.
    pub fn of(document: &Document, view: &Condition, holds: Holds) -> Self {
        Self::within(limits::CHECK_NODES.value, document, view, holds)
    }

    /// The same with another allowance for what packets enter by, in the unit of `check-nodes`.
    pub fn within(allowance: u64, document: &Document, view: &Condition, holds: Holds) -> Self {
        let rules = document.rule_sets.iter().map(|set| vec![None; set.rules.len()]).collect();
        let mut fates = Self { rules, ..Self::default() };
        let mut unsure = BTreeSet::new();
        for entry in document.entries() {
            let mut walk = Walk::new(document, entry, false, holds, &mut fates).allowing(allowance);
            if let Err(exhausted) = walk.enter(entry, view) {
                let at = walk.at();
                // Of the ways to what it walks some are not known.
                unsure.extend(document.reached(entry).into_iter().filter(|index| *index != entry));
                fates.stopped.get_or_insert((exhausted, at));
            }
        }
        for (index, set) in document.rule_sets.iter().enumerate() {
            let unknown = unsure.contains(&index);
            if !set.kind.is_written() || fates.is_reached(index) && !unknown {
                continue;
            }
            // By itself: what its own rules take from each other they take on every way.
            if let Some(rules) = fates.rules.get_mut(index) {
                rules.fill(None);
            }
            fates.defaults.remove(&place(index));
            let mut walk = Walk::new(document, index, true, holds, &mut fates).allowing(allowance);
            let ended = walk.enter(index, view).map_err(|exhausted| (exhausted, walk.at()));
            if !unknown {
                fates.reached.remove(&place(index));
            }
            if let Err(stopped) = ended {
                fates.stopped.get_or_insert(stopped);
            }
        }
        fates
    }

    /// The fate of a rule; none where the search ended before.
    pub fn rule(&self, rule_set: usize, rule: usize) -> Option<&RuleFate> {
        self.rules.get(rule_set)?.get(rule)?.as_ref()
    }

    /// What becomes of the default of a rule set that packets enter by.
    pub fn of_default(&self, rule_set: usize) -> Option<&RuleFate> {
        self.defaults.get(&place(rule_set))
    }

    /// Whether packets come to a rule set, or may.
    pub fn is_reached(&self, rule_set: usize) -> bool {
        self.reached.contains(&place(rule_set))
    }

    fn add(&mut self, at: Place, fate: RuleFate) {
        let rules = self.rules.get_mut(at.rule_set as usize);
        let Some(slot) = at.rule.and_then(|rule| rules?.get_mut(rule as usize)) else { return };
        match slot {
            Some(known) => known.join(fate),
            None => *slot = Some(fate),
        }
    }
}

fn place(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

struct Walk<'a> {
    document: &'a Document,
    cover: Cover,
    // The rules asked about, by their number.
    places: Vec<Place>,
    // Calls are not followed.
    alone: bool,
    meter: Meter,
    depth: Meter,
    // How often packets came to each rule set.
    visits: Visits,
    fates: &'a mut Fates,
}

impl<'a> Walk<'a> {
    fn new(document: &'a Document, entry: usize, alone: bool, holds: Holds, fates: &'a mut Fates) -> Self {
        let reached = if alone { vec![entry] } else { document.reached(entry) };
        let sets = reached.into_iter().filter_map(|index| document.rule_sets.get(index));
        let raw = sets.max_by_key(|set| set.rules.len()).is_some_and(asks_for_octets);
        Self {
            document,
            cover: Cover::new(family(document, entry), raw, holds),
            places: Vec::new(),
            alone,
            meter: Meter::new(&limits::FLATTENED),
            depth: Meter::new(&limits::CALL_DEPTH),
            visits: Visits::default(),
            fates,
        }
    }

    fn allowing(mut self, allowance: u64) -> Self {
        self.cover = self.cover.allowing(allowance);
        self
    }

    /// The rule asked about last.
    fn at(&self) -> Place {
        self.places.last().copied().unwrap_or(Place { rule_set: 0, rule: None })
    }

    /// Judges the rules of the rule set that packets enter by, and its default.
    fn enter(&mut self, entry: usize, view: &Condition) -> Result<(), Exhausted> {
        let Some(set) = self.document.rule_sets.get(entry) else { return Ok(()) };
        // What returns from here meets the default, as what no rule decides.
        self.rules(place(entry), set, view, &mut None)?;
        if set.kind.is_written() && !self.alone {
            let fate = self.cover.next(view, Outcome::Next { held: None })?;
            let fate = self.fate(fate);
            self.fates.defaults.insert(place(entry), fate);
        }
        Ok(())
    }

    /// Judges the rules of a rule set for the packets of `guard`. Rules by which packets pass the stage that it is in go
    /// to `passed`.
    fn rules(
        &mut self,
        index: u32,
        set: &'a RuleSet,
        guard: &Condition,
        passed: &mut Option<Vec<u32>>,
    ) -> Result<(), Exhausted> {
        self.fates.reached.insert(index);
        let visit = self.visits.come_to(index);
        let mut returned = Vec::new();
        for (rule, number) in set.rules.iter().zip(0..) {
            let at = Place { rule_set: index, rule: Some(number) };
            let later = rule.condition.at_visit(visit);
            let own = later.as_ref().unwrap_or(rule.condition);
            let both;
            let condition = if *guard == Condition::True {
                self.meter.charge(1)?;
                own
            } else {
                both = Condition::and([guard.clone(), own.clone()]);
                self.meter.charge(both.tests().len() as u64 + 1)?;
                &both
            };
            let decides = match rule.outcome {
                Outcome::Verdict(_) | Outcome::Return => rule.outcome,
                Outcome::Goto(_) if self.alone => Outcome::Return,
                Outcome::Next { .. } | Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    Outcome::Next { held: None }
                }
            };
            let (asked, fate) = self.ask(at, condition, decides)?;
            let comes = !matches!(fate, RuleFate::Covered(_));
            self.fates.add(at, fate);
            match rule.outcome {
                Outcome::Verdict(verdict) => {
                    if let Some(passed) = passed.as_mut().filter(|_| !verdict.is_drop()) {
                        passed.push(asked);
                    }
                }
                Outcome::Return => returned.push(asked),
                Outcome::Next { .. } => {}
                Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    if comes && !self.alone {
                        self.walk(rule.outcome, condition, passed)?;
                    }
                    if matches!(rule.outcome, Outcome::Goto(_)) && !self.alone {
                        // What comes out of it has left this rule set too.
                        returned.push(self.ask(at, condition, Outcome::Return)?.0);
                    }
                }
            }
        }
        returned.into_iter().try_for_each(|number| self.cover.release(number))
    }

    /// Judges the rule set that a rule walks.
    fn walk(
        &mut self,
        outcome: Outcome,
        guard: &Condition,
        passed: &mut Option<Vec<u32>>,
    ) -> Result<(), Exhausted> {
        let document = self.document;
        let Some(index) = outcome.target() else { return Ok(()) };
        // One that is not there decides nothing.
        let Some(set) = document.rule_sets.get(index as usize) else { return Ok(()) };
        self.depth.charge(1)?;
        if matches!(outcome, Outcome::Stage(_)) {
            let guard = Condition::and([guard.clone(), of_family(set.family)]);
            let mut own = Some(Vec::new());
            self.rules(index, set, &guard, &mut own)?;
            let default = Place { rule_set: index, rule: None };
            let fate = if set.default.is_drop() {
                self.ask(default, &guard, Outcome::Verdict(set.default))?.1
            } else {
                self.ask(default, &guard, Outcome::Next { held: None })?.1
            };
            match self.fates.defaults.get_mut(&index) {
                Some(known) => known.join(fate),
                None => _ = self.fates.defaults.insert(index, fate),
            }
            own.into_iter().flatten().try_for_each(|number| self.cover.release(number))?;
        } else {
            self.rules(index, set, guard, passed)?;
        }
        self.depth.release(1);
        Ok(())
    }

    /// The number and the fate of a rule.
    fn ask(
        &mut self,
        at: Place,
        condition: &Condition,
        outcome: Outcome,
    ) -> Result<(u32, RuleFate), Exhausted> {
        let number = self.cover.number();
        self.places.push(at);
        let fate = self.cover.next(condition, outcome)?;
        Ok((number, self.fate(fate)))
    }

    fn fate(&self, fate: Fate) -> RuleFate {
        match fate {
            Fate::Live(_) => RuleFate::Live,
            Fate::Covered(by) => RuleFate::Covered(
                by.iter().filter_map(|rule| self.places.get(*rule as usize).copied()).collect(),
            ),
            Fate::Unmodelled => RuleFate::Unmodelled,
            Fate::Spent(exhausted) => RuleFate::Spent(exhausted),
        }
    }
}

/// The family of the packets that an entry sees: of a hook all of whose stages are of one, only that.
fn family(document: &Document, entry: usize) -> Family {
    let Some(set) = document.rule_sets.get(entry) else { return Family::Any };
    if set.kind != Kind::Hook {
        return set.family;
    }
    let mut families = set.targets().filter_map(|index| Some(document.rule_sets.get(index)?.family));
    let first = families.next().unwrap_or(set.family);
    if families.all(|family| family == first) { first } else { set.family }
}
