//! Text to flow routes: configurations and commands, statement by statement, with what is no flow passed over.
//!
//! Routes are handed to a [`Sink`] one at a time. After an error reading goes on at the next statement; the
//! route it stands in is marked as broken, so that nobody takes what was left for the whole.

mod sections;

use super::lex::{Token, blank, token};
use super::support::meaning;
use super::syntax::{Block, Route, Statement, Verb, Word};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::source::Span;

/// What takes routes and errors as they are read.
pub(super) trait Sink {
    /// A route, complete.
    fn route(&mut self, route: &Route);
    /// Something that is not of the language.
    fn error(&mut self, span: Span, message: String, help: Option<&str>);
    /// A statement that carries no rules.
    fn skipped(&mut self);
}

/// Reads the whole text.
pub(super) fn read(text: &str, sink: &mut dyn Sink) {
    let mut parser = Parser {
        text,
        rest: text,
        sink,
        stack: Vec::new(),
        depth: Meter::new(&limits::NESTING),
        route: Route::default(),
        peer: None,
        head: 0,
    };
    while parser.step() {}
}

// What an open block is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    Neighbor,
    Flow,
    Route,
    Inside(Block),
    Announce,
    AnnounceFamily(Family),
    // Passed over, however deep.
    Other,
}

struct Frame {
    section: Section,
    opened: Span,
}

// How a statement ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Semicolon(Span),
    Open(Span),
    Close(Span),
    // The line ended and what follows is another statement.
    Line(Span),
    Text,
}

pub(super) struct Parser<'a, 's> {
    text: &'a str,
    rest: &'a str,
    pub(super) sink: &'s mut dyn Sink,
    stack: Vec<Frame>,
    depth: Meter,
    pub(super) route: Route,
    peer: Option<Span>,
    // Where the words of the statement begin in `route.words`.
    pub(super) head: usize,
}

