//! What FRR shows: entries of `show bgp ipv4 flowspec`, in full, in short and as JSON. White space may be folded.

use super::lower::Rules;
use super::support;
use super::syntax::{Body, Entry, Item};
use super::values;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::ComponentType;
use crate::dialect::json_text::{self, Json, Value};
use crate::dialect::pager;
use crate::dialect::raised;
use crate::field::Family;
use crate::source::Span;

/// Reads what was shown into `rules`. Gives how much was passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let start = text.trim_start();
    if start.starts_with('{') || start.starts_with('[') {
        return json(text, rules, findings);
    }
    let (mut skipped, mut offset) = (0, 0);
    let mut block = Block { family: None, entries: Vec::new() };
    let mut in_detail = false;
    for line in text.split_inclusive('\n') {
        offset += line.len();
        let line = pager::behind(line);
        let at = offset - line.len();
        if is_command(line) {
            block.close(rules, findings);
            (block.family, in_detail) = (family_of(line), false);
            continue;
        }
        if short_form(line) {
            block.entries.push(summary(line, at));
            continue;
        }
        if !in_detail && line.trim_start().starts_with(['*', '>']) {
            let start = at + line.len() - line.trim_start().len();
            let span = Span::new(start, at + line.trim_end().len());
            findings.error(raised::SYNTAX_ERROR, "expected an entry as FRR shows it", span);
            continue;
        }
        // Lines of `detail`, folded into one or not.
        in_detail |= line.contains("(flags 0x");
        if in_detail {
            detail(line, at, &mut block);
            in_detail = !line.contains("Displayed ");
        } else if !line.trim().is_empty() {
            skipped += 1;
        }
        if line.contains("Displayed ") {
            block.close(rules, findings);
            block.family = None;
        }
    }
    block.close(rules, findings);
    skipped
}

/// Whether a line is of the short form: a status, then a component by its short name.
pub(super) fn short_form(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix('*') else { return false };
    let rest = rest.trim_start_matches(['>', '=', ' ', 'i']);
    let mut words = rest.split_whitespace();
    let (Some(word), Some(next)) = (words.next(), words.next()) else { return false };
    let is_prefix = matches!(word, "to" | "from");
    let shown = next.starts_with(['=', '<', '>', '∋']) || next.bytes().all(|byte| byte.is_ascii_digit());
    support::short(word).is_some() && if is_prefix { next.contains('/') } else { shown }
}

/// Whether a line is a command that shows flow routes.
fn is_command(line: &str) -> bool {
    let rest = line.split_once("show ").map_or("", |(_, rest)| rest);
    matches!(rest.split_whitespace().next(), Some("bgp" | "ip")) && line.contains("flowspec")
}

/// The family that a command asks for.
fn family_of(line: &str) -> Option<Family> {
    line.split_whitespace().find_map(|word| match word {
        "ipv4" => Some(Family::Inet),
        "ipv6" => Some(Family::Inet6),
        _ => None,
    })
}

/// Entries of one table: all of one family, which not each of them tells.
struct Block {
    family: Option<Family>,
    entries: Vec<Entry>,
}

impl Block {
    fn close(&mut self, rules: &mut Rules<'_>, findings: &mut Findings) {
        let told = self.entries.iter().find_map(|entry| entry.family);
        let family = self.family.or(told).unwrap_or(Family::Inet);
        for mut entry in self.entries.drain(..) {
            entry.family.get_or_insert(family);
            rules.entry(&entry, findings);
        }
    }
}

fn empty(span: Span) -> Entry {
    let (items, asked, unread) = (Vec::new(), Vec::new(), Vec::new());
    Entry { family: None, items, asked, unread, asked_known: false, span }
}

