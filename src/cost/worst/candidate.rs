//! A rule of the search: components with ranges, as a flow rule or as a filter, and its price.

use super::Question;
use crate::cost::feature::{self, Effect};
use crate::cost::flow;
use crate::cost::platform::Takes;
use crate::cost::price::Pricing;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, MATCH, NOT};
use crate::dialect::flowspec::{Body, ComponentType, FlowSpec, Operand, encode, lower};
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use crate::net::{IntervalSet, Prefix4};
use crate::source::Span;
use std::fmt::Write as _;

/// What one component asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Part {
    /// Any of these ranges.
    Ranges(Vec<(u64, u64)>),
    /// Operands of a bitmask.
    Masks(Vec<(u8, u64)>),
}

impl Part {
    /// In the words of flow rules, as `>=1&<=65534`.
    pub(super) fn describe(&self, kind: ComponentType) -> String {
        let mut text = String::new();
        match self {
            Self::Ranges(ranges) => {
                for (index, (lo, hi)) in ranges.iter().enumerate() {
                    let space = if index > 0 { " " } else { "" };
                    let _ = if lo == hi {
                        write!(text, "{space}={lo}")
                    } else {
                        write!(text, "{space}>={lo}&<={hi}")
                    };
                }
            }
            Self::Masks(masks) => {
                let digits = if kind == ComponentType::TcpFlags { 3 } else { 1 };
                for (index, (op, mask)) in masks.iter().enumerate() {
                    let join = if index == 0 {
                        ""
                    } else if op & AND != 0 {
                        " and "
                    } else {
                        " or "
                    };
                    let not = if op & NOT != 0 { "not " } else { "" };
                    let how = if op & MATCH != 0 { "all of" } else { "any of" };
                    let _ = write!(text, "{join}{not}{how} 0x{mask:0digits$x}");
                }
            }
        }
        text
    }

    pub(super) fn operands(&self) -> Vec<Operand> {
        let operand = |op, value| Operand::new(op, value, Span::default());
        match self {
            Self::Ranges(ranges) => {
                let pair = |(lo, hi): &(u64, u64)| {
                    if lo == hi {
                        vec![operand(EQ, *lo)]
                    } else {
                        vec![operand(GT | EQ, *lo), operand(AND | LT | EQ, *hi)]
                    }
                };
                ranges.iter().flat_map(pair).collect()
            }
            Self::Masks(masks) => masks.iter().map(|(op, value)| operand(*op, *value)).collect(),
        }
    }
}

/// Whether a component is compared with a field of its own, which it shares with no other.
pub(super) fn has_own_field(kind: ComponentType) -> bool {
    !kind.is_bitmask() && kind != ComponentType::Port
}

/// Whether rules of the kind that fills the resource can say it.
pub(super) fn can_say(question: &Question<'_>, kind: ComponentType) -> bool {
    as_flow(question) || field_of(kind, question.family).is_some()
}

/// Whether the rules are flow rules.
pub(super) fn as_flow(question: &Question<'_>) -> bool {
    let takes = |kind| question.device.platform.takes.contains(&kind);
    match question.resource.of {
        Some(of) => of == Takes::FlowRoutes,
        None => takes(Takes::FlowRoutes),
    }
}

/// The field a component is about in a filter.
pub(super) fn field_of(kind: ComponentType, family: Family) -> Option<Field> {
    use ComponentType as C;
    let inet6 = family == Family::Inet6;
    match kind {
        C::Protocol => Some(Field::Proto),
        C::DestinationPort => Some(Field::Dport),
        C::SourcePort => Some(Field::Sport),
        C::IcmpType => Some(if inet6 { Field::Icmp6Type } else { Field::IcmpType }),
        C::IcmpCode => Some(if inet6 { Field::Icmp6Code } else { Field::IcmpCode }),
        C::PacketLength => Some(Field::Len),
        C::Dscp => Some(Field::Dscp),
        C::FlowLabel => Some(Field::FlowLabel),
        C::DestinationPrefix | C::SourcePrefix | C::Port | C::TcpFlags | C::Fragment => None,
    }
}

