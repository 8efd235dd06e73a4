//! Access lists: their entries by number, the implicit end, and the lists that are chained at an interface.

use super::condition::Parts;
use super::entry;
use super::findings::shown;
use super::lower::Reader;
use super::names;
use super::policy::Policies;
use super::syntax::{Entry, Head, Tree};
use super::words::Words;
use crate::diagnostic::{Label, Level};
use crate::dialect::raised;
use crate::field::{Family, Field};
use crate::guard::{Exhausted, Meter, limits};
use crate::ir::{
    Attached, Condition, Kind, Origin, Outcome, RuleBuf, RuleParts, RuleSet, Rules, ValueSet, Verdict,
};
use crate::source::Span;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// What the permit of neighbour discovery behind an IPv6 list is called.
pub(super) const DISCOVERY: &str = "neighbour-discovery";

/// One numbered line: an entry or a remark.
#[derive(Clone, Copy, Debug)]
struct Line {
    number: u32,
    // Which section it stood in.
    section: u32,
    span: Span,
}

#[derive(Debug)]
struct List<'a> {
    family: Family,
    name: &'a str,
    head: Span,
    lines: Vec<Line>,
    // The largest number given so far.
    last: u32,
    used: bool,
    removed: bool,
    // Its rule set, once made.
    at: Option<usize>,
}

/// Every access list of a file.
#[derive(Debug)]
pub(super) struct Lists<'a> {
    all: Vec<List<'a>>,
    by_name: HashMap<(bool, &'a str), usize>,
    /// Removals that were not done, because there are too many.
    pub(super) unread: Vec<Span>,
}

/// The name of a list's rule set.
pub(super) fn set_name(six: bool, name: &str) -> String {
    format!("{}/{name}", if six { "ipv6" } else { "ipv4" })
}

/// The condition of the permit behind an IPv6 list.
pub(super) fn discovery() -> Condition {
    Condition::and([
        Condition::test(Field::Proto, ValueSet::single(58)),
        Condition::test(Field::Icmp6Type, ValueSet::range(135, 136)),
    ])
}

impl<'a> Lists<'a> {
    /// The lists of a file, as its statements one after the other make them.
    pub(super) fn collect(text: &'a str, tree: &Tree) -> Self {
        let mut lists = Self { all: Vec::new(), by_name: HashMap::new(), unread: Vec::new() };
        let mut work = Meter::new(&limits::EXPANSION);
        for (section, index) in tree.sections.iter().zip(0_u32..) {
            let (family, span, remove) = match section.head {
                Head::AccessList { family, name } => (family, name, false),
                Head::NoAccessList { family, name } => (family, name, true),
                _ => continue,
            };
            let name = text.get(span.range()).unwrap_or("");
            let key = (family == Family::Inet6, name);
            if remove {
                if let Some(list) = lists.by_name.get(&key).and_then(|at| lists.all.get_mut(*at)) {
                    (list.removed, list.last) = (true, 0);
                    list.lines.clear();
                }
                continue;
            }
            let at = *lists.by_name.entry(key).or_insert_with(|| {
                lists.all.push(List {
                    family,
                    name,
                    head: span,
                    lines: Vec::new(),
                    last: 0,
                    used: false,
                    removed: false,
                    at: None,
                });
                lists.all.len() - 1
            });
            let Some(list) = lists.all.get_mut(at) else { continue };
            list.removed = false;
            let lines = tree.lines(section);
            list.lines.reserve_exact(lines.len());
            for span in lines {
                if list.add(text, *span, index, &mut work).is_err() {
                    lists.unread.push(*span);
                }
            }
        }
        lists
    }

    fn find(&mut self, six: bool, name: &str) -> Option<&mut List<'a>> {
        let at = *self.by_name.get(&(six, name))?;
        self.all.get_mut(at).filter(|list| !list.removed)
    }

    /// Marks a list as used; its rule set, and whether there is such a list at all.
    pub(super) fn used(&mut self, six: bool, name: &str) -> (Option<usize>, bool) {
        match self.find(six, name) {
            Some(list) => {
                list.used = true;
                (list.at, true)
            }
            None => (None, false),
        }
    }

    /// Lists nothing uses, where others are used.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&'a str, Span)> + '_ {
        let asked = self.all.iter().any(|list| list.used);
        let unused = self.all.iter().filter(move |list| asked && !list.used && !list.removed);
        unused.map(|list| (list.name, list.head))
    }

    /// Makes a rule set of every list.
    pub(super) fn lower(&mut self, reader: &mut Reader<'a>) {
        let mut entry = Entry::default();
        let mut parts = Parts::default();
        for list in self.all.iter_mut().filter(|list| !list.removed) {
            let set = list.lower(reader, &mut entry, &mut parts);
            list.at = Some(reader.rule_sets.len());
            reader.rule_sets.push(set);
        }
        reader.findings.place = None;
    }
}

