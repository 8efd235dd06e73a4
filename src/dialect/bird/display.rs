//! What `show route` prints: a line for each route, with `all` its attributes on the lines below.

use super::constants::Constants;
use super::items;
use super::lex::Lexer;
use super::lower::Rules;
use super::parse::name_in;
use super::syntax::{Attribute, Route};
use crate::dialect::findings::Findings;
use crate::dialect::raised;
use crate::field::Family;
use crate::ir;
use crate::source::Span;

/// Whether a line shows a flow route.
pub(super) fn shown(line: &str) -> Option<Family> {
    let line = code(line);
    let (family, rest) = if let Some(rest) = line.strip_prefix("flow4") {
        (Family::Inet, rest)
    } else {
        (Family::Inet6, line.strip_prefix("flow6")?)
    };
    rest.trim_start_matches(' ').starts_with('{').then_some(family)
}

// A line without the code of BIRD's socket, as `1007-`.
fn code(line: &str) -> &str {
    match line.split_at_checked(5) {
        Some((digits, rest)) if digits.ends_with(['-', ' ']) => {
            let is_code = digits.bytes().take(4).all(|byte| byte.is_ascii_digit());
            if is_code { rest } else { line }
        }
        _ => line,
    }
}

/// Reads the output of `show route` into `rules`. Gives how many lines were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let mut reader = Display {
        text,
        rules,
        findings,
        constants: Constants::new(text),
        route: Route::new(),
        state: State::Outside,
        first: 0,
        name: None,
        table: "",
    };
    let mut skipped = 0;
    for line in text.split_inclusive('\n') {
        let line = line.trim_end();
        if !reader.line(line) && !line.is_empty() {
            skipped += 1;
        }
    }
    reader.flush();
    skipped
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before a route.
    Outside,
    /// Behind its line, where the attributes of its best path stand.
    Best,
    /// Behind the line of another path, which is not used.
    Other,
}

struct Display<'a, 'r, 'o> {
    text: &'a str,
    rules: &'r mut Rules<'o>,
    findings: &'r mut Findings,
    constants: Constants<'a>,
    route: Route,
    state: State,
    // How many findings there were before the route.
    first: usize,
    name: Option<&'a str>,
    table: &'a str,
}

impl<'a> Display<'a, '_, '_> {
    // Whether the line was one of those that count.
    fn line(&mut self, line: &'a str) -> bool {
        if let Some(family) = shown(line) {
            self.flush();
            self.begin(family, line);
            return true;
        }
        let plain = code(line);
        if let Some(name) = plain.strip_prefix("Table ").and_then(|rest| rest.trim_end().strip_suffix(':')) {
            self.flush();
            self.table = name;
            return true;
        }
        if self.state == State::Outside || !plain.starts_with([' ', '\t']) {
            return plain.trim_start().starts_with('#');
        }
        let inside = plain.trim_start();
        if inside.starts_with('[') {
            self.state = State::Other;
        } else if self.state == State::Best {
            self.route.attributes_known = true;
            if let Some(list) = inside.strip_prefix("BGP.ext_community:") {
                self.communities(list);
            }
        }
        true
    }

    fn begin(&mut self, family: Family, line: &'a str) {
        let start = Span::of(self.text, code(line)).start as usize;
        self.first = self.findings.len();
        self.route.clear(family);
        self.route.shown = true;
        self.route.attributes_known = false;
        let whole = self.text.get(..start + code(line).len()).unwrap_or(self.text);
        let mut lexer = Lexer::new(whole);
        lexer.seek(start);
        lexer.next();
        items::block(&mut lexer, &mut self.constants, self.findings, &mut self.route);
        self.route.span = Span::new(start, lexer.behind());
        self.name = whole.get(lexer.behind()..).and_then(name_in);
        self.state = State::Best;
    }

    fn communities(&mut self, list: &'a str) {
        let start = Span::of(self.text, list);
        let whole = self.text.get(..start.end as usize).unwrap_or(self.text);
        let mut lexer = Lexer::new(whole);
        lexer.seek(start.start as usize);
        loop {
            lexer.blanks();
            let from = lexer.at();
            if from >= whole.len() {
                return;
            }
            match self.constants.extended_community(&mut lexer) {
                Ok(octets) => {
                    let span = Span::new(from, lexer.behind());
                    self.route.attributes.push((Attribute::Add(octets), span));
                }
                Err(fault) => {
                    self.findings.error(raised::SYNTAX_ERROR, fault.message, fault.span);
                    self.route.attributes.push((Attribute::Unread, start));
                    return;
                }
            }
        }
    }

    fn flush(&mut self) {
        if self.state == State::Outside {
            return;
        }
        self.state = State::Outside;
        let mut made = ir::Rules::new();
        self.rules.rule(&self.route, self.name.take(), self.first, self.findings, &mut made);
        let set = Rules::set_name(self.route.family, self.table);
        let found = self.findings.list().iter_mut().skip(self.first);
        found.for_each(|finding| finding.rule_set = Some(set.clone()));
        self.rules.append(self.route.family, self.table, made);
    }
}
