//! Prices documents on a platform: every rule, and every resource against its limit.

use super::feature::{self, Unsupported};
use super::kernel::{self, Kept};
use super::platform::{AsRule, Model, Octets, Platform, Resource};
use super::tally::{Count, Inexact, Tally};
use super::{flow, terms};
use crate::dialect::flowspec::{FlowSpec, Table, decode_value};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Action, Condition, Document, Kind, Rule, RuleSet};
use std::collections::{BTreeMap, HashMap};

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
pub struct Usage {
    /// The resource.
    pub resource: &'static Resource,
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
    /// The first rule with which the limit is passed.
    pub passed_at: Option<RuleRef>,
}

impl Usage {
    /// Where the limit comes from: an id of the platform page, or `budget`.
    pub fn source(&self) -> &'static str {
        if self.budget { "budget" } else { &self.resource.source }
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
    pub unsupported: Vec<Unsupported>,
}

/// What documents cost on one platform.
#[derive(Clone, Debug)]
pub struct Price {
    /// The platform.
    pub platform: &'static Platform,
    /// The worst of all resources, and of what the platform does not take.
    pub level: Level,
    /// Its resources in the order of the profile.
    pub resources: Vec<Usage>,
    /// The rules of all rule sets the platform takes, in order.
    pub rules: Vec<RulePrice>,
    /// Budgets for resources the platform does not have.
    pub unknown_budgets: Vec<String>,
}

impl Price {
    /// Whether every figure is exact.
    pub fn is_exact(&self) -> bool {
        self.rules.iter().all(|rule| rule.inexact.is_none())
    }
}

/// What one document costs. `meter` is an allowance of [`limits::COST_TOTAL_STEPS`]; each rule has one of
/// [`limits::COST_STEPS`] in it. A rule beyond either is inexact, never cheaper.
pub fn price(
    document: &Document,
    platform: &'static Platform,
    budgets: &BTreeMap<String, u64>,
    meter: &mut Meter,
) -> Price {
    let mut pricing = Pricing::new(platform);
    pricing.add(document, meter);
    pricing.finish(budgets)
}

/// A price in the making: documents that end in one device.
#[derive(Debug)]
pub struct Pricing {
    platform: &'static Platform,
    flow: FlowSpec,
    documents: u32,
    rules: Vec<RulePrice>,
    // What each rule adds, for the second pass over the resources: kept small, one for each rule.
    parts: Vec<Part>,
    // What the kernel keeps of each rule, for each resource that asks for that; none where no resource does.
    kept: Vec<Vec<Kept>>,
    sets: Vec<Set>,
}

/// What the models ask of one rule beside its entries.
#[derive(Debug)]
struct Part {
    terms: Count,
    lines: Count,
    elements: Count,
    // None for a flow rule without an encoding.
    nlri_octets: Option<u32>,
    expanded: u32,
    components: u32,
    operands: u32,
    // A number for each distinct destination prefix; 0 for rules without one.
    destination: u32,
}

/// A rule set that was added: its kind, family and the index after its last rule.
#[derive(Debug)]
struct Set {
    kind: Kind,
    family: Family,
    end: usize,
}

impl Pricing {
    /// Nothing added yet.
    pub fn new(platform: &'static Platform) -> Self {
        Self {
            platform,
            flow: FlowSpec::new(Family::Inet),
            documents: 0,
            rules: Vec::new(),
            parts: Vec::new(),
            kept: platform.resource.iter().map(|_| Vec::new()).collect(),
            sets: Vec::new(),
        }
    }

    /// Adds the rule sets of a document that the platform takes.
    pub fn add(&mut self, document: &Document, meter: &mut Meter) {
        let mut destinations = HashMap::new();
        let count = document.rule_count();
        self.rules.reserve(count);
        self.parts.reserve(count);
        for (set, rule_set) in document.rule_sets.iter().zip(0_u32..) {
            if !self.platform.takes(set.kind) {
                continue;
            }
            let table = table_of(set);
            for (rule, index) in set.rules.iter().zip(0_u32..) {
                let at = RuleRef { document: self.documents, rule_set, rule: index };
                self.add_rule(at, set, table, &rule, &mut destinations, meter);
            }
            self.sets.push(Set { kind: set.kind, family: set.family, end: self.rules.len() });
        }
        self.documents = self.documents.saturating_add(1);
    }

