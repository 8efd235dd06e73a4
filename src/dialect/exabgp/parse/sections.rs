//! What a statement is, by the block it stands in.

use super::{End, Parser, Section};
use crate::dialect::exabgp::syntax::{Block, Verb};
use crate::field::Family;
use crate::source::Span;

impl Parser<'_, '_> {
    pub(super) fn at_root(&mut self, end: End) {
        if let Some(verb) = self.verb() {
            return self.command(verb, end);
        }
        match end {
            End::Open(sign) => match self.word(0) {
                "neighbor" | "group" => {
                    self.peer = self.words().get(1).map(|word| word.span);
                    self.push(Section::Neighbor, sign);
                }
                "template" => self.push(Section::Neighbor, sign),
                "flow" => self.push(Section::Flow, sign),
                _ => {
                    self.sink.skipped();
                    self.push(Section::Other, sign);
                }
            },
            End::Close(sign) => self.error(sign, "`}` closes no block".into(), None),
            End::Semicolon(_) => self.sink.skipped(),
            End::Line(_) | End::Text => self.unfinished(end),
        }
    }

    // A statement that the text or the line ended.
    fn unfinished(&mut self, end: End) {
        if let Some(last) = self.words().last().map(|word| word.span) {
            let what = "expected `;` or `{` behind this word";
            self.error(last, what.into(), Some("end every statement with `;`"));
        }
        if end == End::Text {
            self.end_of_text();
        }
    }

    fn end_of_text(&mut self) {
        while let Some(frame) = self.stack.pop() {
            if frame.section != Section::Other || self.stack.is_empty() {
                self.error(frame.opened, "this block is never closed".into(), Some("write `}` at its end"));
            }
            if frame.section == Section::Route {
                self.finish(frame.opened);
            }
        }
    }

    // Words in front of a `}`: ExaBGP forgets such a statement without a word.
    fn leave(&mut self) {
        if let Some(last) = self.words().last().map(|word| word.span) {
            let help = "end every statement with `;`: ExaBGP passes over one that `}` ends";
            self.error(last, "expected `;` behind this word".into(), Some(help));
        }
        self.pop();
    }

    pub(super) fn in_neighbor(&mut self, end: End) {
        match end {
            End::Open(sign) => match self.word(0) {
                "flow" => self.push(Section::Flow, sign),
                "announce" => self.push(Section::Announce, sign),
                // In a group or a template.
                "neighbor" => {
                    self.peer = self.words().get(1).map(|word| word.span);
                    self.push(Section::Neighbor, sign);
                }
                _ => {
                    self.sink.skipped();
                    self.push(Section::Other, sign);
                }
            },
            End::Semicolon(_) => self.sink.skipped(),
            End::Close(_) => self.leave(),
            End::Line(_) | End::Text => self.unfinished(end),
        }
    }

    pub(super) fn in_other(&mut self, end: End) {
        match end {
            End::Open(sign) => self.push(Section::Other, sign),
            End::Semicolon(_) => self.sink.skipped(),
            End::Close(_) => self.pop(),
            End::Line(_) => {}
            End::Text => self.end_of_text(),
        }
    }

    pub(super) fn in_announce(&mut self, end: End) {
        match end {
            End::Open(sign) => {
                let section = match self.word(0) {
                    "ipv4" => Section::AnnounceFamily(Family::Inet),
                    "ipv6" => Section::AnnounceFamily(Family::Inet6),
                    _ => Section::Other,
                };
                self.push(section, sign);
            }
            _ => self.in_neighbor(end),
        }
    }

    pub(super) fn in_announce_family(&mut self, family: Family, end: End) {
        let is_flow = matches!(self.word(0), "flow" | "flow-vpn");
        match end {
            End::Semicolon(_) if is_flow => {
                let whole = self.place(Span::default());
                self.begin(Verb::Configured, whole);
                self.route.family = Some(family);
                self.inline(1);
            }
            End::Open(sign) => {
                self.sink.skipped();
                self.push(Section::Other, sign);
            }
            _ => self.in_neighbor(end),
        }
    }

    pub(super) fn in_flow(&mut self, end: End) {
        match (end, self.word(0)) {
            (End::Open(sign), "route") => {
                let whole = self.place(sign);
                self.begin(Verb::Configured, whole);
                self.open_route(1, sign);
            }
            (End::Open(sign), _) => {
                let at = self.place(sign);
                self.error(at, "expected `route` in `flow`".into(), None);
                self.push(Section::Other, sign);
            }
            (End::Semicolon(_), "route") => {
                let whole = self.place(Span::default());
                self.begin(Verb::Configured, whole);
                self.inline(1);
            }
            (End::Semicolon(sign), _) => {
                if !self.words().is_empty() {
                    let at = self.place(sign);
                    self.error(at, "expected `route` in `flow`".into(), None);
                }
            }
            (End::Close(_), _) => self.leave(),
            (End::Line(_) | End::Text, _) => self.unfinished(end),
        }
    }

    pub(super) fn in_route(&mut self, end: End) {
        match end {
            End::Open(sign) => {
                let block = match self.word(0) {
                    "match" => Some(Block::Match),
                    "then" => Some(Block::Then),
                    "scope" => Some(Block::Scope),
                    _ => None,
                };
                if block.is_none() || self.words().len() > 1 {
                    let at = self.place(sign);
                    self.error(at, "expected `match`, `scope` or `then` in front of `{`".into(), None);
                }
                self.route.words.truncate(self.head);
                self.push(block.map_or(Section::Other, Section::Inside), sign);
            }
            End::Semicolon(_) => self.push_statement(Block::Route),
            End::Close(sign) => {
                self.leave();
                self.route.words.truncate(self.head);
                self.finish(sign);
            }
            End::Line(_) | End::Text => self.unfinished(end),
        }
    }

    pub(super) fn in_block(&mut self, block: Block, end: End) {
        match end {
            End::Semicolon(_) => self.push_statement(block),
            End::Open(sign) => {
                let at = self.place(sign);
                self.error(at, format!("expected a statement of `{}`, not a block", block.name()), None);
                self.route.words.truncate(self.head);
                self.push(Section::Other, sign);
            }
            End::Close(_) => {
                self.leave();
                self.route.words.truncate(self.head);
            }
            End::Line(_) | End::Text => {
                self.unfinished(End::Line(Span::default()));
                self.route.words.truncate(self.head);
                if end == End::Text {
                    self.end_of_text();
                }
            }
        }
    }
}
