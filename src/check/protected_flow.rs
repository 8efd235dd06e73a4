//! Drops that hit a flow the network lives on.
//!
//! Flow routes are judged one by one. An ordered filter is judged as a whole, by what really becomes of the
//! packets of each flow whose addresses are known.

use super::protected::{Flow, disjoint, flows};
use super::prove::{self, Meets, Prover, unmodelled};
use super::{Check, Confidence, Context, Drops, Findings, Input, Meta, Needs, RuleAt};
use crate::diagnostic::Level;
use crate::eval::{Decision, Evaluator};
use crate::field::{CtState, Family, Field, Headers};
use crate::guard::{Exhausted, limits};
use crate::ir::{Condition, Document, Kind, Outcome, Rule, ValueSet, ValueSetRef};
use crate::symbolic::{Model, Space, Spaces, Visit, Watch, reach};
use std::collections::BTreeMap;

/// The check.
#[derive(Debug)]
pub(super) struct ProtectedFlow;

static META: Meta = Meta {
    name: "protected-flow",
    summary: "a drop hits a flow the network lives on: BGP, BFD, OSPF, LDP, SSH, NTP, packet too big, or one of yours",
    level: Level::Error,
    default_on: true,
    confidence: Confidence::Proven,
    since: "0.1.0",
    needs: Needs::Spaces,
    page: include_str!("../../docs/checks/protected-flow.md"),
};

/// Findings of one filter whose packets are made simple: that takes walks over the filter, and nobody reads more.
const SIMPLIFIED: usize = 100;

impl Check for ProtectedFlow {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn run(&self, cx: &Context<'_>, out: &mut Findings) -> Result<(), Exhausted> {
        let four = flows(cx.settings, Family::Inet);
        let six = flows(cx.settings, Family::Inet6);
        let lists = [(Family::Inet, four.as_slice()), (Family::Inet6, six.as_slice())];
        let routes = cx.rules().filter(|at| at.set.kind == Kind::FlowRoutes);
        Prover::each(&META, routes, out, |prover, at, out| {
            let concerned = lists.iter().filter(|(family, _)| concerns(at.set.family, *family));
            concerned.into_iter().try_for_each(|(family, flows)| route(cx, prover, at, *family, flows, out))
        })?;
        for input in cx.inputs {
            for index in input.reading.document.entries() {
                for (family, flows) in &lists {
                    filter(cx, input, index, *family, flows, out);
                }
            }
        }
        Ok(())
    }
}

fn concerns(set: Family, flows: Family) -> bool {
    set == Family::Any || set == flows
}

/// Judges one flow route on its own.
fn route(
    cx: &Context<'_>,
    prover: &mut Prover,
    at: &RuleAt<'_>,
    family: Family,
    flows: &[Flow],
    out: &mut Findings,
) -> Result<(), Exhausted> {
    if at.drops(cx.settings) == Drops::No {
        return Ok(());
    }
    let condition = &at.rule.condition;
    let wide = flows.iter().any(|flow| !flow.has_addresses) && is_wide(condition, family);
    let mut hit: Vec<&Flow> = Vec::new();
    let mut open: Vec<&Flow> = Vec::new();
    let mut packet = None;
    for flow in flows.iter().filter(|flow| flow.has_addresses || wide) {
        match prover.meets(family, &[condition, &flow.condition])? {
            Meets::Never => {}
            Meets::Unknown(_) => open.push(flow),
            Meets::Packet(headers) => {
                hit.push(flow);
                packet.get_or_insert(headers);
            }
        }
    }
    if hit.is_empty() && !open.is_empty() {
        out.no_answer(&META, at, undecided(&at.rule, &open));
    }
    if let (Some(first), Some(headers)) = (hit.first(), packet) {
        let finding = at.drop_finding(&META, cx.settings, message(&at.rule, &hit)).map(|finding| {
            finding.with_help(if first.has_addresses {
                "leave the protected addresses out, or ask for less of the protocol"
            } else {
                "add the destination under attack, or set `infrastructure` in `flowgate.toml`"
            })
        });
        prove::show(out, at, finding, &[condition, &first.condition], &headers);
    }
    Ok(())
}

