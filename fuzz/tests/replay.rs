//! Everything ever found, and every sample, through every law on a stable compiler.

use flowgate_fuzz::{TARGETS, text};
use std::fs;
use std::path::{Path, PathBuf};

fn files_under(folder: &Path, out: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_under(&path, out);
        } else if path.file_name().is_none_or(|name| name != "README.md") {
            out.push(path);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Replays the seeds of a name, and its regressions where there are any.
fn replay(name: &str, law: impl Fn(&[u8])) {
    let mut files = Vec::new();
    files_under(&root().join("corpus/seeds").join(name), &mut files);
    assert!(!files.is_empty(), "corpus/seeds/{name} is empty");
    let regressions = root().join("corpus/regressions").join(name);
    if regressions.is_dir() {
        files_under(&regressions, &mut files);
    }
    for file in files {
        eprintln!("{name} {}", file.display());
        law(&fs::read(&file).unwrap());
    }
}

#[test]
fn every_seed_and_regression_holds() {
    for target in TARGETS {
        replay(target.name, target.run);
    }
    for dialect in text::dialects() {
        replay(dialect.name(), |octets| text::law(dialect, octets));
    }
}

#[test]
fn every_regression_has_its_story() {
    let folder = root().join("corpus/regressions");
    let stories = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut files = Vec::new();
    files_under(&folder, &mut files);
    for file in files {
        let name = file.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
        let is_replayed =
            TARGETS.iter().any(|t| t.name == name) || text::dialects().any(|d| d.name() == name);
        assert!(is_replayed, "{} is replayed by no target", file.display());
        let name = file.file_name().and_then(|name| name.to_str()).unwrap();
        assert!(stories.contains(&format!("\n- `{name}`: ")), "{} has no story", file.display());
    }
}

#[test]
fn every_sample_goes_through_every_law_and_so_do_its_beginnings() {
    let mut files = Vec::new();
    files_under(&root().join("rules"), &mut files);
    files_under(&root().join("corpus/captures"), &mut files);
    assert!(files.len() > 20);
    for file in files {
        eprintln!("{}", file.display());
        let octets = fs::read(&file).unwrap();
        // Cut short in four places: readers meet files that were not written to their end.
        for quarter in 1..=4 {
            let octets = &octets[..octets.len() * quarter / 4];
            TARGETS.iter().for_each(|target| (target.run)(octets));
            text::dialects().for_each(|dialect| text::law(dialect, octets));
        }
    }
}
