//! Sets of packets against evaluation: exhaustively over a table small enough to enumerate, by samples over the
//! real one.

use flowgate::eval::{Decision, Evaluator, Truth, evaluate};
use flowgate::field::{FIELDS, Family, Field, Headers, Reading};
use flowgate::guard::limits::RULE_NODES;
use flowgate::guard::{Exhausted, Meter};
use flowgate::ir::{Condition, Document, Kind, Outcome, Rule, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::{BitMatch, BitSet, IntervalSet};
use flowgate::packet::{Decoded, build, decode_ip};
use flowgate::source::Span;
use flowgate::symbolic::{Guesser, Model, Row, Space, Spaces, Taste, Visit, Watch, reach};
use proptest::prelude::*;
use std::sync::OnceLock;

// ---- a table of 15 bits ----

fn row(field: Field, width: u8, needs: &[(Field, &[(u32, u32)])]) -> Row {
    let needs = needs.iter().map(|(f, v)| (*f, IntervalSet::from_ranges(v.iter().copied()))).collect();
    Row { field, width, max: (1 << width) - 1, needs, optional: false, l4_bit: None }
}

/// Few bits a field, every feature of the real table: needs on needs, an optional field that others need, a
/// maximum below the width, octets shared by fields, one of them across a border of two others.
fn rows() -> Vec<Row> {
    let room = |low| (Field::L4Room, [(low, 3)]);
    let (one, two) = (room(1), room(2));
    vec![
        row(Field::IpVersion, 3, &[]),
        Row { optional: true, ..row(Field::Proto, 2, &[]) },
        row(Field::L4Status, 1, &[]),
        row(Field::L4Room, 2, &[]),
        Row { max: 2, ..row(Field::Len, 2, &[(Field::IpVersion, &[(6, 6)])]) },
        Row {
            l4_bit: Some(0),
            ..row(
                Field::Sport,
                2,
                &[(Field::L4Status, &[(0, 0)]), (Field::Proto, &[(1, 1), (3, 3)]), (one.0, &one.1)],
            )
        },
        Row {
            l4_bit: Some(2),
            ..row(
                Field::Dport,
                2,
                &[(Field::L4Status, &[(0, 0)]), (Field::Proto, &[(1, 2)]), (two.0, &two.1)],
            )
        },
        Row { l4_bit: Some(1), ..row(Field::RawPort0, 2, &[(two.0, &two.1)]) },
        Row { l4_bit: Some(0), ..row(Field::RawOctet0, 1, &[(one.0, &one.1)]) },
    ]
}

const SHRUNK: [Field; 9] = [
    Field::IpVersion,
    Field::Proto,
    Field::L4Status,
    Field::L4Room,
    Field::Len,
    Field::Sport,
    Field::Dport,
    Field::RawPort0,
    Field::RawOctet0,
];

fn laws() -> Vec<Condition> {
    let is = |field, value| Condition::test(field, ValueSet::single(value));
    vec![
        Condition::or([is(Field::IpVersion, 4), is(Field::IpVersion, 6)]),
        // No room without a known protocol, and length follows room.
        Condition::or([Condition::present(Field::Proto), is(Field::L4Room, 0)]),
        Condition::or([
            Condition::not(is(Field::Len, 0)),
            Condition::test(Field::L4Room, ValueSet::range(0, 1)),
        ]),
    ]
}

fn shrunk() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::new(rows(), laws()))
}

/// Every packet of the shrunk table, written down from what its rows say and not from the model.
fn packets() -> &'static [Headers] {
    static PACKETS: OnceLock<Vec<Headers>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let mut list = Vec::new();
        for (version, proto, known, status) in itertools4(2, 4, 2, 2) {
            for (room, len, behind, _) in itertools4(4, 3, 16, 1) {
                let mut h = Headers::new();
                h.set(Field::IpVersion, 4 + 2 * version);
                h.set(Field::L4Status, status);
                h.set(Field::L4Room, room);
                if known == 1 {
                    h.set(Field::Proto, proto);
                }
                if version == 1 {
                    h.set(Field::Len, len);
                }
                let proto = h.small(Field::Proto);
                if status == 0 && matches!(proto, Some(1 | 3)) && room >= 1 {
                    h.set(Field::Sport, behind >> 2);
                }
                if status == 0 && matches!(proto, Some(1 | 2)) && room >= 2 {
                    h.set(Field::Dport, behind & 3);
                }
                if room >= 2 {
                    h.set(Field::RawPort0, behind >> 1 & 3);
                }
                if room >= 1 {
                    h.set(Field::RawOctet0, behind >> 3);
                }
                if laws().iter().all(|law| evaluate(law, &h) == Truth::Yes) && !list.contains(&h) {
                    list.push(h);
                }
            }
        }
        list
    })
}

