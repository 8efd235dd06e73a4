//! What a finding says must be true of the rules it names.

use super::find;
use flowgate::diagnostic::Diagnostic;

fn filter(from: &str) -> String {
    format!(
        "firewall {{ family inet {{ filter f {{ term t {{ from {{ destination-address 192.0.2.1/32; {from} }} \
         then discard; }} term rest {{ then accept; }} }} }} }}\n"
    )
}

fn found(text: &str, config: &str, check: &str) -> Vec<Diagnostic> {
    let (_, _, findings) = find("junos", text, config);
    findings.diagnostics.into_iter().filter(|d| d.check == check).collect()
}

#[test]
fn a_contradiction_is_not_called_a_forgotten_protocol() {
    let count = |from: &str, check: &str| found(&filter(from), "", check).len();
    for from in ["protocol udp; tcp-flags syn;", "protocol tcp; icmp-type 8;", "protocol gre; port 53;"] {
        assert_eq!(count(from, "port-without-protocol"), 0, "{from}");
        assert_eq!(count(from, "unmatchable-condition"), 1, "{from}");
    }
    for from in ["protocol [ tcp udp icmp ]; port 53;", "protocol-except tcp; port 53;", "tcp-flags syn;"] {
        assert_eq!(count(from, "port-without-protocol"), 1, "{from}");
        assert_eq!(count(from, "unmatchable-condition"), 0, "{from}");
    }
}

#[test]
fn only_rules_that_fill_a_table_are_named_as_its_dearest() {
    let text = format!(
        "{}routing-options {{ flow {{\nroute a {{ match {{ destination 192.0.2.1/32; }} then discard; }}\n\
         route b {{ match {{ destination 192.0.2.2/32; }} then discard; }} }} }}\n",
        filter("protocol tcp; destination-port 1-65534;")
    );
    let config = "[[platform]]\nuse = \"ncs55a2-mod-se-s\"\nbudget = { tcam-entries = 1 }\n";
    let found = found(&text, config, "cost-over-limit");
    let [one] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!(one.rule.as_deref(), Some("b"));
    assert!(one.secondary.is_empty(), "the filter takes no `tcam-entries`: {:#?}", one.secondary);
}

fn never(dialect: &str, text: &str) -> bool {
    let (_, _, findings) = find(dialect, text, "");
    assert!(findings.inconclusive.is_empty(), "{text}: {:?}", findings.inconclusive);
    findings.diagnostics.iter().any(|d| d.check == "unmatchable-condition")
}

#[test]
fn an_extension_header_is_no_protocol_of_a_flow_route() {
    for number in 0..=255_u8 {
        let wanted = matches!(number, 0 | 43 | 44 | 51 | 60 | 135 | 139 | 140);
        let route = |addr: &str, keyword: &str| {
            format!(
                "announce flow route {{ match {{ destination {addr}; {keyword} ={number}; }} then {{ discard; }} }}"
            )
        };
        assert_eq!(never("exabgp", &route("2001:db8::1/128", "next-header")), wanted, "{number}");
        assert!(!never("exabgp", &route("192.0.2.1/32", "protocol")), "{number}");
        let hex = format!("ipv6 1601800020010db80000000000000000000000010381{number:02x} 8006000000000000\n");
        assert_eq!(never("flowspec-hex", &hex), wanted, "{number}");
        let junos = |keyword: &str| {
            format!(
                "firewall {{ family inet6 {{ filter f {{ term t {{ from {{ {keyword} {number}; \
                 destination-address 2001:db8::1/128; }} then discard; }} term r {{ then accept; }} }} }} }}"
            )
        };
        // The fixed header names what comes first, an extension header or not.
        assert!(!never("junos", &junos("next-header")), "{number}");
        assert_eq!(never("junos", &junos("payload-protocol")), wanted, "{number}");
    }
}

#[test]
fn an_icmp_type_asked_of_ipv6_packets_is_one_of_icmpv6() {
    let filter = |family: &str, from: &str| {
        format!(
            "firewall {{ family {family} {{ filter f {{ term t {{ from {{ {from} }} then discard; }} \
             term r {{ then accept; }} }} }} }}"
        )
    };
    for (family, from, wanted) in [
        ("inet6", "next-header icmp; icmp-type echo-request;", true),
        ("inet6", "next-header icmp6; icmp-type echo-request;", false),
        ("inet6", "next-header icmp; icmp-code 1;", true),
        ("inet6", "payload-protocol igmp; icmp-type 17;", true),
        ("inet", "protocol icmp; icmp-type echo-request;", false),
        ("inet", "protocol icmp6; icmp-type 128;", true),
        ("inet", "protocol igmp; icmp-type 17;", false),
    ] {
        assert_eq!(never("junos", &filter(family, from)), wanted, "{family} {from}");
    }
}

