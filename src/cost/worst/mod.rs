//! Looks for the rule with the largest cost on a platform: from nothing, or by one edit of rules that are given.
//!
//! A search by hill-climbing: bounds of ranges change a bit at a time, components come one after another, and what costs
//! more is kept. The price of the device alone says what is dear; nothing here knows which ranges are bad. What comes out
//! is the largest found and not proven to be the largest. The same question has the same answer: nothing is drawn.

mod candidate;
mod edit;

pub use edit::{Edit, EditKind, edits};

use super::device::Device;
use super::platform::{Model, Resource, Takes};
use crate::dialect::flowspec::ComponentType;
use crate::field::Family;
use crate::guard::{Exhausted, Meter};
use candidate::{Candidate, Part};

/// What is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'d> {
    /// The device that prices.
    pub device: &'d Device,
    /// The resource that is to be filled.
    pub resource: &'d Resource,
    /// The family of the rules.
    pub family: Family,
    /// How many ranges a component may have.
    pub ranges: u32,
}

/// The rule that was found.
#[derive(Clone, Debug)]
pub struct Worst {
    /// How it came about, a component a step.
    pub steps: Vec<Step>,
    /// Its octets as a flow rule, where it is one.
    pub nlri: Option<Vec<u8>>,
    /// How many rules were priced.
    pub tried: u64,
    /// Why the search ended early, where it did.
    pub stopped: Option<Exhausted>,
}

/// One component of the rule that was found.
#[derive(Clone, Debug)]
pub struct Step {
    /// The component.
    pub component: ComponentType,
    /// What it asks for, in words.
    pub words: String,
    /// What the rule takes with it and those before.
    pub used: u64,
    /// Whether it and all before are ranges of a field of their own.
    pub ranges_alone: bool,
}

/// The resource the search fills where none is named: entries of a table, else memory, else alternatives.
pub fn default_resource(device: &Device, family: Family) -> Option<&Resource> {
    let kinds = [Takes::FlowRoutes, Takes::Filters];
    let of = |kind: Takes| {
        let rank = |resource: &&Resource| match resource.model {
            Model::Entries { .. } => Some(0),
            Model::Octets(_) => Some(1),
            Model::Terms => Some(2),
            _ => None,
        };
        let filled = device
            .platform
            .resource
            .iter()
            .filter(move |resource| resource.of.is_none_or(|of| of == kind) && resource.is_of(family));
        filled.filter_map(move |resource| Some((rank(&resource)?, resource)))
    };
    let taken = kinds.into_iter().filter(|kind| device.platform.takes.contains(kind));
    taken.flat_map(of).min_by_key(|(rank, _)| *rank).map(|(_, resource)| resource)
}

/// Components in the worlds that a packet can be in: with ports, and with ICMP. First those with a field of their own.
const WORLDS: [&[ComponentType]; 2] = {
    use ComponentType as C;
    [
        &[
            C::DestinationPort,
            C::SourcePort,
            C::PacketLength,
            C::Protocol,
            C::Dscp,
            C::FlowLabel,
            C::TcpFlags,
            C::Fragment,
            C::Port,
        ],
        &[C::IcmpType, C::IcmpCode, C::PacketLength, C::Protocol, C::Dscp, C::FlowLabel, C::Fragment],
    ]
};

/// Looks for the rule from nothing. A step of `meter` a rule that is priced.
pub fn worst(question: Question<'_>, meter: &mut Meter) -> Option<Worst> {
    let mut best: Option<Worst> = None;
    for world in WORLDS {
        let found = climb(question, world, meter)?;
        let used = |worst: &Worst| worst.steps.last().map_or(0, |step| step.used);
        let before = best.as_ref().map_or(0, used);
        if used(&found) > before || best.is_none() {
            best = Some(found);
        }
    }
    best.map(|worst| Worst { tried: meter.spent(), ..worst })
}

/// The dearest rule with these components; none where the platform takes no rule.
fn climb(question: Question<'_>, world: &[ComponentType], meter: &mut Meter) -> Option<Worst> {
    let mut candidate = Candidate::new(&question)?;
    let mut steps = Vec::new();
    let mut stopped = None;
    let mut used = candidate.used(&question, meter).ok().flatten().unwrap_or(0);
    let defined =
        |kind: &&ComponentType| kind.is_defined_for(question.family) && candidate::can_say(&question, **kind);
    let (plain, others): (Vec<ComponentType>, Vec<ComponentType>) =
        world.iter().filter(defined).partition(|kind| candidate::has_own_field(**kind));
    'all: for (group, ranges_alone) in [(plain, true), (others, false)] {
        let mut left = group;
        // The component that makes most of what is there comes next.
        while !left.is_empty() {
            let mut dearest: Option<(u64, usize, Part)> = None;
            for (index, kind) in left.iter().enumerate() {
                match candidate::best_part(&question, &candidate, *kind, meter) {
                    Ok(Some((cost, part))) if dearest.as_ref().is_none_or(|(most, _, _)| cost > *most) => {
                        dearest = Some((cost, index, part));
                    }
                    Ok(_) => {}
                    Err(exhausted) => {
                        stopped = Some(exhausted);
                        break 'all;
                    }
                }
            }
            let Some((cost, index, part)) = dearest.filter(|(cost, _, _)| *cost > used) else { break };
            let component = left.remove(index);
            used = cost;
            let words = part.describe(component);
            candidate.set(component, part);
            steps.push(Step { component, words, used: cost, ranges_alone });
        }
    }
    let nlri = candidate.nlri(&question);
    Some(Worst { steps, nlri, tried: 0, stopped })
}
