//! ir-json holds every document: made at random, read from the samples, read from the corpora.

use crate::samples::{difference, print, read};
use flowgate::dialect::{DIALECTS, Dialect, ReadOptions, Reads, by_name};
use flowgate::field::{FIELDS, Family, Field};
use flowgate::ir::{
    Action, Condition, Document, Kind, Mark, Origin, Outcome, Rate, RateUnit, RejectKind, RouteTarget,
    RuleBuf, RuleSet, Test, ValueSet, Verdict,
};
use flowgate::net::{BitMatch, BitSet, IntervalSet};
use flowgate::source::{Content, Source, SourceId, Span};
use proptest::prelude::*;

fn ir_json() -> &'static dyn Dialect {
    by_name("ir-json").expect("the dialect is registered")
}

/// The law: nothing is lost, nothing is found, and what is read back is the same.
fn law(document: &Document, form: Option<&str>) -> Result<usize, String> {
    let (text, lost) = print(ir_json(), document, form);
    let again = read(ir_json(), &text);
    if !lost.is_empty() {
        return Err(format!("{lost:?}"));
    }
    if again.document != *document {
        return Err(format!("{}\n{:?}\n{text}", difference(document, &again.document), again.diagnostics));
    }
    if let Some(broken) =
        again.diagnostics.iter().find(|d| d.check == "syntax-error" || d.check == "unsupported-keyword")
    {
        return Err(format!("{broken:?}\n{text}"));
    }
    Ok(text.len())
}

fn numbers() -> impl Strategy<Value = u32> {
    prop_oneof![0..300_u32, any::<u32>(), Just(u32::MAX), Just(0xffff)]
}

fn wide() -> impl Strategy<Value = u128> {
    prop_oneof![any::<u128>(), (0..300_u128), Just(u128::MAX), (0..1_u128 << 48)]
}

fn values() -> impl Strategy<Value = ValueSet> {
    let prefix = |(value, length): (u32, u32)| {
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        (value & !rest, value | rest)
    };
    let prefix6 = |(value, length): (u128, u32)| {
        let rest = u128::MAX.checked_shr(length).unwrap_or(0);
        (value & !rest, value | rest)
    };
    prop_oneof![
        prop::collection::vec((numbers(), numbers()), 0..4).prop_map(|l| IntervalSet::from_ranges(l).into()),
        prop::collection::vec((any::<u32>(), 0..=32_u32).prop_map(prefix), 0..3)
            .prop_map(|l| IntervalSet::from_ranges(l).into()),
        prop::collection::vec((wide(), wide()), 0..4).prop_map(|l| IntervalSet::from_ranges(l).into()),
        prop::collection::vec((any::<u128>(), 0..=128_u32).prop_map(prefix6), 0..3)
            .prop_map(|l| IntervalSet::from_ranges(l).into()),
        prop::collection::vec((wide(), wide()), 0..3)
            .prop_map(|l| BitSet::new(l.into_iter().map(|(v, m)| BitMatch::new(v, m))).into()),
    ]
}

fn field() -> impl Strategy<Value = Field> {
    (0..FIELDS.len()).prop_map(|index| FIELDS[index].field)
}

fn condition() -> impl Strategy<Value = Condition> {
    let leaf = prop_oneof![
        Just(Condition::True),
        Just(Condition::False),
        (field(), values()).prop_map(|(f, v)| Condition::Test(Test::new(f, v, Span::default()))),
        (0..9_u32).prop_map(|s| Condition::test(Field::InIface, ValueSet::single(s))),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            // Also the trees that the constructors would simplify.
            prop::collection::vec(inner.clone(), 0..4).prop_map(|l| Condition::And(l.into())),
            prop::collection::vec(inner.clone(), 0..4).prop_map(|l| Condition::Or(l.into())),
            inner.clone().prop_map(|c| Condition::Not(Box::new(c))),
            (any::<String>(), any::<String>(), inner.clone(), inner).prop_map(|(id, why, over, under)| {
                Condition::opaque_within(id, why, over, under, Span::default())
            }),
        ]
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Accept),
        Just(Verdict::Discard),
        Just(Verdict::NoDecision),
        Just(Verdict::Reject(RejectKind::TcpReset)),
        any::<u8>().prop_map(|code| Verdict::Reject(RejectKind::Unreachable(code))),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        verdict().prop_map(Outcome::Verdict),
        prop::option::of(verdict()).prop_map(|held| Outcome::Next { held }),
        (0..4_u32).prop_map(Outcome::Call),
        (0..4_u32).prop_map(Outcome::Goto),
        (0..9_u32).prop_map(Outcome::Stage),
        Just(Outcome::Return),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let name = || any::<String>().prop_map(Box::<str>::from);
    let amount = prop_oneof![
        any::<f64>().prop_filter("never NaN", |a| !a.is_nan()),
        (0..u32::MAX).prop_map(f64::from)
    ];
    let unit = prop_oneof![Just(RateUnit::OctetsPerSecond), Just(RateUnit::PacketsPerSecond)];
    prop_oneof![
        name().prop_map(Action::Count),
        name().prop_map(Action::Policer),
        name().prop_map(Action::RedirectInstance),
        name().prop_map(Action::Class),
        name().prop_map(Action::Other),
        Just(Action::Log),
        Just(Action::Sample),
        any::<u8>().prop_map(|d| Action::Mark(Mark::Dscp(d))),
        any::<u8>().prop_map(|d| Action::Mark(Mark::TrafficClass(d))),
        (amount, unit, any::<Option<u64>>()).prop_map(|(amount, unit, burst)| Action::RateLimit(Rate {
            amount,
            unit,
            burst
        })),
        (any::<u16>(), any::<u32>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::As2(a, n))),
        (any::<u32>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::As4(a, n))),
        (any::<u32>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::Ip4(a, n))),
        (any::<u128>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::Ip6(a, n))),
        (any::<Option<std::net::IpAddr>>(), any::<bool>())
            .prop_map(|(addr, copy)| Action::RedirectIp { addr, copy }),
        (any::<u32>(), any::<u16>(), any::<[bool; 3]>()).prop_map(
            |(asn, group, [inbound, outbound, transitive])| {
                Action::InterfaceSet { asn, group, inbound, outbound, transitive }
            }
        ),
    ]
}

