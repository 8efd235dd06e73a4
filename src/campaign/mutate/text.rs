//! Changes to the text of rules: words taken away, said twice, moved; numbers at borders; and what ends a word, a line
//! or a comment where none should end.

use super::super::generate::{Lattice, below, one};
use arbitrary::Unstructured;

/// What ends something in one language of rules or another.
const ENDS: [&str; 14] =
    ["\n", "\r\n", "\0", "\"", "'", "`", "\\", ";", "}", "{", "#", "*/", "$(id)", "\u{2028}"];

/// Changes lines in one to three ways.
pub fn lines(u: &mut Unstructured<'_>, lines: &mut Vec<String>) {
    for _ in 0..=below(u, 3) {
        one_change(u, lines);
    }
}

fn one_change(u: &mut Unstructured<'_>, lines: &mut Vec<String>) {
    let count = u32::try_from(lines.len()).unwrap_or(u32::MAX);
    let (at, to) = (below(u, count) as usize, below(u, count) as usize);
    match below(u, 9) {
        0 if lines.len() > 1 => _ = lines.remove(at),
        1 => {
            if let Some(line) = lines.get(at).cloned() {
                lines.insert(to, line);
            }
        }
        2 if !lines.is_empty() => lines.swap(at, to),
        3 | 4 => words(u, lines.get_mut(at)),
        5 | 6 => numbers(u, lines.get_mut(at)),
        7 => inject(u, lines.get_mut(at)),
        _ => {
            // The file ends in the middle.
            lines.truncate(at + 1);
            if let Some(line) = lines.last_mut() {
                let keep = below(u, u32::try_from(line.chars().count()).unwrap_or(u32::MAX)) as usize;
                *line = line.chars().take(keep).collect();
            }
        }
    }
}

fn words(u: &mut Unstructured<'_>, line: Option<&mut String>) {
    let Some(line) = line else { return };
    let mut list: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let count = u32::try_from(list.len()).unwrap_or(u32::MAX);
    let (at, to) = (below(u, count) as usize, below(u, count) as usize);
    match below(u, 4) {
        0 if list.len() > 1 => _ = list.remove(at),
        1 => {
            let word = list.get(at).cloned().unwrap_or_default();
            list.insert(to, word);
        }
        2 => list.swap(at, to),
        // A word without an end.
        _ => {
            if let Some(word) = list.get_mut(at) {
                *word = word.repeat(1 << below(u, 12));
            }
        }
    }
    *line = list.join(" ");
}

/// A run of digits becomes a number at a border.
fn numbers(u: &mut Unstructured<'_>, line: Option<&mut String>) {
    let Some(line) = line else { return };
    let runs: Vec<(usize, usize)> = runs(line);
    let Some((start, end)) = one(u, &runs) else { return };
    let own: u64 = line.get(start..end).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let lattice = Lattice::new(own, 8);
    let list = if below(u, 2) == 0 { &lattice.inside } else { &lattice.beyond };
    let value = one(u, list).unwrap_or(0);
    let text = match below(u, 5) {
        0 => format!("-{value}"),
        1 => format!("0x{value:x}"),
        2 => format!("{value}{value}{value}"),
        _ => value.to_string(),
    };
    line.replace_range(start..end, &text);
}

fn runs(line: &str) -> Vec<(usize, usize)> {
    let mut list: Vec<(usize, usize)> = Vec::new();
    for (at, c) in line.char_indices().filter(|(_, c)| c.is_ascii_digit()) {
        match list.last_mut() {
            Some((_, end)) if *end == at => *end += c.len_utf8(),
            _ => list.push((at, at + c.len_utf8())),
        }
    }
    list
}

fn inject(u: &mut Unstructured<'_>, line: Option<&mut String>) {
    let Some(line) = line else { return };
    let places: Vec<usize> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
    let at = one(u, &places).unwrap_or(0);
    let end = one(u, &ENDS).unwrap_or("\n");
    // Behind what ends the word stands the line itself: a rule inside a rule.
    let text = if below(u, 2) == 0 { end.to_owned() } else { format!("{end}{line}") };
    line.insert_str(at, &text);
}

#[cfg(test)]
mod tests {
    use super::super::super::generate::octets;
    use super::*;

    #[test]
    fn text_changes_and_stays_text() {
        let original: Vec<String> =
            ["table ip t {", " ip saddr 10.0.0.0/8 tcp dport 22 drop", "}"].map(Into::into).into();
        let (mut changed, mut injected, mut numbers) = (0, 0, 0);
        for seed in 0..2_000 {
            let data = octets(seed, 256);
            let mut list = original.clone();
            lines(&mut Unstructured::new(&data), &mut list);
            changed += usize::from(list != original);
            injected += usize::from(list.concat().contains('"'));
            let has = |number: &str| list.concat().contains(number);
            numbers += usize::from(has("65536") || has("4294967296") || has("65535") || has("255"));
        }
        assert!(changed > 1_500 && injected > 10 && numbers > 10, "{changed} {injected} {numbers}");
    }
}
