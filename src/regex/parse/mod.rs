//! Patterns as PCRE2 reads them, text to tree.
//!
//! What is not modelled (looking around, references back, recursion, Unicode) is told apart from what is wrong: the
//! first leaves questions about the pattern without an answer, the second is a mistake.

mod class;
mod escape;
mod group;

use super::set;
use super::tree::{Look, Node, NodeKind, Repeat};
use super::{Flags, Octets};
use crate::guard::{Exhausted, Meter, limits};
use crate::source::Span;

/// Why a pattern has no tree.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// It is wrong: the engine refuses it.
    #[error("{message}")]
    Wrong {
        /// Where in the pattern.
        span: Span,
        /// What is wrong.
        message: String,
    },
    /// It is not modelled.
    #[error("{what} is not modelled")]
    Unsupported {
        /// Where in the pattern.
        span: Span,
        /// What.
        what: &'static str,
    },
    /// It is too large for us.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
}

/// The most a count in braces can be (pcre2pattern, "Repetition").
const MOST: u32 = 65_535;

/// Why braces are not read that mean one thing in some releases and another in others (pcre2pattern, "Repetition", of
/// 10.42 and 10.43).
const COUNT_OF_SOME: &str = "what is a count from PCRE2 10.43 on and letters before";

/// Reads a pattern.
pub fn parse(text: &str, flags: Flags) -> Result<Node, ParseError> {
    let mut parser = Parser::new(text, flags);
    let node = parser.alternatives()?;
    if parser.peek() == Some(b')') {
        return Err(parser.wrong(parser.at, 1, "a closing parenthesis without an opening one"));
    }
    if flags.anchored {
        let span = node.span;
        return Ok(Node::cat(span, vec![Node::new(span, NodeKind::Look(Look::Start)), node]));
    }
    Ok(node)
}

