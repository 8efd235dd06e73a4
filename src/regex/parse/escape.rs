//! What a backslash begins.

use super::class::Member;
use super::{ParseError, Parser};
use crate::regex::tree::{Look, Node, NodeKind};
use crate::regex::{Octets, set};

impl Parser<'_> {
    /// The part that an escape outside of a class is; the backslash was read.
    pub(super) fn escaped(&mut self, from: usize) -> Result<Option<Node>, ParseError> {
        let Some(octet) = self.next() else {
            return Err(self.wrong(from, 1, "a backslash with nothing behind it"));
        };
        let look = match octet {
            b'A' => Look::Start,
            b'z' => Look::End,
            b'Z' => Look::EndOrLast,
            b'b' => Look::Border,
            b'B' => Look::NoBorder,
            b'Q' => return self.quoted(from),
            // The end of a quotation that did not begin.
            b'E' => return Ok(None),
            _ => {
                let set = self.octets_of(octet, from, false)?;
                return self.node(from, NodeKind::Set(set)).map(Some);
            }
        };
        self.node(from, NodeKind::Look(look)).map(Some)
    }

    /// `\Q` was read: everything up to `\E` stands for itself. What repeats it is of its last octet.
    fn quoted(&mut self, from: usize) -> Result<Option<Node>, ParseError> {
        let Some(octet) = self.peek().filter(|_| !self.rest().starts_with(b"\\E")) else {
            _ = self.take(b"\\E");
            return Ok(None);
        };
        self.at += 1;
        let node = self.node(from, NodeKind::Set(self.set(Octets::one(octet))))?;
        if self.take(b"\\E") {
            return Ok(Some(node));
        }
        if self.peek().is_none() {
            return Ok(Some(node));
        }
        // The rest of the quotation, one octet after the other.
        let mut parts = vec![node];
        while let Some(octet) = self.peek() {
            let at = self.at;
            if self.take(b"\\E") {
                break;
            }
            self.at += 1;
            parts.push(self.node(at, NodeKind::Set(self.set(Octets::one(octet))))?);
        }
        if let Some(last) = parts.pop() {
            let last = self.quantified(last.span.start as usize, last)?;
            parts.push(last);
        }
        Ok(Some(Node::cat(self.span(from), parts)))
    }

    pub(super) fn escaped_member(&mut self, at: usize) -> Result<Member, ParseError> {
        let Some(octet) = self.next() else {
            return Err(self.wrong(at, 1, "a backslash with nothing behind it"));
        };
        let set = match octet {
            b'b' => return Ok(Member::One(8)),
            b'E' => return Ok(Member::Set(Octets::NONE)),
            b'Q' => return Err(self.unsupported(at, "a quotation inside of a class")),
            _ => self.octets_of(octet, at, true)?,
        };
        let is_class = matches!(octet, b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'h' | b'H' | b'v' | b'V');
        Ok(match set.iter().next() {
            Some(one) if !is_class && set.len() == 1 => Member::One(one),
            _ => Member::Set(set),
        })
    }

    /// The octets an escape stands for, unfolded in a class, which folds all it holds.
    fn octets_of(&mut self, octet: u8, from: usize, in_class: bool) -> Result<Octets, ParseError> {
        let one = match octet {
            b'd' => return Ok(set::digits()),
            b'D' => return Ok(set::digits().complement()),
            b'w' => return Ok(set::word()),
            b'W' => return Ok(set::word().complement()),
            b's' => return Ok(set::blank()),
            b'S' => return Ok(set::blank().complement()),
            b'h' => return Ok(horizontal()),
            b'H' => return Ok(horizontal().complement()),
            b'v' => return Ok(vertical()),
            b'V' => return Ok(vertical().complement()),
            b'N' if !in_class && self.peek() != Some(b'{') => return Ok(set::line_end().complement()),
            b'C' if !in_class => return Ok(Octets::ALL),
            b'a' => 7,
            b'e' => 27,
            b'f' => 12,
            b'n' => 10,
            b'r' => 13,
            b't' => 9,
            b'c' => match self.next() {
                Some(octet @ b' '..=b'~') => octet.to_ascii_uppercase() ^ 64,
                _ => {
                    return Err(self.wrong(
                        from,
                        self.at - from,
                        "no character to make a control character of",
                    ));
                }
            },
            b'x' => self.hexadecimal(from)?,
            b'o' => return Err(self.unsupported(from, "an octal number in braces")),
            b'0'..=b'9' => self.digits(octet, from, in_class)?,
            b'p' | b'P' => return Err(self.unsupported(from, "a Unicode property")),
            b'X' => return Err(self.unsupported(from, "an extended grapheme cluster")),
            b'R' => return Err(self.unsupported(from, "`\\R`")),
            b'K' => return Err(self.unsupported(from, "`\\K`")),
            b'G' => return Err(self.unsupported(from, "`\\G`")),
            b'N' => return Err(self.unsupported(from, "a named character")),
            b'g' | b'k' => return Err(self.unsupported(from, "a reference back")),
            _ if octet.is_ascii_alphabetic() => {
                return Err(self.wrong(from, 2, format!("an unknown escape `\\{}`", char::from(octet))));
            }
            other => other,
        };
        let one = Octets::one(one);
        Ok(if in_class { one } else { self.set(one) })
    }

    fn hexadecimal(&mut self, from: usize) -> Result<u8, ParseError> {
        let braced = self.take(b"{");
        let mut value = 0_u32;
        let mut digits = 0;
        while let Some(digit) = self.peek().and_then(|octet| char::from(octet).to_digit(16)) {
            if !braced && digits == 2 {
                break;
            }
            value = value.saturating_mul(16).saturating_add(digit);
            digits += 1;
            self.at += 1;
        }
        if braced && !self.take(b"}") {
            return Err(self.wrong(from, self.at - from, "a number in braces without its end"));
        }
        u8::try_from(value).map_err(|_| self.unsupported(from, "a character beyond one octet"))
    }

    /// A number behind a backslash: octal, or a reference back to a group.
    fn digits(&mut self, first: u8, from: usize, in_class: bool) -> Result<u8, ParseError> {
        let is_octal = |octet: &u8| matches!(octet, b'0'..=b'7');
        let second = self.peek();
        let three =
            is_octal(&first) && self.rest().iter().take(2).filter(|octet| is_octal(octet)).count() == 2;
        // `\8` and `\9` in a class, and `\1` to `\9` outside of one.
        let reference = first != b'0' && !in_class && !three;
        if reference {
            return Err(self.unsupported(from, "a reference back"));
        }
        if !is_octal(&first) {
            return Ok(first);
        }
        _ = second;
        let mut value = u32::from(first - b'0');
        for _ in 0..2 {
            let Some(digit) = self.peek().filter(is_octal) else { break };
            value = value * 8 + u32::from(digit - b'0');
            self.at += 1;
        }
        u8::try_from(value).map_err(|_| self.unsupported(from, "a character beyond one octet"))
    }
}

fn horizontal() -> Octets {
    [b'\t', b' ', 0xa0].into_iter().collect()
}

fn vertical() -> Octets {
    Octets::range(10, 13).union(Octets::one(0x85))
}
