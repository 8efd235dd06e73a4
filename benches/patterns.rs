//! Asking regular expressions how long a search takes: the pattern of 2019, one that is exponential, one that is linear,
//! and a long list of words.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

use divan::Bencher;
use flowgate::regex::{self, Flags, Program};

fn main() {
    divan::main();
}

const PATTERNS: [(&str, &str); 3] = [
    (
        "2019",
        r#"(?:(?:"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|`|-|\+)+[)]*;?((?:\s|-|~|!|{}|\|\||\+)*.*(?:.*=.*)))"#,
    ),
    ("exponential", r"^(\w+\s?)*$"),
    ("linear", r"(?i)\bunion\s+(?:all\s+)?select\b"),
];

#[divan::bench(args = PATTERNS.map(|(name, _)| name))]
fn analyse(bencher: Bencher<'_, '_>, name: &str) {
    let (_, text) = PATTERNS.iter().find(|(known, _)| *known == name).expect("it is one of them");
    ask(bencher, text);
}

#[divan::bench]
fn words(bencher: Bencher<'_, '_>) {
    let words: Vec<String> = (0..500).map(|n| format!("w{n:x}ord{}", n * 7919)).collect();
    ask(bencher, &format!(r"\b(?:{})\b", words.join("|")));
}

fn ask(bencher: Bencher<'_, '_>, text: &str) {
    let tree = regex::parse(text, Flags::default()).expect("it is a pattern");
    let program = Program::new(&tree).expect("it is small");
    bencher.bench(|| regex::analyse(&tree, &program));
}