impl<'a> List<'a> {
    // Every removal looks at all lines before it.
    fn add(&mut self, text: &'a str, span: Span, section: u32, work: &mut Meter) -> Result<(), Exhausted> {
        let mut words = Words::new(text.get(span.range()).unwrap_or(""));
        let first = words.peek();
        if first == "no" {
            work.charge(self.lines.len() as u64)?;
            words.next();
            let rest = words.rest();
            match names::number(words.next()) {
                Some(number) => self.lines.retain(|line| line.number != number),
                // `no permit ..` removes the entry of those words.
                None => self.lines.retain(|line| {
                    let mut words = Words::new(text.get(line.span.range()).unwrap_or(""));
                    if names::number(words.peek()).is_some() {
                        words.next();
                    }
                    !words.rest().split_whitespace().eq(rest.split_whitespace())
                }),
            }
            return Ok(());
        }
        let number = names::number(first).unwrap_or_else(|| self.last.saturating_add(10));
        self.last = self.last.max(number);
        self.lines.push(Line { number, section, span });
        Ok(())
    }

    fn lower(&mut self, reader: &mut Reader<'a>, entry: &mut Entry<'a>, parts: &mut Parts) -> RuleSet {
        let six = self.family == Family::Inet6;
        let name = set_name(six, self.name);
        if !self.lines.is_sorted_by(|a, b| a.number < b.number) {
            self.lines.sort_by_key(|line| line.number);
            self.replace(reader);
        }
        let mut rules = Rules::with_capacity(self.lines.len() + 1);
        reader.findings.place = Some((name.clone(), ""));
        let mut everything = false;
        let mut number = String::new();
        for line in &self.lines {
            let text = reader.slice(line.span);
            let mut words = Words::new(text);
            let written = if names::number(words.peek()).is_some() { words.next() } else { "" };
            let verb = words.peek();
            if verb == "remark" {
                continue;
            }
            if let Some(place) = &mut reader.findings.place {
                place.1 = written;
            }
            let label = if written.is_empty() || written.starts_with('0') {
                number.clear();
                // Writing to a `String` does not fail.
                _ = write!(number, "{}", line.number);
                number.as_str()
            } else {
                written
            };
            let origin = Origin { source: reader.source, span: line.span };
            if !matches!(verb, "permit" | "deny") {
                reader.findings.no_statement(line.span);
                either(words.rest(), label, origin, &mut rules);
                continue;
            }
            let condition = match entry::read(words.rest(), six, entry) {
                Ok(()) => reader.condition(entry, six, parts),
                Err(fault) => {
                    reader.fault(fault);
                    parts.actions.clear();
                    reader.opaque(words.rest(), "this entry could not be read")
                }
            };
            everything |= condition == Condition::True;
            rules.add(RuleParts {
                name: label,
                condition,
                actions: &parts.actions,
                outcome: Outcome::Verdict(if entry.permit { Verdict::Accept } else { Verdict::Discard }),
                action_given: true,
                nlri: None,
                origin,
            });
        }
        let default = if rules.is_empty() { Verdict::Accept } else { Verdict::Discard };
        if rules.is_empty() {
            reader.findings.place = Some((name.clone(), ""));
        }
        if six && !rules.is_empty() && !everything {
            rules.add(RuleParts {
                name: DISCOVERY,
                condition: discovery(),
                actions: &[],
                outcome: Outcome::Verdict(Verdict::Accept),
                action_given: true,
                nlri: None,
                origin: Origin { source: reader.source, span: self.head },
            });
        }
        RuleSet { name, kind: Kind::Filter, family: self.family, default, rules }
    }

    // Lines of one number: the last one stays, or all where they are one entry in several lines.
    fn replace(&mut self, reader: &mut Reader<'a>) {
        let verb = |line: &Line| {
            let mut words = Words::new(reader.slice(line.span));
            let first = words.next();
            if names::number(first).is_some() { words.next() } else { first }
        };
        let mut keep = Vec::with_capacity(self.lines.len());
        let mut found = Vec::new();
        for same in self.lines.chunk_by(|a, b| a.number == b.number) {
            let [first, .., last] = same else {
                keep.extend_from_slice(same);
                continue;
            };
            let expanded = same.iter().all(|l| l.section == first.section && verb(l) == verb(first))
                && verb(first) != "remark";
            found.push((*first, *last, expanded));
            if expanded {
                keep.extend_from_slice(same);
            } else {
                keep.push(*last);
            }
        }
        self.lines = keep;
        for (first, last, expanded) in found {
            let message = if expanded {
                format!("number {} stands on several lines: all are kept, as one entry", last.number)
            } else {
                format!("number {} stands again: the entry before is replaced", last.number)
            };
            let level = if expanded { Level::Note } else { Level::Warning };
            let label = Label::new(reader.source, first.span).with_message("it stands here first");
            let finding = reader.findings.make(raised::DUPLICATE_NUMBER, level, last.span, message);
            reader.findings.push(
                finding
                    .with_label(label)
                    .with_help("give each entry a number of its own: a router keeps the last of them"),
            );
        }
    }
}

