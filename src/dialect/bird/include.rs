//! Statements that name other files, as the lexer of BIRD 2.0.12 finds them: `include "PATTERN";` at the beginning of a
//! line. Files stand at most 8 deep.

use crate::dialect::{Base, Include, Including};
use crate::source::Span;

/// How BIRD includes files.
pub(super) const INCLUDING: Including = Including { find, depth: 8, base: Base::Folder };

fn find(text: &str) -> Vec<Include> {
    let (mut list, mut rest, mut begins) = (Vec::new(), text, true);
    while let Some(c) = rest.chars().next() {
        let statement = begins.then(|| statement(rest)).flatten();
        begins = c == '\n';
        let next = match c {
            _ if statement.is_some() => {
                let (pattern, length) = statement.unwrap_or_default();
                let at = text.len() - rest.len();
                let blank = rest.len() - rest.trim_start().len();
                list.push(Include { span: Span::new(at + blank, at + length), pattern: pattern.to_owned() });
                length
            }
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            '"' => rest.get(1..).and_then(|inner| inner.find(['"', '\n'])).map_or(rest.len(), |end| end + 2),
            c => c.len_utf8(),
        };
        rest = rest.get(next..).unwrap_or("");
    }
    list
}

/// The pattern of a statement that begins the line, and how long it is.
fn statement(line: &str) -> Option<(&str, usize)> {
    let blanks = [' ', '\t'];
    let behind = line.trim_start_matches(blanks).strip_prefix("include")?;
    let (pattern, tail) = behind.trim_start_matches(blanks).strip_prefix('"')?.split_once('"')?;
    let tail = tail.trim_start_matches(blanks).strip_prefix(';')?;
    (!pattern.contains('\n')).then(|| (pattern, line.len() - tail.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_at_the_beginning_of_a_line() {
        let text = "include \"a\";\n# include \"b\";\nlog syslog; include \"c\";\n/*\ninclude \"d\";\n*/\n\tinclude \"e\" ;\n";
        let found: Vec<_> = find(text).into_iter().map(|include| include.pattern).collect();
        assert_eq!(found, ["a", "e"]);
        let span = find(text).last().unwrap().span;
        assert_eq!(text.get(span.range()), Some("include \"e\" ;"));
    }
}
