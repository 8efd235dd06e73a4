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
