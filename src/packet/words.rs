//! Packets in words: `udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200`.
//!
//! What is not said is filled as [`complete`] fills it, and what is as filled is not said: a printed packet reads
//! back as the same. Behind the usual words any field may follow by its name, as `id 7` or `seq 1`.

mod print;

pub use print::print;

use super::complete;
use crate::field::{CtState, Field, GROUPS, Headers};
use crate::ir::Interface;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Why words are no packet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("column {}: {what}", at + 1)]
pub struct WordsError {
    /// Where, in characters from the beginning.
    pub at: usize,
    /// What is wrong.
    pub what: String,
}

/// The protocols with a name.
const PROTOCOLS: &[(&str, u32)] = &[
    ("tcp", 6),
    ("udp", 17),
    ("icmp", 1),
    ("icmp6", 58),
    ("igmp", 2),
    ("sctp", 132),
    ("dccp", 33),
    ("udplite", 136),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("none", 59),
];

/// Letters of TCP flags from the lowest bit.
const FLAGS: &str = "FSRPAUECN";

/// The word of an interface that is in no group.
const NO_GROUP: &str = "none";

/// The word of a packet whose protocol is not said.
const ANY_PROTOCOL: &str = "ip";

/// The offset that `frag middle` and `frag last` stand for: behind 1,480 octets.
const LATER: u32 = 185;

/// Reads a packet in words. Interfaces are looked up in `symbols`, the names of a document, as [`Interface::find`]
/// does; one of which none of them speaks is a symbol of its own, behind all of them.
///
/// ```
/// use flowgate::field::Field;
/// use flowgate::packet::words;
///
/// let headers = words::parse("udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200", &[])?;
/// assert_eq!(headers.small(Field::Len), Some(1200));
/// assert_eq!(words::print(&headers, &[]), "udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200");
/// # Ok::<(), words::WordsError>(())
/// ```
pub fn parse(text: &str, symbols: &[Box<str>]) -> Result<Headers, WordsError> {
    let mut parser = Parser { words: Words::new(text), headers: Headers::new(), said: Vec::new(), symbols };
    parser.packet()?;
    let Parser { words, mut headers, said, .. } = parser;
    complete(&mut headers).map_err(|error| {
        let said = said.iter().rev().find(|(field, _)| *field == error.field);
        WordsError { at: said.map_or(words.start(), |(_, at)| *at), what: error.to_string() }
    })?;
    Ok(headers)
}

/// The words of a text with their places in characters.
struct Words<'a> {
    list: Vec<(usize, &'a str)>,
    next: usize,
    end: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        let mut list = Vec::new();
        let mut rest = text;
        let mut at = 0;
        while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
            let (space, word) = rest.split_at(start);
            let (word, tail) = word.split_at(word.find(char::is_whitespace).unwrap_or(word.len()));
            at += space.chars().count();
            list.push((at, word));
            at += word.chars().count();
            rest = tail;
        }
        Self { list, next: 0, end: at }
    }

    fn start(&self) -> usize {
        self.list.first().map_or(0, |(at, _)| *at)
    }

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let word = self.list.get(self.next).copied();
        self.next += usize::from(word.is_some());
        word
    }

    fn expect(&mut self, what: &str) -> Result<(usize, &'a str), WordsError> {
        self.next().ok_or_else(|| WordsError { at: self.end, what: format!("{what} expected") })
    }
}

struct Parser<'a> {
    words: Words<'a>,
    headers: Headers,
    // Which field was said where, for errors found when all is known.
    said: Vec<(Field, usize)>,
    symbols: &'a [Box<str>],
}

