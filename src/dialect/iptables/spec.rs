//! One rule as it is read: what its options said, before chain and family turn it into rules.

use super::grammar::Written;
use super::support::{Module, Target};
use super::values::Address;
use crate::field::Family;
use crate::ir::{Action, Condition, Outcome};
use crate::source::Span;
use std::fmt::Write;

/// Addresses of one side.
#[derive(Debug, Default)]
pub(super) struct Side {
    pub(super) list: Vec<Address>,
    pub(super) not: bool,
    pub(super) span: Span,
}

/// A match extension that the rule loads.
#[derive(Debug)]
pub(super) struct Loaded {
    /// None where nobody knows it.
    pub(super) module: Option<&'static Module>,
    pub(super) name: String,
    pub(super) span: Span,
    /// Options of it that are not modelled, in words.
    pub(super) opaque: String,
    /// Bounds of these.
    pub(super) over: Vec<Condition>,
    /// Which options of it are written.
    pub(super) written: Written,
    /// Whether any option of it was read.
    pub(super) used: bool,
    /// Whether a port or flag option of it asks for anything.
    pub(super) narrows: bool,
}

/// What the target is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Aim {
    /// None: the rule only counts.
    None,
    /// A target of iptables.
    Known(Target),
    /// A chain of the user.
    Chain,
}

/// A rule while it is read. Its buffers serve for every rule.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) src: Side,
    pub(super) dst: Side,
    pub(super) in_iface: Option<Condition>,
    pub(super) out_iface: Option<Condition>,
    pub(super) protocol: Option<(u8, bool, Span)>,
    /// `-p all`: no condition, but the kernel looks for a protocol.
    pub(super) any_protocol: bool,
    pub(super) fragment: Option<Condition>,
    pub(super) parts: Vec<Condition>,
    /// Which match of `loaded` each of the parts is of.
    pub(super) owners: Vec<usize>,
    pub(super) loaded: Vec<Loaded>,
    pub(super) only: Option<Family>,
    pub(super) aim: Aim,
    pub(super) goto: bool,
    pub(super) target: String,
    pub(super) target_span: Span,
    /// Options of the target, in words.
    pub(super) target_options: String,
    /// Which of them.
    pub(super) target_written: Written,
    pub(super) comment: String,
    /// Something could not be read, and is reported.
    pub(super) unread: bool,
    pub(super) span: Span,
    /// Conditions of one rule, before they are boxed.
    pub(super) conditions: Vec<Condition>,
}

impl Spec {
    pub(super) fn new() -> Self {
        Self {
            src: Side::default(),
            dst: Side::default(),
            in_iface: None,
            out_iface: None,
            protocol: None,
            any_protocol: false,
            fragment: None,
            parts: Vec::new(),
            owners: Vec::new(),
            loaded: Vec::new(),
            only: None,
            aim: Aim::None,
            goto: false,
            target: String::new(),
            target_span: Span::default(),
            target_options: String::new(),
            target_written: Written::default(),
            comment: String::new(),
            unread: false,
            span: Span::default(),
            conditions: Vec::new(),
        }
    }

    pub(super) fn clear(&mut self, span: Span) {
        for side in [&mut self.src, &mut self.dst] {
            side.list.clear();
            side.not = false;
        }
        (self.in_iface, self.out_iface, self.protocol, self.fragment) = (None, None, None, None);
        self.any_protocol = false;
        self.parts.clear();
        self.owners.clear();
        self.loaded.clear();
        self.only = None;
        (self.aim, self.goto, self.unread) = (Aim::None, false, false);
        self.target.clear();
        self.target_options.clear();
        self.target_written = Written::default();
        self.comment.clear();
        self.span = span;
    }

    /// Says of parts that were added since whose they are.
    pub(super) fn owned_by(&mut self, match_index: usize) {
        self.owners.resize(self.parts.len(), match_index);
    }

    /// The protocol, where the rule asks for one.
    pub(super) fn wanted_protocol(&self) -> Option<u8> {
        self.protocol.filter(|(_, not, _)| !not).map(|(number, _, _)| number)
    }
}

/// What a target comes to: its outcome and what else it does; a second rule where nobody knows which.
#[derive(Debug)]
pub(super) struct Doing {
    pub(super) outcome: Outcome,
    pub(super) actions: Vec<Action>,
    /// The outcome where the first condition, which nobody knows, does not hold: its words.
    pub(super) perhaps: Option<(String, Outcome)>,
}

/// Adds words with a blank between them.
pub(super) fn add_words(out: &mut String, word: &str) {
    let gap = if out.is_empty() { "" } else { " " };
    // A string takes everything.
    let _ = write!(out, "{gap}{}", super::lex::quote(word));
}

/// Adds an option, or the mark of negation, as it is.
pub(super) fn add_option(out: &mut String, word: &str) {
    if !out.is_empty() {
        out.push(' ');
    }
    out.push_str(word);
}

/// Adds a condition to a list, its parts where it is a conjunction.
pub(super) fn push(list: &mut Vec<Condition>, condition: Condition) {
    match condition {
        Condition::True => {}
        Condition::And(parts) => list.extend(parts),
        other => list.push(other),
    }
}
