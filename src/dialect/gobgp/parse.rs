//! Commands, one a line, as a shell would cut them.

use super::lower::Rules;
use super::matching::{self, Word, place};
use super::support;
use super::syntax::{Route, Verb};
use super::then;
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::flowspec::Table;
use crate::dialect::raised;
use crate::source::Span;

/// How a comment names the rule before it.
pub(super) const NAME: &str = "name: ";

/// Reads commands into `rules`. Gives how many lines were passed over.
pub(super) fn read(text: &str, rules: &mut Rules<'_>, findings: &mut Findings) -> usize {
    let mut commands = Commands { rules, findings, route: Route::new(), skipped: 0 };
    let mut words: Vec<Word<'_>> = Vec::new();
    let mut at = 0;
    while at < text.len() {
        words.clear();
        let line = split(text, at, &mut words);
        if let Some(quote) = line.unclosed {
            let span = Span::new(quote, quote + 1);
            commands.findings.error(raised::SYNTAX_ERROR, "this quotation does not end", span);
        }
        commands.command(&words, &line);
        at = line.end;
    }
    commands.skipped
}

/// A command as it was cut.
#[derive(Debug, Default)]
pub(super) struct Line<'a> {
    // Where the next begins.
    end: usize,
    comment: Option<&'a str>,
    unclosed: Option<usize>,
    // The first sign outside quotes that a shell takes for itself.
    sign: Option<usize>,
}

// What an octet does in a word.
#[derive(Clone, Copy)]
enum Class {
    Stays,
    // Ends it.
    Cut,
    // Stays in it, and a shell takes it for itself.
    Sign,
}

static CLASSES: [Class; 256] = {
    let mut table = [Class::Stays; 256];
    let (cuts, signs) = (*b" \t\r\n'\";", *b"<>&|");
    let mut index = 0;
    #[expect(clippy::indexing_slicing, reason = "worked out by the compiler")]
    while index < cuts.len() {
        table[cuts[index] as usize] = Class::Cut;
        if index < signs.len() {
            table[signs[index] as usize] = Class::Sign;
        }
        index += 1;
    }
    table
};

// Cuts one command into words: blanks part them, quotes hold them together, `#` begins a comment, a backslash at
// the end of a line goes on, `;` ends the command.
fn split<'a>(text: &'a str, from: usize, words: &mut Vec<Word<'a>>) -> Line<'a> {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied();
    let slice = |from: usize, to: usize| text.get(from..to).unwrap_or("");
    let mut line = Line::default();
    let mut at = from;
    while let Some(first) = byte(at) {
        match first {
            b'\n' | b';' => {
                line.end = at + 1;
                if first == b';' {
                    line.comment = comment_behind(text, at + 1);
                }
                return line;
            }
            b' ' | b'\t' | b'\r' => at += 1,
            b'\\' if byte(at + 1) == Some(b'\n') => at += 2,
            b'\\' if byte(at + 1) == Some(b'\r') && byte(at + 2) == Some(b'\n') => at += 3,
            b'#' => {
                let end = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\n'));
                let end = end.map_or(bytes.len(), |length| at + length);
                line.comment = Some(slice(at + 1, end));
                at = end;
            }
            b'\'' | b'"' => {
                let rest = bytes.get(at + 1..).unwrap_or(&[]);
                let Some(length) = rest.iter().position(|b| *b == first || *b == b'\n') else {
                    line.unclosed = Some(at);
                    line.end = bytes.len();
                    return line;
                };
                let end = at + 1 + length;
                if byte(end) != Some(first) {
                    line.unclosed = Some(at);
                    words.push((slice(at + 1, end), at + 1));
                    at = end;
                    continue;
                }
                words.push((slice(at + 1, end), at + 1));
                at = end + 1;
            }
            _ => {
                let rest = bytes.get(at..).unwrap_or(&[]);
                let mut sign = None;
                let ends = |(index, octet): (usize, &u8)| match CLASSES.get(usize::from(*octet)) {
                    Some(Class::Cut) => true,
                    Some(Class::Sign) => {
                        sign.get_or_insert(at + index);
                        false
                    }
                    _ => false,
                };
                let length = rest.iter().enumerate().position(ends).unwrap_or(rest.len()).max(1);
                line.sign = line.sign.or(sign);
                words.push((slice(at, at + length), at));
                at += length;
            }
        }
    }
    line.end = bytes.len();
    line
}

