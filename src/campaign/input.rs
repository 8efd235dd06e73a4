//! What a target is fed: flow routes in UPDATEs, text of rules, or packets.

use crate::dialect::flowspec::Table;
use std::fmt::Write as _;

/// The AS that routes of a campaign come from: one for private use (RFC 6996).
pub const ASN: u32 = 65_002;
/// Octets of a message of the usual size (RFC 4271 §4.1).
pub const USUAL: usize = 4_096;

/// Something to feed.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// Messages of a session, in their order.
    Updates(Vec<Update>),
    /// Lines of a rule file.
    Text(Vec<String>),
    /// Packets, octets from the IP header on.
    Packets(Vec<Vec<u8>>),
}

/// An UPDATE that announces flow routes or takes them back, well formed around what need not be.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Update {
    /// Address family and subsequent address family.
    pub table: Table,
    /// Whether the routes are taken back.
    pub withdraws: bool,
    /// NLRIs, each as it stands: a length, however wrong, and what follows.
    pub routes: Vec<Vec<u8>>,
    /// Extended communities of eight octets; of another length where they are malformed.
    pub communities: Vec<Vec<u8>>,
    /// Whether ORIGIN is left out.
    pub no_origin: bool,
    /// Whether `AS_PATH` is left out.
    pub no_path: bool,
}

impl Update {
    /// One that announces `routes` and asks for nothing.
    pub fn new(table: Table, routes: Vec<Vec<u8>>) -> Self {
        Self { table, withdraws: false, routes, communities: Vec::new(), no_origin: false, no_path: false }
    }

    /// The same routes, taken back.
    #[must_use]
    pub fn withdrawal(&self) -> Self {
        Self { withdraws: true, communities: Vec::new(), ..self.clone() }
    }

    /// All NLRIs, one behind the other.
    pub fn field(&self) -> Vec<u8> {
        self.routes.concat()
    }

    /// The octets behind the header of the message (RFC 4271 §4.3, RFC 4760 §3), with an AS in four octets where the
    /// session has agreed on that.
    pub fn body(&self, wide: bool) -> Vec<u8> {
        let (afi, safi) = self.table.family_numbers();
        let mut attributes = Vec::new();
        if !self.withdraws {
            if !self.no_origin {
                attribute(0x40, 1, &[0], &mut attributes);
            }
            if !self.no_path {
                let mut path = vec![2, 1];
                match (wide, u16::try_from(ASN)) {
                    (false, Ok(short)) => path.extend_from_slice(&short.to_be_bytes()),
                    _ => path.extend_from_slice(&ASN.to_be_bytes()),
                }
                attribute(0x40, 2, &path, &mut attributes);
            }
            let long = |community: &&Vec<u8>| community.len() > 8 && community.len() <= 20;
            let of = |kind: u8, list: Vec<&Vec<u8>>, attributes: &mut Vec<u8>| {
                let octets: Vec<u8> = list.into_iter().flatten().copied().collect();
                if !octets.is_empty() {
                    attribute(0xc0, kind, &octets, attributes);
                }
            };
            of(16, self.communities.iter().filter(|c| !long(c)).collect(), &mut attributes);
            of(25, self.communities.iter().filter(long).collect(), &mut attributes);
        }
        let mut value = Vec::new();
        value.extend_from_slice(&afi.to_be_bytes());
        value.push(safi);
        if !self.withdraws {
            // No next hop, and the reserved octet.
            value.extend_from_slice(&[0, 0]);
        }
        value.extend_from_slice(&self.field());
        attribute(0x80, if self.withdraws { 15 } else { 14 }, &value, &mut attributes);
        let mut body = vec![0, 0];
        body.extend_from_slice(&u16::try_from(attributes.len()).unwrap_or(u16::MAX).to_be_bytes());
        body.extend_from_slice(&attributes);
        body
    }

    /// Octets of the whole message, with an AS in four octets.
    pub fn size(&self) -> usize {
        const HEADER: usize = 19;
        let shell = Self {
            table: self.table,
            withdraws: self.withdraws,
            routes: Vec::new(),
            communities: self.communities.clone(),
            no_origin: self.no_origin,
            no_path: self.no_path,
        };
        let routes: usize = self.routes.iter().map(Vec::len).sum();
        // Family, next hop and the reserved octet stand before the routes.
        let before = if self.withdraws { 3 } else { 5 };
        let long = usize::from(before + routes > usize::from(u8::MAX));
        HEADER + shell.body(true).len() + routes + long
    }

    /// Whether a message of the usual size takes it (RFC 4271 §4.1).
    pub fn fits(&self) -> bool {
        self.size() <= USUAL
    }
}

