//! Edits that settle findings: the text after them, and that a rule set made smaller decides the same.

use flowgate::check::{Context, Input, Settings, fix};
use flowgate::diagnostic::Diagnostic;
use flowgate::dialect::{self, ReadOptions};
use flowgate::source::{Content, Source, SourceMap};

/// The text once nothing is left to edit, and why findings with edits were left.
fn fixed(dialect: &str, text: &str) -> (String, Vec<&'static str>) {
    let mut text = text.to_owned();
    for _ in 0..20 {
        let mut sources = SourceMap::new();
        let source = sources.add(Source::new("rules", Content::Text(text.clone())));
        let reading =
            dialect::by_name(dialect).unwrap().read(sources.get(source), source, &ReadOptions::default());
        let inputs = [Input { source, dialect: dialect::by_name(dialect).unwrap().name(), reading }];
        let settings = Settings::default();
        let findings = flowgate::check::run(&Context::new(&sources, &inputs, &settings));
        let about = |d: &&Diagnostic| !d.suggestions.is_empty() && d.primary.source == source;
        let wanted: Vec<&Diagnostic> = findings.diagnostics.iter().filter(about).collect();
        let fixed = fix(sources.get(source), &inputs[0], &ReadOptions::default(), &wanted);
        match fixed.text {
            Some(new) => text = new,
            None => return (text, fixed.left.into_iter().map(|(_, why)| why).collect()),
        }
    }
    panic!("edits without end: {text}");
}

#[test]
fn what_is_dead_goes_and_halves_become_one_in_the_words_of_each_dialect() {
    let cases = [
        (
            "nftables",
            "table ip f {\n  chain c {\n    type filter hook input priority 0; policy drop;\n    \
             ip saddr 192.0.2.0/25 tcp dport 22 accept # half\n    ip saddr 192.0.2.128/25 tcp dport 22 accept\n    \
             udp dport 53 accept; udp dport 53 drop\n    ip saddr 192.0.2.7 tcp dport 22 drop # dead\n  }\n}\n",
            "table ip f {\n  chain c {\n    type filter hook input priority 0; policy drop;\n    \
             ip saddr 192.0.2.0/24 tcp dport 22 accept # half\n    udp dport 53 accept; \n  }\n}\n",
        ),
        (
            "junos",
            "firewall { family inet { filter F {\n  term a {\n    from {\n      protocol tcp;\n    }\n    then accept;\n  \
             }\n  /* never */\n  term b { from { protocol tcp; port 22; } then discard; }\n  term c {\n    then discard;\n  }\n  \
             term d {\n    then accept;\n  }\n} } }\n",
            "firewall { family inet { filter F {\n  term a {\n    from {\n      protocol tcp;\n    }\n    then accept;\n  \
             }\n  /* never */\n  term c {\n    then discard;\n  }\n} } }\n",
        ),
        (
            "ios-xr",
            "ipv4 access-list A\n 10 permit tcp any 192.0.2.0 0.0.0.127\n 20 permit tcp any 192.0.2.128 0.0.0.127\n \
             30 permit tcp any host 192.0.2.9\n 40 deny ipv4 any any\n!\n",
            "ipv4 access-list A\n 10 permit tcp any 192.0.2.0 0.0.0.255\n 40 deny ipv4 any any\n!\n",
        ),
        (
            "iptables",
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\n-A INPUT -s 192.0.2.9/32 -p tcp -j DROP\nCOMMIT\n",
            "*filter\n:INPUT DROP [0:0]\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n",
        ),
        (
            "gobgp",
            "gobgp global rib add -a ipv4-flowspec match destination 192.0.2.1/32 then discard\n\
             gobgp global rib add -a ipv4-flowspec match destination 192.0.2.1/32 protocol '==tcp' then discard\n",
            "gobgp global rib add -a ipv4-flowspec match destination 192.0.2.1/32 then discard\n\
             gobgp global rib add -a ipv4-flowspec match destination 192.0.2.1/32 protocol '==tcp' then discard\n",
        ),
    ];
    for (dialect, text, want) in cases {
        let (got, left) = fixed(dialect, text);
        assert_eq!(got, want, "{dialect}: {left:?}");
        assert_eq!(left, [""; 0], "{dialect}");
    }
}