/// A rule in the making.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    parts: Vec<(ComponentType, Part)>,
}

impl Candidate {
    /// A rule about one destination; none where the platform takes none such.
    pub(super) fn new(question: &Question<'_>) -> Option<Self> {
        let kind = if as_flow(question) { Kind::FlowRoutes } else { Kind::Filter };
        question.device.platform.takes(kind).then(|| Self { parts: Vec::new() })
    }

    pub(super) fn set(&mut self, kind: ComponentType, part: Part) {
        self.parts.retain(|(of, _)| *of != kind);
        self.parts.push((kind, part));
    }

    fn with(&self, kind: ComponentType, part: &Part) -> Self {
        let mut next = self.clone();
        next.set(kind, part.clone());
        next
    }

    fn flow(&self, family: Family) -> FlowSpec {
        let mut spec = FlowSpec::new(family);
        let host = match (family, Prefix4::new(0xc000_0201, 32)) {
            (Family::Inet | Family::Any, Some(host)) => Body::Prefix4(host),
            _ => Body::Prefix6 { addr: 0x2001_0db8 << 96 | 1, len: 128, offset: 0 },
        };
        spec.push_prefix(ComponentType::DestinationPrefix, host, Span::default());
        for (kind, part) in &self.parts {
            spec.push_operands(*kind, part.operands(), Span::default());
        }
        spec
    }

    /// The octets of the rule; none for filters, and where it does not fit.
    pub(super) fn nlri(&self, question: &Question<'_>) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        let fits = as_flow(question) && encode::canonical(&self.flow(question.family), &mut octets).is_ok();
        fits.then_some(octets)
    }

    /// What the rule takes of the resource; none where it is no rule, or the platform does not take it.
    pub(super) fn used(&self, question: &Question<'_>, meter: &mut Meter) -> Result<Option<u64>, Exhausted> {
        if as_flow(question) {
            return flow_used(question, &self.flow(question.family), meter);
        }
        let test = |(kind, part): &(ComponentType, Part)| match part {
            Part::Ranges(ranges) => Some(test_of(field_of(*kind, question.family)?, ranges)),
            Part::Masks(_) => None,
        };
        let tests: Vec<Condition> = self.parts.iter().filter_map(test).collect();
        condition_used(question, Condition::and(tests), meter)
    }
}

/// A test of a field against ranges.
pub(super) fn test_of(field: Field, ranges: &[(u64, u64)]) -> Condition {
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let ranges = ranges.iter().map(|(lo, hi)| (small(*lo), small(*hi)));
    Condition::test(field, ValueSet::Ranges(IntervalSet::from_ranges(ranges)))
}

/// What a flow rule takes of the resource; none where it has no octets or the platform does not take it. A step.
pub(super) fn flow_used(
    question: &Question<'_>,
    spec: &FlowSpec,
    meter: &mut Meter,
) -> Result<Option<u64>, Exhausted> {
    meter.charge(1)?;
    let port = |kind| {
        use ComponentType as C;
        matches!(kind, C::Port | C::DestinationPort | C::SourcePort | C::TcpFlags)
    };
    let with_ports = spec.components().iter().any(|component| port(component.kind));
    if let Some(fragment) = spec.component(ComponentType::Fragment)
        && !flow::has_fragment(spec.operands(fragment), spec.family, with_ports)
    {
        return Ok(None);
    }
    let mut octets = Vec::new();
    if encode::canonical(spec, &mut octets).is_err() {
        return Ok(None);
    }
    let length = octets.len() as u64;
    // What is counted from octets needs no condition.
    let reads = question.resource.model.reads_conditions();
    let rule = rule(Some(octets), if reads { lower(spec) } else { Condition::True });
    let untaken = feature::unsupported(question.device, &rule.as_rule(), spec, length);
    let refused = untaken.iter().any(|found| {
        let refusal = found.refusal(&question.device.platform);
        refusal.is_none_or(|refusal| refusal.effect != Effect::Unvouched)
    });
    Ok(if refused { None } else { priced(question, Kind::FlowRoutes, rule) })
}

