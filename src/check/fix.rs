//! Edits that settle findings, applied to the text of the rules only where the rules read from it then are proven to mean
//! the same.

use super::change::Alignment;
use super::{Comparison, Context, Input, RuleAt};
use crate::diagnostic::{Diagnostic, Level, Suggestion};
use crate::dialect::{self, Dialect, PrintOptions, ReadOptions};
use crate::guard::limits;
use crate::ir::{Condition, Document, Rule, RuleBuf, RuleSet};
use crate::source::{Content, Source, SourceId, Span};
use crate::symbolic::Delta;
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
    let span = whole_statement(source, at.input.dialect, at.rule.origin.span)?;
    Some(Suggestion { message: "remove it".to_owned(), span, replacement: String::new() })
}

/// The edits that make two rules one, which are written differently in `apart` alone, at the place of the first; none where the dialect does not write such a rule.
pub(super) fn merged(
    cx: &Context<'_>,
    at: &RuleAt<'_>,
    first: &Rule<'_>,
    condition: &Condition,
    apart: &[&str],
) -> Vec<Suggestion> {
    let statement = |name: &str| {
        let dialect = dialect::by_name(at.input.dialect).filter(|dialect| dialect.writes())?;
        let own = first.to_buf();
        let rule = RuleBuf { condition: condition.clone(), nlri: None, name: name.into(), ..own };
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
    let span = balanced(text, first.origin.span);
    let own = text.get(span.range()).unwrap_or_default();
    // A number may stand for the place: alone the rule is the first.
    let is_number = first.name.parse::<usize>().is_ok();
    let names = std::iter::once(first.name).chain(is_number.then_some("1"));
    let replacement = names.filter_map(statement).min_by_key(|text| words(text, "").len());
    let (Some(replacement), Some(removal)) = (replacement, removal(cx, at)) else { return Vec::new() };
    if !is_owned(own) || !keeps_words(own, first.name, &replacement, apart) {
        return Vec::new();
    }
    let message = "write one rule".to_owned();
    vec![Suggestion { message, span, replacement }, removal]
}

/// The words of the one place beside their names in which two rules are written differently, as they are in the first: then
/// nothing tells them apart that is not among their conditions. None where they differ in more.
pub(super) fn apart<'a>(cx: &Context<'a>, first: &Rule<'_>, second: &Rule<'_>) -> Option<Vec<&'a str>> {
    differing(text_of(cx, first), first.name, text_of(cx, second), second.name)
}

fn text_of<'a>(cx: &Context<'a>, rule: &Rule<'_>) -> &'a str {
    let text = cx.sources.get(rule.origin.source).text();
    text.get(balanced(text, rule.origin.span).range()).unwrap_or_default()
}

/// The words of the one place in which two texts differ, as they are in the first, with a number behind them that belongs
/// to them; none where they differ in more.
fn differing<'t>(one: &'t str, name: &str, other: &str, other_name: &str) -> Option<Vec<&'t str>> {
    let (one, other) = (words(one, name), words(other, other_name));
    let same = |(a, b): &(&&str, &&str)| a == b;
    let front = one.iter().zip(&other).take_while(same).count();
    let shorter = one.len().min(other.len());
    let back = one.iter().rev().zip(other.iter().rev()).take_while(same).count().min(shorter - front);
    // What differs is one value.
    let is_value = |list: &[&str]| list.len() <= back + front + 1;
    let place = one.get(front..one.len() - back)?;
    let mask = one.get(one.len() - back).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let found = place.iter().chain(mask).copied().collect();
    (!one.is_empty() && is_value(&one) && is_value(&other)).then_some(found)
}

/// The words of a text without the first that is a name: runs of letters, digits and what stands in names and addresses,
/// texts in quotation marks, and every other sign.
fn words<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    let mut named = false;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest.get(1..).and_then(|inner| inner.find('"')).map_or(rest.len(), |end| end + 2),
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (word, behind) = rest.split_at_checked(length).unwrap_or((rest, ""));
        if !named && word == name {
            named = true;
        } else {
            found.push(word);
        }
        rest = behind.trim_start();
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | ':' | '_' | '-' | '@' | '$' | '/')
}