impl Parser<'_> {
    fn packet(&mut self) -> Result<(), WordsError> {
        let (at, word) = self.words.expect("a protocol")?;
        let protocol = match (word, PROTOCOLS.iter().find(|(name, _)| *name == word)) {
            (ANY_PROTOCOL, _) => None,
            (_, Some((_, number))) => Some(*number),
            (_, None) => Some(number(at, word, 255).map_err(|_| fail(at, word, "is no protocol"))?),
        };
        if let Some(protocol) = protocol {
            self.set(Field::Proto, protocol, at);
        }
        self.endpoint(Field::Src4, Field::Src6, Field::Sport)?;
        let (at, word) = self.words.expect("`>`")?;
        if word != ">" {
            return Err(fail(at, word, "stands where `>` is expected"));
        }
        self.endpoint(Field::Dst4, Field::Dst6, Field::Dport)?;
        let v6 = self.said.iter().any(|(field, _)| *field == Field::Src6);
        if v6 != self.said.iter().any(|(field, _)| *field == Field::Dst6) {
            return Err(WordsError { at, what: "the addresses are of two families".to_owned() });
        }
        let version = if v6 { 6 } else { 4 };
        self.set(Field::IpVersion, version, self.words.start());
        while let Some((at, word)) = self.words.next() {
            self.option(at, word, protocol, v6)?;
        }
        Ok(())
    }

    fn set(&mut self, field: Field, value: u32, at: usize) {
        self.headers.set(field, value);
        self.said.push((field, at));
    }

    fn set_wide(&mut self, field: Field, value: u128, at: usize) {
        self.headers.set_wide(field, value);
        self.said.push((field, at));
    }

    /// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
    fn endpoint(&mut self, v4: Field, v6: Field, port: Field) -> Result<(), WordsError> {
        let (at, word) = self.words.expect("an address")?;
        let bracket = word.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let (address, port_text) = match bracket {
            Some((address, "")) => (address, None),
            Some((address, rest)) => {
                (address, Some(rest.strip_prefix(':').ok_or_else(|| fail(at, word, "is no address"))?))
            }
            None if word.parse::<Ipv6Addr>().is_ok() => (word, None),
            None => word.split_once(':').map_or((word, None), |(address, port)| (address, Some(port))),
        };
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            self.set_wide(v6, address.to_bits(), at);
        } else if let (Ok(address), None) = (address.parse::<Ipv4Addr>(), bracket) {
            self.set(v4, address.to_bits(), at);
        } else {
            return Err(fail(at, address, "is no address"));
        }
        if let Some(text) = port_text {
            let offset = word.chars().count() - text.chars().count();
            let value = number(at + offset, text, 65_535)?;
            self.set(port, value, at + offset);
        }
        Ok(())
    }

    fn option(&mut self, at: usize, word: &str, protocol: Option<u32>, v6: bool) -> Result<(), WordsError> {
        match word {
            "df" if !v6 => {
                self.set(Field::Df, 1, at);
                return Ok(());
            }
            "flags" | "frag" | "iface" | "out-iface" | "type" | "code" => {}
            _ => return self.field(at, word),
        }
        let (value_at, value) = self.words.expect(&format!("a value of `{word}`"))?;
        match word {
            "flags" => {
                let flags = flags(value_at, value)?;
                self.set(Field::TcpFlags, flags, value_at);
            }
            "frag" => self.fragment(value_at, value, v6)?,
            "iface" => self.interface(Field::InIface, value_at, value)?,
            "out-iface" => self.interface(Field::OutIface, value_at, value)?,
            _ => {
                let field = match (word, protocol) {
                    ("type", Some(1)) => Field::IcmpType,
                    ("code", Some(1)) => Field::IcmpCode,
                    ("type", Some(58)) => Field::Icmp6Type,
                    ("code", Some(58)) => Field::Icmp6Code,
                    ("type", Some(2)) => Field::IgmpType,
                    _ => return Err(fail(at, word, "is for `icmp` and `icmp6`")),
                };
                self.set(field, number(value_at, value, 255)?, value_at);
            }
        }
        Ok(())
    }

    fn fragment(&mut self, at: usize, value: &str, v6: bool) -> Result<(), WordsError> {
        let (offset, more) = match value {
            "none" => (0, false),
            "first" => (0, true),
            "middle" => (LATER, true),
            "last" => (LATER, false),
            _ => {
                let (digits, more) = value.strip_suffix('+').map_or((value, false), |digits| (digits, true));
                (number(at, digits, 0x1fff)?, more)
            }
        };
        self.set(Field::FragOff, offset, at);
        if v6 && value == "none" {
            self.set(Field::IsFragHeader, 0, at);
            return Ok(());
        }
        self.set(Field::IsFragHeader, 1, at);
        self.set(Field::Mf, u32::from(more), at);
        Ok(())
    }

    fn interface(&mut self, field: Field, at: usize, name: &str) -> Result<(), WordsError> {
        let index = match name.strip_prefix('#') {
            Some(digits) => return number(at, digits, u32::MAX).map(|index| self.set(field, index, at)),
            None => Interface::find(name, self.symbols),
        };
        let index = index.unwrap_or(self.symbols.len());
        self.set(field, u32::try_from(index).unwrap_or(u32::MAX), at);
        Ok(())
    }

    /// `none`, or the groups an interface is in: names or numbers of symbols, joined by commas.
    fn groups(&self, at: usize, text: &str) -> Result<u128, WordsError> {
        if text == NO_GROUP {
            return Ok(0);
        }
        let mut bits = 0;
        for name in text.split(',') {
            let index = if let Some(digits) = name.strip_prefix('#') {
                number(at, digits, GROUPS - 1)?
            } else {
                let index = self.symbols.iter().position(|symbol| **symbol == *name);
                u32::try_from(index.unwrap_or(self.symbols.len())).unwrap_or(u32::MAX)
            };
            let bit = 1_u128.checked_shl(index);
            bits |= bit.ok_or_else(|| fail(at, name, "is behind the groups that are told apart"))?;
        }
        Ok(bits)
    }

    /// Any field by its name.
    fn field(&mut self, at: usize, word: &str) -> Result<(), WordsError> {
        let field = match word {
            "label" => Field::FlowLabel,
            _ => Field::by_name(word).ok_or_else(|| fail(at, word, "is no word of a packet"))?,
        };
        let (value_at, value) = self.words.expect(&format!("a value of `{word}`"))?;
        let value = match (field, mac(value)) {
            (Field::EthSrc | Field::EthDst, Some(address)) => address,
            (Field::CtState, _) => match CtState::by_name(value) {
                Some(state) => state as u128,
                None => return Err(fail(value_at, value, "is no connection state")),
            },
            (Field::InGroup | Field::OutGroup, _) => self.groups(value_at, value)?,
            _ => wide_number(value_at, value, field.info().max)?,
        };
        self.set_wide(field, value, value_at);
        Ok(())
    }
}

