//! Object groups: what each name stands for, groups inside groups included.

use super::findings::{Findings, shown};
use super::names;
use super::syntax::{Head, Read, Tree, fault};
use super::values::{self, Members, Shape, Width};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{ValueSet, ValueSetRef};
use crate::source::Span;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

#[derive(Debug)]
struct Group<'a> {
    name: &'a str,
    span: Span,
    width: Width,
    lines: Vec<Span>,
    state: State,
    used: bool,
}

#[derive(Debug)]
enum State {
    Unread,
    // Being read: whoever asks now is inside of it.
    Open,
    // None where a part of it is not known.
    Done(Option<Members>),
}

/// Every group of a file.
#[derive(Debug)]
pub(super) struct Groups<'a> {
    text: &'a str,
    all: Vec<Group<'a>>,
    by_name: HashMap<(Width, &'a str), usize>,
    work: Meter,
    depth: Meter,
    sets: HashMap<usize, ValueSet>,
}

impl<'a> Groups<'a> {
    /// The groups a file defines; one that is defined in several places has the members of all.
    pub(super) fn new(text: &'a str, tree: &Tree) -> Self {
        let (work, depth) = (Meter::new(&limits::EXPANSION), Meter::new(&limits::NESTING));
        let mut groups =
            Self { text, all: Vec::new(), by_name: HashMap::new(), work, depth, sets: HashMap::new() };
        for section in &tree.sections {
            let (width, span) = match section.head {
                Head::NetworkGroup { family: Family::Inet6, name } => (Width::Six, name),
                Head::NetworkGroup { name, .. } => (Width::Four, name),
                Head::PortGroup { name } => (Width::Port, name),
                _ => continue,
            };
            let name = text.get(span.range()).unwrap_or("");
            let at = match groups.by_name.entry((width, name)) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(free) => {
                    let group =
                        Group { name, span, width, lines: Vec::new(), state: State::Unread, used: false };
                    groups.all.push(group);
                    *free.insert(groups.all.len() - 1)
                }
            };
            if let Some(group) = groups.all.get_mut(at) {
                group.lines.extend_from_slice(tree.lines(section));
            }
        }
        groups
    }

    /// The values of a group; none, with a finding at `word`, where they are not known.
    pub(super) fn values(
        &mut self,
        width: Width,
        word: &'a str,
        findings: &mut Findings<'a>,
    ) -> Option<ValueSet> {
        let at = self.find(width, word, findings)?;
        if let Some(set) = self.sets.get(&at) {
            let size = match set.view() {
                ValueSetRef::Ranges(set) => set.ranges().len(),
                ValueSetRef::Wide(set) => set.ranges().len(),
                ValueSetRef::Bits(set) => set.patterns().len(),
            };
            if let Err(exhausted) = self.work.charge(size as u64) {
                findings.add(
                    raised::SYNTAX_ERROR,
                    Level::Error,
                    Span::of(self.text, word),
                    exhausted.to_string(),
                );
                return None;
            }
            return Some(set.clone());
        }
        self.resolve(at, findings);
        let group = self.all.get(at)?;
        let State::Done(Some(members)) = &group.state else { return None };
        // Patterns are compared with each other.
        let pairs = if members.patterns.is_empty() { 1 } else { members.len() * 33 };
        if self.work.charge((members.len().saturating_mul(pairs)) as u64).is_err() {
            let message = format!("group `{}` has too many members", shown(word));
            findings.add(raised::SYNTAX_ERROR, Level::Error, Span::of(self.text, word), message);
            return None;
        }
        let set = members.set(width);
        self.sets.insert(at, set.clone());
        Some(set)
    }

    fn find(&mut self, width: Width, word: &'a str, findings: &mut Findings<'a>) -> Option<usize> {
        let found = self.by_name.get(&(width, word)).copied();
        if let Some(group) = found.and_then(|at| self.all.get_mut(at)) {
            group.used = true;
        } else {
            let message = format!("group `{}` is defined nowhere", shown(word));
            findings.add(raised::UNDEFINED_REFERENCE, Level::Error, Span::of(self.text, word), message);
        }
        found
    }

    fn resolve(&mut self, at: usize, findings: &mut Findings<'a>) {
        let Some(group) = self.all.get_mut(at) else { return };
        if !matches!(group.state, State::Unread) {
            return;
        }
        group.state = State::Open;
        let (lines, width) = (std::mem::take(&mut group.lines), group.width);
        let mut members = Some(Members::default());
        for span in lines {
            let line = self.text.get(span.range()).unwrap_or("");
            let mut words = Words::new(line);
            if words.take("object-group") {
                let name = words.next();
                self.inside(width, name, members.as_mut(), findings).unwrap_or_else(|| members = None);
                continue;
            }
            if words.peek() == "description" {
                continue;
            }
            if !is_member(width, words.peek()) {
                findings.no_statement(span);
                members = None;
                continue;
            }
            let mut one = Members::default();
            match member(width, words, &mut one) {
                Ok(shape) => {
                    self.judge(shape, span, findings);
                    if let Some(all) = &mut members {
                        all.ranges.append(&mut one.ranges);
                        all.patterns.append(&mut one.patterns);
                    }
                }
                Err(fault) => {
                    let message = format!("expected {}", fault.expected);
                    findings.add(raised::SYNTAX_ERROR, Level::Error, Span::of(self.text, fault.at), message);
                    members = None;
                }
            }
        }
        if let Some(group) = self.all.get_mut(at) {
            group.state = State::Done(members);
        }
    }

    // Adds the members of another group; none where they are not known.
    fn inside(
        &mut self,
        width: Width,
        name: &'a str,
        into: Option<&mut Members>,
        findings: &mut Findings<'a>,
    ) -> Option<()> {
        let other = self.find(width, name, findings)?;
        if self.depth.charge(1).is_err() {
            let message = "groups are nested too deeply here";
            findings.add(raised::SYNTAX_ERROR, Level::Error, Span::of(self.text, name), message);
            return None;
        }
        self.resolve(other, findings);
        self.depth.release(1);
        match self.all.get(other).map(|group| &group.state) {
            Some(State::Done(Some(members))) => {
                self.work.charge(members.len() as u64).ok()?;
                let into = into?;
                into.ranges.extend_from_slice(&members.ranges);
                into.patterns.extend_from_slice(&members.patterns);
                Some(())
            }
            Some(State::Open) => {
                let message = format!("group `{}` holds itself", shown(name));
                findings.add(raised::SYNTAX_ERROR, Level::Error, Span::of(self.text, name), message);
                None
            }
            _ => None,
        }
    }

    fn judge(&self, shape: Option<(Shape, &'a str)>, line: Span, findings: &mut Findings<'a>) {
        let Some((Shape::Reversed | Shape::Holes, mask)) = shape else { return };
        let span = Span::of(self.text, mask);
        findings.add_with_help(
            raised::SUSPICIOUS_MASK,
            Level::Warning,
            if mask.is_empty() { line } else { span },
            format!("`{}` is no netmask", shown(mask)),
            "object groups take netmasks, as 255.255.255.0, not the wildcards of access lists",
        );
    }

    /// Groups nothing uses, while others of their kind are used.
    pub(super) fn unused(&self) -> impl Iterator<Item = (&'a str, Span)> + '_ {
        let is_used = |width| self.all.iter().any(|group| group.width == width && group.used);
        let used = [Width::Four, Width::Six, Width::Port].map(|width| (width, is_used(width)));
        let asked = move |width| used.iter().any(|(other, used)| *other == width && *used);
        self.all.iter().filter(move |group| !group.used && asked(group.width)).map(|g| (g.name, g.span))
    }
}

/// Whether a line that begins so says what is in a group.
fn is_member(width: Width, word: &str) -> bool {
    match width {
        Width::Port => matches!(word, "eq" | "neq" | "lt" | "gt" | "range"),
        Width::Four | Width::Six => {
            matches!(word, "any" | "host" | "range") || word.contains(['.', ':', '/'])
        }
    }
}

/// Reads one member; gives the mask it was written with.
fn member<'a>(width: Width, words: Words<'a>, into: &mut Members) -> Read<'a, Option<(Shape, &'a str)>> {
    match width {
        Width::Port => port(words, into).map(|()| None),
        Width::Four => {
            let read = |word: &str| values::address4(word).map(u128::from);
            let prefix = |word: &str| values::prefix4(word).map(|p| (p.first().into(), p.last().into()));
            address(words, 32, read, prefix, into)
        }
        Width::Six => {
            let prefix = |word: &str| values::prefix6(word).map(|p| (p.first(), p.last()));
            address(words, 128, values::address6, prefix, into)
        }
    }
}