/// Whether a rule as written anew has all words that it had, but for some.
fn keeps_words(own: &str, name: &str, anew: &str, but: &[&str]) -> bool {
    let mut left = words(anew, name);
    words(own, name).into_iter().filter(|word| word.contains(char::is_alphanumeric)).all(|word| {
        let at = left.iter().position(|other| *other == word);
        at.map(|at| left.swap_remove(at)).is_some() || but.contains(&word)
    })
}

/// Whether a text is one statement alone: on one line, or one block.
fn is_owned(text: &str) -> bool {
    let text = text.trim();
    if !text.contains('\n') {
        return true;
    }
    let mut depth = 0_i64;
    let closing = text.char_indices().find(|(_, c)| {
        depth += i64::from(*c == '{') - i64::from(*c == '}');
        *c == '}' && depth == 0
    });
    closing.is_some_and(|(at, _)| at + 1 == text.len())
}

fn without_rules(set: &RuleSet) -> RuleSet {
    let (name, kind, family, default) = (set.name.clone(), set.kind, set.family, set.default);
    RuleSet { name, kind, family, default, rules: crate::ir::Rules::new() }
}

/// The place of a statement with the lines it stands on, where nothing else stands on them but a word in front that
/// belongs to it; else with the end that belongs to it. None where what else stands there may depend on it.
fn whole_statement(source: &Source, dialect: &str, span: Span) -> Option<Span> {
    let Content::Text(text) = source.content() else { return None };
    let range = balanced(text, span).range();
    let (before, after) = (text.get(..range.start)?, text.get(range.end..)?);
    let own = text.get(range.clone())?;
    if !is_owned(own) || !dialect::by_name(dialect)?.stands_alone(own) {
        return None;
    }
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let lead = before.get(line_start..)?.trim();
    let line_end = after.find('\n').map_or(text.len(), |at| range.end + at + 1);
    let tail = text.get(range.end..line_end)?.trim();
    let counters = lead.starts_with('[') && lead.ends_with(']');
    let tail = tail.strip_prefix(';').unwrap_or(tail).trim_start();
    // A comment behind it is about it.
    let block = tail.strip_prefix("/*").and_then(|rest| rest.find("*/").map(|at| at + 2 == rest.len()));
    let is_end = tail.is_empty() || tail.starts_with('#') || block == Some(true);
    if (matches!(lead, "" | "term" | "inactive: term") || counters) && is_end {
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
    if let Some(why) = fixer.unfit() {
        fixed.left = (0..findings.len()).map(|number| (number, why)).collect();
        return fixed;
    }
    // The places edited so far, none of which touches another: their beginnings and ends.
    let (mut wanted, mut taken): (Vec<usize>, BTreeMap<u32, u32>) = (Vec::new(), BTreeMap::new());
    // What takes a rule away needs less than what writes one.
    let mut order: Vec<(usize, &&Diagnostic)> = findings.iter().enumerate().collect();
    order.sort_by_key(|(_, finding)| finding.suggestions.len());
    for (number, finding) in order {
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

impl Fixer<'_> {
    /// Why nothing can be proven of what edits do to the file, where that is so.
    fn unfit(&self) -> Option<&'static str> {
        let reading = &self.input.reading;
        let includes = self.dialect.and_then(Dialect::including);
        if reading.diagnostics.iter().any(|finding| finding.level == Level::Error) {
            Some("the file has errors, and what it means is not known for sure")
        } else if includes.is_some_and(|including| !(including.find)(self.source.text()).is_empty()) {
            Some("the file includes others, of which edits know nothing")
        } else {
            None
        }
    }

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
        if u64::from(self.tries) > limits::FIX_TRIES.value {
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
    // A text may say by a rule alone for which family it is: without it packets of both come to the others.
    let keeps = |found: &Delta| found.changes.is_empty() && found.gone.is_empty();
    comparison.removed.is_empty()
        && comparison.added.is_empty()
        && comparison.pairs.iter().all(|pair| pair.found.as_ref().is_ok_and(keeps))
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
