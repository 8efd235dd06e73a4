//! House rules that no type can hold: pages, headings, sorted lists, notes of origin, the wording of messages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test says no by a panic"
)]

use flowgate::check::CHECKS;
use flowgate::dialect::{DIALECTS, Dialect, Reads, Support};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn names_in(folder: &str, extension: &str) -> BTreeSet<String> {
    let folder = root().join(folder);
    let entries = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

fn files_under(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn every_check_has_its_page_with_its_headings_and_every_page_its_check() {
    const HEADINGS: [&str; 6] =
        ["What it finds", "Why it matters", "Example", "Instead", "What it cannot see", "References"];
    let names: BTreeSet<String> = CHECKS.iter().map(|c| c.meta().name.to_owned()).collect();
    assert_eq!(names, names_in("docs/checks", "md"));
    for check in CHECKS {
        let meta = check.meta();
        let page = fs::read_to_string(root().join(format!("docs/checks/{}.md", meta.name))).unwrap();
        assert_eq!(page, meta.page, "{}: the page built in is not the page in docs", meta.name);
        let headings: Vec<&str> = page.lines().filter_map(|l| l.strip_prefix("## ")).collect();
        assert_eq!(headings, HEADINGS, "docs/checks/{}.md", meta.name);
        assert!(page.starts_with(&format!("# {}\n", meta.name)), "docs/checks/{}.md", meta.name);
    }
}

#[test]
fn registries_are_sorted_and_names_are_plain() {
    let plain = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let checks: Vec<&str> = CHECKS.iter().map(|c| c.meta().name).collect();
    assert!(checks.is_sorted(), "{checks:?}");
    let dialects: Vec<&str> = DIALECTS.iter().map(|d| d.name()).collect();
    assert!(dialects.is_sorted(), "{dialects:?}");
    assert!(checks.iter().chain(&dialects).all(|name| plain(name)));
    for name in checks {
        assert!(!name.starts_with("no-") && !name.starts_with("check-"), "{name}");
    }
}

/// What a dialect brings besides its line in `DIALECTS`: CONTRIBUTING walks through it, this holds it.
#[test]
fn every_dialect_brings_what_it_must() {
    let mut missing = Vec::new();
    for dialect in DIALECTS {
        let name = dialect.name();
        let folder = format!("src/dialect/{}", name.replace('-', "_"));
        let mut files = vec![format!("{folder}/mod.rs"), format!("docs/dialects/{name}.md")];
        if dialect.reads() == Reads::Text {
            let own = ["syntax.rs", "parse.rs", "lower.rs", "support.rs"].map(|f| format!("{folder}/{f}"));
            files.extend(own);
            files.push(format!("tests/dialects/{}.md", name.replace('-', "_")));
        }
        if dialect.writes() {
            files.push(format!("{folder}/print.rs"));
        }
        missing.extend(files.into_iter().filter(|file| !root().join(file).is_file()));
        if dialect.reads() != Reads::Nothing {
            let folders = [
                format!("rules/{name}/sound"),
                format!("rules/{name}/flawed"),
                format!("corpus/seeds/{name}"),
            ];
            let is_empty = |folder: &String| {
                let entries = fs::read_dir(root().join(folder));
                entries
                    .map_or(0, |list| list.filter(|e| e.as_ref().unwrap().file_name() != "README.md").count())
                    == 0
            };
            missing.extend(folders.into_iter().filter(is_empty));
        }
        missing.extend(page_of(*dialect).into_iter().map(|what| format!("docs/dialects/{name}.md: {what}")));
        let ledger = dialect.ledger();
        let keys: Vec<_> = ledger.iter().map(|k| (k.context, k.word)).collect();
        if ledger.is_empty() || !keys.windows(2).all(|w| w[0] < w[1]) {
            missing.push(format!("a ledger of {name} that is sorted, each keyword once"));
        }
    }
    assert!(missing.is_empty(), "missing or empty:\n{}", missing.join("\n"));
}

/// What is wrong with the page of a dialect.
fn page_of(dialect: &dyn Dialect) -> Vec<String> {
    let page = root().join(format!("docs/dialects/{}.md", dialect.name()));
    let Ok(page) = fs::read_to_string(page) else { return Vec::new() };
    let mut wrong = Vec::new();
    if !page.starts_with(&format!("# {}\n", dialect.name())) {
        wrong.push("the first line is not `# NAME`".to_owned());
    }
    let mut headings =
        vec!["Recognised by", "What becomes of it", "Support", "Writing", "What it cannot see"];
    headings.retain(|heading| *heading != "Writing" || dialect.writes());
    let found: Vec<&str> =
        page.lines().filter_map(|l| l.strip_prefix("## ")).filter(|h| headings.contains(h)).collect();
    if found != headings {
        wrong.push(format!("the headings are not {headings:?} in this order, others between them"));
    }
    let list = format!("`flowgate dialects {}`", dialect.name());
    for keyword in dialect.ledger().iter().filter(|k| matches!(k.support, Support::Opaque)) {
        if !page.contains(keyword.word) && !page.contains(&list) {
            wrong.push(format!("the opaque `{}` is not named, nor {list}", keyword.word));
        }
    }
    wrong
}

/// Code outside the folder of a dialect that may name it, and why.
const NAMES_A_DIALECT: &[(&str, &str, &str)] = &[
    ("src/dialect/mod.rs", "", "its `mod`, its line in DIALECTS, and the options that only it has"),
    ("src/feed", "bgp-capture", "the feed cuts captures into the messages that this dialect reads"),
    ("src/feed", "mrt", "the same for dumps"),
    ("src/cli/inputs.rs", "mrt", "which of the two the feed is to expect"),
    ("src/dialect/nftables/fields.rs", "mrt", "a field of IGMP"),
    ("src/dialect/bird/words.rs", "mrt", "a keyword that is no name there"),
    ("src/dialect/mrt", "bgp-capture", "a dump is read as the messages it holds"),
    ("src/engine/measure", "", "engines bear the names of programs too, and routes go to them in hex"),
    ("src/cost", "", "platforms bear the names of programs, which dialects do too"),
];

#[test]
fn nothing_outside_its_folder_names_a_dialect() {
    let mut files = Vec::new();
    files_under(&root().join("src"), &mut files);
    let mut named = Vec::new();
    let mut needed = BTreeSet::new();
    for path in files.iter().filter(|path| path.extension().is_some_and(|e| e == "rs")) {
        let file = path.strip_prefix(root()).unwrap().display().to_string();
        let text = fs::read_to_string(path).unwrap();
        let body = text.split("\n#[cfg(test)]").next().unwrap();
        let code = body.lines().filter(|line| !line.trim_start().starts_with("//"));
        let code = code.collect::<Vec<_>>().join("\n");
        for dialect in DIALECTS.iter().map(|d| d.name()) {
            let module = dialect.replace('-', "_");
            let own = format!("src/dialect/{module}");
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let path = |at: usize| {
                let (before, after) = (&code[..at], &code[at + module.len()..]);
                !before.ends_with(is_word)
                    && (after.starts_with("::") || before.ends_with("::") && !after.starts_with(is_word))
            };
            let is_named = code.contains(&format!("\"{dialect}\""))
                || code.match_indices(module.as_str()).any(|(at, _)| path(at));
            if !is_named || file.starts_with(&format!("{own}/")) || file == format!("{own}.rs") {
                continue;
            }
            let known = |(prefix, name, _): &&(&str, &str, &str)| {
                file.starts_with(prefix) && (name.is_empty() || *name == dialect)
            };
            match NAMES_A_DIALECT.iter().find(known) {
                Some(entry) => _ = needed.insert(entry),
                None => named.push(format!("{file} names {dialect}")),
            }
        }
    }
    assert!(named.is_empty(), "{}", named.join("\n"));
    let idle: Vec<_> = NAMES_A_DIALECT.iter().filter(|e| !needed.contains(e) && e.0 != "src/cost").collect();
    assert!(idle.is_empty(), "no longer needed: {idle:?}");
}

#[test]
fn summaries_are_one_line_in_the_house_style() {
    for check in CHECKS {
        let meta = check.meta();
        assert!(!meta.summary.contains('\n') && !meta.summary.ends_with('.'), "{}", meta.name);
        assert!(meta.summary.chars().next().is_some_and(|c| !c.is_uppercase()), "{}", meta.name);
    }
}

#[test]
fn every_capture_says_where_it_comes_from() {
    let folder = root().join("corpus/captures");
    let note = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut files = Vec::new();
    files_under(&folder, &mut files);
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        assert!(
            name == "README.md" || note.contains(&name),
            "corpus/captures/README.md does not name {name}"
        );
    }
}

#[test]
fn every_incident_sample_has_its_story() {
    let folder = root().join("rules/incident");
    let note = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut files = Vec::new();
    files_under(&folder, &mut files);
    assert!(files.len() > 8);
    for file in files {
        let name = file.strip_prefix(&folder).unwrap().display().to_string();
        assert!(
            name.ends_with("README.md") || note.contains(&name),
            "rules/incident/README.md does not name {name}"
        );
    }
}

#[test]
fn the_tree_names_no_machine_and_no_unfinished_work() {
    let root = root();
    let mut files = Vec::new();
    for folder in ["src", "docs", "rules", "tests", "fuzz/src", "fuzz/fuzz_targets", "benches", ".ci"] {
        if root.join(folder).is_dir() {
            files_under(&root.join(folder), &mut files);
        }
    }
    let words =
        [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("to", "do!("), concat!("unimple", "mented!(")];
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        for word in words {
            assert!(!text.contains(word), "{} holds `{word}`", file.display());
        }
        assert!(!text.contains(concat!("#[ig", "nore")), "{} ignores a test", file.display());
    }
}