fn itertools4(a: u32, b: u32, c: u32, d: u32) -> impl Iterator<Item = (u32, u32, u32, u32)> {
    (0..a * b * c * d).map(move |n| (n % a, n / a % b, n / (a * b) % c, n / (a * b * c) % d))
}

// ---- conditions ----

fn values(max: u32) -> impl Strategy<Value = ValueSet> {
    let value = move || 0..=max;
    prop_oneof![
        3 => (value(), value()).prop_map(|(a, b)| ValueSet::range(a.min(b), a.max(b))),
        2 => proptest::collection::vec(value(), 0..4).prop_map(ValueSet::of),
        1 => proptest::collection::vec((value(), value()), 0..3).prop_map(|list| {
            let patterns = list.into_iter().map(|(v, m)| BitMatch::new(u128::from(v), u128::from(m)));
            ValueSet::from(BitSet::new(patterns))
        }),
        1 => (value(), value()).prop_map(|(a, b)| {
            ValueSet::from(IntervalSet::range(u128::from(a.min(b)), u128::from(a.max(b))))
        }),
    ]
}

fn conditions(leaf: BoxedStrategy<Condition>, opaque: bool) -> BoxedStrategy<Condition> {
    leaf.prop_recursive(4, 24, 3, move |inner| {
        let list = || proptest::collection::vec(inner.clone(), 1..4);
        let both = list().prop_map(|parts| Condition::And(parts.into()));
        let either = list().prop_map(|parts| Condition::Or(parts.into()));
        let not = inner.clone().prop_map(Condition::not);
        let what = (0..2_u8, inner.clone(), inner.clone()).prop_map(|(id, over, under)| {
            let under = Condition::and([over.clone(), under]);
            Condition::opaque_within(format!("o{id}"), "not modelled", over, under, Span::default())
        });
        if opaque {
            prop_oneof![4 => both, 2 => either, 2 => not, 1 => what].boxed()
        } else {
            prop_oneof![4 => both, 2 => either, 2 => not].boxed()
        }
    })
    .boxed()
}

fn shrunk_conditions(opaque: bool) -> BoxedStrategy<Condition> {
    let test = (0..SHRUNK.len(), values(6)).prop_map(|(i, set)| Condition::test(SHRUNK[i], set));
    let leaf = prop_oneof![9 => test, 1 => Just(Condition::True), 1 => Just(Condition::False)];
    conditions(leaf.boxed(), opaque)
}

