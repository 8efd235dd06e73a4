//! Words of a line: quotes and backslashes as iptables-restore takes them, or as a shell does.

use super::syntax::Word;
use crate::source::Span;
use std::borrow::Cow;

/// Whose quotes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Quotes {
    /// iptables-restore: `"` alone, and a backslash inside it.
    Restore,
    /// A shell: `'` too, a backslash anywhere, and marks that end a command.
    Shell,
}

/// Cuts one command into words; how many octets of `line` it took.
pub(super) fn words<'a>(whole: &str, line: &'a str, quotes: Quotes, out: &mut Vec<Word<'a>>) -> usize {
    let bytes = line.as_bytes();
    let base = Span::of(whole, line).start as usize;
    let shell = quotes == Quotes::Shell;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') || (*byte == b'\\' && is_break(bytes, at)) {
            at += 1;
            continue;
        }
        if shell && matches!(byte, b';' | b'&' | b'|') {
            return at + 1;
        }
        if shell && *byte == b'#' {
            return bytes.len();
        }
        // Most words have neither quotes nor backslashes.
        let tail = bytes.get(at..).unwrap_or(&[]);
        let plain = tail.iter().position(|b| !is_plain(*b, shell)).unwrap_or(tail.len());
        let ends = tail.get(plain).is_none_or(|b| is_end(*b, shell));
        let (len, text, quoted) = if ends {
            (plain, Cow::Borrowed(line.get(at..at + plain).unwrap_or("")), false)
        } else {
            careful(line.get(at..).unwrap_or(""), shell)
        };
        if len == 0 {
            // A mark that ends a command inside a word.
            return at + 1;
        }
        out.push(Word { text, span: Span::new(base + at, base + at + len), quoted });
        at += len;
    }
    bytes.len()
}

fn is_break(bytes: &[u8], at: usize) -> bool {
    matches!(bytes.get(at + 1), Some(b'\n' | b'\r'))
}

#[inline]
fn is_plain(byte: u8, shell: bool) -> bool {
    !(matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\\')
        || shell && matches!(byte, b'\'' | b';' | b'&' | b'|'))
}

#[inline]
fn is_end(byte: u8, shell: bool) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r') || shell && matches!(byte, b';' | b'&' | b'|')
}

/// A word with quotes or backslashes: its octets, its text, whether it began in quotes.
fn careful(text: &str, shell: bool) -> (usize, Cow<'_, str>, bool) {
    let mut out = String::new();
    let (mut open, mut escaped) = (None, false);
    let mut quoted = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            if c != '\n' {
                out.push(c);
            }
            continue;
        }
        match (open, c) {
            (Some('"'), '\\') => escaped = true,
            (Some(mark), c) if c == mark => open = None,
            (None, '"') => (open, quoted) = (Some('"'), true),
            (None, '\'') if shell => (open, quoted) = (Some('\''), true),
            (None, '\\') if shell => (escaped, quoted) = (true, true),
            (None, c) if c.is_ascii() && is_end(c as u8, shell) => return (at, Cow::Owned(out), quoted),
            (_, c) => out.push(c),
        }
    }
    (text.len(), Cow::Owned(out), quoted)
}

/// A text as one word that iptables-restore and a shell read back: in quotes where it is more than plain marks.
/// Line ends and other control characters, which no word can hold, become `_`.
pub(super) fn quote(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:+,=%@".contains(&b);
    if !text.is_empty() && !text.starts_with('-') && text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push('_'),
            c => out.push(c),
        }
    }
    out.push('"');
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str, quotes: Quotes) -> Vec<String> {
        let mut out = Vec::new();
        words(line, line, quotes, &mut out);
        out.into_iter().map(|word| word.text.into_owned()).collect()
    }

    #[test]
    fn words_are_cut_as_iptables_restore_does() {
        assert_eq!(
            split("-A INPUT  -j LOG --log-prefix \"a \\\"b\\\" \"", Quotes::Restore),
            ["-A", "INPUT", "-j", "LOG", "--log-prefix", "a \"b\" "]
        );
        assert_eq!(split("a'b c'd", Quotes::Restore), ["a'b", "c'd"]);
        assert_eq!(split("a'b c'd e\\ f # x", Quotes::Shell), ["ab cd", "e f"]);
        assert_eq!(split("a; b", Quotes::Shell), ["a"]);
        assert_eq!(split("\"\"", Quotes::Restore), [""]);
    }

    #[test]
    fn what_is_quoted_reads_back_as_one_word() {
        for text in [
            "",
            "plain-1",
            "two words",
            "a\"b\\c",
            "-j ACCEPT",
            "x\n-A INPUT -j ACCEPT",
            "ä",
            "#",
            "$x",
            "a;b",
        ] {
            let quoted = quote(text).into_owned();
            let expected: String = text.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
            assert_eq!(split(&quoted, Quotes::Restore), [expected.as_str()]);
        }
    }
}
