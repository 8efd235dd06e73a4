//! What the checks on drops mean: who is hit, who is exempt, what is assumed.

use super::find;
use flowgate::diagnostic::Level;
use flowgate::dialect;
use flowgate::eval::{Decision, Evaluator};
use flowgate::packet::words;

const CHECKS: [&str; 3] = ["match-everything-drop", "missing-prefix-on-drop", "protected-flow"];

/// The findings of the checks on drops, with the rule and the level of each.
fn check(dialect: &str, text: &str, config: &str, expected: &[(&str, &str, Level)]) {
    if dialect::by_name(dialect).is_none() {
        eprintln!("the dialect `{dialect}` is not there, skipped");
        return;
    }
    let (_, _, findings) = find(dialect, text, config);
    let found: Vec<(&str, &str, Level)> = findings
        .diagnostics
        .iter()
        .filter(|d| CHECKS.contains(&d.check))
        .map(|d| (d.check, d.rule.as_deref().unwrap_or(""), d.level))
        .collect();
    let all: Vec<_> = findings.diagnostics.iter().map(|d| (d.check, &d.message)).collect();
    assert_eq!(found, expected, "{text}\n{all:#?} {:?}", findings.inconclusive);
    for finding in &findings.diagnostics {
        if matches!(finding.check, "match-everything-drop" | "protected-flow") {
            assert!(finding.witness.is_some(), "{finding:?}");
        }
    }
}

fn route(matches: &str, then: &str) -> String {
    format!("announce flow route {{ match {{ {matches} }} then {{ {then} }} }}\n")
}

fn filter(terms: &str) -> String {
    format!("firewall {{ family inet {{ filter f {{ {terms} }} }} }}\n")
}

const OWN: &str = "[network]\ninfrastructure = [\"192.0.2.240/28\"]\n";
const SIP: &str =
    "[[protect]]\nname = \"emergency SIP\"\nmatch = \"udp and dport 5060 and dst in 192.0.2.0/28\"\n";

#[test]
fn a_flow_route_without_infrastructure_is_judged_by_its_destination() {
    let discard = "discard;";
    let clean = |matches: &str| check("exabgp", &route(matches, discard), "", &[]);
    clean("destination 192.0.2.7/32; protocol udp; source-port =123;");
    clean("destination 10.0.0.0/8; protocol tcp; destination-port =179;");
    let hit = ("protected-flow", "1", Level::Error);
    check(
        "exabgp",
        &route("destination 10.0.0.0/7; protocol tcp; destination-port =179;", discard),
        "",
        &[hit],
    );
    let no_prefix = ("missing-prefix-on-drop", "1", Level::Warning);
    check("exabgp", &route("protocol udp; source-port =123;", discard), "", &[no_prefix, hit]);
    check(
        "exabgp",
        &route("protocol udp; source-port =11211; destination-port <80;", discard),
        "",
        &[no_prefix],
    );
    clean("destination 2001:db8::/16; next-header tcp; destination-port =179;");
    check(
        "exabgp",
        &route("destination 2000::/3; next-header tcp; destination-port =179;", discard),
        "",
        &[hit],
    );
    // What accepts drops nothing; a rate of nothing drops all.
    check("exabgp", &route("protocol tcp; destination-port =179;", "rate-limit 10000000;"), "", &[]);
    check("exabgp", &route("destination 0.0.0.0/0; protocol ospf;", "rate-limit 0;"), "", &[no_prefix, hit]);
}

#[test]
fn a_flow_route_is_judged_by_the_infrastructure_where_that_is_known() {
    let hit = ("protected-flow", "1", Level::Error);
    let drop = |matches: &str, expected: &[(&str, &str, Level)]| {
        check("exabgp", &route(matches, "discard;"), OWN, expected);
    };
    drop("destination 192.0.2.0/24; protocol tcp;", &[hit]);
    drop("destination 192.0.2.241/32; protocol tcp; source-port =179;", &[hit]);
    drop("destination 192.0.2.241/32; protocol udp; source-port =11211;", &[]);
    drop("destination 192.0.2.0/25; protocol tcp;", &[]);
    drop("destination 224.0.0.5/32;", &[hit]);
    drop("destination 192.0.2.0/24; protocol icmp; icmp-type 3; icmp-code 4;", &[hit]);
    // A later fragment is of no flow that is known by its ports, and of OSPF.
    drop("destination 192.0.2.0/24; protocol tcp; fragment [ is-fragment ];", &[]);
    drop("destination 192.0.2.0/24; fragment [ is-fragment ];", &[hit]);
}

#[test]
fn a_flow_of_the_user_is_judged_as_it_stands() {
    let hit = ("protected-flow", "1", Level::Error);
    check("exabgp", &route("destination 192.0.2.1/32; protocol udp;", "discard;"), SIP, &[hit]);
    check("exabgp", &route("destination 192.0.2.17/32; protocol udp;", "discard;"), SIP, &[]);
    let terms = "term a { from { protocol udp; } then discard; } term z { then accept; }";
    check("junos", &filter(terms), SIP, &[("protected-flow", "a", Level::Error)]);
}

#[test]
fn a_rule_without_an_action_is_judged_one_level_lower() {
    let lower = [("missing-prefix-on-drop", Level::Note), ("protected-flow", Level::Warning)];
    let (_, _, findings) = find("flowspec-hex", "060381060581b3\n", "");
    let found: Vec<_> = findings.diagnostics.iter().map(|d| (d.check, d.level)).collect();
    assert_eq!(found, lower, "{:?}", findings.diagnostics);
    assert!(findings.diagnostics.iter().all(|d| d.notes.iter().any(|note| note.contains("no action given"))));
}