/// The condition when its opaque parts come to `truth`.
fn decided(condition: &Condition, truth: [bool; 2]) -> Condition {
    let all = |parts: &[Condition]| parts.iter().map(|part| decided(part, truth)).collect();
    match condition {
        Condition::And(parts) => Condition::And(all(parts)),
        Condition::Or(parts) => Condition::Or(all(parts)),
        Condition::Not(part) => Condition::Not(Box::new(decided(part, truth))),
        Condition::Opaque(o) => {
            let (over, under) = (decided(&o.over, truth), decided(&o.under, truth));
            let holds = truth[usize::from(&*o.id == "o1")];
            if holds { Condition::Or([under, over].into()) } else { under }
        }
        Condition::True | Condition::False | Condition::Test(_) => condition.clone(),
    }
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn spaces(model: &'static Model) -> Spaces<'static> {
    Spaces::new(model, &RULE_NODES)
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn over_a_shrunk_table_a_set_holds_exactly_the_packets_its_condition_holds_for(c in shrunk_conditions(false)) {
        let mut spaces = spaces(shrunk());
        let (set, world) = (spaces.of(&c).unwrap(), spaces.world().unwrap());
        let set = spaces.intersection(set, world).unwrap();
        let mut any = false;
        for packet in packets() {
            let holds = evaluate(&c, packet) == Truth::Yes;
            any |= holds;
            prop_assert_eq!(spaces.contains(set, packet), Some(holds), "{:?}", packet);
        }
        prop_assert_eq!(!set.is_empty(), any);
        match spaces.witness(set).unwrap() {
            None => prop_assert!(!any),
            Some(packet) => {
                prop_assert!(packets().contains(&packet), "no packet: {:?}", packet);
                prop_assert_eq!(evaluate(&c, &packet), Truth::Yes);
            }
        }
    }

    #[test]
    fn bounds_hold_whatever_opaque_conditions_come_to(c in shrunk_conditions(true)) {
        let mut spaces = spaces(shrunk());
        let set = spaces.of(&c).unwrap();
        let (over, under) = (spaces.over(set).unwrap(), spaces.under(set).unwrap());
        for packet in packets() {
            let truths: Vec<bool> = [[false, false], [false, true], [true, false], [true, true]]
                .map(|truth| evaluate(&decided(&c, truth), packet) == Truth::Yes)
                .into();
            prop_assert_eq!(spaces.contains(over, packet), Some(truths.contains(&true)));
            prop_assert_eq!(spaces.contains(under, packet), Some(!truths.contains(&false)));
            match evaluate(&c, packet) {
                Truth::Yes => prop_assert_eq!(spaces.contains(set, packet), Some(true)),
                Truth::No => prop_assert_eq!(spaces.contains(set, packet), Some(false)),
                Truth::Unknown => {}
            }
        }
    }

    #[test]
    fn operations_on_sets_are_those_on_packets(a in shrunk_conditions(false), b in shrunk_conditions(false)) {
        let mut spaces = spaces(shrunk());
        let (sa, sb) = (spaces.of(&a).unwrap(), spaces.of(&b).unwrap());
        let union = spaces.union(sa, sb).unwrap();
        let both = spaces.intersection(sa, sb).unwrap();
        let less = spaces.difference(sa, sb).unwrap();
        let mut inside = true;
        for packet in packets() {
            let (x, y) = (evaluate(&a, packet) == Truth::Yes, evaluate(&b, packet) == Truth::Yes);
            prop_assert_eq!(spaces.contains(union, packet), Some(x || y));
            prop_assert_eq!(spaces.contains(both, packet), Some(x && y));
            prop_assert_eq!(spaces.contains(less, packet), Some(x && !y));
            inside &= !x || y;
        }
        prop_assert_eq!(spaces.is_subset(sa, sb).unwrap(), inside);
    }

    #[test]
    fn more_budget_never_reverses_an_answer(c in shrunk_conditions(true), allowance in 1_u64..3_000) {
        let answer = |allowance| {
            let mut spaces = Spaces::with_allowance(shrunk(), &RULE_NODES, allowance);
            let set = spaces.of(&c)?;
            let world = spaces.world()?;
            Ok::<_, Exhausted>(spaces.intersection(set, world)?.is_empty())
        };
        let (small, large) = (answer(allowance), answer(1_000_000));
        prop_assert!(small.is_err() || small == large);
    }
}

// ---- rule sets ----

struct Everything;

impl Watch for Everything {
    fn skips(&self, _: &Rule) -> bool {
        false
    }
    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), Exhausted> {
        Ok(())
    }
}

fn outcomes(callable: u32) -> impl Strategy<Value = Outcome> {
    let verdicts = [Verdict::Accept, Verdict::Discard, Verdict::NoDecision];
    let verdict = (0..3_usize).prop_map(move |i| verdicts[i]);
    prop_oneof![
        6 => verdict.clone().prop_map(Outcome::Verdict),
        2 => proptest::option::of(verdict).prop_map(|held| Outcome::Next { held }),
        1 => Just(Outcome::Return),
        1 => (callable..5).prop_map(Outcome::Call),
        1 => (callable..5).prop_map(Outcome::Goto),
        1 => (callable..5).prop_map(Outcome::Stage),
    ]
}

fn rule_set(index: u32, conditions: BoxedStrategy<Condition>) -> impl Strategy<Value = RuleSet> {
    let rule = (conditions, outcomes(index + 1))
        .prop_map(|(condition, outcome)| RuleBuf::new("r", condition, outcome));
    let verdicts = [Verdict::Discard, Verdict::Accept, Verdict::NoDecision];
    let families = [Family::Any, Family::Any, Family::Inet];
    (proptest::collection::vec(rule, 0..5), 0..3_usize, 0..3_usize).prop_map(
        move |(rules, default, family)| RuleSet {
            name: format!("s{index}"),
            kind: Kind::Filter,
            family: families[family],
            default: verdicts[default],
            rules: rules.into(),
        },
    )
}

fn documents(opaque: bool) -> impl Strategy<Value = Document> {
    documents_of(&shrunk_conditions(opaque).boxed())
}

fn documents_of(conditions: &BoxedStrategy<Condition>) -> impl Strategy<Value = Document> + use<> {
    let set = |index| rule_set(index, conditions.clone());
    (set(0), set(1), set(2), set(3)).prop_map(|(a, b, c, d)| Document {
        rule_sets: vec![a, b, c, d],
        symbols: vec![],
        ..Document::default()
    })
}

/// Compares what entries of a document do to packets before and after they are lists.
fn lists_decide_the_same(document: &Document, packets: &[&Headers]) -> Result<(), TestCaseError> {
    let flat = document.flattened(|_, _| false);
    let holds = |outcome| matches!(outcome, Outcome::Next { held: Some(_) });
    let held = document.rule_sets.iter().any(|set| set.rules.outcomes().any(holds));
    let walks = |rule: Rule| rule.outcome.target().is_some() || rule.outcome == Outcome::Return;
    for (flat_entry, entry) in flat.entries().into_iter().zip(document.entries()) {
        let is_flat = !flat.rule_sets[flat_entry].rules.iter().any(walks);
        prop_assert!(is_flat || held);
        let old = Evaluator::new(document, entry).unwrap();
        let new = Evaluator::new(&flat, flat_entry).unwrap();
        for packet in packets {
            let verdict = |decision| match decision {
                Decision::Verdict(verdict, _) => verdict,
                Decision::Unknown(_) => panic!("undecided"),
            };
            let (old, new) = (old.decide(packet).unwrap(), new.decide(packet).unwrap());
            prop_assert_eq!(verdict(old), verdict(new), "{:?}\n{:#?}\n{:#?}", packet, document, flat);
        }
    }
    Ok(())
}

/// Rule sets without a family: in the shrunk table packets of a family lack what real ones have.
fn without_families(mut document: Document) -> Document {
    document.rule_sets.iter_mut().for_each(|set| set.family = Family::Any);
    document
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_rule_set_does_to_all_packets_what_it_does_to_each(document in documents(false)) {
        let mut spaces = spaces(shrunk());
        let end = reach(&mut spaces, &document, 0, Space::ALL, &mut Everything).unwrap();
        let walk = Evaluator::new(&document, 0).unwrap();
        for packet in packets() {
            let Decision::Verdict(verdict, _) = walk.decide(packet).unwrap() else { panic!("undecided") };
            let got = [end.accepted, end.dropped, end.undecided].map(|set| spaces.contains(set, packet));
            let want = [verdict == Verdict::Accept, verdict.is_drop(), verdict == Verdict::NoDecision];
            prop_assert_eq!(got, want.map(Some), "{:?}", packet);
        }
    }

    #[test]
    fn a_list_without_calls_decides_as_the_rule_sets_it_was_made_of(document in documents(false)) {
        lists_decide_the_same(&without_families(document), &packets().iter().collect::<Vec<_>>())?;
    }

    #[test]
    fn a_list_without_calls_is_open_where_its_rule_sets_are(document in documents(true)) {
        let document = without_families(document);
        let flat = document.flattened(|_, _| false);
        for (flat_entry, entry) in flat.entries().into_iter().zip(document.entries()) {
            let ends = [(&document, entry), (&flat, flat_entry)].map(|(document, entry)| {
                let mut spaces = spaces(shrunk());
                let entry = u32::try_from(entry).unwrap();
                let end = reach(&mut spaces, document, entry, Space::ALL, &mut Everything).unwrap();
                packets().iter().map(|packet| {
                    [end.accepted, end.dropped, end.undecided].map(|set| spaces.contains(set, packet))
                }).collect::<Vec<_>>()
            });
            prop_assert!(ends[0] == ends[1]);
        }
    }

    #[test]
    fn a_verdict_that_evaluation_is_sure_of_is_in_no_other_set(document in documents(true)) {
        let mut spaces = spaces(shrunk());
        let end = reach(&mut spaces, &document, 0, Space::ALL, &mut Everything).unwrap();
        let dropped = spaces.under(end.dropped).unwrap();
        let may_drop = spaces.over(end.dropped).unwrap();
        let walk = Evaluator::new(&document, 0).unwrap();
        for packet in packets() {
            if let Decision::Verdict(verdict, _) = walk.decide(packet).unwrap() {
                prop_assert_eq!(spaces.contains(dropped, packet), Some(verdict.is_drop()));
                prop_assert_eq!(spaces.contains(may_drop, packet), Some(verdict.is_drop()));
            }
        }
    }
}

// ---- the real table ----

/// Packets that can exist, each with its own values.
fn samples() -> &'static [Headers] {
    static SAMPLES: OnceLock<Vec<Headers>> = OnceLock::new();
    SAMPLES.get_or_init(|| {
        let mut spaces = Spaces::new(Model::real(), &RULE_NODES);
        let mut narrow = vec![Space::ALL];
        for (field, value) in [(Field::Proto, 6), (Field::Proto, 17), (Field::Proto, 1), (Field::Proto, 47)] {
            narrow.push(spaces.of(&Condition::test(field, ValueSet::single(value))).unwrap());
        }
        let whole = spaces.of(&Condition::test(Field::FragOff, ValueSet::single(0))).unwrap();
        let plain = spaces.of(&Condition::test(Field::L4Room, ValueSet::single(31))).unwrap();
        let plain = spaces.intersection(whole, plain).unwrap();
        let mut list = Vec::new();
        for seed in 0..40 {
            for space in &narrow {
                list.extend(spaces.member(*space, Taste::Seed(seed)).unwrap());
                let located = spaces.intersection(*space, plain).unwrap();
                list.extend(spaces.member(located, Taste::Seed(seed)).unwrap());
                list.extend(spaces.witness(located).unwrap());
            }
        }
        list
    })
}

