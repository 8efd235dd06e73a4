//! Whatever the text, reading it ends without a panic, its findings point into it, and what it says can be printed
//! and read back as the same rules wherever the printer reports nothing lost.

use flowgate::diagnostic::Level;
use flowgate::dialect::{self, Dialect, PrintOptions, ReadOptions, Reading};
use flowgate::ir::{Document, Rule};
use flowgate::source::{Content, Source, SourceId};

/// The law for Junos, in both printed forms.
pub fn junos(data: &[u8]) {
    run("junos", &[None, Some("set")], data);
}

/// The law for ExaBGP.
pub fn exabgp(data: &[u8]) {
    run("exabgp", &[None], data);
}

/// The law for flowspec in hex.
pub fn flowspec_hex(data: &[u8]) {
    run("flowspec-hex", &[None], data);
}

fn read(dialect: &dyn Dialect, text: &str) -> Reading {
    let source = Source::new("input", Content::Text(text.to_owned()));
    dialect.read(&source, SourceId(0), &ReadOptions::default())
}

fn run(name: &str, forms: &[Option<&str>], data: &[u8]) {
    let dialect = dialect::by_name(name).expect("the dialect is registered");
    let text = String::from_utf8_lossy(data);
    let reading = read(dialect, &text);
    for diagnostic in &reading.diagnostics {
        let span = diagnostic.primary.span;
        assert!(span.start <= span.end && span.end as usize <= text.len(), "span {span:?} of {diagnostic:?}");
        assert!(!diagnostic.message.is_empty() && !diagnostic.message.contains('\n'), "{diagnostic:?}");
    }
    // Rules that were not read whole promise nothing about what is printed.
    if reading.diagnostics.iter().any(|d| d.level == Level::Error) {
        return;
    }
    for form in forms {
        round_trip(dialect, &reading.document, form.map(str::to_owned));
    }
}

fn round_trip(dialect: &dyn Dialect, document: &Document, form: Option<String>) {
    let mut printed = String::new();
    let lost =
        dialect.print(document, &PrintOptions { form }, &mut printed).expect("a string takes everything");
    if !lost.is_empty() {
        return;
    }
    let again = read(dialect, &printed);
    let meaning =
        |d: &Document| d.rule_sets.iter().flat_map(|s| s.rules.iter().map(meaning_of)).collect::<Vec<_>>();
    assert_eq!(meaning(document), meaning(&again.document), "printed as:\n{printed}");
}

/// A rule without its name, which a printer may have to make plain.
fn meaning_of(rule: &Rule) -> Rule {
    Rule { name: "".into(), ..rule.clone() }
}