#[test]
fn an_edit_whose_text_means_something_else_is_left() {
    // The line that goes carries the name of a set that the next one defines anew.
    let text = "define a = 22\ntable ip f {\n  chain c {\n    type filter hook input priority 0\n    \
                tcp dport 22 accept\n    tcp dport $a drop; define a = 23\n    tcp dport $a drop\n  }\n}\n";
    let (got, left) = fixed("nftables", text);
    assert!(got.contains("define a = 23") || !left.is_empty(), "{got} {left:?}");
    let counted = "table ip f {\n  chain c {\n    type filter hook input priority 0\n    \
                   ip saddr 192.0.2.0/25 counter accept\n    ip saddr 192.0.2.128/25 counter accept\n  }\n}\n";
    assert_eq!(fixed("nftables", counted).0, counted, "two counters are not one");
}

#[test]
fn text_that_is_not_the_rules_own_stays() {
    let junos = "set firewall family inet filter f term a from source-address 10.0.0.0/24\n\
                 set firewall family inet filter f term a then accept\n\
                 set firewall family inet filter f term b from source-address 10.0.0.0/25\n\
                 set system host-name edge1\n\
                 set firewall family inet filter f term b then accept\n";
    let shell = "#!/bin/sh\niptables -A INPUT -s 10.0.0.0/24 -p tcp -j ACCEPT\nif true; then\n  \
                 iptables -A INPUT -s 10.0.0.0/25 -p tcp -j ACCEPT\nfi\n";
    let broken = "table ip f {\n  chain c {\n    type filter hook input priority 0\n    tcp dport 22 accept\n    \
                  tcp dport 22 accept\n    tcp dport $gone drop\n  }\n}\n";
    for (dialect, text) in [("junos", junos), ("iptables", shell), ("nftables", broken)] {
        assert_eq!(fixed(dialect, text).0, text, "{dialect}");
    }
}

#[test]
fn what_rules_say_beside_their_conditions_is_not_lost() {
    for (one, other) in [
        ("dup to 10.2.2.2 accept", "dup to 10.2.2.3 accept"),
        ("notrack accept", "accept"),
        ("notrack accept", "notrack accept"),
        ("log prefix \"a\" accept", "log prefix \"b\" accept"),
        ("log prefix \"a\" accept", "log prefix \"a\" accept"),
        ("log group 2 accept", "log group 3 accept"),
        ("last accept", "last accept"),
        ("accept comment \"ask Eve\"", "accept comment \"ask Bob\""),
        // Drawn anew for each packet and rule.
        ("numgen random mod 2 0 accept", "numgen random mod 2 0 accept"),
    ] {
        let rule = |half: u8, rest: &str| format!("    ip saddr 10.0.0.{half}/25 tcp dport 22 {rest}\n");
        let text = format!(
            "table ip f {{\n  chain c {{\n    type filter hook input priority 0; policy drop;\n{}{}  }}\n}}\n",
            rule(0, one),
            rule(128, other)
        );
        assert_eq!(fixed("nftables", &text).0, text);
    }
    let drawn = "table ip f {\n  chain c {\n    type filter hook input priority 0\n    \
                 tcp dport 22 numgen inc mod 2 0 drop\n    tcp dport 22 numgen inc mod 2 0 drop\n    \
                 meta random > 5 drop\n    meta random > 5 drop\n  }\n}\n";
    assert_eq!(fixed("nftables", drawn).0, drawn);
}

#[test]
fn real_files_keep_their_meaning() {
    let Some(corpora) = std::env::var_os("FLOWGATE_CORPORA") else {
        assert!(std::env::var_os("CI").is_none(), "FLOWGATE_CORPORA is not set");
        return eprintln!("skipped: FLOWGATE_CORPORA is not set");
    };
    let (mut files, mut edited) = (0, 0);
    for name in ["ios_xr", "junos", "nftables", "iptables", "bird", "exabgp"] {
        let dialect = name.replace('_', "-");
        let folder = std::path::Path::new(&corpora).join(name);
        let mut paths: Vec<_> = walk(&folder);
        paths.sort();
        for path in paths.iter().take(25) {
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            if text.len() > 20_000 || dialect::by_name(&dialect).is_none() {
                continue;
            }
            let (new, _) = fixed(&dialect, &text);
            files += 1;
            edited += usize::from(new != text);
            assert!(new.len() <= text.len() + text.len() / 2, "{}", path.display());
        }
    }
    assert!(files > 60 && edited > 3, "{files} files, {edited} edited");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
