//! Expressions to rules: the only files that say what a word means, after gencode.c of libpcap 1.10.
//!
//! An expression is lowered once for packets right behind the link header, where no test of the frame is left in
//! it, and once for all other frames. One that names headers between (`vlan`, `mpls`, `pppoes`) is lowered once, with
//! the frame in every test: those words shift the rest of the expression, also across `or`.

mod address;
mod frame;
mod frame_octets;
mod load;
mod port;
mod primitive;
mod protocol;
mod special;

use super::link::{self, Carriage, Link};
use super::parse::{Fault, Parser, shorten};
use super::relation::{self, Relation, solve};
use super::sense::{Run, Sense};
use super::syntax::{Arithmetic, Comparison, Join, Node, NodeKind, Proto, Special};
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{ReadOptions, Reading, raise, raised};
use crate::field::{Family, Field};
use crate::guard::{MemoryWatch, limits};
use crate::ir::{
    Condition, Document, Kind, Origin, Outcome, RuleParts, RuleSet, Rules, Test, ValueSet, Verdict,
};
use crate::source::{SourceId, Span};
use std::fmt::Write as _;
use std::iter::Peekable;

/// The name of the one rule set.
pub(super) const RULE_SET: &str = "pcap-filter";

/// Reads every expression of `text`.
pub(super) fn read(text: &str, id: SourceId, options: &ReadOptions) -> Reading {
    let link = Link::new(options.pcap_link_type.unwrap_or(1));
    let mut parser = Parser::new(text);
    let mut diagnostics = Vec::new();
    let mut rules = Rules::with_capacity(text.bytes().filter(|octet| *octet == b'\n').count());
    let mut name = String::new();
    let mut memory = MemoryWatch::default();
    let mut lines = Lines { text, at: 0, line: 1 };
    let mut dropped = 0_u32;
    let mut any = false;
    while let Some(read) = parser.expression() {
        any = true;
        if read.as_ref().is_ok_and(is_nothing) {
            continue;
        }
        let (span, read) = match read {
            Ok(node) => {
                if options.pcap_netmask.is_none()
                    && let Some(span) = broadcast(&node)
                    && (diagnostics.len() as u64) < limits::DIAGNOSTICS.value
                {
                    let message = "without a netmask `ip broadcast` is 0.0.0.0 and 255.255.255.255 alone";
                    let help = "tcpdump compiles it so; write the broadcast address too, as `ip dst host`";
                    diagnostics
                        .push(raise(raised::MISLEADING_TEXT, Level::Note, message, id, span).with_help(help));
                }
                (node.span, condition(&node, text, link, options))
            }
            Err((span, fault)) => (span, Err(fault)),
        };
        name.clear();
        // Writing to a `String` does not fail.
        _ = write!(name, "line-{}", lines.of(span.start));
        let condition = match read {
            Ok(condition) => condition,
            Err(fault) => {
                let what = in_one_form(text, span);
                if diagnostics.len() as u64 >= limits::DIAGNOSTICS.value {
                    dropped += 1;
                } else {
                    let finding = raise(fault.check, Level::Error, fault.message, id, fault.span);
                    diagnostics.push(finding.with_help(fault.help).in_rule(RULE_SET, name.clone()));
                }
                Condition::opaque(what, "the expression cannot be read", span)
            }
        };
        rules.add(RuleParts {
            name: &name,
            condition,
            actions: &[],
            outcome: Outcome::Verdict(Verdict::Accept),
            action_given: true,
            nlri: None,
            origin: Origin { source: id, span },
        });
        if rules.len().is_multiple_of(4096)
            && let Err(error) = memory.look()
        {
            let message = format!("{error}; what follows is not read");
            diagnostics.push(raise(raised::SYNTAX_ERROR, Level::Error, message, id, span));
            break;
        }
    }
    if dropped > 0 {
        let message = format!("{dropped} more findings in this file are not kept");
        diagnostics.push(raise(raised::SYNTAX_ERROR, Level::Error, message, id, Span::default()));
    }
    rules.shrink_to_fit();
    // The empty expression keeps everything.
    let default = if any { Verdict::Discard } else { Verdict::Accept };
    opaque_findings(&rules, id, &mut diagnostics);
    let set = RuleSet { name: RULE_SET.to_owned(), kind: Kind::Filter, family: Family::Any, default, rules };
    let document = Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() };
    Reading { document, diagnostics, skipped: 0 }
}

