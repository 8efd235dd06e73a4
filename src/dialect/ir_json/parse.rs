//! Text to JSON values with their places (RFC 8259). What is broken is reported once and stands as a broken value;
//! reading goes on behind the next comma or bracket of the same depth.

use super::findings::{Findings, shown};
use super::syntax::{Kind, NodeId, Tree, escape};
use crate::dialect::{Recognition, Sample};
use crate::guard::{Exhausted, MemoryWatch, Meter, limits};
use crate::source::Span;

/// Values between two looks at our memory.
const MEMORY_STEP: usize = 1 << 18;

/// A condition takes two levels of JSON, what stands around it a dozen.
fn depth() -> Meter {
    Meter::with_allowance(&limits::CONDITION_DEPTH, limits::CONDITION_DEPTH.value * 2 + 16)
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Token {
    Open(Kind),
    Close(Kind),
    Comma,
    Colon,
    // A string, a number or a word of JSON.
    Value(Kind),
    // Something else, taken whole.
    Junk,
    End,
}

/// What may stand next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Expect {
    Value,
    ValueOrClose,
    Key,
    KeyOrClose,
    Colon,
    CommaOrClose,
    Nothing,
}

struct Open {
    node: NodeId,
    kind: Kind,
    last: Option<NodeId>,
}

/// Reads a text.
pub(super) fn parse<'t>(text: &'t str, findings: &mut Findings) -> Tree<'t> {
    let mut parser = Parser {
        text,
        at: 0,
        tree: Tree::new(text),
        findings,
        open: Vec::new(),
        depth: depth(),
        memory: MemoryWatch::default(),
    };
    if let Err(error) = parser.run() {
        let at = Span::new(parser.at.min(text.len()), parser.at.min(text.len()));
        parser.findings.syntax_with_help(
            at,
            format!("{error}; what follows is not read"),
            "split the file, or write the condition with fewer levels",
        );
    }
    parser.tree
}

struct Parser<'t, 'f> {
    text: &'t str,
    at: usize,
    tree: Tree<'t>,
    findings: &'f mut Findings,
    open: Vec<Open>,
    depth: Meter,
    memory: MemoryWatch,
}

impl Parser<'_, '_> {
    fn run(&mut self) -> Result<(), Exhausted> {
        let mut expect = Expect::Value;
        loop {
            let (token, span) = self.token();
            expect = match (expect, token) {
                (_, Token::End) => {
                    self.ended(expect, span);
                    return Ok(());
                }
                (Expect::Nothing, _) => {
                    self.findings.syntax(span, "the text goes on behind the end of its value");
                    return Ok(());
                }
                (Expect::Value | Expect::ValueOrClose, Token::Open(kind)) => self.opened(kind, span)?,
                (Expect::Value | Expect::ValueOrClose, Token::Value(kind)) => self.add(kind, span)?,
                (Expect::Key | Expect::KeyOrClose, Token::Value(Kind::Text)) => {
                    self.add(Kind::Text, span)?;
                    Expect::Colon
                }
                (Expect::Colon, Token::Colon) => Expect::Value,
                (Expect::CommaOrClose, Token::Comma) => self.next_of_kind(),
                (Expect::CommaOrClose | Expect::ValueOrClose | Expect::KeyOrClose, Token::Close(kind)) => {
                    self.closed(kind, span)
                }
                (Expect::CommaOrClose, Token::Value(_) | Token::Open(_)) => {
                    self.findings
                        .syntax(Span::new(span.range().start, span.range().start), "a `,` is missing");
                    self.at = span.range().start;
                    self.next_of_kind()
                }
                (Expect::Value | Expect::Key, Token::Close(kind)) if !self.open.is_empty() => {
                    // `[1, ]` and `{"a": }`.
                    self.findings.syntax(span, format!("a value is missing before `{}`", self.word(span)));
                    if expect == Expect::Value && self.is_object() {
                        self.add(Kind::Broken, Span::new(span.range().start, span.range().start))?;
                    }
                    self.closed(kind, span)
                }
                (expect, _) => self.broken(expect, span)?,
            };
            if self.tree.len().is_multiple_of(MEMORY_STEP) {
                self.memory.look()?;
            }
        }
    }

