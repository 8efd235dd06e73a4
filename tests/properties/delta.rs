//! Where two lists decide differently, against sets of packets and evaluation.

use super::cover::list;
use flowgate::eval::{Truth, evaluate, holds};
use flowgate::field::Headers;
use flowgate::guard::limits::RULE_SET_NODES;
use flowgate::ir::{Document, Outcome, RuleBuf, RuleSet, Verdict};
use flowgate::symbolic::{Delta, Model, Space, Spaces, Visit, Watch, delta, of_family, reach};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A list and one made of it: rules taken out, put in and moved.
pub(crate) fn pairs(opaque: bool) -> impl Strategy<Value = (RuleSet, RuleSet)> {
    let edits = vec((0..3_u8, any::<Index>(), any::<Index>()), 0..4);
    (list(opaque), list(opaque), edits, any::<bool>()).prop_map(|(old, other, edits, default)| {
        let mut rules: Vec<RuleBuf> = old.rules.iter().map(|rule| rule.to_buf()).collect();
        for (what, from, to) in edits {
            let added = other.rules.get(from.index(other.rules.len())).unwrap().to_buf();
            match what {
                0 if !rules.is_empty() => _ = rules.remove(from.index(rules.len())),
                1 if !rules.is_empty() => {
                    let rule = rules.remove(from.index(rules.len()));
                    rules.insert(to.index(rules.len() + 1), rule);
                }
                _ => rules.insert(to.index(rules.len() + 1), added),
            }
        }
        let changed = if default { Verdict::Discard } else { old.default };
        let new = RuleSet { rules: rules.into(), default: changed, ..old.clone() };
        (old, new)
    })
}

/// Watches nothing.
pub(crate) struct Nothing;

impl Watch for Nothing {
    fn skips(&self, _: &flowgate::ir::Rule) -> bool {
        false
    }
    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), flowgate::guard::Exhausted> {
        Ok(())
    }
}

/// The packets that a list accepts, of those that can exist.
fn accepted(spaces: &mut Spaces<'_>, set: &RuleSet) -> Space {
    let document = Document { rule_sets: vec![set.clone()], symbols: vec![], ..Document::default() };
    let (world, family) = (spaces.world().unwrap(), spaces.of(&of_family(set.family)).unwrap());
    let start = spaces.intersection(world, family).unwrap();
    reach(spaces, &document, 0, start, &mut Nothing).unwrap().accepted
}

/// What becomes of a packet, by which rule.
fn walk(set: &RuleSet, packet: &Headers) -> (Option<u32>, Verdict) {
    for (rule, index) in set.rules.iter().zip(0_u32..) {
        let verdict = match rule.outcome {
            Outcome::Verdict(verdict) => verdict,
            Outcome::Return => set.default,
            _ => continue,
        };
        match evaluate(rule.condition, packet) {
            Truth::Yes => return (Some(index), verdict),
            Truth::No => {}
            Truth::Unknown => panic!("undecided"),
        }
    }
    (None, set.default)
}

fn is_right(old: &RuleSet, new: &RuleSet, found: &Delta) -> Result<(), TestCaseError> {
    let mut spaces = Spaces::new(Model::real(), &RULE_SET_NODES);
    let mut all = Space::NONE;
    for change in &found.changes {
        prop_assert_ne!(change.before, change.after);
        let packet = change.packet.as_ref().unwrap();
        prop_assert_eq!(walk(old, packet), (change.old_rule, change.before), "{:?}", change);
        prop_assert_eq!(walk(new, packet), (change.new_rule, change.after), "{:?}", change);
        prop_assert!((0.0..=1.0).contains(&change.share));
        let region = spaces.of(&change.region).unwrap();
        all = spaces.union(all, region).unwrap();
    }
    let (a, b) = (accepted(&mut spaces, old), accepted(&mut spaces, new));
    let (less, more) = (spaces.difference(a, b).unwrap(), spaces.difference(b, a).unwrap());
    let differ = spaces.union(less, more).unwrap();
    prop_assert!(spaces.is_subset(differ, all).unwrap());
    let world = spaces.world().unwrap();
    let all = spaces.intersection(all, world).unwrap();
    let family = spaces.of(&of_family(old.family)).unwrap();
    let all = spaces.intersection(all, family).unwrap();
    prop_assert!(spaces.is_subset(all, differ).unwrap());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_regions_are_the_packets_whose_fate_differs((old, new) in pairs(false)) {
        let found = delta(&old, &new, holds).unwrap();
        is_right(&old, &new, &found)?;
    }

    #[test]
    fn unrelated_lists_are_told_apart_as_well(old in list(false), new in list(false)) {
        let new = RuleSet { family: old.family, ..new };
        is_right(&old, &new, &delta(&old, &new, holds).unwrap())?;
    }

    #[test]
    fn a_list_is_itself(set in list(true)) {
        prop_assert_eq!(delta(&set, &set, holds).unwrap(), Delta::default());
    }
}
