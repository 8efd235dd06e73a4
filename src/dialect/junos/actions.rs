//! `then`: what a term does. Without an action that ends evaluation it accepts.

use super::literal::{Address, address};
use super::lower::Lowering;
use super::names;
use super::numbers::{shown, value};
use super::support::{self, Families, INET6};
use super::syntax::NodeId;
use crate::diagnostic::Level;
use crate::dialect::{Support, raised};
use crate::ir::{Action, Mark, Outcome, RejectKind, Verdict};
use std::net::IpAddr;

/// What a term does.
#[derive(Debug)]
pub(super) struct Then {
    pub(super) outcome: Outcome,
    pub(super) actions: Vec<Action>,
    /// Whether an action says the outcome, or sends the packet elsewhere; else the term accepts by default.
    pub(super) decided: bool,
    /// An action nobody here knows.
    pub(super) unknown: Option<NodeId>,
}

/// An action that decides, with the node that says it.
#[derive(Clone, Copy)]
struct Deciding {
    outcome: Outcome,
    node: NodeId,
}

const ACCEPT: Outcome = Outcome::Verdict(Verdict::Accept);

impl Lowering<'_, '_> {
    /// What a `then` asks for.
    pub(super) fn then(&mut self, then: Option<NodeId>, family: Families) -> Then {
        let tree = self.tree;
        let mut actions = Vec::new();
        let mut deciding: Option<Deciding> = None;
        // Sends the packet elsewhere: ends evaluation with an accept, where nothing else does.
        let mut sends = false;
        let mut unknown = None;
        for node in then.into_iter().flat_map(|then| tree.children(then)) {
            let word = tree.word(node);
            let found = match word {
                "accept" => {
                    self.nothing_behind(node);
                    Some(ACCEPT)
                }
                "discard" => {
                    self.discard_words(node, &mut actions);
                    Some(Outcome::Verdict(Verdict::Discard))
                }
                "reject" => Some(Outcome::Verdict(Verdict::Reject(self.reject(node, family)))),
                "next" => self.next_term(node).then_some(Outcome::Next { held: None }),
                _ => {
                    sends |= self.action(node, word, &mut actions);
                    unknown = unknown.or_else(|| is_unknown(word).then_some(node));
                    None
                }
            };
            if let Some(outcome) = found {
                self.decide(Deciding { outcome, node }, &mut deciding);
            }
        }
        if sends && let Some(one) = deciding.filter(|d| drops(d.outcome)) {
            let message = format!("`{}` contradicts sending the packet elsewhere", tree.word(one.node));
            self.findings.add(raised::CONFLICTING_ACTIONS, Level::Warning, tree.span(one.node), message);
        }
        let decided = sends || deciding.is_some();
        Then { outcome: deciding.map_or(ACCEPT, |d| d.outcome), actions, decided, unknown }
    }

    /// Two actions that decide contradict each other, unless a group brought one: the term's own wins.
    fn decide(&mut self, new: Deciding, deciding: &mut Option<Deciding>) {
        let tree = self.tree;
        let Some(old) = *deciding else {
            *deciding = Some(new);
            return;
        };
        if tree.is_inherited(new.node) {
            return;
        }
        if tree.is_inherited(old.node) {
            *deciding = Some(new);
            return;
        }
        let (a, b) = (tree.word(old.node), tree.word(new.node));
        let message = format!("`{b}` contradicts `{a}`");
        let label = self.findings.label(tree.span(old.node), "the other action");
        let finding = self
            .findings
            .make(raised::CONFLICTING_ACTIONS, Level::Error, tree.span(new.node), message)
            .with_label(label)
            .with_help("a term has one of `accept`, `discard`, `reject` and `next term`");
        self.findings.push(finding);
        // The device refuses both; the one that drops is the dangerous one.
        if drops(new.outcome) && !drops(old.outcome) {
            *deciding = Some(new);
        }
    }

    fn next_term(&mut self, node: NodeId) -> bool {
        let tree = self.tree;
        match tree.children(node).next() {
            Some(word) if tree.word(word) == "term" => {
                self.nothing_behind(word);
                true
            }
            _ => {
                self.findings.syntax(tree.span(node), "`next` goes on with `term`");
                false
            }
        }
    }

    fn discard_words(&mut self, node: NodeId, actions: &mut Vec<Action>) {
        let tree = self.tree;
        match tree.children(node).next() {
            Some(word) if tree.word(word) == "accounting" => {
                actions.push(Action::Other(self.words(node).into()));
            }
            _ => self.nothing_behind(node),
        }
    }

    fn reject(&mut self, node: NodeId, family: Families) -> RejectKind {
        let tree = self.tree;
        let (table, default) = if family == INET6 { (names::REJECTS6, 1) } else { (names::REJECTS, 13) };
        let Some(word) = tree.children(node).next() else { return RejectKind::Unreachable(default) };
        self.nothing_behind(word);
        if tree.word(word) == "tcp-reset" {
            return RejectKind::TcpReset;
        }
        let code = names::value(table, tree.word(word)).and_then(|code| u8::try_from(code).ok());
        RejectKind::Unreachable(code.unwrap_or_else(|| {
            let message = format!("`{}` is no message of `reject`", shown(tree.word(word)));
            self.findings.syntax(tree.span(word), &message);
            default
        }))
    }

