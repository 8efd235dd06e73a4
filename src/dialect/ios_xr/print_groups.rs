//! Sets of addresses and ports as entries say them: one prefix, one wildcard, or an object group.

use super::print_entry::operator;
use super::values::{self, Shape};
use crate::ir::{ValueSet, ValueSetRef};
use crate::net::{BitMatch, Intervals, Prefix4, Prefix6};
use std::collections::HashMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Object groups, one for each set.
#[derive(Debug, Default)]
pub(super) struct Groups {
    names: HashMap<(&'static str, ValueSet), String>,
    /// Their text.
    pub(super) text: String,
}

impl Groups {
    fn name(
        &mut self,
        kind: &'static str,
        values: ValueSetRef<'_>,
        members: impl FnOnce() -> Vec<String>,
    ) -> String {
        if let Some(name) = self.names.get(&(kind, values.to_set())) {
            return name.clone();
        }
        let (head, short) = match kind {
            "ipv4" => ("network ipv4", "NET4"),
            "ipv6" => ("network ipv6", "NET6"),
            _ => ("port", "PORTS"),
        };
        let name = format!("{short}-{}", self.names.len() + 1);
        let _ = writeln!(self.text, "object-group {head} {name}");
        for member in members() {
            let _ = writeln!(self.text, " {member}");
        }
        self.text.push_str("!\n");
        self.names.insert((kind, values.to_set()), name.clone());
        name
    }
}

/// An address of an entry.
pub(super) fn address(values: Option<ValueSetRef<'_>>, six: bool, groups: &mut Groups) -> String {
    let Some(values) = values else { return "any".to_owned() };
    let one = match values {
        ValueSetRef::Ranges(set) if set.ranges().len() == 1 => {
            let (lo, hi) = set.ranges().next().unwrap_or((0, u32::MAX));
            prefix4(lo, hi)
        }
        ValueSetRef::Wide(set) if set.ranges().len() == 1 => {
            let (lo, hi) = set.ranges().next().unwrap_or((0, u128::MAX));
            prefix6(lo, hi)
        }
        ValueSetRef::Bits(set) => match set.patterns() {
            [one] => Some(wildcard(*one, six)),
            _ => None,
        },
        _ => None,
    };
    one.unwrap_or_else(|| {
        let kind = if six { "ipv6" } else { "ipv4" };
        let name = groups.name(kind, values, || members(values, six));
        format!("net-group {name}")
    })
}

fn prefix4(lo: u32, hi: u32) -> Option<String> {
    let addr = Ipv4Addr::from(lo);
    if lo == hi {
        return Some(format!("host {addr}"));
    }
    let [only] = <[Prefix4; 1]>::try_from(Prefix4::cover(lo, hi)).ok()?;
    Some(format!("{addr} {}", Ipv4Addr::from(!only.mask())))
}

fn prefix6(lo: u128, hi: u128) -> Option<String> {
    if lo == hi {
        return Some(format!("host {}", Ipv6Addr::from(lo)));
    }
    let [only] = <[Prefix6; 1]>::try_from(Prefix6::cover(lo, hi)).ok()?;
    Some(format!("{}/{}", Ipv6Addr::from(lo), only.len()))
}

fn wildcard(pattern: BitMatch, six: bool) -> String {
    if six {
        return format!("{} {}", Ipv6Addr::from(pattern.value), Ipv6Addr::from(!pattern.mask));
    }
    let narrow = |bits: u128| Ipv4Addr::from(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0));
    format!("{} {}", narrow(pattern.value), narrow(!pattern.mask))
}

/// The members of a group: prefixes, ranges, addresses with netmasks.
fn members(values: ValueSetRef<'_>, six: bool) -> Vec<String> {
    match values {
        ValueSetRef::Ranges(set) => {
            let one = |(lo, hi): (u32, u32)| match <[Prefix4; 1]>::try_from(Prefix4::cover(lo, hi)) {
                _ if lo == hi => format!("host {}", Ipv4Addr::from(lo)),
                Ok([prefix]) => prefix.to_string(),
                Err(_) => format!("range {} {}", Ipv4Addr::from(lo), Ipv4Addr::from(hi)),
            };
            set.ranges().map(one).collect()
        }
        ValueSetRef::Wide(set) => {
            let one = |(lo, hi): (u128, u128)| match <[Prefix6; 1]>::try_from(Prefix6::cover(lo, hi)) {
                _ if lo == hi => format!("host {}", Ipv6Addr::from(lo)),
                Ok([prefix]) => prefix.to_string(),
                Err(_) => format!("range {} {}", Ipv6Addr::from(lo), Ipv6Addr::from(hi)),
            };
            set.ranges().map(one).collect()
        }
        ValueSetRef::Bits(set) => set.patterns().iter().map(|pattern| masked(*pattern, six)).collect(),
    }
}

fn masked(pattern: BitMatch, six: bool) -> String {
    let width = if six { 128 } else { 32 };
    if six {
        let addr = Ipv6Addr::from(pattern.value);
        return match values::shape(pattern.mask, width) {
            Shape::Prefix(len) => format!("{addr}/{len}"),
            _ => format!("{addr} {}", Ipv6Addr::from(pattern.mask)),
        };
    }
    let narrow = |bits: u128| Ipv4Addr::from(u32::try_from(bits & u128::from(u32::MAX)).unwrap_or(0));
    match values::shape(pattern.mask, width) {
        Shape::Prefix(len) => format!("{}/{len}", narrow(pattern.value)),
        _ => format!("{} {}", narrow(pattern.value), narrow(pattern.mask)),
    }
}

/// The ports of an entry, with a blank in front.
pub(super) fn ports(set: Option<Intervals<'_, u32>>, groups: &mut Groups) -> String {
    let Some(set) = set else { return String::new() };
    if let Some(words) = operator(set, 0xffff) {
        return format!(" {words}");
    }
    let values = ValueSet::from(set.to_set());
    let one = |(lo, hi)| if lo == hi { format!("eq {lo}") } else { format!("range {lo} {hi}") };
    let name = groups.name("port", values.view(), || set.ranges().map(one).collect());
    format!(" port-group {name}")
}
