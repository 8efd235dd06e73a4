//! What a route means: statements to a flow specification and actions, and these to a rule.
//!
//! Choices, each as ExaBGP 4.2.21 and 5.0.15 do (measured):
//! - a rule is IPv6 when one of its prefixes is, whatever its other keywords; without prefixes it is IPv4;
//! - a keyword written twice adds alternatives; components are sent in the order of their types;
//! - a rule without actions is sent without communities, which routers read as accept.

mod actions;

use super::groups::Groups;
use super::lex::Fault;
use super::parse::Sink;
use super::support::{Meaning, meaning};
use super::syntax::{Block, Route, Statement, Verb, Word};
use super::{operand, then};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::flowspec::{
    self, Actions, Body, Component, ComponentType, FlowSpec, Operand, Table, encode,
};
use crate::dialect::{ReadOptions, Reading, raise, raised};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Action, Condition, Document, Origin};
use crate::source::{SourceId, Span};

/// Reads routes into rule sets.
pub(super) struct Reader<'a> {
    text: &'a str,
    source: SourceId,
    options: &'a ReadOptions,
    diagnostics: Vec<Diagnostic>,
    dropped: usize,
    skipped: usize,
    unnamed: usize,
    groups: Groups<'a>,
    // Storage that is used again for every route.
    spec: FlowSpec,
    actions: Actions,
    operands: Vec<Operand>,
    order: Vec<(u8, u32)>,
    octets: Vec<u8>,
    opaque: Vec<Condition>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str, source: SourceId, options: &'a ReadOptions) -> Self {
        Self {
            text,
            source,
            options,
            diagnostics: Vec::new(),
            dropped: 0,
            skipped: 0,
            unnamed: 0,
            groups: Groups::new(),
            spec: FlowSpec::new(Family::Inet),
            actions: Actions::new(),
            operands: Vec::new(),
            order: Vec::new(),
            octets: Vec::new(),
            opaque: Vec::new(),
        }
    }

    /// What was read, each rule set in evaluation order.
    pub(super) fn finish(mut self) -> Reading {
        if self.dropped > 0 {
            let message = format!("{} more findings of this file are not shown", self.dropped);
            let end = Span::new(self.text.len(), self.text.len());
            self.diagnostics.push(raise(raised::SYNTAX_ERROR, Level::Error, message, self.source, end));
        }
        let mut document =
            Document { rule_sets: self.groups.finish(), symbols: Vec::new(), ..Document::default() };
        flowspec::bind(&mut document, &mut self.diagnostics);
        Reading { document, diagnostics: self.diagnostics, skipped: self.skipped }
    }

    fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.range()).unwrap_or("")
    }

    fn raise(&mut self, check: &'static str, message: String, span: Span) -> &mut Diagnostic {
        self.diagnostics.push(raise(check, Level::Error, message, self.source, span));
        let last = self.diagnostics.len() - 1;
        #[expect(clippy::indexing_slicing, reason = "it was pushed in the line above")]
        &mut self.diagnostics[last]
    }

    // Keeps the findings of one file within bounds.
    fn bound(&mut self) {
        let max = usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX);
        if self.diagnostics.len() > max {
            self.dropped += self.diagnostics.len() - max;
            self.diagnostics.truncate(max);
        }
    }

    // A value that is not of the language.
    fn fault(&mut self, route: &Route, statement: &Statement, fault: &Fault<'_>) {
        let span = Span::of(self.text, fault.at);
        // An empty word is marked where it should stand.
        let message = format!("expected {}", fault.expected);
        self.raise(raised::SYNTAX_ERROR, message, span);
        self.unread(route, statement);
    }

    // The statement counts as a condition nobody knows, if it is one that narrows the rule.
    fn unread(&mut self, route: &Route, statement: &Statement) {
        let span = route.place(statement);
        if matches!(statement.block, Block::Match) {
            self.opaque_part(span, "this condition could not be read");
        } else {
            let words = self.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
            self.actions.push(Action::Other(words.into()), span);
        }
    }

    fn opaque_part(&mut self, span: Span, reason: &'static str) {
        let words = self.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
        self.opaque.push(Condition::opaque(format!("exabgp {words}"), reason, span));
    }

    // Fills `spec`; the order of the components is that of their types.
    fn fill_spec(&mut self, route: &Route) {
        self.spec.clear(Family::Inet);
        self.opaque.clear();
        self.order.clear();
        for (statement, index) in route.statements.iter().zip(0_u32..) {
            if statement.block != Block::Match {
                continue;
            }
            let keyword = self.slice(statement.keyword);
            match meaning(Block::Match, keyword) {
                Some(Meaning::Prefix(kind) | Meaning::Operands(kind)) => {
                    self.order.push((kind.number(), index));
                }
                _ => self.unknown(route, statement),
            }
        }
        self.order.sort_unstable();
        let order = std::mem::take(&mut self.order);
        for same in order.chunk_by(|a, b| a.0 == b.0) {
            let statements = same.iter().filter_map(|(_, index)| route.statements.get(*index as usize));
            match same.first().and_then(|(number, _)| ComponentType::from_number(*number)) {
                Some(kind @ (ComponentType::DestinationPrefix | ComponentType::SourcePrefix)) => {
                    self.prefix(route, kind, statements);
                }
                Some(kind) => self.list(route, kind, statements),
                None => {}
            }
        }
        self.order = order;
        if let Some(family) = route.family {
            self.family_named(route, family);
        }
    }

    fn unknown(&mut self, route: &Route, statement: &Statement) {
        let keyword = self.slice(statement.keyword);
        let place = statement.block.name();
        let message = format!("`{keyword}` is no keyword of `{place}`");
        self.raise(raised::UNSUPPORTED_KEYWORD, message, statement.keyword);
        self.unread(route, statement);
    }

    fn prefix<'r>(
        &mut self,
        route: &Route,
        kind: ComponentType,
        statements: impl Iterator<Item = &'r Statement>,
    ) {
        let mut first: Option<Span> = None;
        for statement in statements {
            let Some(word) = self.one_word(route, statement) else { continue };
            let span = Span::of(self.text, word);
            if let Some(earlier) = first {
                let keyword = self.slice(statement.keyword);
                let message = format!("a second `{keyword}` makes an NLRI with one type twice");
                let label = crate::diagnostic::Label::new(self.source, earlier).with_message("the first one");
                let finding = self.raise(raised::MALFORMED_NLRI, message, span);
                finding.secondary.push(label);
                finding.help =
                    Some("write one rule for each: ExaBGP sends both, and routers reset the session".into());
                self.unread(route, statement);
                continue;
            }
            match operand::prefix(word) {
                Ok(body) => self.push_prefix(route, statement, kind, body, span),
                Err(fault) => self.fault(route, statement, &fault),
            }
            first = Some(span);
        }
    }

    fn push_prefix(
        &mut self,
        route: &Route,
        statement: &Statement,
        kind: ComponentType,
        body: Body,
        span: Span,
    ) {
        let family = if matches!(body, Body::Prefix6 { .. }) { Family::Inet6 } else { Family::Inet };
        if self.spec.components().is_empty() {
            self.spec.family = family;
        } else if self.spec.family != family {
            let message = "IPv4 and IPv6 prefixes stand in one rule".to_owned();
            let finding = self.raise(raised::MIXED_FAMILY, message, span);
            finding.help = Some("write two rules: no packet has addresses of both families".into());
            self.unread(route, statement);
            return;
        }
        self.spec.push_prefix(kind, body, span);
    }

    // A command that names a family must agree with the prefixes.
    fn family_named(&mut self, route: &Route, family: Family) {
        let is_prefix = |c: &&Component| matches!(c.body, Body::Prefix4(_) | Body::Prefix6 { .. });
        let prefix = self.spec.components().iter().find(is_prefix).map(|component| component.span);
        match prefix {
            None => self.spec.family = family,
            Some(span) if self.spec.family != family => {
                let message = "this prefix is not of the family the command names".to_owned();
                self.raise(raised::MIXED_FAMILY, message, span);
                self.opaque_part(route.span, "the families of this rule contradict each other");
            }
            Some(_) => {}
        }
    }

    fn list<'r>(
        &mut self,
        route: &Route,
        kind: ComponentType,
        statements: impl Iterator<Item = &'r Statement>,
    ) {
        let mut operands = std::mem::take(&mut self.operands);
        operands.clear();
        let mut whole: Option<Span> = None;
        let mut meter = Meter::new(&limits::CONDITION_VALUES);
        for statement in statements {
            let before = operands.len();
            let place = route.place(statement);
            // Every `&` and every blank parts two values: there are no more than that.
            let words = route.values(statement).len();
            let joins = self.slice(place).bytes().filter(|octet| *octet == b'&').count();
            if let Err(exhausted) = meter.charge(words.saturating_add(joins) as u64) {
                let message = format!("this list is not read: {exhausted}");
                self.raise(raised::SYNTAX_ERROR, message, statement.keyword);
                // Without its words, which are many.
                let id = format!("exabgp {kind:?} at {}", place.start);
                self.opaque.push(Condition::opaque(id, "too many values", statement.keyword));
                continue;
            }
            if let Err(fault) = self.words_of_list(route, statement, kind, &mut operands) {
                operands.truncate(before);
                self.fault(route, statement, &fault);
                continue;
            }
            whole = Some(whole.map_or(place, |span| span.to(place)));
        }
        if let Some(span) = whole {
            self.spec.push_operands(kind, operands.drain(..), span);
        }
        self.operands = operands;
    }

    fn words_of_list(
        &mut self,
        route: &Route,
        statement: &Statement,
        kind: ComponentType,
        out: &mut Vec<Operand>,
    ) -> Result<(), Fault<'a>> {
        let values = route.values(statement);
        let (first, list) = match values.first() {
            Some(word) => (self.slice(word.span), word.list),
            None => return Err(then::fault(self.end_of(statement.keyword), "a value behind this keyword")),
        };
        if let Some(surplus) = values.iter().skip(1).find(|word| word.list == 0 || word.list != list) {
            let at = self.slice(surplus.span);
            return Err(then::fault(
                at,
                "`;` here; several values stand between brackets, as `[ =80 =443 ]`",
            ));
        }
        if first == "[" {
            return Err(then::fault(first, "a value"));
        }
        for word in values {
            operand::operands(self.text, self.slice(word.span), kind, |operand| out.push(operand))?;
        }
        Ok(())
    }

    // The empty text behind a word.
    fn end_of(&self, span: Span) -> &'a str {
        self.text.get(span.end as usize..span.end as usize).unwrap_or("")
    }

    // The only value of a statement; reports when there is another number of them.
    fn one_word(&mut self, route: &Route, statement: &Statement) -> Option<&'a str> {
        match *route.values(statement) {
            [word] => Some(self.slice(word.span)),
            [] => {
                let fault = then::fault(self.end_of(statement.keyword), "a value behind this keyword");
                self.fault(route, statement, &fault);
                None
            }
            [_, Word { span, .. }, ..] => {
                let fault = then::fault(self.slice(span), "`;` here: this keyword takes one value");
                self.fault(route, statement, &fault);
                None
            }
        }
    }

    fn withdraw(&mut self, route: &Route) {
        self.octets.clear();
        if encode::canonical(&self.spec, &mut self.octets).is_err() {
            return;
        }
        let table = Table::for_spec(&self.spec);
        let words = route.peer.map_or("", |span| self.slice(span));
        let distinguisher = self.spec.distinguisher;
        let found = match self.groups.withdraw(words, table, distinguisher, &self.octets) {
            Ok(found) => found,
            Err(exhausted) => {
                self.raise(raised::SYNTAX_ERROR, exhausted.to_string(), route.span);
                return;
            }
        };
        if !found {
            let message = "this rule is withdrawn and was not announced before".to_owned();
            self.raise(raised::UNDEFINED_REFERENCE, message, route.span).level = Level::Note;
        }
    }

    fn announce(&mut self, route: &Route) {
        let number;
        let name = if let Some(span) = route.name {
            self.slice(span)
        } else {
            self.unnamed += 1;
            number = self.unnamed.to_string();
            &number
        };
        let peer = route.peer.map_or("", |span| self.slice(span));
        let group = self.groups.group(peer, Table::for_spec(&self.spec), self.spec.distinguisher);
        let origin = Origin { source: self.source, span: route.span };
        group.add(route.verb, |rule_set, rules| {
            let (spec, actions, opaque) = (&self.spec, &self.actions, self.opaque.as_slice());
            let read = flowspec::Route { name, rule_set, spec, octets: None, actions, opaque, origin };
            flowspec::add(&read, self.options, &mut self.diagnostics, rules);
        });
    }
}

impl Sink for Reader<'_> {
    fn route(&mut self, route: &Route) {
        let first = self.diagnostics.len();
        self.fill_spec(route);
        let distinguisher = self.fill_actions(route);
        self.spec.distinguisher = distinguisher;
        if let Some(span) = route.broken {
            self.opaque_part(span, "a part of this rule could not be read");
        }
        // Findings of reading name the rule too, as those of its meaning do.
        if let Some(name) = route.name {
            let name = self.slice(name);
            self.diagnostics.iter_mut().skip(first).for_each(|finding| finding.rule = Some(name.to_owned()));
        }
        if route.verb == Verb::Withdraw {
            self.withdraw(route);
        } else {
            self.announce(route);
        }
        self.bound();
    }

    fn error(&mut self, span: Span, message: String, help: Option<&str>) {
        let finding = self.raise(raised::SYNTAX_ERROR, message, span);
        finding.help = help.map(str::to_owned);
        self.bound();
    }

    fn skipped(&mut self) {
        self.skipped += 1;
    }
}
