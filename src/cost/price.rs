//! Prices documents on a platform: every rule, and every resource against its limit.

use super::device::{Attachment, Device};
use super::feature::{self, Unsupported};
use super::keeping::Keeping;
use super::kernel::Kept;
use super::platform::{Model, Platform, Resource};
use super::registers::Registers;
use super::sum::{Part, Set, Sum};
use super::tallies::{Known, Tallies};
use super::tally::{Count, Inexact, Tally};
use super::{flow, terms};
use crate::dialect::flowspec::{FlowSpec, Table, decode_value};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Action, Condition, Document, Kind, Rule, RuleSet};
use std::collections::HashMap;

/// Which rule: the document in the order added, its rule set, the rule in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RuleRef {
    /// Which document, in the order they were added.
    pub document: u32,
    /// Index into [`Document::rule_sets`].
    pub rule_set: u32,
    /// Index into [`RuleSet::rules`].
    pub rule: u32,
}

/// How a price stands against its limits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Level {
    /// Within all limits.
    Ok,
    /// Close to a limit, or beyond one that is not certain.
    Warn,
    /// Beyond a certain limit or a budget of the user's.
    Deny,
}

impl Level {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Deny => "deny",
        }
    }
}

/// Shares of a limit from which a price warns, in hundredths: near it, and almost at it. The states of the
/// NCS 5500 driver (source S14 of the platform page).
pub const WARN_AT: [u64; 2] = [80, 95];

/// One resource of the platform and how much of it is used.
#[derive(Clone, Debug)]
pub struct Usage<'d> {
    /// The resource.
    pub resource: &'d Resource,
    /// How much the rules use.
    pub used: Count,
    /// How much they would use with the fewest entries; the same as `used` for what is no entry.
    pub minimum: Count,
    /// The budget the user gave, or else the platform's limit.
    pub limit: Option<u64>,
    /// Whether the limit is a budget of the user's.
    pub budget: bool,
    /// How it stands.
    pub level: Level,
    /// The first rule with which the limit is passed; none where rules are counted together alone.
    pub passed_at: Option<RuleRef>,
    /// Why the figure is no more than a bound from below, where that is not for a rule's sake.
    pub inexact: Option<Inexact>,
}

impl<'d> Usage<'d> {
    /// Where the limit comes from: an id of the platform page, or `budget`.
    pub fn source(&self) -> &'d str {
        if self.budget { "budget" } else { &self.resource.source }
    }

    /// What is left below the limit; none where there is no limit, nothing beyond it.
    pub fn headroom(&self) -> Option<u64> {
        Some(self.limit?.saturating_sub(self.used.at_least))
    }

    /// Whether the figures are verified; a budget is what the user says.
    pub fn is_verified(&self) -> bool {
        self.budget || self.resource.verified
    }

    /// Hundredths of the limit in use, rounded down.
    pub fn share(&self) -> Option<u64> {
        let limit = u128::from(self.limit?.max(1));
        Some(u64::try_from(u128::from(self.used.at_least) * 100 / limit).unwrap_or(u64::MAX))
    }
}

/// One rule and what it comes to.
#[derive(Clone, Debug)]
pub struct RulePrice {
    /// Which rule.
    pub at: RuleRef,
    /// Table entries as drivers are known to make them.
    pub entries: Count,
    /// A lower bound of the entries any prefix encoding of this rule alone takes.
    pub minimum: Count,
    /// Why the figures are no more than bounds from below, where they are.
    pub inexact: Option<Inexact>,
    /// What it uses that the platform does not take.
    pub unsupported: Box<[Unsupported]>,
}

/// What documents cost on one platform.
#[derive(Clone, Debug)]
pub struct Price<'d> {
    /// The device.
    pub device: &'d Device,
    /// The worst of all resources, and of what the platform does not take.
    pub level: Level,
    /// Its resources in the order of the profile.
    pub resources: Vec<Usage<'d>>,
    /// The rules of all rule sets the platform takes, in order.
    pub rules: Vec<RulePrice>,
    /// Budgets for resources the platform does not have.
    pub unknown_budgets: Vec<String>,
}

