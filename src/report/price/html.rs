//! Prices as one page of HTML: nothing in it comes from elsewhere, nothing runs, and every name is text.

use super::super::clean;
use super::view::{Row, Sentence, View, Word, too_few};
use super::{Prices, figure};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::io::{self, Write};

/// Colours of the reader's system; levels by colour and by word.
const STYLE: &str = "\
:root { color-scheme: light dark; --line: #8884; --ok: #2e7d32; --warn: #b26a00; --deny: #c62828; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
section { margin: 2.5rem 0; }
h2 { border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
h2 small { font-weight: normal; opacity: .7; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.ok { color: var(--ok); } .warn { color: var(--warn); } .deny { color: var(--deny); font-weight: bold; }
.bar { position: relative; display: inline-block; width: 12rem; height: .8rem; background: #8883; border-radius: .2rem; overflow: hidden; }
.bar i { position: absolute; inset: 0 auto 0 0; background: currentColor; }
.bar b { position: absolute; top: 0; bottom: 0; width: 2px; background: CanvasText; }
code { overflow-wrap: anywhere; }
";

impl Prices<'_> {
    /// Writes the prices as a page of HTML: tables with bars, the rules folded away.
    pub fn write_html(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width";
                    // Whatever a name holds, nothing is loaded and nothing runs.
                    meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                    title { "What the rules cost" }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { "What the rules cost" }
                    @for view in self.views(all_rules) { (section(&view)) }
                }
            }
        };
        writeln!(out, "{}", page.into_string())
    }
}

fn section(view: &View) -> Markup {
    html! {
        section {
            h2 {
                (view.name) " " small { "(" (view.title) ")" } " "
                span class=(view.level.name()) { (view.level.name()) }
            }
            (resources(view))
            @for sentence in &view.above { p { (said(sentence)) } }
            @if let Some(list) = &view.growth {
                @if list.is_empty() { p { (too_few()) } } @else {
                    table {
                        tr { th { "how it grows with the rules" } @for head in ["a quarter", "half", "all", "exponent", ""] { th class="n" { (head) } } }
                        @for grown in list {
                            tr {
                                td { (grown.name) }
                                @for figure in &grown.used { td class="n" { (figure) } }
                                td class="n" { (grown.exponent) }
                                td { (grown.words) }
                            }
                        }
                    }
                }
            }
            @match &view.rules {
                Err(words) => p { (clean(words)) },
                Ok(rules) => details open[rules.heading.is_none()] {
                    summary { (rules.heading.as_deref().unwrap_or("every rule")) }
                    table {
                        tr { th { "rule" } th { "rule set" } @for head in rules.columns { th class="n" { (head) } } }
                        @for [rule, set, first, second] in &rules.rows {
                            tr {
                                td { code { (rule) } }
                                td { code { (set) } }
                                td class="n" { (first) }
                                td class="n" { (second) }
                            }
                        }
                    }
                },
            }
            @for sentence in &view.below { p { (said(sentence)) } }
        }
    }
}

fn resources(view: &View) -> Markup {
    let figures = if view.is_change { ["before", "after"] } else { ["used", "minimum"] };
    html! {
        table {
            tr {
                th { "resource" }
                @for head in figures { th class="n" { (head) } }
                th class="n" { "limit" }
                th {}
                th class="n" { "share" }
                th class="n" { "room" }
                th { "level" }
                th { "source" }
            }
            @for row in &view.resources {
                tr {
                    td { (row.name) }
                    @if view.is_change {
                        td class="n" { (row.before.map_or_else(String::new, figure)) }
                        td class="n" { (figure(row.used)) }
                    } @else {
                        td class="n" { (figure(row.used)) }
                        td class="n" { (figure(row.minimum)) }
                    }
                    td class="n" { (row.limit()) }
                    td { (bar(row)) }
                    td class="n" { (row.share()) }
                    td class="n" { (row.room) }
                    td class=(row.level.name()) { (row.level()) }
                    td { (row.source) }
                }
            }
        }
    }
}

/// What is used of the limit, with a mark where it was before.
fn bar(row: &Row) -> Markup {
    let Some(limit) = row.limit else { return html! {} };
    let part = |used: u64| {
        let tenths = (u128::from(used) * 1000).div_ceil(u128::from(limit.max(1))).min(1000);
        format!("{}.{}%", tenths / 10, tenths % 10)
    };
    html! {
        span class={ "bar " (row.level.name()) } role="img" aria-label={ (row.share()) " of the limit" } {
            i style={ "width:" (part(row.used.at_least)) } {}
            @if let Some(before) = row.before { b style={ "left:" (part(before.at_least)) } {} }
        }
    }
}

fn said(sentence: &Sentence) -> Markup {
    html! {
        @for word in &sentence.0 {
            @match word {
                Word::Said(words) => (words),
                Word::Name(name) => code { (name) },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{Pricing, by_name};
    use crate::field::Family;
    use crate::guard::{Meter, limits};
    use crate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, Verdict};

    #[test]
    fn every_name_is_text_and_nothing_comes_from_elsewhere() {
        let hostile =
            "</code><script>alert(1)</script><img src=x onerror=y>\" style=\"x:url(//h)\u{202e}&amp;";
        let rule = RuleBuf::new(hostile, Condition::True, Outcome::Verdict(Verdict::Discard));
        let document = Document {
            rule_sets: vec![RuleSet {
                name: hostile.to_owned(),
                kind: Kind::Filter,
                family: Family::Inet,
                default: Verdict::Accept,
                rules: std::iter::once(rule).collect(),
            }],
            ..Document::default()
        };
        let mut device = by_name("qfx5100").unwrap().clone();
        device.budgets.insert(hostile.to_owned(), 1);
        device.budgets.insert("ingress-terms".to_owned(), 0);
        let mut pricing = Pricing::new(&device);
        pricing.add(&document, &mut Meter::new(&limits::COST_TOTAL_STEPS));
        let prices = [pricing.finish()];
        let report = Prices { prices: &prices, documents: &[&document], before: None, growth: None };
        let mut out = Vec::new();
        report.write_html(true, &mut out).unwrap();
        let page = String::from_utf8(out).unwrap();
        // The rule, its set, the place where the limit is passed (twice), the budget.
        assert_eq!(page.matches("&lt;script&gt;").count(), 5, "{page}");
        let tags = "!DOCTYPE html head meta title style body h1 section h2 small span table tr th td i p code details \
                    summary";
        for tag in page.split('<').skip(1) {
            let name = tag.trim_start_matches('/').split([' ', '>']).next().unwrap();
            assert!(tags.split_whitespace().any(|known| known == name), "<{name}> in {page}");
        }
        assert!(
            !page.contains('\u{202e}') && !page.contains("onerror=y>") && !page.contains("src=\""),
            "{page}"
        );
    }
}
