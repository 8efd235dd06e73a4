//! Junos configuration: firewall filters and flow routes, in braces and as `set` lines.
//!
//! Traps of its vocabulary: a term without an action accepts; a filter ends in a discard; conditions behind the
//! IP header imply no protocol and look at the octets that stand there, in later fragments too; an address list
//! is decided by its longest prefix, and one of exceptions alone matches nothing.

mod actions;
mod address;
mod attach;
mod bitfield;
mod conditions;
mod definitions;
mod findings;
mod flow;
mod groups;
mod lex;
mod literal;
mod lookup;
mod lower;
mod names;
mod numbers;
mod parse;
mod print;
mod print_flow;
mod print_match;
mod print_then;
mod print_values;
mod references;
mod session;
mod set_form;
mod support;
mod syntax;

use super::{Dialect, Keyword, Lost, PrintOptions, ReadOptions, Reading, Reads, Recognition, Sample};
use crate::guard::limits;
use crate::ir::{Document, Rule, RuleSet};
use crate::source::{Source, SourceId, Span};
use findings::Findings;
use lower::Lowering;
use std::fmt;

/// The dialect.
#[derive(Debug)]
pub struct Junos;

impl Dialect for Junos {
    fn name(&self) -> &'static str {
        "junos"
    }

    fn about(&self) -> &'static str {
        "Junos configuration: firewall filters and flow routes, in braces or as set lines"
    }

    fn reads(&self) -> Reads {
        Reads::Text
    }

    fn writes(&self) -> bool {
        true
    }

    fn forms(&self) -> &'static [&'static str] {
        &["braces", "set"]
    }

    fn recognise(&self, sample: &Sample<'_>) -> Recognition {
        recognise(sample)
    }

    fn read(&self, source: &Source, id: SourceId, options: &ReadOptions) -> Reading {
        read(source.text(), id, options)
    }

    fn print(
        &self,
        document: &Document,
        options: &PrintOptions,
        out: &mut dyn fmt::Write,
    ) -> Result<Vec<Lost>, fmt::Error> {
        print::print(&self.flat(document), options, out)
    }

    fn says_call(&self, document: &Document, set: &RuleSet, rule: &Rule<'_>) -> bool {
        print::calls(document, set, rule)
    }

    fn says(&self, document: &Document, set: &RuleSet, rule: &Rule<'_>) -> bool {
        print::says(document, set, rule)
    }

    fn ledger(&self) -> &'static [Keyword] {
        support::ledger()
    }
}

fn read(text: &str, id: SourceId, options: &ReadOptions) -> Reading {
    let mut findings = Findings::new(id);
    if text.len() as u64 > limits::RULE_FILE_OCTETS.value {
        let exhausted =
            crate::guard::Meter::with_allowance(&limits::RULE_FILE_OCTETS, limits::RULE_FILE_OCTETS.value);
        findings.exhausted(&exhausted.exhausted(), Span::default());
        return Reading { diagnostics: findings.into_list(), ..Reading::default() };
    }
    let mut tree = parse::parse(text, &mut findings);
    // A look at the octets is cheaper than one at every node.
    if text.contains("apply-groups") {
        groups::expand(&mut tree, &mut findings);
    }
    let mut lowering = Lowering::new(&tree, findings, options, id);
    let skipped = lowering.run();
    let (document, findings) = lowering.finish();
    Reading { document, diagnostics: findings.into_list(), skipped }
}

/// Words a statement at the top of a configuration may begin with.
const TOP: [&str; 24] = [
    "access",
    "apply-groups",
    "applications",
    "bridge-domains",
    "chassis",
    "class-of-service",
    "dynamic-profiles",
    "event-options",
    "firewall",
    "forwarding-options",
    "groups",
    "interfaces",
    "logical-systems",
    "policy-options",
    "protocols",
    "routing-instances",
    "routing-options",
    "security",
    "services",
    "snmp",
    "switch-options",
    "system",
    "version",
    "vlans",
];

fn is_top(text: &str, word: Span) -> bool {
    text.get(word.range()).is_some_and(|word| TOP.contains(&word))
}

/// `VyOS` has `set` lines too, with other words behind them.
fn is_of_vyos(line: &str) -> bool {
    let mut words = line.split_whitespace().skip(1);
    match (words.next(), words.next()) {
        (Some("firewall"), Some(word)) => {
            matches!(
                word,
                "name" | "ipv6-name" | "group" | "zone" | "ipv4" | "ipv6" | "global-options" | "state-policy"
            )
        }
        (Some("interfaces"), Some(word)) => matches!(word, "ethernet" | "loopback" | "bonding" | "wireguard"),
        _ => false,
    }
}

fn recognise(sample: &Sample<'_>) -> Recognition {
    let Some(text) = sample.text else { return Recognition::No };
    let body = parse::body(text);
    let within = text.get(body.range.clone()).unwrap_or(text);
    if body.shown && body.place.first().is_some_and(|word| is_top(text, *word)) {
        return Recognition::Certain;
    }
    if parse::is_set_form(text, &body) {
        // Other routers have `set` lines too; ours go on with a word of the configuration's top.
        let ours = within.lines().filter_map(|line| {
            let mut words = line.split_whitespace().skip_while(|word| session::is_prompt(word));
            parse::COMMANDS.contains(&words.next()?).then(|| words.next()).flatten()
        });
        if within.lines().any(is_of_vyos) {
            return Recognition::No;
        }
        let (mut known, mut all) = (0, 0);
        for word in ours.take(50) {
            all += 1;
            known += usize::from(TOP.contains(&word));
        }
        return if known > 0 && known * 2 >= all { Recognition::Certain } else { Recognition::No };
    }
    let mut lexer = lex::Lexer::within(text, body.range, false);
    let mut words = 0;
    let mut last = "";
    loop {
        let token = lexer.next();
        let word = text.get(token.span.range()).unwrap_or("");
        match token.kind {
            lex::Kind::Word if word.ends_with(':') => {}
            lex::Kind::Word | lex::Kind::Quoted if words == 0 && !TOP.contains(&word) => break,
            lex::Kind::Word | lex::Kind::Quoted => {
                words += 1;
                last = word;
            }
            // `VyOS` has the same braces, and ends no statement by a semicolon.
            lex::Kind::Open if words > 0 && !last.is_empty() && within.contains(';') => {
                return Recognition::Certain;
            }
            lex::Kind::Semicolon if words == 2 => words = 0,
            _ => break,
        }
    }
    let name = std::path::Path::new(sample.name);
    let junos = name.extension().is_some_and(|e| e == "junos" || e == "jcl") || sample.name.contains("junos");
    if junos { Recognition::Possible } else { Recognition::No }
}
