//! What an entry of an access list means.
//!
//! Fragments (Cisco, "Access control lists and IP fragments", document 8014; IOS XR follows it): an entry with only
//! layer 3 in it counts for every fragment; a *permit* with ports, flags or types counts for later fragments by its
//! layer 3 alone; a *deny* with them does not count for later fragments; `fragments` counts for later ones only.

use super::entry::is_next_hop;
use super::findings::shown;
use super::lower::Reader;
use super::names::{self, Protocol};
use super::syntax::{Address, Entry, Fault, Part, Ports, Read, fault};
use super::values::{self, Comparison, Members, Shape, Width};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Field, ext};
use crate::ir::{Action, Condition, Rate, RateUnit, ValueSet};
use crate::net::{BitMatch, BitSet, IntervalSet};
use crate::source::Span;
use std::net::IpAddr;

/// The largest fragment offset.
pub(super) const LAST_OFFSET: u32 = 0x1fff;

/// Parts of one entry, by layer. It is filled again for every entry.
#[derive(Debug, Default)]
pub(super) struct Parts {
    three: Vec<Condition>,
    four: Vec<Condition>,
    // Flags that must all be set, and where the first stands.
    flags: Option<(u32, Span)>,
    fragments: Option<Span>,
    protocol: Option<u8>,
    pub(super) actions: Vec<Action>,
}

/// Extension headers an IPv6 protocol number stands for: they are never the upper-layer protocol.
fn extension(protocol: u8) -> Option<u32> {
    Some(match protocol {
        0 => ext::HOP_BY_HOP,
        43 => ext::ROUTING,
        44 => ext::FRAGMENT,
        51 => ext::AUTHENTICATION,
        60 => ext::DESTINATION,
        135 => ext::MOBILITY,
        139 => ext::HOST_IDENTITY,
        140 => ext::SHIM6,
        _ => return None,
    })
}

/// The condition that an extension header is there.
pub(super) fn has_header(bit: u32, span: Span) -> Condition {
    Condition::test_at(Field::ExtHdrs, ValueSet::bits(bit.into(), bit.into()), span)
}

/// Every fragment but the first.
pub(super) fn later() -> ValueSet {
    ValueSet::range(1, LAST_OFFSET)
}

impl<'a> Reader<'a> {
    fn span(&self, part: &str) -> Span {
        Span::of(self.text, part)
    }

    /// A part that could not be read or is not modelled.
    pub(super) fn opaque(&self, text: &str, reason: &'static str) -> Condition {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Condition::opaque(format!("ios-xr {words}"), reason, self.span(text))
    }

    pub(super) fn fault(&mut self, fault: Fault<'a>) {
        let message = match fault.at {
            "" => format!("expected {} here", fault.expected),
            at => format!("expected {}, not `{}`", fault.expected, shown(at)),
        };
        self.findings.add(raised::SYNTAX_ERROR, Level::Error, Span::of(self.text, fault.at), message);
    }

    /// The condition of an entry; its actions are in `parts`.
    pub(super) fn condition(&mut self, entry: &Entry<'a>, six: bool, parts: &mut Parts) -> Condition {
        parts.three.clear();
        parts.four.clear();
        parts.actions.clear();
        (parts.flags, parts.fragments, parts.protocol) = (None, None, None);
        self.protocol(entry, six, parts);
        self.address(entry.source, six, true, parts);
        self.address(entry.destination, six, false, parts);
        self.ports(entry.source_ports, Field::Sport, parts);
        self.ports(entry.destination_ports, Field::Dport, parts);
        for part in &entry.parts {
            if let Err(fault) = self.part(*part, entry.permit, six, parts) {
                self.fault(fault);
                let what = self.opaque(part.text, "this part could not be read");
                parts.three.push(what);
            }
        }
        if let Some((flags, span)) = parts.flags {
            let set = ValueSet::bits(flags.into(), flags.into());
            parts.four.push(Condition::test_at(Field::TcpFlags, set, span));
        }
        self.assemble(entry.permit, parts)
    }