fn fail(at: usize, word: &str, what: &str) -> WordsError {
    WordsError { at, what: format!("`{word}` {what}") }
}

fn number(at: usize, text: &str, max: u32) -> Result<u32, WordsError> {
    let value = wide_number(at, text, u128::from(max))?;
    u32::try_from(value).map_err(|_| fail(at, text, "is too large"))
}

/// Decimal, or hexadecimal behind `0x`.
fn wide_number(at: usize, text: &str, max: u128) -> Result<u128, WordsError> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) if digits.bytes().all(|b| b.is_ascii_hexdigit()) => {
            u128::from_str_radix(digits, 16).ok()
        }
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        _ => None,
    };
    match parsed {
        Some(value) if value <= max => Ok(value),
        Some(_) => Err(WordsError { at, what: format!("`{text}` is more than {max}") }),
        None => Err(fail(at, text, "is no number")),
    }
}

/// A MAC address of six pairs of hexadecimal digits.
fn mac(text: &str) -> Option<u128> {
    let mut pairs = text.split(':');
    let mut address = 0;
    for _ in 0..6 {
        let pair = pairs.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        address = address << 8 | u128::from(u8::from_str_radix(pair, 16).ok()?);
    }
    pairs.next().is_none().then_some(address)
}

/// Letters as in `SA`, `none`, or a number.
fn flags(at: usize, text: &str) -> Result<u32, WordsError> {
    if text == "none" {
        return Ok(0);
    }
    let mut bits = 0;
    for letter in text.chars() {
        match FLAGS.find(letter.to_ascii_uppercase()) {
            Some(bit) => bits |= 1 << bit,
            None => return number(at, text, 0xfff).map_err(|_| fail(at, text, "are no TCP flags")),
        }
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(text: &str) {
        let symbols = ["xe-0/0/0".into()];
        match parse(text, &symbols) {
            Ok(headers) => assert_eq!(print(&headers, &symbols), text),
            Err(error) => panic!("{text}: {error}"),
        }
    }

    #[test]
    fn canonical_words_read_and_print_alike() {
        for text in [
            "tcp 198.51.100.7:40000 > 192.0.2.1:179 flags S len 60",
            "tcp 198.51.100.7:1 > 192.0.2.1:2 flags none len 40 dscp 46 ttl 255 df",
            "udp 198.51.100.7:53 > 192.0.2.9:40000 len 1200 frag first",
            "udp 198.51.100.7 > 192.0.2.9 len 1200 frag middle",
            "udp 198.51.100.7 > 192.0.2.9 len 28 frag 7+",
            "icmp 0.0.0.0 > 255.255.255.255 type 3 code 4 len 28 icmp.mtu 1400",
            "icmp6 2001:db8::1 > ff02::1 type 135 code 0 len 64 label 1048575",
            "udp [2001:db8::1]:5 > [2001:db8::2]:6 len 48 iface xe-0/0/0",
            "udp [2001:db8::1]:5 > [2001:db8::2]:6 len 56 frag 0",
            "udp [2001:db8::1]:5 > [2001:db8::2]:6 len 56 frag 0 frag.id 7",
            "esp 198.51.100.7 > 192.0.2.9 len 28 esp.spi 7",
            "udp 198.51.100.7:1 > 192.0.2.9:2 len 28 eth.src 02:00:00:00:00:0f eth.type 0x0800 vlan 5",
            "gre 198.51.100.7 > 192.0.2.9 len 28 gre.key 7",
            "253 198.51.100.7 > 192.0.2.9 len 20",
            "none 2001:db8::1 > 2001:db8::2 len 40",
            "ip 2001:db8::1 > 2001:db8::2 len 48 l4.status 4",
            "tcp 198.51.100.7:1 > 192.0.2.1:2 len 24",
            "udp 198.51.100.7 > 192.0.2.9 len 20 iface xe-0/0/0 iface-group xe-0/0/0,#9 out-iface-group none",
            "udp 198.51.100.7 > 192.0.2.9 len 20 ct.state established meta.mark 7",
        ] {
            same(text);
        }
    }

    #[test]
    fn errors_say_the_column() {
        for (text, at) in [
            ("", 0),
            ("tpc 192.0.2.1 > 192.0.2.2", 0),
            ("tcp 192.0.2.1:65536 > 192.0.2.2", 14),
            ("tcp 192.0.2 > 192.0.2.2", 4),
            ("tcp 192.0.2.1 - 192.0.2.2", 14),
            ("tcp 192.0.2.1 > 2001:db8::1", 14),
            ("tcp 192.0.2.1 > 192.0.2.2 flags Q", 32),
            ("tcp 192.0.2.1 > 192.0.2.2 len", 29),
            ("tcp 192.0.2.1 > 192.0.2.2 len 65536", 30),
            ("udp 192.0.2.1 > 192.0.2.2 flags S", 32),
            ("udp 192.0.2.1:1 > 192.0.2.2:1 frag last", 14),
            ("udp 192.0.2.1 > 192.0.2.2 colour 3", 26),
            ("udp 192.0.2.1 > 192.0.2.2 ct.state old", 35),
            ("udp 192.0.2.1 > 192.0.2.2 iface-group #128", 38),
        ] {
            let error = parse(text, &[]).unwrap_err();
            assert_eq!(error.at, at, "{text}: {error}");
        }
    }
}