impl<'d> Price<'d> {
    /// The platform of the device.
    pub fn platform(&self) -> &'d Platform {
        &self.device.platform
    }

    /// The resource that is nearest to its limit, where one has a limit and is used.
    pub fn binding(&self) -> Option<&Usage<'d>> {
        let limited = self.resources.iter().filter(|usage| usage.limit.is_some() && usage.used.at_least > 0);
        let part = |usage: &Usage<'_>| (usage.used.at_least, usage.limit.unwrap_or(0).max(1));
        limited.reduce(|most, next| {
            let ((a, b), (c, d)) = (part(most), part(next));
            let more = u128::from(c) * u128::from(b) > u128::from(a) * u128::from(d);
            if more { next } else { most }
        })
    }

    /// Whether every figure is exact.
    pub fn is_exact(&self) -> bool {
        self.rules.iter().all(|rule| rule.inexact.is_none())
    }
}

/// What one document costs. `meter` is an allowance of [`limits::COST_TOTAL_STEPS`]; each rule has one of
/// [`limits::COST_STEPS`] in it. A rule beyond either is inexact, never cheaper.
pub fn price<'d>(document: &Document, device: &'d Device, meter: &mut Meter) -> Price<'d> {
    let mut pricing = Pricing::new(device);
    pricing.add(document, meter);
    pricing.finish()
}

/// A price in the making: documents that end in one device.
#[derive(Debug)]
pub struct Pricing<'d> {
    device: &'d Device,
    flow: FlowSpec,
    documents: u32,
    rules: Vec<RulePrice>,
    // What each rule adds, for the second pass over the resources: kept small, one for each rule.
    parts: Vec<Part>,
    keeping: Keeping,
    sets: Vec<Set>,
    destinations: HashMap<(u128, u8, bool), u32>,
    // The registers of the chip, and which resource of the profile they are.
    registers: Option<(&'d Resource, Registers)>,
    // Whether more than the entries of a flow rule is asked for.
    looks_inside: bool,
}

/// What documents that end in one device cost on each of several. Each document has an allowance of
/// [`limits::COST_TOTAL_STEPS`] on each.
pub fn price_all<'d>(devices: &'d [Device], documents: &[&Document]) -> Vec<Price<'d>> {
    // Platforms that write keys the same way stand together, so that tallies of one kind are enough at a time.
    let mut order: Vec<(usize, &Device)> = devices.iter().enumerate().collect();
    order.sort_by_key(|(_, device)| device.platform.encoding().ipv6_payload_length);
    let keep = |document: &&Document| if devices.len() > 1 { document.rule_count() } else { 0 };
    let mut tallies: Vec<Tallies> =
        documents.iter().map(|document| Tallies::of_rules(keep(document))).collect();
    let mut prices: Vec<(usize, Price<'d>)> = Vec::with_capacity(devices.len());
    for (index, device) in order {
        let mut pricing = Pricing::new(device);
        for (document, tallies) in documents.iter().zip(&mut tallies) {
            pricing.add_rules(document, (0, 1), tallies, &mut Meter::new(&limits::COST_TOTAL_STEPS));
        }
        prices.push((index, pricing.finish()));
    }
    prices.sort_by_key(|(index, _)| *index);
    prices.into_iter().map(|(_, price)| price).collect()
}

/// Whether a platform asks more of a flow rule than its entries.
fn looks_inside(platform: &Platform) -> bool {
    let asks = |resource: &Resource| match resource.model {
        Model::SameDestination => true,
        Model::Octets(octets) => {
            octets.per_expanded > 0.0 || octets.per_component > 0.0 || octets.per_operand > 0.0
        }
        _ => false,
    };
    !platform.refuse.is_empty() || platform.resource.iter().any(asks)
}

impl<'d> Pricing<'d> {
    /// Nothing added yet.
    pub fn new(device: &'d Device) -> Self {
        let of_chip = device.platform.resource.iter().find_map(|resource| match resource.model {
            Model::Registers(units) if !resource.each_rule_set => {
                let budget = device.budgets.get(&resource.name).copied();
                let capacity = budget.or(resource.holds()).unwrap_or(u64::MAX);
                Some((resource, Registers::new(units, capacity)))
            }
            _ => None,
        });
        Self {
            device,
            flow: FlowSpec::new(Family::Inet),
            documents: 0,
            rules: Vec::new(),
            parts: Vec::new(),
            keeping: Keeping::new(&device.platform),
            sets: Vec::new(),
            destinations: HashMap::new(),
            registers: of_chip,
            looks_inside: looks_inside(&device.platform),
        }
    }