    fn assemble(&mut self, permit: bool, parts: &mut Parts) -> Condition {
        if let Some(span) = parts.fragments {
            if !parts.four.is_empty() {
                self.findings.add_with_help(
                    raised::SYNTAX_ERROR,
                    Level::Error,
                    span,
                    "`fragments` stands beside ports, flags or types, which later fragments do not have",
                    "write an entry for the fragments and one for the ports",
                );
                let what =
                    Condition::opaque("ios-xr fragments with ports", "routers refuse this entry", span);
                parts.three.push(what);
                parts.four.clear();
            }
            parts.three.push(Condition::test_at(Field::FragOff, later(), span));
        }
        if !parts.four.is_empty() {
            if permit {
                let known = Condition::and(parts.four.drain(..));
                let span = match &known {
                    Condition::Test(test) => test.span(),
                    _ => Span::default(),
                };
                let fragment = Condition::test_at(Field::FragOff, later(), span);
                parts.three.push(Condition::Or(Box::new([known, fragment])));
            } else {
                parts.three.append(&mut parts.four);
            }
        }
        match parts.three.len() {
            0 => Condition::True,
            1 => parts.three.pop().unwrap_or(Condition::True),
            _ => Condition::And(parts.three.drain(..).collect()),
        }
    }

    fn protocol(&mut self, entry: &Entry<'a>, six: bool, parts: &mut Parts) {
        let word = entry.protocol;
        if word.is_empty() {
            return;
        }
        let span = self.span(word);
        if !six && matches!(word, "icmpv6") || six && matches!(word, "ipv4" | "ip" | "igmp") {
            self.mixed(word, six);
            let what = self.opaque(word, "this is of the other address family");
            parts.three.push(what);
            return;
        }
        if let Some(Protocol::Number(number)) = names::protocol(word, six) {
            parts.protocol = Some(number);
            parts.three.push(match extension(number).filter(|_| six) {
                Some(bit) => has_header(bit, span),
                None => Condition::test_at(Field::Proto, ValueSet::single(number.into()), span),
            });
        }
    }