/// Tests of real fields around the values of one packet, so that they hold about as often as not.
fn real_conditions() -> impl Strategy<Value = (Condition, usize)> {
    (0..samples().len()).prop_flat_map(|index| {
        let test = (0..FIELDS.len(), 0..6_u8, any::<u32>()).prop_map(move |(f, how, noise)| {
            let row = &FIELDS[f];
            let value = match samples()[index].get(row.field) {
                Reading::Value(value) => value,
                Reading::Absent | Reading::Cut => u128::from(noise) & row.max,
            };
            let near = |by: u32| value.saturating_add(u128::from(by & 0xf)).min(row.max);
            Condition::test(
                row.field,
                match how {
                    0 => ValueSet::from(IntervalSet::single(value)),
                    1 => ValueSet::from(IntervalSet::range(value.saturating_sub(3), near(noise))),
                    2 => ValueSet::bits(value, u128::from(noise) << (noise & 63)),
                    3 => ValueSet::from(IntervalSet::single(value).complement(row.max)),
                    4 => ValueSet::all(row.field),
                    _ => ValueSet::from(IntervalSet::single(near(noise))),
                },
            )
        });
        (conditions(test.boxed(), false), Just(index))
    })
}

#[test]
fn packets_drawn_from_the_world_keep_its_laws_and_the_table() {
    assert!(samples().len() > 400);
    let mut spaces = Spaces::new(Model::real(), &RULE_NODES);
    let world = spaces.world().unwrap();
    println!("world: {} nodes", spaces.nodes());
    for packet in samples() {
        assert_eq!(spaces.contains(world, packet), Some(true), "{packet:?}");
        keeps_the_table(packet);
    }
}

