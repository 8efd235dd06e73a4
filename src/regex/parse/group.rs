//! What a parenthesis begins.

use super::{ParseError, Parser};
use crate::regex::tree::{Node, NodeKind};

/// Groups that look around, decide or call, by what stands behind the parenthesis.
const NOT_MODELLED: &[(&[u8], &str)] = &[
    (b"?=", "looking ahead"),
    (b"?!", "looking ahead"),
    (b"?*", "looking ahead"),
    (b"?<=", "looking behind"),
    (b"?<!", "looking behind"),
    (b"?<*", "looking behind"),
    (b"?(", "a condition"),
    (b"?R", "recursion"),
    (b"?&", "recursion"),
    (b"?P>", "recursion"),
    (b"?P=", "a reference back"),
    (b"?C", "a callout"),
    (b"?+", "recursion"),
    (b"*", "a verb"),
];

impl Parser<'_> {
    /// The part that a group is; its parenthesis was read. None for a remark, and for flags.
    pub(super) fn group(&mut self, from: usize) -> Result<Option<Node>, ParseError> {
        for (start, what) in NOT_MODELLED {
            if self.take(start) {
                return Err(self.unsupported(from, what));
            }
        }
        if self.take(b"?#") {
            let end = self.rest().iter().position(|octet| *octet == b')');
            let Some(end) = end else { return Err(self.wrong(from, 3, "a remark without its end")) };
            self.at += end + 1;
            return Ok(None);
        }
        if self.take(b"?>") {
            let inner = self.inside(from)?;
            return self.node(from, NodeKind::Atomic(Box::new(inner))).map(Some);
        }
        if self.take(b"?|") || self.take(b"?:") {
            return self.inside(from).map(Some);
        }
        for (start, end) in [(&b"?P<"[..], b'>'), (b"?<", b'>'), (b"?'", b'\'')] {
            if self.take(start) {
                let name = self.rest().iter().position(|octet| *octet == end);
                let is_name = |octet: &u8| octet.is_ascii_alphanumeric() || *octet == b'_';
                let name = name.filter(|end| {
                    *end > 0 && self.rest().get(..*end).is_some_and(|name| name.iter().all(is_name))
                });
                let Some(name) = name else { return Err(self.wrong(from, 3, "a group without a name")) };
                self.at += name + 1;
                return self.inside(from).map(Some);
            }
        }
        if self.take(b"?") {
            return self.flags_of(from);
        }
        self.inside(from).map(Some)
    }

    /// What stands in a group, and its closing parenthesis.
    fn inside(&mut self, from: usize) -> Result<Node, ParseError> {
        let mut inner = self.alternatives()?;
        if !self.take(b")") {
            return Err(self.wrong(from, 1, "a group without its end"));
        }
        inner.span = self.span(from);
        Ok(inner)
    }

    /// `(?i)` and `(?i:...)`; the question mark was read.
    fn flags_of(&mut self, from: usize) -> Result<Option<Node>, ParseError> {
        let before = self.flags;
        let mut flags = self.flags;
        let mut on = true;
        if self.take(b"^") {
            (flags.caseless, flags.multi_line, flags.dot_all, flags.extended) = (false, false, false, false);
        }
        loop {
            match self.next() {
                Some(b'i') => flags.caseless = on,
                Some(b'm') => flags.multi_line = on,
                Some(b's') => flags.dot_all = on,
                Some(b'x') => flags.extended = on,
                Some(b'U') => flags.ungreedy = on,
                Some(b'n' | b'J') => {}
                Some(b'-') => on = false,
                Some(b')') => {
                    self.flags = flags;
                    return Ok(None);
                }
                Some(b':') => {
                    self.flags = flags;
                    let inner = self.inside(from);
                    self.flags = before;
                    return inner.map(Some);
                }
                Some(b'0'..=b'9') => return Err(self.unsupported(from, "recursion")),
                _ => return Err(self.wrong(from, self.at - from, "a group of no known kind")),
            }
        }
    }
}
