//! The rules of the incident page that other tools accept, each with the verdict it must get here.

use super::find;
use flowgate::diagnostic::Level;

/// The gravest finding of a text must be of this check, at this level.
fn check(dialect: &str, text: &str, config: &str, name: &str, level: Level) {
    let (_, _, findings) = find(dialect, text, config);
    let said: Vec<_> =
        findings.diagnostics.iter().map(|d| format!("{} {}: {}", d.level, d.check, d.message)).collect();
    let hit = findings.diagnostics.iter().any(|d| d.check == name && d.level == level);
    assert!(
        hit,
        "{dialect}: wanted {level} {name} for `{text}`, found {said:#?} {:?}",
        findings.inconclusive
    );
    let above = findings.diagnostics.iter().any(|d| d.level > level);
    assert!(!above, "{dialect}: more than {level} for `{text}`: {said:#?}");
}

/// A row: the body of an ExaBGP match, of a Junos flow route, of a Junos filter term, the NLRI; the check, its
/// level. An empty body cannot be said in that form.
struct Row {
    exabgp: &'static str,
    route: &'static str,
    term: &'static str,
    nlri: &'static str,
    check: &'static str,
    level: Level,
    // What the filter term is, where it is judged otherwise.
    in_filter: Option<(&'static str, Level)>,
}

const fn error(
    exabgp: &'static str,
    route: &'static str,
    term: &'static str,
    nlri: &'static str,
    check: &'static str,
) -> Row {
    Row { exabgp, route, term, nlri, check, level: Level::Error, in_filter: None }
}

fn rows() -> Vec<Row> {
    let never = "unmatchable-condition";
    vec![
        error(
            "destination 192.0.2.53/32; packet-length >=99971&<=99985;",
            "destination 192.0.2.53/32; packet-length 99971-99985;",
            "destination-address 192.0.2.53/32; packet-length 99971-99985;",
            "110120c00002350a2300018683e500018691",
            "value-out-of-range",
        ),
        error(
            "destination 192.0.2.1/32; packet-length >=1000&<=500;",
            "",
            "",
            "0d0120c00002010a1303e8d501f4",
            "empty-range",
        ),
        error(
            "destination 192.0.2.1/32; packet-length <20;",
            "destination 192.0.2.1/32; packet-length 0-19;",
            "destination-address 192.0.2.1/32; packet-length 0-19;",
            "090120c00002010a8414",
            "length-below-header",
        ),
        Row {
            level: Level::Warning,
            ..error(
                "destination 192.0.2.1/32; packet-length =9300;",
                "destination 192.0.2.1/32; packet-length 9300;",
                "destination-address 192.0.2.1/32; packet-length 9300;",
                "0a0120c00002010a912454",
                "length-above-mtu",
            )
        },
        error(
            "destination 192.0.2.1/32; protocol tcp; icmp-type 8;",
            "destination 192.0.2.1/32; protocol tcp; icmp-type 8;",
            "destination-address 192.0.2.1/32; protocol tcp; icmp-type 8;",
            "0c0120c0000201038106078108",
            never,
        ),
        error(
            "destination 192.0.2.1/32; protocol udp; tcp-flags [ syn ];",
            "destination 192.0.2.1/32; protocol udp; tcp-flags syn;",
            "destination-address 192.0.2.1/32; protocol udp; tcp-flags syn;",
            "0c0120c0000201038111098002",
            never,
        ),
        error(
            "destination 192.0.2.1/32; destination-port >100&<50;",
            "",
            "",
            "0b0120c0000201050264c432",
            "empty-range",
        ),
        Row {
            in_filter: Some(("ports-on-later-fragments", Level::Warning)),
            ..error(
                "destination 192.0.2.1/32; fragment [ is-fragment ]; destination-port =53;",
                "destination 192.0.2.1/32; fragment is-fragment; destination-port 53;",
                "destination-address 192.0.2.1/32; is-fragment; protocol udp; destination-port 53;",
                "0c0120c00002010581350c8002",
                never,
            )
        },
        error(
            "destination 192.0.2.1/32; protocol [ =6&=17 ];",
            "",
            "",
            "0b0120c0000201030106c111",
            "empty-range",
        ),
        error(
            "destination 192.0.2.1/32; dscp 64;",
            "destination 192.0.2.1/32; dscp 64;",
            "destination-address 192.0.2.1/32; dscp 64;",
            "090120c00002010b8140",
            "value-out-of-range",
        ),
        error(
            "destination 0.0.0.0/0;",
            "destination 0.0.0.0/0;",
            "destination-address 0.0.0.0/0;",
            "020100",
            "match-everything-drop",
        ),
        error(
            "protocol tcp; destination-port =179;",
            "protocol tcp; destination-port 179;",
            "",
            "060381060581b3",
            "protected-flow",
        ),
        error("", "", " ", "", "match-everything-drop"),
    ]
}

#[test]
fn every_sample_of_an_incident_raises_the_finding_its_note_names() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/incident");
    let note = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut tried = 0;
    for line in note.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let (file, name) = (cells[1].trim_matches('`'), cells[3]);
        let dialect = match file {
            _ if file.contains("exabgp") => "exabgp",
            _ if file.contains("secrule") => "secrule",
            _ if file.contains("junos") || file.contains(".set") => "junos",
            _ if file.ends_with("flowspec-hex") => "flowspec-hex",
            // Binary samples are read through the command line's own tests.
            _ => continue,
        };
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        check(dialect, &text, "", name, Level::Error);
        tried += 1;
    }
    assert!(tried >= 9, "only {tried} samples");
}