impl Entry {
    fn push(&mut self, kind: ComponentType, text: &str, offset: usize, start: usize) {
        let body = values::body(kind, text, offset);
        match body {
            Body::Prefix6(..) => self.family = Some(Family::Inet6),
            Body::Prefix4(..) => self.family = Some(Family::Inet),
            _ if kind == ComponentType::FlowLabel => self.family = Some(Family::Inet6),
            _ => {}
        }
        let span = Span::new(start, offset + text.trim_end().len());
        self.items.push(Item { kind, body, span });
        self.span = if self.span == Span::default() { span } else { self.span.to(span) };
    }
}

/// Words that end the value before them.
const ENDS: [&str; 8] = ["FS:", "UNK:", "received", "not", "installed", "Displayed", "NH:", "BGP"];

// The components and actions of one line; a line may hold a whole entry, or one word of it.
fn detail(line: &str, at: usize, block: &mut Block) {
    let words = words(line);
    let slice = |from: usize, to: usize| line.get(from..to).unwrap_or("");
    let mut index = 0;
    while let Some((word, start)) = words.get(index).copied() {
        if word == "(flags" {
            let mut entry = empty(Span::new(at + start, at + start + word.len()));
            entry.asked_known = true;
            block.entries.push(entry);
            index += 2;
            continue;
        }
        let Some(entry) = block.entries.last_mut() else {
            index += 1;
            continue;
        };
        let ends = |from: usize| {
            let rest = words.get(from..).unwrap_or(&[]);
            let length = rest.iter().enumerate().position(|(index, (word, _))| {
                ENDS.iter().any(|end| word.starts_with(end))
                    || name(&words, from + index).is_some()
                    || *word == "(flags"
            });
            from + length.unwrap_or(rest.len())
        };
        if let Some((count, kind)) = name(&words, index) {
            let end = ends(index + count);
            let value_start = words.get(index + count).map_or(line.len(), |(_, start)| *start);
            let value_end = words.get(end).map_or(line.trim_end().len(), |(_, start)| *start);
            entry.push(kind, slice(value_start, value_end), at + value_start, at + start);
            index = end.max(index + 1);
        } else if ["FS:", "NH:", "UNK:"].iter().any(|head| word.starts_with(head)) {
            let end = ends(index + 1);
            let stop = words.get(end).map_or(line.trim_end().len(), |(_, start)| *start);
            let text = slice(start, stop).trim_end();
            entry.asked.push((values::asked(text), Span::new(at + start, at + start + text.len())));
            index = end.max(index + 1);
        } else if let Some(length) = told(words.get(index..).unwrap_or(&[])) {
            index += length;
        } else {
            let end = ends(index + 1);
            let stop = words.get(end).map_or(line.trim_end().len(), |(_, start)| *start);
            entry.unread.push(Span::new(at + start, at + start + slice(start, stop).trim_end().len()));
            index = end;
        }
    }
}

/// How many words say something of an entry that decides nothing: its age, whether it is installed, what is around it.
fn told(words: &[(&str, usize)]) -> Option<usize> {
    let word = |index: usize| words.get(index).map(|(word, _)| *word);
    match (word(0)?, word(1)) {
        ("received", Some("for")) | ("BGP", Some("flowspec")) => Some(3),
        ("not", Some("installed")) => Some(4),
        ("installed", Some("in")) => {
            // The sets it is installed as, in parentheses.
            let open = word(3).is_some_and(|word| word.starts_with('('));
            let close = words.iter().skip(3).position(|(word, _)| word.ends_with(')'));
            Some(3 + if open { close.map_or(words.len(), |at| at + 1) } else { 0 })
        }
        ("Displayed", _) => Some(words.len()),
        (prompt, _) if prompt.ends_with('#') => Some(words.len()),
        _ => None,
    }
}

fn words(line: &str) -> Vec<(&str, usize)> {
    line.split_whitespace().map(|word| (word, Span::of(line, word).start as usize)).collect()
}

