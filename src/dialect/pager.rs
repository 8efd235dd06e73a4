//! What a pager leaves in text that was copied from a terminal.

/// A line behind the question of a pager, `--More--`, and what wiped that out.
pub(in crate::dialect) fn behind(line: &str) -> &str {
    let Some((_, rest)) = line.trim_start().split_once("--More--").filter(|(before, _)| is_wiped(before))
    else {
        return line;
    };
    // Backspaces, blanks over the question and backspaces again; or a carriage return; or codes of the terminal.
    let (mut wiped, mut in_code) = (0, false);
    for (at, c) in rest.char_indices() {
        match c {
            '\u{1b}' => in_code = true,
            'K' | 'm' if in_code => (wiped, in_code) = (at + 1, false),
            c if in_code && is_code(c) => {}
            '\u{8}' => wiped = at + 1,
            '\r' if !rest.get(at..).is_some_and(|end| end.trim().is_empty()) => wiped = at + 1,
            ' ' => {}
            _ => break,
        }
    }
    rest.get(wiped..).unwrap_or(rest)
}

fn is_wiped(before: &str) -> bool {
    before.chars().all(|c| c.is_ascii_control() || c == ' ' || is_code(c))
}

// `ESC [ 7 m` and `ESC [ K`.
fn is_code(c: char) -> bool {
    matches!(c, '[' | 'K' | 'm' | '0'..='9' | ';')
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn lines_begin_behind_the_pager() {
        assert_eq!(behind(" --More-- \u{8}\u{8}   \u{8}\u{8} 10 permit"), " 10 permit");
        assert_eq!(behind("--More--\r\tIP Protocol = 6\r\n"), "\tIP Protocol = 6\r\n");
        assert_eq!(behind("\u{1b}[7m--More--\u{1b}[27m\u{8}\u{1b}[K!"), "!");
        assert_eq!(behind(" 10 remark --More-- x"), " 10 remark --More-- x");
        assert_eq!(behind("--More--"), "");
    }
}
