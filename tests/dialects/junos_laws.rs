//! What holds for every rule and every text: printing and reading again is the same, names never become
//! statements, no text crashes the reader, and the renderings of one policy decide as the policy does.

use crate::packet::Packet;
use flowgate::dialect::{PrintOptions, ReadOptions, Reading, by_name};
use flowgate::eval::{Decision, Evaluator};
use flowgate::field::{Family, Field, Headers};
use flowgate::ir::{
    Action, Condition, Document, Kind, Mark, Origin, Outcome, RejectKind, RuleBuf, RuleSet, ValueSet, Verdict,
};
use flowgate::net::{BitMatch, BitSet, IntervalSet, Prefix4, Prefix6};
use flowgate::source::{Content, Source, SourceId};
use proptest::prelude::*;

fn read(text: &str) -> Reading {
    let source = Source::new("law", Content::Text(text.to_owned()));
    by_name("junos").unwrap().read(&source, SourceId(0), &ReadOptions::default())
}

fn print(document: &Document, form: &str) -> (String, Vec<flowgate::dialect::Lost>) {
    let mut text = String::new();
    let options = PrintOptions { form: Some(form.to_owned()) };
    let lost = by_name("junos").unwrap().print(document, &options, &mut text).unwrap();
    (text, lost)
}

fn numbers(field: Field, max: u32) -> impl Strategy<Value = Condition> {
    prop::collection::vec((0..=max, 0..=max), 0..4).prop_map(move |ends| {
        let ranges = ends.into_iter().map(|(a, b)| (a.min(b), a.max(b)));
        Condition::test(field, IntervalSet::from_ranges(ranges))
    })
}

fn prefixes4(field: Field) -> impl Strategy<Value = Condition> {
    prop::collection::vec((any::<u32>(), 0..=32_u8), 0..4).prop_map(move |list| {
        let range = |(addr, len)| {
            let prefix = Prefix4::new(addr, len).unwrap();
            (prefix.first(), prefix.last())
        };
        Condition::test(field, IntervalSet::from_ranges(list.into_iter().map(range)))
    })
}

fn prefixes6(field: Field) -> impl Strategy<Value = Condition> {
    prop::collection::vec((any::<u128>(), 0..=128_u8), 0..4).prop_map(move |list| {
        let range = |(addr, len)| {
            let prefix = Prefix6::new(addr, len).unwrap();
            (prefix.first(), prefix.last())
        };
        Condition::test(field, ValueSet::from(IntervalSet::from_ranges(list.into_iter().map(range))))
    })
}

/// Flags as the reader keeps them: one pattern is its own prime form.
fn flags() -> impl Strategy<Value = Condition> {
    (0..64_u32, 0..64_u32).prop_map(|(mask, value)| {
        let pattern = BitMatch::new(value.into(), mask.into());
        Condition::test(Field::RawOctet13, ValueSet::from(BitSet::new([pattern])))
    })
}

fn masked() -> impl Strategy<Value = Condition> {
    // A mask with a hole is no prefix.
    (any::<u32>(), any::<u32>()).prop_map(|(addr, mask)| {
        let mask = mask & !0x00ff_0000 | 1;
        let pattern = BitMatch::new(addr.into(), mask.into());
        Condition::test(Field::Src4, ValueSet::from(BitSet::new([pattern])))
    })
}

fn named(keyword: &'static str) -> impl Strategy<Value = Condition> {
    "[a-z]{1,6}".prop_map(move |name| {
        Condition::opaque(
            format!("{keyword} {name}"),
            "known to the device only",
            flowgate::source::Span::default(),
        )
    })
}

/// Conditions of different keywords, in any order.
fn condition(six: bool) -> BoxedStrategy<Condition> {
    let either = prop::collection::vec((0..=0xffff_u32, 0..=0xffff_u32), 1..3).prop_map(|ends| {
        let ranges = ends.into_iter().map(|(a, b)| (a.min(b), a.max(b)));
        let set = IntervalSet::from_ranges(ranges);
        Condition::or([Field::RawPort0, Field::RawPort1].map(|f| Condition::test(f, set.clone())))
    });
    let mut list: Vec<BoxedStrategy<Condition>> = vec![
        numbers(Field::Dscp, 63).boxed(),
        numbers(Field::Ttl, 255).boxed(),
        numbers(Field::Len, 0xffff).boxed(),
        numbers(Field::RawPort0, 0xffff).boxed(),
        numbers(Field::RawPort1, 0xffff).boxed(),
        numbers(Field::RawOctet0, 255).boxed(),
        numbers(Field::RawOctet1, 255).boxed(),
        either.boxed(),
        flags().boxed(),
        named("forwarding-class").boxed(),
        named("loss-priority").prop_map(Condition::not).boxed(),
    ];
    if six {
        list.push(prefixes6(Field::Src6).boxed());
        list.push(prefixes6(Field::Dst6).boxed());
        list.push(numbers(Field::ProtoField, 255).boxed());
        list.push(numbers(Field::Proto, 255).boxed());
        list.push(
            (0..9_u32)
                .prop_map(|bit| Condition::test(Field::ExtHdrs, ValueSet::bits(1 << bit, 1 << bit)))
                .boxed(),
        );
    } else {
        list.push(prop_oneof![prefixes4(Field::Src4), masked()].boxed());
        list.push(prefixes4(Field::Dst4).boxed());
        list.push(numbers(Field::Proto, 255).boxed());
        list.push(numbers(Field::FragOff, 0x1fff).boxed());
        list.push((0..2_u32).prop_map(|v| Condition::test(Field::Df, ValueSet::single(v))).boxed());
        list.push(
            (0..28_u32)
                .prop_map(|bit| Condition::test(Field::IpOptions, ValueSet::bits(1 << bit, 1 << bit)))
                .boxed(),
        );
    }
    let all = list.into_iter().map(prop::option::of).collect::<Vec<_>>();
    all.prop_shuffle_parts().boxed()
}