const DISCARD: &str = "8006000000000000";

#[test]
fn what_other_tools_accept_is_a_finding_in_exabgp_text() {
    for row in rows().iter().filter(|row| !row.exabgp.is_empty()) {
        let text = format!("announce flow route {{ match {{ {} }} then {{ discard; }} }}\n", row.exabgp);
        check("exabgp", &text, "", row.check, row.level);
    }
    check(
        "exabgp",
        "announce flow route { match { } then { discard; } }\n",
        "",
        "match-everything-drop",
        Level::Error,
    );
}

#[test]
fn what_other_tools_accept_is_a_finding_in_octets() {
    for row in rows().iter().filter(|row| !row.nlri.is_empty()) {
        check("flowspec-hex", &format!("{} {DISCARD}\n", row.nlri), "", row.check, row.level);
    }
}

#[test]
fn what_other_tools_accept_is_a_finding_in_junos_flow_routes() {
    if flowgate::dialect::by_name("junos").is_none() {
        eprintln!("the dialect `junos` is not there, skipped");
        return;
    }
    for row in rows().iter().filter(|row| !row.route.is_empty()) {
        let text = format!(
            "routing-options {{ flow {{ route r {{ match {{ {} }} then discard; }} }} }}\n",
            row.route
        );
        check("junos", &text, "", row.check, row.level);
    }
}

#[test]
fn what_other_tools_accept_is_a_finding_in_junos_filters() {
    if flowgate::dialect::by_name("junos").is_none() {
        eprintln!("the dialect `junos` is not there, skipped");
        return;
    }
    let filter = |from: &str| {
        format!(
            "firewall {{ family inet {{ filter f {{ term t {{ {from} then discard; }} \
             term rest {{ then accept; }} }} }} }}\n"
        )
    };
    for row in rows().iter().filter(|row| !row.term.is_empty()) {
        let from = if row.term == " " { String::new() } else { format!("from {{ {} }}", row.term) };
        let (name, level) = row.in_filter.unwrap_or((row.check, row.level));
        check("junos", &filter(&from), "", name, level);
    }
    let infrastructure = "[network]\ninfrastructure = [\"192.0.2.240/28\"]\n";
    check(
        "junos",
        &filter("from { protocol tcp; destination-port 179; }"),
        infrastructure,
        "protected-flow",
        Level::Error,
    );
}