    /// One action that does not decide; whether it sends the packet elsewhere.
    fn action(&mut self, node: NodeId, word: &str, actions: &mut Vec<Action>) -> bool {
        let tree = self.tree;
        match word {
            "count" | "policer" | "forwarding-class" | "routing-instance" => {
                let Some(value) = self.single(node) else { return false };
                if matches!(word, "policer" | "forwarding-class" | "count") {
                    self.nothing_behind(value);
                }
                let name: Box<str> = tree.name(value).into();
                match word {
                    "count" => actions.push(Action::Count(name)),
                    "forwarding-class" => actions.push(Action::Class(name)),
                    "policer" => {
                        self.policer_used(value, false);
                        actions.push(match self.policer_rate(tree.word(value)) {
                            Some(rate) => Action::RateLimit(rate),
                            None => Action::Policer(name),
                        });
                    }
                    _ => {
                        if !tree.is_leaf(value) {
                            actions.push(Action::Other(self.words(node).into()));
                        }
                        actions.push(Action::RedirectInstance(name));
                        return true;
                    }
                }
                false
            }
            "log" => {
                self.nothing_behind(node);
                actions.push(Action::Log);
                false
            }
            "sample" => {
                self.nothing_behind(node);
                actions.push(Action::Sample);
                false
            }
            "dscp" | "traffic-class" => {
                self.mark(node, actions);
                false
            }
            "next-ip" | "next-ip6" => {
                self.next_ip(node, word == "next-ip6", actions);
                true
            }
            "apply-groups" | "apply-groups-except" => false,
            _ => self.other_action(node, word, actions),
        }
    }

    fn other_action(&mut self, node: NodeId, word: &str, actions: &mut Vec<Action>) -> bool {
        let tree = self.tree;
        let span = tree.span(node);
        if is_unknown(word) {
            let message = format!("`{}` is no action known here", shown(word));
            self.findings.unsupported(span, &message);
        }
        if word == "three-color-policer" {
            let rate = tree.children(node).next();
            let name = rate.and_then(|rate| tree.children(rate).next());
            if let Some(name) = name {
                self.policer_used(name, true);
            }
        }
        actions.push(Action::Other(self.words(node).into()));
        sends(word)
    }

    fn mark(&mut self, node: NodeId, actions: &mut Vec<Action>) {
        let tree = self.tree;
        let Some(code) = self.single(node) else { return };
        self.nothing_behind(code);
        let word = tree.word(code);
        let number =
            value(word, names::DSCPS).or_else(|| self.aliases.get(word).map(|alias| u64::from(*alias)));
        match number.map(u8::try_from) {
            Some(Ok(dscp)) if dscp < 64 => actions.push(Action::Mark(Mark::Dscp(dscp))),
            Some(_) => {
                let message = format!("`{}` is out of range: a code point is at most 63", shown(word));
                self.findings.error(raised::VALUE_OUT_OF_RANGE, tree.span(code), message);
            }
            None => {
                self.unread_value(node, code);
            }
        }
    }

    fn next_ip(&mut self, node: NodeId, six: bool, actions: &mut Vec<Action>) {
        let tree = self.tree;
        let Some(value) = self.single(node) else { return };
        // `routing-instance R` may follow.
        let more = tree.children(value).next();
        if let Some(word) = more.filter(|word| tree.word(*word) != "routing-instance") {
            let message = format!("unexpected `{}` behind the address", shown(tree.word(word)));
            self.findings.syntax(tree.span(word), &message);
        }
        let span = tree.span(value);
        match address(tree.word(value)) {
            Some(Address::Four(prefix)) if !six => {
                // The device takes a network for a next hop, but not with bits behind its length.
                if prefix.has_host_bits() {
                    self.findings.syntax(span, "a next hop with a length may have no bits behind it");
                }
                let addr = Some(IpAddr::V4(prefix.addr().into()));
                actions.push(Action::RedirectIp { addr, copy: false });
            }
            Some(Address::Six(prefix)) if six => {
                let addr = Some(IpAddr::V6(prefix.addr().into()));
                actions.push(Action::RedirectIp { addr, copy: false });
            }
            Some(_) => {
                let message = format!("`{}` is of the other address family", shown(tree.word(value)));
                self.findings.error(raised::MIXED_FAMILY, span, message);
                actions.push(Action::Other(self.words(node).into()));
            }
            None => {
                let message = format!("`{}` is no address", shown(tree.word(value)));
                self.findings.syntax(span, &message);
                actions.push(Action::Other(self.words(node).into()));
            }
        }
        if let Some(instance) = more.and_then(|word| tree.children(word).next()) {
            actions.push(Action::RedirectInstance(tree.name(instance).into()));
        }
    }

    /// The value of a keyword that takes one: its own last, else the first a group brought.
    pub(super) fn single(&mut self, keyword: NodeId) -> Option<NodeId> {
        let tree = self.tree;
        let own = tree.children(keyword).filter(|node| !tree.is_inherited(*node)).last();
        let value = own.or_else(|| tree.children(keyword).next());
        if value.is_none() && !tree.had_inactive(keyword) {
            let message = format!("`{}` needs a value", shown(tree.word(keyword)));
            self.findings.syntax(tree.span(keyword), &message);
        }
        value
    }
}

/// Whether nobody here knows what an action does.
fn is_unknown(word: &str) -> bool {
    let is_group = matches!(word, "apply-groups" | "apply-groups-except");
    !is_group && matches!(support::other_support("then", word), None | Some(Support::Unknown))
}

/// Whether an action kept by its words sends the packet elsewhere, which ends evaluation.
pub(super) fn sends(word: &str) -> bool {
    matches!(
        word,
        "next-interface" | "logical-system" | "decapsulate" | "encapsulate" | "topology" | "ipsec-sa"
    )
}

fn drops(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Verdict(verdict) if verdict.is_drop())
}
