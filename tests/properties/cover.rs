//! Which rules of a list packets come to, against sets of packets and evaluation.

use flowgate::eval::{Truth, evaluate, holds};
use flowgate::field::{Family, Field};
use flowgate::guard::limits::RULE_NODES;
use flowgate::ir::{Condition, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::{IntervalSet, Prefix4, Prefix6};
use flowgate::source::Span;
use flowgate::symbolic::{Cover, Fate, Model, Space, Spaces, of_family};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

fn address4(field: Field) -> impl Strategy<Value = Condition> {
    (0..8_u32, select(vec![0, 8, 24, 25, 30, 31, 32, 32])).prop_map(move |(host, length)| {
        let prefix = Prefix4::new(0x0a00_0000 | host, length).unwrap();
        Condition::test(field, IntervalSet::from(prefix.network()))
    })
}

fn address6(field: Field) -> impl Strategy<Value = Condition> {
    (0..8_u128, select(vec![0, 32, 125, 126, 127, 128, 128])).prop_map(move |(host, length)| {
        let prefix = Prefix6::new(0x2001_0db8 << 96 | host, length).unwrap();
        Condition::test(field, IntervalSet::from(prefix.network()))
    })
}

fn ports(field: Field) -> impl Strategy<Value = Condition> {
    let value = || select(vec![0_u32, 1, 22, 23, 79, 80, 81, 1023, 1024, 65_534, 65_535]);
    vec((value(), value()), 1..3).prop_map(move |ranges| {
        let ranges = ranges.into_iter().map(|(a, b)| (a.min(b), a.max(b)));
        Condition::test(field, IntervalSet::<u32>::from_ranges(ranges))
    })
}

fn small(field: Field, values: &'static [u32]) -> impl Strategy<Value = Condition> {
    vec(select(values), 1..3).prop_map(move |list| Condition::test(field, ValueSet::of(list)))
}

fn leaf() -> BoxedStrategy<Condition> {
    let flags = (select(vec![0_u128, 2, 16, 18]), select(vec![2_u128, 16, 18, 0xfff]));
    prop_oneof![
        3 => address4(Field::Dst4),
        3 => address4(Field::Src4),
        1 => address6(Field::Dst6),
        1 => address6(Field::Src6),
        4 => small(Field::Proto, &[6, 17, 1, 58, 47, 255]),
        3 => ports(Field::Dport),
        2 => ports(Field::Sport),
        2 => ports(Field::RawPort0),
        2 => ports(Field::RawPort1),
        1 => small(Field::FragOff, &[0, 1, 185]),
        1 => small(Field::Mf, &[0, 1]),
        1 => small(Field::IcmpType, &[0, 8]),
        1 => small(Field::Len, &[20, 40, 1500]),
        1 => small(Field::Dscp, &[0, 46]),
        1 => small(Field::CtState, &[0, 1, 2]),
        1 => small(Field::IpVersion, &[4, 6]),
        1 => flags.prop_map(|(value, mask)| Condition::test(Field::TcpFlags, ValueSet::bits(value & mask, mask))),
        1 => Just(Condition::True),
    ]
    .boxed()
}

pub(crate) fn condition(opaque: bool) -> impl Strategy<Value = Condition> {
    let part = move || {
        let what =
            (0..2_u8).prop_map(|id| Condition::opaque(format!("o{id}"), "not modelled", Span::default()));
        let list = || vec(leaf(), 1..3);
        prop_oneof![
            16 => leaf(),
            2 => list().prop_map(Condition::or),
            2 => list().prop_map(|list| Condition::not(Condition::and(list))),
            2 => leaf().prop_map(Condition::not),
            u32::from(opaque) * 4 => what,
        ]
    };
    vec(part(), 0..5).prop_map(Condition::and)
}

pub(crate) fn list(opaque: bool) -> impl Strategy<Value = RuleSet> {
    let outcome = select(vec![
        Outcome::Verdict(Verdict::Accept),
        Outcome::Verdict(Verdict::Discard),
        Outcome::Verdict(Verdict::Discard),
        Outcome::Next { held: None },
        Outcome::Return,
    ]);
    let rule =
        (condition(opaque), outcome).prop_map(|(condition, outcome)| RuleBuf::new("r", condition, outcome));
    let family = select(vec![Family::Inet, Family::Inet, Family::Inet6, Family::Any]);
    (vec(rule, 1..12), family).prop_map(|(rules, family)| RuleSet {
        name: "list".into(),
        kind: Kind::Filter,
        family,
        default: Verdict::Accept,
        rules: rules.into(),
    })
}

/// The packets of a rule without those of others, by their indices.
pub(crate) fn left(spaces: &mut Spaces<'_>, set: &RuleSet, rule: usize, others: &[usize]) -> Space {
    let conditions = set.rules.conditions();
    let mut space = spaces.world().unwrap();
    for condition in [&of_family(set.family), &conditions[rule]] {
        let next = spaces.of(condition).unwrap();
        space = spaces.intersection(space, next).unwrap();
    }
    for other in others {
        let next = spaces.of(&conditions[*other]).unwrap();
        space = spaces.difference(space, next).unwrap();
    }
    space
}

fn fates_are_right(set: &RuleSet, opaque: bool) -> Result<(), TestCaseError> {
    let mut spaces = Spaces::new(Model::real(), &RULE_NODES);
    let mut fates = Vec::new();
    Cover::each(set, holds, |index, _, fate| {
        assert_eq!(index, fates.len());
        fates.push(fate);
        Ok(())
    })
    .unwrap();
    for (index, fate) in fates.iter().enumerate() {
        let decides = |i: &usize| !matches!(set.rules.outcome(*i), Some(Outcome::Next { .. }));
        let earlier: Vec<usize> = (0..index).filter(decides).collect();
        let space = left(&mut spaces, set, index, &earlier);
        match fate {
            Fate::Live(packet) => {
                let conditions = set.rules.conditions();
                prop_assert_eq!(evaluate(&of_family(set.family), packet), Truth::Yes);
                prop_assert_eq!(evaluate(&conditions[index], packet), Truth::Yes);
                for other in &earlier {
                    prop_assert_eq!(
                        evaluate(&conditions[*other], packet),
                        Truth::No,
                        "{} {:?}",
                        other,
                        packet
                    );
                }
            }
            Fate::Covered(by) => {
                let by: Vec<usize> = by.iter().map(|rule| *rule as usize).collect();
                prop_assert!(by.iter().all(|rule| earlier.contains(rule)));
                prop_assert!(left(&mut spaces, set, index, &by).is_empty(), "{index} {by:?}");
            }
            Fate::Unmodelled => {
                prop_assert!(opaque, "{index} is open");
                prop_assert!(!space.is_empty() && spaces.under(space).unwrap().is_empty(), "{index}");
            }
            Fate::Spent(why) => panic!("{index}: {why}"),
        }
    }
    for (rule, one) in Cover::by_one(set) {
        let (rule, one) = (rule as usize, one as usize);
        let before = one < rule && !matches!(set.rules.outcome(one), Some(Outcome::Next { .. }));
        prop_assert!(before, "{one} {rule}");
        prop_assert!(left(&mut spaces, set, rule, &[one]).is_empty(), "{rule} {one}");
        let fate = fates.get(rule);
        prop_assert!(matches!(fate, Some(Fate::Covered(_))), "{fate:?}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_is_live_by_a_packet_or_covered_by_the_rules_named(set in list(false)) {
        fates_are_right(&set, false)?;
    }

    #[test]
    fn what_is_not_modelled_opens_a_fate_and_never_turns_it(set in list(true)) {
        fates_are_right(&set, true)?;
    }
}
