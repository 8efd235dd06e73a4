//! Runs the checks and puts what they found together with what the readers found.

use super::{CHECKS, Check, Context, Findings, Inconclusive, by_name};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::raised;
use crate::guard::MemoryWatch;
use crate::source::{SourceId, Span};
use std::collections::BTreeMap;

/// Pairs of a cause and what follows from it: the second is dropped where the same rule has the first, at the
/// same level or above. (A value no packet can carry leaves an empty range, which leaves an unmatchable rule; an
/// empty range elsewhere in the rule is another matter.)
const FOLLOWS: &[(&str, &str)] = &[
    (raised::VALUE_OUT_OF_RANGE, raised::EMPTY_RANGE),
    (raised::VALUE_OUT_OF_RANGE, "unmatchable-condition"),
    (raised::VALUE_OUT_OF_RANGE, "length-above-mtu"),
    (raised::EMPTY_RANGE, "unmatchable-condition"),
    (raised::MIXED_FAMILY, "unmatchable-condition"),
    ("length-below-header", "unmatchable-condition"),
    ("match-everything-drop", "missing-prefix-on-drop"),
    ("regex-exponential", "regex-over-budget"),
    ("regex-exponential", "regex-superlinear"),
    ("regex-over-budget", "regex-superlinear"),
    ("duplicate-rule", "shadowed-rule"),
    ("duplicate-rule", "redundant-rule"),
];

/// Runs every check that is on over everything in `cx`.
///
/// The findings hold the readers' diagnostics as well, at the levels the user set, each named with its rule,
/// without those that another one explains, in the order of a report: source, place, check.
pub fn run(cx: &Context<'_>) -> Findings {
    run_these(cx, CHECKS)
}

fn run_these(cx: &Context<'_>, checks: &[&dyn Check]) -> Findings {
    let mut out = Findings::default();
    for input in cx.inputs {
        out.diagnostics.extend(input.reading.diagnostics.iter().cloned());
    }
    let mut memory = MemoryWatch::default();
    for check in checks {
        let meta = check.meta();
        if !cx.settings.is_on(meta) {
            continue;
        }
        if let Err(exhausted) = memory.look().and_then(|()| check.run(cx, &mut out)) {
            let reason = exhausted.to_string();
            out.inconclusive.push(Inconclusive { check: meta.name, rule_set: None, rule: None, reason });
        }
    }
    set_levels(cx, &mut out.diagnostics);
    name_rules(cx, &mut out.diagnostics);
    drop_explained(&mut out.diagnostics);
    out.diagnostics.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    out.diagnostics.dedup_by(|a, b| a == b);
    out.inconclusive.dedup();
    out
}

/// Moves every finding to the level the user set for its check, and takes away those of checks that are off.
///
/// A finding raised below its check's own level (an action not given, an assumed MTU) stays that much below.
fn set_levels(cx: &Context<'_>, list: &mut Vec<Diagnostic>) {
    if cx.settings.levels.is_empty() {
        return;
    }
    list.retain_mut(|diagnostic| match cx.settings.levels.get(diagnostic.check) {
        None => true,
        Some(None) => false,
        Some(Some(level)) => {
            let own = by_name(diagnostic.check).map(|check| check.meta().level);
            let below = own.is_some_and(|own| diagnostic.level < own);
            diagnostic.level = if below { level.lowered() } else { *level };
            true
        }
    });
}

/// Names the rule of findings that readers raised inside one.
fn name_rules(cx: &Context<'_>, list: &mut [Diagnostic]) {
    if list.iter().all(|diagnostic| diagnostic.rule.is_some()) {
        return;
    }
    let mut places: Vec<(SourceId, Span, &str, &str)> = Vec::new();
    for at in cx.rules() {
        places.push((at.rule.origin.source, at.rule.origin.span, &at.set.name, at.rule.name));
    }
    places.sort_unstable();
    for diagnostic in list.iter_mut().filter(|diagnostic| diagnostic.rule.is_none()) {
        let (source, span) = (diagnostic.primary.source, diagnostic.primary.span);
        let after = places.partition_point(|p| (p.0, p.1.start) <= (source, span.start));
        let Some(place) = after.checked_sub(1).and_then(|i| places.get(i)) else { continue };
        if place.0 == source && span.end <= place.1.end {
            diagnostic.rule_set = Some(place.2.to_owned());
            diagnostic.rule = Some(place.3.to_owned());
        }
    }
}

