//! Packets that rules share, against sets of packets and evaluation.

use super::cover::{left, list};
use flowgate::eval::{Truth, evaluate, holds};
use flowgate::field::{Family, Field};
use flowgate::guard::limits::RULE_NODES;
use flowgate::ir::{Condition, RuleSet, ValueSet};
use flowgate::symbolic::{Model, Overlaps, Shared, Spaces};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// What is asked about two rules, and the packets that are in the answer.
fn answers_are_right(set: &RuleSet, opaque: bool, without: u64) -> Result<(), TestCaseError> {
    let mut spaces = Spaces::new(Model::real(), &RULE_NODES);
    let conditions = set.rules.conditions();
    let versions = Condition::test(Field::IpVersion, ValueSet::of([4, 6]));
    let mut overlaps = Overlaps::new(set, holds);
    let kept_out: Vec<usize> = (0..conditions.len()).filter(|rule| without >> rule & 1 == 1).collect();
    for one in 0..conditions.len() {
        let near = overlaps.near(u32::try_from(one).unwrap(), &|_| true).unwrap();
        for other in 0..conditions.len() {
            let mut space = left(&mut spaces, set, one, &kept_out);
            for more in [&conditions[other], &versions] {
                let more = spaces.of(more).unwrap();
                space = spaces.intersection(space, more).unwrap();
            }
            let sure = spaces.under(space).unwrap();
            let pair = [one, other].map(|rule| u32::try_from(rule).unwrap());
            let found = overlaps.packet(pair[0], pair[1], &|rule| without >> rule & 1 == 1).unwrap();
            let case = format!("{pair:?} without {kept_out:?} of {set:?}");
            match found {
                Shared::Packet(packet) => {
                    for rule in [one, other] {
                        prop_assert_eq!(evaluate(&conditions[rule], &packet), Truth::Yes, "{}", case);
                    }
                    for rule in &kept_out {
                        prop_assert_eq!(evaluate(&conditions[*rule], &packet), Truth::No, "{}", case);
                    }
                    prop_assert!(near.contains(&pair[1]), "{}", case);
                }
                Shared::None => prop_assert!(space.is_empty(), "{}", case),
                Shared::Unknown => prop_assert!(opaque && sure.is_empty(), "{}", case),
                Shared::Spent(exhausted) => prop_assert!(false, "{exhausted} {case}"),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 60 } else { 2_000 }))]

    #[test]
    fn two_rules_share_what_both_match(set in list(false), without in any::<u64>()) {
        answers_are_right(&set, false, without & 0x29)?;
    }

    #[test]
    fn what_is_not_modelled_leaves_it_open(set in list(true), without in any::<u64>()) {
        answers_are_right(&set, true, without & 0x15)?;
    }

    #[test]
    fn parts_grow_from_nothing_to_all(set in list(false)) {
        let mut overlaps = Overlaps::new(&set, holds);
        let count = u32::try_from(set.rules.len()).unwrap();
        for rule in 0..count {
            let mut by = BTreeSet::new();
            let mut last = 0.0;
            for other in (0..count).rev().filter(|other| *other != rule).chain([rule]) {
                by.insert(other);
                let Some(part) = overlaps.part(rule, &by) else { continue };
                prop_assert!((-1e-9..=1.0 + 1e-9).contains(&part) && part >= last - 1e-9, "{part} after {last}");
                last = part;
                if other == rule {
                    prop_assert!((part - 1.0).abs() < 1e-9, "{part}");
                }
            }
            prop_assert!(set.family == Family::Any || overlaps.part(rule, &BTreeSet::new()).is_none_or(|part| part.abs() < 1e-9));
        }
    }
}
