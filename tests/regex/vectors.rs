//! What is published or was measured of patterns, and what must not be missed.

use flowgate::regex::{self, Analysis, Deterministic, Flags, Growth, Node, Program};

/// The pattern of 2019-07-02.
pub(crate) const PATTERN_2019: &str = r#"(?:(?:\"|'|\]|\}|\\|\d|(?:nan|infinity|true|false|null|undefined|symbol|math)|\`|\-|\+)+[)]*;?((?:\s|-|~|!|{}|\|\||\+)*.*(?:.*=.*)))"#;

fn tree(pattern: &str) -> Node {
    regex::parse(pattern, Flags::default()).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

fn analysed(pattern: &str) -> Analysis {
    let tree = tree(pattern);
    regex::analyse(&tree, &Program::new(&tree).unwrap()).unwrap_or_else(|error| panic!("{pattern}: {error}"))
}

/// The steps of one search.
pub(crate) fn steps_of(program: &Program, subject: &[u8]) -> u64 {
    let limit = &flowgate::guard::limits::REGEX_REPLAY_STEPS;
    let mut meter = flowgate::guard::Meter::with_allowance(limit, 1 << 40);
    regex::search(program, subject, &mut meter).unwrap().steps
}

fn steps(pattern: &str, subject: &[u8]) -> u64 {
    steps_of(&Program::new(&tree(pattern)).unwrap(), subject)
}

#[test]
fn powers_are_those_of_the_theory_and_replayed() {
    for (pattern, power) in [
        ("abc", 1),
        ("^a+$", 1),
        ("a+$", 2),
        (r"\s+$", 2),
        (r"foo\s+bar", 1),
        ("a.*b", 2),
        (".*.*=.*", 3),
        (".*.*=.*;", 4),
        (".*?.*?=.*?;", 4),
        ("^a*a*$", 2),
        ("^a*a*a*b$", 3),
        (r"^\d+\d+\d+$", 3),
        ("(?:x*y|x)*", 2),
        ("(a*)*", 1),
        // What is possessive gives nothing back.
        ("^a++a*$", 1),
        ("^(?:a++)+$", 1),
        ("(?:a++)+$", 2),
        ("^(?>a+)+$", 1),
        ("^(?>(a|aa)+)$", 1),
        // Few ways are few.
        ("(a|a){3}b", 1),
        (r"\d{1,3}\.\d{1,3}", 1),
        // A border stands where words end, so that only one loop takes each word.
        (r"\b\w+\b!", 1),
        (r"^\w+\b\w+\b!", 1),
        (PATTERN_2019, 5),
    ] {
        let analysis = analysed(pattern);
        assert_eq!(analysis.growth, Growth::Power(power), "{pattern}: {:?}", analysis.witness);
    }
}

#[test]
fn exponentials_are_found_in_whatever_form() {
    for pattern in [
        "(a+)+$",
        "^(a+)+$",
        "(a*)*b",
        "(a|a)*b",
        "(a|b|ab)*c",
        "^(a|aa)+$",
        "(x+x+)+y",
        r"^(\w+\s?)*$",
        "^(?:(a+)+b|)",
        // An atomic group keeps its inside from nothing.
        "^(?>(a|aa)+b)$",
        // Finite, and beyond what anyone waits for.
        "(a|a){32}",
        "(a|a){32}$",
        "((a{1,20}){1,20}){1,20}b",
    ] {
        let analysis = analysed(pattern);
        assert!(matches!(analysis.growth, Growth::Exponential(_)), "{pattern}: {analysis:?}");
        assert!(analysis.worst_steps(1000) > 1e9, "{pattern}");
    }
    // Alternatives without any loop, written out.
    for pattern in [&("a?".repeat(24) + &"a".repeat(24)), "^(a?){30}a{30}$"] {
        assert!(analysed(pattern).worst_steps(131_072) > 1e9, "{pattern}");
    }
}

#[test]
fn what_bounded_counts_cost_is_said_as_well() {
    // 5,000 steps for each octet, and a few for each.
    let analysis = analysed("[a-z]{1,5000}x");
    assert_eq!(analysis.bound, Some(1));
    assert!((2e8..2e10).contains(&analysis.worst_steps(131_072)), "{analysis:?}");
    // A dot that takes line ends changes nothing about 2019.
    let flags = Flags { dot_all: true, ..Flags::default() };
    let tree = regex::parse(PATTERN_2019, flags).unwrap();
    let analysis = regex::analyse(&tree, &Program::new(&tree).unwrap()).unwrap();
    assert_eq!(analysis.growth, Growth::Power(5), "{:?}", analysis.witness);
}

/// Ways that counts bound, many of them before the subject is long: 31,621,024 in PCRE2's own count at eight rounds.
#[test]
fn growth_that_counts_bound_is_no_growth_in_line() {
    for pattern in ["^(a?){30}a{30}$".to_owned(), format!("^{}{}$", "a?".repeat(30), "a".repeat(30))] {
        let analysis = analysed(&pattern);
        assert!(matches!(analysis.growth, Growth::Power(4..)), "{pattern}: {analysis:?}");
        assert_eq!(analysis.counted, Some(30), "{pattern}");
        let spent = analysis.octets_for(1e8, 1000).unwrap();
        assert!((6..24).contains(&spent), "{pattern}: {spent}");
        // Of all ways there are 2^30.
        assert!((1e8..1e12).contains(&analysis.worst_steps(31)), "{pattern}: {}", analysis.worst_steps(31));
    }
}

#[test]
fn every_claim_is_what_the_replay_shows() {
    for pattern in ["a+$", ".*.*=.*;", "^a*a*a*b$", PATTERN_2019, "(a+)+$"] {
        let analysis = analysed(pattern);
        for (rounds, took) in &analysis.witness.replayed {
            assert_eq!(steps(pattern, &analysis.witness.subject(*rounds)), *took, "{pattern}");
        }
        // What is said of longer subjects comes true.
        if let Growth::Power(power) = analysis.growth {
            let (rounds, last) = analysis.witness.last();
            let more = rounds * 3 / 2;
            let said = analysis.worst_steps(analysis.witness.octets(more));
            let took = steps(pattern, &analysis.witness.subject(more)) as f64;
            assert!((0.7..1.4).contains(&(took / said)), "{pattern}: n^{power}, {last}: {took} of {said}");
        }
    }
}

/// Growth from one subject to one twice as long, beside that of PCRE2's own count.
#[test]
fn steps_grow_as_those_of_pcre2_were_measured_to() {
    let x = |n: usize| b"x".repeat(n);
    // A subject of n octets of the pattern of 2019, and what PCRE2 10.42 counted for n and 2n.
    let of = |head: &str, n: usize| [head.as_bytes(), &x(n)].concat();
    for (pattern, head, n, counts) in [
        (PATTERN_2019, "\"x=", 320, [52_031.0, 206_431.0]),
        (PATTERN_2019, "\"", 320, [51_723.0, 205_803.0]),
        (".*.*=.*", "x=", 160, [13_206.0, 52_006.0]),
    ] {
        let ours = steps(pattern, &of(head, 2 * n)) as f64 / steps(pattern, &of(head, n)) as f64;
        let theirs = counts[1] / counts[0];
        assert!((ours / theirs - 1.0).abs() < 0.1, "{pattern}: {ours} for {theirs}");
    }
    let a = |n: usize| [&b"a".repeat(n)[..], b"!"].concat();
    let ratio = steps("(a+)+$", &a(16)) as f64 / steps("(a+)+$", &a(12)) as f64;
    assert!((ratio - 16.0).abs() < 0.5, "{ratio}");
    // CPython's time grows with the 5th power on minus signs: each doubling costs 32.
    let minus = |n: usize| steps(PATTERN_2019, &b"-".repeat(n)) as f64;
    assert!((24.0..34.0).contains(&(minus(80) / minus(40))));
}

#[test]
fn automata_have_the_sizes_that_were_measured() {
    let of = |pattern: &str| regex::deterministic(&tree(pattern), 10_000);
    let states = |pattern: &str| match of(pattern).unwrap() {
        Deterministic::States(states) => states,
        Deterministic::MoreThan(_) => panic!("{pattern}"),
    };
    // Twice as many with each octet between; in line where the beginning is fixed.
    let doubled = [8, 10].map(|n| states(&format!(".*a.{{{n}}}b")));
    assert!(
        doubled[0] >= 256 && (3.5..4.5).contains(&(doubled[1] as f64 / doubled[0] as f64)),
        "{doubled:?}"
    );
    assert_eq!(of(".*a.{16}b").unwrap(), Deterministic::MoreThan(10_000));
    let anchored = [100, 1000].map(|n| states(&format!("^a.{{{n}}}b")));
    assert!(anchored[0] < 110 && anchored[1] < 1010, "{anchored:?}");
    assert_eq!(regex::states(&tree("((a{1,20}){1,20}){1,20}")), 8000);
    assert!(states("((a{1,20}){1,20}){1,20}") <= 3);
    assert!(states("^((a{1,8}){1,8}){1,8}$") <= 515);
    assert_eq!(regex::states(&tree("(((a{1,65535}){1,65535}){1,65535}){1,65535}")), 65_535_u64.pow(4));
}

#[test]
fn what_is_too_large_to_ask_says_so() {
    let started = std::time::Instant::now();
    let nested = tree("(a{1,1000}){1,1000}");
    assert!(regex::analyse(&nested, &Program::new(&nested).unwrap()).is_ok());
    let most = if cfg!(debug_assertions) { 10 } else { 1 };
    assert!(started.elapsed().as_secs() < most, "{:?}", started.elapsed());
    let huge = tree("(?:(?:(?:[ab]{1,60}c?){1,60}d?){1,60}e?)*f");
    let asked = regex::analyse(&huge, &Program::new(&huge).unwrap());
    if let Ok(analysis) = asked {
        assert!(analysis.loose, "{analysis:?}");
    }
    assert!(regex::deterministic(&tree("(a{1,1000}){1,1000}"), 10).is_ok());
    assert!(regex::deterministic(&tree("((a{1,1000}){1,1000}){1,1000}"), 10).is_err());
}
