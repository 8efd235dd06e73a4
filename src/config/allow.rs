//! Suppressions: findings that are accepted, with a reason and for a time.
//!
//! They stand in `flowgate.toml` or in a comment of a rule file. A comment on the line of a statement covers that
//! line; a comment on lines of its own covers the next line with code. Where a rule begins on the line covered,
//! the whole rule is.

use super::Date;
use crate::check::{Findings, Input, Settings};
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::ir::{Rule, RuleSet};
use crate::source::{Place, Source, SourceId, SourceMap, Span};
use globset::GlobMatcher;
use std::collections::{BTreeMap, BTreeSet};

/// Names of the checks this module raises.
mod raised {
    pub(super) const EXPIRED: &str = "expired-allow";
    pub(super) const MALFORMED: &str = "malformed-allow";
    pub(super) const UNUSED: &str = "unused-allow";
}

/// What opens a comment, in any dialect we read.
const OPENERS: [&str; 4] = ["#", "/*", "//", "*"];
/// The word that makes a comment ours.
const MARK: &str = "flowgate:";
/// Lines of comment and blank lines between a comment and the code it covers.
const REACH: u32 = 200;

/// A suppression of `flowgate.toml`.
#[derive(Clone, Debug)]
pub struct Allow {
    /// The check.
    pub check: String,
    /// Which files; all when not said.
    pub path: Option<GlobMatcher>,
    /// Which rules; all findings when not said.
    pub rule: Option<GlobMatcher>,
    /// The last day it holds.
    pub expires: Date,
    /// Where it stands in the file.
    pub span: Span,
}

/// What suppressing needs to know.
#[derive(Debug)]
pub struct Suppression<'a> {
    /// The sources.
    pub sources: &'a SourceMap,
    /// The inputs.
    pub inputs: &'a [Input],
    /// Other names of each source, by index: its path from the folder of `flowgate.toml`.
    pub paths: &'a [Option<String>],
    /// The suppressions of the file, and the source it was read into.
    pub allows: Option<(&'a [Allow], SourceId)>,
    /// Checks no suppression reaches.
    pub never_allow: &'a [String],
    /// Levels the user set.
    pub settings: &'a Settings,
    /// The day of the run.
    pub today: Date,
}

/// Takes away the findings that are allowed and adds those about allows themselves: one that is expired, cannot be
/// read, or suppresses nothing. The answer is how many were taken away.
pub fn suppress(cx: &Suppression<'_>, findings: &mut Findings) -> usize {
    let mut entries = Vec::new();
    let mut about = Vec::new();
    if let Some((allows, source)) = cx.allows {
        entries.extend(allows.iter().map(|allow| Entry::of_file(allow, source, cx)));
    }
    for input in cx.inputs {
        comments(cx.sources.get(input.source), input, &mut entries, &mut about);
    }
    let index = Index::of(&entries);
    let before = findings.diagnostics.len();
    let mut found = Vec::new();
    findings.diagnostics.retain(|diagnostic| {
        let never = cx.never_allow.iter().any(|name| name == diagnostic.check);
        let mut kept = true;
        for number in index.covering(diagnostic, &entries, cx) {
            kept &= never || entries.get(number).is_none_or(|entry| entry.expires < cx.today);
            found.push((number, never));
        }
        kept
    });
    for (number, never) in found {
        if let Some(entry) = entries.get_mut(number) {
            entry.in_vain |= never;
            entry.used |= !never;
        }
    }
    let suppressed = before - findings.diagnostics.len();
    about.extend(entries.iter().filter_map(|entry| entry.finding(cx)));
    findings.diagnostics.extend(about.into_iter().filter_map(|diagnostic| leveled(diagnostic, cx.settings)));
    suppressed
}

fn leveled(mut diagnostic: Diagnostic, settings: &Settings) -> Option<Diagnostic> {
    match settings.levels.get(diagnostic.check) {
        Some(None) => None,
        Some(Some(level)) => {
            diagnostic.level = *level;
            Some(diagnostic)
        }
        None => Some(diagnostic),
    }
}

