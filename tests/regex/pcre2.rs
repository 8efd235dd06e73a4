//! PCRE2 itself, by its program `pcre2test`: what it reads and refuses, what it finds, and what it counts.

use crate::corpora::patterns;
use crate::dice::Dice;
use crate::programs::program;
use crate::vectors::PATTERN_2019;
use flowgate::check::Replay;
use flowgate::engine::pcre2::Pcre2Test;
use flowgate::ir::{Origin, Pattern, PatternFlags};
use flowgate::regex::{self, Growth, ParseError, Program};

fn pattern(text: &str) -> Pattern {
    let (flags, origin) = (PatternFlags::default(), Origin::default());
    Pattern { name: "p".into(), text: text.into(), flags, subject: 1, origin, escapes: Vec::new() }
}

fn x(head: &str, pump: &str, rounds: usize) -> Vec<u8> {
    format!("{head}{}", pump.repeat(rounds)).into_bytes()
}

#[test]
fn counts_are_those_that_were_measured() {
    let Some(path) = program("pcre2test") else { return };
    let engine = Pcre2Test::new(&path);
    for (text, head, want) in
        [(PATTERN_2019, "\"x=", [281_u64, 931, 3431]), (".*.*=.*", "x=", [255, 905, 3405])]
    {
        let subjects = [20, 40, 80].map(|n| x(head, "x", n));
        let counts = engine.counts(&pattern(text), &subjects).unwrap();
        assert_eq!(counts, want.map(Some), "{text}");
    }
    // Without its first looks, on a row of plus signs: the fourth power of its own count.
    let plain = Pcre2Test::new(&path).without_optimisations();
    let counts = plain.counts(&pattern(PATTERN_2019), &[20, 40].map(|n| x("", "+", n))).unwrap();
    let growth = counts[1].unwrap() as f64 / counts[0].unwrap() as f64;
    assert!((10.0..20.0).contains(&growth), "{counts:?}");
    let subjects = [8, 12, 16].map(|n| [x("", "a", n), b"!".to_vec()].concat());
    let counts = engine.counts(&pattern("(a+)+$"), &subjects).unwrap();
    assert_eq!(counts, [640, 10_240, 163_840].map(Some));
    // What it does not read has no count, and says why.
    assert!(engine.counts(&pattern("(a"), &[b"a".to_vec()]).unwrap_err().contains("parenthesis"));
}

/// What the shorter subjects come to is known even where a longer one takes for ever.
#[test]
fn counts_that_are_there_are_not_lost_with_one_that_is_not() {
    let Some(path) = program("pcre2test") else { return };
    let engine = Pcre2Test::new(&path);
    let subjects = [8, 12, 64].map(|n| [x("", "a", n), b"!".to_vec()].concat());
    assert_eq!(engine.counts(&pattern("(a+)+$"), &subjects).unwrap(), [Some(640), Some(10_240), None]);
}

/// The size of a compiled pattern is never above the real one, mostly the real one, and what is refused for it is.
#[test]
fn compiled_patterns_are_as_long_as_pcre2_compiles_them() {
    let Some(path) = program("pcre2test") else { return };
    let said = |text: &str| {
        let mut child = std::process::Command::new(&path)
            .arg("-q")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), format!("/{text}/memory\n\n").as_bytes())
            .unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let size = |text: &str| {
        let said = said(text);
        let size =
            said.lines().find_map(|line| line.strip_prefix("Memory allocation (code space): ")?.parse().ok());
        size.ok_or(said)
    };
    let ours = |text: &str| regex::compiled(&regex::parse(text, PatternFlags::default()).unwrap());
    for text in [
        "abc",
        "a{2,5}",
        "a{1,5}",
        "a{0,5}",
        "a{3}",
        "a{3,}",
        "[ab]{2,3}",
        "[ab]*",
        "\\d{2,5}x",
        "(?:ab)*",
        "(?:ab)+",
        "(?:ab)?",
        "(?:ab){0,3}",
        "(?:ab){2,5}",
        "(?:ab){2,}",
        "(?:ab){3}",
        "(?:a|bc){3}",
        "(?:a*)*",
        "(?:a{2}){3}",
        "^a|b$",
        "[^a]x",
        "(?i)ab",
        ".*\\s+",
        "(?:a{1,1000}){1,1000}",
        "(?:(?:ab){1,9}c){2,7}",
    ] {
        assert_eq!(size(text), Ok(ours(text)), "{text}");
    }
    for text in ["(a{1,1000}){1,1000}", "(a|b){2,70}", "((ab){2}|c)*", "(?>a+)b", "a++(?:[x-z]?){3,9}"] {
        let theirs: u64 = size(text).unwrap();
        assert!(
            ours(text) <= theirs && theirs < ours(text) * 3 / 2 + 10,
            "{text}: {} of {theirs}",
            ours(text)
        );
    }
    for text in ["((a{1,100}){1,100}){1,100}", "(?:ab){3000}(?:ab){1,5000}"] {
        assert!(
            ours(text) > 65_536 && size(text).unwrap_err().contains("regular expression is too large"),
            "{text}"
        );
    }
}

