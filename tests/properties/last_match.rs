//! Lists of which the last match decides, against a walk that keeps what matched last.

use super::cover::condition;
use flowgate::eval::holds;
use flowgate::field::{Family, Headers};
use flowgate::ir::{Condition, Document, Kind, Outcome, Ranked, RuleBuf, RuleSet, Rules, Verdict};
use flowgate::symbolic::{Fates, Guesser, RuleFate};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn list() -> impl Strategy<Value = Vec<Ranked>> {
    let outcome = select(vec![
        Outcome::Verdict(Verdict::Accept),
        Outcome::Verdict(Verdict::Discard),
        Outcome::Verdict(Verdict::NoDecision),
        Outcome::Next { held: None },
    ]);
    let rule =
        (condition(false), outcome, prop::bool::weighted(0.3)).prop_map(|(condition, outcome, quick)| {
            Ranked { rule: RuleBuf::new("r", condition, outcome), quick }
        });
    vec(rule, 1..9).prop_map(|mut list| {
        for (number, ranked) in list.iter_mut().enumerate() {
            ranked.rule.name = number.to_string().into();
        }
        list
    })
}

/// The rule that decides about a packet, by its place as written.
fn last(list: &[Ranked], packet: &Headers) -> Option<usize> {
    let mut found = None;
    for (number, Ranked { rule, quick }) in list.iter().enumerate() {
        if matches!(rule.outcome, Outcome::Verdict(_)) && holds(&rule.condition, packet) == Some(true) {
            found = Some(number);
            if *quick {
                break;
            }
        }
    }
    found
}

fn document(list: Vec<Ranked>) -> Document {
    let rules = Rules::of_last_match(list).unwrap();
    let set = RuleSet {
        name: "s".into(),
        kind: Kind::Filter,
        family: Family::Inet,
        default: Verdict::Accept,
        rules,
    };
    Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 4_000 }))]

    #[test]
    fn the_first_that_matches_is_the_last_as_written(list in list()) {
        let document = document(list.clone());
        let set = &document.rule_sets[0];
        let mut guesser = Guesser::default();
        // Packets of two rules at once are where the order counts.
        for one in &list {
            for other in &list {
                let both = [&one.rule.condition, &other.rule.condition];
                let Some(packet) = guesser.guess(Family::Inet, &both) else { continue };
                let decides = |rule: &flowgate::ir::Rule<'_>| matches!(rule.outcome, Outcome::Verdict(_));
                let first = set.rules.iter().filter(decides).find(|rule| holds(rule.condition, &packet) == Some(true));
                let wanted = last(&list, &packet).map(|number| number.to_string());
                prop_assert_eq!(first.map(|rule| rule.name.to_owned()), wanted);
            }
        }
    }

    #[test]
    fn what_no_packet_comes_to_decides_about_none(list in list()) {
        let document = document(list.clone());
        let fates = Fates::of(&document, &Condition::True, holds);
        let mut guesser = Guesser::default();
        for (index, rule) in document.rule_sets[0].rules.iter().enumerate() {
            if matches!(fates.rule(0, index), Some(RuleFate::Covered(_))) {
                let number: usize = rule.name.parse().unwrap();
                for other in &list {
                    let Some(packet) = guesser.guess(Family::Inet, &[rule.condition, &other.rule.condition]) else { continue };
                    prop_assert_ne!(last(&list, &packet), Some(number));
                }
            }
        }
    }
}

#[test]
fn a_call_has_no_place_in_it() {
    let call = RuleBuf::new("c", Condition::True, Outcome::Call(0));
    assert_eq!(Rules::of_last_match(vec![Ranked { rule: call, quick: false }]).unwrap_err(), 0);
}