fn message(rule: &Rule, hit: &[&Flow]) -> String {
    format!("rule `{}` drops {}", rule.name, list(hit))
}

/// Why it is open whether a rule drops flows.
fn undecided(rule: &Rule, flows: &[&Flow]) -> String {
    format!("whether it drops {} is open: {}", list(flows), unmodelled(&[rule.condition]))
}

fn list(flows: &[&Flow]) -> String {
    let mut names: Vec<&str> = flows.iter().map(|flow| flow.name.as_str()).collect();
    names.dedup();
    let last = names.pop().unwrap_or("a protected flow");
    if names.is_empty() { last.to_owned() } else { format!("{} and {last}", names.join(", ")) }
}

/// Whether a flow route has no destination, or one shorter than /8 (IPv6: /16).
fn is_wide(condition: &Condition, family: Family) -> bool {
    let field = if family == Family::Inet6 { Field::Dst6 } else { Field::Dst4 };
    let demanded = super::length_below_header::demanded(condition).filter(|test| test.field() == field);
    !demanded.into_iter().any(|test| match test.values() {
        ValueSetRef::Ranges(set) => set.size() <= 1 << 24,
        ValueSetRef::Wide(set) => set.size() <= 1 << 112,
        ValueSetRef::Bits(set) => set.patterns().iter().all(|pattern| pattern.mask.count_ones() >= 16),
    })
}

/// Judges one ordered filter by what becomes of the flows whose addresses are known.
fn filter(cx: &Context<'_>, input: &Input, index: usize, family: Family, flows: &[Flow], out: &mut Findings) {
    let document = &input.reading.document;
    let Some(set) = document.rule_sets.get(index) else { return };
    let flows: Vec<&Flow> = flows.iter().filter(|flow| flow.has_addresses).collect();
    if set.kind == Kind::FlowRoutes
        || flows.is_empty()
        || !concerns(set.family, family)
        || set.rules.is_empty()
    {
        return;
    }
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_SET_NODES);
    let view = match cx.settings.view() {
        // A device that drops what belongs to no connection drops no packet of the flow.
        Condition::True => {
            let valid = CtState::ALL.into_iter().filter(|state| *state != CtState::Invalid);
            Condition::test(Field::CtState, ValueSet::of(valid.map(|state| state as u32)))
        }
        view => view,
    };
    let mut judge = Judge { document, entry: index, view, flows, spaces: Vec::new(), hits: BTreeMap::new() };
    if let Err(exhausted) = judge.run(&mut spaces, family) {
        out.inconclusive.push(super::Inconclusive {
            check: META.name,
            rule_set: Some(set.name.clone()),
            rule: None,
            reason: exhausted.to_string(),
        });
    }
    judge.report(cx, input, out);
}

struct Judge<'a> {
    document: &'a Document,
    entry: usize,
    // The packets that belong to a flow whatever its own condition says.
    view: Condition,
    flows: Vec<&'a Flow>,
    spaces: Vec<Space>,
    hits: BTreeMap<(u32, u32), Hit>,
}

/// What one rule does to protected flows.
#[derive(Default)]
struct Hit {
    // Indices of flows it surely drops packets of, with a packet of the first.
    flows: Vec<usize>,
    packet: Option<Headers>,
    // Flows it may drop packets of, if something that is not modelled comes to that.
    maybe: Vec<usize>,
}

