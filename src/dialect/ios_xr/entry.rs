//! One line of an access list to an [`Entry`].

use super::names;
use super::syntax::{Address, Entry, Part, Ports, Read, fault};
use super::words::Words;

/// Reads an entry from behind its number into `entry`. Counters that `show access-lists` prints in parentheses end
/// it.
pub(super) fn read<'a>(line: &'a str, six: bool, entry: &mut Entry<'a>) -> Read<'a, ()> {
    entry.protocol = "";
    entry.source = Address::Missing;
    entry.destination = Address::Missing;
    (entry.source_ports, entry.destination_ports) = (None, None);
    entry.parts.clear();
    let mut words = Words::new(line);
    entry.permit = words.next() == "permit";
    // `deny icmp-off ..`: no message to the sender.
    if words.peek() == "icmp-off" {
        let word = words.next();
        entry.parts.push(Part { word, text: word });
    }
    if let Some(address) = address(&mut words)? {
        entry.source = address;
    } else {
        let word = words.peek();
        if word.is_empty() || names::protocol(word, six).is_none() && !is_foreign(word) {
            return Err(fault(word, "a protocol or an address"));
        }
        entry.protocol = words.next();
        entry.source = address(&mut words)?.ok_or(fault(words.peek(), "a source address"))?;
    }
    entry.source_ports = ports(&mut words)?;
    match address(&mut words)? {
        Some(address) => entry.destination = address,
        // Only the form without a protocol may leave the destination out.
        None if entry.protocol.is_empty() && entry.source_ports.is_none() => entry.destination = Address::Any,
        None => return Err(fault(words.peek(), "a destination address")),
    }
    // Behind the addresses of ICMP and IGMP the operators are for types.
    if !matches!(entry.protocol, "icmp" | "icmpv6" | "igmp" | "1" | "2" | "58") {
        entry.destination_ports = ports(&mut words)?;
    }
    while !words.is_empty() {
        let (word, more) = part(&mut words)?;
        let Some(word) = word else { break };
        entry.parts.push(Part { word, text: more });
    }
    Ok(())
}

// `ipv4` in an IPv6 list and the other way round: the rest can still be read.
fn is_foreign(word: &str) -> bool {
    matches!(word, "ipv4" | "ip" | "ipv6" | "icmpv6")
}

fn address<'a>(words: &mut Words<'a>) -> Read<'a, Option<Address<'a>>> {
    let first = words.peek();
    let value = |words: &mut Words<'a>, expected| {
        words.next();
        let word = words.next();
        if word.is_empty() { Err(fault(word, expected)) } else { Ok(word) }
    };
    Ok(Some(match first {
        "any" => {
            words.next();
            Address::Any
        }
        "host" => Address::Host(value(words, "an address")?),
        "net-group" => Address::Group(value(words, "the name of a group")?),
        _ if first.contains('/') && first.contains(['.', ':']) => Address::Prefix(words.next()),
        _ if first.contains(['.', ':']) && !first.starts_with('(') => {
            words.next();
            if words.peek().contains(['.', ':']) && !words.peek().starts_with('(') {
                Address::Wildcard(first, words.next())
            } else {
                return Err(fault(words.peek(), "a wildcard behind the address"));
            }
        }
        _ => return Ok(None),
    }))
}

fn ports<'a>(words: &mut Words<'a>) -> Read<'a, Option<Ports<'a>>> {
    let word = words.peek();
    let count = match word {
        "eq" | "neq" | "lt" | "gt" => 1,
        "range" => 2,
        "port-group" => {
            words.next();
            let name = words.next();
            if name.is_empty() {
                return Err(fault(name, "the name of a group"));
            }
            return Ok(Some(Ports::Group(name)));
        }
        _ => return Ok(None),
    };
    let op = words.next();
    let first = words.next();
    let second = if count == 2 { words.next() } else { first };
    if second.is_empty() || first.is_empty() {
        return Err(fault(second, "a port"));
    }
    Ok(Some(Ports::Compare(op, first, second)))
}

