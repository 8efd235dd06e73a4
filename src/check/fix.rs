//! Edits that settle findings, applied to the text of the rules only where the rules read from it then are proven to mean
//! the same.

use super::change::Alignment;
use super::{Comparison, Context, Input, RuleAt};
use crate::diagnostic::{Diagnostic, Level, Suggestion};
use crate::dialect::{self, Dialect, PrintOptions, ReadOptions};
use crate::ir::{Condition, Document, Rule, RuleBuf, RuleSet};
use crate::source::{Content, Source, SourceId, Span};
use std::collections::BTreeMap;

/// What applying edits came to.
#[derive(Debug, Default)]
pub struct Fixed {
    /// The text with those that were applied; none where none was.
    pub text: Option<String>,
    /// How many findings they settle.
    pub applied: usize,
    /// Findings that were left, by their place among those given, and why.
    pub left: Vec<(usize, &'static str)>,
}

/// The edit that takes a rule away; none where its text is not known.
pub(super) fn removal(cx: &Context<'_>, at: &RuleAt<'_>) -> Option<Suggestion> {
    let source = cx.sources.get(at.rule.origin.source);
    let span = whole_statement(source, at.rule.origin.span)?;
    Some(Suggestion { message: "remove it".to_owned(), span, replacement: String::new() })
}

/// The edits that make two rules one, at the place of the first; none where the dialect does not write such a rule.
pub(super) fn merged(
    cx: &Context<'_>,
    at: &RuleAt<'_>,
    first: &Rule<'_>,
    condition: &Condition,
) -> Vec<Suggestion> {
    let statement = || {
        let dialect = dialect::by_name(at.input.dialect).filter(|dialect| dialect.writes())?;
        let rule = RuleBuf { condition: condition.clone(), nlri: None, ..first.to_buf() };
        let set = RuleSet { rules: std::iter::once(rule).collect(), ..without_rules(at.set) };
        let symbols = at.input.reading.document.symbols.clone();
        let mut text = String::new();
        let lost = dialect.print(
            &Document { rule_sets: vec![set], symbols, ..Document::default() },
            &PrintOptions::default(),
            &mut text,
        );
        if !lost.is_ok_and(|lost| lost.iter().all(|lost| lost.rule.is_empty())) {
            return None;
        }
        let source = Source::new("", Content::Text(text));
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        let rules = reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
        let mut rules = rules.flat_map(|set| &set.rules);
        let (Some(rule), None) = (rules.next(), rules.next()) else { return None };
        Some(source.slice(balanced(source.text(), rule.origin.span)).to_owned())
    };
    let Content::Text(text) = cx.sources.get(first.origin.source).content() else { return Vec::new() };
    let (Some(replacement), Some(removal)) = (statement(), removal(cx, at)) else { return Vec::new() };
    let message = "write one rule".to_owned();
    vec![Suggestion { message, span: balanced(text, first.origin.span), replacement }, removal]
}

fn without_rules(set: &RuleSet) -> RuleSet {
    let (name, kind, family, default) = (set.name.clone(), set.kind, set.family, set.default);
    RuleSet { name, kind, family, default, rules: crate::ir::Rules::new() }
}

/// The place of a statement with the lines it stands on, where nothing else stands on them but a word in front that
/// belongs to it; else with the end that belongs to it.
fn whole_statement(source: &Source, span: Span) -> Option<Span> {
    let Content::Text(text) = source.content() else { return None };
    let range = balanced(text, span).range();
    let (before, after) = (text.get(..range.start)?, text.get(range.end..)?);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let lead = before.get(line_start..)?.trim();
    let line_end = after.find('\n').map_or(text.len(), |at| range.end + at + 1);
    let tail = text.get(range.end..line_end)?.trim();
    let word = lead.chars().all(|c| c.is_ascii_lowercase() || c == '-');
    if word && matches!(tail, "" | ";") {
        return Some(Span::new(line_start, line_end));
    }
    let ends = after.trim_start_matches([' ', '\t']);
    let end = if ends.starts_with(';') { text.len() - ends.len() + 1 } else { range.end };
    Some(Span::new(range.start, end))
}

/// The place of a statement with the braces behind it that close those it opens.
fn balanced(text: &str, span: Span) -> Span {
    let own = text.get(span.range()).unwrap_or_default();
    let mut open = own.matches('{').count().saturating_sub(own.matches('}').count());
    let mut end = span.range().end;
    while open > 0 {
        let rest = text.get(end..).unwrap_or_default();
        let closing = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ';');
        if !closing.starts_with('}') {
            return span;
        }
        end += rest.len() - closing.len() + 1;
        open -= 1;
    }
    Span::new(span.range().start, end)
}