    fn mixed(&mut self, word: &str, six: bool) {
        let (this, other) = if six { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
        let message = format!("`{}` is of {other} and stands in an {this} list", shown(word));
        let span = self.span(word);
        let help = "write it into a list of its own family";
        self.findings.add_with_help(raised::MIXED_FAMILY, Level::Error, span, message, help);
    }

    fn address(&mut self, address: Address<'a>, six: bool, source: bool, parts: &mut Parts) {
        let field = match (six, source) {
            (false, true) => Field::Src4,
            (false, false) => Field::Dst4,
            (true, true) => Field::Src6,
            (true, false) => Field::Dst6,
        };
        let (word, values) = match address {
            Address::Missing | Address::Any => return,
            Address::Host(word) => (word, host(word, six)),
            Address::Prefix(word) => (word, self.prefix(word, six)),
            Address::Wildcard(base, wildcard) => {
                let whole = self.span(base).to(self.span(wildcard));
                let whole = self.text.get(whole.range()).unwrap_or(base);
                (whole, self.wildcard(base, wildcard, six))
            }
            Address::Group(word) => {
                let width = if six { Width::Six } else { Width::Four };
                let values = self.groups.values(width, word, &mut self.findings);
                let reason = "the group is not known";
                let side = if source { "source" } else { "destination" };
                match values {
                    Some(values) => parts.three.push(Condition::test_at(field, values, self.span(word))),
                    None => parts.three.push(Condition::opaque(
                        format!("ios-xr {side} net-group {word}"),
                        reason,
                        self.span(word),
                    )),
                }
                return;
            }
        };
        match values {
            Some(values) if is_everything(&values, field) => {}
            Some(values) => parts.three.push(Condition::test_at(field, values, self.span(word))),
            None => {
                let other = if six {
                    word.contains('.') && !word.contains(':')
                } else {
                    word.contains(':') && !word.contains('.')
                };
                if other {
                    self.mixed(word, six);
                } else {
                    self.fault(fault(word, "an address"));
                }
                let side = if source { "source" } else { "destination" };
                let id = format!("ios-xr {side} {word}");
                parts.three.push(Condition::opaque(id, "this address could not be read", self.span(word)));
            }
        }
    }

    fn prefix(&mut self, word: &'a str, six: bool) -> Option<ValueSet> {
        let (values, network) = if six {
            let prefix = values::prefix6(word)?;
            let network = prefix.has_host_bits().then(|| prefix.network().to_string());
            (ValueSet::from(IntervalSet::from(prefix)), network)
        } else {
            let prefix = values::prefix4(word)?;
            let network = prefix.has_host_bits().then(|| prefix.network().to_string());
            (ValueSet::range(prefix.first(), prefix.last()), network)
        };
        if let Some(network) = network {
            let message = format!("`{}` has bits set behind its length", shown(word));
            let help = format!("write `{network}`, or the whole address if one host is meant");
            let span = self.span(word);
            self.findings.add_with_help(raised::HOST_BITS_SET, Level::Warning, span, message, &help);
        }
        Some(values)
    }

    // One bits of a wildcard do not count; the base may have bits set under them.
    fn wildcard(&mut self, base: &'a str, wildcard: &'a str, six: bool) -> Option<ValueSet> {
        if six {
            let (base, mask) = (values::address6(base)?, !values::address6(wildcard)?);
            self.judge_wildcard(values::shape(mask, 128), wildcard);
            let mut members = Members::default();
            values::push_masked(&mut members, base, mask, 128);
            return Some(members.set(Width::Six));
        }
        let (base, mask) = (values::address4(base)?, !values::address4(wildcard)?);
        let shape = values::shape(mask.into(), 32);
        if let Shape::Prefix(_) = shape {
            return Some(ValueSet::range(base & mask, base | !mask));
        }
        self.judge_wildcard(shape, wildcard);
        Some(ValueSet::bits(base.into(), mask.into()))
    }

    fn judge_wildcard(&mut self, shape: Shape, wildcard: &'a str) {
        let (level, message, help) = match shape {
            Shape::Prefix(_) => return,
            Shape::Reversed => (
                Level::Warning,
                format!("`{}` reads as a netmask and is taken as a wildcard", shown(wildcard)),
                "in access lists one bits are ignored: write 0.0.0.255 for a prefix of 24 bits, or the prefix itself",
            ),
            Shape::Holes => (
                Level::Note,
                format!("the wildcard `{}` is no prefix", shown(wildcard)),
                "check that every bit that is ignored should be",
            ),
        };
        let span = self.span(wildcard);
        self.findings.add_with_help(raised::SUSPICIOUS_MASK, level, span, message, help);
    }

    fn ports(&mut self, ports: Option<Ports<'a>>, field: Field, parts: &mut Parts) {
        let side = if field == Field::Sport { "source" } else { "destination" };
        let Some(ports) = ports else { return };
        let word = match ports {
            Ports::Compare(op, ..) => op,
            Ports::Group(name) => name,
        };
        let Some(protocol @ (6 | 17 | 132)) = parts.protocol else {
            let message = format!("a {side} port stands without `tcp`, `udp` or `sctp`");
            let span = self.span(word);
            let help = "name the protocol: routers refuse ports without one";
            self.findings.add_with_help(raised::SYNTAX_ERROR, Level::Error, span, message, help);
            let id = format!("ios-xr {side} port {word} without protocol");
            parts.four.push(Condition::opaque(id, "routers refuse this entry", span));
            return;
        };
        match ports {
            Ports::Compare(op, low, high) => {
                let span = self.span(op).to(self.span(high));
                match values::ports(op, low, high, protocol) {
                    Ok(set) => {
                        self.note_empty(&set, span);
                        parts.four.push(Condition::test_at(field, set, span));
                    }
                    Err(fault) => {
                        self.port_fault(fault);
                        let id = format!("ios-xr {side} {op} {low} {high}");
                        parts.four.push(Condition::opaque(id, "these ports could not be read", span));
                    }
                }
            }
            Ports::Group(name) => {
                let span = self.span(name);
                let values = self.groups.values(Width::Port, name, &mut self.findings);
                parts.four.push(if let Some(values) = values {
                    Condition::test_at(field, values, span)
                } else {
                    let id = format!("ios-xr {side} port-group {name}");
                    Condition::opaque(id, "the group is not known", span)
                });
            }
        }
    }

    fn port_fault(&mut self, fault: Fault<'a>) {
        if names::number(fault.at).is_some_and(|value| value > 0xffff) {
            let message = format!("port `{}` is beyond 65535", shown(fault.at));
            let span = self.span(fault.at);
            self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, span, message);
        } else if fault.expected == "a port not below the first" {
            let message = format!("the range ends at `{}`, below its beginning", shown(fault.at));
            let span = self.span(fault.at);
            self.findings.add(raised::EMPTY_RANGE, Level::Error, span, message);
        } else {
            self.fault(fault);
        }
    }

