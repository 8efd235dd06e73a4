//! Commands, and the form without braces, in which keywords say how many values they take.

use super::parse::{End, Parser, Section};
use super::support::{Arity, Meaning, block_of, meaning};
use super::syntax::{Block, Verb, Word};
use crate::field::Family;
use crate::source::Span;

impl Parser<'_, '_> {
    // A command: `[neighbor X] announce|withdraw flow route ..` or `.. ipv4 flow ..`.
    pub(super) fn command(&mut self, verb: usize, end: End) {
        let whole = self.place(Span::default());
        let peers = self.words().get(1..verb).unwrap_or(&[]);
        let peer = peers.first().zip(peers.last()).map(|(first, last)| first.span.to(last.span));
        let kind = if self.word(verb) == "withdraw" { Verb::Withdraw } else { Verb::Announce };
        let family = match self.word(verb + 1) {
            "ipv4" => Some(Family::Inet),
            "ipv6" => Some(Family::Inet6),
            _ => None,
        };
        let subject = (self.word(verb + 1), self.word(verb + 2));
        let is_flow =
            subject == ("flow", "route") || (family.is_some() && matches!(subject.1, "flow" | "flow-vpn"));
        match end {
            End::Close(sign) => self.error(sign, "`}` closes no block".into(), None),
            End::Open(sign) if !is_flow => {
                self.sink.skipped();
                self.push(Section::Other, sign);
                return;
            }
            _ if !is_flow => {
                self.sink.skipped();
                return;
            }
            _ => {}
        }
        self.begin(kind, whole);
        self.route.peer = peer;
        self.route.family = family;
        if let End::Open(sign) = end {
            self.open_route(verb + 3, sign);
        } else {
            self.inline(verb + 3);
        }
    }

    // The form without braces: keywords say how many values they take.
    pub(super) fn inline(&mut self, first: usize) {
        let mut at = self.head + first;
        while let Some(keyword) = self.route.words.get(at).copied() {
            at += 1;
            let block = block_of(self.slice(keyword.span)).filter(|_| keyword.list == 0);
            let last = match block {
                Some(block) => {
                    let what = meaning(block, self.slice(keyword.span));
                    self.values_end(at, what.map_or(Arity::One, Meaning::arity))
                }
                // Up to the next word that is a keyword.
                None => self.next_keyword(at),
            };
            self.add(block.unwrap_or(Block::Match), keyword.span, at, last);
            at = last;
        }
        let end = self.route.words.last().map_or(self.route.span, |word| word.span);
        self.finish(end);
    }

    fn values_end(&self, at: usize, arity: Arity) -> usize {
        let word = |i: usize| self.route.words.get(i);
        let Some(value) = word(at).filter(|_| arity != Arity::None) else { return at };
        let mut end = at + 1;
        if value.list != 0 {
            while word(end).is_some_and(|w| w.list == value.list) {
                end += 1;
            }
            // `[2001:db8::1]:100`
            let glued = |w: &Word| w.list == 0 && self.slice(w.span).starts_with(':');
            return if word(end).is_some_and(glued) { end + 1 } else { end };
        }
        let unit = |w: &Word| matches!(self.slice(w.span), "bytes" | "packets");
        if arity == Arity::Rate && word(end).is_some_and(unit) { end + 1 } else { end }
    }

    fn next_keyword(&self, at: usize) -> usize {
        let rest = self.route.words.get(at..).unwrap_or(&[]);
        let known = |w: &Word| w.list == 0 && block_of(self.slice(w.span)).is_some();
        at + rest.iter().position(known).unwrap_or(rest.len())
    }
}
