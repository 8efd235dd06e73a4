//! What the corpora say an NLRI means, as a predicate: `dst 192.0.2.0/24, proto == 6, port >=1024 and <=2047`.

use crate::packet::Packet;

type Predicate = Box<dyn Fn(&Packet) -> bool>;

pub(crate) struct Meaning {
    clauses: Vec<Predicate>,
    /// Every number in the words.
    pub(crate) values: Vec<u128>,
}

impl Meaning {
    pub(crate) fn holds(&self, packet: &Packet) -> bool {
        self.clauses.iter().all(|clause| clause(packet))
    }
}

/// The meaning of some words; none for words that say less than all (`dst 2001:dbb::/32 ...`).
pub(crate) fn parse(words: &str) -> Option<Meaning> {
    let mut meaning = Meaning { clauses: Vec::new(), values: Vec::new() };
    if words.is_empty() {
        return None;
    }
    for clause in words.split(", ") {
        let predicate = parse_clause(clause.trim(), &mut meaning.values)?;
        meaning.clauses.push(predicate);
    }
    Some(meaning)
}

fn parse_clause(clause: &str, values: &mut Vec<u128>) -> Option<Predicate> {
    let tcp: fn(&Packet) -> bool = |p| p.has(&[6], 14);
    Some(match clause {
        "never" | "every IPv4 component" => Box::new(|_| false),
        "all bits of empty mask: always (for TCP)" | "not(any of empty): always (for TCP)" => Box::new(tcp),
        "dscp == 0 after masking (or never)" => Box::new(|p| p.dscp == 0),
        "tcp flags (2 octet) bit 0x100 (former NS)" => Box::new(move |p| tcp(p) && p.flags & 0x100 != 0),
        "FF or IsF or LF" => Box::new(|p| p.is_later() || p.has_more()),
        "as rfc8956-ex2 source" => return parse_clause("src ::1234:5678:9a00:0/65-104", values),
        _ => {
            let (field, rest) = split_field(clause)?;
            match field {
                "dst" | "src" => prefix(field == "dst", rest, values)?,
                "tcp flags" => flags(rest)?,
                "fragment" => fragment(rest)?,
                _ => numeric(field, rest, values)?,
            }
        }
    })
}

fn split_field(clause: &str) -> Option<(&str, &str)> {
    const FIELDS: [&str; 13] = [
        "dst",
        "src",
        "proto",
        "port",
        "dport",
        "sport",
        "icmp type",
        "icmp code",
        "tcp flags",
        "packet length",
        "dscp",
        "fragment",
        "flow label",
    ];
    FIELDS.iter().find_map(|field| Some((*field, clause.strip_prefix(field)?.strip_prefix(' ')?.trim())))
}

fn prefix(destination: bool, text: &str, values: &mut Vec<u128>) -> Option<Predicate> {
    let (addr, lengths) = text.split_once('/')?;
    let (offset, length) = lengths.split_once('-').unwrap_or(("0", lengths));
    let (offset, length): (u32, u32) = (offset.parse().ok()?, length.parse().ok()?);
    let (addr, width) = match addr.parse().ok()? {
        std::net::IpAddr::V4(addr) => (u128::from(u32::from(addr)), 32),
        std::net::IpAddr::V6(addr) => (u128::from(addr), 128),
    };
    values.push(addr);
    Some(Box::new(move |p| {
        let it = if destination { p.dst } else { p.src };
        // Bit n counts from the top of the address.
        (offset..length).all(|n| (it ^ addr) >> (width - 1 - n) & 1 == 0)
    }))
}

fn flag(name: &str) -> Option<u16> {
    let names = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"];
    names.iter().position(|n| *n == name).map(|bit| 1 << bit)
}

fn flags(text: &str) -> Option<Predicate> {
    let text = text.trim_start_matches("(2 octet)").trim();
    if let Some(list) = text.strip_prefix("any of {").and_then(|t| t.strip_suffix('}')) {
        let bits = list.split(',').map(flag).try_fold(0, |all, bit| Some(all | bit?))?;
        return Some(Box::new(move |p| p.has(&[6], 14) && p.flags & bits != 0));
    }
    let text = text.trim_end_matches(" both set").replace('+', " and ");
    let (mut set, mut clear) = (0, 0);
    for word in text.split(" and ") {
        match word.strip_prefix("not ") {
            Some(word) => clear |= flag(word)?,
            None => set |= flag(word)?,
        }
    }
    Some(Box::new(move |p| p.has(&[6], 14) && p.flags & set == set && p.flags & clear == 0))
}

