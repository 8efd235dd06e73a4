//! Files of JSON, to a [`Ruleset`]: objects and commands. What they say is placed by the object: a rule has the
//! place of its whole object.

use super::super::defines::Defines;
use super::super::parse::File;
use super::super::ruleset::{Base, Declared, ElementSource, RuleSource, Ruleset, Set, TableFamily};
use super::super::syntax::Word;
use super::syntax::{single, text};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{raise, raised};
use crate::source::{SourceId, Span};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// The objects of a file with their places, and what is wrong with it.
pub(super) type Objects = (Vec<(Value, Span)>, Vec<Diagnostic>);

#[derive(Deserialize)]
struct Top<'a> {
    #[serde(borrow)]
    nftables: Vec<&'a RawValue>,
}

/// Takes a file apart.
pub(super) fn objects(text: &str, source: SourceId) -> Objects {
    let fault =
        |message: String, span| vec![raise(raised::SYNTAX_ERROR, Level::Error, message, source, span)];
    let top: Top<'_> = match serde_json::from_str(text) {
        Ok(top) => top,
        Err(error) => return (Vec::new(), fault(reason(&error), place_of(text, &error))),
    };
    let (mut list, mut diagnostics) = (Vec::with_capacity(top.nftables.len()), Vec::new());
    for raw in top.nftables {
        let span = Span::of(text, raw.get());
        match serde_json::from_str(raw.get()) {
            Ok(value) => list.push((value, span)),
            Err(error) => diagnostics.extend(fault(reason(&error), span)),
        }
    }
    (list, diagnostics)
}

// The message without the place, which the finding has.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or("this is no JSON");
    format!("this is not the JSON of nftables: {message}")
}

fn place_of(text: &str, error: &serde_json::Error) -> Span {
    let before: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    // The column counts octets, and may be inside of a character.
    let mut at = (before + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let width = text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    Span::new(at, at + width)
}

/// The tables of a file.
pub(super) fn ruleset(objects: &[(Value, Span)], source: SourceId) -> File<'_> {
    let mut file = File {
        ruleset: Ruleset::default(),
        defines: Defines::default(),
        diagnostics: Vec::new(),
        skipped: 0,
    };
    for (value, span) in objects {
        let Some((key, inner)) = single(value) else {
            file.diagnostics.push(raise(
                raised::SYNTAX_ERROR,
                Level::Error,
                "expected an object with one member",
                source,
                *span,
            ));
            continue;
        };
        let (verb, found) = match key {
            "add" | "insert" | "delete" | "flush" | "create" | "replace" | "rename" | "destroy" => {
                (key, single(inner))
            }
            _ => ("add", Some((key, inner))),
        };
        if matches!(key, "list" | "reset" | "metainfo") {
            file.skipped += usize::from(key != "metainfo");
            continue;
        }
        match found {
            Some((kind, object)) => command(&mut file, verb, kind, object, *span, source),
            None => file.skipped += 1,
        }
    }
    file
}

