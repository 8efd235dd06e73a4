//! Words that lead from one state to another.

use super::automaton::{Automaton, StateId};
use crate::guard::{Exhausted, Meter};
use std::collections::{HashMap, VecDeque};

/// A shortest word from a state to another, by states that are wanted; the empty one where they are the same.
pub(super) fn between(
    automaton: &Automaton,
    from: StateId,
    to: StateId,
    wanted: impl Fn(StateId) -> bool,
    meter: &mut Meter,
) -> Result<Option<Vec<u8>>, Exhausted> {
    towards(automaton, from, |state| state == to, wanted, meter)
}

/// A shortest word from a state to one that is sought, by states that are wanted.
pub(super) fn towards(
    automaton: &Automaton,
    from: StateId,
    sought: impl Fn(StateId) -> bool,
    wanted: impl Fn(StateId) -> bool,
    meter: &mut Meter,
) -> Result<Option<Vec<u8>>, Exhausted> {
    if sought(from) {
        return Ok(Some(Vec::new()));
    }
    let mut before: HashMap<StateId, (StateId, u8)> = HashMap::new();
    let mut open = VecDeque::from([from]);
    while let Some(state) = open.pop_front() {
        for edge in automaton.edges(state).iter().filter(|edge| wanted(edge.to)) {
            meter.charge(1)?;
            if edge.to == from || before.contains_key(&edge.to) {
                continue;
            }
            let Some(octet) = edge.octets.sample() else { continue };
            before.insert(edge.to, (state, octet));
            if sought(edge.to) {
                let mut word = Vec::new();
                let mut at = edge.to;
                while let Some((earlier, octet)) = before.get(&at).filter(|_| at != from) {
                    word.push(*octet);
                    at = *earlier;
                }
                word.reverse();
                return Ok(Some(word));
            }
            open.push_back(edge.to);
        }
    }
    Ok(None)
}