/// Where a reader of patterns stands.
#[derive(Debug)]
struct Parser<'t> {
    text: &'t str,
    at: usize,
    flags: Flags,
    depth: Meter,
    nodes: Meter,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, flags: Flags) -> Self {
        let depth = Meter::new(&limits::REGEX_NESTING);
        Self { text, at: 0, flags, depth, nodes: Meter::new(&limits::REGEX_NODES) }
    }

    fn octets(&self) -> &'t [u8] {
        self.text.as_bytes()
    }

    fn peek(&self) -> Option<u8> {
        self.octets().get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.octets().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.at += 1;
        Some(octet)
    }

    /// Takes `words` where they stand next.
    fn take(&mut self, words: &[u8]) -> bool {
        let there = self.rest().starts_with(words);
        if there {
            self.at += words.len();
        }
        there
    }

    fn span(&self, from: usize) -> Span {
        Span::new(from, self.at)
    }

    fn node(&mut self, from: usize, kind: NodeKind) -> Result<Node, ParseError> {
        self.nodes.charge(1)?;
        Ok(Node::new(self.span(from), kind))
    }

    fn wrong(&self, at: usize, octets: usize, message: impl Into<String>) -> ParseError {
        let end = (at + octets).min(self.text.len());
        ParseError::Wrong { span: Span::new(at.min(end), end), message: message.into() }
    }

    fn unsupported(&self, from: usize, what: &'static str) -> ParseError {
        ParseError::Unsupported { span: Span::new(from, self.at), what }
    }

    fn set(&self, set: Octets) -> Octets {
        if self.flags.caseless { set.folded() } else { set }
    }

    /// Alternatives up to a closing parenthesis or the end. Flags set inside hold to the end of the group.
    fn alternatives(&mut self) -> Result<Node, ParseError> {
        self.depth.charge(1)?;
        let (from, flags) = (self.at, self.flags);
        let mut parts = vec![self.sequence()?];
        while self.take(b"|") {
            parts.push(self.sequence()?);
        }
        self.flags = flags;
        self.depth.release(1);
        match parts.pop() {
            Some(only) if parts.is_empty() => Ok(only),
            last => {
                parts.extend(last);
                self.node(from, NodeKind::Alt(parts))
            }
        }
    }

    fn sequence(&mut self) -> Result<Node, ParseError> {
        let from = self.at;
        let mut parts = Vec::new();
        loop {
            if self.flags.extended && self.skip_blanks() {
                continue;
            }
            match self.peek() {
                None | Some(b'|' | b')') => break,
                Some(_) => {}
            }
            let start = self.at;
            let Some(atom) = self.atom()? else { continue };
            let atom = self.quantified(start, atom)?;
            parts.push(atom);
        }
        self.nodes.charge(1)?;
        Ok(Node::cat(self.span(from), parts))
    }

    /// Blanks and remarks that the extended form passes over.
    fn skip_blanks(&mut self) -> bool {
        let from = self.at;
        while let Some(octet) = self.peek() {
            if set::blank().contains(octet) {
                self.at += 1;
            } else if octet == b'#' {
                let line = self.rest().iter().position(|octet| *octet == b'\n');
                self.at += line.map_or(self.rest().len(), |end| end + 1);
            } else {
                break;
            }
        }
        self.at > from
    }

    /// One part without what repeats it; none for what takes no part (remarks, flags).
    fn atom(&mut self) -> Result<Option<Node>, ParseError> {
        let from = self.at;
        if self.count()?.is_some() {
            return Err(self.wrong(from, 1, "nothing stands before what repeats it"));
        }
        let Some(octet) = self.next() else { return Ok(None) };
        let kind = match octet {
            b'(' => return self.group(from),
            b'[' => NodeKind::Set(self.class(from)?),
            b'.' if self.flags.dot_all => NodeKind::Set(Octets::ALL),
            b'.' => NodeKind::Set(set::line_end().complement()),
            b'^' => NodeKind::Look(if self.flags.multi_line { Look::LineStart } else { Look::Start }),
            b'$' if self.flags.multi_line => NodeKind::Look(Look::LineEnd),
            b'$' if self.flags.dollar_end_only => NodeKind::Look(Look::End),
            b'$' => NodeKind::Look(Look::EndOrLast),
            b'\\' => return self.escaped(from),
            _ => NodeKind::Set(self.set(Octets::one(octet))),
        };
        self.node(from, kind).map(Some)
    }

    /// A part with everything behind it that repeats it.
    fn quantified(&mut self, from: usize, mut node: Node) -> Result<Node, ParseError> {
        self.skip_nothing();
        let at = self.at;
        // A group may be repeated, whatever it holds.
        let is_group = self.octets().get(from) == Some(&b'(');
        if matches!(node.kind, NodeKind::Look(_)) && !is_group && self.count()?.is_some() {
            return Err(self.wrong(at, 1, "a place cannot be repeated"));
        }
        let Some((least, most)) = self.count()? else { return Ok(node) };
        if most.is_some_and(|most| most < least) {
            let message = "the numbers in braces stand the wrong way round";
            return Err(self.wrong(at, self.at - at, message));
        }
        let possessive = self.take(b"+");
        let lazy = !possessive && self.take(b"?");
        let greedy = possessive || lazy == self.flags.ungreedy;
        let repeat = Repeat { node, least, most, greedy };
        node = self.node(from, NodeKind::Repeat(Box::new(repeat)))?;
        if possessive {
            node = self.node(from, NodeKind::Atomic(Box::new(node)))?;
        }
        // Nothing repeats what is repeated already.
        let again = self.at;
        if self.count()?.is_some() {
            return Err(self.wrong(again, 1, "what repeats a part follows another that does"));
        }
        Ok(node)
    }

    /// What stands between a part and what repeats it without being one: remarks, empty quotations.
    fn skip_nothing(&mut self) {
        loop {
            if self.rest().starts_with(b"(?#")
                && let Some(end) = self.rest().iter().position(|octet| *octet == b')')
            {
                self.at += end + 1;
            } else if !(self.flags.extended && self.skip_blanks()
                || self.take(b"\\Q\\E")
                || self.take(b"\\E"))
            {
                return;
            }
        }
    }

    /// How often, where that stands next.
    fn count(&mut self) -> Result<Option<(u32, Option<u32>)>, ParseError> {
        let from = self.at;
        let count = match self.next() {
            Some(b'*') => Some((0, None)),
            Some(b'+') => Some((1, None)),
            Some(b'?') => Some((0, Some(1))),
            Some(b'{') => {
                let least = self.number();
                let most = if self.take(b",") { self.number() } else { least };
                // Braces that hold no count stand for themselves.
                if self.take(b"}")
                    && let Some(least) = least
                {
                    Some((least, most))
                } else {
                    None
                }
            }
            _ => None,
        };
        if count.is_none() {
            self.at = from;
            if self.is_count_of_some() {
                return Err(self.unsupported(from, COUNT_OF_SOME));
            }
        }
        if count.is_some_and(|(least, most)| least.max(most.unwrap_or(0)) > MOST) {
            return Err(self.wrong(from, self.at - from, format!("a count is at most {MOST}")));
        }
        Ok(count)
    }

    /// Takes braces that are a count from PCRE2 10.43 on and letters before: without the first number, or with blanks.
    fn is_count_of_some(&mut self) -> bool {
        let from = self.at;
        let blanks = |parser: &mut Self| while parser.take(b" ") || parser.take(b"\t") {};
        if self.take(b"{") {
            blanks(self);
            let mut numbers = usize::from(self.number().is_some());
            blanks(self);
            if self.take(b",") {
                blanks(self);
                numbers += usize::from(self.number().is_some());
                blanks(self);
            }
            if numbers > 0 && self.take(b"}") {
                return true;
            }
        }
        self.at = from;
        false
    }

    fn number(&mut self) -> Option<u32> {
        let from = self.at;
        let mut number = 0_u32;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            number = number.saturating_mul(10).saturating_add(u32::from(digit - b'0'));
            self.at += 1;
        }
        (self.at > from).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    fn text(pattern: &str) -> String {
        fn put(node: &Node, out: &mut String) {
            match &node.kind {
                NodeKind::Set(set) => write!(out, "{set:?}").unwrap(),
                NodeKind::Look(look) => write!(out, "<{look:?}>").unwrap(),
                NodeKind::Cat(parts) => parts.iter().for_each(|part| put(part, out)),
                NodeKind::Alt(parts) => {
                    for (at, part) in parts.iter().enumerate() {
                        *out += if at == 0 { "(" } else { "|" };
                        put(part, out);
                    }
                    *out += ")";
                }
                NodeKind::Repeat(repeat) => {
                    *out += "(";
                    put(&repeat.node, out);
                    let most = repeat.most.map_or(String::new(), |most| most.to_string());
                    let greedy = if repeat.greedy { "" } else { "?" };
                    write!(out, "){{{},{most}}}{greedy}", repeat.least).unwrap();
                }
                NodeKind::Atomic(inner) => {
                    *out += "(?>";
                    put(inner, out);
                    *out += ")";
                }
            }
        }
        match parse(pattern, Flags::default()) {
            Ok(node) => {
                let mut out = String::new();
                put(&node, &mut out);
                out
            }
            Err(ParseError::Wrong { span, message }) => {
                format!("wrong {}-{}: {message}", span.start, span.end)
            }
            Err(ParseError::Unsupported { span, what }) => format!("? {}-{}: {what}", span.start, span.end),
            Err(ParseError::Exhausted(exhausted)) => exhausted.to_string(),
        }
    }

    #[test]
    fn patterns_are_read_as_pcre2_reads_them() {
        for (pattern, tree) in [
            ("ab|c", "([a][b]|[c])"),
            ("a{2}b{2,}c{,}", "([a]){2,2}([b]){2,}[c][{][,][}]"),
            (r"(\b)*(?:^|$)+a", "(<Border>){0,}((<Start>|<EndOrLast>)){1,}[a]"),
            (r"(?:\b)++", "(?>(<Border>){1,})"),
            ("a*?b++", "([a]){0,}?(?>([b]){1,})"),
            ("(?>a|b)(?:c)", "(?>([a]|[b]))[c]"),
            ("(?i)a(?-i)b", "[Aa][b]"),
            ("(?i:a)b", "[Aa][b]"),
            ("(a(?i)b)c", "[a][Bb][c]"),
            (r"\x41\x{42}\101\n\t\e\cA", r"[A][B][A][\n][\t][\x1b][\x01]"),
            (r"[]a][^]a]", &format!(r"[\]a]{:?}", Octets::range(93, 93).union(Octets::one(97)).complement())),
            (r"[a\-c][a-]", r"[\-ac][\-a]".replace(r"\-", "-").as_str()),
            (r"\Qa.b\E+", "[a][.]([b]){1,}"),
            ("[[:digit:]x]", "[0123456789x]"),
            ("(?#remark)a", "[a]"),
            (r"a(?#remark)\Q\E+", "([a]){1,}"),
            (r"\Qab\E{2}", "[a]([b]){2,2}"),
            (r"[\8[:]", "[8:[]"),
            ("(?x) a # b\n c", "[a][c]"),
            ("^a$", "<Start>[a]<EndOrLast>"),
            ("(?m)^a$", "<LineStart>[a]<LineEnd>"),
            (r"\Aa\z\Z\b\B", "<Start>[a]<End><EndOrLast><Border><NoBorder>"),
            ("a{", "[a][{]"),
            ("()", ""),
            ("(?U)a+b+?", "([a]){1,}?([b]){1,}"),
            ("(?<n>a)(?P<m>b)(?'o'c)", "[a][b][c]"),
            ("é", r"[\xc3][\xa9]"),
        ] {
            assert_eq!(text(pattern), tree.replace(r"[\]a]", "[]a]"), "{pattern}");
        }
    }

    #[test]
    fn what_is_wrong_and_what_is_not_modelled_is_told_with_its_place() {
        for (pattern, said) in [
            ("a)", "wrong 1-2"),
            ("(a", "wrong 0-1"),
            ("[a", "wrong 0-1"),
            ("*a", "wrong 0-1"),
            ("{2}a", "wrong 0-1"),
            ("a**", "wrong 2-3"),
            ("a{3,2}", "wrong 1-6"),
            ("a{70000}", "wrong 1-8"),
            ("[b-a]", "wrong 1-4"),
            ("[:alpha:]", "wrong 0-9"),
            (r"[a-\d]", "wrong 1-5"),
            ("^*a", "wrong 1-2"),
            (r"\b*a", "wrong 2-3"),
            (r"\E+a", "wrong 2-3"),
            (r"\j", "wrong 0-2"),
            (r"a\", "wrong 1-2"),
            (r"(?=a)b", "? 0-3"),
            (r"a(?<!b)", "? 1-5"),
            (r"(a)\1", "? 3-5"),
            (r"\p{L}", "? 0-2"),
            (r"\X++", "? 0-2"),
            ("(?R)", "? 0-3"),
            ("(?(1)a|b)", "? 0-3"),
            ("(*UTF8)a", "? 0-2"),
            (r"\x{100}", "? 0-7"),
            ("^(a{,3})+$", "? 3-7"),
            ("a{ 1,3 }", "? 1-8"),
            ("{,3}", "? 0-4"),
        ] {
            assert!(text(pattern).starts_with(said), "{pattern}: {}", text(pattern));
        }
        assert!(text(&"(".repeat(100_000)).contains("regex-nesting"));
    }
}
