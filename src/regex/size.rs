//! How many states the automata of a pattern have.

use super::automaton::{Automaton, Counts, StateId};
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

/// The parts a backtracking engine keeps of a pattern: groups that are counted are copied, a class that is counted is
/// one part with two numbers.
pub fn copies(node: &Node) -> u64 {
    match &node.kind {
        NodeKind::Set(_) | NodeKind::Look(_) => 1,
        NodeKind::Cat(parts) | NodeKind::Alt(parts) => parts.iter().map(copies).fold(1, u64::saturating_add),
        NodeKind::Repeat(repeat) if matches!(repeat.node.kind, NodeKind::Set(_)) => 1,
        NodeKind::Repeat(repeat) => {
            let times = repeat.most.unwrap_or(0).max(repeat.least).max(1);
            copies(&repeat.node).saturating_mul(u64::from(times))
        }
        NodeKind::Atomic(inner) => copies(inner),
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