/// Applies the edits of findings about an input, all of one finding or none. `findings` are those whose edits are wanted.
pub fn fix(source: &Source, input: &Input, options: &ReadOptions, findings: &[&Diagnostic]) -> Fixed {
    let mut fixer = Fixer { source, input, options, dialect: dialect::by_name(input.dialect), tries: 0 };
    let mut fixed = Fixed::default();
    // The places edited so far, none of which touches another: their beginnings and ends.
    let (mut wanted, mut taken): (Vec<usize>, BTreeMap<u32, u32>) = (Vec::new(), BTreeMap::new());
    for (number, finding) in findings.iter().enumerate() {
        let spans = || finding.suggestions.iter().map(|suggestion| suggestion.span);
        let here = finding.primary.source == input.source
            && finding.secondary.iter().all(|label| label.source == input.source);
        if finding.suggestions.is_empty() {
            fixed.left.push((number, "there is no edit for it in this dialect"));
        } else if !here {
            fixed.left.push((number, "it stands in another file"));
        } else if spans().any(|span| touches(&taken, span)) {
            fixed.left.push((number, "another edit touches it: fix again"));
        } else {
            taken.extend(spans().map(|span| (span.start, span.end)));
            wanted.push(number);
        }
    }
    let mut good = Vec::new();
    fixer.search(findings, &wanted, &mut good, &mut fixed.left);
    if !good.is_empty() {
        fixed.text = fixer.edited(findings, &good);
        fixed.applied = good.len();
    }
    fixed.left.sort_unstable();
    fixed
}

/// Whether a place touches one of several that do not touch each other.
fn touches(taken: &BTreeMap<u32, u32>, span: Span) -> bool {
    let before = taken.range(..=span.end).next_back();
    before.is_some_and(|(start, end)| Span { start: *start, end: *end }.touches(span))
}

struct Fixer<'a> {
    source: &'a Source,
    input: &'a Input,
    options: &'a ReadOptions,
    dialect: Option<&'static dyn Dialect>,
    tries: u32,
}

/// Proofs tried for one file.
const TRIES: u32 = 200;

impl Fixer<'_> {
    /// Adds to `good` the findings among `wanted` whose edits keep the meaning together with those that are there.
    fn search(
        &mut self,
        findings: &[&Diagnostic],
        wanted: &[usize],
        good: &mut Vec<usize>,
        left: &mut Vec<(usize, &'static str)>,
    ) {
        if wanted.is_empty() {
            return;
        }
        self.tries += 1;
        if self.tries > TRIES {
            left.extend(
                wanted.iter().map(|number| (*number, "too many edits fail: the others were not tried")),
            );
            return;
        }
        let all: Vec<usize> = good.iter().chain(wanted).copied().collect();
        if self.keeps(findings, &all) {
            *good = all;
        } else if let [one] = wanted {
            left.push((*one, "the meaning without it is not proven to be the same"));
        } else {
            let (one, other) = wanted.split_at(wanted.len() / 2);
            self.search(findings, one, good, left);
            self.search(findings, other, good, left);
        }
    }

    fn edited(&self, findings: &[&Diagnostic], chosen: &[usize]) -> Option<String> {
        let mut text = self.source.text().to_owned();
        let chosen = chosen.iter().filter_map(|number| findings.get(*number));
        let mut edits: Vec<&Suggestion> = chosen.flat_map(|finding| &finding.suggestions).collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
        for edit in edits {
            let range = edit.span.range();
            text.get(range.clone())?;
            text.replace_range(range, &edit.replacement);
        }
        Some(text)
    }

    /// Whether the text with some edits reads without new errors as rules that decide and do the same.
    fn keeps(&self, findings: &[&Diagnostic], chosen: &[usize]) -> bool {
        let (Some(text), Some(dialect)) = (self.edited(findings, chosen), self.dialect) else { return false };
        let source = Source::new(self.source.name(), Content::Text(text));
        let reading = dialect.read(&source, self.input.source, self.options);
        let errors = |list: &[Diagnostic]| list.iter().filter(|d| d.level == Level::Error).count();
        let old = &self.input.reading;
        errors(&reading.diagnostics) <= errors(&old.diagnostics)
            && does_the_same(&old.document, &reading.document)
            && decides_the_same(&old.document, &reading.document)
    }
}

/// Whether every packet meets the same verdict, proven.
pub(super) fn decides_the_same(old: &Document, new: &Document) -> bool {
    let comparison = Comparison::of(old.clone(), new.clone());
    comparison.removed.is_empty()
        && comparison.added.is_empty()
        && comparison.pairs.iter().all(|pair| pair.found.as_ref().is_ok_and(|found| found.changes.is_empty()))
}

/// Whether the rules that are left ask for the same actions, in the same order, and no rule set is gone.
fn does_the_same(old: &Document, new: &Document) -> bool {
    let names =
        |document: &Document| document.rule_sets.iter().map(|set| set.name.clone()).collect::<Vec<_>>();
    names(old) == names(new)
        && old.rule_sets.iter().zip(&new.rule_sets).all(|(old, new)| {
            let alignment = Alignment::of(old, new);
            let same = alignment.same.iter().all(|(a, b)| {
                let (Some(a), Some(b)) = (old.rules.get(*a), new.rules.get(*b)) else { return false };
                a.actions == b.actions && a.action_given == b.action_given
            });
            // New rules are those that take the place of others; an edit adds none.
            let merged = alignment.edited.iter().map(|pair| pair.1).chain(alignment.added.iter().copied());
            let known = merged.into_iter().all(|index| {
                new.rules.get(index).is_some_and(|rule| {
                    old.rules
                        .iter()
                        .any(|other| other.outcome == rule.outcome && other.actions == rule.actions)
                })
            });
            same && known && new.rules.len() <= old.rules.len() && is_ascending(&alignment.same)
        })
}

fn is_ascending(pairs: &[(usize, usize)]) -> bool {
    pairs.iter().zip(pairs.iter().skip(1)).all(|(a, b)| a.1 < b.1)
}
