//! JSON values to the intermediate form. What cannot be read is said, and the rule it stands in becomes opaque.

use super::findings::{Findings, shown};
use super::parse;
use super::syntax::{Kind, NodeId, Tree};
use super::words::{self, HEAD, OUTCOMES, RULE, RULE_SET};
use super::{VERSION, words::value};
use crate::diagnostic::Level;
use crate::dialect::{Reading, raised};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir;
use crate::ir::{
    Attached, Condition, Document, Origin, Outcome, Ranked, RejectKind, RuleBuf, RuleSet, Rules, Verdict,
};
use crate::source::SourceId;
use std::borrow::Cow;
use std::collections::HashMap;

/// Reads a text.
pub(super) fn read(text: &str, id: SourceId) -> Reading {
    let mut findings = Findings::new(id);
    let tree = parse::parse(text, &mut findings);
    let mut reader = Reader {
        tree: &tree,
        findings,
        document: Document::default(),
        source: id,
        symbols: HashMap::new(),
        sets: HashMap::new(),
        depth: Meter::new(&limits::CONDITION_DEPTH),
    };
    if let Some(root) = tree.root() {
        reader.head(root);
    }
    Reading { document: reader.document, diagnostics: reader.findings.into_list(), skipped: 0 }
}

/// Turns values into what they mean.
pub(super) struct Reader<'a, 't> {
    pub(super) tree: &'a Tree<'t>,
    pub(super) findings: Findings,
    document: Document,
    source: SourceId,
    symbols: HashMap<Box<str>, u32>,
    // Rule sets by name; none for a name that several have.
    sets: HashMap<Cow<'t, str>, Option<u32>>,
    pub(super) depth: Meter,
}

/// The members of an object that are known, and whether it has others.
pub(super) struct Members<const N: usize> {
    pub(super) known: [Option<NodeId>; N],
    pub(super) has_unknown: bool,
}

