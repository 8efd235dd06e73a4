//! Primitives: qualifiers with what they qualify, and keywords of their own kind.

use super::{Fault, Operand, Parsed, Parser, negate, shorten};
use crate::dialect::pcap_filter::lex::Token;
use crate::dialect::pcap_filter::syntax::{
    Arithmetic, Comparison, Direction, Id, Kind, Mask, Node, NodeKind, Operator, Proto, Qualifiers, Special,
};
use crate::dialect::pcap_filter::words;
use crate::source::Span;

impl<'a> Parser<'a> {
    /// What begins with a keyword.
    pub(super) fn keyword(&mut self, word: &'a str) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        if let Some(proto) = words::proto(word) {
            return if self.lexer.is_next(b'[') {
                self.arithmetic()
            } else {
                self.bump();
                self.behind_proto(word, proto, start)
            };
        }
        if word == "byte" {
            return self.byte();
        }
        if let Some(direction) = self.direction()? {
            let qualifiers = Qualifiers { direction: Some(direction), ..Qualifiers::default() };
            return self.kind_and_id(qualifiers, start);
        }
        if let Some(kind) = kind(word) {
            self.bump();
            return self.id(Qualifiers { kind: Some(kind), ..Qualifiers::default() }, start);
        }
        if words::constant(word).is_some() || matches!(word, "len" | "length") {
            return self.arithmetic();
        }
        let special = self.special(word)?;
        Ok(self.made(NodeKind::Special(Box::new(special)), start))
    }

    fn made(&self, kind: NodeKind<'a>, start: u32) -> Operand<'a> {
        Operand::Part(Node { span: Span { start, end: self.end }, kind }, None)
    }

    fn behind_proto(&mut self, word: &'a str, proto: Proto, start: u32) -> Parsed<Operand<'a>> {
        let qualifiers = Qualifiers { proto: Some(proto), ..Qualifiers::default() };
        let Token::Word(next) = self.peek() else { return self.alone(word, proto, start) };
        match next {
            "broadcast" | "multicast" => {
                self.bump();
                let special = if next == "broadcast" {
                    Special::Broadcast(Some(proto))
                } else {
                    Special::Multicast(Some(proto))
                };
                return Ok(self.made(NodeKind::Special(Box::new(special)), start));
            }
            "type" | "subtype" | "dir" | "direction" if word == "wlan" => {
                let special = self.wireless(next)?;
                return Ok(self.made(NodeKind::Special(Box::new(special)), start));
            }
            _ => {}
        }
        if let Some(direction) = self.direction()? {
            return self.kind_and_id(Qualifiers { direction: Some(direction), ..qualifiers }, start);
        }
        match kind(next) {
            Some(kind) => {
                self.bump();
                self.id(Qualifiers { kind: Some(kind), ..qualifiers }, start)
            }
            None => self.alone(word, proto, start),
        }
    }

    /// A protocol with nothing behind it.
    fn alone(&mut self, word: &str, proto: Proto, start: u32) -> Parsed<Operand<'a>> {
        if proto == Proto::Link || proto == Proto::Radio {
            return Err(self.expected(&format!("what is asked of `{word}`, as `{word} host`")));
        }
        Ok(self.made(NodeKind::Protocol(proto), start))
    }

    /// `src`, `dst`, both words joined, or an address of 802.11.
    fn direction(&mut self) -> Parsed<Option<Direction>> {
        let Token::Word(word) = self.peek() else { return Ok(None) };
        let (one, other) = match word {
            "src" => (Direction::Source, "dst"),
            "dst" => (Direction::Destination, "src"),
            "addr1" | "addr2" | "addr3" | "addr4" | "address1" | "address2" | "address3" | "address4"
            | "ra" | "ta" => {
                self.bump();
                return Ok(Some(Direction::Wireless));
            }
            _ => return Ok(None),
        };
        self.bump();
        let joined = match self.peek() {
            Token::Word("or") | Token::Sign("||") => Direction::Either,
            Token::Word("and") | Token::Sign("&&") => Direction::Both,
            _ => return Ok(Some(one)),
        };
        if self.behind() != Token::Word(other) {
            return Err(self.expected("what has that source or destination"));
        }
        self.bump();
        self.bump();
        Ok(Some(joined))
    }

    fn kind_and_id(&mut self, mut qualifiers: Qualifiers, start: u32) -> Parsed<Operand<'a>> {
        if let Token::Word(word) = self.peek()
            && let Some(kind) = kind(word)
        {
            if matches!(kind, Kind::Proto | Kind::ProtoChain | Kind::Gateway) {
                let message = format!("`{word}` takes no `src` or `dst`");
                return Err(Fault::syntax(message, self.token.span, "leave the direction out"));
            }
            self.bump();
            qualifiers.kind = Some(kind);
        }
        self.id(qualifiers, start)
    }

    /// The identifier behind qualifiers, or identifiers in parentheses.
    fn id(&mut self, qualifiers: Qualifiers, start: u32) -> Parsed<Operand<'a>> {
        let mut odd = false;
        while matches!(self.peek(), Token::Sign("!") | Token::Word("not")) {
            self.bump();
            odd = !odd;
        }
        let mut node = if self.peek() == Token::Sign("(") {
            let span = self.token.span;
            let operand = self.parenthesis(Some(qualifiers))?;
            self.part(operand, Some(qualifiers), span)?.0
        } else {
            let (id, span) = self.identifier()?;
            Node { span, kind: NodeKind::Primitive(qualifiers, id) }
        };
        node.span = Span { start, end: self.end };
        Ok(Operand::Part(if odd { negate(node, start) } else { node }, Some(qualifiers)))
    }

    /// A name, number or address.
    pub(super) fn identifier(&mut self) -> Parsed<(Id<'a>, Span)> {
        let start = self.token.span.start;
        let id = match self.peek() {
            Token::Word(word) if !words::is_reserved(word) => Id::Name(word),
            Token::Escaped(name) => Id::Name(name),
            Token::Number(number) => Id::Number(number),
            Token::Dotted(text) => {
                self.bump();
                let mask = self.mask()?;
                return Ok((Id::Dotted(text, mask), Span { start, end: self.end }));
            }
            Token::Inet6(address) => {
                self.bump();
                let length = if self.peek() == Token::Sign("/") {
                    self.bump();
                    Some(self.number("a prefix length")?)
                } else {
                    None
                };
                return Ok((Id::Inet6(address, length), Span { start, end: self.end }));
            }
            Token::Mac(address) => Id::Mac(address),
            Token::Arcnet(text) => Id::Arcnet(text),
            Token::Word(word) => {
                let mut fault = self.expected("a name, number or address");
                if words::proto(word).is_some() {
                    fault.help =
                        "put a backslash before a keyword that is meant as a name, as `ip proto \\tcp`";
                }
                return Err(fault);
            }
            Token::Sign(_) | Token::Wrong(_) | Token::End => {
                return Err(self.expected("a name, number or address"));
            }
        };
        self.bump();
        Ok((id, Span { start, end: self.end }))
    }

    fn mask(&mut self) -> Parsed<Option<Mask<'a>>> {
        match self.peek() {
            Token::Sign("/") => {
                self.bump();
                Ok(Some(Mask::Length(self.number("a prefix length")?)))
            }
            Token::Word("mask") => {
                self.bump();
                let Token::Dotted(text) = self.peek() else {
                    return Err(self.expected("a mask, as `255.255.255.0`"));
                };
                self.bump();
                Ok(Some(Mask::Dotted(text)))
            }
            _ => Ok(None),
        }
    }

    fn number(&mut self, what: &str) -> Parsed<u32> {
        let Token::Number(number) = self.peek() else { return Err(self.expected(what)) };
        self.bump();
        Ok(number)
    }

    /// A number up to `max`, where one stands here.
    fn optional(&mut self, what: &str, max: u32) -> Parsed<Option<u32>> {
        match self.peek() {
            Token::Number(number) if number > max => {
                let message = format!("{what} {number} is greater than maximum {max}");
                Err(Fault::range(message, self.token.span, "write a number that fits the field"))
            }
            Token::Number(number) => {
                self.bump();
                Ok(Some(number))
            }
            _ => Ok(None),
        }
    }

    fn special(&mut self, word: &'a str) -> Parsed<Special<'a>> {
        if let Some((name, max)) = words::foreign(word) {
            return self.foreign(name, max);
        }
        if let Some(types) = words::isis_pdus(word) {
            self.bump();
            return Ok(Special::IsisPdu(types.to_vec()));
        }
        let unexpected = self.expected("a primitive");
        self.bump();
        Ok(match word {
            "broadcast" => Special::Broadcast(None),
            "multicast" => Special::Multicast(None),
            "less" => Special::Less(self.number("a number of octets")?),
            "greater" => Special::Greater(self.number("a number of octets")?),
            "inbound" => Special::Inbound,
            "outbound" => Special::Outbound,
            "vlan" => Special::Vlan(self.optional("VLAN tag", 4095)?),
            "mpls" => Special::Mpls(self.optional("MPLS label", 0xf_ffff)?),
            "pppoed" => Special::Pppoed,
            "pppoes" => Special::Pppoes(self.optional("PPPoE session number", 0xffff)?),
            "geneve" => Special::Tunnel("geneve", self.optional("Geneve VNI", 0xff_ffff)?),
            "vxlan" => Special::Tunnel("vxlan", self.optional("VXLAN VNI", 0xff_ffff)?),
            "llc" => Special::Llc(self.llc()?),
            _ => return Err(unexpected),
        })
    }

    fn llc(&mut self) -> Parsed<Option<&'a str>> {
        const TYPES: &[&str] =
            &["i", "s", "u", "rr", "rnr", "rej", "ui", "ua", "disc", "sabme", "test", "xid", "frmr", "dm"];
        match self.peek() {
            Token::Word(word) if TYPES.contains(&word) => {
                self.bump();
                Ok(Some(word))
            }
            Token::Word("and" | "or") | Token::Sign(_) | Token::End => Ok(None),
            _ => Err(self.expected("an LLC frame type")),
        }
    }

    /// `wlan type`, `wlan subtype` and `wlan dir`.
    fn wireless(&mut self, word: &'a str) -> Parsed<Special<'a>> {
        let span = self.token.span;
        let wrong = |message: String| Fault::range(message, span, "see the grammar of pcap-filter(7)");
        match (word, self.behind()) {
            ("subtype", Token::Number(_)) => return Err(wrong("`wlan subtype` takes a name".to_owned())),
            ("type", Token::Number(number)) if number > 0x0c || number & 3 != 0 => {
                return Err(wrong(format!("`{number}` is no 802.11 type value")));
            }
            ("dir" | "direction", Token::Number(number)) if number > 3 => {
                return Err(wrong(format!("`{number}` is no 802.11 direction")));
            }
            ("dir" | "direction", Token::Word(name))
                if !["nods", "tods", "fromds", "dstods"].contains(&name) =>
            {
                return Err(wrong(format!("`{}` is no 802.11 direction", shorten(name))));
            }
            _ => {}
        }
        let start = span.start;
        self.bump();
        while !matches!(
            self.peek(),
            Token::Word("and" | "or") | Token::Sign(_) | Token::Wrong(_) | Token::End
        ) {
            if self.is_word("subtype")
                && let Token::Number(number) = self.behind()
                && number & !0xf0 != 0
            {
                return Err(wrong(format!("`{number}` is no 802.11 subtype value")));
            }
            self.bump();
        }
        Ok(Special::Foreign("wlan", self.words_since(start, "wlan")))
    }

    /// Words that no packet shows: the keyword, a comparison and numbers or a name.
    fn foreign(&mut self, name: &'static str, max: u32) -> Parsed<Special<'a>> {
        const REASONS: &[&str] = &[
            "match",
            "bad-offset",
            "fragment",
            "short",
            "normalize",
            "memory",
            "bad-timestamp",
            "congestion",
            "ip-option",
            "proto-cksum",
            "state-mismatch",
            "state-insert",
            "state-limit",
            "src-limit",
            "synproxy",
        ];
        let start = self.token.span.start;
        self.bump();
        if super::arithmetic::comparison(self.peek()).is_some() {
            self.bump();
        }
        match self.peek() {
            Token::Number(_) => _ = self.optional(name, max)?,
            Token::Word(word) if name == "reason" && !REASONS.contains(&word) => {
                let message = format!("`{}` is no reason of PF", shorten(word));
                return Err(Fault::range(message, self.token.span, "write one of PF's reasons, as `match`"));
            }
            Token::Word(word) if !matches!(word, "and" | "or") => _ = self.bump(),
            Token::Escaped(_) | Token::Dotted(_) => _ = self.bump(),
            _ => {}
        }
        Ok(Special::Foreign(name, self.words_since(start, "")))
    }

    /// The words from `start` on with single blanks.
    fn words_since(&self, start: u32, before: &str) -> String {
        let text = self.text.get(Span { start, end: self.end }.range()).unwrap_or("");
        let words = [before].into_iter().chain(text.split_whitespace()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    /// `byte 8 > 5`: an octet of the link header; `&` and `|` ask for anything left.
    fn byte(&mut self) -> Parsed<Operand<'a>> {
        let start = self.token.span.start;
        self.bump();
        let index = self.number("the number of an octet")?;
        let load =
            Arithmetic::Load { proto: Proto::Link, index: Box::new(Arithmetic::Number(index)), size: 1 };
        let sign = self.peek();
        self.bump();
        let Some(value) = self.optional("byte argument", 255)? else { return Err(self.expected("a number")) };
        let value = Arithmetic::Number(value);
        let joined = |operator, load, value| {
            let left = Arithmetic::Binary(operator, Box::new(load), Box::new(value));
            (left, Comparison::NotEqual, Arithmetic::Number(0))
        };
        let relation = match sign {
            Token::Sign("=") => (load, Comparison::Equal, value),
            Token::Sign("<") => (load, Comparison::Less, value),
            Token::Sign(">") => (load, Comparison::Greater, value),
            Token::Sign("&") => joined(Operator::And, load, value),
            Token::Sign("|") => joined(Operator::Or, load, value),
            _ => return Err(self.expected("`=`, `<`, `>`, `&` or `|`")),
        };
        Ok(self.made(NodeKind::Relation(Box::new(relation)), start))
    }
}

fn kind(word: &str) -> Option<Kind> {
    Some(match word {
        "host" => Kind::Host,
        "net" => Kind::Net,
        "port" => Kind::Port,
        "portrange" => Kind::PortRange,
        "proto" => Kind::Proto,
        "protochain" => Kind::ProtoChain,
        "gateway" => Kind::Gateway,
        _ => return None,
    })
}