/// One suppression, wherever it stands.
struct Entry<'a> {
    check: String,
    scope: Scope<'a>,
    expires: Date,
    place: Label,
    // Whether any input of this run is meant: an allow for a file that was not read says nothing.
    concerned: bool,
    used: bool,
    in_vain: bool,
}

enum Scope<'a> {
    File { path: Option<&'a GlobMatcher>, rule: Option<&'a GlobMatcher> },
    Lines { source: SourceId, line: u32, rules: Vec<(String, String, Span)> },
}

impl<'a> Entry<'a> {
    fn of_file(allow: &'a Allow, source: SourceId, cx: &Suppression<'_>) -> Self {
        let path = allow.path.as_ref();
        Self {
            check: allow.check.clone(),
            scope: Scope::File { path, rule: allow.rule.as_ref() },
            expires: allow.expires,
            place: Label::new(source, allow.span),
            concerned: cx.inputs.iter().any(|input| path.is_none_or(|glob| cx.matches(glob, input.source))),
            used: false,
            in_vain: false,
        }
    }

    /// What is wrong with the suppression itself.
    fn finding(&self, cx: &Suppression<'_>) -> Option<Diagnostic> {
        let check = &self.check;
        if !self.concerned {
            return None;
        }
        if self.expires < cx.today {
            let message = format!("this allow of `{check}` has expired on {}", self.expires);
            let help = "settle the finding, or decide again and set a new day";
            return Some(
                Diagnostic::new(raised::EXPIRED, Level::Warning, message, self.place.clone()).with_help(help),
            );
        }
        if self.used {
            return None;
        }
        let (message, help) = if self.in_vain {
            let message = format!("no suppression reaches `{check}`");
            (message, "the finding has to be settled; `never-allow` in flowgate.toml lists such checks")
        } else {
            (format!("this allow of `{check}` suppresses nothing"), "remove it")
        };
        Some(Diagnostic::new(raised::UNUSED, Level::Warning, message, self.place.clone()).with_help(help))
    }
}

/// By where a rule begins: where it ends, and which suppression covers it.
type Extents = BTreeMap<u32, (u32, usize)>;
/// The source, the check, the rule set, the rule.
type RuleKey<'e> = (SourceId, &'e str, &'e str, &'e str);

/// Finds the suppressions that cover a finding without asking each of them: both may be many.
#[derive(Default)]
struct Index<'e> {
    // Suppressions of `flowgate.toml`, by check.
    of_file: BTreeMap<&'e str, Vec<usize>>,
    by_line: BTreeMap<(SourceId, &'e str, u32), Vec<usize>>,
    by_rule: BTreeMap<RuleKey<'e>, Vec<usize>>,
    // Rules that are covered as a whole, by where they begin: rules do not nest.
    by_start: BTreeMap<(SourceId, &'e str), Extents>,
}

impl<'e> Index<'e> {
    fn of(entries: &'e [Entry<'_>]) -> Self {
        let mut index = Self::default();
        for (number, entry) in entries.iter().enumerate() {
            let check = entry.check.as_str();
            match &entry.scope {
                Scope::File { .. } => index.of_file.entry(check).or_default().push(number),
                Scope::Lines { source, line, rules } => {
                    index.by_line.entry((*source, check, *line)).or_default().push(number);
                    for (set, rule, span) in rules {
                        index.by_rule.entry((*source, check, set, rule)).or_default().push(number);
                        let starts = index.by_start.entry((*source, check)).or_default();
                        starts.insert(span.start, (span.end, number));
                    }
                }
            }
        }
        index
    }

    fn covering(
        &self,
        diagnostic: &Diagnostic,
        entries: &[Entry<'_>],
        cx: &Suppression<'_>,
    ) -> BTreeSet<usize> {
        let (check, primary) = (diagnostic.check, &diagnostic.primary);
        let mut found = BTreeSet::new();
        for number in self.of_file.get(check).into_iter().flatten() {
            if let Some(Scope::File { path, rule }) = entries.get(*number).map(|entry| &entry.scope)
                && path.is_none_or(|glob| cx.matches(glob, primary.source))
                && rule.is_none_or(|glob| diagnostic.rule.as_ref().is_some_and(|name| glob.is_match(name)))
            {
                found.insert(*number);
            }
        }
        if self.by_line.is_empty() {
            return found;
        }
        let line = line_of(cx.sources.get(primary.source), primary.span.start);
        found.extend(self.by_line.get(&(primary.source, check, line)).into_iter().flatten());
        if let (Some(set), Some(rule)) = (&diagnostic.rule_set, &diagnostic.rule) {
            found.extend(
                self.by_rule.get(&(primary.source, check, set.as_str(), rule.as_str())).into_iter().flatten(),
            );
        }
        let starts = self.by_start.get(&(primary.source, check));
        let before = starts.and_then(|starts| starts.range(..=primary.span.start).next_back());
        found.extend(before.filter(|(_, (end, _))| primary.span.end <= *end).map(|(_, (_, number))| *number));
        found
    }
}

impl Suppression<'_> {
    /// Whether a path pattern means this source, by the name given or from the folder of `flowgate.toml`.
    fn matches(&self, glob: &GlobMatcher, source: SourceId) -> bool {
        let given = self.sources.get(source).name();
        let other = self.paths.get(source.0 as usize).and_then(Option::as_deref);
        glob.is_match(given.strip_prefix("./").unwrap_or(given))
            || other.is_some_and(|path| glob.is_match(path))
    }
}

