//! What loading a match alone asks for, and what of it is not modelled.

use super::lower::{Backend, Reader};
use super::matching::protocol_of;
use super::options::shown;
use super::spec::{Loaded, Spec};
use super::values;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::{Family, Field, ext};
use crate::ir::{Condition, ValueSet};
use crate::source::Span;

impl Reader<'_> {
    /// What loading a match alone asks for, and what of it is not modelled.
    pub(super) fn finish_matches(&mut self, spec: &mut Spec) {
        let mut loaded = std::mem::take(&mut spec.loaded);
        for index in 0..loaded.len() {
            let (before, rest) = loaded.split_at_mut(index);
            let Some(one) = rest.first_mut() else { continue };
            // A second one without options asks for nothing that the first does not, but for `limit`, which counts.
            let again = !one.used
                && !matches!(one.name.as_str(), "limit" | "ipcomp" | "time")
                && one.module.is_some()
                && before.iter().any(|other| other.name == one.name);
            self.finish_match(spec, index, one, again);
            spec.owned_by(index);
        }
        spec.loaded = loaded;
    }

    pub(super) fn finish_match(&mut self, spec: &mut Spec, index: usize, one: &mut Loaded, again: bool) {
        let span = one.span;
        if let Some(module) = one.module {
            self.together(spec, ("-m", module.name, &one.opaque), (module.grammar, one.written), span);
        }
        if again {
            return;
        }
        if let Some(number) = protocol_of(&one.name) {
            let six = self.family() == Some(Family::Inet6);
            // An authentication header of IPv6 is no protocol, and its match needs none.
            let needed = !(one.name == "ah" && six);
            let other = spec.protocol.is_some_and(|(named, not, _)| not && named == number);
            if other && one.narrows && self.backend == Backend::Nft && matches!(number, 6 | 17) {
                self.of_any_other(spec, index, span);
            } else if needed && spec.wanted_protocol() != Some(number) {
                let name = values::protocol_word(number);
                self.findings.syntax(span, &format!("`-m {}` needs `-p {name}`", one.name));
                spec.unread = true;
            } else if !one.used && one.name != "ipcomp"
                || self.backend == Backend::Nft && !one.narrows && matches!(number, 6 | 17)
            {
                Self::bare_match(spec, &one.name, span);
            }
        }
        if self.options.iptables_exact {
            self.room(spec, one);
        }
        let header = match one.name.as_str() {
            "frag" => Some(ext::FRAGMENT),
            "hbh" => Some(ext::HOP_BY_HOP),
            "dst" => Some(ext::DESTINATION),
            "rt" | "srh" => Some(ext::ROUTING),
            _ => None,
        };
        if let Some(bit) = header {
            let has = ValueSet::bits(bit.into(), bit.into());
            let has = Condition::test_at(Field::ExtHdrs, has, span);
            if one.name != "srh" && one.opaque.is_empty() {
                spec.parts.push(has);
                return;
            }
            one.over.push(has);
        }
        match one.name.as_str() {
            "multiport" if spec.wanted_protocol().is_none_or(|p| ![6, 17, 33, 132, 136].contains(&p)) => {
                self.findings.syntax(span, "`-m multiport` needs a protocol with ports");
                spec.unread = true;
            }
            "socket" | "rpfilter" | "eui64" | "srh" => self.opaque_match(spec, one),
            _ if !one.opaque.is_empty() => self.opaque_match(spec, one),
            _ if one.module.is_none() => self.opaque_match(spec, one),
            // Without options these ask for something all the same: 3 packets an hour, the index 0, a date before 2038.
            "limit" | "ipcomp" | "time" if !one.used => self.opaque_match(spec, one),
            _ => {}
        }
    }

    /// `! -p tcp --dport 5`: octets of whatever header stands there (`--test` and the kernel take it, nft 1.8.9).
    fn of_any_other(&mut self, spec: &mut Spec, index: usize, span: Span) {
        let mut owners = spec.owners.iter();
        spec.parts.retain(|_| owners.next() != Some(&index));
        spec.owners.retain(|owner| *owner != index);
        let reason = "payload: ports and flags are read where another protocol has something else";
        self.note_opaque(span, "a transport header of any other protocol", reason);
        let id = format!("iptables unreadable: {}", self.words_at(spec.span));
        spec.parts.push(Condition::opaque(id, reason, span));
    }

    /// A match reads its whole header: a packet with less of it does not match.
    pub(super) fn room(&mut self, spec: &mut Spec, one: &Loaded) {
        if let Some(octets) = self.header_of(one) {
            spec.parts.push(Condition::test_at(Field::L4Room, ValueSet::range(octets, 31), one.span));
        }
    }

    /// How many octets behind the IP headers a match reads at once.
    pub(super) fn header_of(&self, one: &Loaded) -> Option<u32> {
        // The nft back end has these without xtables, where they ask for anything.
        let native =
            self.backend == Backend::Nft && one.narrows && matches!(one.name.as_str(), "tcp" | "udp");
        match one.name.as_str() {
            _ if native => None,
            "tcp" => Some(20),
            // In IPv6 it stands among the extension headers.
            "ah" if self.family() == Some(Family::Inet) => Some(12),
            "sctp" | "dccp" => Some(12),
            "udp" | "udplite" | "icmp" | "icmp6" | "esp" => Some(8),
            "mh" => Some(6),
            "multiport" | "ipcomp" => Some(4),
            _ => None,
        }
    }

    /// A match of a protocol without options asks for its header.
    pub(super) fn bare_match(spec: &mut Spec, name: &str, span: Span) {
        let field = match name {
            "tcp" | "udp" | "udplite" | "sctp" | "dccp" | "ipcomp" | "mh" | "tcpmss" => Field::FragOff,
            "icmp" => Field::IcmpType,
            "icmp6" => Field::Icmp6Type,
            "esp" => Field::EspSpi,
            _ => Field::AhSpi,
        };
        let values = if field == Field::FragOff { ValueSet::single(0) } else { ValueSet::all(field) };
        spec.parts.push(Condition::test_at(field, values, span));
    }

    pub(super) fn opaque_match(&mut self, spec: &mut Spec, one: &Loaded) {
        let words = if one.opaque.is_empty() {
            format!("-m {}", super::lex::quote(&one.name))
        } else {
            format!("-m {} {}", super::lex::quote(&one.name), one.opaque)
        };
        let reason = match one.name.as_str() {
            _ if one.module.is_none() => "no known match",
            "string" | "bpf" | "u32" | "tcp" | "tcpmss" | "sctp" | "dccp" | "ah" | "ipcomp" | "mh"
            | "hbh" | "dst" | "rt" | "frag" | "srh" | "eui64" | "osf" => "payload",
            "owner" | "cgroup" | "cpu" | "devgroup" | "physdev" | "pkttype" | "policy" | "realm"
            | "rpfilter" | "socket" | "time" | "addrtype" => "known to the host alone",
            _ => "stateful",
        };
        let name = format!("`-m {}`", shown(&one.name));
        if one.module.is_none() {
            let message = format!("{name} is no known match");
            self.findings.add(raised::UNSUPPORTED_KEYWORD, Level::Warning, one.span, &message);
        } else {
            self.note_opaque(one.span, &name, reason);
        }
        // What counts packets or draws lots differs from rule to rule, though its words are the same.
        let id = if reason == "stateful" && !matches!(one.name.as_str(), "conntrack" | "connmark" | "helper")
        {
            self.once_a_rule(&words)
        } else {
            format!("iptables {words}")
        };
        let first = Condition::test_at(Field::FragOff, ValueSet::single(0), one.span);
        let over = match one.name.as_str() {
            "tcp" | "sctp" | "dccp" | "ipcomp" | "mh" | "ah" => first,
            _ => Condition::True,
        };
        let over = Condition::and(std::iter::once(over).chain(one.over.iter().cloned()));
        spec.parts.push(Condition::opaque_within(id, reason, over, Condition::False, one.span));
    }
}
