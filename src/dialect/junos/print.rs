//! The intermediate form to Junos, in braces or as `set` lines. What Junos cannot say is left out and reported.

use super::print_flow;
use super::print_match;
use super::print_then;
use super::support::{ANY, Families, INET, INET6, LAYER2, MPLS};
use crate::dialect::flowspec;
use crate::dialect::{Lost, PrintOptions};
use crate::field::Family;
use crate::ir::{Condition, Document, Kind, Outcome, Rule, RuleSet, Verdict};
use std::collections::{BTreeMap, HashSet};
use std::fmt::{self, Write};

/// A word as Junos reads it: in quotes where it is more than letters, digits and harmless marks. Control
/// characters, which no name has, become `_`.
pub(super) fn word(text: &str) -> String {
    const HARMLESS: &str = "-_./:+*,$@=%<>";
    let plain = |c: char| c.is_ascii_alphanumeric() || HARMLESS.contains(c);
    if !text.is_empty() && text.chars().all(plain) && !text.ends_with(':') && !text.contains("/*") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push('_'),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Writes statements in one of the two forms.
pub(super) struct Writer<'w> {
    out: &'w mut dyn Write,
    set: bool,
    // Heads of the open blocks, and whether anything stands in them yet.
    open: Vec<(String, bool)>,
}

impl Writer<'_> {
    fn indent(&mut self) -> fmt::Result {
        (0..self.open.len()).try_for_each(|_| self.out.write_str("    "))
    }

    fn line(&mut self, words: &str) -> fmt::Result {
        self.open.iter_mut().for_each(|block| block.1 = true);
        self.out.write_str("set")?;
        for (head, _) in &self.open {
            write!(self.out, " {head}")?;
        }
        if !words.is_empty() {
            write!(self.out, " {words}")?;
        }
        self.out.write_char('\n')
    }

    /// Opens a block. `head` is words as Junos reads them.
    pub(super) fn open(&mut self, head: &str) -> fmt::Result {
        if !self.set {
            self.indent()?;
            writeln!(self.out, "{head} {{")?;
        }
        self.open.push((head.to_owned(), false));
        Ok(())
    }

    /// Closes the innermost block.
    pub(super) fn close(&mut self) -> fmt::Result {
        if self.set {
            // A block without a statement is one itself.
            if self.open.last().is_some_and(|block| !block.1) {
                self.line("")?;
            }
            self.open.pop();
            return Ok(());
        }
        self.open.pop();
        self.indent()?;
        self.out.write_str("}\n")
    }

    /// One statement. `words` are words as Junos reads them.
    pub(super) fn leaf(&mut self, words: &str) -> fmt::Result {
        if self.set {
            return self.line(words);
        }
        self.indent()?;
        writeln!(self.out, "{words};")
    }

    /// A keyword with its values.
    pub(super) fn values(&mut self, keyword: &str, values: &[String]) -> fmt::Result {
        match values {
            [one] => self.leaf(&format!("{keyword} {one}")),
            _ if self.set => values.iter().try_for_each(|value| self.leaf(&format!("{keyword} {value}"))),
            _ => self.leaf(&format!("{keyword} [ {} ]", values.join(" "))),
        }
    }

    /// A comment of one line.
    fn comment(&mut self, text: &str) -> fmt::Result {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if self.set {
            return writeln!(self.out, "# {plain}");
        }
        self.indent()?;
        writeln!(self.out, "/* {} */", plain.replace("*/", "* /"))
    }
}

/// What a rule set is called in a configuration.
struct Place<'a> {
    families: Families,
    family: &'static str,
    name: &'a str,
}

const FAMILIES: [(&str, Families, Family); 8] = [
    ("inet", INET, Family::Inet),
    ("inet6", INET6, Family::Inet6),
    ("any", ANY, Family::Any),
    ("mpls", MPLS, Family::Any),
    ("bridge", LAYER2, Family::Any),
    ("ccc", LAYER2, Family::Any),
    ("ethernet-switching", LAYER2, Family::Any),
    ("vpls", LAYER2, Family::Any),
];

fn place(set: &RuleSet) -> Place<'_> {
    let (head, name) = set.name.split_once('/').unwrap_or(("", &set.name));
    if let Some((family, families, _)) = FAMILIES.iter().find(|f| f.0 == head && f.2 == set.family) {
        return Place { families: *families, family, name };
    }
    let (family, families) = match set.family {
        Family::Inet => ("inet", INET),
        Family::Inet6 => ("inet6", INET6),
        Family::Any => ("any", ANY),
    };
    Place { families, family, name: &set.name }
}