fn line_of(source: &Source, offset: u32) -> u32 {
    match source.place(offset) {
        Place::Text(at) => at.line,
        Place::Binary(_) => 0,
    }
}

/// Finds the suppressions in the comments of a source.
fn comments(source: &Source, input: &Input, entries: &mut Vec<Entry<'_>>, about: &mut Vec<Diagnostic>) {
    let text = source.text();
    let starts = if text.contains(MARK) { rule_starts(input) } else { return };
    for (at, _) in text.match_indices(MARK) {
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let line = line_of(source, offset);
        let start = source.line_start(line).unwrap_or(0) as usize;
        let before = text.get(start..at).unwrap_or("");
        let Some(code) = before_comment(before) else { continue };
        let rest = text.get(at..).unwrap_or("").lines().next().unwrap_or("");
        let words = rest.find("*/").and_then(|end| rest.get(..end)).unwrap_or(rest).trim_end();
        let place = Label::new(input.source, Span::new(at, at + words.len()));
        let (checks, expires) = match read(words) {
            Ok(read) => read,
            Err(message) => {
                let help = "write it as `flowgate: allow(check-name) reason, until 2027-03-01`";
                about
                    .push(Diagnostic::new(raised::MALFORMED, Level::Warning, message, place).with_help(help));
                continue;
            }
        };
        let line = if code.trim().is_empty() { next_code_line(source, line) } else { line };
        let rules = rules_at(source, &starts, line);
        for check in checks {
            entries.push(Entry {
                check,
                scope: Scope::Lines { source: input.source, line, rules: rules.clone() },
                expires,
                place: place.clone(),
                concerned: true,
                used: false,
                in_vain: false,
            });
        }
    }
}

/// The code before a comment, where `before` ends with what opens one outside of quotes.
fn before_comment(before: &str) -> Option<&str> {
    let open = before.trim_end();
    let code = OPENERS.iter().find_map(|opener| open.strip_suffix(opener))?;
    let code = code.trim_end_matches('#');
    // A star alone continues a block comment only at the beginning of a line.
    let continues = open.ends_with('*') && !open.ends_with("/*");
    let quoted = code.bytes().filter(|b| *b == b'"').count() % 2 == 1;
    (!quoted && (!continues || code.trim().is_empty())).then_some(code)
}

