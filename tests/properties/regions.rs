//! What becomes of the packets of a condition, against sets of packets and evaluation.

use super::cover::{condition, list};
use super::delta::Nothing;
use flowgate::eval::{Decision, Evaluator, Hit, holds};
use flowgate::field::Family;
use flowgate::guard::limits::RULE_SET_NODES;
use flowgate::ir::{Condition, Document, Kind, Outcome, RuleSet, Verdict};
use flowgate::symbolic::{
    Decider, Effort, Fate, Member, Model, Region, Regions, Space, Spaces, Taste, among, of_family, reach,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Rule sets that walk later ones, and hold verdicts.
fn document(opaque: bool) -> impl Strategy<Value = Document> {
    let change = (any::<Index>(), any::<Index>(), 0..7_u32);
    let kind = select(vec![Kind::Filter, Kind::Filter, Kind::Hook]);
    let family = select(vec![Family::Inet, Family::Inet6, Family::Any, Family::Any]);
    let default = select(vec![Verdict::Accept, Verdict::Discard, Verdict::NoDecision]);
    let set = (list(opaque), kind, family, default).prop_map(|(set, kind, family, default)| RuleSet {
        kind,
        family,
        default,
        ..set
    });
    (vec(set, 1..4), vec(change, 0..6)).prop_map(|(mut rule_sets, changes)| {
        let count = rule_sets.len();
        for (set, rule, what) in changes {
            let from = set.index(count);
            let target = u32::try_from(from + 1 + rule.index(count)).unwrap();
            let at = rule.index(rule_sets[from].rules.len());
            let outcome = match what {
                0 => Outcome::Call(target),
                1 => Outcome::Goto(target),
                2 | 3 => Outcome::Stage(target),
                4 => Outcome::Next { held: Some(Verdict::Accept) },
                5 => Outcome::Next { held: Some(Verdict::Discard) },
                _ => Outcome::Next { held: Some(Verdict::NoDecision) },
            };
            rule_sets[from].rules.set_outcome(at, outcome);
        }
        Document { rule_sets, symbols: vec![], ..Document::default() }
    })
}

fn all(regions: &mut Regions<'_>, within: &Condition) -> Vec<Region> {
    regions.ask(0, within, Effort::whole(), &mut |_, _| Condition::True).unwrap()
}

fn is_right(document: &Document, within: &Condition, opaque: bool) -> Result<(), TestCaseError> {
    let mut regions = Regions::new(document, holds);
    let found = all(&mut regions, within);
    let walk = Evaluator::new(document, 0).unwrap();
    let hit = |rule: Option<Decider>| rule.map(|by| Hit { rule_set: by.rule_set, rule: by.rule });
    let mut spaces = Spaces::new(Model::real(), &RULE_SET_NODES);
    let (world, family) =
        (spaces.world().unwrap(), spaces.of(&of_family(document.rule_sets[0].family)).unwrap());
    let asked = spaces.of(within).unwrap();
    let start = spaces.intersection(world, family).unwrap();
    let start = spaces.intersection(start, asked).unwrap();
    let mut outcomes = document.rule_sets.iter().flat_map(|set| set.rules.outcomes());
    let holds_verdicts = outcomes.any(|outcome| matches!(outcome, Outcome::Next { held: Some(_) }));
    let mut together = Space::NONE;
    let [mut accepted, mut dropped] = [Space::NONE; 2];
    for region in &found {
        let space = spaces.of(&region.packets).unwrap();
        let space = spaces.intersection(space, start).unwrap();
        prop_assert!(spaces.intersection(space, together).unwrap().is_empty(), "{:?}", region);
        together = spaces.union(together, space).unwrap();
        let of_verdict = match region.verdict {
            Verdict::Accept => &mut accepted,
            Verdict::Discard | Verdict::Reject(_) => &mut dropped,
            Verdict::NoDecision => &mut Space::NONE.clone(),
        };
        *of_verdict = spaces.union(*of_verdict, space).unwrap();
        prop_assert!((0.0..=1.0).contains(&region.share));
        let mut packets = Vec::new();
        match regions.packet(region).unwrap() {
            Member::None => prop_assert!(space.is_empty(), "{:?}", region),
            Member::Packet(packet) => packets.push(*packet),
            Member::Unknown => prop_assert!(opaque && spaces.under(space).unwrap().is_empty()),
        }
        if !opaque {
            let seeds = (0..4).filter_map(|seed| spaces.member(space, Taste::Seed(seed)).unwrap());
            packets.extend(seeds.collect::<Vec<_>>());
        }
        for packet in packets {
            let decision = walk.decide(&packet).unwrap();
            let want = Decision::Verdict(region.verdict, hit(region.rule));
            // Where what is not modelled may let another rule decide the same, evaluation names its own.
            let same = decision == want
                || matches!(decision, Decision::Verdict(v, _) if opaque && v == region.verdict)
                // A drop that is held stands whatever comes of a later accept, at which evaluation knows no more.
                || opaque && holds_verdicts && matches!(decision, Decision::Unknown(_));
            prop_assert!(same, "{:?} {:?} {:?}", decision, region, packet);
        }
    }
    prop_assert_eq!(together, start);
    let reached = reach(&mut spaces, document, 0, start, &mut Nothing).unwrap();
    prop_assert_eq!((accepted, dropped), (reached.accepted, reached.dropped));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_packet_asked_about_is_in_the_region_of_its_fate(
        document in document(false), within in condition(false)
    ) {
        is_right(&document, &within, false)?;
    }

    #[test]
    fn what_is_not_modelled_is_in_regions_of_its_own(document in document(true), within in condition(true)) {
        is_right(&document, &within, true)?;
    }

    #[test]
    fn what_is_asked_of_a_fate_beside_is_cut_out_of_its_regions(
        document in document(false), within in condition(false), beside in condition(false)
    ) {
        let mut regions = Regions::new(&document, holds);
        let mut spaces = Spaces::new(Model::real(), &RULE_SET_NODES);
        let mut union = |list: &[Region], verdict: Verdict| {
            let mut union = Space::NONE;
            for region in list.iter().filter(|region| region.verdict == verdict) {
                let space = spaces.of(&region.packets).unwrap();
                union = spaces.union(union, space).unwrap();
            }
            let world = spaces.world().unwrap();
            spaces.intersection(union, world).unwrap()
        };
        let whole = all(&mut regions, &Condition::and([within.clone(), beside.clone()]));
        let wanted = regions.ask(0, &within, Effort::whole(), &mut |verdict, _| {
            if verdict == Verdict::Accept { beside.clone() } else { Condition::False }
        });
        let wanted = wanted.unwrap();
        prop_assert!(wanted.iter().all(|region| region.verdict == Verdict::Accept));
        prop_assert_eq!(union(&wanted, Verdict::Accept), union(&whole, Verdict::Accept));
    }

    #[test]
    fn the_rules_told_of_a_list_are_those_of_the_regions(set in list(false), within in condition(false)) {
        let document = Document { rule_sets: vec![set], symbols: vec![], ..Document::default() };
        let mut told = Vec::new();
        let is_list = among(&document.rule_sets[0], &within, holds, &mut |rule, verdict, fate| {
            match fate {
                Fate::Live(packet) => {
                    let decision = Evaluator::new(&document, 0).unwrap().decide(&packet).unwrap();
                    let Decision::Verdict(is, by) = decision else { panic!("{decision:?}") };
                    assert_eq!(is, verdict);
                    // By a return the default decides.
                    assert!(by.is_none() || by.map(|hit| hit.rule) == rule);
                    assert_eq!(holds(&within, &packet), Some(true));
                    told.push((by.map(|hit| hit.rule), verdict));
                }
                Fate::Covered(_) => {}
                other => panic!("{other:?}"),
            }
            Ok(())
        });
        assert!(is_list.unwrap());
        let mut regions = Regions::new(&document, holds);
        let list = all(&mut regions, &within);
        let live = list.into_iter().filter(|region| matches!(regions.packet(region), Ok(Member::Packet(_))));
        let mut live: Vec<_> = live.map(|region| (region.rule.map(|by| by.rule), region.verdict)).collect();
        for list in [&mut told, &mut live] {
            list.sort_unstable();
            list.dedup();
        }
        prop_assert_eq!(told, live);
    }
}