trait Parts {
    fn prop_shuffle_parts(self) -> BoxedStrategy<Condition>;
}

impl<S: Strategy<Value = Option<Condition>> + 'static> Parts for Vec<S> {
    fn prop_shuffle_parts(self) -> BoxedStrategy<Condition> {
        self.prop_map(|parts| parts.into_iter().flatten().collect::<Vec<_>>())
            .prop_map(|mut parts| {
                // The device takes either port, or one of them, in one term: both are two terms.
                let one = |part: &Condition| {
                    matches!(part, Condition::Test(test) if matches!(test.field(), Field::RawPort0 | Field::RawPort1))
                };
                if parts.iter().any(one) {
                    parts.retain(|part| !matches!(part, Condition::Or(_)));
                }
                parts
            })
            .prop_shuffle()
            .prop_map(Condition::and)
            .boxed()
    }
}

fn actions(six: bool) -> impl Strategy<Value = Vec<Action>> {
    let name = || "[A-Za-z0-9_. -]{1,12}";
    prop::sample::subsequence((0..6_usize).collect::<Vec<_>>(), 0..=6)
        .prop_flat_map(move |kinds| (Just(kinds), name(), name(), 0..64_u8))
        .prop_map(|(kinds, a, b, dscp)| {
            let make = |kind| match kind {
                0 => Action::Count(a.as_str().into()),
                1 => Action::Log,
                2 => Action::Sample,
                3 => Action::Class(b.as_str().into()),
                4 => Action::Mark(Mark::Dscp(dscp)),
                _ => Action::Other("loss-priority high".into()),
            };
            kinds.into_iter().map(make).collect()
        })
        .prop_map(move |list| {
            let _ = six;
            list
        })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Verdict(Verdict::Accept)),
        Just(Outcome::Verdict(Verdict::Discard)),
        Just(Outcome::Verdict(Verdict::Reject(RejectKind::TcpReset))),
        Just(Outcome::Verdict(Verdict::Reject(RejectKind::Unreachable(1)))),
        Just(Outcome::Next { held: None }),
    ]
}

fn rule(name: &str, condition: Condition, actions: Vec<Action>, outcome: Outcome) -> RuleBuf {
    RuleBuf {
        name: name.into(),
        condition,
        actions: actions.into(),
        outcome,
        action_given: true,
        nlri: None,
        origin: Origin::default(),
    }
}

fn filter(six: bool, name: &str, rules: Vec<RuleBuf>) -> RuleSet {
    RuleSet {
        name: format!("{}/{name}", if six { "inet6" } else { "inet" }),
        kind: Kind::Filter,
        family: if six { Family::Inet6 } else { Family::Inet },
        default: Verdict::Discard,
        rules: rules.into(),
    }
}

