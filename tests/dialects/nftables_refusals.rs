//! What nft refuses is refused here: lines of its own tests that must fail, and lines of its tests with a word
//! changed, put to the installed nft and to us.

use flowgate::diagnostic::Level;
use flowgate::dialect::{ReadOptions, Reading, by_name};
use flowgate::source::{Content, Source, SourceId};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

fn corpora() -> Option<PathBuf> {
    let root = std::env::var_os("FLOWGATE_CORPORA").map(PathBuf::from);
    let path = root.map(|root| root.join("nftables")).filter(|path| path.is_dir());
    if path.is_none() {
        println!("SKIPPED: FLOWGATE_CORPORA does not name a folder with `nftables`");
    }
    path
}

fn read(text: &str) -> Reading {
    let source = Source::new("a.nft", Content::Text(text.to_owned()));
    by_name("nftables").unwrap().read(&source, SourceId(0), &ReadOptions::default())
}

/// A line of a test file with what stands around it in a family.
pub(crate) struct Case {
    pub(crate) file: String,
    pub(crate) family: String,
    pub(crate) line: String,
    /// Whether nft takes it.
    pub(crate) ok: bool,
    pub(crate) text: String,
    /// The same with the canonical form of a rule, where it is another.
    pub(crate) canonical: Option<String>,
}

/// Rules, sets and elements of the test files, each with the chain and the sets of its file.
pub(crate) fn cases() -> Vec<Case> {
    let Some(folder) = corpora() else { return Vec::new() };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "t"));
    paths.sort();
    paths.iter().flat_map(|path| of_file(path)).collect()
}

fn of_file(path: &std::path::Path) -> Vec<Case> {
    let text = std::fs::read_to_string(path).unwrap();
    let file = path.file_name().unwrap().to_string_lossy().into_owned();
    let (mut chains, mut families, mut sets) = (BTreeMap::new(), Vec::new(), String::new());
    let mut added: BTreeMap<String, String> = BTreeMap::new();
    let mut list = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.get(1..).unwrap_or("").split(';');
        let mut part = || parts.next().unwrap_or("").trim();
        match line.as_bytes()[0] {
            b'#' | b'-' | b'%' => {}
            b':' => {
                let name = part();
                chains.insert(name, format!("{}; {};", part(), part()).replace("; ;", ";"));
            }
            b'*' => {
                let (family, _, names) = (part(), part(), part());
                families.push((family, names.split(',').next().unwrap()));
            }
            b'!' => {
                let (set, state) = (part(), part());
                let (name, rest) = set.split_once(' ').unwrap();
                let kind = if rest.split_whitespace().any(|word| word == ":") { "map" } else { "set" };
                let rest = rest.replace(" timeout", "; timeout").replace(" flags", "; flags");
                let set = format!("{kind} {name} {{ {rest}; }}");
                if state == "ok" {
                    writeln!(sets, "{set}").unwrap();
                }
                for (family, _) in &families {
                    let text = format!("table {family} t {{\n{set}\n}}\n");
                    list.push(case(&file, family, line, state, text));
                }
            }
            b'?' => {
                let (elements, state) = (part(), part());
                let (name, values) = elements.split_once(' ').unwrap();
                for (family, _) in &families {
                    let add = format!("add element {family} t {name} {{ {values} }}\n");
                    let before = added.entry((*family).to_owned()).or_default();
                    let text = format!("table {family} t {{\n{sets}}}\n{before}{add}");
                    list.push(case(&file, family, line, state, text));
                    if state == "ok" {
                        before.push_str(&add);
                    }
                }
            }
            _ => {
                let mut parts = line.split(';');
                let (rule, state) = (parts.next().unwrap(), parts.next().unwrap_or("").trim());
                let canonical = parts.next().filter(|text| !text.trim().is_empty());
                for (family, chain) in &families {
                    let chain = &chains[chain];
                    let around =
                        |rule| format!("table {family} t {{\n{sets}chain c {{ {chain}\n{rule}\n}}\n}}\n");
                    let case = case(&file, family, line, state, around(rule));
                    list.push(Case { canonical: canonical.map(around), ..case });
                }
            }
        }
    }
    list
}

fn case(file: &str, family: &str, line: &str, state: &str, text: String) -> Case {
    let [file, family, line] = [file, family, line].map(str::to_owned);
    Case { file, family, line, ok: state == "ok", text, canonical: None }
}

/// A refusal of nft that is none of ours, and why.
struct Class {
    name: &'static str,
    why: &'static str,
    covers: fn(&Case) -> bool,
}

const CLASSES: &[Class] = &[];

#[test]
fn lines_that_must_fail_are_refused() {
    let cases = cases();
    let (mut refused, mut silent) = (0, Vec::new());
    let mut explained: BTreeMap<&str, (usize, String)> = BTreeMap::new();
    for case in cases.iter().filter(|case| !case.ok && case.family != "arp") {
        let reading = read(&case.text);
        if reading.diagnostics.iter().any(|d| d.level >= Level::Warning) {
            refused += 1;
            continue;
        }
        let what = format!("{} {}: {}", case.file, case.family, case.line);
        match CLASSES.iter().find(|class| (class.covers)(case)) {
            Some(class) => explained.entry(class.name).or_insert((0, what)).0 += 1,
            None => silent.push(what),
        }
    }
    println!("{refused} lines refused, {} not\n{}", silent.len(), silent.join("\n"));
    if cases.is_empty() {
        return;
    }
    for class in CLASSES {
        let Some((count, witness)) = explained.get(class.name) else {
            panic!("the class `{}` explains nothing any more", class.name);
        };
        println!("{}: {count}, {}; first: {witness}", class.name, class.why);
    }
    assert!(refused > 200 && silent.is_empty(), "{} lines are read without a word", silent.len());
}