    fn add_rule(
        &mut self,
        at: RuleRef,
        set: &RuleSet,
        table: Table,
        rule: &Rule,
        destinations: &mut HashMap<(u128, u8, bool), u32>,
        total: &mut Meter,
    ) {
        let left = limits::COST_STEPS.value.min(total.left());
        let mut own = Meter::with_allowance(&limits::COST_STEPS, left);
        let nlri = rule.nlri.filter(|_| set.kind == Kind::FlowRoutes);
        let decoded = nlri.is_some_and(|octets| decode_value(table, octets, 0, &mut self.flow).is_ok());
        let counted = if decoded {
            let tally = flow::tally(&self.flow, self.platform.encoding(), &mut own);
            tally.map(|tally| if says_more(rule) { (tally.inexact(), true) } else { (tally, false) })
        } else {
            let keys = terms::Keys { family: set.family, encoding: self.platform.encoding() };
            terms::tally(rule.condition, keys, &mut own)
        };
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
                feature::unsupported(self.platform, rule, &self.flow, u64::from(nlri_octets.unwrap_or(0)));
            if let Some((addr, len)) = flow::destination(&self.flow) {
                let next = u32::try_from(destinations.len()).unwrap_or(u32::MAX).saturating_add(1);
                let inet6 = set.family == Family::Inet6;
                destination = *destinations.entry((addr, len, inet6)).or_insert(next);
            }
        }
        self.rules.push(RulePrice {
            at,
            entries: tally.entries,
            minimum: tally.minimum,
            inexact,
            unsupported,
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
        });
        self.keep(set, rule, at.rule, total);
    }

    /// Builds up what the kernel keeps of a rule, for the resources that ask for it.
    fn keep(&mut self, set: &RuleSet, rule: &Rule, index: u32, total: &mut Meter) {
        let named = rule.name.parse::<u64>() != Ok(u64::from(index) + 1);
        let keys = terms::Keys { family: set.family, encoding: self.platform.encoding() };
        for (resource, list) in self.platform.resource.iter().zip(&mut self.kept) {
            let Model::Kernel { words } = resource.model else { continue };
            let left = limits::COST_STEPS.value.min(total.left());
            let mut own = Meter::with_allowance(&limits::COST_STEPS, left);
            let kept = kernel::kept(words, rule, named, keys, &mut own);
            let within = total.charge(own.spent().min(left)).is_ok();
            list.push(kept.ok().filter(|_| within).unwrap_or(Kept { open: true, ..Kept::default() }));
        }
    }

    /// Holds everything added against the limits and the budgets, by the name of the resource.
    pub fn finish(self, budgets: &BTreeMap<String, u64>) -> Price {
        let platform = self.platform;
        let resources: Vec<Usage> =
            platform.resource.iter().map(|resource| self.usage(resource, budgets)).collect();
        let denied = |found: &Unsupported| found.refusal(platform).is_some_and(feature::Refusal::denies);
        let features = self.rules.iter().flat_map(|rule| &rule.unsupported);
        let of_features = features.map(|found| if denied(found) { Level::Deny } else { Level::Warn }).max();
        let of_resources = resources.iter().map(|usage| usage.level).max();
        let unknown = budgets.keys().filter(|name| platform.resource(name).is_none());
        Price {
            platform,
            level: of_resources.max(of_features).unwrap_or(Level::Ok),
            unknown_budgets: unknown.cloned().collect(),
            resources,
            rules: self.rules,
        }
    }

    fn usage(&self, resource: &'static Resource, budgets: &BTreeMap<String, u64>) -> Usage {
        let budget = budgets.get(&resource.name).copied();
        let limit = budget.or(resource.limit);
        let (used, minimum, passed_at) = self.used(resource, limit);
        let over = |limit: Option<u64>| limit.is_some_and(|limit| used.at_least > limit);
        let near = |limit: u64| u128::from(used.at_least) * 100 >= u128::from(limit) * u128::from(WARN_AT[0]);
        let level = if over(limit) {
            if budget.is_some() || resource.denies() { Level::Deny } else { Level::Warn }
        } else if over(resource.limit) || limit.is_some_and(|limit| limit > 0 && near(limit)) {
            Level::Warn
        } else {
            Level::Ok
        };
        Usage { resource, used, minimum, limit, budget: budget.is_some(), level, passed_at }
    }

    /// How much of a resource is used, how little could be, and the rule with which the limit is passed.
    fn used(&self, resource: &Resource, limit: Option<u64>) -> (Count, Count, Option<RuleRef>) {
        let mut sum = Sum::default();
        let mut fullest = (Count::exact(0), Count::exact(0));
        let mut passed_at = None;
        let mut start = 0;
        let number = self.platform.resource.iter().position(|of| std::ptr::eq(of, resource));
        let kept = number.and_then(|number| self.kept.get(number)).map_or(&[][..], Vec::as_slice);
        for set in &self.sets {
            let range = start..set.end;
            start = set.end;
            if !resource.is_filled_by(set.kind, set.family) {
                continue;
            }
            if resource.each_rule_set {
                sum = Sum::default();
            }
            sum.begin_rule_set(resource.model);
            let rules = self.rules.get(range.clone()).unwrap_or(&[]);
            let parts = self.parts.get(range.clone()).unwrap_or(&[]);
            let kept =
                kept.get(range).unwrap_or(&[]).iter().copied().chain(std::iter::repeat(Kept::default()));
            for ((rule, part), kept) in rules.iter().zip(parts).zip(kept) {
                sum.add(resource.model, rule, part, kept);
                if passed_at.is_none()
                    && limit.is_some_and(|limit| sum.total(resource.model).0.at_least > limit)
                {
                    passed_at = Some(rule.at);
                }
            }
            let (used, minimum) = sum.total(resource.model);
            if used.at_least >= fullest.0.at_least {
                fullest = (used, minimum);
            }
        }
        (fullest.0, fullest.1, passed_at)
    }
}

