//! A configuration in its own words: sections with their lines, and one entry of an access list.

use crate::field::Family;
use crate::source::Span;
use std::ops::Range;

/// What a section is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    /// `ipv4 access-list NAME`.
    AccessList { family: Family, name: Span },
    /// `no ipv4 access-list NAME`.
    NoAccessList { family: Family, name: Span },
    /// `object-group network ipv4 NAME`.
    NetworkGroup { family: Family, name: Span },
    /// `object-group port NAME`.
    PortGroup { name: Span },
    /// `class-map type traffic match-any NAME`.
    ClassMap { any: bool, name: Span },
    /// `policy-map type pbr NAME`.
    PolicyMap { name: Span },
    /// `interface NAME`.
    Interface { name: Span },
    /// `flowspec`.
    Flowspec,
    /// `AFI: IPv4` and what `show flowspec` prints below it.
    Shown { family: Family },
}

/// A section: its head and its lines.
#[derive(Clone, Debug)]
pub(super) struct Section {
    /// What it is.
    pub(super) head: Head,
    /// Where its head stands.
    pub(super) span: Span,
    /// Its lines, as indices into [`Tree::lines`].
    pub(super) lines: Range<u32>,
}

/// A file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The sections in the order written.
    pub(super) sections: Vec<Section>,
    /// Lines of sections, without blanks around them.
    pub(super) lines: Vec<Span>,
    /// Lines of statements that carry no rules.
    pub(super) other: Vec<Span>,
    /// How many statements those are.
    pub(super) skipped: usize,
    /// Lines with an entry behind other words.
    pub(super) mixed: Vec<Span>,
    /// Lines that belong to no section and should.
    pub(super) stray: Vec<Span>,
}

impl Tree {
    /// The lines of a section.
    pub(super) fn lines(&self, section: &Section) -> &[Span] {
        self.lines.get(section.lines.start as usize..section.lines.end as usize).unwrap_or(&[])
    }
}

/// An address of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Address<'a> {
    /// Nothing was written.
    #[default]
    Missing,
    /// `any`.
    Any,
    /// `host A`.
    Host(&'a str),
    /// `A/len`.
    Prefix(&'a str),
    /// `A WILDCARD`.
    Wildcard(&'a str, &'a str),
    /// `net-group G`.
    Group(&'a str),
}

/// Ports of an entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ports<'a> {
    /// An operator with its value, `range` with two.
    Compare(&'a str, &'a str, &'a str),
    /// `port-group G`.
    Group(&'a str),
}

/// What stands behind the addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Part<'a> {
    /// The keyword; for a bare type of ICMP or IGMP, the type itself.
    pub(super) word: &'a str,
    /// From the keyword to its last value.
    pub(super) text: &'a str,
}

/// One entry of an access list.
#[derive(Debug, Default)]
pub(super) struct Entry<'a> {
    /// `permit`, not `deny`.
    pub(super) permit: bool,
    /// The protocol; empty when none was written.
    pub(super) protocol: &'a str,
    /// The source.
    pub(super) source: Address<'a>,
    /// Its ports.
    pub(super) source_ports: Option<Ports<'a>>,
    /// The destination.
    pub(super) destination: Address<'a>,
    /// Its ports.
    pub(super) destination_ports: Option<Ports<'a>>,
    /// What stands behind.
    pub(super) parts: Vec<Part<'a>>,
}

/// Something that is not of the language.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fault<'a> {
    /// The word it is about; empty, and standing there, when one is missing.
    pub(super) at: &'a str,
    /// What should stand there.
    pub(super) expected: &'static str,
}

/// What could not be read, or what could.
pub(super) type Read<'a, T> = Result<T, Fault<'a>>;

/// A fault.
pub(super) fn fault<'a>(at: &'a str, expected: &'static str) -> Fault<'a> {
    Fault { at, expected }
}
