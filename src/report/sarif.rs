//! SARIF 2.1.0: our subset, on types that follow the official schema.
//!
//! Columns count characters and the file says so (`columnKind`); an end column is that of the character behind
//! the region. A binary file has no lines: its results carry frame and octet as properties of the location.

use super::Report;
use crate::check::{Inconclusive, Meta};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::source::{Place, Source, SourceMap};
use serde_sarif::sarif::{
    ArtifactContent, ArtifactLocation, Invocation, Location, LogicalLocation, Message,
    MultiformatMessageString, PhysicalLocation, PropertyBag, Region, ReportingConfiguration,
    ReportingDescriptor, Result as Finding, ResultKind, ResultLevel, Run, Sarif, Tool, ToolComponent,
};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// Octets of source quoted in a region; the schema asks for the whole region, which we keep for any that a
/// person would read.
const SNIPPET_OCTETS: usize = 4096;

/// Writes the report.
pub fn write(report: &Report<'_>, out: &mut dyn Write) -> io::Result<()> {
    let rules: Vec<&Meta> = Report::checks().collect();
    let mut results: Vec<Finding> = report.diagnostics.iter().map(|d| finding(d, report, &rules)).collect();
    results.extend(report.inconclusive.iter().map(|question| open(question, report, &rules)));
    let driver = ToolComponent::builder()
        .name("flowgate")
        .version(env!("CARGO_PKG_VERSION").to_owned())
        .semantic_version(env!("CARGO_PKG_VERSION").to_owned())
        .short_description(text("checks packet-filter rules before a router sees them"))
        .rules(rules.iter().map(|meta| descriptor(meta)).collect::<Vec<_>>())
        .build();
    let mut properties = BTreeMap::new();
    properties.insert("suppressed".to_owned(), report.summary.suppressed.into());
    properties.insert("unlisted".to_owned(), report.summary.unlisted.into());
    let run = Run::builder()
        .tool(Tool::builder().driver(driver).build())
        .column_kind(serde_json::Value::from("unicodeCodePoints"))
        .invocations(vec![Invocation::builder().execution_successful(true).build()])
        .results(results)
        .properties(bag(properties))
        .build();
    let log = Sarif::builder().schema(SCHEMA.to_owned()).version("2.1.0").runs(vec![run]).build();
    super::json::document(&log, out)
}

fn descriptor(meta: &Meta) -> ReportingDescriptor {
    let configuration = ReportingConfiguration::builder()
        .enabled(meta.default_on)
        .level(serde_json::Value::from(meta.level.name()));
    ReportingDescriptor::builder()
        .id(meta.name)
        .short_description(text(meta.summary))
        .help(MultiformatMessageString::builder().text(meta.page).markdown(meta.page.to_owned()).build())
        .default_configuration(configuration.build())
        .build()
}

fn finding(diagnostic: &Diagnostic, report: &Report<'_>, rules: &[&Meta]) -> Finding {
    let sources = report.sources;
    let mut related = Vec::new();
    for (label, id) in diagnostic.secondary.iter().zip(1_i64..) {
        let mut place = location(label, sources);
        place.id = Some(id);
        if !label.message.is_empty() {
            place.message = Some(message(&label.message));
        }
        related.push(place);
    }
    let mut primary = location(&diagnostic.primary, sources);
    if !diagnostic.primary.message.is_empty() {
        primary.message = Some(message(&diagnostic.primary.message));
    }
    primary.logical_locations = logical(diagnostic.rule_set.as_deref(), diagnostic.rule.as_deref());
    let mut properties = BTreeMap::new();
    if let Some(witness) = &diagnostic.witness {
        let hex = super::json::v1::hex(&witness.octets);
        let value = serde_json::json!({ "packet": witness.packet, "hex": hex });
        properties.insert("witness".to_owned(), value);
    }
    let mut result = Finding::builder()
        .rule_id(diagnostic.check.to_owned())
        .level(match diagnostic.level {
            Level::Error => ResultLevel::Error,
            Level::Warning => ResultLevel::Warning,
            Level::Note => ResultLevel::Note,
        })
        .message(message(&words(diagnostic)))
        .locations(vec![primary])
        .partial_fingerprints(fingerprint(diagnostic, sources))
        .build();
    result.rule_index = index(rules, diagnostic.check);
    result.related_locations = (!related.is_empty()).then_some(related);
    result.properties = (!properties.is_empty()).then(|| bag(properties));
    result
}

/// A question without an answer: the standard's kind `open`, which has no level.
fn open(question: &Inconclusive, report: &Report<'_>, rules: &[&Meta]) -> Finding {
    let holds = |input: &&super::InputSummary, name: &str| input.rule_sets.iter().any(|(set, _)| set == name);
    let of_set = question.rule_set.as_deref().and_then(|name| report.inputs.iter().find(|i| holds(i, name)));
    let input = of_set.or(report.inputs.first());
    let places = input.map(|input| {
        let artifact = ArtifactLocation::builder().uri(uri(&input.path)).build();
        let physical = PhysicalLocation::builder().artifact_location(artifact).build();
        let mut place = Location::builder().physical_location(physical).build();
        place.logical_locations = logical(question.rule_set.as_deref(), question.rule.as_deref());
        vec![place]
    });
    let mut result = Finding::builder()
        .rule_id(question.check.to_owned())
        .kind(ResultKind::Open)
        .level(ResultLevel::None)
        .message(message(&question.reason))
        .build();
    result.rule_index = index(rules, question.check);
    result.locations = places;
    result
}