// A comment on the rest of the line, behind a semicolon.
fn comment_behind(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?.split('\n').next()?;
    rest.trim_start_matches([' ', '\t']).strip_prefix('#')
}

/// The table of a family's name; none for families without flow routes.
pub(super) fn table(family: &str) -> Option<Table> {
    Some(match family {
        "ipv4-flowspec" | "ipv4-flow" | "flow4" => Table::Ipv4,
        "ipv6-flowspec" | "ipv6-flow" | "flow6" => Table::Ipv6,
        "ipv4-l3vpn-flowspec" | "ipv4vpn-flowspec" | "flowvpn4" => Table::Vpnv4,
        "ipv6-l3vpn-flowspec" | "ipv6vpn-flowspec" | "flowvpn6" => Table::Vpnv6,
        _ => return None,
    })
}

/// What a word behind `rib` does: its tool takes the beginning of a command for it.
fn verb(word: &str) -> Option<Verb> {
    let begins = |command: &str| !word.is_empty() && command.starts_with(word);
    match word {
        _ if begins("add") => Some(Verb::Add),
        "delete" => Some(Verb::Delete),
        _ if begins("del") => Some(Verb::Delete),
        _ => None,
    }
}

/// One more than the largest number of a component.
const KINDS: usize = 14;

struct Commands<'r, 'o> {
    rules: &'r mut Rules<'o>,
    findings: &'r mut Findings,
    route: Route,
    skipped: usize,
}