fn address<'a>(
    mut words: Words<'a>,
    width: u8,
    read: impl Fn(&str) -> Option<u128>,
    prefix: impl Fn(&str) -> Option<(u128, u128)>,
    into: &mut Members,
) -> Read<'a, Option<(Shape, &'a str)>> {
    let addr = |word: &'a str| read(word).ok_or(fault(word, "an address"));
    let first = words.next();
    let mut shape = None;
    match first {
        "any" => into.ranges.push((0, u128::MAX >> (128 - u32::from(width)))),
        "host" => {
            let host = addr(words.next())?;
            into.ranges.push((host, host));
        }
        "range" => {
            let (low, high) = (words.next(), words.next());
            let range = (addr(low)?, addr(high)?);
            if range.0 > range.1 {
                return Err(fault(high, "an address not below the first"));
            }
            into.ranges.push(range);
        }
        _ if first.contains('/') => into.ranges.push(prefix(first).ok_or(fault(first, "a prefix"))?),
        _ => {
            let (base, mask) = (addr(first)?, words.next());
            let bits = addr(mask)?;
            shape = Some((values::shape(bits, width), mask));
            values::push_masked(into, base, bits, width);
        }
    }
    if words.is_empty() { Ok(shape) } else { Err(fault(words.peek(), "the end of the line")) }
}

fn port<'a>(mut words: Words<'a>, into: &mut Members) -> Read<'a, ()> {
    let op = words.next();
    let low = words.next();
    let high = if op == "range" { words.next() } else { low };
    for word in [low, high] {
        if names::port(word, 6).is_none() {
            return Err(fault(word, "a port"));
        }
    }
    // A group stands for ports of every protocol: a name is TCP's, else UDP's.
    let set = values::ports(op, low, high, 6)?;
    into.ranges.extend(set.ranges().map(|(lo, hi)| (lo.into(), hi.into())));
    if words.is_empty() { Ok(()) } else { Err(fault(words.peek(), "the end of the line")) }
}