fn fragment(text: &str) -> Option<Predicate> {
    let one = |name: &str| -> Option<Predicate> {
        Some(match name {
            "DF" => Box::new(|p| !p.six && p.df),
            "IsF" => Box::new(Packet::is_later),
            "FF" => Box::new(|p| !p.is_later() && p.has_more()),
            "LF" => Box::new(|p| p.is_later() && !p.has_more()),
            _ => return None,
        })
    };
    let list = |text: &str, by: &str| text.split(by).map(one).collect::<Option<Vec<_>>>();
    if let Some(names) = text.strip_prefix("any of {").and_then(|t| t.strip_suffix('}')) {
        let names = list(names, ",")?;
        return Some(Box::new(move |p| names.iter().any(|name| name(p))));
    }
    if let Some(name) = text.strip_prefix("not ") {
        let name = one(name)?;
        return Some(Box::new(move |p| !name(p)));
    }
    let names = list(text, " and ")?;
    Some(Box::new(move |p| names.iter().all(|name| name(p))))
}

/// `>10 or (==80 and <100)`: alternatives of comparisons that must all hold.
fn numeric(field: &str, text: &str, values: &mut Vec<u128>) -> Option<Predicate> {
    let text = text.trim_end_matches(" (never)").replace(['(', ')'], "");
    let mut groups = Vec::new();
    for group in text.split(" or ") {
        let mut all: Vec<Box<dyn Fn(u128) -> bool>> = Vec::new();
        for test in group.split(" and ") {
            let test = test.trim();
            let digits = test.find(|c: char| c.is_ascii_digit());
            let (op, number) = test.split_at(digits.unwrap_or(test.len()));
            let number = match number.strip_prefix("0x") {
                Some(hex) => u128::from_str_radix(hex, 16).ok(),
                None => number.parse().ok(),
            };
            if let Some(number) = number {
                values.push(number);
            }
            let n = number.unwrap_or(0);
            all.push(match (op.trim(), number) {
                ("" | "==", Some(_)) => Box::new(move |x| x == n),
                ("!=", Some(_)) => Box::new(move |x| x != n),
                (">", Some(_)) => Box::new(move |x| x > n),
                ("<", Some(_)) => Box::new(move |x| x < n),
                (">=", Some(_)) => Box::new(move |x| x >= n),
                ("<=", Some(_)) => Box::new(move |x| x <= n),
                ("true all", None) => Box::new(|_| true),
                ("false none", None) => Box::new(|_| false),
                _ => return None,
            });
        }
        groups.push(all);
    }
    let list = move |x: u128| groups.iter().any(|group| group.iter().all(|test| test(x)));
    let ports = |p: &Packet, octets| p.has(&[6, 17], octets);
    let icmp = |p: &Packet, octets| p.has(if p.six { &[58] } else { &[1] }, octets);
    Some(match field {
        "proto" => Box::new(move |p| p.proto.is_some_and(|x| list(x.into()))),
        "port" => {
            Box::new(move |p| ports(p, 2) && list(p.sport.into()) || ports(p, 4) && list(p.dport.into()))
        }
        "dport" => Box::new(move |p| ports(p, 4) && list(p.dport.into())),
        "sport" => Box::new(move |p| ports(p, 2) && list(p.sport.into())),
        "icmp type" => Box::new(move |p| icmp(p, 1) && list(p.icmp_type.into())),
        "icmp code" => Box::new(move |p| icmp(p, 2) && list(p.icmp_code.into())),
        "packet length" => Box::new(move |p| list(p.len.into())),
        "dscp" => Box::new(move |p| list(p.dscp.into())),
        "flow label" => Box::new(move |p| p.six && list(p.label.into())),
        _ => return None,
    })
}