/// What a filter of one rule takes of the resource. A step.
pub(super) fn condition_used(
    question: &Question<'_>,
    condition: Condition,
    meter: &mut Meter,
) -> Result<Option<u64>, Exhausted> {
    meter.charge(1)?;
    Ok(priced(question, Kind::Filter, rule(None, condition)))
}

fn rule(nlri: Option<Vec<u8>>, condition: Condition) -> RuleBuf {
    let discard = Outcome::Verdict(Verdict::Discard);
    RuleBuf { nlri: nlri.map(Into::into), ..RuleBuf::new("1", condition, discard) }
}

fn priced(question: &Question<'_>, kind: Kind, rule: RuleBuf) -> Option<u64> {
    let (family, default) = (question.family, Verdict::Accept);
    let name = match (kind, family) {
        (Kind::FlowRoutes, Family::Inet6) => "flowspec/ipv6",
        (Kind::FlowRoutes, _) => "flowspec/ipv4",
        _ => "filter",
    };
    let set = RuleSet { name: name.into(), kind, family, default, rules: std::iter::once(rule).collect() };
    let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
    let mut pricing = Pricing::new(question.device);
    pricing.add(&document, &mut Meter::new(&limits::COST_STEPS));
    let price = pricing.finish();
    // What could not be counted is not compared with what was.
    let usage = price.resources.iter().find(|usage| usage.resource.name == question.resource.name)?;
    usage.used.value()
}

/// The dearest form of a component beside those there are, with the price of the whole.
pub(super) fn best_part(
    question: &Question<'_>,
    candidate: &Candidate,
    kind: ComponentType,
    meter: &mut Meter,
) -> Result<Option<(u64, Part)>, Exhausted> {
    let mut price = |part: &Part, meter: &mut Meter| candidate.with(kind, part).used(question, meter);
    match kind {
        ComponentType::TcpFlags | ComponentType::Fragment => best_masks(question, kind, &mut price, meter),
        _ => best_ranges(question, kind, &mut price, meter),
    }
}

/// Ranges with the price of the rule that has them.
type Priced = (u64, Vec<(u64, u64)>);

type PriceOf<'p> = dyn FnMut(&Part, &mut Meter) -> Result<Option<u64>, Exhausted> + 'p;

/// Climbs from the whole field, and from one value: a bit of a bound at a time, then a hole in the middle of a range for the next one.
fn best_ranges(
    question: &Question<'_>,
    kind: ComponentType,
    price: &mut PriceOf<'_>,
    meter: &mut Meter,
) -> Result<Option<(u64, Part)>, Exhausted> {
    let max = kind.max(question.family);
    let mut best: Option<Priced> = None;
    // A device may take single values alone, so that they are tried as such too.
    for (first, single) in [(vec![(0, max)], false), (vec![(max, max)], true)] {
        let Some(cost) = price(&Part::Ranges(first.clone()), meter)? else { continue };
        let mut here = (cost, first);
        for count in 1..=question.ranges.max(1) {
            if count > 1 {
                let Some(more) = split(&here.1, max, price, meter)? else { break };
                here = more;
            }
            while !single && let Some(better) = flip(&here, max, price, meter)? {
                here = better;
            }
            if best.as_ref().is_none_or(|(most, _)| here.0 > *most) {
                best = Some(here.clone());
            }
        }
    }
    Ok(best.map(|(cost, ranges)| (cost, Part::Ranges(ranges))))
}

