//! Text to sections and lines. Nesting is only layout in this language: a section ends at its `end-..` word, at an
//! exclamation mark that stands no deeper than its head, or where another one begins.

use super::entry;
use super::syntax::{Address, Entry, Head, Section, Tree};
use super::words::Words;
use crate::dialect::pager;
use crate::field::Family;
use crate::source::Span;

/// Reads the whole text.
pub(super) fn parse(text: &str) -> Tree {
    let mut parser = Parser { text, tree: Tree::default(), open: Open::Nothing, depth: 0 };
    for line in text.split('\n') {
        parser.line(line);
    }
    parser.tree
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    // Between sections.
    Nothing,
    // In the last section of the tree.
    Section,
    // In a statement that carries no rules.
    Other,
}

struct Parser<'a> {
    text: &'a str,
    tree: Tree,
    open: Open,
    // How deep the head of what is open stands.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn line(&mut self, line: &'a str) {
        let line = pager::behind(line);
        let trimmed = line.trim_start_matches([' ', '\t', '\u{feff}']);
        let depth = line.len() - trimmed.len();
        let trimmed = trimmed.trim_end_matches([' ', '\t', '\r']);
        if trimmed.is_empty() {
            return;
        }
        if trimmed.starts_with(['!', '#']) {
            // A comment inside of a section stands deeper than its head.
            if depth <= self.depth {
                self.open = Open::Nothing;
            }
            return;
        }
        // Most lines of a long file are entries of an access list.
        let entry = is_entry(trimmed);
        if self.open == Open::Section && self.takes(trimmed, depth, entry) {
            self.keep(trimmed);
            return;
        }
        if self.open == Open::Other && depth > self.depth {
            self.pass(trimmed);
            return;
        }
        if entry {
            self.tree.stray.push(Span::of(self.text, trimmed));
            return;
        }
        match head(self.text, trimmed) {
            Some((head, rest)) => self.begin(head, trimmed, rest, depth),
            // What leaves the section, in a session that was pasted.
            None if self.open == Open::Section
                && self.is_strict()
                && matches!(trimmed, "exit" | "end" | "root" | "commit") =>
            {
                self.open = Open::Nothing;
            }
            // What is no statement of its section is said where the section is read: it may mean anything there.
            None if self.open == Open::Section && depth > self.depth && self.is_strict() => {
                self.keep(trimmed);
            }
            None if self.open == Open::Section && depth > self.depth => self.pass(trimmed),
            None if entry_inside(trimmed) => self.tree.mixed.push(Span::of(self.text, trimmed)),
            None => {
                self.open = Open::Other;
                self.depth = depth;
                self.tree.skipped += 1;
                self.pass(trimmed);
            }
        }
    }

    fn begin(&mut self, head: Head, line: &'a str, rest: &'a str, depth: usize) {
        let at = u32::try_from(self.tree.lines.len()).unwrap_or(u32::MAX);
        let span = Span::of(self.text, line);
        self.tree.sections.push(Section { head, span, lines: at..at });
        self.depth = depth;
        self.open = if matches!(head, Head::NoAccessList { .. }) { Open::Nothing } else { Open::Section };
        if !rest.is_empty() {
            self.keep(rest);
        }
    }

    fn keep(&mut self, line: &'a str) {
        self.tree.lines.push(Span::of(self.text, line));
        if let Some(section) = self.tree.sections.last_mut() {
            section.lines.end = u32::try_from(self.tree.lines.len()).unwrap_or(u32::MAX);
        }
        if matches!(line, "end-class-map" | "end-policy-map") {
            self.open = Open::Nothing;
        }
    }

    fn pass(&mut self, line: &'a str) {
        self.tree.other.push(Span::of(self.text, line));
    }

    // Whether what stands deeper than the head must be a statement of the section.
    fn is_strict(&self) -> bool {
        let head = self.tree.sections.last().map(|section| section.head);
        matches!(
            head,
            Some(
                Head::AccessList { .. }
                    | Head::NetworkGroup { .. }
                    | Head::PortGroup { .. }
                    | Head::ClassMap { .. }
            )
        )
    }

    // Whether a line belongs to the section that is open.
    fn takes(&self, line: &str, depth: usize, entry: bool) -> bool {
        let Some(section) = self.tree.sections.last() else { return false };
        let mut words = Words::new(line);
        let first = words.next();
        match section.head {
            Head::AccessList { .. } => {
                entry || first == "no" && { is_entry(words.rest()) || is_number(words.peek()) }
            }
            Head::NetworkGroup { .. } => match first {
                "host" | "range" | "description" | "any" => true,
                "object-group" => !is_group_head(words),
                _ => first.contains(['.', ':']) && !line.starts_with("AFI:") && depth > 0,
            },
            Head::PortGroup { .. } => match first {
                "eq" | "neq" | "lt" | "gt" | "range" | "description" => true,
                "object-group" => !is_group_head(words),
                _ => false,
            },
            Head::ClassMap { .. } => matches!(first, "match" | "description" | "end-class-map"),
            Head::PolicyMap { .. } => {
                (depth > self.depth || matches!(first, "class" | "end-policy-map")) && first != "policy-map"
            }
            Head::Interface { .. } | Head::Flowspec => depth > self.depth,
            Head::Shown { .. } => {
                depth > self.depth && (line.starts_with("Flow") || line.starts_with("Actions"))
            }
            Head::NoAccessList { .. } => false,
        }
    }
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|octet| octet.is_ascii_digit())
}