/// A running total of one resource.
#[derive(Default)]
struct Sum {
    used: Option<Count>,
    minimum: Option<Count>,
    octets: f64,
    rules_in_set: u64,
    // Objects of the kernel, the runs of the chains that are done, and that of this one.
    objects: u64,
    runs: u64,
    run: u64,
    by_destination: HashMap<u32, u64>,
}

impl Sum {
    fn push(&mut self, used: Count, minimum: Count) {
        self.used = Some(self.used.map_or(used, |sum| sum.plus(used)));
        self.minimum = Some(self.minimum.map_or(minimum, |sum| sum.plus(minimum)));
    }

    fn begin_rule_set(&mut self, model: Model) {
        self.rules_in_set = 0;
        // The old tables are one run, however many chains are in them.
        if matches!(model, Model::Kernel { words } if words != kernel::Words::IptablesLegacy) {
            self.runs = self.runs.saturating_add(kernel::allocated(self.run));
            self.run = 0;
        }
        if let Model::Entries { per_rule_set, .. } = model {
            self.push(Count::exact(per_rule_set), Count::exact(per_rule_set));
        }
    }

    fn add(&mut self, model: Model, rule: &RulePrice, part: &Part, kept: Kept) {
        match model {
            Model::Entries { copies, .. } => {
                self.push(rule.entries.times(copies), rule.minimum.times(copies));
            }
            Model::Rules { each } => self.push(Count::exact(each), Count::exact(each)),
            Model::Terms => self.push(part.terms, part.terms),
            Model::Filters { terms } => {
                // A new one begins with the first rule of each full one.
                let begins = u64::from(self.rules_in_set.is_multiple_of(terms.max(1)));
                self.push(Count::exact(begins), Count::exact(begins));
                self.rules_in_set += 1;
            }
            Model::Octets(octets) => {
                let rules = match octets.as_rule {
                    AsRule::Rule => Count::exact(1),
                    AsRule::Term => part.terms,
                    AsRule::Line => part.lines,
                };
                self.push(rules, rules);
                self.octets += besides(octets, part);
                let unknown = !part.elements.exact && octets.per_element > 0.0
                    || part.nlri_octets.is_none() && octets.per_nlri_octet > 0.0;
                if unknown {
                    self.push(Count::at_least(0), Count::at_least(0));
                }
            }
            Model::Kernel { .. } => {
                let one = if kept.open { Count::at_least(1) } else { Count::exact(1) };
                self.push(one, one);
                self.objects = self.objects.saturating_add(kept.objects);
                self.run = self.run.saturating_add(kept.run);
            }
            Model::Seconds { .. } => self.push(Count::exact(1), Count::exact(1)),
            Model::SameDestination => {
                let here = self.by_destination.entry(part.destination).or_default();
                *here += 1;
                let most = Count::exact((*here).max(self.used.map_or(0, |count| count.at_least)));
                (self.used, self.minimum) = (Some(most), Some(most));
            }
        }
    }