/// An entry of which not even the verdict is known: it may deny what it matches, and it may permit it.
fn either(words: &str, name: &str, origin: Origin, rules: &mut Rules) {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    for (verb, verdict) in [("denies", Verdict::Discard), ("permits", Verdict::Accept)] {
        let id = format!("ios-xr {words} {verb}");
        let condition = Condition::opaque(id, "this entry could not be read", origin.span);
        let outcome = Outcome::Verdict(verdict);
        rules.add(RuleParts {
            name,
            condition,
            actions: &[],
            outcome,
            action_given: true,
            nlri: None,
            origin,
        });
    }
}

/// Lists that are chained at an interface.
type Chain<'a> = (bool, Option<&'a str>, Option<&'a str>);

impl<'a> Reader<'a> {
    /// What interfaces name: lists, chained lists, policies.
    pub(super) fn attachments(&mut self, tree: &Tree, lists: &mut Lists<'a>, policies: &mut Policies<'a>) {
        let mut chains: BTreeSet<Chain<'a>> = BTreeSet::new();
        for section in &tree.sections {
            let Head::Interface { name: interface } = section.head else { continue };
            for span in tree.lines(section) {
                let mut words = Words::new(self.slice(*span));
                match words.next() {
                    family @ ("ipv4" | "ipv6") if words.take("access-group") => {
                        let six = family == "ipv6";
                        let common = words.take("common").then(|| words.next());
                        let own = match words.peek() {
                            "ingress" | "egress" | "" => None,
                            _ => Some(words.next()),
                        };
                        let names = [common, own];
                        let joined = names.into_iter().flatten().collect::<Vec<_>>().join("+");
                        let interface = super::attach::interface(self.slice(interface));
                        let place = format!("interface {interface} {}", words.next());
                        let mut attach = |name: &str, place: String| {
                            let rule_set = set_name(six, name).into();
                            self.attached.insert(Attached { rule_set, place: place.into() });
                        };
                        // Each of two lists is still there, as a part of both.
                        for name in names.into_iter().flatten().filter(|name| **name != joined) {
                            attach(name, format!("{place}, in the list {joined}"));
                        }
                        attach(&joined, place);
                        let found =
                            names.into_iter().flatten().all(|name| self.attach(lists, six, name, *span));
                        if found && common.is_some() {
                            chains.insert((six, common, own));
                        }
                    }
                    "service-policy" if words.take("type") && words.take("pbr") => {
                        words.take("input");
                        let name = words.next();
                        if !policies.attach_local(name) {
                            self.undefined("policy map", name);
                        }
                    }
                    _ => {}
                }
            }
        }
        for (six, common, own) in chains {
            self.chain(lists, six, [common, own]);
        }
    }

    fn attach(&mut self, lists: &mut Lists<'a>, six: bool, name: &'a str, line: Span) -> bool {
        let (at, defined) = lists.used(six, name);
        if !defined {
            self.undefined("access list", name);
        } else if let Some(set) = at.and_then(|at| self.rule_sets.get(at))
            && set.rules.is_empty()
        {
            let message = format!("access list `{}` has no entries and filters nothing", shown(name));
            let finding = self.findings.make(raised::UNDEFINED_REFERENCE, Level::Warning, line, message);
            self.findings.push(finding.with_help("add entries, or take the list off the interface"));
        }
        defined
    }

    pub(super) fn undefined(&mut self, kind: &str, name: &'a str) {
        let message = format!("{kind} `{}` is defined nowhere", shown(name));
        let span = Span::of(self.text, name);
        let finding = self.findings.make(raised::UNDEFINED_REFERENCE, Level::Error, span, message);
        self.findings
            .push(finding.with_help("define it, or correct the name: without it nothing is filtered"));
    }

    // The entries of the common list, then those of the interface's, then the implicit end.
    fn chain(&mut self, lists: &mut Lists<'a>, six: bool, names: [Option<&'a str>; 2]) {
        let [Some(common), Some(own)] = names else { return };
        let mut rules = Rules::new();
        let mut last = None;
        for name in [common, own] {
            let (Some(at), _) = lists.used(six, name) else { return };
            let size = self.rule_sets.get(at).map_or(0, |set| set.rules.len());
            if !self.affords(size, Span::of(self.text, name)) {
                return;
            }
            let Some(set) = self.rule_sets.get(at) else { return };
            rules.reserve(size);
            for rule in &set.rules {
                if rule.name == DISCOVERY {
                    last = Some(rule.to_buf());
                } else {
                    rules.push(RuleBuf { name: format!("{name} {}", rule.name).into(), ..rule.to_buf() });
                }
            }
        }
        let ends = rules.conditions().contains(&Condition::True);
        if let Some(last) = last.filter(|_| !ends) {
            rules.push(last);
        }
        self.rule_sets.push(RuleSet {
            name: set_name(six, &format!("{common}+{own}")),
            kind: Kind::Filter,
            family: if six { Family::Inet6 } else { Family::Inet },
            default: if rules.is_empty() { Verdict::Accept } else { Verdict::Discard },
            rules,
        });
    }
}
