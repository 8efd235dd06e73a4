//! What rules change and rules ask: a mark, a set, what is left of a limit. A rule behind a change is no rule before it.

use flowgate::check::{Context, Input, Settings};
use flowgate::dialect::{self, ReadOptions};
use flowgate::eval::holds;
use flowgate::ir::{Condition, Document};
use flowgate::source::{Content, Source, SourceId, SourceMap};
use flowgate::symbolic::delta;

const DEAD: &[&str] = &["duplicate-rule", "shadowed-rule", "redundant-rule", "default-unreachable"];

fn chain(rules: &str) -> String {
    let set = "set d { type ipv4_addr\n size 9\n flags dynamic\n }";
    format!(
        "table ip a {{\n{set}\nchain b {{\ntype filter hook input priority 0; policy accept;\n{rules}\n}}\n}}\n"
    )
}

fn list(table: &str, rules: &str) -> String {
    format!("*{table}\n:INPUT ACCEPT [0:0]\n{rules}\nCOMMIT\n")
}

#[test]
fn no_rule_is_dead_by_what_was_asked_before_a_change() {
    let calls = "table ip a {\nchain d {\nnumgen inc mod 2 0 drop\n}\nchain b {\n\
        type filter hook input priority 0; policy accept;\njump d\njump d\n}\n}\n";
    let tables = "table ip a {\nchain b {\ntype filter hook input priority 0;\nlimit rate over 1/second drop\n}\n}\n\
        table ip c {\nchain b {\ntype filter hook input priority 10;\nlimit rate over 1/second drop\n}\n}\n";
    let cases = [
        ("nftables", chain("meta mark 5 drop\ntcp dport 22 meta mark set 5\nmeta mark 5 drop")),
        ("nftables", chain("ip ttl 5 drop\nip ttl set 5\nip ttl 5 drop")),
        ("nftables", chain("ip saddr @d drop\nadd @d { ip saddr }\nip saddr @d drop")),
        ("nftables", chain("ip saddr @d drop\nadd @d { ip saddr }\nip saddr != @d drop")),
        ("nftables", chain("limit rate 5/second accept\nlimit rate 5/second accept\ndrop")),
        ("nftables", calls.to_owned()),
        ("nftables", tables.to_owned()),
        (
            "iptables",
            list(
                "mangle",
                "-A INPUT -m mark --mark 5 -j DROP\n-A INPUT -j MARK --set-mark 5\n-A INPUT -m mark --mark 5 -j DROP",
            ),
        ),
        (
            "iptables",
            list(
                "mangle",
                "-A INPUT -m connmark --mark 5 -j DROP\n-A INPUT -j CONNMARK --set-mark 5\n-A INPUT -m connmark --mark 5 -j DROP",
            ),
        ),
        (
            "iptables",
            format!(
                "create s hash:ip\n{}",
                list(
                    "filter",
                    "-A INPUT -m set --match-set s src -j DROP\n-A INPUT -j SET --add-set s src\n-A INPUT -m set --match-set s src -j DROP"
                )
            ),
        ),
    ];
    for (dialect, text) in cases {
        let mut sources = SourceMap::new();
        let source = sources.add(Source::new("rules", Content::Text(text.clone())));
        let dialect = dialect::by_name(dialect).unwrap();
        let reading = dialect.read(sources.get(source), source, &ReadOptions::default());
        assert_eq!(reading.diagnostics.iter().filter(|d| d.check == "syntax-error").count(), 0, "{text}");
        let inputs = [Input { source, dialect: dialect.name(), reading }];
        let settings = Settings::default();
        let findings = flowgate::check::run(&Context::new(&sources, &inputs, &settings));
        let dead: Vec<_> = findings.diagnostics.iter().filter(|found| DEAD.contains(&found.check)).collect();
        assert!(dead.is_empty(), "{text}\n{dead:?}");
    }
}

fn read(dialect: &str, text: &str) -> Document {
    let source = Source::new("rules", Content::Text(text.to_owned()));
    let reading = dialect::by_name(dialect).unwrap().read(&source, SourceId(0), &ReadOptions::default());
    assert_eq!(reading.diagnostics.iter().filter(|d| d.check == "syntax-error").count(), 0, "{text}");
    reading.document.flattened(|_, _| false).into_owned()
}

/// Whether two texts are said to decide alike; their rule sets stand in one order.
fn equal(dialect: &str, old: &str, new: &str) -> bool {
    let (old, new) = (read(dialect, old), read(dialect, new));
    assert_eq!(old.entries().len(), new.entries().len());
    old.entries()
        .into_iter()
        .zip(new.entries())
        .all(|(a, b)| delta(&old.rule_sets[a], &new.rule_sets[b], holds).unwrap().changes.is_empty())
}

#[test]
fn a_change_of_what_rules_change_may_change_what_they_decide() {
    let mark = |words: &str| list("mangle", &format!("-A INPUT {words}\n-A INPUT -m mark --mark 5 -j DROP"));
    let cases = [
        ("nftables", chain("meta mark 5 drop\nmeta mark set 5"), chain("meta mark set 5\nmeta mark 5 drop")),
        ("nftables", chain("meta mark set 5\nmeta mark 5 drop"), chain("meta mark set 6\nmeta mark 5 drop")),
        ("nftables", chain("ip saddr @d drop"), chain("add @d { ip saddr }\nip saddr @d drop")),
        ("nftables", chain("limit rate 5/second accept\ndrop"), chain("limit rate 50/second accept\ndrop")),
        ("nftables", chain("quota 100 mbytes accept\ndrop"), chain("quota over 100 mbytes accept\ndrop")),
        ("nftables", chain("ct count 5 accept\ndrop"), chain("ct count over 5 accept\ndrop")),
        ("iptables", mark("-j MARK --set-mark 5"), mark("-j MARK --set-mark 6")),
        (
            "iptables",
            list("mangle", "-A INPUT -m mark --mark 5 -j DROP\n-A INPUT -j MARK --set-mark 5"),
            list("mangle", "-A INPUT -j MARK --set-mark 5\n-A INPUT -m mark --mark 5 -j DROP"),
        ),
    ];
    for (dialect, old, new) in &cases {
        assert!(equal(dialect, old, old), "{old}");
        assert!(!equal(dialect, old, new), "{old}{new}");
    }
}

#[test]
fn what_is_asked_is_the_same_where_nothing_before_it_changes_anything_else() {
    let limit = "tcp dport 22 limit rate 5/second accept\ntcp dport 22 drop";
    let mark = "iifname \"a\" meta mark set 5\nmeta mark 5 tcp dport 22 accept\ndrop";
    let cases = [
        (chain(limit), chain(&format!("udp dport 53 accept\n{limit}"))),
        (chain(limit), chain(&limit.replace("5/second", "5/second burst 5 packets"))),
        (chain(mark), chain(&mark.replace("\ndrop", "\nmeta mark 5 tcp dport 22 drop\ndrop"))),
    ];
    for (old, new) in &cases {
        assert!(equal("nftables", old, new), "{old}{new}");
    }
    let twice = read("nftables", &chain("meta mark set 5\nmeta mark 5 drop\nmeta mark 5 drop"));
    let conditions = twice.rule_sets[twice.entries()[0]].rules.conditions().to_vec();
    let asked: Vec<&Condition> =
        conditions.iter().filter(|condition| **condition != Condition::True).collect();
    assert!(matches!(asked[..], [a, b] if a == b), "{asked:?}");
}
