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

/// A linear congruence: the same changes on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

/// Words, numbers, single marks and runs of blanks.
fn tokens(text: &str) -> Vec<&str> {
    let kind = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => 0,
        c if c.is_whitespace() && c != '\n' => 1,
        // Marks and line ends stand alone.
        _ => 2,
    };
    let mut list = Vec::new();
    let mut start = 0;
    let mut last = None;
    for (at, c) in text.char_indices() {
        if last.is_some_and(|last| last != kind(c) || last == 2) {
            list.push(&text[start..at]);
            start = at;
        }
        last = Some(kind(c));
    }
    list.push(&text[start..]);
    list
}

const ODD: [&str; 16] = [
    "\n",
    "\0",
    "\"",
    "{",
    "}",
    ";",
    "!",
    "-",
    "/",
    "\\",
    "0",
    "99999999999999999999",
    "é",
    "\u{2028}",
    "#",
    " ",
];

/// One to four tokens taken away, said twice, moved, or replaced by one from elsewhere.
fn changed(text: &str, other: &[&str], numbers: &mut Numbers) -> String {
    let mut list = tokens(text);
    for _ in 0..=numbers.below(4) {
        let (at, to) = (numbers.below(list.len()), numbers.below(list.len()));
        match numbers.below(6) {
            0 if list.len() > 1 => _ = list.remove(at),
            1 => list.insert(to, list[at]),
            2 => list.swap(at, to),
            3 => list[at] = other[numbers.below(other.len())],
            4 => list.insert(at, ODD[numbers.below(ODD.len())]),
            _ => list.truncate(at.max(1)),
        }
    }
    list.concat()
}

/// Samples with a few tokens changed reach into what no one wrote down: the beginning of what fuzzing finds, in every
/// test run. `FLOWGATE_CHANGES=N` tries N for each file.
#[test]
fn every_sample_holds_with_a_few_tokens_changed() {
    let count = std::env::var("FLOWGATE_CHANGES").ok().and_then(|n| n.parse().ok()).unwrap_or(24);
    let mut wrong = Vec::new();
    for dialect in text::dialects() {
        let mut files = Vec::new();
        files_under(&root().join("rules").join(dialect.name()), &mut files);
        files_under(&root().join("corpus/seeds").join(dialect.name()), &mut files);
        let texts: Vec<String> =
            files.iter().map(|file| String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned()).collect();
        let words: Vec<&str> = texts.iter().flat_map(|text| tokens(text)).collect();
        let mut numbers = Numbers(7);
        for text in &texts {
            for _ in 0..count {
                let changed = changed(text, &words, &mut numbers);
                let law = std::panic::AssertUnwindSafe(|| text::law(dialect, changed.as_bytes()));
                if std::panic::catch_unwind(law).is_err() {
                    wrong.push(format!("{} breaks its law with:\n{changed}", dialect.name()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
