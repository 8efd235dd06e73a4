//! House rules that no type can hold: pages, headings, sorted lists, notes of origin, the wording of messages.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says no by a panic"
)]

use flowgate::check::CHECKS;
use flowgate::dialect::{DIALECTS, Reads};
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

#[test]
fn every_dialect_has_its_page_its_samples_and_its_ledger_in_order() {
    for dialect in DIALECTS {
        let name = dialect.name();
        assert!(root().join(format!("docs/dialects/{name}.md")).is_file(), "docs/dialects/{name}.md");
        if dialect.reads() == Reads::Nothing {
            continue;
        }
        let samples = root().join("rules").join(name);
        for folder in ["sound", "flawed"] {
            let count = fs::read_dir(samples.join(folder)).map_or(0, Iterator::count);
            assert!(count > 0, "rules/{name}/{folder} holds no sample");
        }
        let ledger = dialect.ledger();
        assert!(!ledger.is_empty(), "{name} has no ledger");
        let keys: Vec<_> = ledger.iter().map(|k| (k.context, k.word)).collect();
        assert!(keys.windows(2).all(|w| w[0] < w[1]), "{name}: ledger not sorted or not unique");
    }
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