impl<'a> Parser<'a, '_> {
    // One statement; false at the end of the text.
    fn step(&mut self) -> bool {
        let in_route = matches!(self.section(), Some(Section::Route | Section::Inside(_)));
        if !in_route {
            self.route.words.clear();
        }
        self.head = self.route.words.len();
        let end = self.statement();
        match self.section() {
            None => self.at_root(end),
            Some(Section::Neighbor) => self.in_neighbor(end),
            Some(Section::Flow) => self.in_flow(end),
            Some(Section::Route) => self.in_route(end),
            Some(Section::Inside(block)) => self.in_block(block, end),
            Some(Section::Announce) => self.in_announce(end),
            Some(Section::AnnounceFamily(family)) => self.in_announce_family(family, end),
            Some(Section::Other) => self.in_other(end),
        }
        end != End::Text
    }

    fn section(&self) -> Option<Section> {
        self.stack.last().map(|frame| frame.section)
    }

    fn span(&self, part: &str) -> Span {
        Span::of(self.text, part)
    }

    pub(super) fn words(&self) -> &[Word] {
        self.route.words.get(self.head..).unwrap_or(&[])
    }

    pub(super) fn word(&self, index: usize) -> &'a str {
        self.words().get(index).map_or("", |word| self.slice(word.span))
    }

    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    pub(super) fn error(&mut self, span: Span, message: String, help: Option<&str>) {
        self.sink.error(span, message, help);
        if self.route.broken.is_none() {
            self.route.broken = Some(span);
        }
    }

    // The place of the words of the statement; of `otherwise` where it has none.
    pub(super) fn place(&self, otherwise: Span) -> Span {
        let words = self.words();
        match (words.first(), words.last()) {
            (Some(first), Some(last)) => first.span.to(last.span),
            _ => otherwise,
        }
    }

    // Reads words up to the end of a statement.
    fn statement(&mut self) -> End {
        let (mut list, mut lists) = (None, 0_u16);
        loop {
            let (rest, newline) = blank(self.rest);
            let (after, next) = token(rest);
            if newline && !self.words().is_empty() && self.ends_at_line(next) {
                self.close_list(list);
                let end = self.words().last().map_or_else(Span::default, |word| word.span);
                self.rest = rest;
                return End::Line(end);
            }
            self.rest = after;
            match next {
                Token::Word(word) => {
                    let span = self.span(word);
                    self.route.words.push(Word { span, list: if list.is_some() { lists } else { 0 } });
                }
                Token::Unclosed(word) => {
                    let span = self.span(word);
                    self.error(span, "this quotation does not end on its line".into(), None);
                }
                Token::ListOpen(sign) => {
                    self.close_list(list);
                    list = Some(self.span(sign));
                    lists = lists.saturating_add(1);
                }
                Token::ListClose(sign) => {
                    if list.take().is_none() {
                        let span = self.span(sign);
                        self.error(span, "`]` closes no list".into(), None);
                    }
                }
                Token::Semicolon(sign) => {
                    self.close_list(list);
                    return End::Semicolon(self.span(sign));
                }
                Token::BlockOpen(sign) => {
                    self.close_list(list);
                    return End::Open(self.span(sign));
                }
                Token::BlockClose(sign) => {
                    self.close_list(list);
                    return End::Close(self.span(sign));
                }
                Token::End(_) => {
                    self.close_list(list);
                    return End::Text;
                }
            }
        }
    }

    fn close_list(&mut self, list: Option<Span>) {
        if let Some(span) = list {
            self.error(span, "this list is never closed".into(), Some("write `]` behind its last value"));
        }
    }

    // Whether the statement ends with the line although nothing says so. ExaBGP wants every statement on one
    // line; we let it run on unless the next line begins with a keyword.
    fn ends_at_line(&self, next: Token<'_>) -> bool {
        let Token::Word(next) = next else {
            return self.stack.is_empty() && self.verb().is_some();
        };
        match self.section() {
            None => self.verb().is_some() || ROOT_WORDS.contains(&next),
            Some(Section::Neighbor) => NEIGHBOR_WORDS.contains(&next),
            Some(Section::Flow) => next == "route",
            Some(Section::Route) => {
                meaning(Block::Route, next).is_some() || matches!(next, "match" | "then" | "scope")
            }
            Some(Section::Inside(block)) => meaning(block, next).is_some(),
            Some(Section::Announce | Section::AnnounceFamily(_) | Section::Other) => false,
        }
    }

    // The index of the verb, where the words are a command.
    fn verb(&self) -> Option<usize> {
        let is_verb = |word: &Word| matches!(self.slice(word.span), "announce" | "withdraw");
        match self.word(0) {
            "announce" | "withdraw" => Some(0),
            "neighbor" => self.words().iter().position(is_verb),
            _ => None,
        }
    }

    pub(super) fn push(&mut self, section: Section, opened: Span) {
        let too_deep = self.depth.charge(1).is_err();
        if too_deep {
            let limit = limits::NESTING.value;
            self.error(opened, format!("blocks are nested more than {limit} deep"), None);
        }
        let section = if too_deep { Section::Other } else { section };
        self.stack.push(Frame { section, opened });
    }

    fn pop(&mut self) {
        self.depth.release(1);
        self.stack.pop();
        if self.stack.is_empty() {
            self.peer = None;
        }
    }

    // Starts a route whose words are those of the statement.
    pub(super) fn begin(&mut self, verb: Verb, span: Span) {
        let words = std::mem::take(&mut self.route.words);
        let broken = self.route.broken.filter(|at| at.start >= span.start);
        self.route.clear();
        self.route.words = words;
        self.route.broken = broken;
        self.route.verb = verb;
        self.route.span = span;
        self.route.peer = self.peer;
    }

    // Enters the braces of a route whose optional name is word `index`.
    pub(super) fn open_route(&mut self, index: usize, sign: Span) {
        let at = |i: usize| self.words().get(i).map(|word| word.span);
        let (name, surplus) = (at(index), at(index + 1));
        self.route.name = name;
        if let Some(surplus) = surplus {
            self.error(surplus, "expected `{` behind the name of the route".into(), None);
        }
        self.route.words.clear();
        self.push(Section::Route, sign);
    }

    pub(super) fn finish(&mut self, end: Span) {
        self.route.span = self.route.span.to(end);
        self.sink.route(&self.route);
    }

    fn push_statement(&mut self, block: Block) {
        let Some(keyword) = self.words().first().map(|word| word.span) else { return };
        self.add(block, keyword, self.head + 1, self.route.words.len());
    }

    pub(super) fn add(&mut self, block: Block, keyword: Span, first: usize, last: usize) {
        let index = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        self.route.statements.push(Statement { block, keyword, first: index(first), last: index(last) });
    }
}

// Words that begin a statement of a file or a command.
const ROOT_WORDS: &[&str] = &["announce", "flow", "group", "neighbor", "process", "template", "withdraw"];

