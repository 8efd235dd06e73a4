//! Which rules of a document packets come to, along every way, against a walk of all packets at once.

use super::cover::condition;
use flowgate::eval::holds;
use flowgate::field::Family;
use flowgate::guard::Exhausted;
use flowgate::guard::limits::RULE_SET_NODES;
use flowgate::ir::{Condition, Document, Kind, Outcome, Rule, RuleBuf, RuleSet, Verdict};
use flowgate::symbolic::{Fates, Model, Place, RuleFate, Space, Spaces, Visit, Watch, reach};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;

const SETS: u32 = 4;

fn outcome(from: u32) -> BoxedStrategy<Outcome> {
    let plain = select(vec![
        Outcome::Verdict(Verdict::Accept),
        Outcome::Verdict(Verdict::Discard),
        Outcome::Next { held: None },
        Outcome::Return,
    ]);
    if from + 1 >= SETS {
        return plain.boxed();
    }
    let target = || from + 1..SETS;
    prop_oneof![
        4 => plain,
        2 => target().prop_map(Outcome::Call),
        1 => target().prop_map(Outcome::Goto),
        1 => target().prop_map(Outcome::Stage),
    ]
    .boxed()
}

fn rule_set(index: u32) -> impl Strategy<Value = RuleSet> {
    let rule = (condition(false), outcome(index))
        .prop_map(|(condition, outcome)| RuleBuf::new("r", condition, outcome));
    let family = select(vec![Family::Inet, Family::Inet, Family::Inet6, Family::Any]);
    let default = select(vec![Verdict::Accept, Verdict::Discard, Verdict::NoDecision]);
    (vec(rule, 1..7), family, default).prop_map(move |(rules, family, default)| RuleSet {
        name: format!("s{index}"),
        kind: if index == 0 { Kind::Filter } else { Kind::Chain },
        family,
        default,
        rules: rules.into(),
    })
}

fn document() -> impl Strategy<Value = Document> {
    let sets: Vec<_> = (0..SETS).map(rule_set).collect();
    sets.prop_map(|rule_sets| Document { rule_sets, symbols: Vec::new(), ..Document::default() })
}

/// What came to each rule.
#[derive(Default)]
struct Seen(BTreeMap<(u32, u32), Space>);

impl Watch for Seen {
    fn skips(&self, _: &Rule) -> bool {
        false
    }

    fn visit(&mut self, spaces: &mut Spaces<'_>, visit: Visit) -> Result<(), Exhausted> {
        let seen = self.0.entry((visit.rule_set, visit.rule)).or_insert(Space::NONE);
        *seen = spaces.union(*seen, visit.matched)?;
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 120 } else { 4_000 }))]

    #[test]
    fn a_rule_is_live_where_packets_come_to_it_on_some_way(document in document()) {
        let mut spaces = Spaces::new(Model::real(), &RULE_SET_NODES);
        let mut seen = Seen::default();
        let world = spaces.world().unwrap();
        reach(&mut spaces, &document, 0, world, &mut seen).unwrap();
        let fates = Fates::of(&document, &Condition::True, holds);
        prop_assert!(fates.stopped.is_none());
        for (set_index, set) in document.rule_sets.iter().enumerate() {
            for index in 0..set.rules.len() {
                let key = (u32::try_from(set_index).unwrap(), u32::try_from(index).unwrap());
                let comes = seen.0.get(&key).is_some_and(|space| !space.is_empty());
                if !fates.is_reached(set_index) {
                    prop_assert!(!comes, "{key:?} of {document:?}");
                    continue;
                }
                match fates.rule(set_index, index) {
                    Some(RuleFate::Live) => prop_assert!(comes, "{key:?} of {document:?}"),
                    Some(RuleFate::Covered(by)) => {
                        prop_assert!(!comes, "{key:?} of {document:?}");
                        for Place { rule_set, rule } in by {
                            if let Some(rule) = rule {
                                prop_assert!(seen.0.contains_key(&(*rule_set, *rule)), "{key:?} by {by:?} of {document:?}");
                            }
                        }
                    }
                    // A chain that is led to by rules without packets alone is not walked.
                    other => prop_assert!(false, "{key:?}: {other:?} of {document:?}"),
                }
            }
        }
    }
}