    /// Adds the rule sets of a document that the platform takes.
    pub fn add(&mut self, document: &Document, meter: &mut Meter) {
        self.add_rules(document, (0, 1), &mut Tallies::default(), meter);
    }

    /// The same, of every so many rules the one that stands there.
    pub(super) fn add_some(&mut self, document: &Document, some: (usize, usize), meter: &mut Meter) {
        self.add_rules(document, some, &mut Tallies::default(), meter);
    }

    fn add_rules(
        &mut self,
        document: &Document,
        (first, step): (usize, usize),
        tallies: &mut Tallies,
        meter: &mut Meter,
    ) {
        let count = document.rule_count();
        self.rules.reserve(count);
        self.parts.reserve(count);
        let mut start = 0;
        for (set, rule_set) in document.rule_sets.iter().zip(0_u32..) {
            let base = start;
            start += set.rules.len();
            if !self.device.platform.takes(set.kind) {
                continue;
            }
            let table = table_of(set);
            if let Some((_, registers)) = &mut self.registers {
                registers.begin_rule_set();
            }
            for (rule, index) in set.rules.iter().zip(0_u32..).skip(first).step_by(step.max(1)) {
                let at = RuleRef { document: self.documents, rule_set, rule: index };
                let known = tallies.of(self.device.platform.encoding(), base + index as usize);
                self.add_rule(at, set, table, &rule, known, meter);
            }
            self.keeping.end_rule_set(set);
            let attached: Vec<Attachment> = self.device.attached(&set.name);
            let comparisons = self.registers.as_ref().map_or(0, |(_, registers)| registers.in_rule_set());
            let start = self.sets.last().map_or(0, |set| set.end);
            let end = self.rules.len();
            let lists = lists(self.parts.get(start..end).unwrap_or(&[]));
            self.sets.push(Set { kind: set.kind, family: set.family, end, attached, comparisons, lists });
        }
        self.documents = self.documents.saturating_add(1);
    }

    fn add_rule(
        &mut self,
        at: RuleRef,
        set: &RuleSet,
        table: Table,
        rule: &Rule,
        known: Option<&mut Option<Known>>,
        total: &mut Meter,
    ) {
        let left = limits::COST_STEPS.value.min(total.left());
        let mut own = Meter::with_allowance(&limits::COST_STEPS, left);
        let nlri = rule.nlri.filter(|_| set.kind == Kind::FlowRoutes);
        let registers = self.registers.as_mut().filter(|(of, _)| of.is_filled_by(set.kind, set.family));
        // What is compared in registers goes by the rules before.
        let mut known = known.filter(|_| registers.is_none());
        let before = known.as_deref().copied().flatten().filter(|known| known.spent <= left);
        let decodes = before.is_none() || self.looks_inside;
        let decoded =
            decodes && nlri.is_some_and(|octets| decode_value(table, octets, 0, &mut self.flow).is_ok());
        let keys = terms::Keys { family: set.family, encoding: self.device.platform.encoding() };
        let mut shares = None;
        let counted = if let Some(known) = before {
            shares = known.shares;
            own.charge(known.spent).map(|()| (known.tally, known.opaque))
        } else if decoded {
            let tally = flow::tally(&self.flow, self.device.platform.encoding(), &mut own);
            tally.map(|tally| if says_more(rule) { (tally.inexact(), true) } else { (tally, false) })
        } else {
            let registers = registers.map(|(_, registers)| registers);
            if set.family == Family::Any && set.kind != Kind::FlowRoutes {
                let both = terms::tally_of_both(rule.condition, keys, registers, &mut own);
                both.map(|(tally, of_each, opaque)| {
                    shares = Some(of_each);
                    (tally, opaque)
                })
            } else {
                terms::tally(rule.condition, keys, registers, &mut own)
            }
        };
        if let (Some(known), Ok((tally, opaque))) = (&mut known, &counted) {
            **known = Some(Known { tally: *tally, shares, opaque: *opaque, spent: own.spent() });
        }
        let nlri_octets = nlri.map(|octets| u32::try_from(octets.len()).unwrap_or(u32::MAX));
        let spent = total.charge(own.spent().min(left));
        let (tally, mut inexact) = match counted {
            Ok((tally, opaque)) => (tally, opaque.then_some(Inexact::Opaque)),
            Err(exhausted) => {
                let of_total = spent.is_err()
                    || (exhausted.limit == &limits::COST_STEPS && left < limits::COST_STEPS.value);
                let exhausted = if of_total { total.exhausted() } else { exhausted };
                (Tally::UNKNOWN, Some(Inexact::Exhausted(exhausted)))
            }
        };
        if inexact.is_none() && !tally.entries.exact {
            inexact = Some(Inexact::TooLarge);
        }
        let (mut expanded, mut destination, mut unsupported) = (1, 0, Vec::new());
        let (mut components, mut operands) = (0, 0);
        if decoded {
            (components, operands) = flow::parts(&self.flow);
            expanded = u32::try_from(flow::expanded(&self.flow)).unwrap_or(u32::MAX);
            unsupported =
                feature::unsupported(self.device, rule, &self.flow, u64::from(nlri_octets.unwrap_or(0)));
            if let Some((addr, len)) = flow::destination(&self.flow) {
                let next = u32::try_from(self.destinations.len()).unwrap_or(u32::MAX).saturating_add(1);
                let inet6 = set.family == Family::Inet6;
                destination = *self.destinations.entry((addr, len, inet6)).or_insert(next);
            }
        }
        self.rules.push(RulePrice {
            at,
            entries: tally.entries,
            minimum: tally.minimum,
            inexact,
            unsupported: unsupported.into(),
        });
        self.parts.push(Part {
            terms: tally.terms,
            lines: tally.lines,
            elements: tally.elements,
            nlri_octets: if set.kind == Kind::FlowRoutes { nlri_octets } else { Some(0) },
            expanded,
            components,
            operands,
            destination,
            shares,
            limits_rate: rule
                .actions
                .iter()
                .any(|action| matches!(action, Action::RateLimit(r) if r.amount > 0.0)),
        });
        self.keeping.add(set, rule, at.rule, keys, total);
    }