/// Whatever is found in the patterns of the Core Rule Set slows PCRE2 too, where its first looks do not keep it from it.
#[test]
fn subjects_found_slow_pcre2_itself() {
    let Some(path) = program("pcre2test") else { return };
    let engine = Pcre2Test::new(&path).without_optimisations();
    let mut dice = Dice(7);
    let (mut tried, mut slow) = (0, Vec::new());
    let mut all = patterns("regex_crs", ".conf", "secrule");
    all.push(pattern(PATTERN_2019));
    for pattern in &all {
        if dice.below(if cfg!(debug_assertions) { 20 } else { 1 }) > 0 && *pattern.text != *PATTERN_2019 {
            continue;
        }
        let Ok(tree) = regex::parse(&pattern.text, pattern.flags) else { continue };
        let Ok(analysis) = regex::analyse(&tree, &Program::new(&tree).unwrap()) else { continue };
        let Growth::Power(power @ 2..) = analysis.growth else { continue };
        let rounds = analysis.witness.last().0.min(80);
        let subjects = [rounds / 2, rounds].map(|rounds| analysis.witness.subject(rounds));
        let counts = engine.counts(pattern, &subjects).unwrap();
        tried += 1;
        let growth = match counts[..] {
            [Some(few), Some(many)] => many as f64 / few as f64,
            _ => f64::INFINITY,
        };
        if growth > 2.5 {
            slow.push(power);
        }
    }
    println!("{} of {tried} subjects grow faster than they are long in PCRE2's own count", slow.len());
    // Its count leaves out what one class takes without a choice, and so the whole growth of `a+b`.
    assert!(slow.contains(&5), "{} of {tried}", slow.len());
}

/// What we read it reads, and what we call wrong it refuses, over patterns of random marks.
#[test]
fn patterns_are_refused_as_pcre2_refuses_them() {
    let Some(path) = program("pcre2test") else { return };
    let engine = Pcre2Test::new(&path);
    let pieces = [
        "a",
        "b",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "*",
        "+",
        "?",
        "|",
        "\\",
        "^",
        "$",
        ".",
        "-",
        ",",
        "1",
        "2",
        "(?:",
        "(?>",
        "(?i)",
        "[^",
        "\\d",
        "\\b",
        "\\Q",
        "\\E",
        "\\x41",
        "{2}",
        "{1,3}",
        "{2,",
        "[:alpha:]",
        "#",
        " ",
        "(?x)",
        "\\x{",
        "(?#",
        "\\c",
        "\\0",
        "\\12",
    ];
    let mut dice = Dice(11);
    let (mut read, mut refused) = (0, 0);
    for _ in 0..600 {
        let text: String = (0..=dice.below(7)).map(|_| *dice.pick(&pieces)).collect();
        let ours = regex::parse(&text, PatternFlags::default());
        if matches!(ours, Err(ParseError::Unsupported { .. })) {
            continue;
        }
        let theirs = engine.counts(&pattern(&text), &[b"ab1".to_vec()]);
        assert_eq!(ours.is_ok(), theirs.is_ok(), "`{text}`: {ours:?}, {theirs:?}");
        if ours.is_ok() { read += 1 } else { refused += 1 }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 100 && refused > 100);
}
