//! Suites that start with what rules do today hold for these rules, whatever dialect they are written in.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test says no by a panic, and what it skips is said"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn flowgate(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowgate"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(args).output().unwrap()
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|e| e != "md") {
            out.push(path);
        }
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Starts a suite for a file and runs it; false where the file has no rules that one can be started for.
fn holds(rules: &Path, suite: &Path) -> bool {
    let (rules, suite) = (rules.to_str().unwrap(), suite.to_str().unwrap());
    let made = flowgate(&["test", "--generate", rules, "--output", suite]);
    if made.status.code() == Some(2) {
        let why = text(&made.stderr);
        // What is no rule file, has no rules or too many is not for this.
        let known = [
            "no dialect",
            "no rule was found",
            "several dialects",
            "has several rule sets",
            "generated-cases",
        ];
        assert!(known.iter().any(|word| why.contains(word)), "{rules}: {why}");
        return false;
    }
    assert!(matches!(made.status.code(), Some(0 | 1)), "{rules}: {}", text(&made.stderr));
    let run = flowgate(&["test", suite, "--format", "json"]);
    // A suite without a case is none.
    if text(&run.stderr).contains("there is no `[[case]]`") {
        return false;
    }
    let document: serde_json::Value =
        serde_json::from_slice(&run.stdout).unwrap_or_else(|_| panic!("{rules}: {}", text(&run.stderr)));
    let summary = &document["summary"];
    let fails =
        document["suites"][0]["cases"].as_array().unwrap().iter().find(|case| case["status"] != "passed");
    assert_eq!(summary["passed"], summary["cases"], "{rules}: {fails:?}");
    // Only where the rules could not be read whole.
    assert_eq!(run.status.code(), made.status.code(), "{rules}: {}", text(&run.stderr));
    true
}

/// Dialects of which patterns are read alone: no packet meets a rule of theirs.
const PATTERNS: [&str; 3] = ["pattern-list", "secrule", "suricata"];

#[test]
fn a_suite_to_start_with_passes_on_the_samples_of_every_dialect() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite.toml");
    for dialect in std::fs::read_dir(root).unwrap() {
        let dialect = dialect.unwrap().path();
        let mut list = Vec::new();
        files(&dialect, &mut list);
        let held = list.iter().filter(|file| holds(file, &suite)).count();
        let name = dialect.file_name().and_then(|name| name.to_str()).unwrap();
        assert!(
            held > 0 || list.is_empty() || PATTERNS.contains(&name),
            "no suite for {}",
            dialect.display()
        );
    }
}

/// Real files tried of every dialect.
const EACH: usize = 12;

#[test]
fn a_suite_to_start_with_passes_on_real_files() {
    let Some(corpora) = std::env::var_os("FLOWGATE_CORPORA") else {
        eprintln!("SKIPPED: FLOWGATE_CORPORA names no folder of real files");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let suite = folder.path().join("suite.toml");
    let mut held = 0;
    for dialect in
        ["bird", "exabgp", "frr", "gobgp", "ios_xr", "iptables", "junos", "nftables", "pcap_filter"]
    {
        let mut list = Vec::new();
        files(&Path::new(&corpora).join(dialect), &mut list);
        list.retain(|path| path.metadata().is_ok_and(|m| m.len() < 8_000));
        let step = (list.len() / EACH).max(1);
        held += list.iter().step_by(step).filter(|file| holds(file, &suite)).count();
    }
    assert!(held > 40, "{held}");
}