#[test]
fn a_filter_is_judged_as_a_whole() {
    let hit = |term| ("protected-flow", term, Level::Error);
    let tcp = "term block { from { protocol tcp; } then discard; }";
    let bgp = "term bgp { from { protocol tcp; port 179; } then accept; }
               term ssh { from { protocol tcp; destination-port 22; } then accept; }
               term ldp { from { protocol tcp; port 646; } then accept; }";
    let rest = "term rest { then accept; }";
    check("junos", &filter(&format!("{tcp} {rest}")), "", &[]);
    check("junos", &filter(&format!("{tcp} {rest}")), OWN, &[hit("block")]);
    // What an earlier term lets through is not dropped; what it counts only still is.
    check("junos", &filter(&format!("{bgp} {tcp} {rest}")), OWN, &[]);
    let counted = bgp.replace("then accept;", "then { count c; next term; }");
    check("junos", &filter(&format!("{counted} {tcp} {rest}")), OWN, &[hit("block")]);
    // The default at the end is no hit by itself, written or not.
    check(
        "junos",
        &filter("term web { from { protocol tcp; port 80; } then accept; } term end { then discard; }"),
        OWN,
        &[],
    );
    check("junos", &filter("term web { from { protocol tcp; port 80; } then accept; }"), OWN, &[]);
    check(
        "junos",
        &filter(&format!("term all {{ then discard; }} {rest}")),
        OWN,
        &[("match-everything-drop", "all", Level::Error), hit("all")],
    );
}

#[test]
fn a_port_that_some_client_may_have_is_not_the_flow() {
    let near = |rule| ("missing-prefix-on-drop", rule, Level::Warning);
    let hit = |rule| ("protected-flow", rule, Level::Error);
    for of_a_service in [
        "protocol tcp; destination-port =8080;",
        "protocol tcp; source-port =8443;",
        "protocol udp; destination-port =1900;",
        "protocol udp; destination-port =3784; source-port =53;",
    ] {
        check("exabgp", &route(of_a_service, "discard;"), "", &[near("1")]);
    }
    for of_clients in [
        "protocol tcp; destination-port >=1024;",
        "protocol tcp; source-port >=32768&<=60999; destination-port =22;",
        "protocol udp; destination-port >=49152;",
        "protocol udp; destination-port =3784;",
    ] {
        check("exabgp", &route(of_clients, "discard;"), "", &[near("1"), hit("1")]);
    }
}

#[test]
fn the_packet_shown_is_dropped_whatever_earlier_rules_take() {
    // Each earlier term takes the packet that would come to mind.
    let text = filter(
        "term hops { from { ttl 64; } then accept; }
         term block { from { protocol tcp; destination-port 179; } then discard; }
         term rest { then accept; }",
    );
    let (_, inputs, findings) = find("junos", &text, OWN);
    let finding = findings.diagnostics.iter().find(|d| d.check == "protected-flow").unwrap();
    let document = &inputs[0].reading.document;
    let shown = &finding.witness.as_ref().unwrap().packet;
    let packet = words::parse(shown, &document.symbols).unwrap();
    let decision = Evaluator::new(document, 0).unwrap().decide(&packet).unwrap();
    assert!(matches!(decision, Decision::Verdict(verdict, _) if verdict.is_drop()), "{shown}");
}

/// Two rule sets, the second a chain, behind one hook, in the intermediate form.
fn hooked(filter: &str, chain: &str) -> String {
    format!(
        r#"{{"flowgate": "ir", "version": 1, "rule_sets": [
            {{"name": "input", "kind": "hook", "family": "inet", "default": "accept", "rules": [{{"then": {{"stage": "filter"}}}}]}},
            {{"name": "filter", "default": "accept", "rules": [{filter}]}},
            {{"name": "chain", "kind": "chain", "default": "no-decision", "rules": [{chain}]}}]}}"#
    )
}

#[test]
fn stages_and_chains_are_judged_by_what_comes_to_them() {
    let hit = |rule| ("protected-flow", rule, Level::Error);
    let all = r#"{"name": "all", "then": "discard"}"#;
    let web = r#"{"name": "web", "if": {"dport": 80}, "then": {"call": "chain"}}"#;
    let tcp = r#"{"name": "tcp", "if": {"proto": 6}, "then": {"goto": "chain"}}"#;
    let own = |rule: &str| format!("{rule}, {{\"name\": \"rest\", \"then\": \"accept\"}}");
    // A chain that drops everything drops what it is sent.
    check("ir-json", &hooked(&own(web), all), OWN, &[]);
    check("ir-json", &hooked(&own(tcp), all), OWN, &[hit("all")]);
    // The last rule of a stage is its default.
    check("ir-json", &hooked(all, ""), OWN, &[]);
    // Packets of no connection belong to no flow.
    let state = |state: u8| {
        own(&format!(r#"{{"name": "state", "if": {{"proto": 6, "ct.state": {state}}}, "then": "discard"}}"#))
    };
    check("ir-json", &hooked(&state(3), ""), OWN, &[]);
    check("ir-json", &hooked(&state(0), ""), OWN, &[hit("state")]);
}
