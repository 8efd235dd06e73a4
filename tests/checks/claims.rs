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
