//! Words and figures as every format writes them.

use std::borrow::Cow;

/// The text with what would move the cursor, hide or reorder characters made visible: control characters and
/// the marks of bidirectional text. What comes from a file must not draw on the user's terminal.
pub fn clean(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if harmful(c) { out.extend(c.escape_unicode()) } else { out.push(c) }
    }
    Cow::Owned(out)
}

/// A number with its noun: `1 rule`, `2 rules`; thousands are set apart.
pub fn count(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    let plural = if number == 1 { "" } else { "s" };
    if noun.is_empty() { out } else { format!("{out} {noun}{plural}") }
}

/// A share in percent with one decimal; `<0.1 %` for less that is not nothing.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    // In tenths of a percent, rounded half up, in integers: the same on every machine.
    let tenths = (u128::from(part) * 2000 / u128::from(whole)).div_ceil(2);
    match (part, tenths) {
        (1.., 0) => "<0.1 %".to_owned(),
        (p, 1000) if p < whole => ">99.9 %".to_owned(),
        _ => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_and_reordering_marks_are_shown() {
        assert_eq!(clean("plain ü"), "plain ü");
        assert_eq!(clean("a\u{1b}[2J\u{202e}b"), "a\\u{1b}[2J\\u{202e}b");
    }

    #[test]
    fn numbers_have_nouns_and_thousands() {
        assert_eq!(count(1, "rule"), "1 rule");
        assert_eq!(count(1_234_567, "rule"), "1,234,567 rules");
        assert_eq!(count(1000, ""), "1,000");
    }

    #[test]
    fn shares_never_round_to_nothing_or_to_all() {
        let cases =
            [(0, 5, "0.0 %"), (31, 1000, "3.1 %"), (1, 3, "33.3 %"), (2, 3, "66.7 %"), (5, 5, "100.0 %")];
        for (part, whole, text) in cases {
            assert_eq!(share(part, whole), text);
        }
        assert_eq!(share(1, 1_000_000), "<0.1 %");
        assert_eq!(share(999_999, 1_000_000), ">99.9 %");
        assert_eq!(share(0, 0), "-");
    }
}