/// The checks and the last day of `flowgate: allow(NAME, ...) reason, until DAY`.
fn read(words: &str) -> Result<(BTreeSet<String>, Date), String> {
    let rest = words.strip_prefix(MARK).unwrap_or(words).trim_start();
    let inside = rest.strip_prefix("allow(").ok_or("this comment is no allow that can be read")?;
    let (names, rest) = inside.split_once(')').ok_or("the list of checks of this allow is not closed")?;
    let mut checks = BTreeSet::new();
    for name in names.split(',').map(str::trim) {
        if crate::check::by_name(name).is_none() {
            return Err(format!("this allow names `{name}`, and there is no such check"));
        }
        checks.insert(name.to_owned());
    }
    let (reason, day) =
        rest.rsplit_once("until ").ok_or("this allow has no end: `until` and a day is missing")?;
    let day = day.trim();
    let expires = day.parse().map_err(|error| format!("`{day}` is {error}"))?;
    if reason.trim().trim_end_matches(',').trim().is_empty() {
        return Err("this allow has no reason".to_owned());
    }
    Ok((checks, expires))
}

/// The next line behind `line` that is more than blank or comment.
fn next_code_line(source: &Source, line: u32) -> u32 {
    let text = source.text();
    let mut in_block = false;
    // The comment itself may be a block that goes on.
    for number in line..line.saturating_add(REACH) {
        let Some(start) = source.line_start(number) else { return number };
        let content = text.get(start as usize..).unwrap_or("").lines().next().unwrap_or("").trim();
        let opened = in_block || content.starts_with("/*");
        let comment = opened || content.is_empty() || content.starts_with('#') || content.starts_with("//");
        if number > line && !comment {
            return number;
        }
        let opens = opened || (number == line && content.contains("/*"));
        in_block = opens && !content.contains("*/");
    }
    line
}

/// Where the rules of an input begin, ascending: the offset, rule set and rule.
fn rule_starts(input: &Input) -> Vec<(u32, &RuleSet, Rule<'_>)> {
    let sets = input.reading.document.rule_sets.iter().filter(|set| set.kind.is_written());
    let all = sets.flat_map(|set| set.rules.iter().map(move |rule| (rule.origin.span.start, set, rule)));
    let mut list: Vec<_> = all.filter(|(_, _, rule)| rule.origin.source == input.source).collect();
    list.sort_by_key(|(start, _, _)| *start);
    list
}

/// The rules that begin on a line: rule set, name, extent.
fn rules_at(source: &Source, starts: &[(u32, &RuleSet, Rule<'_>)], line: u32) -> Vec<(String, String, Span)> {
    let from = source.line_start(line).unwrap_or(u32::MAX);
    let to = source.line_start(line.saturating_add(1)).unwrap_or(u32::MAX);
    let first = starts.partition_point(|(start, _, _)| *start < from);
    let here = starts.iter().skip(first).take_while(|(start, _, _)| *start < to);
    here.map(|(_, set, rule)| (set.name.clone(), rule.name.to_string(), rule.origin.span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_is_ours_only_outside_of_quotes() {
        assert_eq!(before_comment("  # "), Some("  "));
        assert_eq!(before_comment("term t { /* "), Some("term t { "));
        assert_eq!(before_comment("   * "), Some("   "));
        assert_eq!(before_comment("## "), Some(""));
        for text in ["", "description \"# ", "remark ", "a * ", "x "] {
            assert_eq!(before_comment(text), None, "{text}");
        }
    }

    #[test]
    fn an_allow_has_names_a_reason_and_an_end() {
        for (text, message) in [
            ("flowgate: ignore", "no allow that can be read"),
            ("flowgate: allow(x", "not closed"),
            ("flowgate: allow(no-such) r, until 2027-01-01", "no such check"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn a_comment_covers_the_next_line_with_code() {
        let text = "# flowgate: x\n\n  # other\n/* a\n b */\ncode\n";
        let source = Source::new("a", crate::source::Content::Text(text.into()));
        assert_eq!(next_code_line(&source, 1), 6);
    }
}