    fn note_empty(&mut self, set: &IntervalSet<u32>, span: Span) {
        if set.is_empty() {
            self.findings.add(raised::EMPTY_RANGE, Level::Error, span, "no value is in this range");
        }
    }

    fn part(&mut self, part: Part<'a>, permit: bool, six: bool, parts: &mut Parts) -> Read<'a, ()> {
        let mut words = Words::new(part.text);
        words.next();
        match part.word {
            "dscp" => self.number(part, words, names::dscp, 63, Field::Dscp, parts)?,
            "ttl" => self.number(part, words, names::number, 255, Field::Ttl, parts)?,
            "fragment-offset" => {
                self.number(part, words, names::number, LAST_OFFSET, Field::FragOff, parts)?;
            }
            // The length of the whole packet, in IPv6 too: payload and 40 octets.
            "packet-length" => {
                let comparison = values::comparison(&mut words, names::number, length_max(six))?;
                self.compared(part, comparison, length_max(six), Field::Len, parts);
            }
            "vlan" => self.number(part, words, names::number, 4095, Field::VlanId, parts)?,
            "flow-label" if six => {
                self.number(part, words, names::number_or_hex, 0xf_ffff, Field::FlowLabel, parts)?;
            }
            "precedence" => self.precedence(part, words, parts)?,
            "traffic-class" => self.traffic_class(part, words, parts)?,
            "fragments" => parts.fragments = Some(self.span(part.word)),
            "fragment-type" => self.fragment_type(words, six, parts)?,
            "established" => {
                needs_tcp(part, parts)?;
                let either = BitSet::new([BitMatch::new(0x10, 0x10), BitMatch::new(0x04, 0x04)]);
                parts.four.push(Condition::test_at(Field::TcpFlags, either, self.span(part.text)));
            }
            "match-any" | "match-all" => self.flag_list(part, words, parts)?,
            "authen" if six => parts.three.push(has_header(ext::AUTHENTICATION, self.span(part.text))),
            "destopts" if six => parts.three.push(has_header(ext::DESTINATION, self.span(part.text))),
            "routing" if six => parts.three.push(has_header(ext::ROUTING, self.span(part.text))),
            "hop-by-hop" if six => parts.three.push(has_header(ext::HOP_BY_HOP, self.span(part.text))),
            "udf" => {
                let what = self.opaque(part.text, "user-defined fields are octets of the payload");
                parts.three.push(what);
            }
            "icmp-off" | "capture" | "set" | "default" | "log" | "log-input" | "counter" | "police" => {
                self.action(part, words, permit, parts)?;
            }
            word if is_next_hop(word) => self.action(part, words, permit, parts)?,
            word => self.flag_or_type(part, word, words, six, parts)?,
        }
        Ok(())
    }

    fn number(
        &mut self,
        part: Part<'a>,
        mut words: Words<'a>,
        value: impl Fn(&str) -> Option<u32>,
        max: u32,
        field: Field,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, value, max)?;
        self.compared(part, comparison, max, field, parts);
        Ok(())
    }

    fn compared(
        &mut self,
        part: Part<'a>,
        comparison: Comparison<'a>,
        max: u32,
        field: Field,
        parts: &mut Parts,
    ) {
        self.beyond(&comparison, max);
        let span = self.span(part.text);
        self.note_empty(&comparison.set, span);
        parts.three.push(Condition::test_at(field, comparison.set, span));
    }