impl Judge<'_> {
    fn run(&mut self, spaces: &mut Spaces<'_>, family: Family) -> Result<(), Exhausted> {
        let world = spaces.world()?;
        let family = spaces.of(&crate::symbolic::of_family(family))?;
        let world = spaces.intersection(world, family)?;
        let view = spaces.of(&self.view)?;
        let world = spaces.intersection(world, view)?;
        let mut all = Space::NONE;
        for flow in &self.flows {
            let own = spaces.of(&flow.condition)?;
            let own = spaces.intersection(own, world)?;
            self.spaces.push(own);
            all = spaces.union(all, own)?;
        }
        let entry = u32::try_from(self.entry).unwrap_or(u32::MAX);
        reach(spaces, self.document, entry, all, self)?;
        Ok(())
    }

    /// Whether a rule is the last of the filter and drops all that is left: what was not let through before is
    /// missing there, and not this rule's doing.
    fn is_default(&self, visit: Visit) -> bool {
        let Some(set) = self.document.rule_sets.get(visit.rule_set as usize) else { return false };
        let entry = self.document.rule_sets.get(self.entry);
        let hook = entry.filter(|entry| entry.kind == Kind::Hook);
        // A stage of a hook is a filter of its own.
        let enters = visit.rule_set as usize == self.entry
            || hook.is_some_and(|hook| hook.targets().any(|stage| stage == visit.rule_set as usize));
        enters
            && visit.rule as usize + 1 == set.rules.len()
            && set.rules.last().is_some_and(|rule| *rule.condition == Condition::True)
    }

    fn report(&self, cx: &Context<'_>, input: &Input, out: &mut Findings) {
        for (((set_index, index), hit), number) in self.hits.iter().zip(0..) {
            let (set_index, index) = (*set_index as usize, *index as usize);
            let Some(set) = self.document.rule_sets.get(set_index) else { continue };
            let Some(rule) = set.rules.get(index) else { continue };
            let at = RuleAt { input, set, set_index, rule, index };
            let named = |list: &[usize]| {
                list.iter().filter_map(|i| self.flows.get(*i).copied()).collect::<Vec<&Flow>>()
            };
            let (hit_flows, maybe) = (named(&hit.flows), named(&hit.maybe));
            if hit_flows.is_empty() && !maybe.is_empty() {
                out.no_answer(&META, &at, undecided(&rule, &maybe));
            }
            let (Some(first), Some(packet)) = (hit_flows.first(), &hit.packet) else { continue };
            if !self.is_dropped(packet) {
                out.no_answer(&META, &at, prove::FAULT);
                continue;
            }
            let finding = at.drop_finding(&META, cx.settings, message(&rule, &hit_flows));
            let finding = finding.map(|f| f.with_help("accept the flow in a term before, or ask for less"));
            // What is shown is dropped too, whatever earlier rules ask of it.
            let conditions = [rule.condition, &first.condition];
            let keeps = |packet: &Headers| number < SIMPLIFIED && self.is_dropped(packet);
            prove::show_while(out, &at, finding, &conditions, packet, &keeps);
        }
    }

    /// Whether evaluation drops the packet as well.
    fn is_dropped(&self, packet: &Headers) -> bool {
        let decision = Evaluator::new(self.document, self.entry).map(|walk| walk.decide(packet));
        matches!(decision, Some(Ok(Decision::Verdict(verdict, _))) if verdict.is_drop())
    }
}

impl Watch for Judge<'_> {
    fn skips(&self, rule: &Rule) -> bool {
        self.flows.iter().all(|flow| disjoint(rule.condition, &flow.condition))
    }

    fn visit(&mut self, spaces: &mut Spaces<'_>, visit: Visit) -> Result<(), Exhausted> {
        let rule = self.document.rule_sets.get(visit.rule_set as usize);
        let rule = rule.and_then(|set| set.rules.get(visit.rule as usize));
        let drops = rule.is_some_and(|rule| match rule.outcome {
            Outcome::Verdict(verdict) | Outcome::Next { held: Some(verdict) } => verdict.is_drop(),
            Outcome::Next { held: None }
            | Outcome::Call(_)
            | Outcome::Goto(_)
            | Outcome::Stage(_)
            | Outcome::Return => false,
        });
        if !drops || self.is_default(visit) {
            return Ok(());
        }
        let sure = spaces.under(visit.matched)?;
        for (index, flow) in self.spaces.iter().enumerate() {
            let hit = spaces.intersection(sure, *flow)?;
            let packet = spaces.witness(hit)?;
            let entry = self.hits.entry((visit.rule_set, visit.rule)).or_default();
            match packet {
                Some(packet) => {
                    entry.flows.push(index);
                    entry.packet.get_or_insert(packet);
                }
                None => {
                    if !spaces.intersection(visit.matched, *flow)?.is_empty() {
                        entry.maybe.push(index);
                    }
                }
            }
        }
        Ok(())
    }
}
