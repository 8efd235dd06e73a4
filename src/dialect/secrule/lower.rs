//! Directives to the patterns in them.

use super::parse;
use super::support;
use super::syntax::{Directive, Word};
use crate::diagnostic::Level;
use crate::dialect::findings::Findings;
use crate::dialect::{Reading, raised};
use crate::ir::{Document, Origin, Pattern, PatternFlags};
use crate::source::{SourceId, Span};

/// The part of a request without files that is kept (modsecurity.conf-recommended, `SecRequestBodyNoFilesLimit`).
const SUBJECT: u64 = 131_072;

/// Operators whose text is a pattern, or ends in one behind other words.
const OPERATORS: &[&str] = &["rx", "rxGlobal", "verifyCC", "verifyCPF", "verifySSN", "verifySVNR"];

/// Variables chosen by a path of XML and not by a pattern.
const BY_PATH: &str = "XML";

/// Reads rules.
pub(super) fn read(text: &str, source: SourceId) -> Reading {
    let mut reader =
        Reader { text, source, findings: Findings::new(source), patterns: Vec::new(), rule: None };
    let mut skipped = 0;
    for directive in parse::directives(text) {
        let before = reader.patterns.len();
        reader.directive(&directive);
        skipped += usize::from(reader.patterns.len() == before);
    }
    let Reader { findings, patterns, .. } = reader;
    let document = Document { patterns, ..Document::default() };
    Reading { document, diagnostics: findings.finish(text.len()), skipped }
}

struct Reader<'t> {
    text: &'t str,
    source: SourceId,
    findings: Findings,
    patterns: Vec<Pattern>,
    /// The rule before, where it goes on in this one: its number, and how many links the chain has.
    rule: Option<(String, usize)>,
}

impl Reader<'_> {
    fn directive(&mut self, directive: &Directive<'_>) {
        if directive.open {
            self.findings.error(raised::SYNTAX_ERROR, "a quote without its end", directive.span);
        }
        let Some(words) = directive.name.strip_prefix("Sec").map(|_| &directive.words) else {
            // Another module's, or a section around rules.
            return;
        };
        match (directive.name, words.as_slice()) {
            ("SecRule", [variables, operator, actions @ ..]) => {
                let name = self.name(directive, actions.first());
                let before = self.patterns.len();
                self.variables(variables, &name);
                self.operator(operator, &name);
                for (pattern, number) in self.patterns.iter_mut().skip(before).zip(1..) {
                    if number > 1 {
                        pattern.name = format!("{}, pattern {number}", pattern.name).into();
                    }
                }
            }
            ("SecRule", _) => {
                let message = "a rule has variables and an operator";
                self.findings.error(raised::SYNTAX_ERROR, message, directive.span);
            }
            (
                "SecRuleUpdateTargetById" | "SecRuleUpdateTargetByTag" | "SecRuleUpdateTargetByMsg",
                [rule, variables, ..],
            ) => {
                self.variables(variables, &format!("update of {}", rule.raw));
            }
            (name, _) if support::is_known(name) => {}
            (name, _) => {
                let message = format!("`{name}` is not known");
                let span = Span::of(self.text, directive.name);
                self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, "");
            }
        }
    }

    /// The name of a rule: its number, or that of the first rule of its chain.
    fn name(&mut self, directive: &Directive<'_>, actions: Option<&Word<'_>>) -> String {
        let actions = actions.map_or("", |word| word.raw);
        let words =
            || actions.split(',').map(|word| word.trim_matches(|c: char| c.is_whitespace() || c == '\\'));
        let id = words().find_map(|word| word.strip_prefix("id:"));
        let id = id.map(|id| id.trim_matches(['\'', '"']).to_owned());
        let chain = self.rule.take();
        let (first, link) = match (id, chain) {
            (Some(id), _) => (id, 0),
            (None, Some((first, link))) => (first, link + 1),
            (None, None) => (format!("octet {}", directive.span.start), 0),
        };
        if words().any(|word| word == "chain") {
            self.rule = Some((first.clone(), link));
        }
        if link == 0 { first } else { format!("{first}, link {link}") }
    }

    fn operator(&mut self, word: &Word<'_>, name: &str) {
        let raw = word.raw;
        let negated = raw.strip_prefix('!').unwrap_or(raw);
        let (operator, text) = match negated.strip_prefix('@') {
            Some(named) => named.split_once([' ', '\t']).unwrap_or((named, "")),
            // A pattern without its operator.
            None => ("rx", negated),
        };
        if OPERATORS.contains(&operator) {
            self.pattern(word, text, name);
        } else if !support::is_operator(operator) {
            let message = format!("the operator `{operator}` is not known");
            let span = Span::of(self.text, operator);
            self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Note, message, span, "");
        }
    }

    /// The patterns that choose variables: `ARGS:/^a/`.
    fn variables(&mut self, word: &Word<'_>, name: &str) {
        let mut rest = word.raw;
        // With quotes around it where a bar is in the pattern.
        let start = |text: &str| {
            let plain = text.find(":/").map(|at| (at, 2));
            let quoted = text.find(":'/").map(|at| (at, 3));
            plain.into_iter().chain(quoted).min()
        };
        while let Some((at, mark)) = start(rest) {
            let (before, behind) = rest.split_at_checked(at).unwrap_or((rest, ""));
            let collection = before.rsplit(['|', ',', '!', '&', ' ']).next().unwrap_or("");
            let body = behind.get(mark..).unwrap_or("");
            let ends = |at: &usize| {
                let behind = body.get(at + 1..).unwrap_or("");
                behind.is_empty() || behind.starts_with(['|', ',', '\'', '"'])
            };
            let end = body.match_indices('/').map(|(at, _)| at).find(ends);
            match end {
                Some(end) if collection != BY_PATH => {
                    self.pattern(word, body.get(..end).unwrap_or(""), name);
                    rest = body.get(end + 1..).unwrap_or("");
                }
                _ => rest = body,
            }
        }
    }

    /// A pattern that is a part of a word.
    fn pattern(&mut self, word: &Word<'_>, part: &str, name: &str) {
        let span = Span::of(self.text, part);
        let (text, escapes) = Word { raw: part, quote: word.quote }.said(0);
        // `s` is on in `ModSecurity` 2 (`PCRE_DOTALL`), in 3 (`PCRE2_DOTALL`) and in Coraza.
        let flags = PatternFlags { dot_all: true, ..PatternFlags::default() };
        self.patterns.push(Pattern {
            name: name.into(),
            text: text.into(),
            flags,
            subject: SUBJECT,
            origin: Origin { source: self.source, span },
            escapes,
        });
    }
}