    fn word(&self, span: Span) -> String {
        shown(self.text.get(span.range()).unwrap_or(""))
    }

    fn is_object(&self) -> bool {
        self.open.last().is_some_and(|open| open.kind == Kind::Object)
    }

    fn next_of_kind(&self) -> Expect {
        if self.is_object() { Expect::Key } else { Expect::Value }
    }

    fn behind_value(&self) -> Expect {
        if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrClose }
    }

    /// Adds a value to what is open.
    fn add(&mut self, kind: Kind, span: Span) -> Result<Expect, Exhausted> {
        let (parent, before) = self.open.last().map_or((None, None), |open| (Some(open.node), open.last));
        let node = self.tree.add(kind, span, parent, before);
        if let Some(open) = self.open.last_mut() {
            open.last = Some(node);
        }
        if matches!(kind, Kind::List | Kind::Object) {
            self.depth.charge(1)?;
            self.open.push(Open { node, kind, last: None });
        }
        Ok(self.behind_value())
    }

    fn opened(&mut self, kind: Kind, span: Span) -> Result<Expect, Exhausted> {
        self.add(kind, span)?;
        Ok(if kind == Kind::Object { Expect::KeyOrClose } else { Expect::ValueOrClose })
    }

    /// A closing bracket; the wrong one closes all the same.
    fn closed(&mut self, kind: Kind, span: Span) -> Expect {
        if let Some(open) = self.open.pop() {
            self.depth.release(1);
            self.tree.close(open.node, span.range().end);
            if open.kind != kind {
                let word = self.word(span);
                self.findings
                    .syntax(span, format!("`{word}` closes {} that begins elsewhere", open.kind.name()));
            }
        }
        self.behind_value()
    }

    /// Something that cannot stand here: reported, passed over, and a broken value in its place.
    fn broken(&mut self, expect: Expect, span: Span) -> Result<Expect, Exhausted> {
        let what = match expect {
            Expect::Value | Expect::ValueOrClose => "a value",
            Expect::Key | Expect::KeyOrClose => "a name in quotes",
            Expect::Colon => "a `:`",
            Expect::CommaOrClose => "a `,` or a closing bracket",
            Expect::Nothing => "the end",
        };
        let word = self.word(span);
        self.findings.syntax(span, format!("`{word}` stands where {what} is expected"));
        match expect {
            Expect::Key | Expect::KeyOrClose => {
                self.add(Kind::Broken, span)?;
                self.add(Kind::Broken, span)?;
            }
            Expect::Value | Expect::ValueOrClose | Expect::Colon => _ = self.add(Kind::Broken, span)?,
            Expect::CommaOrClose | Expect::Nothing => {}
        }
        self.at = span.range().start;
        self.skip();
        Ok(self.behind_value())
    }

    /// Goes on before the next comma or closing bracket of this depth.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        loop {
            let before = self.at;
            match self.token().0 {
                Token::Open(_) => depth += 1,
                Token::Close(_) if depth > 0 => depth -= 1,
                Token::Comma if depth > 0 => {}
                Token::Close(_) | Token::Comma | Token::End => {
                    self.at = before;
                    // A bracket that nothing opened would stand here for ever.
                    if self.open.is_empty() {
                        self.at = self.text.len();
                    }
                    return;
                }
                Token::Colon | Token::Value(_) | Token::Junk => {}
            }
        }
    }

    /// The end of the text; whatever is open ends with it.
    fn ended(&mut self, expect: Expect, span: Span) {
        if expect == Expect::Nothing {
            return;
        }
        let message = match self.open.last() {
            None => "there is no value in the text".to_owned(),
            Some(open) => format!("the text ends inside of {}", open.kind.name()),
        };
        self.findings.syntax(span, message);
        if self.is_object() && matches!(expect, Expect::Colon | Expect::Value) {
            // A name without its value; a parent is open, so this cannot go deeper.
            let _ = self.add(Kind::Broken, span);
        }
        while let Some(open) = self.open.pop() {
            self.tree.close(open.node, self.text.len());
        }
    }

    /// The next token; only white space stands between two.
    fn token(&mut self) -> (Token, Span) {
        let rest = self.text.get(self.at..).unwrap_or("");
        let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
        let start = self.at + (rest.len() - trimmed.len());
        let Some(first) = trimmed.bytes().next() else {
            self.at = self.text.len();
            return (Token::End, Span::new(self.at, self.at));
        };
        let (token, length) = match first {
            b'{' => (Token::Open(Kind::Object), 1),
            b'}' => (Token::Close(Kind::Object), 1),
            b'[' => (Token::Open(Kind::List), 1),
            b']' => (Token::Close(Kind::List), 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'"' => (Token::Value(Kind::Text), self.text_length(trimmed, start)),
            _ => word(trimmed),
        };
        self.at = start + length;
        (token, Span::new(start, self.at))
    }

    /// The length of a string with its quotes. What is wrong inside is reported; a line break ends it.
    fn text_length(&mut self, text: &str, start: usize) -> usize {
        let octets = text.as_bytes();
        let mut at = 1;
        loop {
            let plain = octets.iter().skip(at).take_while(|b| **b >= 0x20 && **b != b'"' && **b != b'\\');
            at += plain.count();
            match octets.get(at).copied() {
                Some(b'"') => return at + 1,
                Some(b'\\') => {
                    if let Some((_, length)) = text.get(at + 1..).and_then(escape) {
                        at += 1 + length;
                    } else {
                        // The character behind goes with it, where it does not end the string.
                        let next = text.get(at + 1..).and_then(|rest| rest.chars().next());
                        let next = next.filter(|c| !c.is_control()).map_or(0, char::len_utf8);
                        let span = Span::new(start + at, start + at + 1 + next);
                        self.findings.syntax(span, format!("`{}` is no escape of JSON", self.word(span)));
                        at += 1 + next;
                    }
                }
                Some(b'\n' | b'\r') | None => {
                    let span = Span::new(start, start + at);
                    self.findings.syntax(span, "the string is not closed on its line");
                    return at;
                }
                Some(_) => {
                    let span = Span::new(start + at, start + at + 1);
                    self.findings.syntax(span, "a control character must be written as an escape");
                    at += 1;
                }
            }
        }
    }
}

