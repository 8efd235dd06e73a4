//! One menagerie of findings, rendered in every format, and beside the snapshots the laws they obey.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::cast_possible_truncation,
    reason = "a test says no by a panic"
)]

use flowgate::check::{Findings, Inconclusive};
use flowgate::diagnostic::{Diagnostic, Label, Level, Suggestion, Witness};
use flowgate::report::{InputSummary, Report, github, json, sarif, terminal};
use flowgate::source::{Content, Piece, Source, SourceId, SourceMap, Span};
use serde_json::Value;

const EDGE: &str = "\
firewall {
    filter EDGE {
        term größe { from { packet-length 99971-99985; } then discard; }
        term t2 {
            from { protocol tcp; }
            then accept;
        }
        term t3 { from { protocol tcp; } then discard; }
    }
}
";

/// Every shape a finding can have, over two texts and a capture.
fn menagerie() -> (SourceMap, Vec<InputSummary>, Findings) {
    let mut sources = SourceMap::new();
    let edge = sources.add(Source::new("rules/edge box.conf", Content::Text(EDGE.into())));
    let other =
        sources.add(Source::new("other.conf", Content::Text("\t10.0.0.0/8;\r\n\u{1b}[2J evil\r\n".into())));
    let bytes: Vec<u8> = (0..40).collect();
    let pieces = vec![Piece { start: 0, frame: 3, octet: 54 }, Piece { start: 20, frame: 5, octet: 66 }];
    let capture = sources.add(Source::new("bgp.pcap", Content::Octets { bytes, pieces, streams: vec![] }));
    let at = |source: SourceId, text: &str, n: usize| {
        let start = sources.get(source).text().match_indices(text).nth(n).unwrap().0;
        Label::new(source, Span::new(start, start + text.len()))
    };
    let mut diagnostics = vec![
        Diagnostic::new(
            "value-out-of-range",
            Level::Error,
            "`99971-99985` is above 65,535, the largest packet length",
            at(edge, "99971-99985", 0).with_message("no packet is that long"),
        )
        .in_rule("inet/EDGE", "größe")
        .with_help("give the length in octets of the whole packet"),
        Diagnostic::new(
            "sample-order",
            Level::Warning,
            "no packet reaches `t3`: `t2` decides otherwise",
            at(edge, "term t3", 0),
        )
        .in_rule("inet/EDGE", "t3")
        .with_label(at(edge, "protocol tcp", 0).with_message("this rule decides"))
        .with_label(at(other, "10.0.0.0/8", 0).with_message("through this list"))
        .with_note("50 % of such rules are mistakes: so we say, one, two"),
        Diagnostic::new(
            "unused-allow",
            Level::Note,
            "a term over several lines",
            Label::new(edge, at(edge, "term t2", 0).span.to(at(edge, "accept;\n        }", 0).span)),
        ),
        Diagnostic::new(
            "sample-syntax",
            Level::Error,
            "unexpected `\u{1b}[2J`\nand a second line",
            at(other, "evil", 0),
        ),
        Diagnostic::new(
            "sample-syntax",
            Level::Error,
            "the text ends too early",
            Label::new(other, Span::new(28, 28)),
        ),
        Diagnostic::new(
            "sample-octets",
            Level::Error,
            "the component of type 200 is unknown",
            Label::new(capture, Span::new(22, 25)).with_message("here"),
        ),
    ];
    diagnostics[1].witness = Some(Witness {
        packet: "tcp 198.51.100.7:40000 > 192.0.2.1:179 len 60".into(),
        octets: vec![0x45, 0, 0xff],
    });
    let span = diagnostics[1].primary.span;
    diagnostics[1].suggestions.push(Suggestion {
        message: "remove the rule".into(),
        span,
        replacement: String::new(),
    });
    let inconclusive = vec![Inconclusive {
        check: "sample-order",
        rule_set: Some("inet/EDGE".into()),
        rule: Some("t2".into()),
        reason: "the limit `rule-nodes` of 2000000 nodes is reached".into(),
    }];
    let input = |path: &str, dialect, sets: &[(&str, usize)]| InputSummary {
        path: path.into(),
        dialect,
        rule_sets: sets.iter().map(|(name, rules)| ((*name).to_owned(), *rules)).collect(),
    };
    let inputs = vec![
        input("rules/edge box.conf", "junos", &[("inet/EDGE", 3)]),
        input("other.conf", "junos", &[]),
        input("bgp.pcap", "bgp-capture", &[("ipv4", 1234)]),
    ];
    (sources, inputs, Findings { diagnostics, inconclusive })
}