fn rule() -> impl Strategy<Value = RuleBuf> {
    let nlri = prop::option::of(prop::collection::vec(any::<u8>(), 0..9));
    let actions = prop::collection::vec(action(), 0..3);
    (any::<String>(), condition(), actions, outcome(), any::<bool>(), nlri).prop_map(
        |(name, condition, actions, outcome, action_given, nlri)| RuleBuf {
            name: name.into(),
            condition,
            actions: actions.into(),
            outcome,
            action_given,
            nlri: nlri.map(Into::into),
            origin: Origin::default(),
        },
    )
}

fn rule_set() -> impl Strategy<Value = RuleSet> {
    let kind = prop::sample::select(&[Kind::Filter, Kind::FlowRoutes, Kind::Chain, Kind::Hook][..]);
    let family = prop::sample::select(&[Family::Any, Family::Inet, Family::Inet6][..]);
    let name = prop_oneof![any::<String>(), Just("same".to_owned())];
    (name, kind, family, verdict(), prop::collection::vec(rule(), 0..4)).prop_map(
        |(name, kind, family, default, rules)| RuleSet { name, kind, family, default, rules: rules.into() },
    )
}

fn document() -> impl Strategy<Value = Document> {
    let symbols = prop::collection::vec(prop_oneof![any::<String>(), "[ab]".prop_map(String::from)], 0..6);
    (prop::collection::vec(rule_set(), 0..4), symbols).prop_map(|(rule_sets, symbols)| Document {
        rule_sets,
        symbols: symbols.into_iter().map(Into::into).collect(),
        ..Document::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_document_is_read_as_it_was_written(document in document()) {
        for form in [None, Some("origins")] {
            let held = law(&document, form);
            prop_assert!(held.is_ok(), "{}", held.unwrap_err());
        }
    }
}

/// Every file of the corpora through the dialect of its folder.
#[test]
fn every_file_of_the_corpora_is_held() {
    let Some(root) = std::env::var_os("FLOWGATE_CORPORA").map(std::path::PathBuf::from) else {
        println!("SKIPPED: FLOWGATE_CORPORA names no folder");
        return;
    };
    let mut wrong = Vec::new();
    for dialect in DIALECTS.iter().filter(|d| d.reads() == Reads::Text) {
        let folder = root.join(dialect.name().replace('-', "_"));
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        let (mut files, mut rules, mut octets) = (0, 0, 0);
        for path in entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()) {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            let source = Source::new("file", Content::Text(text));
            let mut document = dialect.read(&source, SourceId(0), &ReadOptions::default()).document;
            // They have no form there, which is said.
            document.patterns.clear();
            files += 1;
            rules += document.rule_count();
            match law(&document, None) {
                Ok(length) => octets += length,
                Err(problem) => wrong.push(format!("{}: {problem}", path.display())),
            }
        }
        println!("{:16} {files:5} files, {rules:6} rules, {octets:9} octets of JSON", dialect.name());
    }
    wrong.truncate(5);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_example_of_the_page_is_read_without_a_finding() {
    let page = include_str!("../../docs/dialects/ir-json.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let reading = read(ir_json(), example);
    assert_eq!(reading.diagnostics, []);
    assert_eq!(reading.document.rule_count(), 3);
}

#[test]
fn nesting_ends_in_a_finding_and_not_in_a_crash() {
    // As little stack as a thread of a reader has.
    let read_deep = || {
        for (open, close) in [("{\"not\": ", "}"), ("{\"all\": [", "]}")] {
            for depth in [500, 600, 100_000] {
                let condition = format!("{}true{}", open.repeat(depth), close.repeat(depth));
                let head = "{\"flowgate\": \"ir\", \"version\": 1, \"rule_sets\": [{\"default\": \"accept\", \"rules\": [{\"if\": ";
                let reading = read(ir_json(), &format!("{head}{condition}, \"then\": \"accept\"}}]}}]}}"));
                assert_eq!(reading.diagnostics.is_empty(), depth == 500, "{depth} {:?}", reading.diagnostics);
            }
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(read_deep).unwrap().join().unwrap();
}