impl<'a> Commands<'_, '_> {
    fn command(&mut self, words: &[Word<'a>], line: &Line<'a>) {
        if words.is_empty() {
            return;
        }
        let rib = words.iter().position(|(word, _)| *word == "rib");
        let named = words.iter().any(|(word, _)| *word == "gobgp" || word.ends_with("/gobgp"));
        let is_rib = named && rib.is_some();
        let rest = match rib {
            Some(at) if named || at < 3 => words.get(at + 1..).unwrap_or(&[]),
            _ if named => {
                self.skipped += 1;
                return;
            }
            _ => words,
        };
        let rest = without_options(rest);
        let Some(head) = Head::read(words, &rest, is_rib) else {
            self.skipped += 1;
            // One that only shows what is there has no words left, or names what to show.
            let shows = rest.first().is_none_or(|(word, _)| {
                "summary".starts_with(word)
                    || *word == "in"
                    || *word == "out"
                    || word.contains(['.', ':', '/'])
            });
            if is_rib && !shows && words.iter().any(|(word, _)| table(word).is_some()) {
                let message = "expected `match` with keys and values";
                self.findings.error(raised::SYNTAX_ERROR, message, place(words));
            }
            return;
        };
        if named && let Some(sign) = line.sign {
            let message = "a shell takes this sign for itself and cuts the command here";
            let help = "put the values between quotes";
            let span = Span::new(sign, sign + 1);
            self.findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, help);
        }
        self.flow_route(words, &head, line.comment);
    }

    fn flow_route(&mut self, words: &[Word<'a>], head: &Head<'a, '_>, comment: Option<&'a str>) {
        let whole = place(words);
        if head.family.is_some_and(|(family, _)| family == "l2vpn-flowspec") {
            let message = "this route matches frames and is not read";
            let span = head.family.map_or(whole, |(word, at)| Span::new(at, at + word.len()));
            self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, "");
            self.skipped += 1;
            return;
        }
        let Some(table) = head.table() else {
            self.skipped += 1;
            if let Some((word, at)) = head.family {
                let span = Span::new(at, at + word.len());
                self.findings.error(raised::SYNTAX_ERROR, "expected a family of flow routes", span);
            }
            return;
        };
        let first = self.findings.len();
        self.route.clear(head.verb, table, whole);
        if let Some((word, at)) = head.stray {
            let span = Span::new(at, at + word.len());
            if head.is_refused {
                self.findings.error(raised::SYNTAX_ERROR, "expected `add` or `del` behind `rib`", span);
                self.route.broken = Some(span);
            } else {
                let message = format!("GoBGP passes over `{word}` in front of `match`");
                self.findings.add(raised::MISLEADING_TEXT, Level::Warning, message, span, "remove it");
            }
        }
        if head.all {
            self.rules.clear(table);
            return;
        }
        self.distinguisher(head, table, whole);
        self.keys(head.matching, whole);
        match head.then {
            Some(args) if args.is_empty() && head.verb == Verb::Add => {
                self.findings.error(raised::SYNTAX_ERROR, "expected an action behind `then`", whole);
            }
            Some(args) => {
                let acts = then::read(args, &mut self.route, self.findings);
                if !acts && head.verb == Verb::Add {
                    let message = "expected an action behind `then`: GoBGP refuses attributes alone";
                    let help = "write `accept` beside them, or the attributes without `then`";
                    self.findings.add(raised::SYNTAX_ERROR, Level::Error, message, place(args), help);
                }
            }
            None => {}
        }
        let name = comment.and_then(|text| text.trim().strip_prefix(NAME)).map(str::trim);
        self.rules.route(&self.route, name.filter(|name| !name.is_empty()), first, self.findings);
    }

    fn distinguisher(&mut self, head: &Head<'a, '_>, table: Table, whole: Span) {
        match (head.distinguisher, table.is_vpn()) {
            (Some((word, at)), true) => {
                let span = Span::new(at, at + word.len());
                self.route.distinguisher = then::distinguisher(word);
                if self.route.distinguisher.is_none() {
                    let message = "expected a route distinguisher, as `65000:100`";
                    self.findings.error(raised::SYNTAX_ERROR, message, span);
                    self.route.broken = Some(span);
                }
            }
            (Some((word, at)), false) => {
                let message = "expected `match`: a family without VPN takes no `rd`";
                self.findings.error(raised::SYNTAX_ERROR, message, Span::new(at, at + word.len()));
            }
            (None, true) => {
                self.findings.error(raised::SYNTAX_ERROR, "expected `rd` in front of `match`", whole);
                self.route.broken = Some(whole);
            }
            (None, false) => {}
        }
    }

    fn keys(&mut self, args: &[Word<'a>], whole: Span) {
        // Values begin with signs and digits, or with letters that few keys begin with.
        let begins = |word: &str| word.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        let is_key = |word: &str| {
            begins(word) && (support::component(word).is_some() || support::LAYER2.contains(&word))
        };
        let is_attribute = |word: &str| begins(word) && (support::ATTRIBUTES.contains(&word) || word == "rt");
        if args.is_empty() {
            self.findings.error(raised::SYNTAX_ERROR, "expected a key and its values behind `match`", whole);
            self.route.broken = Some(whole);
        }
        // Where the findings of each key stand, and those of keys that a later one replaces: GoBGP never looks at these.
        let mut told = [(0, 0); KINDS];
        let mut dropped: Vec<(usize, usize)> = Vec::new();
        let mut rest = args;
        while let [key, tail @ ..] = rest {
            let length = tail.iter().position(|(word, _)| is_key(word) || is_attribute(word));
            let (values, behind) = tail.split_at_checked(length.unwrap_or(tail.len())).unwrap_or((tail, &[]));
            if key.0 == "rt" && !self.route.table.is_vpn() {
                let span = Span::new(key.1, key.1 + key.0.len());
                let message = "GoBGP refuses `rt` for a family without VPN";
                self.findings.error(raised::SYNTAX_ERROR, message, span);
            } else if !is_attribute(key.0) {
                let begin = self.findings.len();
                matching::item(*key, values, &mut self.route, self.findings);
                let end = self.findings.len();
                let kind = self.route.items.last().and_then(|item| item.kind);
                if let Some(of) = kind.and_then(|kind| told.get_mut(usize::from(kind.number()))) {
                    let before = std::mem::replace(of, (begin, end));
                    if before.0 < before.1 {
                        dropped.push(before);
                    }
                }
            }
            rest = behind;
        }
        if !dropped.is_empty() {
            dropped.sort_unstable();
            let mut ranges = dropped.into_iter().peekable();
            let mut at = 0;
            self.findings.list().retain(|_| {
                while ranges.next_if(|(_, end)| *end <= at).is_some() {}
                let gone = ranges.peek().is_some_and(|(begin, _)| *begin <= at);
                at += 1;
                !gone
            });
        }
    }
}