fn document() -> impl Strategy<Value = Document> {
    let rules = |six| {
        prop::collection::vec((condition(six), actions(six), outcome()), 0..4).prop_map(move |list| {
            let rules = list.into_iter().enumerate();
            let rules = rules.map(|(i, (c, a, o))| rule(&format!("t {i}"), c, a, o)).collect();
            filter(six, "F", rules)
        })
    };
    (rules(false), rules(true))
        .prop_map(|(four, six)| Document { rule_sets: vec![four, six], ..Document::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn printed_rules_read_the_same(document in document()) {
        for form in ["braces", "set"] {
            let (text, lost) = print(&document, form);
            prop_assert!(lost.is_empty(), "{lost:?}\n{text}");
            let again = read(&text);
            prop_assert_eq!(&again.document, &document, "{}", text);
        }
    }

    #[test]
    fn names_never_become_statements(
        name in any::<String>(),
        other in "[ -~\\n]{0,30}",
        counter in "[ -~\\n]{0,30}",
    ) {
        let discard = Outcome::Verdict(Verdict::Discard);
        let count = vec![Action::Count(counter.into()), Action::Other(other.as_str().into())];
        let rules = vec![
            rule(&name, Condition::True, count, discard),
            rule(&other, Condition::True, Vec::new(), discard),
        ];
        let document = Document { rule_sets: vec![filter(false, &name, rules)], ..Document::default() };
        for form in ["braces", "set"] {
            let (text, _) = print(&document, form);
            let again = read(&text);
            let sets = &again.document.rule_sets;
            prop_assert_eq!(sets.len(), 1, "{}", text);
            prop_assert_eq!(sets[0].rules.len(), 2, "{}", text);
            prop_assert!(sets[0].rules.iter().all(|r| r.outcome == discard), "{}", text);
            prop_assert!(again.diagnostics.iter().all(|d| d.check != "syntax-error"), "{}", text);
        }
    }

    #[test]
    fn what_a_line_shares_with_the_one_before_changes_nothing(
        lines in prop::collection::vec(prop::collection::vec(0..LINE_WORDS.len(), 1..7), 1..12),
    ) {
        let line = |words: &Vec<usize>| {
            let words: Vec<&str> = words.iter().map(|word| LINE_WORDS[*word]).collect();
            format!("set firewall family inet filter F term {}", words.join(" "))
        };
        let lines: Vec<String> = lines.iter().map(line).collect();
        let (alone, apart) = (read(&lines.join("\n")), read(&lines.join("\n#\n")));
        prop_assert_eq!(&alone.document, &apart.document);
        let messages = |reading: &Reading| reading.diagnostics.iter().map(|d| d.message.clone()).collect::<Vec<_>>();
        prop_assert_eq!(messages(&alone), messages(&apart));
    }

    #[test]
    fn no_text_crashes_the_reader(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        for text in [words.concat(), words.join(" "), format!("set {}", words.join(" "))] {
            let reading = read(&text);
            for form in ["braces", "set"] {
                print(&reading.document, form);
            }
        }
    }
}

const LINE_WORDS: &[&str] = &[
    "t",
    "u",
    "from",
    "then",
    "accept",
    "discard",
    "protocol",
    "tcp",
    "tcp;",
    "[",
    "]",
    "udp # x",
    "destination-port",
    "80",
    "\"8 0\"",
    "/* set */",
    "source-address",
    "10.0.0.0/8",
    "except",
    "\nset firewall family inet filter F term",
    "\ndelete firewall family inet filter F term",
    "\nedit firewall",
    "\ntop",
    "\n{master:0}\n",
];

const WORDS: &[&str] = &[
    "firewall",
    "family",
    "inet",
    "inet6",
    "filter",
    "F",
    "term",
    "t",
    "from",
    "then",
    "{",
    "{",
    "{",
    "}",
    "}",
    ";",
    ";",
    "[",
    "]",
    "\"",
    "/*",
    "*/",
    "#",
    "\n",
    "\nset ",
    "\ndelete ",
    "\ninsert ",
    "before",
    "after",
    "\ndeactivate ",
    "\nrename ",
    "to",
    "\nedit ",
    "\ntop",
    "inactive:",
    "replace:",
    "delete:",
    "protocol",
    "tcp",
    "destination-port",
    "80",
    "1-0",
    "99999999999999999999",
    "tcp-flags",
    "\"syn & (\"",
    "!",
    "source-address",
    "10.0.0.0/8",
    "10.0.0.1/255.0.0.255",
    "except",
    "2001:db8::/32",
    "source-prefix-list",
    "P",
    "groups",
    "G",
    "apply-groups",
    "<*>",
    "policy-options",
    "prefix-list",
    "apply-path",
    "\"<*> <*>\"",
    "routing-options",
    "flow",
    "route",
    "r",
    "match",
    "destination",
    "fragment",
    "not-a-fragment",
    "discard",
    "accept",
    "next",
    "ip-options",
    "any",
    "interface",
    "ge-0/0/0.*",
    "rib",
    "inet6.0",
    "ä",
    "\\",
    "-",
    "interfaces",
    "input",
];

#[test]
fn hostile_texts_end_in_findings() {
    let deep = "a {".repeat(100_000);
    assert!(!read(&deep).diagnostics.is_empty());
    let path = format!("set firewall {}", "a ".repeat(200_000));
    read(&path);
    let looped = "firewall { filter A { term t { filter B; } } filter B { term t { filter A; } } }";
    assert_eq!(read(looped).document.rule_count(), 2);
    let many = |count: u32, one: &dyn Fn(u32) -> String| (0..count).map(one).collect::<Vec<_>>().concat();
    let groups = many(200, &|i| format!("g{i} {{ <*> {{ <*> {{ x{i} y; }} }} }}"));
    let places = many(300, &|i| format!("p{i} {{ q {{ r; }} }}"));
    let names = many(200, &|i| format!("g{i} "));
    read(&format!("groups {{ {groups} }} apply-groups [ {names} ]; {places}"));
    let same = "firewall { filter F { term t { from { protocol x; } } } }".repeat(20_000);
    assert!(read(&same).diagnostics.len() < 100);
    let wrong = many(20_000, &|i| format!("}}\nx{i}; ;"));
    assert!(read(&wrong).diagnostics.len() <= 10_001);
}

/// The renderings of aerleon for Junos decide every packet as the policy does, but for the two cases whose
/// rendering is known to have lost its condition.
#[test]
fn renderings_of_a_policy_decide_as_the_policy() {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(std::path::PathBuf::from);
    let Some(folder) = root.map(|root| root.join("crossdialect")).filter(|path| path.is_dir()) else {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `crossdialect`");
        return;
    };
    let (mut packets, mut renderings) = (0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let case = entry.unwrap().path();
        let Ok(lines) = std::fs::read_to_string(case.join("packets.jsonl")) else { continue };
        let number = case.file_name().unwrap().to_string_lossy().into_owned();
        for file in ["juniper.jcl", "juniperevo.evojcl", "srxlo.jsl"] {
            let Ok(text) = std::fs::read_to_string(case.join(file)) else { continue };
            let reading = read(&text);
            let errors = reading.diagnostics.iter().filter(|d| d.level > flowgate::diagnostic::Level::Note);
            assert_eq!(errors.count(), 0, "{number}/{file}: {:?}", reading.diagnostics);
            renderings += 1;
            let mut differ = 0;
            for line in lines.lines() {
                let json: serde_json::Value = serde_json::from_str(line).unwrap();
                let Some(accepts) = decide(&reading.document, &json) else { continue };
                packets += 1;
                differ += usize::from(accepts != (json["verdict"] == "accept"));
            }
            let broken = number.starts_with("22_") || number.starts_with("23_");
            assert_eq!(differ > 0, broken, "{number}/{file}: {differ} packets differ");
        }
    }
    println!("{renderings} renderings, {packets} packets");
    assert!(renderings > 40 && packets > 4_000, "{renderings} {packets}");
}

/// Whether the filter of the packet's family accepts it; none where there is none.
fn decide(document: &Document, json: &serde_json::Value) -> Option<bool> {
    let number = |key: &str| u32::try_from(json[key].as_u64().unwrap()).unwrap();
    let six = number("v") == 6;
    let addr = |key: &str| match json[key].as_str().unwrap().parse().unwrap() {
        std::net::IpAddr::V4(addr) => u128::from(u32::from(addr)),
        std::net::IpAddr::V6(addr) => u128::from(addr),
    };
    let mut packet = Packet::new(six);
    packet.src = addr("src");
    packet.dst = addr("dst");
    packet.proto = Some(u8::try_from(number("proto")).unwrap());
    packet.offset = u16::try_from(number("frag_off")).unwrap();
    packet.more = json["mf"].as_bool().unwrap();
    packet.header = six && (packet.offset > 0 || packet.more);
    let mut headers = packet.headers();
    let later = packet.is_later();
    headers.set(Field::Ttl, 64);
    headers.set(Field::ProtoField, if packet.header { 44 } else { number("proto") });
    if !later {
        raw(&mut headers, number("proto"), &number);
    }
    let family = if six { Family::Inet6 } else { Family::Inet };
    let set = document.rule_sets.iter().position(|set| set.family == family)?;
    match Evaluator::new(document, set).unwrap().decide(&headers).unwrap() {
        Decision::Verdict(verdict, _) => Some(verdict == Verdict::Accept),
        Decision::Unknown(hit) => panic!("unknown at {hit:?}"),
    }
}

/// The octets behind the IP header. The policy says nothing of those of a later fragment: it has none here.
fn raw(headers: &mut Headers, proto: u32, number: &dyn Fn(&str) -> u32) {
    match proto {
        1 | 58 => {
            headers.set(Field::RawOctet0, number("itype"));
            headers.set(Field::RawOctet1, number("icode"));
            headers.set(Field::RawPort0, number("itype") << 8 | number("icode"));
        }
        6 | 17 => {
            headers.set(Field::RawPort0, number("sport"));
            headers.set(Field::RawPort1, number("dport"));
            headers.set(Field::RawOctet0, number("sport") >> 8);
            headers.set(Field::RawOctet1, number("sport") & 0xff);
            if proto == 6 {
                headers.set(Field::RawOctet13, number("flags"));
            }
        }
        _ => {}
    }
}