// The component whose name begins at a word, and how many words that takes.
fn name(words: &[(&str, usize)], at: usize) -> Option<(usize, ComponentType)> {
    let fits = |long: &str| {
        let mut parts = long.split(' ');
        let mut index = at;
        parts.all(|part| {
            index += 1;
            words.get(index - 1).is_some_and(|(word, _)| *word == part)
        })
    };
    let (long, _, kind) = support::NAMES.iter().find(|(long, ..)| fits(long))?;
    Some((long.split(' ').count(), *kind))
}

// `*>  to 10.0.0.0/24 proto = 6 ...      0 65001 ?`: weight and path stand behind a wide gap.
fn summary(line: &str, at: usize) -> Entry {
    let cut = line.find("          ").unwrap_or(line.len());
    let head = line.get(..cut).unwrap_or(line);
    let words = words(head);
    let mut entry = empty(Span::default());
    let names: Vec<usize> = (0..words.len())
        .filter(|index| words.get(*index).is_some_and(|(word, _)| support::short(word).is_some()))
        .collect();
    for (number, index) in names.iter().enumerate() {
        let Some((word, start)) = words.get(*index).copied() else { continue };
        let Some(kind) = support::short(word) else { continue };
        let from = start + word.len();
        let end =
            names.get(number + 1).and_then(|next| words.get(*next)).map_or(head.len(), |(_, start)| *start);
        let text = head.get(from..end).unwrap_or("");
        let inside = text.len() - text.trim_start().len();
        entry.push(kind, text.trim_start(), at + from + inside, at + start);
    }
    entry
}

// `json` and `detail json`: the second is a list for each entry, one behind the other.
fn json(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let roots = match json_text::read_all(text) {
        Ok(roots) => roots,
        Err(fault) => {
            let span = Span::new(fault.at, fault.at);
            findings.error(raised::SYNTAX_ERROR, format!("expected {}", fault.expected), span);
            return 0;
        }
    };
    let mut skipped = 0;
    let mut block = Block { family: None, entries: Vec::new() };
    for root in &roots {
        if let Some(Value::Object(routes)) = root.get("routes").map(|routes| &routes.value) {
            for (_, paths) in routes {
                let best = paths.list().iter().find(|path| path.get("bestpath").is_some_and(Json::is_true));
                match best.or(paths.list().first()) {
                    Some(path) => block.entries.push(members(&[path], false)),
                    None => skipped += 1,
                }
            }
        } else if matches!(root.value, Value::List(_)) {
            let parts: Vec<&Json<'_>> = root.list().iter().collect();
            let mut entry = members(&parts, true);
            entry.span = root.span;
            block.entries.push(entry);
        } else {
            skipped += 1;
        }
    }
    block.close(rules, findings);
    skipped
}

/// The communities of a list, each with its name in front.
fn communities(text: &str) -> impl Iterator<Item = &str> {
    let begins = |at: &usize| {
        let rest = text.get(*at..).unwrap_or("");
        ["FS:", "NH:", "UNK:"].iter().any(|head| rest.starts_with(head))
    };
    let starts: Vec<usize> = (0..text.len()).filter(begins).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]).collect::<Vec<_>>();
    starts.into_iter().zip(ends).filter_map(|(start, end)| Some(text.get(start..end)?.trim()))
}

fn members(parts: &[&Json<'_>], asked_known: bool) -> Entry {
    let mut entry = empty(parts.first().map_or(Span::default(), |part| part.span));
    entry.asked_known = asked_known;
    for part in parts {
        let Value::Object(list) = &part.value else { continue };
        for (name, value) in list {
            let Some(text) = value.text() else { continue };
            let start = value.span.start as usize + 1;
            if let Some(kind) = support::short(name) {
                entry.push(kind, text, start, start);
            } else if name == "ecomlist" {
                for words in communities(text) {
                    entry.asked.push((values::asked(words), value.span));
                }
            }
        }
    }
    entry.span = parts.first().map_or(entry.span, |part| part.span);
    entry
}
