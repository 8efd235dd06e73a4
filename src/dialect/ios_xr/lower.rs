//! Sections to rule sets: access lists as filters, policies of flowspec as flow routes, what is attached where.
//!
//! Choices:
//! - entries stand in the order of their numbers; one without takes the last number and 10;
//! - a number that stands again replaces the entry, unless the lines follow each other and agree in `permit` or
//!   `deny`: so `show access-lists .. expanded` prints the lines of one entry with groups;
//! - behind the entries of an IPv6 list, neighbour discovery is permitted and everything else denied; where an
//!   entry before takes every packet, the permit is left away;
//! - a list without entries filters nothing ("if the access list does not exist, all packets are passed", Cisco,
//!   command reference of `ipv4 access-group`).

use super::acl::Lists;
use super::findings::Findings;
use super::groups::Groups;
use super::parse;
use super::policy::Policies;
use super::syntax::Tree;
use crate::diagnostic::Level;
use crate::dialect::{ReadOptions, Reading, raised};
use crate::guard::{Meter, limits};
use crate::ir::{Attached, Document, RuleSet};
use crate::source::{SourceId, Span};
use std::collections::BTreeSet;

/// Reads one file.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub(super) text: &'a str,
    pub(super) source: SourceId,
    pub(super) options: &'a ReadOptions,
    pub(super) findings: Findings<'a>,
    pub(super) groups: Groups<'a>,
    // What classes, policies and chained lists may add to the file.
    pub(super) work: Meter,
    pub(super) rule_sets: Vec<RuleSet>,
    pub(super) attached: BTreeSet<Attached>,
}

/// Reads a text.
pub(super) fn read(text: &str, source: SourceId, options: &ReadOptions) -> Reading {
    let tree = parse::parse(text);
    let mut reader = Reader {
        text,
        source,
        options,
        findings: Findings::new(text, source),
        groups: Groups::new(text, &tree),
        work: Meter::new(&limits::EXPANSION),
        rule_sets: Vec::new(),
        attached: BTreeSet::new(),
    };
    reader.strays(&tree);
    let mut policies = Policies::collect(text, &tree);
    let mut lists = Lists::collect(text, &tree);
    for span in lists.unread.drain(..) {
        let message = "this removal is not read: the file removes too many entries";
        reader.findings.add(raised::SYNTAX_ERROR, Level::Error, span, message);
    }
    lists.lower(&mut reader);
    reader.attachments(&tree, &mut lists, &mut policies);
    reader.services(&tree);
    reader.policies(&mut policies, &mut lists);
    reader.flowspec(&tree, &mut policies);
    reader.unused(&tree, &lists, &policies);
    let mut document =
        Document { rule_sets: reader.rule_sets, attached: reader.attached, ..Document::default() };
    document.forget_unattached();
    Reading { document, diagnostics: reader.findings.into_list(), skipped: tree.skipped }
}

impl<'a> Reader<'a> {
    pub(super) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    /// Whether there is an allowance left for `amount` more; says so where there is not.
    pub(super) fn affords(&mut self, amount: usize, place: Span) -> bool {
        match self.work.charge(amount as u64) {
            Ok(()) => true,
            Err(exhausted) => {
                let message = format!("what this stands for is not read: {exhausted}");
                self.findings.add(raised::SYNTAX_ERROR, Level::Error, place, message);
                false
            }
        }
    }

    fn strays(&mut self, tree: &Tree) {
        for span in &tree.mixed {
            let message = "an entry stands behind other words and is not read";
            let help = "remove what stands in front of its number";
            self.findings.add_with_help(raised::SYNTAX_ERROR, Level::Error, *span, message, help);
        }
        for span in &tree.stray {
            let message = "an entry stands outside of any access list";
            self.findings.add_with_help(
                raised::SYNTAX_ERROR,
                Level::Error,
                *span,
                message,
                "put `ipv4 access-list NAME` in front",
            );
        }
    }

    // Definitions nothing uses, where others of their kind are used.
    fn unused(&mut self, tree: &Tree, lists: &Lists<'a>, policies: &Policies<'a>) {
        let groups: Vec<_> = self.groups.unused().map(|(name, span)| ("group", name, span)).collect();
        let lists = lists.unused().map(|(name, span)| ("access list", name, span));
        let policies = policies.unused();
        let mut unused: Vec<(&str, &str, Span)> = groups.into_iter().chain(lists).chain(policies).collect();
        if unused.is_empty() {
            return;
        }
        // A name in a statement that carries no rules uses it all the same.
        let words: std::collections::HashSet<&str> =
            tree.other.iter().flat_map(|span| self.slice(*span).split_whitespace()).collect();
        unused.retain(|(_, name, _)| !words.contains(name));
        unused.sort_by_key(|(_, _, span)| *span);
        for (kind, name, span) in unused {
            let message = format!("{kind} `{}` is used nowhere", super::findings::shown(name));
            self.findings.add(raised::UNUSED_DEFINITION, Level::Warning, span, message);
        }
    }
}
