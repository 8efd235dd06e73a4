//! Statements that name other files, as the scanner of nft 1.0.6 finds them: `include "PATTERN"` where a statement
//! begins. Files stand at most 16 deep.

use crate::dialect::{Base, Include, Including};
use crate::source::Span;

/// How nft includes files.
pub(super) const INCLUDING: Including = Including { find, depth: 16, base: Base::Search };

fn find(text: &str) -> Vec<Include> {
    let mut list = Vec::new();
    // Where the last word began, and whether a statement may begin here.
    let (mut rest, mut fresh) = (text, true);
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        let next = match c {
            '#' => rest.find('\n').unwrap_or(rest.len()),
            '"' => {
                fresh = false;
                rest.get(1..).and_then(|inner| inner.find(['"', '\n'])).map_or(rest.len(), |end| end + 2)
            }
            '\n' | ';' | '{' | '}' => {
                // Elements begin with a brace too.
                fresh = c != '{' || !text.get(..at).unwrap_or("").trim_end().ends_with('=');
                1
            }
            c if c.is_whitespace() => c.len_utf8(),
            _ => {
                let word =
                    rest.len() - rest.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_').len();
                let quoted = rest.strip_prefix("include").filter(|_| fresh).and_then(|behind| {
                    let inner = behind.trim_start_matches([' ', '\t']).strip_prefix('"')?;
                    inner
                        .split_once('"')
                        .map(|(pattern, _)| pattern)
                        .filter(|pattern| !pattern.contains('\n'))
                });
                fresh = false;
                if let Some(pattern) = quoted {
                    let end = Span::of(text, pattern).end as usize + 1;
                    list.push(Include { span: Span::new(at, end), pattern: pattern.to_owned() });
                    end - at
                } else {
                    word.max(c.len_utf8())
                }
            }
        };
        rest = rest.get(next..).unwrap_or("");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_found_where_they_may_stand() {
        let text = "include \"a\"\n# include \"b\"\ntable ip t { include \"c\"; chain x {\n\tinclude  \"d*\"\n\
                    log prefix \"include\" } }\ndefine include_x = { include \"e\"; add include \"f\"\n";
        let found: Vec<_> = find(text).into_iter().map(|include| include.pattern).collect();
        assert_eq!(found, ["a", "c", "d*"]);
        let span = find(text).first().unwrap().span;
        assert_eq!(text.get(span.range()), Some("include \"a\""));
    }
}