    /// Holds everything added against the limits and the budgets, by the name of the resource.
    pub fn finish(self) -> Price<'d> {
        let platform = &self.device.platform;
        let resources: Vec<Usage<'_>> =
            platform.resource.iter().map(|resource| self.usage(resource)).collect();
        let features = self.rules.iter().flat_map(|rule| &rule.unsupported);
        let of_features = features.map(|found| if found.denies { Level::Deny } else { Level::Warn }).max();
        let of_resources = resources.iter().map(|usage| usage.level).max();
        let unknown = self.device.budgets.keys().filter(|name| platform.resource(name).is_none());
        Price {
            device: self.device,
            level: of_resources.max(of_features).unwrap_or(Level::Ok),
            unknown_budgets: unknown.cloned().collect(),
            resources,
            rules: self.rules,
        }
    }

    fn usage(&self, resource: &'d Resource) -> Usage<'d> {
        let budget = self.device.budgets.get(&resource.name).copied();
        let holds = resource.holds();
        let limit = budget.or(holds);
        let (used, minimum, passed_at, inexact) = self.used(resource, limit);
        let over = |limit: Option<u64>| limit.is_some_and(|limit| used.at_least > limit);
        let near = |limit: u64| u128::from(used.at_least) * 100 >= u128::from(limit) * u128::from(WARN_AT[0]);
        let level = if over(limit) {
            if budget.is_some() || resource.denies() { Level::Deny } else { Level::Warn }
        } else if over(holds) || limit.is_some_and(|limit| limit > 0 && near(limit)) {
            Level::Warn
        } else {
            Level::Ok
        };
        Usage { resource, used, minimum, limit, budget: budget.is_some(), level, passed_at, inexact }
    }

    /// How much of a resource is used, how little could be, the rule with which the limit is passed, and why the figure is
    /// from below where no rule says so.
    fn used(
        &self,
        resource: &Resource,
        limit: Option<u64>,
    ) -> (Count, Count, Option<RuleRef>, Option<Inexact>) {
        if let (Model::Registers(_), false, Some((_, registers))) =
            (resource.model, resource.each_rule_set, &self.registers)
        {
            // What could not be counted may compare what nobody knows.
            let known = self.rules.iter().all(|rule| rule.inexact.is_none());
            let wanted = Count { at_least: registers.wanted(), exact: known };
            return (wanted, wanted, None, None);
        }
        let mut sum = Sum::default();
        let mut fullest = (Count::exact(0), Count::exact(0));
        let (mut passed_at, mut inexact) = (None, None);
        let mut start = 0;
        let number = self.device.platform.resource.iter().position(|of| std::ptr::eq(of, resource));
        let kept = number.map_or(&[][..], |number| self.keeping.objects(number));
        for (number, set) in self.sets.iter().enumerate() {
            let range = start..set.end;
            start = set.end;
            if !resource.is_filled_by(set.kind, set.family) || !set.is_attached(resource.direction) {
                continue;
            }
            if resource.each_rule_set {
                sum = Sum::default();
            }
            sum.begin_rule_set(resource, set);
            let mut built = false;
            if let Model::Built { structure } = resource.model {
                let figure = self.keeping.built(number, structure);
                sum.push(figure.count, figure.count);
                inexact = inexact.or(figure.why);
                built = true;
            }
            let rules = self.rules.get(range.clone()).unwrap_or(&[]);
            let parts = self.parts.get(range.clone()).unwrap_or(&[]);
            let kept = kept.get(range).unwrap_or(&[]).iter().copied();
            let kept = kept.chain(std::iter::repeat(Kept::default()));
            for ((rule, part), kept) in rules.iter().zip(parts).zip(kept) {
                sum.add(resource, rule, part, kept);
                if kept.open && rule.inexact.is_none() {
                    inexact = inexact.or(Some(Inexact::Action));
                }
                if passed_at.is_none()
                    && !built
                    && limit.is_some_and(|limit| sum.total(resource).0.at_least > limit)
                {
                    passed_at = Some(rule.at);
                }
            }
            let (used, minimum) = sum.total(resource);
            if used.at_least >= fullest.0.at_least {
                fullest = (used, minimum);
            }
        }
        (fullest.0, fullest.1, passed_at, inexact)
    }
}