/// `len < 0`, which is how a file says that it keeps nothing: no rule, but not the empty expression either.
fn is_nothing(node: &Node<'_>) -> bool {
    let NodeKind::Relation(relation) = &node.kind else { return false };
    **relation == (Arithmetic::Length, Comparison::Less, Arithmetic::Number(0))
}

/// The words of a place with single blanks.
pub(super) fn in_one_form(text: &str, span: Span) -> String {
    text.get(span.range()).unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Says once for each rule what of it is not modelled.
fn opaque_findings(rules: &Rules, id: SourceId, out: &mut Vec<Diagnostic>) {
    let most = usize::try_from(limits::DIAGNOSTICS.value).unwrap_or(usize::MAX);
    for rule in rules.iter().filter(|rule| rule.condition.has_opaque()) {
        let mut seen: Vec<&str> = Vec::new();
        let mut found = Vec::new();
        rule.condition.visit(&mut |part| {
            if let Condition::Opaque(opaque) = part
                && seen.len() < 8
                && !seen.contains(&&*opaque.id)
            {
                seen.push(&opaque.id);
                found.push((opaque.id.to_string(), opaque.reason.to_string(), opaque.span));
            }
        });
        for (what, why, span) in found {
            // What cannot be read has its finding.
            if out.len() >= most
                || out.iter().rev().take(64).any(|d| d.primary.span.touches(span) && d.level == Level::Error)
            {
                continue;
            }
            let message = format!("`{}` is not modelled: {why}", shorten(&what));
            let finding = raise(raised::UNSUPPORTED_KEYWORD, Level::Warning, message, id, span);
            out.push(finding.in_rule(RULE_SET, rule.name.to_string()));
        }
    }
}

/// Line numbers of ascending offsets.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, offset: u32) -> usize {
        let offset = offset as usize;
        if let Some(passed) = self.text.as_bytes().get(self.at..offset) {
            self.line += passed.split(|octet| *octet == b'\n').count() - 1;
            self.at = offset;
        }
        self.line
    }
}

/// The packets an expression keeps.
fn condition(node: &Node<'_>, text: &str, link: Link, options: &ReadOptions) -> Result<Condition, Fault> {
    let lower = |frames: Frames| {
        let mut lower = Lower {
            text,
            link,
            // tcpdump 4.99.3 asks for no netmask without `-f`, of captures and interfaces alike: it compiles with 0.
            netmask: options.pcap_netmask.unwrap_or(0),
            frames,
            is_conjunction: is_conjunction(node),
            carriage: Carriage::default(),
            sure: Carriage::default(),
        };
        lower.node(node).map(|lowered| lowered.sense.kept())
    };
    if shifts(node) {
        return lower(Frames::All);
    }
    let inside = lower(Frames::Direct)?;
    let direct = link::direct(link);
    if direct == Condition::True {
        return Ok(inside);
    }
    let outside = lower(Frames::Others)?;
    if inside == outside {
        return Ok(inside);
    }
    // What is false of a frame of no known type is only true where the type says so, never of the others.
    let by_type = outside == Condition::False || lower(Frames::Unknown)? == Condition::False;
    let outside = if by_type { outside } else { Condition::and([Condition::not(direct.clone()), outside]) };
    Ok(Condition::or([Condition::and([direct, inside]), outside]))
}

/// The first `ip broadcast`, which is about the netmask of an interface.
fn broadcast(node: &Node<'_>) -> Option<Span> {
    match &node.kind {
        NodeKind::Special(special) => (**special == Special::Broadcast(Some(Proto::Ip))).then_some(node.span),
        NodeKind::Not(inner) => broadcast(inner),
        NodeKind::Chain(first, rest) => {
            broadcast(first).or_else(|| rest.iter().find_map(|(_, node)| broadcast(node)))
        }
        NodeKind::Primitive(..) | NodeKind::Protocol(_) | NodeKind::Relation(_) => None,
    }
}

/// Whether any word shifts what follows it.
fn shifts(node: &Node<'_>) -> bool {
    match &node.kind {
        NodeKind::Special(special) => matches!(
            **special,
            Special::Vlan(_) | Special::Mpls(_) | Special::Pppoes(_) | Special::Tunnel(..)
        ),
        NodeKind::Not(inner) => shifts(inner),
        NodeKind::Chain(first, rest) => shifts(first) || rest.iter().any(|(_, node)| shifts(node)),
        NodeKind::Primitive(..) | NodeKind::Protocol(_) | NodeKind::Relation(_) => false,
    }
}