/// The rules that are said to have no packet, as `name check`, of an access list of IOS XR.
fn covered(entries: &str) -> Vec<String> {
    let (_, _, findings) = find("ios-xr", &format!("ipv4 access-list F\n{entries}!\n"), "");
    assert!(findings.inconclusive.is_empty(), "{entries}: {:?}", findings.inconclusive);
    let covers = ["shadowed-rule", "redundant-rule", "duplicate-rule"];
    let found = findings.diagnostics.iter().filter(|d| covers.contains(&d.check));
    found.map(|d| format!("{} {}", d.rule.clone().unwrap(), d.check)).collect()
}

#[test]
fn what_the_shade_check_of_aerleon_gets_wrong_is_right() {
    // It takes the narrow range for the one that shades.
    let (narrow, wide) = ("range 100 150", "range 50 200");
    let list = |a: &str, b: &str| format!(" 10 deny tcp any any {a}\n 20 permit tcp any any {b}\n");
    assert!(covered(&list(narrow, wide)).is_empty());
    assert_eq!(
        covered(" 10 deny tcp any any range 50 200\n 20 deny tcp any any range 100 150\n"),
        ["20 redundant-rule"]
    );
    // A permit with ports lets later fragments through, which the deny does not match.
    assert!(covered(&list(wide, narrow)).is_empty());
    let (narrow, wide) = ("eq 120 fragment-type first-fragment", "range 50 200");
    assert_eq!(covered(&list(wide, narrow)), ["20 shadowed-rule"]);
    // It misses two equal terms of ICMP.
    assert_eq!(
        covered(" 10 permit icmp any any echo\n 20 permit icmp any any echo\n"),
        ["20 duplicate-rule"]
    );
    // It misses two halves that cover a whole.
    let halves = " 10 deny ipv4 10.0.0.0 0.127.255.255 any\n 20 deny ipv4 10.128.0.0 0.127.255.255 any\n";
    assert_eq!(
        covered(&format!("{halves} 30 permit ipv4 10.0.0.0 0.255.255.255 any\n")),
        ["30 shadowed-rule"]
    );
    assert!(covered(&format!("{halves} 30 permit ipv4 8.0.0.0 7.255.255.255 any\n")).is_empty());
}

#[test]
fn a_rule_is_covered_by_what_decides_before_it_alone() {
    let nft = |rules: &str| {
        let text = format!("table inet f {{ chain c {{ type filter hook input priority 0;\n{rules} }} }}\n");
        let (_, _, findings) = find("nftables", &text, "");
        let found = findings.diagnostics.into_iter().filter(|d| d.check == "shadowed-rule");
        found.map(|d| d.rule.unwrap()).collect::<Vec<_>>()
    };
    // What only counts, or may decide otherwise, takes nothing away.
    assert!(nft("counter\nmeta l4proto tcp accept\nmeta l4proto udp drop\n").is_empty());
    assert!(nft("ct state established accept\nlimit rate 1/second accept\ntcp dport 22 drop\n").is_empty());
    assert_eq!(nft("ct state established accept\nct state established tcp dport 22 drop\n"), ["2"]);
    assert_eq!(nft("meta l4proto { tcp, udp } accept\ntcp dport 22 drop\n"), ["2"]);
    // Of both families.
    assert!(nft("meta nfproto ipv4 accept\ntcp dport 22 drop\n").is_empty());
    assert_eq!(nft("meta nfproto ipv4 accept\nmeta nfproto ipv6 accept\ntcp dport 22 drop\n"), ["3"]);
}

#[test]
fn the_rule_that_spends_the_allowance_is_named_and_what_was_found_stays() {
    use flowgate::eval::holds;
    use flowgate::ir::Condition;
    use flowgate::symbolic::{Fates, RuleFate};
    let text = "table ip t { chain c { type filter hook forward priority 0; policy accept;\n tcp dport 22 accept\n \
                tcp dport 22 drop\n tcp flags & syn == syn accept\n tcp flags & syn == 0 accept\n \
                tcp flags & 0xff == 0xff drop\n udp dport 22 drop\n } }\n";
    let (_, inputs, _) = find("nftables", text, "");
    let document = &inputs[0].reading.document;
    let set = document.rule_sets.iter().position(|set| set.rules.len() == 6).unwrap();
    let covered = |fates: &Fates| {
        let is = |rule: &usize| matches!(fates.rule(set, *rule), Some(RuleFate::Covered(_)));
        (0..6).filter(is).collect::<Vec<_>>()
    };
    let all = Fates::of(document, &Condition::True, holds);
    assert!(all.stopped.is_none() && covered(&all) == [1, 4], "{all:?}");
    let some = Fates::within(10, document, &Condition::True, holds);
    let (_, at) = some.stopped.unwrap();
    assert_eq!((at.rule_set as usize, at.rule), (set, Some(4)), "{some:?}");
    assert_eq!(covered(&some), [1]);
}
