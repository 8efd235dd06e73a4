//! Classes in brackets.

use super::{ParseError, Parser};
use crate::regex::{Octets, set};

impl Parser<'_> {
    /// The octets of a class whose bracket was read.
    pub(super) fn class(&mut self, from: usize) -> Result<Octets, ParseError> {
        if let Some(name) = self.rest().strip_prefix(b":")
            && let Some(end) = name.windows(2).position(|pair| pair == b":]")
            && name.get(..end).is_some_and(|name| name.iter().all(|c| c.is_ascii_alphabetic() || *c == b'^'))
        {
            return Err(self.wrong(from, end + 4, "a named class stands inside of another"));
        }
        let negated = self.take(b"^");
        let mut all = Octets::NONE;
        let mut first = true;
        loop {
            let at = self.at;
            let Some(octet) = self.next() else { return Err(self.wrong(from, 1, "a class without its end")) };
            // A bracket that stands first is one of the class.
            if octet == b']' && !first {
                break;
            }
            first = false;
            let low = match self.member(octet, at)? {
                Member::One(low) => low,
                Member::Set(set) => {
                    all = all.union(set);
                    continue;
                }
            };
            let dashed =
                self.peek() == Some(b'-') && !matches!(self.octets().get(self.at + 1), Some(b']') | None);
            if !dashed {
                all.insert(low);
                continue;
            }
            self.at += 1;
            let high_at = self.at;
            let Some(octet) = self.next() else { return Err(self.wrong(from, 1, "a class without its end")) };
            match self.member(octet, high_at)? {
                Member::One(high) if low <= high => all = all.union(Octets::range(low, high)),
                Member::One(_) => {
                    return Err(self.wrong(at, self.at - at, "a range that ends before it begins"));
                }
                Member::Set(_) => {
                    return Err(self.wrong(at, self.at - at, "a range that ends in no character"));
                }
            }
        }
        let all = self.set(all);
        Ok(if negated { all.complement() } else { all })
    }

    fn member(&mut self, octet: u8, at: usize) -> Result<Member, ParseError> {
        match octet {
            b'[' if self.rest().starts_with(b":") => self.posix(at),
            b'[' if self.rest().starts_with(b".") || self.rest().starts_with(b"=") => {
                self.at += 1;
                Err(self.unsupported(at, "a collating element"))
            }
            b'\\' => self.escaped_member(at),
            _ => Ok(Member::One(octet)),
        }
    }

    /// `[:name:]`; what is none of these is a bracket that stands for itself.
    fn posix(&mut self, at: usize) -> Result<Member, ParseError> {
        let rest = self.rest();
        let Some(end) = rest.windows(2).position(|pair| pair == b":]").filter(|end| *end > 0) else {
            return Ok(Member::One(b'['));
        };
        let name = rest.get(1..end).unwrap_or_default();
        if !name.iter().all(|octet| octet.is_ascii_alphabetic() || *octet == b'^') {
            return Ok(Member::One(b'['));
        }
        let (negated, name) = name.strip_prefix(b"^").map_or((false, name), |name| (true, name));
        let of = |test: fn(&u8) -> bool| (0..=u8::MAX).filter(test).collect::<Octets>();
        let found = match name {
            b"alpha" => of(u8::is_ascii_alphabetic),
            b"digit" => set::digits(),
            b"alnum" => of(u8::is_ascii_alphanumeric),
            b"upper" => of(u8::is_ascii_uppercase),
            b"lower" => of(u8::is_ascii_lowercase),
            b"space" => set::blank(),
            b"blank" => of(|octet| matches!(octet, b' ' | b'\t')),
            b"punct" => of(u8::is_ascii_punctuation),
            b"cntrl" => of(u8::is_ascii_control),
            b"graph" => of(u8::is_ascii_graphic),
            b"print" => of(|octet| matches!(octet, b' '..=b'~')),
            b"xdigit" => of(u8::is_ascii_hexdigit),
            b"word" => set::word(),
            b"ascii" => of(u8::is_ascii),
            _ => return Err(self.wrong(at, end + 3, "a class of no known name")),
        };
        self.at += end + 2;
        Ok(Member::Set(if negated { found.complement() } else { found }))
    }
}

/// What stands in a class.
pub(super) enum Member {
    /// An octet, which may begin a range.
    One(u8),
    /// Several, or none.
    Set(Octets),
}
