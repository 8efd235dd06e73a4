//! Sums up what rules take of one resource, by its model.

use super::device::{Attachment, Direction};
use super::kernel::{self, Kept, Words};
use super::platform::{AsRule, Copies, IpFamily, Model, Octets, Resource};
use super::price::RulePrice;
use super::tally::Count;
use super::terms::Shares;
use crate::field::Family;
use crate::ir::Kind;
use std::collections::HashMap;

/// What the models ask of one rule beside its entries.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) terms: Count,
    pub(super) lines: Count,
    pub(super) elements: Count,
    // None for a flow rule without an encoding.
    pub(super) nlri_octets: Option<u32>,
    pub(super) expanded: u32,
    pub(super) components: u32,
    pub(super) operands: u32,
    // A number for each distinct destination prefix; 0 for rules without one.
    pub(super) destination: u32,
    pub(super) limits_rate: bool,
    // Of a rule of both families, what it takes in the list of each.
    pub(super) shares: Option<Shares>,
}

/// A rule set that was added.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) kind: Kind,
    pub(super) family: Family,
    /// The index after its last rule.
    pub(super) end: usize,
    pub(super) attached: Vec<Attachment>,
    /// Distinct comparisons of ports in it.
    pub(super) comparisons: u64,
    /// The families that it has rules for, each of which has a list of its own; 1 for one without any rules.
    pub(super) lists: u64,
}

impl Set {
    /// Where it is attached in that direction; none is any.
    fn attached_in(&self, direction: Option<Direction>) -> impl Iterator<Item = &Attachment> {
        self.attached.iter().filter(move |at| direction.is_none_or(|direction| at.direction == direction))
    }

    /// Whether it is attached in that direction.
    pub(super) fn is_attached(&self, direction: Option<Direction>) -> bool {
        self.attached_in(direction).next().is_some()
    }
}

/// A running total of one resource.
#[derive(Default)]
pub(super) struct Sum {
    // Copies of the list at hand.
    copies: u64,
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
    pub(super) fn push(&mut self, used: Count, minimum: Count) {
        self.used = Some(self.used.map_or(used, |sum| sum.plus(used)));
        self.minimum = Some(self.minimum.map_or(minimum, |sum| sum.plus(minimum)));
    }

    /// A rule set begins.
    pub(super) fn begin_rule_set(&mut self, resource: &Resource, set: &Set) {
        self.rules_in_set = 0;
        match resource.model {
            Model::Entries { per_rule_set, ingress, egress } => {
                let attached = set.attached_in(resource.direction);
                self.copies = attached
                    .map(|attachment| copies(attachment, ingress, egress))
                    .fold(0, u64::saturating_add);
                let internal = Count::exact(per_rule_set).times(self.copies).times(lists(resource, set));
                self.push(internal, internal);
            }
            Model::RuleSets => {
                let attached = Count::exact(set.attached_in(resource.direction).count() as u64);
                let attached = attached.times(lists(resource, set));
                self.push(attached, attached);
            }
            Model::Registers(_) => {
                let comparisons = Count::exact(set.comparisons);
                self.push(comparisons, comparisons);
            }
            // The old tables are one run, however many chains are in them.
            Model::Kernel { words } if words != Words::IptablesLegacy => {
                self.runs = self.runs.saturating_add(kernel::allocated(self.run));
                self.run = 0;
            }
            _ => {}
        }
    }

    /// Adds a rule.
    pub(super) fn add(&mut self, resource: &Resource, rule: &RulePrice, part: &Part, kept: Kept) {
        match resource.model {
            Model::Entries { .. } => {
                let (entries, minimum) = match (resource.family, part.shares) {
                    (Some(IpFamily::Inet), Some([four, _])) => four,
                    (Some(IpFamily::Inet6), Some([_, six])) => six,
                    _ => (rule.entries, rule.minimum),
                };
                self.push(entries.times(self.copies), minimum.times(self.copies));
            }
            // Of a rule set as a whole.
            Model::RuleSets | Model::Built { .. } => {}
            Model::Registers(_) => {
                if rule.inexact.is_some() {
                    self.push(Count::at_least(0), Count::at_least(0));
                }
            }
            Model::Policers => {
                let one = Count::exact(u64::from(part.limits_rate));
                self.push(one, one);
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
    pub(super) fn total(&self, resource: &Resource) -> (Count, Count) {
        let used = self.used.unwrap_or(Count::exact(0));
        let minimum = self.minimum.unwrap_or(Count::exact(0));
        let (used, minimum) = match resource.model {
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
            | Model::RuleSets
            | Model::Rules { .. }
            | Model::Policers
            | Model::Registers(_)
            | Model::Terms
            | Model::Kernel { .. }
            | Model::Built { .. }
            | Model::Filters { .. }
            | Model::SameDestination => (used, minimum),
        };
        let pieces = |count: Count| match resource.chunk {
            Some(size) => Count { at_least: count.at_least.div_ceil(size.max(1)), ..count }.times(size),
            None => count,
        };
        (pieces(used), pieces(minimum))
    }
}

/// The lists that a device makes of a rule set where the resource is for: one for each family.
fn lists(resource: &Resource, set: &Set) -> u64 {
    if resource.family.is_none() { set.lists } else { 1 }
}

/// How often an attached list is kept.
fn copies(attachment: &Attachment, ingress: Copies, egress: Copies) -> u64 {
    let mode = match attachment.direction {
        Direction::Ingress => ingress,
        Direction::Egress => egress,
    };
    match mode {
        Copies::Once => 1,
        Copies::Interface => attachment.interfaces,
        Copies::Chip => attachment.chips,
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
