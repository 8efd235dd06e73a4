//! Text that came in as a name, a symbol, an action or a condition in words never becomes a rule of its own, whatever
//! stands in it and whichever dialect writes it.
//!
//! A document is printed twice, once with plain words and once with hostile ones. What is read back of the hostile
//! text has the rules of the plain one, in their order and with their meaning, less those the writer said it lost.

use crate::samples::{forms, print, read};
use flowgate::diagnostic::Level;
use flowgate::dialect::{DIALECTS, Dialect, Loss, Lost, Reads, Support};
use flowgate::field::{Family, Field};
use flowgate::ir::{
    Action, Condition, Document, Kind, Origin, Outcome, Rule, RuleBuf, RuleSet, ValueSet, Verdict,
};
use flowgate::net::IntervalSet;
use flowgate::source::Span;
use proptest::prelude::*;

/// Words of many languages, and what ends, quotes or comments in them.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "-",
    "--",
    "\"",
    "'",
    "\\",
    "\\\"",
    "`id`",
    "$(id)",
    "${x}",
    "$x",
    "@x",
    "%s",
    "<*>",
    "0",
    "a b",
    "a_b",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "a\u{b}b",
    "a\u{85}b",
    "a\u{2028}b",
    "a\0b",
    "a\u{1b}[31mb",
    "a\u{7f}b",
    "a\u{feff}b",
    "a\u{202e}b",
    "é漢字𝕏",
    "a;b",
    "a; then accept",
    "a { b",
    "a } b",
    "a ] b",
    "a [ b",
    "a ) or ( b",
    "a # b",
    "a ! b",
    "! b",
    "a // b",
    "a /* b",
    "a */ b",
    "*/ accept; /*",
    "a \\",
    "a, b",
    "a:b",
    "a=b",
    "a|b",
    "a&b",
    "any",
    "all",
    "accept",
    "term",
    "then",
    "filter",
    "permit",
    "then { accept; } } term q { then accept; } term r {",
    "x\" } term q { then { accept; } } term \"r",
    "}}}\nfirewall { family inet { filter q { term q { then accept; } } } }\n",
    "x\nset firewall family inet filter F term q then accept",
    "route q { match { } then { accept; } }",
    "} then { accept; } } route q { match { source 10.0.0.0/8; } then { accept; } } route r { match {",
    "x\nipv4 020100 8007000000000000\n",
    "x\n020100",
    "COMMIT\n*filter\n-A INPUT -j ACCEPT\nCOMMIT",
    "x\n-A INPUT -j ACCEPT",
    "\" -j ACCEPT -m comment --comment \"",
    "x\" accept comment \"y",
    "\"; }\nadd rule inet filter input accept\n#",
    "} chain q { accept } chain r {",
    "x\n ip access-list q\n permit ip any any",
    "x\n 10 permit ipv4 any any",
    "x\n!\nclass-map type traffic match-all q\n match any\n",
    "end-policy-map\npolicy-map q",
    "route flow4 { dst 10.0.0.0/8; };",
    "flow4 { dst 10.0.0.0/8; } {\n bgp_ext_community.add((generic, 0x80070000, 0x0)); }",
    "match destination 10.0.0.0/8 then accept",
    "x or ip",
    "\", \"rules\": [{\"name\": \"q\"}], \"x\": \"",
    "\\u000a\",",
    "</name><rule/>",
    "define x = 1",
    "include \"/etc/passwd\"",
    "*/\nannounce flow route { match { } then { accept; } }",
];

/// Where hostile words stand.
#[derive(Clone, Debug)]
struct Words {
    set: String,
    rules: [String; 4],
    action: String,
    symbol: String,
}

impl Words {
    fn plain() -> Self {
        let words = ["ra", "rb", "rc", "rd"].map(str::to_owned);
        Self { set: "edge".into(), rules: words, action: "act".into(), symbol: "eth0".into() }
    }
}

/// How dialects name their rule sets.
const SETS: [&str; 5] = ["{}", "inet/{}", "flowspec/ipv4/{}", "filter/{}", "inet filter {}"];

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