/// The families that rules of a rule set are for, where it is for both.
fn lists(parts: &[Part]) -> u64 {
    let (mut four, mut six) = (false, false);
    for [in_four, in_six] in parts.iter().filter_map(|part| part.shares) {
        four |= in_four.0 != Count::exact(0);
        six |= in_six.0 != Count::exact(0);
    }
    if four && six { 2 } else { 1 }
}

/// Whether a flow rule has conditions that are not modelled and so not in its NLRI. Groups of interfaces are
/// not modelled either; they say where a rule is attached and not what its entries hold.
fn says_more(rule: &Rule) -> bool {
    let mut opaque = 0_usize;
    rule.condition.visit(&mut |part| opaque += usize::from(matches!(part, Condition::Opaque(_))));
    let is_group = |action: &&Action| matches!(action, Action::InterfaceSet { .. });
    opaque > rule.actions.iter().filter(is_group).count()
}

/// The table whose NLRIs a rule set holds: by its name, else by its family.
pub(super) fn table_of(set: &RuleSet) -> Table {
    Table::by_rule_set_name(&set.name).unwrap_or(match set.family {
        Family::Inet6 => Table::Ipv6,
        Family::Inet | Family::Any => Table::Ipv4,
    })
}

/// What rules use that the platform of a device does not take, without their price.
pub fn unsupported(document: &Document, device: &Device) -> impl Iterator<Item = (RuleRef, Unsupported)> {
    let mut spec = FlowSpec::new(Family::Inet);
    let sets = document.rule_sets.iter().zip(0_u32..);
    let sets = sets.filter(|(set, _)| set.kind == Kind::FlowRoutes && device.platform.takes(set.kind));
    let rules = sets.flat_map(|(set, rule_set)| {
        let table = table_of(set);
        set.rules
            .iter()
            .zip(0_u32..)
            .map(move |(rule, index)| (RuleRef { document: 0, rule_set, rule: index }, table, rule))
    });
    rules.flat_map(move |(at, table, rule)| {
        let octets = rule.nlri.unwrap_or(&[]);
        let list = if decode_value(table, octets, 0, &mut spec).is_ok() {
            feature::unsupported(device, &rule, &spec, octets.len() as u64)
        } else {
            Vec::new()
        };
        list.into_iter().map(move |found| (at, found))
    })
}