/// Whether all parts must hold, as in a line of an access list.
fn is_conjunction(node: &Node<'_>) -> bool {
    match &node.kind {
        NodeKind::Chain(first, rest) => {
            is_conjunction(first)
                && rest.iter().all(|(join, node)| *join == Join::And && is_conjunction(node))
        }
        NodeKind::Not(_) => false,
        NodeKind::Primitive(..) | NodeKind::Protocol(_) | NodeKind::Relation(_) | NodeKind::Special(_) => {
            true
        }
    }
}

/// For which frames an expression is lowered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Frames {
    /// Those that carry a packet right behind the link header, if they carry one.
    Direct,
    /// All others.
    Others,
    /// A frame of which nothing is true that a type would have to say.
    Unknown,
    /// All, each test with its frames.
    All,
}

struct Lower<'a> {
    text: &'a str,
    link: Link,
    netmask: u32,
    frames: Frames,
    // A load beyond the packet ends a run of which nothing would come anyway: all parts must hold.
    is_conjunction: bool,
    // The headers that the words so far have shifted behind, and those every packet that gets here surely has.
    carriage: Carriage,
    sure: Carriage,
}

/// Comparisons in one pair of parentheses that are looked at together.
const TOGETHER: usize = 16;

/// What a comparison is about; also of a few that compare the same octets in parentheses.
fn as_relation(node: &Node<'_>) -> Result<Option<Relation>, Fault> {
    let plain = |node: &Node<'_>| match &node.kind {
        NodeKind::Relation(relation) => solve(relation, node.span).map(Some),
        _ => Ok(None),
    };
    let NodeKind::Chain(first, rest) = &node.kind else { return plain(node) };
    if rest.len() > TOGETHER {
        return Ok(None);
    }
    let Some(mut relation) = plain(first)? else { return Ok(None) };
    for (join, next) in rest {
        let both = plain(next)?.and_then(|next| relation.merged(&next, *join == Join::And));
        let Some(both) = both else { return Ok(None) };
        relation = both;
    }
    Ok(Some(relation))
}

/// A comparison, or a few in parentheses, in one form.
fn words_of(node: &Node<'_>) -> String {
    match &node.kind {
        NodeKind::Relation(relation) => relation::text(relation),
        NodeKind::Chain(first, rest) => {
            let others = rest.iter().map(|(join, next)| format!("{}{}", sign(*join), words_of(next)));
            format!("({}{})", words_of(first), others.collect::<String>())
        }
        _ => String::new(),
    }
}

fn sign(join: Join) -> &'static str {
    match join {
        Join::And => " and ",
        Join::Or => " or ",
    }
}

/// A part lowered, with the headers a packet surely has for which it is true, or false.
struct Lowered {
    sense: Sense,
    if_true: Carriage,
    if_false: Carriage,
}

/// Changes between `and` and `or` in one chain: each goes a level deeper.
const CHANGES: usize = 96;