    fn beyond(&mut self, comparison: &Comparison<'a>, max: u32) {
        if let Some(word) = comparison.beyond {
            let message = format!("`{}` is beyond {max}, the largest value a packet can carry", shown(word));
            let span = self.span(word);
            self.findings.add(raised::VALUE_OUT_OF_RANGE, Level::Error, span, message);
        }
    }

    // The upper three of the six bits.
    fn precedence(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, names::precedence, 7)?;
        self.beyond(&comparison, 7);
        let eight = comparison.set.ranges().map(|(lo, hi)| (lo.min(8) * 8, hi.min(8) * 8 + 7));
        let set = IntervalSet::from_ranges(eight).intersection(&IntervalSet::range(0, 63));
        let span = self.span(part.text);
        parts.three.push(Condition::test_at(Field::Dscp, set, span));
        Ok(())
    }

    fn traffic_class(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        let comparison = values::comparison(&mut words, names::number_or_hex, 255)?;
        self.beyond(&comparison, 255);
        let span = self.span(part.text);
        let one = |(lo, hi): (u32, u32)| {
            // A range of octets is whole code points between two that are cut.
            let cut = |dscp: u32, lo: u32, hi: u32| {
                let at = Condition::test_at(Field::Dscp, ValueSet::single(dscp), span);
                Condition::and([at, Condition::test_at(Field::Ecn, ValueSet::range(lo, hi), span)])
            };
            let hi = hi.min(255);
            let (first, last) = (lo >> 2, hi >> 2);
            if first == last {
                return cut(first, lo & 3, hi & 3);
            }
            let between = ValueSet::from(IntervalSet::range(first + 1, last.saturating_sub(1)));
            let inner = Condition::test_at(Field::Dscp, between, span);
            Condition::or([cut(first, lo & 3, 3), inner, cut(last, 0, hi & 3)])
        };
        parts.three.extend(match Condition::or(comparison.set.ranges().map(one)) {
            Condition::And(inner) => inner.into_vec(),
            other => vec![other],
        });
        Ok(())
    }

    fn fragment_type(&mut self, mut words: Words<'a>, six: bool, parts: &mut Parts) -> Read<'a, ()> {
        let mut kinds = Vec::new();
        while !words.is_empty() {
            let word = words.next();
            let span = self.span(word);
            let offset = |values| Condition::test_at(Field::FragOff, values, span);
            let more = |value| Condition::test_at(Field::Mf, ValueSet::single(value), span);
            kinds.push(match word {
                "dont-fragment" if six => return Err(fault(word, "a kind of fragment that IPv6 has")),
                "dont-fragment" => Condition::test_at(Field::Df, ValueSet::single(1), span),
                "first-fragment" => Condition::and([offset(ValueSet::single(0)), more(1)]),
                "is-fragment" => offset(later()),
                "last-fragment" => Condition::and([offset(later()), more(0)]),
                _ => return Err(fault(word, "a kind of fragment")),
            });
        }
        parts.three.extend(match Condition::or(kinds) {
            Condition::And(inner) => inner.into_vec(),
            other => vec![other],
        });
        Ok(())
    }

    fn flag_list(&mut self, part: Part<'a>, mut words: Words<'a>, parts: &mut Parts) -> Read<'a, ()> {
        needs_tcp(part, parts)?;
        let mut list = Vec::new();
        while !words.is_empty() {
            let word = words.next();
            let flag = word.get(1..).and_then(names::flag).ok_or(fault(word, "a flag, as `+syn`"))?;
            let value = if word.starts_with('+') { flag } else { 0 };
            list.push(BitMatch::new(value.into(), flag.into()));
        }
        if list.is_empty() {
            return Err(fault(words.rest(), "a flag, as `+syn`"));
        }
        let set = if part.word == "match-any" {
            BitSet::new(list)
        } else {
            let both = |a: BitMatch, b: &BitMatch| a.intersection(*b);
            let all = list.iter().try_fold(BitMatch::new(0, 0), both);
            if all.is_none() {
                let span = self.span(part.text);
                self.findings.add(
                    raised::EMPTY_RANGE,
                    Level::Error,
                    span,
                    "no packet has these flags at once",
                );
            }
            BitSet::new(all)
        };
        parts.four.push(Condition::test_at(Field::TcpFlags, set, self.span(part.text)));
        Ok(())
    }

    // A bare flag of TCP, or a type of ICMP or IGMP.
    fn flag_or_type(
        &mut self,
        part: Part<'a>,
        word: &'a str,
        words: Words<'a>,
        six: bool,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let span = self.span(part.text);
        if parts.protocol == Some(6)
            && let Some(flag) = names::flag(word)
        {
            let (flags, from) = parts.flags.unwrap_or((0, span));
            parts.flags = Some((flags | flag, from.to(span)));
            return Ok(());
        }
        let fields = match parts.protocol {
            Some(1) if !six => Some((Field::IcmpType, Field::IcmpCode)),
            Some(58) => Some((Field::Icmp6Type, Field::Icmp6Code)),
            Some(2) if !six => None,
            _ => {
                self.unknown(part, parts);
                return Ok(());
            }
        };
        if let Some(set) = types(word, words)? {
            let field = fields.map_or(Field::IgmpType, |fields| fields.0);
            parts.four.push(Condition::test_at(field, set, span));
            return Ok(());
        }
        let Some((kind, code)) = fields else {
            let number = names::igmp(word).map(u32::from).or_else(|| names::number(word));
            let Some(number) = number.filter(|number| *number < 256) else {
                self.unknown(part, parts);
                return Ok(());
            };
            parts.four.push(Condition::test_at(Field::IgmpType, ValueSet::single(number), span));
            return Ok(());
        };
        let named = if six { names::icmp6(word) } else { names::icmp(word) };
        let octet = |word: &'a str| {
            names::number(word).filter(|number| *number < 256).ok_or(fault(word, "a number up to 255"))
        };
        let (message, value) = match named {
            Some((message, value)) => (u32::from(message), value.map(u32::from)),
            None if names::number(word).is_some() => {
                let second = words.peek();
                (octet(word)?, if second.is_empty() { None } else { Some(octet(second)?) })
            }
            None => {
                self.unknown(part, parts);
                return Ok(());
            }
        };
        parts.four.push(Condition::test_at(kind, ValueSet::single(message), span));
        if let Some(value) = value {
            parts.four.push(Condition::test_at(code, ValueSet::single(value), span));
        }
        Ok(())
    }

    fn unknown(&mut self, part: Part<'a>, parts: &mut Parts) {
        let message = format!("`{}` is no part of this entry that is known", shown(part.word));
        let span = self.span(part.word);
        self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Error, span, message);
        let what = self.opaque(part.text, "this keyword is not known");
        parts.three.push(what);
    }

    fn action(
        &mut self,
        part: Part<'a>,
        mut words: Words<'a>,
        permit: bool,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let action = match part.word {
            "log" | "log-input" => Action::Log,
            "counter" => Action::Count(words.next().into()),
            "police" => Action::RateLimit(rate(words)?),
            "icmp-off" | "capture" | "set" => Action::Other(joined(part.text)),
            word if permit => {
                if word == "default" {
                    parts.actions.push(Action::Other(joined(part.text)));
                    return Ok(());
                }
                return next_hop(words, &mut parts.actions);
            }
            _ => {
                let span = self.span(part.text);
                self.findings.add_with_help(
                    raised::CONFLICTING_ACTIONS,
                    Level::Warning,
                    span,
                    "a next hop on a `deny` is ignored",
                    "write `permit` to forward these packets to the next hop",
                );
                return Ok(());
            }
        };
        parts.actions.push(action);
        Ok(())
    }
}