fn rendered(format: impl Fn(&Report<'_>, &mut Vec<u8>) -> std::io::Result<()>) -> String {
    let (sources, inputs, findings) = menagerie();
    let report = Report::new(&sources, inputs, findings, 2);
    let mut out = Vec::new();
    format(&report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn sarif_log() -> Value {
    serde_json::from_str(&rendered(|report, out| sarif::write(report, out))).unwrap()
}

#[test]
fn terminal_plain() {
    let text = rendered(|report, out| terminal::write(report, terminal::Options::default(), out));
    assert!(!text.contains('\u{1b}'), "a file draws on the terminal");
    insta::assert_snapshot!(text);
}

#[test]
fn terminal_styled_says_the_same_words() {
    let options = terminal::Options { styled: true, quiet: false };
    let styled = rendered(|report, out| terminal::write(report, options, out));
    let plain = rendered(|report, out| terminal::write(report, terminal::Options::default(), out));
    assert!(styled.contains('\u{1b}'));
    let mut text = String::new();
    let mut rest = styled.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        text.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    assert_eq!(text + rest, plain);
}

#[test]
fn json_document() {
    insta::assert_snapshot!(rendered(|report, out| json::write(report, out)));
}

#[test]
fn json_lines() {
    let text = rendered(|report, out| json::write_lines(report, out));
    let kinds: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds.iter().filter(|k| *k == "diagnostic").count(), 6);
    assert_eq!(kinds.last().unwrap(), "summary");
    insta::assert_snapshot!(text);
}

#[test]
fn github_commands() {
    let text = rendered(|report, out| github::write(report, out));
    assert!(text.lines().all(|line| line.starts_with("::")), "a message breaks out of its command:\n{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn sarif_document() {
    let mut log = sarif_log();
    // The catalogue grows with every check and is held by other tests.
    log["runs"][0]["tool"]["driver"]["rules"] = Value::Null;
    for result in log["runs"][0]["results"].as_array_mut().unwrap() {
        result.as_object_mut().unwrap().remove("ruleIndex");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&log).unwrap());
}

#[test]
fn sarif_follows_the_official_schema() {
    let schema: Value = serde_json::from_str(include_str!("reports/sarif-2.1.0.schema.json")).unwrap();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let log = sarif_log();
    let errors: Vec<String> =
        validator.iter_errors(&log).map(|e| format!("{}: {e}", e.instance_path)).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut broken = log;
    broken["runs"][0]["results"][0]["level"] = "grave".into();
    assert!(!validator.is_valid(&broken), "the validator lets everything pass");
}

#[test]
fn a_region_cut_from_the_source_is_its_snippet() {
    let (sources, _, _) = menagerie();
    let log = sarif_log();
    let mut checked = 0;
    let results = log["runs"][0]["results"].as_array().unwrap();
    let places = results.iter().flat_map(|r| {
        let lists = [r["locations"].as_array(), r["relatedLocations"].as_array()];
        lists.into_iter().flatten().flatten().cloned().collect::<Vec<_>>()
    });
    for place in places {
        let region = &place["physicalLocation"]["region"];
        let Some(snippet) = region["snippet"]["text"].as_str() else { continue };
        let uri = place["physicalLocation"]["artifactLocation"]["uri"].as_str().unwrap().replace("%20", " ");
        let (_, source) = sources.iter().find(|(_, s)| s.name() == uri).unwrap();
        let offset = |line: &str, column: &str| {
            let (line, column) = (region[line].as_u64().unwrap(), region[column].as_u64().unwrap());
            let start: usize =
                source.text().split_inclusive('\n').take(line as usize - 1).map(str::len).sum();
            start
                + source.text()[start..].chars().take(column as usize - 1).map(char::len_utf8).sum::<usize>()
        };
        let cut = &source.text()[offset("startLine", "startColumn")..offset("endLine", "endColumn")];
        assert_eq!(cut, snippet);
        checked += 1;
    }
    assert!(checked >= 6, "{checked}");
}

#[test]
fn lines_and_columns_agree_in_every_format() {
    let document: Value = serde_json::from_str(&rendered(|report, out| json::write(report, out))).unwrap();
    let log = sarif_log();
    let text = rendered(|report, out| terminal::write(report, terminal::Options::default(), out));
    let commands = rendered(|report, out| github::write(report, out));
    let results = log["runs"][0]["results"].as_array().unwrap();
    for (finding, result) in document["diagnostics"].as_array().unwrap().iter().zip(results) {
        let place = &result["locations"][0];
        let Some(line) = finding["start"]["line"].as_u64() else {
            assert_eq!(finding["start"]["frame"], place["properties"]["frame"]);
            assert_eq!(finding["start"]["octet"], place["properties"]["octet"]);
            continue;
        };
        let column = finding["start"]["column"].as_u64().unwrap();
        assert_eq!(place["physicalLocation"]["region"]["startLine"], line);
        assert_eq!(place["physicalLocation"]["region"]["startColumn"], column);
        let path = finding["path"].as_str().unwrap();
        assert!(text.contains(&format!("{path}:{line}:{column}\n")), "{path}:{line}:{column}");
        assert!(commands.contains(&format!("file={path},line={line},")), "{path}:{line}");
    }
}

#[test]
fn the_same_report_is_the_same_octets() {
    for _ in 0..3 {
        assert_eq!(sarif_log(), sarif_log());
        let write = |report: &Report<'_>, out: &mut Vec<u8>| json::write(report, out);
        assert_eq!(rendered(write), rendered(write));
    }
}