impl Lower<'_> {
    fn node(&mut self, node: &Node<'_>) -> Result<Lowered, Fault> {
        match &node.kind {
            NodeKind::Not(inner) => {
                let Lowered { sense, if_true, if_false } = self.node(inner)?;
                Ok(Lowered { sense: sense.not(), if_true: if_false, if_false: if_true })
            }
            NodeKind::Chain(first, rest) => self.chain(first, rest, node.span),
            NodeKind::Special(special) => self.special(special, node.span),
            NodeKind::Primitive(qualifiers, id) => {
                let sense = self.primitive(*qualifiers, id, node.span)?;
                Ok(self.plain(sense))
            }
            NodeKind::Protocol(proto) => {
                let sense = self.protocol(*proto, node.span)?;
                Ok(self.plain(sense))
            }
            NodeKind::Relation(relation) => {
                let solved = solve(relation, node.span)?;
                let sense = self.relation(solved, &|| relation::text(relation), node.span)?;
                Ok(self.plain(sense))
            }
        }
    }

    /// A part that says nothing of the headers between.
    fn plain(&self, sense: Sense) -> Lowered {
        Lowered { sense, if_true: self.sure, if_false: self.sure }
    }

    /// A part of a chain, with those behind it that compare the same octets and are joined as it is.
    fn several<'n, 't: 'n>(
        &mut self,
        node: &Node<'_>,
        join: Option<Join>,
        rest: &mut Peekable<impl Iterator<Item = &'n (Join, Node<'t>)>>,
    ) -> Result<Lowered, Fault> {
        let Some(join) = join else { return self.node(node) };
        let Some(mut relation) = as_relation(node)? else { return self.node(node) };
        let mut more: Vec<&Node<'_>> = Vec::new();
        while let Some((_, next)) = rest.peek().filter(|(other, _)| *other == join)
            && let Some(both) = as_relation(next)?.and_then(|next| relation.merged(&next, join == Join::And))
        {
            relation = both;
            more.push(next);
            rest.next();
        }
        let span = more.last().map_or(node.span, |last| Span { end: last.span.end, ..node.span });
        let text = || {
            let others = more.iter().map(|next| format!("{}{}", sign(join), words_of(next)));
            words_of(node) + &others.collect::<String>()
        };
        let sense = self.relation(relation, &text, span)?;
        Ok(self.plain(sense))
    }

    fn chain(&mut self, first: &Node<'_>, rest: &[(Join, Node<'_>)], span: Span) -> Result<Lowered, Fault> {
        let before = self.sure;
        let mut rest = rest.iter().peekable();
        let join = rest.peek().map(|(join, _)| *join);
        let Lowered { sense, mut if_true, mut if_false } = self.several(first, join, &mut rest)?;
        let mut left = Some(sense);
        let mut run: Option<(Join, Run)> = None;
        let mut changes = 0;
        while let Some((join, node)) = rest.next() {
            self.sure = if *join == Join::And { if_true } else { if_false };
            let next = self.several(node, Some(*join), &mut rest)?;
            match join {
                Join::And => {
                    if_false = if_false.common(next.if_false);
                    if_true = if_true.joined(next.if_true);
                }
                Join::Or => {
                    if_true = if_true.common(next.if_true);
                    if_false = if_false.joined(next.if_false);
                }
            }
            let mut current = match run.take() {
                Some((same, current)) if same == *join => current,
                Some((_, done)) => {
                    changes += 1;
                    if changes > CHANGES {
                        let message = format!("`and` and `or` change places more than {CHANGES} times");
                        let help = "put parentheses around what belongs together";
                        return Err(Fault::syntax(message, node.span, help));
                    }
                    Run::new(*join == Join::And, done.finish(self.text), span)
                }
                None => {
                    let first = left.take().unwrap_or_else(|| Sense::sure(Condition::False));
                    Run::new(*join == Join::And, first, span)
                }
            };
            current.push(next.sense);
            run = Some((*join, current));
        }
        self.sure = before;
        let sense = match (run, left) {
            (Some((_, run)), _) => run.finish(self.text),
            (None, Some(first)) => first,
            (None, None) => Sense::sure(Condition::False),
        };
        Ok(Lowered { sense, if_true, if_false })
    }

    /// What is said of an IP packet, for the frames that carry it where the words so far have shifted to.
    fn of_packet(&self, sense: Sense, what: impl Fn() -> String, span: Span) -> Sense {
        match self.frames {
            Frames::Direct => sense,
            Frames::Others | Frames::Unknown => Sense::sure(Condition::False),
            Frames::All => {
                if self.carriage.tunnel {
                    return Sense::sure(self.opaque(
                        &what(),
                        "what a tunnel carries is not looked into",
                        Condition::True,
                        span,
                    ));
                }
                let mut sense = sense.within(&link::behind(self.link, self.carriage));
                if self.carriage.labels > 0 {
                    let reason = "how many labels a packet has is not kept";
                    sense.truth = self.opaque(&what(), reason, sense.truth, span);
                }
                if self.sure.joined(self.carriage) != self.sure {
                    let missing = Condition::not(self.carriage.holds());
                    let reason = "other octets are read of frames without the headers before";
                    let garbage = self.opaque(&what(), reason, missing, span);
                    sense.truth = Condition::or([sense.truth, garbage]);
                }
                sense
            }
        }
    }

    /// A condition outside the model, which holds at most where `over` does.
    fn opaque(&self, what: &str, reason: &str, over: Condition, span: Span) -> Condition {
        if over == Condition::False {
            return Condition::False;
        }
        // INVARIANT: what is asked, and behind which headers, whole. What has one name is one unknown.
        let mut id = what.to_owned();
        let Carriage { tags, labels, session, tunnel } = self.carriage;
        for (number, word) in
            [(tags, "vlan"), (labels, "mpls"), (session.into(), "pppoes"), (tunnel.into(), "tunnel")]
        {
            if number > 3 {
                id = format!("{number} times {word} and {id}");
            } else {
                id.insert_str(0, &format!("{word} and ").repeat(number.into()));
            }
        }
        Condition::opaque_within(id, reason, over, Condition::False, span)
    }
}

fn test(field: Field, values: impl Into<ValueSet>, span: Span) -> Condition {
    Condition::Test(Test::new(field, values.into(), span))
}

fn single(field: Field, value: u32, span: Span) -> Condition {
    test(field, ValueSet::single(value), span)
}
