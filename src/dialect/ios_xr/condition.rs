//! What an entry of an access list means.
//!
//! Fragments (Cisco, "Access control lists and IP fragments", document 8014; IOS XR follows it): an entry with only
//! layer 3 in it counts for every fragment; a *permit* with ports, flags or types counts for later fragments by its
//! layer 3 alone; a *deny* with them does not count for later fragments; `fragments` counts for later ones only.

use super::findings::shown;
use super::lower::Reader;
use super::names::{self, Protocol};
use super::syntax::{Address, Entry, Fault, Ports, fault};
use super::values::{self, Members, Shape, Width};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Field, ext};
use crate::ir::{Action, Condition, ValueSet, ValueSetRef};
use crate::net::{IntervalSet, Intervals};
use crate::source::Span;

/// The largest fragment offset.
pub(super) const LAST_OFFSET: u32 = 0x1fff;

/// Parts of one entry, by layer. It is filled again for every entry.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) three: Vec<Condition>,
    pub(super) four: Vec<Condition>,
    // Flags that must all be set, and where the first stands.
    pub(super) flags: Option<(u32, Span)>,
    pub(super) fragments: Option<Span>,
    pub(super) protocol: Option<u8>,
    pub(super) actions: Vec<Action>,
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
    pub(super) fn span(&self, part: &str) -> Span {
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
                let mut id = "ios-xr fragments with".to_owned();
                for part in &parts.four {
                    part.visit(&mut |part| match part {
                        Condition::Test(test) => {
                            let words = self.text.get(test.span().range()).unwrap_or("");
                            id.extend([" ", test.field().name(), " ", words]);
                        }
                        Condition::Opaque(opaque) => id.extend([" ", &opaque.id]),
                        _ => {}
                    });
                }
                let what = Condition::opaque(id, "routers refuse this entry", span);
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
                parts.three.push(Condition::or([known, fragment]));
            } else {
                parts.three.append(&mut parts.four);
            }
        }
        Condition::and(parts.three.drain(..))
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
            parts.three.push(match ext::walked(number).filter(|_| six) {
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
            Some(values) if is_everything(values.view(), field) => {}
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
                        self.note_empty(set.view(), span);
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

    pub(super) fn note_empty(&mut self, set: Intervals<'_, u32>, span: Span) {
        if set.is_empty() {
            self.findings.add(raised::EMPTY_RANGE, Level::Error, span, "no value is in this range");
        }
    }
}

fn host(word: &str, six: bool) -> Option<ValueSet> {
    Some(if six {
        ValueSet::from(IntervalSet::single(values::address6(word)?))
    } else {
        ValueSet::single(values::address4(word)?)
    })
}

fn is_everything(values: ValueSetRef<'_>, field: Field) -> bool {
    match values {
        ValueSetRef::Ranges(set) => {
            set.ranges().len() == 1
                && set.min() == Some(0)
                && set.max().map(u128::from) == Some(field.info().max)
        }
        ValueSetRef::Wide(set) => {
            set.ranges().len() == 1 && set.min() == Some(0) && set.max() == Some(u128::MAX)
        }
        ValueSetRef::Bits(_) => false,
    }
}