fn index(rules: &[&Meta], check: &str) -> Option<i64> {
    rules.iter().position(|meta| meta.name == check).and_then(|i| i64::try_from(i).ok())
}

fn words(diagnostic: &Diagnostic) -> String {
    let mut words = diagnostic.message.clone();
    if let Some(witness) = &diagnostic.witness {
        let _ = write!(words, "\nwitness: {}", witness.packet);
    }
    if let Some(help) = &diagnostic.help {
        let _ = write!(words, "\nhelp: {help}");
    }
    for note in &diagnostic.notes {
        let _ = write!(words, "\nnote: {note}");
    }
    words
}

fn location(label: &Label, sources: &SourceMap) -> Location {
    let source = sources.get(label.source);
    let artifact = ArtifactLocation::builder().uri(uri(source.name())).build();
    let mut physical = PhysicalLocation::builder().artifact_location(artifact).build();
    let mut properties = BTreeMap::new();
    match source.place(label.span.start) {
        Place::Text(_) => physical.region = region(source, label),
        Place::Binary(at) => {
            properties.insert("frame".to_owned(), at.frame.into());
            properties.insert("octet".to_owned(), at.octet.into());
        }
    }
    let mut place = Location::builder().physical_location(physical).build();
    place.properties = (!properties.is_empty()).then(|| bag(properties));
    place
}

fn region(source: &Source, label: &Label) -> Option<Region> {
    let (Place::Text(start), Place::Text(end)) =
        (source.place(label.span.start), source.place(label.span.end))
    else {
        return None;
    };
    let mut region = Region::builder()
        .start_line(i64::from(start.line))
        .start_column(i64::from(start.column))
        .end_line(i64::from(end.line))
        .end_column(i64::from(end.column))
        .build();
    let quoted = source.slice(label.span);
    if !quoted.is_empty() && quoted.len() <= SNIPPET_OCTETS {
        region.snippet = Some(ArtifactContent::builder().text(quoted.to_owned()).build());
    }
    Some(region)
}

fn logical(rule_set: Option<&str>, rule: Option<&str>) -> Option<Vec<LogicalLocation>> {
    let name = rule.or(rule_set)?;
    let full = match (rule_set, rule) {
        (Some(set), Some(rule)) => format!("{set}/{rule}"),
        _ => name.to_owned(),
    };
    let place = LogicalLocation::builder().name(name.to_owned()).fully_qualified_name(full);
    Some(vec![place.kind("member".to_owned()).build()])
}

/// What stays the same when lines move: the check, the file, the rule and the text itself.
fn fingerprint(diagnostic: &Diagnostic, sources: &SourceMap) -> BTreeMap<String, String> {
    let source = sources.get(diagnostic.primary.source);
    let parts = [
        diagnostic.check,
        source.name(),
        diagnostic.rule_set.as_deref().unwrap_or(""),
        diagnostic.rule.as_deref().unwrap_or(""),
        &diagnostic.message,
        source.slice(diagnostic.primary.span),
    ];
    // FNV-1a, because it is the same in every version and needs no dependency; it guards nothing.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for octet in parts.iter().flat_map(|part| part.bytes().chain([0])) {
        hash = (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3);
    }
    BTreeMap::from([("flowgate/v1".to_owned(), format!("{hash:016x}"))])
}

/// A path as a relative reference of RFC 3986 §4.2; an absolute path that was given becomes a `file` URI.
fn uri(path: &str) -> String {
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    // The first segment of a relative reference must not look like a scheme.
    let first = path.split('/').next().unwrap_or("");
    if first.contains(':') {
        out.push_str("./");
    }
    for octet in path.bytes() {
        if octet.is_ascii_alphanumeric() || b"-._~/:@!$&'()*+,;=".contains(&octet) {
            out.push(char::from(octet));
        } else {
            let _ = write!(out, "%{octet:02X}");
        }
    }
    out
}

fn text(text: &str) -> MultiformatMessageString {
    MultiformatMessageString::builder().text(text).build()
}

fn message(text: &str) -> Message {
    Message::builder().text(text.to_owned()).build()
}

fn bag(properties: BTreeMap<String, serde_json::Value>) -> PropertyBag {
    PropertyBag::builder().additional_properties(properties).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_references_that_read_back() {
        let cases = [
            ("rules/a b.conf", "rules/a%20b.conf"),
            ("a:b/c", "./a:b/c"),
            ("/etc/x", "file:///etc/x"),
            ("ü%", "%C3%BC%25"),
            ("-", "-"),
        ];
        for (path, expected) in cases {
            assert_eq!(uri(path), expected);
        }
    }
}