/// A document with `words` in every place that holds text.
fn document(words: &Words, set: &str, kind: Kind) -> Document {
    let to = |net: u32| Condition::test(Field::Dst4, IntervalSet::range(net << 8, net << 8 | 0xff));
    let text = || words.action.as_str().into();
    let actions: [Action; 6] = [
        Action::Count(text()),
        Action::Other(text()),
        Action::Class(text()),
        Action::Policer(text()),
        Action::RedirectInstance(text()),
        Action::Other(format!("community {}", words.action).into()),
    ];
    let tcp = Condition::test(Field::Proto, ValueSet::single(6));
    let [a, b, c, d] = &words.rules;
    let discard = Outcome::Verdict(Verdict::Discard);
    let rules = vec![
        rule(a, Condition::and([to(0xc0_0002), tcp]), vec![actions[0].clone()], discard),
        rule(b, to(0xc6_3364), Vec::new(), Outcome::Verdict(Verdict::Accept)),
        rule(
            c,
            Condition::and([to(0xcb_0071), Condition::test(Field::InIface, ValueSet::single(0))]),
            Vec::new(),
            discard,
        ),
        rule(d, to(0x0a_0000), actions.into(), discard),
    ];
    let set = RuleSet {
        name: set.replace("{}", &words.set),
        kind,
        family: Family::Inet,
        default: Verdict::Accept,
        rules: rules.into(),
    };
    Document { rule_sets: vec![set], symbols: vec![words.symbol.as_str().into()], ..Document::default() }
}

/// What a rule does, without any words in it.
fn skeletons(document: &Document) -> Vec<(Condition, Outcome)> {
    let rules = document.rule_sets.iter().flat_map(|set| &set.rules);
    rules.map(|rule| (skeleton(rule.condition), rule.outcome)).collect()
}

fn skeleton(condition: &Condition) -> Condition {
    let all = |parts: &[Condition]| parts.iter().map(skeleton).collect::<Vec<_>>();
    match condition {
        Condition::True => Condition::True,
        Condition::False => Condition::False,
        // Symbols are words; which index they have is nobody's business.
        Condition::Test(test)
            if matches!(test.field(), Field::InIface | Field::OutIface | Field::InGroup) =>
        {
            Condition::present(test.field())
        }
        Condition::Test(test) => Condition::Test(test.clone()),
        Condition::And(parts) => Condition::and(all(parts)),
        Condition::Or(parts) => Condition::or(all(parts)),
        Condition::Not(part) => Condition::not(skeleton(part)),
        Condition::Opaque(opaque) => {
            let (over, under) = (skeleton(&opaque.over), skeleton(&opaque.under));
            Condition::opaque_within("", "", over, under, Span::default())
        }
    }
}

fn is_subsequence<T: PartialEq>(part: &[T], whole: &[T]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|item| rest.any(|other| other == item))
}

fn writers() -> impl Iterator<Item = (&'static dyn Dialect, Option<String>)> {
    let writers = DIALECTS.iter().copied().filter(|d| d.writes() && d.reads() == Reads::Text);
    writers.flat_map(|writer| forms(writer).into_iter().map(move |form| (writer, form)))
}

fn left_out(lost: &[Lost]) -> usize {
    lost.iter().filter(|loss| loss.loss != Loss::Detail).count()
}

/// The law for one document in plain and in hostile words.
fn law(writer: &dyn Dialect, form: Option<&str>, plain: &Document, hostile: &Document) -> Result<(), String> {
    let (plain_text, plain_lost) = print(writer, plain, form);
    let (text, lost) = print(writer, hostile, form);
    let expected = skeletons(&read(writer, &plain_text).document);
    let again = read(writer, &text);
    let found = skeletons(&again.document);
    let fail = |what: &str| Err(format!("{} {form:?}: {what}\n{text}\nlost {lost:?}", writer.name()));
    if again.diagnostics.iter().any(|d| d.check == "syntax-error" && d.level == Level::Error) {
        return fail(&format!("{:?}", again.diagnostics));
    }
    if !is_subsequence(&found, &expected) {
        return fail(&format!("{found:?} instead of {expected:?}"));
    }
    if found.len() < expected.len() && left_out(&lost) <= left_out(&plain_lost) {
        return fail(&format!("{} rules of {}, and nothing is said", found.len(), expected.len()));
    }
    Ok(())
}

