//! What the options of matches mean.

use super::lower::{self, Reader};
use super::options::{Cursor, ranges, shown};
use super::spec::{Spec, push};
use super::support::{Meaning, Row};
use super::values::{self, NoRange};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Family, Field, ext};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, ValueSet};
use crate::net::IntervalSet;
use crate::source::Span;

/// Why the value of a field is not known, where rules write it.
pub(super) const WRITTEN: &str = "stateful: a rule of the file may have written it";

type Value<'w> = Option<(&'w str, Span)>;

impl Reader<'_> {
    /// An option whose meaning is modelled.
    pub(super) fn matching<'w>(
        &mut self,
        spec: &mut Spec,
        cursor: &mut Cursor<'_, 'w>,
        index: usize,
        row: Row,
        first: Value<'w>,
    ) {
        self.meaning(spec, cursor, index, row, first);
        spec.owned_by(index);
    }

    fn meaning<'w>(
        &mut self,
        spec: &mut Spec,
        cursor: &mut Cursor<'_, 'w>,
        index: usize,
        row: Row,
        first: Value<'w>,
    ) {
        let (text, span) = first.unwrap_or(("", cursor.span));
        let not = cursor.not;
        let whole = cursor.span.to(span);
        match row.meaning {
            Meaning::Sport | Meaning::Dport => {
                self.port(spec, index, row.meaning == Meaning::Sport, text, span, not);
            }
            Meaning::Sports | Meaning::Dports | Meaning::Ports => {
                self.multiport(spec, row.meaning, text, span, not);
            }
            Meaning::TcpFlags => {
                let Some((compare, last)) = cursor.value() else {
                    return self.bad_value(spec, "a mask and flags", text, span);
                };
                let whole = cursor.span.to(last);
                if let (Some(mask), Some(compare)) = (values::tcp_flags(text), values::tcp_flags(compare)) {
                    self.tcp_flags(spec, index, (mask, compare), cursor.not, whole);
                } else {
                    let unknown = [text, compare].into_iter().find_map(values::unknown_flag);
                    self.bad_value(spec, "TCP flags", unknown.unwrap_or(text), whole);
                }
            }
            Meaning::Syn => self.tcp_flags(spec, index, (0x17, 2), not, whole),
            Meaning::IcmpType | Meaning::Icmp6Type => {
                self.icmp(spec, row.meaning == Meaning::Icmp6Type, text, span, not);
            }
            Meaning::AhSpi => self.spi(spec, Field::AhSpi, text, span, not),
            Meaning::EspSpi => self.spi(spec, Field::EspSpi, text, span, not),
            Meaning::Length => self.numbers(spec, Field::Len, 65_535, text, span, not),
            Meaning::TtlEq | Meaning::TtlLt | Meaning::TtlGt => self.ttl(spec, row.meaning, text, span, not),
            Meaning::Dscp | Meaning::DscpClass => {
                let value = if row.meaning == Meaning::Dscp {
                    values::small(text, 63)
                } else {
                    values::dscp_class(text)
                };
                let Some(value) = value else { return self.bad_value(spec, "a code point", text, span) };
                let set = ranges(&[(value, value)], not, 63);
                let test = Condition::test_at(Field::Dscp, set, span);
                self.test_of_written(spec, lower::Written::Dscp, test, whole);
            }
            Meaning::Tos => self.tos(spec, text, span, not),
            Meaning::EcnIpEct => match values::small(text, 3) {
                Some(value) => {
                    let test = Condition::test_at(Field::Ecn, ranges(&[(value, value)], not, 3), span);
                    self.test_of_written(spec, lower::Written::Ecn, test, whole);
                }
                None => self.bad_value(spec, "0 to 3", text, span),
            },
            Meaning::EcnCwr | Meaning::EcnEce => {
                let bit = if row.meaning == Meaning::EcnCwr { 0x80 } else { 0x40 };
                self.congestion(spec, bit, not, whole);
            }
            Meaning::SrcRange => self.address_range(spec, (Field::Src4, Field::Src6), text, span, not),
            Meaning::DstRange => self.address_range(spec, (Field::Dst4, Field::Dst6), text, span, not),
            Meaning::MacSource => match values::mac(text) {
                Some(mac) => {
                    let set = IntervalSet::range(mac, mac);
                    let set = if not { set.complement((1 << 48) - 1) } else { set };
                    spec.parts.push(Condition::test_at(Field::EthSrc, ValueSet::from(set), span));
                }
                None if is_blotted(text) => self.blotted(spec, text, span, not),
                None => self.bad_value(spec, "a hardware address", text, span),
            },
            Meaning::Mark => self.mark(spec, text, span, not),
            // With an interface of one side it is one question, and not two.
            Meaning::SrcType | Meaning::DstType
                if cursor.words.iter().any(|word| word.text.starts_with("--limit-iface"))
                    && are_types(text) =>
            {
                Self::opaque_option(spec, cursor, index, row, first);
            }
            Meaning::SrcType | Meaning::DstType => {
                self.address_type(spec, index, row.meaning == Meaning::SrcType, (text, span), not);
            }
            Meaning::FragFirst => {
                spec.parts.push(Condition::test_at(Field::FragOff, ValueSet::single(0), whole));
            }
            Meaning::FragMore => spec.parts.push(Condition::test_at(Field::Mf, ValueSet::single(1), whole)),
            Meaning::FragLast => spec.parts.push(Condition::test_at(Field::Mf, ValueSet::single(0), whole)),
            Meaning::Header => self.header(spec, cursor, text, span, not),
            Meaning::CtState => self.state(spec, index, text, span, not),
            Meaning::Comment => {
                spec.comment.clear();
                spec.comment.push_str(text);
            }
            Meaning::MatchSet => {
                let Some((flags, last)) = cursor.value() else {
                    return self.bad_value(spec, "a set and `src` or `dst`", text, span);
                };
                self.match_set(spec, index, (text, flags), cursor.span.to(last), cursor.not);
            }
            Meaning::U32 => self.u32(spec, index, text, span, not),
            // `--soft` is read with its header; counters of sets change nothing.
            Meaning::Soft | Meaning::SetIgnored => {}
            Meaning::Behind | Meaning::InHeader | Meaning::Opaque | Meaning::SetOption => {
                Self::opaque_option(spec, cursor, index, row, first);
            }
        }
    }

    pub(super) fn number_range(
        &mut self,
        spec: &mut Spec,
        text: &str,
        span: Span,
        max: u32,
        value: impl Fn(&str) -> Option<u32>,
    ) -> Option<(u32, u32)> {
        match values::range(text, max, value) {
            Ok(range) => return Some(range),
            Err(NoRange::Value) => self.bad_value(spec, "a number or range", text, span),
            Err(NoRange::Backwards) => {
                let message = format!("`{}` is a range without values", shown(text));
                self.findings.add(raised::EMPTY_RANGE, Level::Error, span, &message);
                spec.unread = true;
            }
        }
        None
    }

    fn numbers(&mut self, spec: &mut Spec, field: Field, max: u32, text: &str, span: Span, not: bool) {
        let Some(range) = self.number_range(spec, text, span, max, |t| values::small(t, max)) else { return };
        // What the field can hold is more than what the option can name, for the length of IPv6 packets.
        let top = u32::try_from(field.info().max).unwrap_or(u32::MAX);
        let range = if range.1 == max && field == Field::Len { (range.0, top) } else { range };
        spec.parts.push(Condition::test_at(field, ranges(&[range], not, top), span));
    }

    fn ttl(&mut self, spec: &mut Spec, meaning: Meaning, text: &str, span: Span, not: bool) {
        let Some(value) = values::small(text, 255) else {
            return self.bad_value(spec, "0 to 255", text, span);
        };
        let range = match meaning {
            Meaning::TtlLt => value.checked_sub(1).map(|below| (0, below)),
            Meaning::TtlGt => (value < 255).then_some((value + 1, 255)),
            _ => Some((value, value)),
        };
        let list = range.map_or(Vec::new(), |range| vec![range]);
        if list.is_empty() {
            let message = format!("no packet has a value beyond `{value}`");
            self.findings.add(raised::EMPTY_RANGE, Level::Warning, span, &message);
        }
        let test = Condition::test_at(Field::Ttl, ranges(&list, not, 255), span);
        self.test_of_written(spec, lower::Written::Ttl, test, span);
    }

    fn tos(&mut self, spec: &mut Spec, text: &str, span: Span, not: bool) {
        let Some((value, mask)) = values::tos(text) else {
            return self.bad_value(spec, "a TOS value", text, span);
        };
        let part = |field, value: u32, mask: u32, full: u32| {
            if mask == 0 {
                return if value == 0 { Condition::True } else { Condition::False };
            }
            if mask == full {
                return Condition::test_at(field, ValueSet::single(value), span);
            }
            let impossible = value & !mask != 0;
            let bits = ValueSet::bits(value.into(), mask.into());
            if impossible { Condition::False } else { Condition::test_at(field, bits, span) }
        };
        let both = Condition::and([
            part(Field::Dscp, value >> 2, mask >> 2, 0x3f),
            part(Field::Ecn, value & 3, mask & 3, 3),
        ]);
        let condition = if not { Condition::not(both) } else { both };
        self.test_of_written(spec, lower::Written::Dscp, condition, span);
    }

    fn address_range(&mut self, spec: &mut Spec, fields: (Field, Field), text: &str, span: Span, not: bool) {
        use super::values::Address::{V4, V6};
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let bad =
            |reader: &mut Self, spec: &mut Spec| reader.bad_value(spec, "a range of addresses", text, span);
        let ends = (values::address(low), values::address(high));
        if ends.0.is_ok_and(|end| self.family().is_some_and(|family| family != end.family())) {
            return self.bad_value(spec, "addresses of these rules' family", text, span);
        }
        self.warn_of_octal(text, span);
        // Here an address is octets alone.
        let octets = [low, high].iter().all(|end| values::dotted(end).is_some());
        let condition = match ends {
            (Ok(V4 { addr: low, .. }), Ok(V4 { addr: high, .. })) if octets => {
                if low > high {
                    self.findings.add(raised::EMPTY_RANGE, Level::Error, span, "the range holds no address");
                }
                Condition::test_at(fields.0, ranges(&[(low, high)], not, u32::MAX), span)
            }
            (Ok(V6 { addr: low, mask: u128::MAX }), Ok(V6 { addr: high, mask: u128::MAX })) => {
                if low > high {
                    self.findings.add(raised::EMPTY_RANGE, Level::Error, span, "the range holds no address");
                }
                let set = IntervalSet::range(low, high);
                let set = if not { set.complement(u128::MAX) } else { set };
                Condition::test_at(fields.1, ValueSet::from(set), span)
            }
            _ => return bad(self, spec),
        };
        spec.parts.push(condition);
    }

    /// An address that somebody made unreadable before showing the rules.
    fn blotted(&mut self, spec: &mut Spec, text: &str, span: Span, not: bool) {
        let reason = "the address is blotted out";
        self.note_opaque(span, &format!("`{}`", shown(text)), reason);
        let negation = if not { "! " } else { "" };
        let id = self.once_a_rule(&format!("-m mac {negation}--mac-source {text}"));
        spec.parts.push(Condition::opaque(id, reason, span));
    }

    fn mark(&mut self, spec: &mut Spec, text: &str, span: Span, not: bool) {
        let Some((value, mask)) = values::value_and_mask(text, u32::MAX) else {
            return self.bad_value(spec, "a mark", text, span);
        };
        let test = if mask == u32::MAX {
            Condition::test_at(Field::Mark, ranges(&[(value, value)], not, u32::MAX), span)
        } else {
            let never = value & !mask != 0;
            let test = Condition::test_at(Field::Mark, ValueSet::bits(value.into(), mask.into()), span);
            match (never, not) {
                (true, true) => Condition::True,
                (true, false) => Condition::False,
                (false, true) => Condition::not(test),
                (false, false) => test,
            }
        };
        self.test_of_written(spec, lower::Written::Mark, test, span);
    }

    /// A test of a field that rules of the same file may have written: then nobody knows its value here.
    fn test_of_written(&mut self, spec: &mut Spec, what: lower::Written, test: Condition, span: Span) {
        if !self.writes(what) {
            return push(&mut spec.parts, test);
        }
        let words = self.words_at(span);
        let id = self.once_a_rule(&format!("{} {words}", what.option()));
        self.note_opaque(span, &format!("`{}`", shown(&words)), WRITTEN);
        push(&mut spec.parts, Condition::opaque(id, WRITTEN, span));
    }

    /// What the routing tables say of an address: bounded by what the address itself says
    /// (`__inet_dev_addr_type` in the kernel).
    fn address_type(&mut self, spec: &mut Spec, index: usize, source: bool, value: (&str, Span), not: bool) {
        let (text, span) = value;
        if !are_types(text) {
            return self.bad_value(spec, "types of addresses", text, span);
        }
        let has = |name: &str| text.split(',').any(|word| word.eq_ignore_ascii_case(name));
        let field = if source { Field::Src4 } else { Field::Dst4 };
        let multicast = (0xe000_0000, 0xefff_ffff);
        // All of 0.0.0.0/8 before Linux 5.3, one address since (measured on 6.18).
        let broadcast = [(0, 0), (u32::MAX, u32::MAX)];
        let (mut over, mut under) = (Vec::new(), Vec::new());
        if has("MULTICAST") {
            over.push(multicast);
            under.push(multicast);
        }
        if has("BROADCAST") {
            under.extend(broadcast);
        }
        if !text.eq_ignore_ascii_case("MULTICAST") {
            over.extend([(0, 0xdfff_ffff), (0xf000_0000, u32::MAX)]);
        }
        let four = self.family() == Some(Family::Inet);
        let bound = |list: &[(u32, u32)]| Condition::test_at(field, ranges(list, false, u32::MAX), span);
        let (over, under) =
            if four { (bound(&over), bound(&under)) } else { (Condition::True, Condition::False) };
        let option = if source { "--src-type" } else { "--dst-type" };
        let negation = if not { "! " } else { "" };
        if four && text.eq_ignore_ascii_case("MULTICAST") {
            // No table is asked for these.
            let list = ranges(&[multicast], not, u32::MAX);
            if let Some(loaded) = spec.loaded.get_mut(index) {
                loaded.used = true;
            }
            return spec.parts.push(Condition::test_at(field, list, span));
        }
        let (over, under) = if not { (Condition::not(under), Condition::not(over)) } else { (over, under) };
        let reason = "known to the host alone: its addresses and routes decide";
        let id = format!("iptables -m addrtype {negation}{option} {text}");
        self.note_opaque(span, &format!("`{option} {}`", shown(text)), reason);
        spec.parts.push(Condition::opaque_within(id, reason, over, under, span));
    }

    /// `--header LIST [--soft]`: each header as a bit, as `ipv6header_mt6` of the kernel compares them.
    fn header(&mut self, spec: &mut Spec, cursor: &Cursor<'_, '_>, text: &str, span: Span, not: bool) {
        const PROTOCOL: u32 = 1 << 30;
        const NONE: u32 = 1 << 31;
        let bit = |word: &str| match word.to_ascii_lowercase().as_str() {
            "hop-by-hop" | "hop" | "ipv6-hbh" | "hopopt" | "0" => Some(ext::HOP_BY_HOP),
            "ipv6-route" | "route" | "43" => Some(ext::ROUTING),
            "ipv6-frag" | "frag" | "44" => Some(ext::FRAGMENT),
            "ipv6-opts" | "dst" | "60" => Some(ext::DESTINATION),
            "ah" | "auth" | "51" => Some(ext::AUTHENTICATION),
            "esp" | "50" => Some(ext::ESP),
            "ipv6-nonxt" | "none" | "59" => Some(NONE),
            "protocol" | "prot" | "255" => Some(PROTOCOL),
            _ => None,
        };
        let Some(wanted) = text.split(',').try_fold(0, |sum, word| Some(sum | bit(word)?)) else {
            return self.bad_value(spec, "names of headers", text, span);
        };
        let soft = cursor.words.iter().any(|word| word.text == "--soft");
        let all = ext::HOP_BY_HOP | ext::ROUTING | ext::FRAGMENT | ext::DESTINATION | ext::AUTHENTICATION;
        // The bits each packet must have, and which of them count; without `--soft` all do.
        let mask = if soft { wanted } else { all | ext::ESP | PROTOCOL | NONE };
        let bits = if soft && not { 0 } else { wanted };
        let headers = ValueSet::bits((bits & mask & all).into(), (mask & all).into());
        let mut parts = Vec::new();
        if mask & all != 0 {
            parts.push(Condition::test_at(Field::ExtHdrs, headers, span));
        }
        let proto = |list: [u32; 2]| Condition::test_at(Field::Proto, ValueSet::of(list), span);
        for (bit, ends) in [(NONE, [59, 59]), (ext::ESP, [50, 50]), (PROTOCOL, [50, 59])] {
            // The bit of the protocol is set where neither of the others ends the packet.
            let wanted = (bits & bit != 0) != (bit == PROTOCOL);
            if mask & bit != 0 {
                parts.push(if wanted { proto(ends) } else { Condition::not(proto(ends)) });
            }
        }
        let found = Condition::and(parts);
        let found = if not && !soft { Condition::not(found) } else { found };
        if !self.options.iptables_exact {
            return push(&mut spec.parts, found);
        }
        // ESP without an octet of it matches nothing.
        let room = Condition::test_at(Field::L4Room, ValueSet::range(2, 31), span);
        let found = Condition::and([Condition::or([Condition::not(proto([50, 50])), room]), found]);
        // The kernel walks on behind a later fragment's header, and takes mobility and its like for protocols.
        let plain = Condition::present(Field::Proto);
        let stop = ext::MOBILITY | ext::HOST_IDENTITY | ext::SHIM6;
        let none = Condition::test_at(Field::ExtHdrs, ValueSet::bits(0, stop.into()), span);
        let known = Condition::and([plain, none]);
        let id = format!("iptables -m ipv6header {}--header {text}", if not { "! " } else { "" });
        let over = Condition::not(known.clone());
        let rest = Condition::opaque_within(id, "payload", over, Condition::False, span);
        push(&mut spec.parts, Condition::or([Condition::and([known, found]), rest]));
    }

    fn state(&mut self, spec: &mut Spec, index: usize, text: &str, span: Span, not: bool) {
        let mut meter = Meter::new(&limits::CONDITION_VALUES);
        let (mut states, mut virtual_states) = (Vec::new(), Vec::new());
        for word in text.split(',') {
            if meter.charge(1).is_err() {
                break;
            }
            match word.to_ascii_uppercase().as_str() {
                "NEW" => states.push((0, 0)),
                "ESTABLISHED" => states.push((1, 1)),
                "RELATED" => states.push((2, 2)),
                "INVALID" => states.push((3, 3)),
                "UNTRACKED" => states.push((4, 4)),
                upper @ ("SNAT" | "DNAT") => virtual_states.push(upper.to_owned()),
                _ => return self.bad_value(spec, "states of connections", text, span),
            }
        }
        if let Some(loaded) = spec.loaded.get_mut(index) {
            loaded.used = true;
        }
        if virtual_states.is_empty() {
            let test = Condition::test_at(Field::CtState, ranges(&states, not, 4), span);
            // `-m state` and `-m conntrack` may say the same.
            if !spec.parts.contains(&test) {
                spec.parts.push(test);
            }
            return;
        }
        let reason = "NAT: whether the connection is translated";
        self.note_opaque(span, &format!("`{}`", shown(text)), reason);
        let opaque = |word: &String| {
            Condition::opaque(format!("iptables -m conntrack --ctstate {word}"), reason, span)
        };
        let state = Condition::test_at(Field::CtState, ranges(&states, false, 4), span);
        let state = if states.is_empty() { Condition::False } else { state };
        let any = Condition::or(std::iter::once(state).chain(virtual_states.iter().map(opaque)));
        push(&mut spec.parts, if not { Condition::not(any) } else { any });
    }
}

/// Whether a hardware address has the shape of one, with marks in place of digits.
fn is_blotted(text: &str) -> bool {
    let part =
        |part: &str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit() || "Xx*?".contains(c));
    text.split(':').count() == 6 && text.split(':').all(part)
}

fn are_types(text: &str) -> bool {
    text.split(',').all(|word| KNOWN.iter().any(|known| known.eq_ignore_ascii_case(word)))
}

/// Types of addresses.
const KNOWN: [&str; 12] = [
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
];

/// The protocol a match asks for.
pub(super) fn protocol_of(module: &str) -> Option<u8> {
    Some(match module {
        "tcp" | "tcpmss" => 6,
        "udp" => 17,
        "udplite" => 136,
        "sctp" => 132,
        "dccp" => 33,
        "icmp" => 1,
        "icmp6" => 58,
        "ah" => 51,
        "esp" => 50,
        "ipcomp" => 108,
        "mh" => 135,
        _ => return None,
    })
}