impl<'t> Reader<'_, 't> {
    /// The members of an object; what is none, unknown or there twice is said.
    pub(super) fn members<const N: usize>(
        &mut self,
        node: NodeId,
        what: &str,
        names: &[&str; N],
    ) -> Members<N> {
        let tree = self.tree;
        let mut members = Members { known: [None; N], has_unknown: false };
        if tree.kind(node) != Kind::Object {
            self.expected(node, &format!("an object, {what}"));
            members.has_unknown = true;
            return members;
        }
        for (key, member) in tree.members(node) {
            if tree.kind(key) != Kind::Text {
                members.has_unknown = true;
                continue;
            }
            let word = tree.string(key);
            let slot = names.iter().position(|name| *name == word).and_then(|at| members.known.get_mut(at));
            match slot {
                Some(Some(_)) => {
                    self.findings.syntax(tree.span(key), format!("`{}` is said twice", shown(&word)));
                    members.has_unknown = true;
                }
                Some(slot) => *slot = Some(member),
                None => {
                    self.findings.unknown(
                        tree.span(key),
                        &format!("member of {what}"),
                        &word,
                        names.iter().copied(),
                    );
                    members.has_unknown = true;
                }
            }
        }
        members
    }

    /// Says what is expected instead of a value, once for what was found broken before.
    pub(super) fn expected(&mut self, node: NodeId, what: &str) {
        let kind = self.tree.kind(node);
        if kind != Kind::Broken {
            let message = format!("{} stands where {what} is expected", kind.name());
            self.findings.syntax(self.tree.span(node), message);
        }
    }

    /// A string.
    pub(super) fn text(&mut self, node: NodeId, what: &str) -> Option<Cow<'t, str>> {
        if self.tree.kind(node) == Kind::Text {
            return Some(self.tree.string(node));
        }
        self.expected(node, &format!("a string, {what}"));
        None
    }

    /// A number without a fraction that `T` can hold.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, node: NodeId, what: &str) -> Option<T> {
        let raw = self.tree.raw(node);
        if self.tree.kind(node) == Kind::Number
            && let Some(number) = raw.parse::<u64>().ok().and_then(|number| T::try_from(number).ok())
        {
            return Some(number);
        }
        if self.tree.kind(node) == Kind::Number {
            let message = format!("`{}` cannot be {what}", shown(raw));
            self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, self.tree.span(node), message);
        } else {
            self.expected(node, &format!("a number, {what}"));
        }
        None
    }

    /// `true` or `false`.
    pub(super) fn truth(&mut self, node: NodeId, what: &str) -> Option<bool> {
        match self.tree.kind(node) {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => {
                self.expected(node, &format!("`true` or `false`, {what}"));
                None
            }
        }
    }

    /// One of some words.
    fn word<T: Copy>(&mut self, node: NodeId, what: &str, words: words::Words<T>) -> Option<T> {
        let word = self.text(node, what)?;
        let found = value(words, &word);
        if found.is_none() {
            self.findings.unknown(self.tree.span(node), what, &word, words::names(words));
        }
        found
    }

    /// The elements of a list.
    pub(super) fn list(&mut self, node: NodeId, what: &str) -> Option<Vec<NodeId>> {
        if self.tree.kind(node) == Kind::List {
            return Some(self.tree.children(node).collect());
        }
        self.expected(node, &format!("a list, {what}"));
        None
    }

    /// The index of a symbol, added when new.
    pub(super) fn symbol(&mut self, name: &str) -> u32 {
        if let Some(index) = self.symbols.get(name) {
            return *index;
        }
        self.add_symbol(name)
    }

    fn add_symbol(&mut self, name: &str) -> u32 {
        let index = u32::try_from(self.document.symbols.len()).unwrap_or(u32::MAX);
        self.document.symbols.push(name.into());
        self.symbols.entry(name.into()).or_insert(index);
        index
    }

    fn head(&mut self, root: NodeId) {
        let Members { known: [flowgate, version, symbols, sets], .. } =
            self.members(root, "the whole document", &HEAD);
        if self.tree.kind(root) != Kind::Object {
            return;
        }
        let said = flowgate.and_then(|node| self.text(node, "`ir`"));
        if said.is_none_or(|said| said != "ir") {
            self.findings.syntax_with_help(
                self.tree.beginning(flowgate.unwrap_or(root)),
                "the document does not say that it is one of rules",
                "its first member is `\"flowgate\": \"ir\"`",
            );
        }
        let Some(version) = version else {
            let help = format!("write `\"version\": {VERSION}` behind `\"flowgate\": \"ir\"`");
            self.findings.syntax_with_help(self.tree.beginning(root), "the version is missing", help);
            return;
        };
        match self.number::<u32>(version, "a version") {
            Some(VERSION) => {}
            None => return,
            Some(other) => {
                let message = format!("version {other} of the form is not known; nothing is read");
                let help = format!("this is version {VERSION}; print the rules anew with this release");
                self.findings.syntax_with_help(self.tree.span(version), message, help);
                return;
            }
        }
        for symbol in symbols.and_then(|node| self.list(node, "the symbols")).unwrap_or_default() {
            // One that cannot be read keeps the others where they are.
            let name = self.text(symbol, "a symbol").unwrap_or_default();
            self.add_symbol(&name);
        }
        let sets = sets.and_then(|node| self.list(node, "the rule sets")).unwrap_or_default();
        self.names(&sets);
        for (index, set) in (1..).zip(sets) {
            let set = self.rule_set(set, index);
            self.document.rule_sets.push(set);
        }
    }

    /// The names of all rule sets, for calls ahead of them.
    fn names(&mut self, sets: &[NodeId]) {
        let tree = self.tree;
        for (set, index) in sets.iter().zip(0_u32..) {
            let is_name = |(key, value): &(NodeId, NodeId)| {
                tree.kind(*value) == Kind::Text
                    && tree.kind(*key) == Kind::Text
                    && tree.string(*key) == "name"
            };
            let object = Some(*set).filter(|set| tree.kind(*set) == Kind::Object);
            let Some((_, name)) = object.and_then(|set| tree.members(set).find(is_name)) else { continue };
            self.sets.entry(tree.string(name)).and_modify(|one| *one = None).or_insert(Some(index));
        }
    }

    fn rule_set(&mut self, node: NodeId, number: usize) -> RuleSet {
        let Members { known: [name, kind, family, default, rules, evaluation, attached], .. } =
            self.members(node, "a rule set", &RULE_SET);
        let name = name.and_then(|node| self.text(node, "the name of a rule set"));
        let kind = kind.and_then(|node| self.word(node, "kind of a rule set", words::KINDS));
        let family = family.and_then(|node| self.word(node, "family", words::FAMILIES));
        let default = if let Some(node) = default {
            self.verdict(node)
        } else {
            let help = "write `\"default\": \"discard\"` or what else is to become of the rest";
            let span = self.tree.beginning(node);
            self.findings.syntax_with_help(span, "the default of the rule set is missing", help);
            None
        };
        let mut set = RuleSet {
            name: name.map_or_else(|| number.to_string(), Cow::into_owned),
            kind: kind.unwrap_or(ir::Kind::Filter),
            family: family.unwrap_or(Family::Any),
            default: default.unwrap_or(Verdict::NoDecision),
            rules: Rules::new(),
        };
        for place in attached.and_then(|node| self.list(node, "the places")).unwrap_or_default() {
            let Some(place) = self.text(place, "a place") else { continue };
            let rule_set = set.name.as_str().into();
            self.document.attached.insert(Attached { rule_set, place: place.into() });
        }
        let evaluation = evaluation.and_then(|node| self.word(node, "evaluation", words::EVALUATIONS));
        let is_last = evaluation.unwrap_or(false);
        let mut list = Vec::new();
        for (index, rule) in
            (1..).zip(rules.and_then(|node| self.list(node, "the rules")).unwrap_or_default())
        {
            if is_last {
                self.rule(rule, index, true, &mut |ranked| list.push(ranked));
            } else {
                self.rule(rule, index, false, &mut |ranked| set.rules.push(ranked.rule));
            }
        }
        if is_last {
            // Rules that have no place in such a list are read as if their outcome were not known.
            set.rules = Rules::of_last_match(list).unwrap_or_default();
        }
        set.rules.shrink_to_fit();
        set
    }

    fn rule(&mut self, node: NodeId, number: usize, is_last: bool, out: &mut dyn FnMut(Ranked)) {
        let Members { known: [name, condition, actions, outcome, given, nlri, origin, quick], has_unknown } =
            self.members(node, "a rule", &RULE);
        let name = name.and_then(|node| self.text(node, "the name of a rule"));
        let name = name.map_or_else(|| number.to_string().into(), std::convert::Into::into);
        let mut condition = condition.map_or(Condition::True, |node| self.condition(node));
        let mut is_sound = !has_unknown;
        let actions = actions.and_then(|node| self.list(node, "the actions of a rule")).unwrap_or_default();
        let actions = actions.into_iter().map(|node| self.action(node)).collect();
        let read = if let Some(node) = outcome {
            self.outcome(node)
        } else {
            let help = "write `\"then\": \"accept\"` or what else is to become of its packets";
            let span = self.tree.beginning(node);
            self.findings.syntax_with_help(span, "the outcome of the rule is missing", help);
            None
        };
        let read = read.filter(|read| {
            let has_place = !is_last || matches!(read, Outcome::Verdict(_) | Outcome::Next { held: None });
            if !has_place {
                let message = "of a list whose last match decides every rule gives a verdict or goes on";
                self.findings
                    .syntax(outcome.map_or(self.tree.beginning(node), |node| self.tree.span(node)), message);
            }
            has_place
        });
        let said = quick.and_then(|node| self.truth(node, "whether evaluation ends there"));
        is_sound &= quick.is_some() == said.is_some();
        if let (Some(node), false) = (quick, is_last) {
            let help = "say `\"evaluation\": \"last-match\"` in the rule set, or leave it out";
            self.findings.syntax_with_help(
                self.tree.span(node),
                "`quick` has no meaning where the first match decides",
                help,
            );
        }
        let quick = said.unwrap_or(false);
        let action_given = given.map(|node| self.truth(node, "whether an action was given"));
        let nlri = nlri.map(|node| self.octets(node));
        is_sound &= action_given != Some(None) && nlri != Some(None);
        if let Some(origin) = origin {
            self.origin(origin);
        }
        let span = self.tree.span(node);
        if !is_sound {
            let id = format!("unread part of rule {name} at {}", span.start);
            let unread = Condition::opaque(id, "a part of the rule cannot be read", span);
            condition = Condition::and([condition, unread]);
        }
        let mut rule = RuleBuf {
            name,
            condition,
            actions,
            outcome: read.unwrap_or(Outcome::Next { held: None }),
            action_given: action_given.flatten().unwrap_or(true),
            nlri: nlri.flatten(),
            origin: Origin { source: self.source, span },
        };
        if read.is_none() {
            // What a rule without a readable outcome does is one of these, or neither.
            for (what, verdict) in [("accepts", Verdict::Accept), ("discards", Verdict::Discard)] {
                let id = format!("outcome of rule {} at {} {what}", rule.name, span.start);
                let may = Condition::opaque(id, "the outcome cannot be read", span);
                let condition = Condition::and([rule.condition.clone(), may]);
                let name = format!("{} ({what})", rule.name).into();
                let rule = RuleBuf { name, condition, outcome: Outcome::Verdict(verdict), ..rule.clone() };
                out(Ranked { rule, quick });
            }
            rule.actions = Box::default();
        }
        out(Ranked { rule, quick });
    }

    /// A verdict: a word, or what a reject sends.
    fn verdict(&mut self, node: NodeId) -> Option<Verdict> {
        match self.tree.kind(node) {
            Kind::Object => {
                let Members { known: [reject], has_unknown } = self.members(node, "a verdict", &["reject"]);
                let reject = reject.and_then(|node| self.reject(node));
                reject.filter(|_| !has_unknown).map(Verdict::Reject)
            }
            _ => self.word(node, "verdict", words::VERDICTS),
        }
    }

    fn reject(&mut self, node: NodeId) -> Option<RejectKind> {
        if self.tree.kind(node) == Kind::Number {
            return self.number(node, "a code of ICMP unreachable").map(RejectKind::Unreachable);
        }
        let said = self.text(node, "`tcp-reset`, or the code of ICMP unreachable")?;
        if said == "tcp-reset" {
            return Some(RejectKind::TcpReset);
        }
        self.findings.unknown(
            self.tree.span(node),
            "reject",
            &said,
            ["tcp-reset", "a number, the code of ICMP unreachable"],
        );
        None
    }

    fn outcome(&mut self, node: NodeId) -> Option<Outcome> {
        let tree = self.tree;
        match tree.kind(node) {
            Kind::Text => match &*tree.string(node) {
                "next" => Some(Outcome::Next { held: None }),
                "return" => Some(Outcome::Return),
                word => {
                    let verdict = value(words::VERDICTS, word).map(Outcome::Verdict);
                    if verdict.is_none() {
                        let known = words::names(words::VERDICTS).chain(["next", "return", "an object"]);
                        self.findings.unknown(tree.span(node), "outcome", word, known);
                    }
                    verdict
                }
            },
            Kind::Object => {
                let Members { known: [reject, next, call, goto, stage], has_unknown } =
                    self.members(node, "an outcome", &OUTCOMES);
                let mut all = Vec::new();
                if let Some(node) = reject {
                    all.push(self.reject(node).map(|kind| Outcome::Verdict(Verdict::Reject(kind))));
                }
                if let Some(node) = next {
                    all.push(self.verdict(node).map(|held| Outcome::Next { held: Some(held) }));
                }
                if let Some(node) = call {
                    all.push(self.target(node).map(Outcome::Call));
                }
                if let Some(node) = goto {
                    all.push(self.target(node).map(Outcome::Goto));
                }
                if let Some(node) = stage {
                    all.push(self.target(node).map(Outcome::Stage));
                }
                match *all {
                    [one] if !has_unknown => one,
                    [] if has_unknown => None,
                    _ => {
                        let message = "an outcome is one thing; this is none, or several";
                        self.findings.syntax(tree.beginning(node), message);
                        None
                    }
                }
            }
            _ => {
                self.expected(node, "an outcome");
                None
            }
        }
    }

    /// The rule set that a call names, by its name or its number from 0.
    fn target(&mut self, node: NodeId) -> Option<u32> {
        let tree = self.tree;
        let span = tree.span(node);
        if tree.kind(node) == Kind::Number {
            return self.number(node, "the index of a rule set");
        }
        let name = self.text(node, "the name of a rule set")?;
        match self.sets.get(&name) {
            Some(Some(index)) => return Some(*index),
            Some(None) => {
                let message = format!("several rule sets have the name `{}`", shown(&name));
                self.findings.syntax_with_help(span, message, "write which by its number, from 0");
            }
            None => {
                let message = format!("no rule set has the name `{}`", shown(&name));
                self.findings.add(raised::UNDEFINED_REFERENCE, Level::Error, span, message);
            }
        }
        None
    }

    /// Octets in hex.
    fn octets(&mut self, node: NodeId) -> Option<Box<[u8]>> {
        let text = self.text(node, "octets in hex")?;
        let digit = |octet: &u8| char::from(*octet).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        };
        let octets = text.as_bytes().chunks(2).map(pair).collect::<Option<Box<[u8]>>>();
        if octets.is_none() {
            let message = format!("`{}` is not hex, two digits for each octet", shown(&text));
            self.findings.syntax(self.tree.span(node), message);
        }
        octets
    }

    /// Where a rule came from before it was printed is for whoever looks at the text: here it comes from here.
    fn origin(&mut self, node: NodeId) {
        for end in self
            .list(node, "the first octet of the rule in its source, and the one behind its last")
            .unwrap_or_default()
        {
            self.number::<u32>(end, "an octet of a source");
        }
    }
}