fn command<'a>(file: &mut File<'a>, verb: &str, kind: &str, object: &'a Value, span: Span, source: SourceId) {
    let family = text(object, "family").and_then(TableFamily::by_name);
    if kind == "ruleset" {
        if verb == "flush" {
            file.ruleset.clear(family);
        }
        return;
    }
    let word = |key: &str| text(object, key).map(|text| Word { text, span });
    let table = word(if kind == "table" { "name" } else { "table" });
    let (Some(family), Some(table)) = (family, table) else {
        let message = format!("expected the family and the table of this `{kind}`");
        file.diagnostics.push(raise(raised::SYNTAX_ERROR, Level::Error, message, source, span));
        return;
    };
    let name = word(if kind == "rule" { "chain" } else { "name" });
    let adds = matches!(verb, "add" | "insert" | "create" | "replace");
    match (kind, name) {
        ("table", _) if adds => {
            let dormant = object.get("flags").is_some_and(|flags| flags.to_string().contains("dormant"));
            file.ruleset.table_mut(family, table).dormant |= dormant;
        }
        ("table", _) if verb == "flush" => file.ruleset.flush_table(family, table.text),
        ("table", _) => file.ruleset.remove_table(family, table.text),
        ("chain", Some(name)) if adds => {
            let base = base(object, family, span);
            let chain = file.ruleset.table_mut(family, table).chain_mut(name);
            if base.is_some() {
                chain.base = base;
            }
        }
        ("chain", Some(name)) => {
            let Some(table) = file.ruleset.find(family, table.text) else { return };
            match (verb, word("newname")) {
                ("rename", Some(new)) => {
                    table.rename_chain(name.text, new);
                }
                ("flush", _) if table.chain(name.text).is_some() => table.chain_mut(name).rules.clear(),
                ("delete" | "destroy", _) => {
                    table.remove_chain(name.text);
                }
                _ => {}
            }
        }
        ("rule", Some(name)) => {
            let chain = file.ruleset.table_mut(family, table).chain_mut(name);
            let rule = RuleSource::Json(object, span);
            let index = object.get("index").and_then(Value::as_u64).and_then(|i| usize::try_from(i).ok());
            match (verb, index) {
                ("add" | "create", None) => chain.rules.push_back(rule),
                ("insert", None) => chain.rules.push_front(rule),
                ("add" | "create", Some(index)) if index < chain.rules.len() => {
                    chain.rules.insert(index + 1, rule);
                }
                ("insert", Some(index)) if index < chain.rules.len() => chain.rules.insert(index, rule),
                _ => {
                    chain.unsure = Some(span);
                    let message = "which rule this is about is not known";
                    let check = raised::UNSUPPORTED_KEYWORD;
                    file.diagnostics.push(raise(check, Level::Warning, message, source, span));
                }
            }
        }
        ("set" | "map", Some(name)) if adds => {
            declare(file.ruleset.table_mut(family, table).set_mut(name), object, span);
        }
        ("element", Some(name)) if adds => {
            let set = file.ruleset.table_mut(family, table).set_mut(name);
            if let Some(elements) = object.get("elem") {
                set.elements.push(ElementSource::Json(elements, span));
            }
        }
        ("element", Some(name)) => {
            let set = file.ruleset.table_mut(family, table).set_mut(name);
            set.elements.clear();
            set.changes = true;
        }
        ("set" | "map", Some(name)) => {
            let Some(table) = file.ruleset.find(family, table.text) else { return };
            if verb == "flush" && table.set(name.text).is_some() {
                table.set_mut(name).elements.clear();
            } else if verb != "flush" {
                table.remove_set(name.text);
            }
        }
        (kind, Some(name)) if adds => {
            file.skipped += 1;
            let known = OBJECTS.iter().filter(|known| **known == kind);
            let said = super::syntax::words(kind, object);
            let objects = &mut file.ruleset.table_mut(family, table).objects;
            objects.extend(known.map(|kind| ((*kind, name.text), said.clone())));
        }
        _ => file.skipped += 1,
    }
}

// Objects of a table that rules may name.
const OBJECTS: [&str; 9] = [
    "counter",
    "ct expectation",
    "ct helper",
    "ct timeout",
    "flowtable",
    "limit",
    "quota",
    "secmark",
    "synproxy",
];

fn declare<'a>(set: &mut Set<'a>, object: &'a Value, span: Span) {
    let flags = object.get("flags").map(Value::to_string).unwrap_or_default();
    set.declared = object.get("type").map(Declared::Json);
    set.merges |= object.get("auto-merge").and_then(Value::as_bool).unwrap_or(false);
    set.interval |= flags.contains("interval");
    set.changes |= flags.contains("dynamic") || flags.contains("timeout");
    set.expires |= object.get("timeout").is_some();
    set.changes |= set.expires;
    if let Some(elements) = object.get("elem") {
        set.elements.push(ElementSource::Json(elements, span));
    }
}

fn base(object: &Value, family: TableFamily, span: Span) -> Option<Base<'_>> {
    let kind = Word { text: text(object, "type")?, span };
    let devices = match object.get("dev") {
        Some(Value::String(device)) => vec![device.as_str()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let priority = match object.get("prio") {
        Some(Value::String(name)) => {
            super::super::names::priority(name, family == TableFamily::Bridge).map_or(0, i64::from)
        }
        Some(number) => number.as_i64().unwrap_or(0),
        None => 0,
    };
    let drops = text(object, "policy") == Some("drop");
    let hook = Word { text: text(object, "hook").unwrap_or(""), span };
    Some(Base { kind, hook, devices, priority, drops })
}