/// Names that are free yet in one list.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// The name as a word, changed where it is taken; whether it was.
    pub(super) fn take(&mut self, name: &str) -> (String, bool) {
        let plain: String = name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        let plain = if plain.is_empty() { "unnamed".to_owned() } else { plain };
        let mut candidate = plain.clone();
        let mut number = 2;
        // What counts is the name that is read back, in quotes or not.
        while !self.0.insert(candidate.clone()) {
            candidate = format!("{plain}-{number}");
            number += 1;
        }
        let changed = candidate != name;
        (word(&candidate), changed)
    }
}

/// Writes a document.
pub(super) fn print(
    document: &Document,
    options: &PrintOptions,
    out: &mut dyn Write,
) -> Result<Vec<Lost>, fmt::Error> {
    let mut lost: Vec<Lost> = Lost::attached(document).collect();
    let set = options.form.as_deref() == Some("set");
    let mut writer = Writer { out, set, open: Vec::new() };
    let filters: Vec<(usize, &RuleSet)> =
        document.rule_sets.iter().enumerate().filter(|(_, set)| is_filter(set)).collect();
    for set in document.rule_sets.iter().filter(|set| !is_filter(set)) {
        Lost::unless_alone(set, &mut lost);
    }
    // Names as they are written, by family: two rule sets may not become one filter.
    let mut names: BTreeMap<&str, Names> = BTreeMap::new();
    let mut written: BTreeMap<usize, String> = BTreeMap::new();
    for (index, set) in &filters {
        let place = place(set);
        let (name, changed) = names.entry(place.family).or_default().take(place.name);
        if changed {
            let what = format!("the name of the rule set, which is `{name}` instead");
            lost.push(Lost::detail(&set.name, "", what));
        }
        written.insert(*index, name);
    }
    let mut policers = BTreeMap::new();
    if !filters.is_empty() {
        writer.open("firewall")?;
        for (index, set) in &filters {
            let mut filter = Filter {
                document,
                set,
                place: place(set),
                names: &written,
                lost: &mut lost,
                policers: &mut policers,
            };
            filter.print(*index, &mut writer)?;
        }
        for (name, (bits, burst)) in &policers {
            writer.open(&format!("policer {name}"))?;
            writer.open("if-exceeding")?;
            writer.leaf(&format!("bandwidth-limit {bits}"))?;
            writer.leaf(&format!("burst-size-limit {burst}"))?;
            writer.close()?;
            writer.leaf("then discard")?;
            writer.close()?;
        }
        writer.close()?;
    }
    for set in document.rule_sets.iter().filter(|set| set.kind == Kind::FlowRoutes) {
        print_flow::print(set, &mut writer, &mut lost)?;
    }
    Ok(lost)
}

/// Whether a rule set becomes a filter: a chain does, because a filter can call it.
fn is_filter(set: &RuleSet) -> bool {
    matches!(set.kind, Kind::Filter | Kind::Chain)
}

/// Whether a term can have the condition of a rule.
pub(super) fn says(document: &Document, set: &RuleSet, rule: &Rule) -> bool {
    if set.kind == Kind::FlowRoutes {
        return flowspec::says(set, rule);
    }
    print_match::statements(rule.condition, place(set).families, &document.symbols).is_ok()
}

/// Whether a rule is a call as a term can make one: without a condition, to a filter of its family.
pub(super) fn calls(document: &Document, set: &RuleSet, rule: &Rule) -> bool {
    let Outcome::Call(target) = rule.outcome else { return false };
    let other = document.rule_sets.get(target as usize);
    *rule.condition == Condition::True
        && rule.actions.is_empty()
        && other.is_some_and(|other| place(other).family == place(set).family)
}

struct Filter<'a, 'o> {
    document: &'a Document,
    set: &'a RuleSet,
    place: Place<'a>,
    names: &'o BTreeMap<usize, String>,
    lost: &'o mut Vec<Lost>,
    policers: &'o mut BTreeMap<String, (u64, u64)>,
}

impl Filter<'_, '_> {
    fn lost(&mut self, rule: &str, what: String) {
        self.lost.push(Lost::detail(&self.set.name, rule, what));
    }

    fn lost_default(&mut self, what: &str) {
        self.lost.push(Lost::meaning(&self.set.name, "", what));
    }

