//! The matcher finds what the `regex` crate finds, in whatever both of them read.

use crate::dice::Dice;
use flowgate::guard::{Meter, limits};
use flowgate::regex::{Flags, Program, parse, search};
use std::fmt::Write;

/// A pattern of what both read alike. Loops around what can be empty are left out: the two go round them otherwise.
fn pattern(dice: &mut Dice, depth: u32, out: &mut String) -> bool {
    let parts = 1 + dice.below(3);
    let mut nullable = true;
    for at in 0..parts {
        if at > 0 && dice.below(4) == 0 && depth > 0 {
            out.push('|');
            nullable = true;
        }
        let mut item = String::new();
        let mut empty = match dice.below(12) {
            0..=3 => {
                item.push(['a', 'b', '-', '='][dice.below(4)]);
                false
            }
            4 => {
                item.push_str(["[ab]", "[^a]", r"\d", r"\w", r"\s", ".", "[[:alpha:]-]"][dice.below(7)]);
                false
            }
            5 => {
                out.push_str(["^", "$", r"\b", r"\B"][dice.below(4)]);
                continue;
            }
            6..=8 if depth > 0 => {
                item.push_str("(?:");
                let inner = pattern(dice, depth - 1, &mut item);
                item.push(')');
                inner
            }
            _ => {
                item.push_str(r"\x61");
                false
            }
        };
        if !empty && dice.below(3) == 0 {
            match dice.below(6) {
                0 => item.push('*'),
                1 => item.push('+'),
                2 => item.push('?'),
                3 => write!(item, "{{{}}}", dice.below(3)).unwrap(),
                4 => write!(item, "{{{},}}", dice.below(3)).unwrap(),
                _ => write!(item, "{{{},{}}}", dice.below(2), 1 + dice.below(3)).unwrap(),
            }
            if dice.below(3) == 0 {
                item.push('?');
            }
            empty = true;
        }
        nullable &= empty;
        out.push_str(&item);
    }
    // An alternative before may be empty even so.
    nullable || out.contains('|')
}

#[test]
fn what_is_found_is_what_another_matcher_finds() {
    let mut dice = Dice(2019);
    let (mut tried, mut found) = (0, 0);
    for _ in 0..4000 {
        let mut text = String::new();
        pattern(&mut dice, 3, &mut text);
        let theirs = regex::bytes::RegexBuilder::new(&text).unicode(false).build();
        let Ok(theirs) = theirs else { panic!("{text}: {theirs:?}") };
        let tree = parse(&text, Flags { dollar_end_only: true, ..Flags::default() })
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let program = Program::new(&tree).unwrap();
        for _ in 0..12 {
            let length = dice.below(9);
            let subject: Vec<u8> = (0..length).map(|_| b"aab-=1 \n\xe9"[dice.below(9)]).collect();
            let mut meter = Meter::new(&limits::REGEX_REPLAY_STEPS);
            let ours = search(&program, &subject, &mut meter).unwrap();
            let want = theirs.find(&subject).map(|found| (found.start(), found.end()));
            assert_eq!(ours.place, want, "`{text}` in `{}`", subject.escape_ascii());
            tried += 1;
            found += usize::from(want.is_some());
        }
    }
    println!("{tried} searches, {found} found");
    assert!(found > tried / 10 && found < tried);
}

#[test]
fn what_gives_nothing_back_and_what_ends_a_loop_is_as_in_pcre2() {
    // Measured on pcre2test 10.42.
    for (pattern, subject, place) in [
        ("a++a", "aaa", None),
        ("(?>a|ab)c", "abc", None),
        ("(?>ab|a)c", "abc", Some((0, 3))),
        ("(?:a?)*b", "aab", Some((0, 3))),
        ("(?:|a)+b", "aab", Some((0, 3))),
        ("(?:a|)*?b", "ab", Some((0, 2))),
        ("(?:a*){3}b", "ab", Some((0, 2))),
        ("^(?:a{1,2}){2}$", "aaa", Some((0, 3))),
        ("a$", "a\n", Some((0, 1))),
        ("(?m)^b", "a\nb", Some((2, 3))),
        ("(?m)^", "", Some((0, 0))),
        ("(?:(?>a+)b)+c", "aabaabc", Some((0, 7))),
        ("(?:a{2,3}?)+?$", "aaaaa", Some((0, 5))),
    ] {
        let program = Program::new(&parse(pattern, Flags::default()).unwrap()).unwrap();
        let mut meter = Meter::new(&limits::REGEX_REPLAY_STEPS);
        let found = search(&program, subject.as_bytes(), &mut meter).unwrap().place;
        assert_eq!(found, place, "{pattern} in {subject}");
    }
}