/// Drops what a cause on the same rule explains.
fn drop_explained(list: &mut Vec<Diagnostic>) {
    let is_cause = |check: &str| FOLLOWS.iter().any(|(cause, _)| *cause == check);
    let is_consequence = |check: &str| FOLLOWS.iter().any(|(_, consequence)| *consequence == check);
    let key = |diagnostic: &Diagnostic| {
        let rule = diagnostic.rule.clone()?;
        Some((diagnostic.primary.source, diagnostic.rule_set.clone(), rule))
    };
    let mut causes: BTreeMap<_, Vec<(&'static str, Level, Span)>> = BTreeMap::new();
    for diagnostic in list.iter().filter(|diagnostic| is_cause(diagnostic.check)) {
        if let Some(key) = key(diagnostic) {
            let cause = (diagnostic.check, diagnostic.level, diagnostic.primary.span);
            causes.entry(key).or_default().push(cause);
        }
    }
    if causes.is_empty() {
        return;
    }
    list.retain(|diagnostic| {
        let Some(key) = key(diagnostic).filter(|_| is_consequence(diagnostic.check)) else { return true };
        let here = causes.get(&key).map_or(&[][..], Vec::as_slice);
        let explains = |(cause, level, span): &(&'static str, Level, Span)| {
            let is_near = diagnostic.check != raised::EMPTY_RANGE || span.touches(diagnostic.primary.span);
            FOLLOWS.contains(&(cause, diagnostic.check)) && *level >= diagnostic.level && is_near
        };
        !here.iter().any(explains)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Input, Settings};
    use crate::diagnostic::Label;
    use crate::dialect::Reading;
    use crate::field::Family;
    use crate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, Verdict};
    use crate::source::{Content, Source, SourceMap};

    fn rule(name: &str, span: Span) -> RuleBuf {
        RuleBuf {
            name: name.into(),
            condition: Condition::True,
            actions: Box::default(),
            outcome: Outcome::Verdict(Verdict::Accept),
            action_given: true,
            nlri: None,
            origin: Origin { source: SourceId(0), span },
        }
    }

    fn found(
        settings: &Settings,
        raised: Vec<(&'static str, Level, u32)>,
    ) -> Vec<(&'static str, Level, String)> {
        let mut sources = SourceMap::new();
        let source = sources.add(Source::new("a", Content::Text(" ".repeat(40))));
        let rules = vec![rule("one", Span::new(0, 10)), rule("two", Span::new(10, 20))];
        let set = RuleSet {
            name: "f".into(),
            kind: Kind::Filter,
            family: Family::Inet,
            default: Verdict::Discard,
            rules: rules.into(),
        };
        let document = Document { rule_sets: vec![set], symbols: vec![], ..Document::default() };
        let diagnostics = raised
            .into_iter()
            .map(|(check, level, at)| {
                let label = Label::new(source, Span { start: at, end: at + 1 });
                Diagnostic::new(check, level, "m", label)
            })
            .collect();
        let reading = Reading { document, diagnostics, skipped: 0 };
        let inputs = [Input { source, dialect: "x", reading }];
        let cx = Context::new(&sources, &inputs, settings);
        let found = run_these(&cx, &[]).diagnostics.into_iter();
        found.map(|d| (d.check, d.level, d.rule.unwrap_or_default())).collect()
    }

    #[test]
    fn a_cause_stands_for_its_consequences_on_the_same_rule() {
        let (range, empty, never) =
            (raised::VALUE_OUT_OF_RANGE, raised::EMPTY_RANGE, "unmatchable-condition");
        let all = vec![
            (never, Level::Error, 12),
            (range, Level::Error, 3),
            (empty, Level::Error, 4),
            (never, Level::Error, 0),
        ];
        let want = [(range, Level::Error, "one".to_owned()), (never, Level::Error, "two".to_owned())];
        assert_eq!(found(&Settings::default(), all.clone()), want);
        // An empty range of another condition is not explained.
        let apart = vec![(range, Level::Error, 3), (empty, Level::Error, 8)];
        assert_eq!(found(&Settings::default(), apart).len(), 2);
        // A cause that is off explains nothing; one that is lowered does not hide what is graver.
        let mut settings = Settings::default();
        settings.levels.insert(range.to_owned(), None);
        let names: Vec<_> = found(&settings, all.clone()).into_iter().map(|f| f.0).collect();
        assert_eq!(names, [empty, never]);
        settings.levels.insert(range.to_owned(), Some(Level::Note));
        let names: Vec<_> = found(&settings, all).into_iter().map(|f| f.0).collect();
        assert_eq!(names, [range, empty, never]);
    }

    #[test]
    fn findings_come_in_order_and_once() {
        let all = vec![("b", Level::Note, 30), ("a", Level::Note, 30), ("b", Level::Note, 30)];
        let want = [("a", Level::Note, String::new()), ("b", Level::Note, String::new())];
        assert_eq!(found(&Settings::default(), all), want);
    }
}
