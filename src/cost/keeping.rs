//! What engines that are built up keep of the rules of each rule set: objects of the kernel rule by rule, and structures
//! of a rule set as a whole.

use super::built::concatenation::Concatenation;
use super::built::{Building, Built, Figure, Structure, Wanted};
use super::kernel::{self, Kept, MapRule, Words};
use super::platform::{Model, Platform};
use super::terms::Keys;
use super::written::as_written;
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Kind, Origin, Rule, RuleSet};
use std::borrow::Cow;

/// What is kept of the rules added so far.
#[derive(Debug)]
pub(super) struct Keeping {
    /// For each resource of the platform, objects of the kernel where it counts them.
    objects: Vec<Option<Objects>>,
    wanted: Wanted,
    building: Option<Building>,
    /// One for each rule set.
    built: Vec<Built>,
}

/// Objects of the kernel, for each rule.
#[derive(Debug)]
struct Objects {
    words: Words,
    list: Vec<Kept>,
    map: MapRun,
}

/// Rules in a row that stand in one place: one rule with a map, of which a reader makes a rule for each element.
#[derive(Debug, Default)]
struct MapRun {
    origin: Origin,
    name: String,
    elements: Concatenation,
    /// Where its first rule is.
    start: usize,
    /// The rule with the map, where the rules are its elements.
    rule: Option<MapRule>,
}

impl Keeping {
    /// Nothing added yet.
    pub(super) fn new(platform: &Platform) -> Self {
        let objects = platform.resource.iter().map(|resource| match resource.model {
            Model::Kernel { words } => Some(Objects { words, list: Vec::new(), map: MapRun::default() }),
            _ => None,
        });
        Self { objects: objects.collect(), wanted: Wanted::of(platform), building: None, built: Vec::new() }
    }

    /// Adds a rule of the rule set at hand.
    pub(super) fn add(&mut self, set: &RuleSet, rule: &Rule, index: u32, keys: Keys, total: &mut Meter) {
        for objects in self.objects.iter_mut().flatten() {
            objects.add(set.kind, rule, index, keys, total);
        }
        if self.wanted.is_any() {
            let building = self.building.get_or_insert_with(|| Building::new(self.wanted, set.family));
            let left = limits::COST_STEPS.value.min(total.left());
            let mut own = Meter::with_allowance(&limits::COST_STEPS, left);
            building.add(rule, keys, &mut own);
            // A document that is beyond its allowance is so for the rules themselves.
            let _ = total.charge(own.spent().min(left));
        }
    }

    /// The rule set at hand has no more rules.
    pub(super) fn end_rule_set(&mut self, set: &RuleSet) {
        for objects in self.objects.iter_mut().flatten() {
            objects.end_map();
            objects.map = MapRun::default();
        }
        if self.wanted.is_any() {
            let building = self.building.take().unwrap_or_else(|| Building::new(self.wanted, set.family));
            self.built.push(building.finish());
        }
    }

    /// What is kept of each rule, in the order added; nothing for a resource of another model.
    pub(super) fn objects(&self, resource: usize) -> &[Kept] {
        self.objects.get(resource).and_then(Option::as_ref).map_or(&[], |objects| &objects.list)
    }

    /// What a structure of a rule set takes, by the number of the rule set in the order added.
    pub(super) fn built(&self, rule_set: usize, structure: Structure) -> Figure {
        self.built.get(rule_set).map_or(Figure::NOTHING, |built| built.of(structure))
    }
}

impl Objects {
    fn add(&mut self, kind: Kind, rule: &Rule, index: u32, keys: Keys, total: &mut Meter) {
        let named = rule.name.parse::<u64>() != Ok(u64::from(index) + 1);
        let left = limits::COST_STEPS.value.min(total.left());
        let mut own = Meter::with_allowance(&limits::COST_STEPS, left);
        let told = match keys.family {
            Family::Any | Family::Inet6 if self.words == Words::Nftables => {
                as_written(rule.condition, &mut own)
            }
            _ => Ok(Cow::Borrowed(rule.condition)),
        };
        let kept = told.and_then(|condition| {
            let rule = Rule { condition: &condition, ..*rule };
            if self.words == Words::Nftables && kind != Kind::FlowRoutes {
                self.follow(&rule, named, keys.family);
            }
            kernel::kept(self.words, &rule, named, keys, &mut own)
        });
        let within = total.charge(own.spent().min(left)).is_ok();
        self.list.push(kept.ok().filter(|_| within).unwrap_or(Kept { open: true, ..Kept::default() }));
    }

    /// Goes on with a map, or begins anew.
    fn follow(&mut self, rule: &Rule, named: bool, family: Family) {
        let map = &mut self.map;
        let placed = rule.origin.span.end > rule.origin.span.start;
        if placed && map.origin == rule.origin && map.name == rule.name && map.elements.elements() > 0 {
            // A rule that is no element ends it for good: what stands in one place is one map or none.
            map.rule = if map.elements.add(rule.condition) {
                Some(MapRule::of(rule, named, family))
            } else {
                map.elements.clear();
                None
            };
            return;
        }
        self.end_map();
        let map = &mut self.map;
        map.origin = rule.origin;
        map.name.clear();
        map.name.push_str(rule.name);
        map.start = self.list.len();
        map.elements.clear();
        if !map.elements.add(rule.condition) {
            map.elements.clear();
        }
    }

    /// Puts one rule with a map in the place of its elements.
    fn end_map(&mut self) {
        let Some(rule) = self.map.rule.take() else { return };
        let whole = rule.kept(&self.map.elements);
        let mut rules = self.list.iter_mut().skip(self.map.start);
        if let Some(first) = rules.next() {
            *first = whole;
        }
        rules.for_each(|rule| *rule = Kept::default());
    }
}
