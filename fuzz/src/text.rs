//! Whatever the text, a dialect reads it to its end without a panic, its findings and rules point into it, and what it
//! says can be printed and read back as the same rules, or rules that decide the same, wherever the printer reports
//! nothing lost.

use flowgate::diagnostic::{Diagnostic, Label, Level};
use flowgate::dialect::{self, DIALECTS, Dialect, PrintOptions, ReadOptions, Reading, Reads, Sample};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Document, Rule, RuleBuf};
use flowgate::source::{Content, Source, SourceId, Span};
use flowgate::symbolic::{Model, Spaces, Visit, Watch, reach};

/// The dialects that are read from text.
pub fn dialects() -> impl Iterator<Item = &'static dyn Dialect> + Clone {
    DIALECTS.iter().copied().filter(|dialect| dialect.reads() == Reads::Text)
}

/// The law for the dialect that the input chooses: a first line that is the name of one, and the text behind it; else
/// the first octet, and the text behind that.
pub fn run(data: &[u8]) {
    let line = data.split(|octet| *octet == b'\n').next().unwrap_or_default();
    let named = std::str::from_utf8(line).ok().and_then(dialect::by_name);
    if let Some(dialect) = named.filter(|dialect| dialect.reads() == Reads::Text) {
        law(dialect, data.get(line.len() + 1..).unwrap_or_default());
    } else if let Some((first, rest)) = data.split_first() {
        let dialect = dialects().cycle().nth((*first).into()).expect("some dialect reads text");
        law(dialect, rest);
    }
}

/// The law for one dialect.
pub fn law(dialect: &dyn Dialect, data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    dialect.recognise(&Sample::new("", text.as_bytes()));
    let reading = read(dialect, &text);
    assert!(reading.diagnostics.len() as u64 <= limits::DIAGNOSTICS.value + 1, "more findings than are kept");
    reading.diagnostics.iter().for_each(|diagnostic| well_placed(&text, diagnostic));
    for rule in rules(&reading.document) {
        assert!(text.get(rule.origin.span.range()).is_some(), "{:?} of rule {rule:?}", rule.origin.span);
    }
    // Rules that were not read whole promise nothing about what is printed.
    if !dialect.writes() || reading.diagnostics.iter().any(|d| d.level == Level::Error) {
        return;
    }
    round_trip(dialect, &reading.document, None);
    for form in dialect.forms() {
        round_trip(dialect, &reading.document, Some((*form).to_owned()));
    }
}

fn well_placed(text: &str, diagnostic: &Diagnostic) {
    let inside = |span: Span| text.get(span.range()).is_some();
    let labels = std::iter::once(&diagnostic.primary).chain(&diagnostic.secondary);
    let spans = labels.map(|label: &Label| label.span).chain(diagnostic.suggestions.iter().map(|s| s.span));
    for span in spans {
        assert!(inside(span), "{span:?} of {diagnostic:?}");
    }
    assert!(!diagnostic.message.is_empty() && !diagnostic.message.contains('\n'), "{diagnostic:?}");
}

fn read(dialect: &dyn Dialect, text: &str) -> Reading {
    let source = Source::new("input", Content::Text(text.to_owned()));
    dialect.read(&source, SourceId(0), &ReadOptions::default())
}

fn rules(document: &Document) -> impl Iterator<Item = Rule<'_>> {
    document.rule_sets.iter().flat_map(|set| &set.rules)
}

fn round_trip(dialect: &dyn Dialect, document: &Document, form: Option<String>) {
    let mut printed = String::new();
    let lost =
        dialect.print(document, &PrintOptions { form }, &mut printed).expect("a string takes everything");
    if !lost.is_empty() {
        return;
    }
    let again = read(dialect, &printed).document;
    let meaning = |d: &Document| rules(d).map(|rule| meaning_of(&rule)).collect::<Vec<_>>();
    // A rule may take several lines, or its condition another shape; what becomes of packets stays.
    if meaning(document) != meaning(&again) && !decide_alike(document, &again).unwrap_or(false) {
        assert_eq!(meaning(document), meaning(&again), "printed as:\n{printed}");
    }
}

/// Whether two documents do the same with every packet; an error where that takes too much to say.
fn decide_alike(one: &Document, other: &Document) -> Result<bool, Exhausted> {
    let (ours, theirs) = (one.entries(), other.entries());
    if ours.len() != theirs.len() {
        return Ok(false);
    }
    for (a, b) in ours.into_iter().zip(theirs) {
        let mut spaces = Spaces::new(Model::real(), &limits::RULE_NODES);
        let world = spaces.world()?;
        let index = |set: usize| u32::try_from(set).expect("few rule sets");
        let first = reach(&mut spaces, one, index(a), world, &mut Nobody)?;
        let second = reach(&mut spaces, other, index(b), world, &mut Nobody)?;
        if first != second {
            return Ok(false);
        }
    }
    Ok(true)
}

struct Nobody;

impl Watch for Nobody {
    fn skips(&self, _: &Rule) -> bool {
        false
    }

    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), Exhausted> {
        Ok(())
    }
}

/// A rule without its name, which a printer may have to make plain.
fn meaning_of(rule: &Rule) -> RuleBuf {
    RuleBuf { name: "".into(), ..rule.clone().to_buf() }
}