/// A number, a word of JSON, or what is neither.
fn word(text: &str) -> (Token, usize) {
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '+' | '-' | '.' | '_' | '/');
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let Some(word) = text.get(..end).filter(|word| !word.is_empty()) else {
        return (Token::Junk, text.chars().next().map_or(1, char::len_utf8));
    };
    let token = match word {
        "true" => Token::Value(Kind::True),
        "false" => Token::Value(Kind::False),
        "null" => Token::Value(Kind::Null),
        _ if is_number(word) => Token::Value(Kind::Number),
        _ => Token::Junk,
    };
    (token, end)
}

/// RFC 8259 §6.
fn is_number(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let word = word.strip_prefix('-').unwrap_or(word);
    let (mantissa, exponent) = match word.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (word, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)))
}

/// How sure the sample is of this dialect: an object that says so in its head.
pub(super) fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text.filter(|text| text.trim_start().starts_with('{')) else {
        return Recognition::No;
    };
    // What is wrong with the rest does not matter, nor that the sample may end inside of it.
    let mut findings = Findings::new(crate::source::SourceId::default());
    let mut parser = Parser {
        text,
        at: 0,
        tree: Tree::new(""),
        findings: &mut findings,
        open: Vec::new(),
        depth: depth(),
        memory: MemoryWatch::default(),
    };
    let mut level = 0_usize;
    let mut last = [Span::default(); 2];
    loop {
        let (token, span) = parser.token();
        match token {
            Token::Open(_) => level += 1,
            Token::Close(_) => level = level.saturating_sub(1),
            Token::End | Token::Junk => return Recognition::No,
            Token::Value(Kind::Text) if level == 1 => {
                let said = last.map(|span| text.get(span.range()).unwrap_or(""));
                if said == ["\"flowgate\"", ":"] && text.get(span.range()) == Some("\"ir\"") {
                    return Recognition::Certain;
                }
            }
            Token::Value(_) | Token::Comma | Token::Colon => {}
        }
        if level == 0 {
            return Recognition::No;
        }
        last = [last[1], span];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceId;

    fn parsed(text: &str) -> (String, Vec<String>) {
        let mut findings = Findings::new(SourceId(0));
        let tree = parse(text, &mut findings);
        let shape = tree.root().map_or(String::new(), |root| shape(&tree, root));
        let said = findings.into_list().into_iter();
        (shape, said.map(|f| format!("{} {}", f.primary.span.start, f.message)).collect())
    }

    fn shape(tree: &Tree<'_>, node: NodeId) -> String {
        let list = || tree.children(node).map(|child| shape(tree, child)).collect::<Vec<_>>().join(" ");
        match tree.kind(node) {
            Kind::List => format!("[{}]", list()),
            Kind::Object => format!("{{{}}}", list()),
            Kind::Broken => "?".to_owned(),
            _ => tree.raw(node).to_owned(),
        }
    }

    #[test]
    fn values_stand_in_their_order() {
        let (shape, said) = parsed(r#" {"a": [1, -2.5e3, "x\"y"], "b": {}, "c": null, "d": [] } "#);
        assert_eq!(shape, r#"{"a" [1 -2.5e3 "x\"y"] "b" {} "c" null "d" []}"#);
        assert_eq!(said, [""; 0]);
    }

    #[test]
    fn what_is_broken_is_said_once_and_the_rest_is_read() {
        let check = |text: &str, expected: &str, messages: &[&str]| {
            let (shape, said) = parsed(text);
            assert_eq!(
                (shape.as_str(), said),
                (expected, messages.iter().map(|m| (*m).to_owned()).collect())
            );
        };
        check("[1 2]", "[1 2]", &["3 a `,` is missing"]);
        check("[1,]", "[1]", &["3 a value is missing before `]`"]);
        check("{\"a\": }", "{\"a\" ?}", &["6 a value is missing before `}`"]);
        check("[1, oops [2, 3], 4]", "[1 ? 4]", &["4 `oops` stands where a value is expected"]);
        check("{a: 1, \"b\": 2}", "{? ? \"b\" 2}", &["1 `a` stands where a name in quotes is expected"]);
        check("{\"a\" 1, \"b\": 2}", "{\"a\" ? \"b\" 2}", &["5 `1` stands where a `:` is expected"]);
        check("[1}", "[1]", &["2 `}` closes a list that begins elsewhere"]);
        check("[01]", "[?]", &["1 `01` stands where a value is expected"]);
        check(
            "{\"a\": \"x",
            "{\"a\" \"x}",
            &["6 the string is not closed on its line", "8 the text ends inside of an object"],
        );
        check("[\"\\q\"]", "[\"\\q\"]", &["2 `\\q` is no escape of JSON"]);
        check("[] x", "[]", &["3 the text goes on behind the end of its value"]);
        check("", "", &["0 there is no value in the text"]);
        check("{\"a\"", "{\"a\" ?}", &["4 the text ends inside of an object"]);
        check("]", "?", &["0 `]` stands where a value is expected"]);
    }

    #[test]
    fn depth_is_bounded() {
        let (_, said) = parsed(&"[".repeat(100_000));
        assert!(said.len() == 1 && said[0].contains("condition-depth"), "{said:?}");
    }
}
