//! A module uses floors below its own, never one beside or above it.
//!
//! Reads the `crate::` paths of every file under `src`; what separate crates would give, in a page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says no by a panic"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// The floors, from the ground up. A module may name modules of lower floors, and its own.
const FLOORS: &[&[&str]] = &[
    &["source", "net"],
    &["field", "guard"],
    &["diagnostic", "ir"],
    &["dialect", "packet"],
    &["eval", "symbolic", "cost", "regex"],
    &["check", "campaign", "query"],
    &["report", "config", "engine", "feed"],
    &["cli", "main"],
];

/// Borders inside a floor, as absence: files under the first never name the second.
const ABSENT: &[(&str, &str)] = &[
    ("src/ir", "pnet"),
    ("src/dialect", "std::fs"),
    ("src/check", "std::fs"),
    ("src/symbolic", "std::fs"),
    ("src/eval", "pcap_file"),
    ("src/check", "annotate_snippets"),
    ("src/cli", "annotate_snippets"),
    ("src/check", "serde_json"),
    ("src/dialect", "clap"),
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|modules| modules.contains(&module))
}

fn rust_files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, out);
        } else if path.extension().is_some_and(|e| e == "rs") {
            out.push(path);
        }
    }
}

fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    files.sort();
    let read =
        |p: &PathBuf| (p.strip_prefix(root).unwrap().display().to_string(), fs::read_to_string(p).unwrap());
    files.iter().map(read).collect()
}

/// The code of a file without comments and without its tests at the foot.
fn code(text: &str) -> String {
    let body = text.split("\n#[cfg(test)]\nmod tests").next().unwrap_or("");
    body.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The modules that `code` names as `crate::module`, nested uses included.
fn named_modules(code: &str) -> Vec<String> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut names = Vec::new();
    for part in code.split("crate::").skip(1) {
        if let Some(list) = part.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_start = true;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    c if at_start && depth == 0 && is_word(c) => word.push(c),
                    _ => {}
                }
                if !is_word(c) && !word.is_empty() {
                    names.push(std::mem::take(&mut word));
                    at_start = c == ',' && depth == 0;
                }
            }
            names.extend((!word.is_empty()).then_some(word));
        } else {
            names.push(part.chars().take_while(|c| is_word(*c)).collect());
        }
    }
    names
}

#[test]
fn no_module_names_one_of_its_own_floor_or_above() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let own = path.trim_start_matches("src/").split(['/', '.']).next().unwrap_or("").to_owned();
        if own == "lib" {
            continue;
        }
        let Some(here) = floor(&own) else {
            wrong.push(format!("{path}: module `{own}` stands on no floor"));
            continue;
        };
        for named in named_modules(&code(&text)) {
            if named == own {
                continue;
            }
            match floor(&named) {
                Some(there) if there < here => {}
                // A macro or a re-export at the root of the crate has no floor and is not a module.
                None => {}
                Some(_) => wrong.push(format!("{path} names `{named}`")),
            }
        }
    }
    assert!(wrong.is_empty(), "upward or sideways paths:\n{}", wrong.join("\n"));
}

#[test]
fn borders_hold_as_absence() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let code = code(&text);
        for (folder, word) in ABSENT {
            if path.starts_with(folder) && code.contains(word) {
                wrong.push(format!("{path} names `{word}`"));
            }
        }
        let printing_allowed = path.starts_with("src/cli") || path == "src/main.rs";
        for word in ["println!", "eprintln!", "std::process::exit", "std::env::"] {
            if !printing_allowed && code.contains(word) {
                wrong.push(format!("{path} uses `{word}`"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_paths_sees_plain_and_nested_uses() {
    let text = "use crate::ir::Rule;\nuse crate::{net::{Prefix4, Prefix6}, eval, guard::Meter};\nlet x = crate::cli::run();";
    assert_eq!(named_modules(text), ["ir", "net", "eval", "guard", "cli"]);
}
