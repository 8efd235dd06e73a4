//! Two versions of a document, rule set by rule set, each packet shown put through both.

use crate::eval::{Decision, Evaluator, UNCONFIRMED, holds};
use crate::field::{Field, Headers};
use crate::ir::Document;
use crate::symbolic::{Delta, delta};

/// Two versions of a document and what tells them apart.
#[derive(Debug)]
pub struct Comparison {
    /// The old one, its rule sets without calls as far as they can be.
    pub old: Document,
    /// The new one, as the old one is.
    pub new: Document,
    /// Rule sets that stand in both.
    pub pairs: Vec<Compared>,
    /// Rule sets of the old one alone, by index.
    pub removed: Vec<usize>,
    /// Rule sets of the new one alone.
    pub added: Vec<usize>,
}

/// Two versions of a rule set.
#[derive(Debug)]
pub struct Compared {
    /// Its index in the old document.
    pub old: usize,
    /// Its index in the new one.
    pub new: usize,
    /// What tells them apart, or why nobody can say.
    pub found: Result<Delta, String>,
}

impl Comparison {
    /// Compares every rule set that packets enter by with that of the same name, or the only ones of both. The symbols
    /// of both are the same afterwards.
    pub fn of(mut old: Document, mut new: Document) -> Self {
        old.join_symbols(&mut new);
        if old.rule_sets == new.rule_sets {
            let pair = |entry| Compared { old: entry, new: entry, found: Ok(Delta::default()) };
            let pairs = old.entries().into_iter().map(pair).collect();
            return Self { old, new, pairs, removed: Vec::new(), added: Vec::new() };
        }
        let [old, new] = [old, new].map(|document| document.flattened(|_, _| false).into_owned());
        let (old_entries, mut left) = (old.entries(), new.entries());
        let only = old_entries.len() == 1 && left.len() == 1;
        let (mut pairs, mut removed) = (Vec::new(), Vec::new());
        for entry in old_entries {
            let Some(set) = old.rule_sets.get(entry) else { continue };
            let named = |index: &usize| new.rule_sets.get(*index).is_some_and(|new| new.name == set.name);
            match left.iter().position(|index| only || named(index)) {
                Some(at) => {
                    let to = left.remove(at);
                    let found = compare((&old, entry), (&new, to));
                    pairs.push(Compared { old: entry, new: to, found });
                }
                None => removed.push(entry),
            }
        }
        Self { old, new, pairs, removed, added: left }
    }
}

/// What tells two rule sets apart.
fn compare(old: (&Document, usize), new: (&Document, usize)) -> Result<Delta, String> {
    let [Some(old_set), Some(new_set)] = [old, new].map(|(document, entry)| document.rule_sets.get(entry))
    else {
        return Err("a rule set is missing".to_owned());
    };
    let mut found = delta(old_set, new_set, holds).map_err(|error| error.to_string())?;
    for change in &mut found.changes {
        let Some(packet) = &mut change.packet else { continue };
        let is_so = |packet: &Headers| {
            [(old, change.before), (new, change.after)].into_iter().all(|((document, entry), verdict)| {
                let decision = Evaluator::new(document, entry).map(|walk| walk.decide(packet));
                matches!(decision, Some(Ok(Decision::Verdict(is, _))) if is == verdict)
            })
        };
        if !is_so(packet) {
            return Err(UNCONFIRMED.to_owned());
        }
        // What only the device knows is left out where nothing rests on it.
        for field in [Field::InGroup, Field::OutGroup, Field::CtState, Field::Mark] {
            let mut less = packet.clone();
            less.set_cut(field);
            if is_so(&less) {
                *packet = less;
            }
        }
    }
    Ok(found)
}