fn host(word: &str, six: bool) -> Option<ValueSet> {
    Some(if six {
        ValueSet::from(IntervalSet::single(values::address6(word)?))
    } else {
        ValueSet::single(values::address4(word)?)
    })
}

fn needs_tcp<'a>(part: Part<'a>, parts: &Parts) -> Read<'a, ()> {
    if parts.protocol == Some(6) { Ok(()) } else { Err(fault(part.word, "`tcp` where flags are asked for")) }
}

/// `range A B` and `eq A` for types.
fn types<'a>(word: &'a str, mut words: Words<'a>) -> Read<'a, Option<IntervalSet<u32>>> {
    let number = |word: &'a str| {
        names::number(word).filter(|number| *number < 256).ok_or(fault(word, "a number up to 255"))
    };
    Ok(match word {
        "range" => {
            let set = IntervalSet::range(number(words.next())?, number(words.next())?);
            if set.is_empty() {
                return Err(fault(word, "a range that does not end below its beginning"));
            }
            Some(set)
        }
        "eq" => Some(IntervalSet::single(number(words.next())?)),
        _ => None,
    })
}

/// The longest packet of a family.
fn length_max(six: bool) -> u32 {
    if six { 65_575 } else { 0xffff }
}

fn is_everything(values: &ValueSet, field: Field) -> bool {
    match values {
        ValueSet::Ranges(set) => {
            set.ranges().len() == 1
                && set.min() == Some(0)
                && set.max().map(u128::from) == Some(field.info().max)
        }
        ValueSet::Wide(set) => {
            set.ranges().len() == 1 && set.min() == Some(0) && set.max() == Some(u128::MAX)
        }
        ValueSet::Bits(_) => false,
    }
}