fn attribute(flags: u8, kind: u8, value: &[u8], out: &mut Vec<u8>) {
    if let Ok(length) = u8::try_from(value.len()) {
        out.extend_from_slice(&[flags, kind, length]);
    } else {
        // The bit that says two octets of length.
        out.extend_from_slice(&[flags | 0x10, kind]);
        out.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    out.extend_from_slice(value);
}

impl Input {
    /// One route, and nothing else.
    pub fn route(table: Table, framed: Vec<u8>) -> Self {
        Self::Updates(vec![Update::new(table, vec![framed])])
    }

    /// How many routes, lines or packets it holds.
    pub fn len(&self) -> usize {
        match self {
            Self::Updates(list) => list.iter().map(|update| update.routes.len()).sum(),
            Self::Text(lines) => lines.len(),
            Self::Packets(list) => list.len(),
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets are in what it holds.
    pub fn octets(&self) -> usize {
        match self {
            Self::Updates(list) => {
                list.iter().flat_map(|u| u.routes.iter().chain(&u.communities)).map(Vec::len).sum()
            }
            Self::Text(lines) => lines.iter().map(|line| line.len() + 1).sum(),
            Self::Packets(list) => list.iter().map(Vec::len).sum(),
        }
    }

    /// As text that [`Input::parse`] reads back: what findings are kept as.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        match self {
            Self::Updates(list) => {
                for update in list {
                    let verb = if update.withdraws { "withdraw" } else { "announce" };
                    out.push_str(verb);
                    out.push(' ');
                    out.push_str(update.table.name());
                    let without = [(update.no_origin, " no-origin"), (update.no_path, " no-path")];
                    without.iter().filter(|(is, _)| *is).for_each(|(_, word)| out.push_str(word));
                    out.push('\n');
                    update.communities.iter().for_each(|octets| line("community", octets, &mut out));
                    update.routes.iter().for_each(|octets| line("route", octets, &mut out));
                }
            }
            Self::Text(lines) => lines.iter().for_each(|text| line("text", text.as_bytes(), &mut out)),
            Self::Packets(list) => list.iter().for_each(|octets| line("packet", octets, &mut out)),
        }
        out
    }

    /// Reads what [`Input::to_text`] wrote; none where a line is not of it.
    pub fn parse(text: &str) -> Option<Self> {
        let mut updates: Vec<Update> = Vec::new();
        let (mut lines, mut packets) = (Vec::new(), Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "announce" | "withdraw" => {
                    let mut words = rest.split(' ');
                    let mut update = Update::new(Table::by_name(words.next()?)?, Vec::new());
                    update.withdraws = word == "withdraw";
                    for word in words {
                        match word {
                            "no-origin" => update.no_origin = true,
                            "no-path" => update.no_path = true,
                            _ => return None,
                        }
                    }
                    updates.push(update);
                }
                "community" => updates.last_mut()?.communities.push(unhex(rest)?),
                "route" => updates.last_mut()?.routes.push(unhex(rest)?),
                "text" => lines.push(String::from_utf8(unhex(rest)?).ok()?),
                "packet" => packets.push(unhex(rest)?),
                _ => return None,
            }
        }
        match (updates.is_empty(), lines.is_empty(), packets.is_empty()) {
            (false, true, true) => Some(Self::Updates(updates)),
            (true, false, true) => Some(Self::Text(lines)),
            (true, true, false) => Some(Self::Packets(packets)),
            _ => None,
        }
    }
}

fn line(word: &str, octets: &[u8], out: &mut String) {
    out.push_str(word);
    out.push(' ');
    for octet in octets {
        _ = write!(out, "{octet:02x}");
    }
    out.push('\n');
}

/// Octets from hex; none where it is none.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).and_then(|d| u8::try_from(d).ok())).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut update = Update::new(Table::Ipv6, vec![vec![3, 1, 8, 10], vec![]]);
        update.communities = vec![vec![0x80, 6, 0, 0, 0, 0, 0, 0], vec![1]];
        update.no_path = true;
        for input in [
            Input::Updates(vec![update.clone(), update.withdrawal()]),
            Input::Text(vec!["a b".into(), String::new(), "é".into()]),
            Input::Packets(vec![vec![0x45, 0]]),
        ] {
            assert_eq!(Input::parse(&input.to_text()).as_ref(), Some(&input), "{}", input.to_text());
        }
        assert_eq!(Input::parse("route 0"), None);
        assert_eq!(Input::parse("announce ipv4\nroute 0g"), None);
    }

    #[test]
    fn a_body_is_an_update_that_we_read() {
        let update = Update::new(Table::Ipv4, vec![vec![3, 1, 8, 10]]);
        let body = update.body(true);
        assert!(body.ends_with(&[0x80, 14, 9, 0, 1, 133, 0, 0, 3, 1, 8, 10]));
        assert!(update.withdrawal().body(true).ends_with(&[0x80, 15, 7, 0, 1, 133, 3, 1, 8, 10]));
        assert!(update.fits());
    }

    #[test]
    fn the_size_is_that_of_the_message() {
        for length in [0, 1, 249, 250, 251, 252, 253, 4_000, 4_096] {
            let mut update = Update::new(Table::Ipv4, vec![vec![0; length]]);
            update.communities = vec![vec![0; 8], vec![0; 20]];
            for update in [update.withdrawal(), update] {
                assert_eq!(update.size(), update.body(true).len() + 19, "{length}");
            }
        }
    }
}