/// The next part, with its values; none at the parentheses that end an entry.
fn part<'a>(words: &mut Words<'a>) -> Read<'a, (Option<&'a str>, &'a str)> {
    let from = *words;
    let word = words.next();
    if word.starts_with('(') {
        return Ok((None, ""));
    }
    match word {
        "dscp" | "precedence" | "fragment-offset" | "packet-length" | "ttl" | "vlan" | "flow-label"
        | "traffic-class" => compared(words)?,
        "counter" => need(words, 1)?,
        "set" | "udf" => need(words, if word == "set" { 2 } else { 3 })?,
        "fragment-type" => {
            need(words, 1)?;
            while is_fragment_kind(words.peek()) {
                words.next();
            }
        }
        "match-any" | "match-all" => {
            while words.peek().starts_with(['+', '-']) {
                words.next();
            }
        }
        "police" => {
            need(words, 1)?;
            while matches!(words.peek(), "bps" | "kbps" | "mbps" | "gbps" | "pps") {
                words.next();
            }
            while matches!(words.peek(), "burst" | "peak-rate" | "peer") {
                words.next();
                need(words, 1)?;
            }
        }
        "default" => {
            let next = words.next();
            if !is_next_hop(next) {
                return Err(fault(next, "a next hop"));
            }
            next_hop(words)?;
        }
        _ if is_next_hop(word) => next_hop(words)?,
        // A type of ICMP and perhaps its code, or types between two.
        "range" => need(words, 2)?,
        "eq" => need(words, 1)?,
        _ if names::number(word).is_some() && names::number(words.peek()).is_some() => {
            words.next();
        }
        _ => {}
    }
    let start = from.rest();
    let length = start.len() - words.rest().len();
    let text = start.get(..length).unwrap_or(start).trim_end_matches([' ', '\t', '\r']);
    Ok((Some(word), text))
}

/// Whether words are one part of an entry, as they would be read.
pub(super) fn is_one_part(mut words: Words<'_>) -> bool {
    let whole = words.rest();
    let found = part(&mut words);
    found.is_ok_and(|(word, text)| word.is_some() && text == whole) && words.is_empty()
}

fn is_fragment_kind(word: &str) -> bool {
    matches!(word, "dont-fragment" | "first-fragment" | "is-fragment" | "last-fragment")
}

pub(super) fn is_next_hop(word: &str) -> bool {
    matches!(word, "nexthop" | "nexthop1" | "nexthop2" | "nexthop3")
}

fn need<'a>(words: &mut Words<'a>, count: usize) -> Read<'a, ()> {
    for _ in 0..count {
        let word = words.next();
        if word.is_empty() || word.starts_with('(') {
            return Err(fault(word, "a value"));
        }
    }
    Ok(())
}

// A value, an operator with one, or a range.
fn compared<'a>(words: &mut Words<'a>) -> Read<'a, ()> {
    match words.peek() {
        "eq" | "neq" | "lt" | "gt" => need(words, 2),
        "range" => need(words, 3),
        _ => need(words, 1),
    }
}

// `[track T] [vrf V] [ipv4 A | ipv6 A]`
fn next_hop<'a>(words: &mut Words<'a>) -> Read<'a, ()> {
    while matches!(words.peek(), "track" | "vrf" | "ipv4" | "ipv6" | "route-target") {
        words.next();
        need(words, 1)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(line: &str) -> Vec<&str> {
        let mut entry = Entry::default();
        read(line, false, &mut entry).unwrap();
        entry.parts.iter().map(|part| part.text).collect()
    }

    #[test]
    fn options_keep_their_values() {
        let line = "permit tcp 10.0.0.0 0.0.0.255 range 1 5 any eq www ack syn ttl range 1 5 \
                    nexthop1 vrf V ipv4 1.2.3.4 nexthop2 ipv4 5.6.7.8 log (3 matches)";
        let want =
            ["ack", "syn", "ttl range 1 5", "nexthop1 vrf V ipv4 1.2.3.4", "nexthop2 ipv4 5.6.7.8", "log"];
        assert_eq!(parts(line), want);
        assert_eq!(parts("permit icmp any any 3 4 dscp ef"), ["3 4", "dscp ef"]);
        assert_eq!(parts("deny icmp-off ipv4 any any"), ["icmp-off"]);
    }

    #[test]
    fn what_is_missing_is_said_where_it_should_stand() {
        let mut entry = Entry::default();
        let mut expected = |line| read(line, false, &mut entry).err().map(|fault| (fault.at, fault.expected));
        assert_eq!(expected("permit tcp any"), Some(("", "a destination address")));
        assert_eq!(expected("permit frob any any"), Some(("frob", "a protocol or an address")));
        assert_eq!(expected("permit ipv4 10.0.0.0 any"), Some(("any", "a wildcard behind the address")));
        assert_eq!(expected("permit any"), None);
        assert_eq!(expected("permit 10.0.0.0 0.0.0.255"), None);
        assert_eq!(expected("permit any any"), None);
    }
}