// Words that begin a statement of a neighbor, sorted.
const NEIGHBOR_WORDS: &[&str] = &[
    "adj-rib-in",
    "adj-rib-out",
    "announce",
    "api",
    "auto-flush",
    "capability",
    "connect",
    "description",
    "domain-name",
    "family",
    "flow",
    "group-updates",
    "hold-time",
    "host-name",
    "inherit",
    "l2vpn",
    "listen",
    "local-address",
    "local-as",
    "manual-eor",
    "md5-password",
    "nexthop",
    "operational",
    "passive",
    "peer-as",
    "process",
    "rate-limit",
    "router-id",
    "static",
    "ttl-security",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Seen {
        text: String,
        lines: Vec<String>,
        errors: Vec<String>,
        skipped: usize,
    }

    impl Sink for Seen {
        fn route(&mut self, route: &Route) {
            let text = |span: Span| self.text.get(span.range()).unwrap();
            let statements = route.statements.iter().map(|s| {
                let values: Vec<&str> = route.values(s).iter().map(|w| text(w.span)).collect();
                format!("{}/{}({})", s.block.name(), text(s.keyword), values.join(" "))
            });
            let statements: Vec<String> = statements.collect();
            let name = route.name.map_or("-", text);
            let peer = route.peer.map_or("*", text);
            self.lines.push(format!("{:?} {peer} {name}: {}", route.verb, statements.join(" ")));
        }

        fn error(&mut self, span: Span, message: String, _: Option<&str>) {
            self.errors.push(format!("{}..{} {message}", span.start, span.end));
        }

        fn skipped(&mut self) {
            self.skipped += 1;
        }
    }

    fn seen(text: &str) -> Seen {
        let mut seen = Seen { text: text.into(), ..Seen::default() };
        read(text, &mut seen);
        seen
    }

    #[test]
    fn routes_are_found_in_neighbors_groups_and_several_blocks() {
        let text = "process p { run ./x; }\nneighbor 10.0.0.1 {\n local-as 1;\n family { ipv4 flow; }\n flow { \
                    route a { rd 1:2; match { port [ =80 =90 ]; } then { discard; } } }\n flow { route b { } }\n \
                    flow { route source 10.0.0.0/8 discard; }\n announce { ipv4 { flow source 1.0.0.0/8 accept; \
                    unicast 1.2.3.0/24; } }\n}\n";
        let seen = seen(text);
        assert_eq!(seen.errors, Vec::<String>::new());
        assert_eq!(
            seen.lines,
            [
                "Configured 10.0.0.1 a: route/rd(1:2) match/port(=80 =90) then/discard()",
                "Configured 10.0.0.1 b: ",
                "Configured 10.0.0.1 -: match/source(10.0.0.0/8) then/discard()",
                "Configured 10.0.0.1 -: match/source(1.0.0.0/8) then/accept()",
            ]
        );
        assert_eq!(seen.skipped, 6);
    }

    #[test]
    fn commands_end_with_their_line() {
        let text = "announce flow route {\\n match {\\n source 10.0.0.1/32;\\n }\\n then {\\n discard;\\n }\\n }\\n\n\
                    neighbor 10.0.0.2 local-as 1 announce flow route destination 1.0.0.0/8 rate-limit 9600 packets \
                    interface-set [ transitive:input:1:2]\n\
                    announce route 10.0.0.0/8 next-hop self\n\
                    withdraw ipv6 flow next-header =udp redirect [2001:db8::1]:7 community [ 1:2 ]\n";
        let seen = seen(text);
        assert_eq!(seen.errors, Vec::<String>::new());
        assert_eq!(
            seen.lines,
            [
                "Announce * -: match/source(10.0.0.1/32) then/discard()",
                "Announce 10.0.0.2 local-as 1 -: match/destination(1.0.0.0/8) then/rate-limit(9600 packets) \
                 scope/interface-set(transitive:input:1:2)",
                "Withdraw * -: match/next-header(=udp) then/redirect(2001:db8::1 :7) then/community(1:2)",
            ]
        );
        assert_eq!(seen.skipped, 1);
    }

    #[test]
    fn reading_goes_on_behind_errors() {
        let text = "neighbor a {\n router-id 1.2.3.4\n flow {\n route x { match { port [ =80\n protocol tcp }\n \
                    then { discard; } }\n rule y { }\n } } }";
        let seen = seen(text);
        assert_eq!(seen.lines, ["Configured a x: then/discard()"]);
        let messages: Vec<&str> = seen.errors.iter().map(|e| e.split_once(' ').unwrap().1).collect();
        assert_eq!(
            messages,
            [
                "expected `;` or `{` behind this word",
                "this list is never closed",
                "expected `;` or `{` behind this word",
                "expected `;` behind this word",
                "expected `route` in `flow`",
                "`}` closes no block",
            ]
        );
    }
}
