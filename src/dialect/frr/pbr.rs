//! Policy maps: `pbr-map NAME seq N` with its `match` and `set` lines, and the interfaces that use them.

use super::lower::Rules;
use super::syntax::{Match, Sequence, Set};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::pager;
use crate::dialect::raised;
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};

type Maps<'a> = BTreeMap<&'a str, BTreeMap<u16, Sequence>>;

/// Reads a configuration into `rules`. Gives how many lines were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let mut maps: Maps<'_> = BTreeMap::new();
    let mut uses: Vec<(&str, Span)> = Vec::new();
    let mut inside: Option<(&str, u16)> = None;
    let (mut skipped, mut offset) = (0, 0);
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let line = pager::behind(line);
        let at = offset - line.len();
        let trimmed = line.trim();
        let start = at + (line.len() - line.trim_start().len());
        let span = Span::new(start, start + trimmed.len());
        let words: Vec<&str> = trimmed.split_whitespace().collect();
        match words[..] {
            [] => {}
            [first, ..] if first.starts_with(['!', '#']) => {}
            ["pbr-map", name, "seq", number, ..] => {
                inside = number.parse().ok().filter(|number| (1..=700).contains(number)).map(|n| (name, n));
                let Some((name, number)) = inside else {
                    findings.error(raised::SYNTAX_ERROR, "expected a sequence number of 1 to 700", span);
                    continue;
                };
                maps.entry(name)
                    .or_default()
                    .entry(number)
                    .or_insert_with(|| Sequence { span, ..Sequence::default() });
            }
            ["no", "pbr-map", name, "seq", number, ..] => {
                if let (Some(map), Ok(number)) = (maps.get_mut(name), number.parse::<u16>()) {
                    map.remove(&number);
                }
                inside = None;
            }
            ["pbr-policy", name] => uses.push((name, span)),
            ["match" | "set" | "no", ..] if inside.is_some() => {
                let sequence = inside.and_then(|(name, number)| maps.get_mut(name)?.get_mut(&number));
                if let Some(sequence) = sequence {
                    statement(&words, span, sequence, findings);
                }
            }
            ["exit" | "end", ..] => inside = None,
            [..] if inside.is_some() && line.starts_with([' ', '\t']) => {
                findings.error(raised::SYNTAX_ERROR, "this is no statement of a policy map", span);
                // What it would have asked for is not known.
                if let Some(sequence) = inside.and_then(|(name, number)| maps.get_mut(name)?.get_mut(&number))
                {
                    sequence.matches.push(Match { keyword: String::new(), value: String::new(), span });
                }
            }
            _ => {
                if !line.starts_with([' ', '\t']) {
                    inside = None;
                }
                skipped += 1;
            }
        }
    }
    let used: BTreeSet<&str> = uses.iter().map(|(name, _)| *name).collect();
    for (name, span) in uses.iter().filter(|(name, _)| !maps.contains_key(name)) {
        let message = format!("no `pbr-map` has the name `{name}`: nothing is matched on this interface");
        findings.add(
            raised::UNDEFINED_REFERENCE,
            Level::Warning,
            message,
            *span,
            "define it, or remove the line",
        );
    }
    for (name, map) in &maps {
        if !used.is_empty() && !used.contains(name) {
            let message = format!("no interface uses the policy map `{name}`");
            let span = map.values().next().map_or(Span::default(), |sequence| sequence.span);
            findings.add(
                raised::UNUSED_DEFINITION,
                Level::Note,
                message,
                span,
                "add `pbr-policy`, or remove it",
            );
        }
        rules.policy_map(name, map, findings);
    }
    skipped
}

/// What a policy map can do with a packet, in any version.
const SETS: [&str; 13] = [
    "dscp",
    "dst-ip",
    "dst-port",
    "ecn",
    "nexthop",
    "nexthop-group",
    "pcp",
    "queue-id",
    "src-ip",
    "src-port",
    "strip",
    "vlan",
    "vrf",
];

fn statement(words: &[&str], span: Span, sequence: &mut Sequence, findings: &mut Findings) {
    match words {
        ["match", keyword, values @ ..] => {
            // One value a keyword: a later line replaces. What is no value is said where it is read.
            sequence.matches.retain(|other| other.keyword != *keyword);
            sequence.matches.push(Match { keyword: (*keyword).to_owned(), value: values.join(" "), span });
        }
        ["set", words @ ..] if !words.is_empty() => {
            let kind = words.first().copied().unwrap_or("");
            if !SETS.contains(&kind) {
                let message = format!("`{kind}` is no action of a policy map");
                findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, span, "");
            }
            sequence
                .sets
                .retain(|other| group(other.words.first().map_or("", String::as_str)) != group(kind));
            sequence.sets.push(Set { words: words.iter().map(|word| (*word).to_owned()).collect(), span });
        }
        ["no", "match", keyword, ..] => sequence.matches.retain(|other| other.keyword != *keyword),
        ["no", "set", keyword, ..] => {
            sequence.sets.retain(|other| other.words.first().map_or("", String::as_str) != *keyword);
        }
        _ => findings.error(raised::SYNTAX_ERROR, "expected a keyword and its value", span),
    }
}

// Ways to send a packet replace each other; marks stand beside them.
fn group(kind: &str) -> &str {
    match kind {
        "nexthop" | "nexthop-group" | "vrf" => "route",
        other => other,
    }
}
