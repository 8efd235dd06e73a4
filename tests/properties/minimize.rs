//! A rule set made smaller decides the same about every packet.

use super::cover::list;
use flowgate::check::{Comparison, minimize};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::Family;
use flowgate::ir::Document;
use flowgate::symbolic::Guesser;
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 60 } else { 2_000 }))]

    #[test]
    fn fewer_rules_decide_the_same(set in list(true)) {
        let old = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
        let new = minimize(&old);
        prop_assert!(new.document.rule_count() <= old.rule_count());
        prop_assert_eq!(old.rule_count() - new.document.rule_count(), new.removed + new.merged);
        // By evaluation of a packet of each rule, and by the sets once more.
        let mut guesser = Guesser::default();
        for condition in old.rule_sets[0].rules.conditions() {
            for family in [Family::Inet, Family::Inet6] {
                let Some(packet) = guesser.guess(family, &[condition]) else { continue };
                let verdict = |document: &Document| match Evaluator::new(document, 0).unwrap().decide(&packet) {
                    Ok(Decision::Verdict(verdict, _)) => Some(verdict),
                    _ => None,
                };
                if let (Some(was), Some(is)) = (verdict(&old), verdict(&new.document)) {
                    prop_assert_eq!(was, is);
                }
            }
        }
        let again = Comparison::of(old, new.document);
        for pair in again.pairs {
            prop_assert!(pair.found.is_ok_and(|found| found.changes.is_empty()));
        }
    }
}