/// What a change is said to be: check and level of every finding about changes.
fn change(dialect: &str, before: &str, after: &str) -> Vec<String> {
    let (_, _, findings) = super::find_change(dialect, Some(before), after, "");
    assert!(findings.inconclusive.is_empty(), "{:?}", findings.inconclusive);
    let about = |d: &&flowgate::diagnostic::Diagnostic| {
        flowgate::check::by_name(d.check).unwrap().meta().needs == flowgate::check::Needs::Change
    };
    let mut said: Vec<String> =
        findings.diagnostics.iter().filter(about).map(|d| format!("{} {}", d.level, d.check)).collect();
    said.sort();
    said.dedup();
    said
}

#[test]
fn changes_that_became_incidents_are_called_by_their_names() {
    let junos = |terms: &str| format!("firewall {{ family inet {{ filter EDGE {{ {terms} }} }} }}\n");
    // I4: an entry of a block list whose field is blank.
    let calls =
        |field: &str| junos(&format!("term block {{ {field} then discard; }} term rest {{ then accept; }}"));
    let said = change("junos", &calls("from { source-address { 192.0.2.7/32; } }"), &calls(""));
    assert!(said.contains(&"error match-removed".to_owned()), "{said:?}");
    assert!(said.contains(&"error large-delta".to_owned()), "{said:?}");
    // I5: a term whose only match was made inactive.
    let term = |inactive: &str| {
        let from = format!("{inactive} from {{ source-address {{ 198.51.100.0/24; }} }}");
        junos(&format!("term six-dc {{ {from} then accept; }} term rest {{ then reject; }}"))
    };
    let said = change("junos", &term(""), &term("inactive:"));
    assert!(said.contains(&"error match-removed".to_owned()), "{said:?}");
    assert!(said.contains(&"warning widened-filter".to_owned()), "{said:?}");
    // I6: terms in another order, some behind the one that rejects all.
    let site = "term site { from { source-address { 192.0.2.0/24; } } then accept; }";
    let more = "term more { from { protocol tcp; } then accept; }";
    let rest = "term rest { then reject; }";
    let said = change("junos", &junos(&[site, more, rest].join(" ")), &junos(&[more, rest, site].join(" ")));
    assert_eq!(said, ["error moved-behind-terminal-rule", "warning narrowed-filter"]);
    // I7: a prefix list taken out of a term that asks for more.
    let term = |list: &str| junos(&format!("term out {{ from {{ {list} protocol tcp; }} then accept; }}"));
    let said = change("junos", &term("source-address { 192.0.2.0/24; }"), &term(""));
    assert!(said.contains(&"warning match-removed".to_owned()), "{said:?}");
    let said = change(
        "junos",
        &junos("term out { from { source-address { 192.0.2.0/24; } } then accept; }"),
        &junos("term out { then accept; }"),
    );
    assert!(said.contains(&"error match-removed".to_owned()), "{said:?}");
    // I8: a filter deleted in a clean-up.
    let two =
        "filter LIMIT { term a { from { protocol tcp; port 179; } then discard; } term b { then accept; } }";
    let one = "filter OTHER { term b { then accept; } }";
    let junos = |filters: &str| format!("firewall {{ family inet {{ {filters} }} }}\n");
    assert_eq!(change("junos", &junos(&format!("{two} {one}")), &junos(one)), ["error filter-removed"]);
    // I18: a generator that emits an emptied list.
    let entries: String = (1..=20)
        .map(|n| format!(" {n}0 permit ipv4 10.{n}.0.0 0.0.255.255 any\n"))
        .collect::<Vec<_>>()
        .concat();
    let list = |entries: &str| format!("ipv4 access-list OUT\n{entries} 9999 deny ipv4 any any\n!\n");
    let said = change("ios-xr", &list(&entries), &list(""));
    assert!(said.contains(&"error large-delta".to_owned()), "{said:?}");
    // What is only written otherwise is no change.
    let turned: String = (1..=20)
        .rev()
        .map(|n| format!(" {}0 permit ipv4 10.{n}.0.0 0.0.255.255 any\n", 21 - n))
        .collect::<Vec<_>>()
        .concat();
    assert_eq!(change("ios-xr", &list(&entries), &list(&turned)), Vec::<String>::new());
}