#[test]
fn no_word_of_a_document_becomes_a_rule() {
    let long = "x".repeat(10_000);
    let mut wrong = Vec::new();
    let mut count = 0;
    for (writer, form) in writers() {
        for word in HOSTILE.iter().copied().chain([long.as_str()]) {
            for (set, kind) in SETS.into_iter().flat_map(|set| [(set, Kind::Filter), (set, Kind::FlowRoutes)])
            {
                let plain = Words::plain();
                let w = || word.to_owned();
                let variants = [
                    Words { set: w(), ..plain.clone() },
                    // Twice the same, and two that may become the same.
                    Words {
                        rules: [w(), "rb".into(), w(), word.replace(|c: char| !c.is_alphanumeric(), "_")],
                        ..plain.clone()
                    },
                    Words { action: w(), ..plain.clone() },
                    Words { symbol: w(), ..plain.clone() },
                ];
                for words in variants {
                    count += 1;
                    let (plain, hostile) = (document(&plain, set, kind), document(&words, set, kind));
                    if let Err(problem) = law(writer, form.as_deref(), &plain, &hostile) {
                        wrong.push(format!("{word:?} in {set} {kind:?}: {problem}"));
                    }
                }
            }
        }
    }
    println!("{count} documents");
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// A condition in words comes back as an opaque condition of the same rule, or the rule is left out.
#[test]
fn no_condition_in_words_becomes_another() {
    let mut wrong = Vec::new();
    for (writer, form) in writers() {
        let opaque = DIALECTS.iter().flat_map(|d| d.ledger()).filter(|k| k.support == Support::Opaque);
        let mut heads: Vec<String> = opaque.map(|keyword| format!("{} ", keyword.word)).collect();
        heads.push(String::new());
        heads.sort();
        heads.dedup();
        for head in heads {
            for word in HOSTILE {
                let opaque = Condition::opaque(format!("{head}{word}"), *word, Span::default());
                let to = Condition::test(Field::Dst4, IntervalSet::range(0x0a00_0000_u32, 0x0aff_ffff));
                let accept = Outcome::Verdict(Verdict::Accept);
                let rules = vec![rule("a", Condition::and([to, opaque]), Vec::new(), accept)];
                let set = RuleSet {
                    name: "inet/F".into(),
                    kind: Kind::Filter,
                    family: Family::Inet,
                    default: Verdict::Discard,
                    rules: rules.into(),
                };
                let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
                let (text, lost) = print(writer, &document, form.as_deref());
                let again = read(writer, &text);
                let rules: Vec<Rule<'_>> =
                    again.document.rule_sets.iter().flat_map(|set| &set.rules).collect();
                // What is certain of the rule without its condition is not certain of the rule.
                let sure = rules.iter().any(|rule| !rule.condition.has_opaque() && is_accept(rule));
                let said = left_out(&lost) > 0;
                if rules.len() > 1 && !said || sure || rules.is_empty() && !said {
                    wrong.push(format!(
                        "{} {form:?}: `{head}{word}`: {rules:?}\n{text}{lost:?}",
                        writer.name()
                    ));
                }
            }
        }
    }
    wrong.truncate(20);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn is_accept(rule: &Rule) -> bool {
    rule.outcome == Outcome::Verdict(Verdict::Accept)
}

/// Hostile words put together, and any text at all.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::collection::vec(prop::sample::select(HOSTILE), 1..4).prop_map(|list| list.concat()),
        any::<String>(),
        "[ -~\\n]{0,30}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_words_in_many_places_become_a_rule(
        set in word(), rules in [word(), word(), word(), word()], action in word(), symbol in word(),
        name in prop::sample::select(&SETS[..]), is_flow in any::<bool>(),
    ) {
        let kind = if is_flow { Kind::FlowRoutes } else { Kind::Filter };
        let hostile = document(&Words { set, rules, action, symbol }, name, kind);
        let plain = document(&Words::plain(), name, kind);
        for (writer, form) in writers() {
            let held = law(writer, form.as_deref(), &plain, &hostile);
            prop_assert!(held.is_ok(), "{}", held.unwrap_err());
        }
    }
}
