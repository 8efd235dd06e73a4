//! Everything ever found, and every sample, through every law on a stable compiler.

use flowgate_fuzz::TARGETS;
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

#[test]
fn every_seed_and_regression_holds() {
    for target in TARGETS {
        let mut files = Vec::new();
        files_under(&root().join("corpus/seeds").join(target.name), &mut files);
        assert!(!files.is_empty(), "corpus/seeds/{} is empty", target.name);
        let regressions = root().join("corpus/regressions").join(target.name);
        if regressions.is_dir() {
            files_under(&regressions, &mut files);
        }
        for file in files {
            eprintln!("{} {}", target.name, file.display());
            (target.run)(&fs::read(&file).unwrap());
        }
    }
}

#[test]
fn every_regression_has_its_story() {
    let folder = root().join("corpus/regressions");
    let stories = fs::read_to_string(folder.join("README.md")).unwrap();
    let mut files = Vec::new();
    files_under(&folder, &mut files);
    for file in files {
        let target = file.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap();
        assert!(TARGETS.iter().any(|t| t.name == target), "{} is replayed by no target", file.display());
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
        let octets = fs::read(&file).unwrap();
        for target in TARGETS {
            (target.run)(&octets);
            // Cut short in four places: readers meet files that were not written to their end.
            for quarter in 1..4 {
                (target.run)(&octets[..octets.len() * quarter / 4]);
            }
        }
    }
}