pub(super) fn joined(text: &str) -> Box<str> {
    text.split_whitespace().collect::<Vec<_>>().join(" ").into()
}

/// `500 mbps`, `100 pps`, `8000` (bits a second).
pub(super) fn rate(mut words: Words<'_>) -> Read<'_, Rate> {
    let word = words.next();
    let number: f64 = if let Some(number) = names::number(word) {
        number.into()
    } else {
        let plain = word.bytes().all(|octet| octet.is_ascii_digit()) && !word.is_empty();
        plain.then(|| word.parse().ok()).flatten().ok_or(fault(word, "a rate"))?
    };
    let mut bits = 1.0;
    let mut unit = RateUnit::OctetsPerSecond;
    match words.peek() {
        "bps" => {}
        "kbps" => bits = 1e3,
        "mbps" => bits = 1e6,
        "gbps" => bits = 1e9,
        "pps" => unit = RateUnit::PacketsPerSecond,
        "" | "burst" | "peak-rate" | "peer" => {
            return Ok(Rate { amount: number / 8.0, unit, burst: burst(words)? });
        }
        other => return Err(fault(other, "a unit, as `mbps`")),
    }
    words.next();
    let amount = if unit == RateUnit::PacketsPerSecond { number } else { number * bits / 8.0 };
    Ok(Rate { amount, unit, burst: burst(words)? })
}

// `burst N bytes`; without a unit it counts octets.
fn burst(mut words: Words<'_>) -> Read<'_, Option<u64>> {
    if !words.take("burst") {
        return Ok(None);
    }
    let word = words.next();
    let number = names::number(word).map(u64::from).ok_or(fault(word, "a burst"))?;
    Ok(Some(match words.peek() {
        "kbytes" => number.saturating_mul(1000),
        "mbytes" => number.saturating_mul(1_000_000),
        _ => number,
    }))
}

/// `[track T] [vrf V] [ipv4 A | ipv6 A]`.
fn next_hop<'a>(mut words: Words<'a>, out: &mut Vec<Action>) -> Read<'a, ()> {
    let from = words.rest();
    let (mut instance, mut addr) = (None, None);
    while !words.is_empty() {
        let word = words.next();
        let value = words.next();
        match word {
            "vrf" => instance = Some(value),
            "ipv4" | "ipv6" => {
                let parsed: IpAddr = value.parse().map_err(|_| fault(value, "an address"))?;
                addr = Some(parsed);
            }
            // Whether an object is up is only known to the device; the packet goes on in any case.
            "track" => {}
            _ => return Err(fault(word, "an address or a VRF")),
        }
    }
    if instance.is_none() && addr.is_none() {
        return Err(fault(from, "an address or a VRF"));
    }
    out.extend(instance.map(|name| Action::RedirectInstance(name.into())));
    out.extend(addr.map(|addr| Action::RedirectIp { addr: Some(addr), copy: false }));
    Ok(())
}