// Options may stand anywhere: those of the family and of the connection take a value.
fn without_options<'a>(words: &[Word<'a>]) -> Vec<Word<'a>> {
    let mut out = Vec::with_capacity(words.len());
    let mut rest = words.iter();
    while let Some((word, at)) = rest.next() {
        match *word {
            "-a" | "--address-family" | "-p" | "--port" | "-u" | "--host" => _ = rest.next(),
            "-j" | "--json" => {}
            word if word.starts_with("--") || word.starts_with("-a") => {}
            word => out.push((word, *at)),
        }
    }
    out
}

/// A command in its parts.
#[derive(Debug)]
struct Head<'a, 'w> {
    verb: Verb,
    family: Option<Word<'a>>,
    distinguisher: Option<Word<'a>>,
    all: bool,
    // A word in front of `match` that means nothing there, and whether the command is refused for it.
    stray: Option<Word<'a>>,
    is_refused: bool,
    matching: &'w [Word<'a>],
    then: Option<&'w [Word<'a>]>,
}

impl<'a, 'w> Head<'a, 'w> {
    // None when the command adds and removes no flow route.
    fn read(whole: &[Word<'a>], rest: &'w [Word<'a>], is_rib: bool) -> Option<Self> {
        let then = rest.iter().position(|(word, _)| *word == "then");
        let matched = rest.iter().position(|(word, _)| *word == "match");
        let option = |words: &[Word<'a>]| {
            words.windows(2).find_map(|pair| match pair {
                [("-a" | "--address-family", _), family] => Some(*family),
                _ => None,
            })
        };
        let joined = |words: &[Word<'a>]| {
            words.iter().find_map(|(word, at)| {
                let family = word.strip_prefix("--address-family=").or_else(|| word.strip_prefix("-a"))?;
                (!family.is_empty()).then_some((family, at + word.len() - family.len()))
            })
        };
        let family = option(whole).or_else(|| joined(whole));
        let before = rest.get(..matched.unwrap_or(0)).unwrap_or(&[]);
        let distinguisher = before.windows(2).find_map(|pair| match pair {
            [("rd", _), word] => Some(*word),
            _ => None,
        });
        let first = rest.first().filter(|_| matched != Some(0) && (is_rib || matched.is_some()));
        let verb = first.and_then(|(word, _)| verb(word));
        let is_refused = is_rib && verb.is_none();
        let mut words = before.iter().skip(usize::from(verb.is_some()));
        let mut stray = if is_refused { rest.first().copied() } else { None };
        while let Some((word, at)) = words.next() {
            match *word {
                "rd" => _ = words.next(),
                word => _ = stray.get_or_insert((word, *at)),
            }
        }
        let all = verb == Some(Verb::Delete)
            && matched.is_none()
            && rest.iter().any(|(word, _)| *word == "all")
            && family.is_some();
        let begin = match matched {
            Some(at) => at + 1,
            // A command without its beginning: keys and actions alone.
            None if all => rest.len(),
            None => {
                then?;
                let (word, _) = rest.first()?;
                support::component(word)?;
                0
            }
        };
        let end = then.filter(|at| *at >= begin).unwrap_or(rest.len());
        let matching = rest.get(begin..end)?;
        let then = then.and_then(|at| rest.get(at + 1..));
        Some(Self {
            verb: verb.unwrap_or(Verb::Add),
            family,
            distinguisher,
            all,
            stray,
            is_refused,
            matching,
            then,
        })
    }

    // The table its family names; without one, that of its prefixes.
    fn table(&self) -> Option<Table> {
        if let Some((family, _)) = self.family {
            return table(family);
        }
        let six = self.matching.windows(2).any(|pair| match pair {
            [("destination" | "source", _), (prefix, _)] => prefix.contains(':'),
            [("label", _), _] => true,
            _ => false,
        });
        Some(match (six, self.distinguisher.is_some()) {
            (false, false) => Table::Ipv4,
            (true, false) => Table::Ipv6,
            (false, true) => Table::Vpnv4,
            (true, true) => Table::Vpnv6,
        })
    }
}