    fn print(&mut self, index: usize, writer: &mut Writer<'_>) -> fmt::Result {
        let Some(name) = self.names.get(&index) else { return Ok(()) };
        writer.open(&format!("family {}", self.place.family))?;
        writer.open(&format!("filter {name}"))?;
        let mut names = Names::default();
        for rule in &self.set.rules {
            let (name, changed) = names.take(rule.name);
            if changed {
                self.lost(rule.name, format!("the name of the rule, which is `{name}` instead"));
            }
            self.term(&rule, &name, writer)?;
        }
        self.rest(&mut names, writer)?;
        writer.close()?;
        writer.close()
    }

    /// A filter ends in a discard: any other default is a term.
    fn rest(&mut self, names: &mut Names, writer: &mut Writer<'_>) -> fmt::Result {
        let called = self.document.rule_sets.iter().flat_map(|set| &set.rules);
        let index = self.document.rule_sets.iter().position(|set| std::ptr::eq(set, self.set));
        let called = called.filter_map(|rule| match rule.outcome {
            Outcome::Call(target) => Some(target as usize),
            _ => None,
        });
        let is_called = called.into_iter().any(|target| Some(target) == index);
        let action = match self.set.default {
            Verdict::Discard => return Ok(()),
            // Of a filter that another calls, only what its terms decide counts.
            Verdict::NoDecision if self.set.kind == Kind::Chain => return Ok(()),
            Verdict::Accept if !is_called => "accept".to_owned(),
            Verdict::Reject(kind) if !is_called => {
                if let Some(words) = print_then::reject(kind, self.place.families) {
                    words
                } else {
                    self.lost_default("the default, a message Junos does not send; it discards instead");
                    return Ok(());
                }
            }
            _ => {
                let what =
                    format!("the default `{}`; a packet no rule matches is discarded", self.set.default);
                self.lost_default(&what);
                return Ok(());
            }
        };
        let (name, _) = names.take("default");
        writer.open(&format!("term {name}"))?;
        writer.leaf(&format!("then {action}"))?;
        writer.close()
    }

    fn term(&mut self, rule: &Rule, name: &str, writer: &mut Writer<'_>) -> fmt::Result {
        if let Outcome::Call(target) = rule.outcome {
            let target = self.names.get(&(target as usize));
            return if let Some(target) = target.filter(|_| calls(self.document, self.set, rule)) {
                writer.open(&format!("term {name}"))?;
                writer.leaf(&format!("filter {target}"))?;
                writer.close()
            } else {
                let what = "a jump to another rule set under a condition; the term is left out";
                self.left_out(rule, name, what, writer)
            };
        }
        let from = match print_match::statements(rule.condition, self.place.families, &self.document.symbols)
        {
            Ok(from) => from,
            Err(what) => {
                let what = format!("{what}; the term is left out");
                return self.left_out(rule, name, &what, writer);
            }
        };
        let then = match print_then::statements(rule, self.place.families) {
            Ok(then) => then,
            Err(what) => {
                let what = format!("{what}; the term is left out");
                return self.left_out(rule, name, &what, writer);
            }
        };
        for (loss, what) in then.lost {
            self.lost.push(Lost::new(loss, &self.set.name, rule.name, what));
        }
        self.policers.extend(then.policers);
        writer.open(&format!("term {name}"))?;
        if !from.is_empty() {
            writer.open("from")?;
            for statement in &from {
                statement.print(writer)?;
            }
            writer.close()?;
        }
        match then.leaves.as_slice() {
            [one] => writer.leaf(&format!("then {one}"))?,
            leaves => {
                writer.open("then")?;
                leaves.iter().try_for_each(|leaf| writer.leaf(leaf))?;
                writer.close()?;
            }
        }
        writer.close()
    }

    fn left_out(&mut self, rule: &Rule, name: &str, what: &str, writer: &mut Writer<'_>) -> fmt::Result {
        self.lost.push(Lost::left_out(&self.set.name, rule.name, what));
        writer.comment(&format!("term {name}: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_never_become_statements() {
        assert_eq!(word("EDGE-IN"), "EDGE-IN");
        assert_eq!(word("10/8"), "10/8");
        assert_eq!(word("a b"), "\"a b\"");
        assert_eq!(word("x; } } then accept"), "\"x; } } then accept\"");
        assert_eq!(word("a\"b\\"), "\"a\\\"b\\\\\"");
        assert_eq!(word("a\nset b"), "\"a_set b\"");
        for text in ["", "inactive:", "a/*b", "[", "#x", "ä"] {
            assert!(word(text).starts_with('"'), "{text}");
        }
        let mut names = Names::default();
        assert_eq!(names.take("a"), ("a".to_owned(), false));
        assert_eq!(names.take("a"), ("a-2".to_owned(), true));
    }
}