/// The dearest of the ranges with one bit of one bound changed, where it is dearer.
fn flip(
    here: &Priced,
    max: u64,
    price: &mut PriceOf<'_>,
    meter: &mut Meter,
) -> Result<Option<Priced>, Exhausted> {
    let bits = u64::BITS - max.leading_zeros();
    let mut best: Option<Priced> = None;
    for index in 0..here.1.len() {
        for bit in 0..bits {
            for upper in [false, true] {
                let mut next = here.1.clone();
                let Some(range) = next.get_mut(index) else { continue };
                if upper {
                    range.1 ^= 1 << bit;
                } else {
                    range.0 ^= 1 << bit;
                }
                if !is_list(&next, max) {
                    continue;
                }
                let cost = price(&Part::Ranges(next.clone()), meter)?;
                if cost.is_some_and(|cost| cost > best.as_ref().map_or(here.0, |(most, _)| *most)) {
                    best = cost.map(|cost| (cost, next));
                }
            }
        }
    }
    Ok(best)
}

/// The dearest list with one range more: one of those there are with a hole in it, or a value beside them.
fn split(
    ranges: &[(u64, u64)],
    max: u64,
    price: &mut PriceOf<'_>,
    meter: &mut Meter,
) -> Result<Option<Priced>, Exhausted> {
    let mut best: Option<Priced> = None;
    let mut try_list = |next: Vec<(u64, u64)>, meter: &mut Meter| {
        if is_list(&next, max)
            && let Some(cost) = price(&Part::Ranges(next.clone()), meter)?
            && best.as_ref().is_none_or(|(most, _)| cost > *most)
        {
            best = Some((cost, next));
        }
        Ok::<(), Exhausted>(())
    };
    for (index, (lo, hi)) in ranges.iter().enumerate() {
        for part in 1..8 {
            let middle = lo + (hi - lo) / 8 * part;
            let mut next = ranges.to_vec();
            next.splice(index..=index, [(*lo, middle.saturating_sub(1)), (middle + 1, *hi)]);
            try_list(next, meter)?;
        }
    }
    // A value two below the first or two above the last.
    if let Some((lo, _)) = ranges.first().filter(|(lo, _)| *lo >= 2) {
        let mut next = ranges.to_vec();
        next.insert(0, (lo - 2, lo - 2));
        try_list(next, meter)?;
    }
    if let Some((_, hi)) = ranges.last().filter(|(_, hi)| hi.saturating_add(2) <= max) {
        let mut next = ranges.to_vec();
        next.push((hi + 2, hi + 2));
        try_list(next, meter)?;
    }
    Ok(best)
}

/// Whether ranges stand in order, apart from each other and within the field.
fn is_list(ranges: &[(u64, u64)], max: u64) -> bool {
    let apart = |pair: &[(u64, u64)]| matches!(pair, [(_, hi), (lo, _)] if hi.saturating_add(1) < *lo);
    ranges.iter().all(|(lo, hi)| lo <= hi && *hi <= max) && ranges.windows(2).all(apart)
}

/// The dearest operands of a bitmask: bits spread over as many operands as there may be, joined either way.
fn best_masks(
    question: &Question<'_>,
    kind: ComponentType,
    price: &mut PriceOf<'_>,
    meter: &mut Meter,
) -> Result<Option<(u64, Part)>, Exhausted> {
    let bits = u64::BITS - kind.max(question.family).leading_zeros();
    let mut best: Option<(u64, Part)> = None;
    for count in 1..=question.ranges.clamp(1, bits) {
        for op in [0, NOT, MATCH, NOT | MATCH] {
            for join in [0, AND] {
                let mut masks: Vec<(u8, u64)> =
                    (0..count).map(|index| (if index == 0 { op } else { op | join }, 0)).collect();
                // Each bit goes to the next operand in turn.
                for bit in 0..bits {
                    let value = 1 << bit & kind.max(question.family);
                    masks.get_mut((bit % count) as usize).into_iter().for_each(|mask| mask.1 |= value);
                }
                let part = Part::Masks(masks);
                let cost = price(&part, meter)?;
                if cost.is_some_and(|cost| best.as_ref().is_none_or(|(most, _)| cost > *most)) {
                    best = cost.map(|cost| (cost, part));
                }
            }
        }
    }
    Ok(best)
}