/// The laws against packets that no part of this stage made: octets of built packets, damaged at random.
#[test]
fn every_packet_that_decodes_whole_keeps_the_laws() {
    let laws = flowgate::symbolic::world::laws();
    let (mut whole, mut built, mut headers) = (0, 0, Headers::new());
    let mut state = 1_u64;
    let mut random = move |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % n
    };
    for sample in samples() {
        let mut plain = sample.clone();
        for row in FIELDS.iter().filter(|row| row.name.starts_with("raw.")) {
            plain.set_absent(row.field);
        }
        let Ok(octets) = build(&plain) else { continue };
        built += 1;
        for damage in 0..40 {
            let mut octets = octets.clone();
            for _ in 0..damage % 4 {
                let at = random(octets.len().min(64));
                octets[at] = u8::try_from(random(256)).unwrap();
            }
            if decode_ip(&octets, &mut headers) != Decoded::Whole {
                continue;
            }
            whole += 1;
            for law in &laws {
                assert_eq!(evaluate(&law.condition, &headers), Truth::Yes, "{}: {headers:?}", law.name);
            }
        }
    }
    println!("{built} of {} built, {whole} whole", samples().len());
    assert!(built * 2 > samples().len() && whole > 3_000);
}

fn keeps_the_table(packet: &Headers) {
    for law in flowgate::symbolic::world::laws() {
        assert_eq!(evaluate(&law.condition, packet), Truth::Yes, "{}: {packet:?}", law.name);
    }
    for row in FIELDS {
        let needed = row.needs.iter().all(|need| {
            let value = packet.small(need.field);
            value.is_some_and(|v| need.values.iter().any(|(lo, hi)| *lo <= v && v <= *hi))
        });
        match packet.get(row.field) {
            Reading::Value(value) => assert!(needed && value <= row.max, "{}: {packet:?}", row.name),
            Reading::Absent => assert!(!needed || row.optional, "{} is missing: {packet:?}", row.name),
            Reading::Cut => panic!("{} is cut: {packet:?}", row.name),
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn over_the_real_table_membership_is_evaluation((c, index) in real_conditions()) {
        let mut spaces = Spaces::new(Model::real(), &RULE_NODES);
        let set = spaces.of(&c).unwrap();
        for packet in samples().iter().skip(index).step_by(7).chain([&samples()[index]]) {
            prop_assert_eq!(spaces.contains(set, packet), Some(evaluate(&c, packet) == Truth::Yes), "{:?}", packet);
        }
        if let Some(packet) = spaces.witness(set).unwrap() {
            prop_assert_eq!(evaluate(&c, &packet), Truth::Yes, "{:?}", packet);
            keeps_the_table(&packet);
        }
    }

    #[test]
    fn a_guess_is_a_packet((c, _) in real_conditions(), family in 0..3_usize) {
        let family = [Family::Any, Family::Inet, Family::Inet6][family];
        // With what another guess left, and without.
        let mut guesser = Guesser::default();
        for _ in 0..2 {
            if let Some(packet) = guesser.guess(family, &[&c]) {
                keeps_the_table(&packet);
            }
        }
    }
}

#[test]
fn the_meter_of_a_question_is_its_own() {
    let mut meter = Meter::with_allowance(&RULE_NODES, 1);
    assert!(meter.charge(2).is_err());
    let mut spaces = Spaces::new(shrunk(), &RULE_NODES);
    for _ in 0..1_000 {
        spaces.next_question();
        assert!(!spaces.world().unwrap().is_empty());
    }
}

proptest! {
    #![proptest_config(cases(2_000))]

    /// What the family of packets decides, and what is the opposite of a test, changes no packet's truth.
    #[test]
    fn other_forms_of_a_condition_hold_for_the_same_packets((c, index) in real_conditions(), negated in any::<bool>()) {
        let condition = if negated { Condition::not(c) } else { c };
        for packet in samples().iter().skip(index).step_by(7).chain([&samples()[index]]) {
            let family = if packet.small(Field::IpVersion) == Some(6) { Family::Inet6 } else { Family::Inet };
            let want = evaluate(&condition, packet);
            for family in [Family::Any, family] {
                let plain = condition.of_packets(family);
                prop_assert_eq!(evaluate(&plain, packet), want, "{:?} {:?}", plain, packet);
                for prefixes in [false, true] {
                    let Some(parts) = plain.alternatives(512, prefixes) else { continue };
                    let any = parts.iter().any(|part| evaluate(part, packet) == Truth::Yes);
                    prop_assert_eq!(any, want == Truth::Yes, "{:?} {:?}", parts, packet);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_list_of_real_conditions_decides_as_the_rule_sets_it_was_made_of(
        document in documents_of(&real_conditions().prop_map(|(condition, _)| condition).boxed()), from in 0..40_usize,
    ) {
        lists_decide_the_same(&document, &samples().iter().skip(from).step_by(3).collect::<Vec<_>>())?;
    }
}
