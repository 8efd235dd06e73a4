//! How many states the automata of a pattern have.

use super::Octets;
use super::automaton::{Automaton, Counts, StateId};
use super::set;
use super::tree::{Node, NodeKind};
use crate::guard::{Exhausted, Meter, limits};
use std::collections::HashSet;

/// States of the automaton with every count written out, by multiplication: nothing is built.
pub fn states(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Set(_) => 1,
        NodeKind::Look(_) => 0,
        NodeKind::Cat(parts) | NodeKind::Alt(parts) => parts.iter().map(states).fold(0, u64::saturating_add),
        NodeKind::Repeat(repeat) => {
            let times = repeat.most.unwrap_or(0).max(repeat.least).max(1);
            states(&repeat.node).saturating_mul(u64::from(times))
        }
        NodeKind::Atomic(inner) => states(inner),
    }
}

/// Choices between one way and another with every count written out, those of endless loops left out, by multiplication:
/// nothing is built.
pub(super) fn choices(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Set(_) | NodeKind::Look(_) => 0,
        NodeKind::Cat(parts) => parts.iter().map(choices).fold(0, u64::saturating_add),
        NodeKind::Alt(parts) => parts.iter().map(choices).max().unwrap_or(0).saturating_add(1),
        NodeKind::Repeat(repeat) => {
            let most = repeat.most.unwrap_or(0).max(repeat.least);
            let open = most.saturating_sub(repeat.least);
            choices(&repeat.node).saturating_mul(u64::from(most)).saturating_add(u64::from(open))
        }
        NodeKind::Atomic(inner) => choices(inner),
    }
}

/// Octets of a pattern as PCRE2 compiles it with links of two octets, its usual build, from below: a group that is counted
/// is copied, a class that is counted is one part with its numbers. By multiplication: nothing is built.
///
/// It leaves out what the tree no longer holds, as groups around one part. PCRE2 refuses more than 65,536 octets
/// (`MAX_PATTERN_SIZE` of its `pcre2_intmodedep.h`; pcre2limits(3)).
pub fn compiled(node: &Node) -> u64 {
    // The brackets around everything, and its end.
    inside(node).saturating_add(BRACKETS + 1)
}

/// Octets of the two ends of a group.
const BRACKETS: u64 = 6;
/// Octets of what parts alternatives.
const BAR: u64 = 3;

/// A part that stands beside others.
fn part(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Alt(_) => inside(node).saturating_add(BRACKETS),
        _ => inside(node),
    }
}

/// The same without the brackets that alternatives have around them.
fn inside(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Set(set) => one(*set),
        NodeKind::Look(_) => 1,
        NodeKind::Cat(parts) => parts.iter().map(part).fold(0, u64::saturating_add),
        NodeKind::Alt(parts) => {
            let bars = BAR * (parts.len() as u64).saturating_sub(1);
            parts.iter().map(part).fold(bars, u64::saturating_add)
        }
        NodeKind::Atomic(inner) => part(inner),
        NodeKind::Repeat(repeat) => match &repeat.node.kind {
            NodeKind::Set(set) => counted(one(*set), repeat.least, repeat.most),
            _ => copied(&repeat.node, repeat.least, repeat.most),
        },
    }
}

/// One octet of a set.
fn one(set: Octets) -> u64 {
    // Classes that have a mark of their own take one octet, however they were written.
    let kinds = [set::digits(), set::word(), set::blank(), set::line_end(), Octets::ALL];
    if kinds.iter().any(|kind| set == *kind || set == kind.complement()) {
        return 1;
    }
    let letter = |set: Octets| {
        set.len() == 1 || set.len() == 2 && set.sample().is_some_and(|c| Octets::one(c).folded() == set)
    };
    if letter(set) || letter(set.complement()) { 2 } else { 33 }
}

/// One octet of a set, so often.
fn counted(one: u64, least: u32, most: Option<u32>) -> u64 {
    if one > 2 {
        // A class keeps its octets, with a mark behind them.
        return match (least, most) {
            (_, Some(0)) => 0,
            (1, Some(1)) => one,
            (0 | 1, None) | (0, Some(1)) => one + 1,
            _ => one + 5,
        };
    }
    // With a mark for "again" in the place of its own, and with a number.
    let (again, number) = (2, 4);
    match (least, most) {
        (_, Some(0)) => 0,
        (1, Some(1)) => one,
        (0 | 1, None) | (0, Some(1)) => again,
        (0, Some(_)) => number,
        (1, Some(_)) => one + number,
        (_, None) => number + again,
        (least, Some(most)) if least == most => number,
        (_, Some(_)) => 2 * number,
    }
}

/// A group so often: copies that must be there, then each inside the one before.
fn copied(node: &Node, least: u32, most: Option<u32>) -> u64 {
    let (least, most) = (u64::from(least), most.map(u64::from));
    let copy = inside(node).saturating_add(BRACKETS);
    let may = most.map_or(u64::from(least == 0), |most| most.saturating_sub(least));
    match most {
        Some(0) => 0,
        Some(1) if least == 1 => part(node),
        _ => {
            let must = copy.saturating_mul(least);
            let may_be = copy.saturating_add(1).saturating_mul(may);
            must.saturating_add(may_be).saturating_add(BRACKETS * may.saturating_sub(1))
        }
    }
}

/// How many states a deterministic automaton takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deterministic {
    /// So many.
    States(u64),
    /// More than the budget.
    MoreThan(u64),
}

/// The states of the deterministic automaton that finds whether the pattern matches, built until `budget` is passed.
///
/// # Errors
///
/// The automaton it is made from is too large, or the making takes too long.
pub fn deterministic(tree: &Node, budget: u64) -> Result<Deterministic, Exhausted> {
    let mut meter = Meter::new(&limits::REGEX_STEPS);
    let automaton = Automaton::new(tree, Counts::WrittenOut(u64::MAX), &mut meter)?;
    let mut known: HashSet<Vec<StateId>> = HashSet::new();
    let mut open = vec![vec![0]];
    known.insert(vec![0]);
    while let Some(states) = open.pop() {
        // A match ends the search: what follows is one state more.
        if states.iter().any(|state| automaton.accepts(*state)) {
            continue;
        }
        for part in &automaton.alphabet {
            let mut next: Vec<StateId> = Vec::new();
            for edge in states.iter().flat_map(|state| automaton.edges(*state)) {
                meter.charge(1)?;
                if edge.octets.intersection(*part) == *part {
                    next.push(edge.to);
                }
            }
            next.sort_unstable();
            next.dedup();
            if known.insert(next.clone()) {
                open.push(next);
            }
            if known.len() as u64 > budget {
                return Ok(Deterministic::MoreThan(budget));
            }
        }
    }
    Ok(Deterministic::States(known.len() as u64))
}