/// Whether a line is an entry of an access list, numbered or not.
fn is_entry(line: &str) -> bool {
    let mut words = Words::new(line);
    let mut first = words.next();
    if is_number(first) {
        first = words.next();
    }
    matches!(first, "permit" | "deny" | "remark")
}

/// Whether an entry stands behind other words, as behind the time that a log puts in front of a line.
fn entry_inside(line: &str) -> bool {
    const WORDS: usize = 6;
    let mut words = Words::new(line);
    for _ in 0..WORDS {
        words.next();
        if matches!(words.peek(), "permit" | "deny") {
            return [false, true].into_iter().any(|six| {
                let mut entry = Entry::default();
                let read = entry::read(words.rest(), six, &mut entry).is_ok();
                // `permit 10.0.0.0/8` may be of a prefix list.
                let is_whole = !entry.protocol.is_empty() || entry.source == Address::Any;
                read && is_whole
            });
        }
    }
    false
}

// `object-group network ipv4 X` and `object-group port X` begin a group; `object-group X` names one.
fn is_group_head(mut words: Words<'_>) -> bool {
    match words.next() {
        "network" => matches!(words.next(), "ipv4" | "ipv6") && !words.is_empty(),
        "port" => !words.is_empty(),
        _ => false,
    }
}

fn family(word: &str) -> Option<Family> {
    match word {
        "ipv4" => Some(Family::Inet),
        "ipv6" => Some(Family::Inet6),
        _ => None,
    }
}

/// The section a line begins, and what stands behind its head.
fn head<'a>(text: &str, line: &'a str) -> Option<(Head, &'a str)> {
    let mut words = Words::new(line);
    let first = words.next();
    let name = |words: &mut Words<'a>| {
        let name = words.next();
        (!name.is_empty()).then(|| Span::of(text, name))
    };
    let head = match first {
        "ipv4" | "ipv6" if words.take("access-list") => {
            let head = Head::AccessList { family: family(first)?, name: name(&mut words)? };
            // `ipv4 access-list log-update ..` is a setting of all lists.
            let rest = words.rest();
            return (rest.is_empty() || is_entry(rest)).then_some((head, rest));
        }
        "no" => {
            let family = family(words.next())?;
            if !words.take("access-list") {
                return None;
            }
            let head = Head::NoAccessList { family, name: name(&mut words)? };
            return words.is_empty().then_some((head, ""));
        }
        "object-group" => match words.next() {
            "network" => {
                let family = family(words.next())?;
                Head::NetworkGroup { family, name: name(&mut words)? }
            }
            "port" => Head::PortGroup { name: name(&mut words)? },
            _ => return None,
        },
        "class-map" => {
            if !(words.take("type") && words.take("traffic")) {
                return None;
            }
            let any = match words.peek() {
                "match-any" | "match-all" => words.next() == "match-any",
                _ => false,
            };
            Head::ClassMap { any, name: name(&mut words)? }
        }
        "policy-map" => {
            words.take("transient");
            if !(words.take("type") && words.take("pbr")) {
                return None;
            }
            Head::PolicyMap { name: name(&mut words)? }
        }
        "interface" => {
            words.take("preconfigure");
            Head::Interface { name: name(&mut words)? }
        }
        "flowspec" if words.is_empty() => Head::Flowspec,
        "AFI:" => match words.next() {
            "IPv4" => Head::Shown { family: Family::Inet },
            "IPv6" => Head::Shown { family: Family::Inet6 },
            _ => return None,
        },
        _ => return None,
    };
    let rest = match head {
        Head::NetworkGroup { .. } | Head::PortGroup { .. } => words.rest(),
        _ => "",
    };
    Some((head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(text: &str) -> Vec<(Head, usize)> {
        let tree = parse(text);
        tree.sections.iter().map(|section| (section.head, tree.lines(section).len())).collect()
    }

    #[test]
    fn sections_end_where_others_begin() {
        let text = "ipv4 access-list A\n 10 permit any\n ! kept\n20 deny any\n!\nrouter ospf 1\n interface X\n!\n\
                    ipv4 access-list B permit any\ninterface Y\n ipv4 access-group A ingress\n";
        let tree = parse(text);
        let counts: Vec<usize> = tree.sections.iter().map(|section| tree.lines(section).len()).collect();
        assert_eq!((counts, tree.skipped, tree.other.len()), (vec![2, 1, 1], 1, 2));
    }

    #[test]
    fn groups_know_their_members_from_other_groups() {
        let text = "object-group network ipv4 A\n 10.0.0.0/8\n object-group B\nobject-group network ipv4 B 1.0.0.0/8\n\
                    object-group port P\n eq 80\n object-group Q\n";
        let counts: Vec<usize> = shape(text).iter().map(|s| s.1).collect();
        assert_eq!(counts, [2, 1, 2]);
    }

    #[test]
    fn entries_outside_of_lists_are_stray() {
        let tree = parse(" 10 permit any\n!\n");
        assert_eq!((tree.stray.len(), tree.sections.len()), (1, 0));
    }
}