    /// The total used and the least possible.
    fn total(&self, model: Model) -> (Count, Count) {
        let used = self.used.unwrap_or(Count::exact(0));
        let minimum = self.minimum.unwrap_or(Count::exact(0));
        match model {
            Model::Octets(octets) => {
                let total =
                    Count { at_least: whole(rules_octets(octets, used.at_least) + self.octets), ..used };
                (total, total)
            }
            Model::Kernel { .. } if used.at_least > 0 => {
                let octets = [self.objects, self.runs, kernel::allocated(self.run)];
                let octets = octets.into_iter().fold(kernel::EMPTY, u64::saturating_add);
                let total = Count { at_least: octets, ..used };
                (total, total)
            }
            Model::Seconds { rate } => {
                let total = Count { at_least: used.at_least.div_ceil(rate.max(1)), ..used };
                (total, total)
            }
            Model::Entries { .. }
            | Model::Rules { .. }
            | Model::Terms
            | Model::Kernel { .. }
            | Model::Filters { .. }
            | Model::SameDestination => (used, minimum),
        }
    }
}

/// Memory of so many rules, without what each brings along.
#[expect(clippy::cast_precision_loss, reason = "a model of memory has no 16 digits")]
fn rules_octets(model: Octets, rules: u64) -> f64 {
    let base = if rules > 0 { model.base } else { 0.0 };
    base + match model.per_rule_beyond {
        Some(beyond) if rules > model.bend => {
            model.bend as f64 * model.per_rule + (rules - model.bend) as f64 * beyond
        }
        _ => rules as f64 * model.per_rule,
    }
}

/// Memory one rule brings along: its NLRI, what is multiplied out, the elements of its sets.
#[expect(clippy::cast_precision_loss, reason = "a model of memory has no 16 digits")]
fn besides(model: Octets, part: &Part) -> f64 {
    f64::from(part.nlri_octets.unwrap_or(0)) * model.per_nlri_octet
        + stepped(model, part.nlri_octets.unwrap_or(0))
        + f64::from(part.expanded) * model.per_expanded
        + f64::from(part.components) * model.per_component
        + f64::from(part.operands) * model.per_operand
        + part.elements.at_least as f64 * model.per_element
}

/// An NLRI in an object of the next size that the engine's allocator has.
fn stepped(model: Octets, octets: u32) -> f64 {
    let whole = octets.saturating_add(model.nlri_head);
    whole.checked_next_multiple_of(model.nlri_step).map_or(0.0, f64::from)
}

/// A figure of a model as a whole number, rounded up; the largest where it does not fit.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are not negative, and the conversion saturates"
)]
fn whole(octets: f64) -> u64 {
    // A model written in tenths must not round up what is whole but for the last binary digit.
    (octets - 1e-6).ceil().max(0.0) as u64
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
fn table_of(set: &RuleSet) -> Table {
    Table::by_rule_set_name(&set.name).unwrap_or(match set.family {
        Family::Inet6 => Table::Ipv6,
        Family::Inet | Family::Any => Table::Ipv4,
    })
}

/// What rules use that the platform does not take, without their price.
pub fn unsupported(
    document: &Document,
    platform: &'static Platform,
) -> impl Iterator<Item = (RuleRef, Unsupported)> {
    let mut spec = FlowSpec::new(Family::Inet);
    let sets = document.rule_sets.iter().zip(0_u32..);
    let sets = sets.filter(|(set, _)| set.kind == Kind::FlowRoutes && platform.takes(set.kind));
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
            feature::unsupported(platform, &rule, &spec, octets.len() as u64)
        } else {
            Vec::new()
        };
        list.into_iter().map(move |found| (at, found))
    })
}
