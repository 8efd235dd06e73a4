//! What a route asks for: the statements of `then` and `scope` to actions.

use super::Reader;
use crate::dialect::exabgp::lex::Fault;
use crate::dialect::exabgp::operand::Number;
use crate::dialect::exabgp::support::{Arity, Meaning, meaning};
use crate::dialect::exabgp::syntax::{Block, Route, Statement, Word};
use crate::dialect::exabgp::{operand, then};
use crate::dialect::{flowspec, raised};
use crate::ir::{Action, Mark, RateUnit};
use crate::source::Span;
use std::net::IpAddr;

impl<'a> Reader<'a> {
    pub(super) fn fill_actions(&mut self, route: &Route) -> Option<[u8; 8]> {
        self.actions.list.clear();
        self.actions.goes_on = false;
        // What ExaBGP sends is known in full: a route without actions accepts.
        self.actions.given = true;
        let next_hop = self.next_hop(route);
        let mut distinguisher = None;
        for statement in route.statements.iter().filter(|s| s.block != Block::Match) {
            let keyword = self.slice(statement.keyword);
            let Some(what) = meaning(statement.block, keyword) else {
                self.unknown(route, statement);
                continue;
            };
            if what == Meaning::Distinguisher {
                let word = self.one_word(route, statement);
                match word.map(then::distinguisher) {
                    Some(Ok(octets)) => distinguisher = Some(octets),
                    Some(Err(fault)) => self.fault(route, statement, &fault),
                    None => {}
                }
            } else if let Err(fault) = self.action(route, statement, what, next_hop) {
                self.fault(route, statement, &fault);
            }
        }
        distinguisher
    }

    fn next_hop(&self, route: &Route) -> Option<IpAddr> {
        let named = |s: &&Statement| {
            s.block == Block::Route && meaning(s.block, self.slice(s.keyword)) == Some(Meaning::NextHop)
        };
        let statement = route.statements.iter().find(named)?;
        self.slice(route.values(statement).first()?.span).parse().ok()
    }

    fn action(
        &mut self,
        route: &Route,
        statement: &Statement,
        what: Meaning,
        next_hop: Option<IpAddr>,
    ) -> Result<(), Fault<'a>> {
        let values = route.values(statement);
        let span = route.place(statement);
        let word = |index: usize| values.get(index).map(|word| self.slice(word.span));
        let first = match (what.arity(), word(0)) {
            (Arity::None, Some(surplus)) => {
                return Err(then::fault(surplus, "`;` here: this keyword takes no value"));
            }
            (Arity::None, None) => "",
            (_, None) => {
                return Err(then::fault(self.end_of(statement.keyword), "a value behind this keyword"));
            }
            (_, Some(first)) => first,
        };
        let address = |word: &'a str| word.parse::<IpAddr>().map_err(|_| then::fault(word, "an address"));
        let action = match what {
            // Components never stand outside `match`.
            Meaning::Accept
            | Meaning::Ignored
            | Meaning::Distinguisher
            | Meaning::Prefix(_)
            | Meaning::Operands(_) => return Ok(()),
            Meaning::NextHop => {
                return if first == "self" { Ok(()) } else { address(first).map(|_| ()) };
            }
            Meaning::Discard => {
                self.actions.push_rate(0.0, RateUnit::OctetsPerSecond, span);
                return Ok(());
            }
            Meaning::RateLimit => {
                let (rate, unit) = (then::rate(first)?, then::unit(word(1))?);
                if let Some(surplus) = word(2) {
                    return Err(then::fault(surplus, "`;` here"));
                }
                self.actions.push_rate(rate, unit, span);
                return Ok(());
            }
            Meaning::Redirect => then::redirect(first, word(1))?,
            Meaning::RedirectToNexthop => Action::RedirectIp { addr: next_hop, copy: false },
            Meaning::CopyToNexthop => Action::RedirectIp { addr: next_hop, copy: true },
            Meaning::RedirectToNexthopIetf => Action::RedirectIp { addr: Some(address(first)?), copy: false },
            Meaning::Copy => Action::RedirectIp { addr: Some(address(first)?), copy: true },
            Meaning::Mark => then::mark(first)?,
            Meaning::Action => {
                let (sample, goes_on) = then::traffic_action(first)?;
                then::push_traffic_action(sample, goes_on, span, &mut self.actions);
                return Ok(());
            }
            Meaning::InterfaceSet => {
                for word in values {
                    let set = then::interface_set(self.slice(word.span))?;
                    self.actions.push(set, word.span);
                }
                return Ok(());
            }
            Meaning::ExtendedCommunity => return self.communities(values, next_hop),
            Meaning::Attribute => return self.attribute(values, next_hop, span),
        };
        self.push_action(action, span);
        Ok(())
    }

    fn push_action(&mut self, action: Action, span: Span) {
        if let Action::Mark(Mark::Dscp(dscp @ 64..)) = action {
            let message = format!("DSCP `{dscp}` is beyond 63, the largest a packet can carry");
            let finding = self.raise(raised::VALUE_OUT_OF_RANGE, message, span);
            finding.help = Some("write a DSCP of 0 to 63".into());
        }
        self.actions.push(action, span);
    }

    fn communities(&mut self, values: &[Word], next_hop: Option<IpAddr>) -> Result<(), Fault<'a>> {
        let mut rest = values;
        while let [first, tail @ ..] = rest {
            let second = tail.first().map(|word| self.slice(word.span));
            let word = self.slice(first.span);
            let used = then::extended_community(word, second, next_hop, first.span, &mut self.actions)?;
            rest = if used { tail.get(1..).unwrap_or(&[]) } else { tail };
        }
        Ok(())
    }

    // `attribute [ CODE FLAGS DATA ]` in hex: the communities of attributes 16 and 25.
    fn attribute(&mut self, values: &[Word], next_hop: Option<IpAddr>, span: Span) -> Result<(), Fault<'a>> {
        let [code, _, data] = values else {
            let at = values.first().map_or("", |word| self.slice(word.span));
            return Err(then::fault(at, "`[ code flags data ]` in hex"));
        };
        let size = match operand::plain_number(self.slice(code.span)) {
            Number::Value(0x10) => 8,
            Number::Value(0x19) => 20,
            _ => {
                return Err(then::fault(
                    self.slice(code.span),
                    "attribute code 0x10 or 0x19: others are not read",
                ));
            }
        };
        let word = self.slice(data.span);
        let octets = word.strip_prefix("0x").and_then(then::octets).filter(|o| o.len().is_multiple_of(size));
        let octets = octets.ok_or(then::fault(word, "whole communities in hex"))?;
        for chunk in octets.chunks(size) {
            if let Some(community) = flowspec::Community::new(chunk) {
                then::push(&community, next_hop, word, span, &mut self.actions)?;
            }
        }
        Ok(())
    }
}
