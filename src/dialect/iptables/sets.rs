//! Sets of `ipset save`, joined with the rules that name them.
//!
//! What a set holds is taken as it was saved. Entries with a timeout may be gone, and a set that rules change
//! (`-j SET`) may hold anything; such sets are bounded, not known.

use super::findings::Findings;
use super::lower::Reader;
use super::options::shown;
use super::set_conditions::{bounds, resolve};
use super::spec::Spec;
use super::syntax::Word;
use super::values::{self, Address};
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Condition, Interface};
use crate::source::Span;
use std::collections::{BTreeMap, HashMap};

/// Why what a set holds is not known, where rules change it.
pub(super) const CHANGED: &str = "stateful: rules change the set";

/// One part of an entry.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    Four(u32, u32),
    Six(u128, u128),
    Port { protocol: u8, low: u32, high: u32 },
    Icmp { six: bool, kind: u32, code: u32 },
    Iface(String),
    Mac(u128),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) parts: Vec<Part>,
    pub(super) nomatch: bool,
    /// It may be gone by now.
    pub(super) temporary: bool,
}

/// What a dimension of a set holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Dimension {
    Address,
    Port,
    Iface,
    Mac,
    /// Nothing a packet shows.
    Other,
}

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(super) struct Set {
    pub(super) list: bool,
    pub(super) bitmap_port: bool,
    pub(super) dimensions: Vec<Dimension>,
    pub(super) family: Family,
    pub(super) timeout: bool,
    /// How many bits of an address it looks at.
    netmask: Option<u8>,
    pub(super) entries: Vec<Entry>,
    pub(super) members: Vec<String>,
    /// Something in it could not be read.
    pub(super) unread: bool,
}

#[cfg(test)]
impl Set {
    /// A set of type `hash:net`.
    pub(super) fn of_nets(entries: Vec<Entry>) -> Self {
        Self {
            list: false,
            bitmap_port: false,
            dimensions: vec![Dimension::Address],
            family: Family::Inet,
            timeout: true,
            netmask: None,
            entries,
            members: Vec::new(),
            unread: false,
        }
    }
}

/// Every set of a text, by name.
#[derive(Debug)]
pub(super) struct Sets {
    map: HashMap<String, Set>,
    meter: Meter,
}

impl Default for Sets {
    fn default() -> Self {
        Self { map: HashMap::new(), meter: Meter::new(&limits::CONDITION_VALUES) }
    }
}

impl Sets {
    /// One line: `create NAME TYPE ..`, `add NAME ENTRY ..`, and the other changes.
    pub(super) fn statement(&mut self, words: &[Word<'_>], span: Span, findings: &mut Findings) {
        let texts: Vec<&str> = words
            .iter()
            .map(|w| &*w.text)
            .filter(|w| !matches!(*w, "-exist" | "-!" | "-quiet" | "-q"))
            .collect();
        let result = match texts.as_slice() {
            ["create" | "-N" | "n", name, kind, options @ ..] => self.create(name, kind, options),
            ["add" | "-A" | "a", name, entry, options @ ..] => self.add(name, entry, options),
            ["del" | "-D", name, entry, ..] => self.del(name, entry),
            ["flush" | "-F"] => {
                self.map.values_mut_sorted().for_each(|set| set.entries.clear());
                Ok(())
            }
            ["flush" | "-F", name] => self.known(name).map(|set| {
                set.entries.clear();
                set.members.clear();
            }),
            ["destroy" | "-X"] => {
                self.map.clear();
                Ok(())
            }
            ["destroy" | "-X", name] => self.map.remove(*name).map(|_| ()).ok_or_else(|| no_set(name)),
            ["rename" | "-E", old, new] => match self.map.remove(*old) {
                Some(set) => {
                    self.map.insert((*new).to_owned(), set);
                    Ok(())
                }
                None => Err(no_set(old)),
            },
            ["swap" | "-W", one, other] => match (self.map.remove(*one), self.map.remove(*other)) {
                (Some(a), Some(b)) => {
                    self.map.insert((*one).to_owned(), b);
                    self.map.insert((*other).to_owned(), a);
                    Ok(())
                }
                _ => Err(no_set(one)),
            },
            _ => Err("expected `create`, `add` or another change of a set".to_owned()),
        };
        if let Err(message) = result {
            findings.syntax(span, &message);
        }
    }

    fn known(&mut self, name: &str) -> Result<&mut Set, String> {
        self.map.get_mut(name).ok_or_else(|| no_set(name))
    }

    fn create(&mut self, name: &str, kind: &str, options: &[&str]) -> Result<(), String> {
        let (storage, parts) =
            kind.split_once(':').ok_or_else(|| format!("`{}` is no type of sets", shown(kind)))?;
        if !matches!(storage, "hash" | "bitmap" | "list") {
            return Err(format!("`{}` is no type of sets", shown(kind)));
        }
        let dimension = |part: &str| match part {
            "ip" | "net" => Dimension::Address,
            "port" => Dimension::Port,
            "iface" => Dimension::Iface,
            "mac" => Dimension::Mac,
            _ => Dimension::Other,
        };
        let option = |name: &str| {
            let at = options.iter().position(|option| *option == name)?;
            options.get(at + 1).copied()
        };
        let six = matches!(option("family"), Some("inet6" | "ipv6"));
        let timeout = option("timeout").is_some_and(|value| value != "0");
        let dimensions =
            if storage == "list" { Vec::new() } else { parts.split(',').map(dimension).collect() };
        let netmask = option("netmask").and_then(|value| {
            let all = if six { 128 } else { 32 };
            values::small(value, all).and_then(|bits| u8::try_from(bits).ok())
        });
        let set = Set {
            list: storage == "list",
            bitmap_port: kind == "bitmap:port",
            dimensions,
            family: if six { Family::Inet6 } else { Family::Inet },
            timeout,
            netmask,
            entries: Vec::new(),
            members: Vec::new(),
            unread: option("netmask").is_some() && netmask.is_none()
                || option("bitmask").is_some()
                || option("markmask").is_some(),
        };
        if self.map.contains_key(name) {
            return Err(format!("set `{}` is made twice", shown(name)));
        }
        self.map.insert(name.to_owned(), set);
        Ok(())
    }

    fn add(&mut self, name: &str, entry: &str, options: &[&str]) -> Result<(), String> {
        self.meter.charge(1).map_err(|exhausted| format!("the entry is not read: {exhausted}"))?;
        let set = self.known(name)?;
        if set.list {
            set.members.push(entry.to_owned());
            return Ok(());
        }
        let at = options.iter().position(|option| *option == "timeout");
        let timeout = at.and_then(|at| options.get(at + 1)).map(|value| *value != "0");
        let parts = parts(set, entry);
        let Some(parts) = parts else {
            set.unread = true;
            let known = !set.dimensions.contains(&Dimension::Other);
            return if known { Err(format!("`{}` is no entry of the set", shown(entry))) } else { Ok(()) };
        };
        let nomatch = options.contains(&"nomatch");
        let temporary = timeout.unwrap_or(set.timeout);
        for parts in parts {
            set.entries.push(Entry { parts, nomatch, temporary });
        }
        Ok(())
    }

    fn del(&mut self, name: &str, entry: &str) -> Result<(), String> {
        let set = self.known(name)?;
        set.members.retain(|member| member != entry);
        if let Some(gone) = parts(set, entry) {
            set.entries.retain(|entry| !gone.contains(&entry.parts));
        }
        Ok(())
    }

    /// Gives back what is not needed once all lines are read.
    pub(super) fn finish(&mut self) {
        self.map.values_mut_sorted().for_each(|set| set.entries.shrink_to_fit());
    }
}

/// The values of a map in the order of their keys.
trait Sorted<V> {
    fn values_mut_sorted(&mut self) -> std::vec::IntoIter<&mut V>;
}

impl<V> Sorted<V> for HashMap<String, V> {
    fn values_mut_sorted(&mut self) -> std::vec::IntoIter<&mut V> {
        let ordered: BTreeMap<&String, &mut V> = self.iter_mut().collect();
        ordered.into_values().collect::<Vec<_>>().into_iter()
    }
}

fn no_set(name: &str) -> String {
    format!("no set is called `{}`", shown(name))
}

/// The parts of an entry; a range of ports without a protocol is of TCP, and a bitmap of ports is of both.
fn parts(set: &Set, entry: &str) -> Option<Vec<Vec<Part>>> {
    let mut out = vec![Vec::new()];
    let mut texts = entry.split(',');
    for dimension in &set.dimensions {
        let text = texts.next()?;
        let options = match dimension {
            Dimension::Address => vec![masked(addresses(text)?, set.netmask)],
            Dimension::Port if set.bitmap_port => {
                let bare = text.split_once(':').map_or(text, |(_, ports)| ports);
                let (low, high) = ports(bare, None)?;
                vec![Part::Port { protocol: 6, low, high }, Part::Port { protocol: 17, low, high }]
            }
            Dimension::Port => vec![port(text, set.family)?],
            Dimension::Iface if !text.starts_with("physdev:") => vec![Part::Iface(text.to_owned())],
            Dimension::Mac => vec![Part::Mac(values::mac(text)?)],
            Dimension::Iface | Dimension::Other => return None,
        };
        let with = |part: &Part| {
            let part = part.clone();
            out.iter().map(move |head| head.iter().cloned().chain([part.clone()]).collect())
        };
        out = options.iter().flat_map(with).collect();
    }
    texts.next().is_none().then_some(out)
}

/// An entry of a set with a `netmask`: it holds all addresses with the same first bits.
fn masked(part: Part, netmask: Option<u8>) -> Part {
    let Some(bits) = netmask else { return part };
    match part {
        Part::Four(low, high) => {
            let rest = u32::MAX.checked_shr(bits.into()).unwrap_or(0);
            Part::Four(low & !rest, high | rest)
        }
        Part::Six(low, high) => {
            let rest = u128::MAX.checked_shr(bits.into()).unwrap_or(0);
            Part::Six(low & !rest, high | rest)
        }
        other => other,
    }
}

fn addresses(text: &str) -> Option<Part> {
    let (low, high) = match text.split_once('-') {
        Some((low, high)) => (low, Some(high)),
        None => (text, None),
    };
    match (values::address_of_set(low).ok()?, high.map(values::address_of_set)) {
        (Address::V4 { addr, mask }, None) => Some(Part::Four(addr & mask, addr | !mask)),
        (Address::V6 { addr, mask }, None) => Some(Part::Six(addr & mask, addr | !mask)),
        (Address::V4 { addr: low, .. }, Some(Ok(Address::V4 { addr: high, .. }))) => {
            Some(Part::Four(low, high))
        }
        (Address::V6 { addr: low, .. }, Some(Ok(Address::V6 { addr: high, .. }))) => {
            Some(Part::Six(low, high))
        }
        _ => None,
    }
}

fn ports(text: &str, protocol: Option<u8>) -> Option<(u32, u32)> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    Some((values::port(low, protocol)?, values::port(high, protocol)?))
}

fn port(text: &str, family: Family) -> Option<Part> {
    let (protocol, rest) = text.split_once(':').unwrap_or(("tcp", text));
    let protocol = values::protocol(protocol)?;
    if matches!(protocol, 1 | 58) {
        let (kind, code) = match rest.split_once('/') {
            Some((kind, code)) => (values::small(kind, 255)?, values::small(code, 255)?),
            None => match values::icmp_type(rest, protocol == 58)? {
                values::IcmpType::Type(kind, code) => (kind, code.unwrap_or(0)),
                values::IcmpType::Any => return None,
            },
        };
        return Some(Part::Icmp { six: family == Family::Inet6, kind, code });
    }
    let (low, high) = ports(rest, Some(protocol))?;
    Some(Part::Port { protocol, low, high })
}

impl Reader<'_> {
    /// `--match-set NAME src,dst`.
    pub(super) fn match_set(
        &mut self,
        spec: &mut Spec,
        index: usize,
        (name, flags): (&str, &str),
        span: Span,
        not: bool,
    ) {
        let Some(sources) = flags
            .split(',')
            .map(|flag| match flag {
                "src" => Some(true),
                "dst" => Some(false),
                _ => None,
            })
            .collect::<Option<Vec<bool>>>()
        else {
            return self.bad_value(spec, "`src` and `dst`", flags, span);
        };
        let words = format!("-m set --match-set {} {flags}", super::lex::quote(name));
        let changed = ["--add-set", "--del-set", "--map-set"]
            .iter()
            .any(|option| self.text.contains(option) && self.text.contains(&format!("{option} {name}")));
        let found = self.members(name, &sources, changed);
        if let Some(loaded) = spec.loaded.get_mut(index) {
            loaded.used = true;
        }
        let condition = match found {
            Members::Known(condition) => condition,
            Members::Bounded { over, under, reason } => {
                self.note_opaque(span, &format!("set `{}`", shown(name)), reason);
                Condition::opaque_within(format!("iptables {words}"), reason, over, under, span)
            }
            Members::Missing(missing) => {
                let reason = "known to the host alone: the set is in no source that is read";
                let message = format!("set `{}` is not in this source", shown(&missing));
                let help = "put the output of `ipset save` in front of the rules";
                let check = raised::UNDEFINED_REFERENCE;
                self.findings.add_with_help(check, Level::Warning, span, &message, help);
                Condition::opaque(format!("iptables {words}"), reason, span)
            }
            Members::TooFew => {
                return self.bad_value(spec, "one `src` or `dst` for each part of the set", flags, span);
            }
        };
        super::spec::push(&mut spec.parts, if not { Condition::not(condition) } else { condition });
    }

    fn members(&mut self, name: &str, sources: &[bool], changed: bool) -> Members {
        let Some(set) = self.sets.map.get(name) else { return Members::Missing(name.to_owned()) };
        let mut sets: Vec<&Set> = Vec::new();
        if set.list {
            for member in &set.members {
                let Some(set) = self.sets.map.get(member) else { return Members::Missing(member.clone()) };
                sets.push(set);
            }
        } else {
            sets.push(set);
        }
        if !set.list && sources.len() < set.dimensions.len() {
            return Members::TooFew;
        }
        let count: usize = sets.iter().map(|set| set.entries.len()).sum();
        let exhausted = self.expansion.charge(count as u64).is_err();
        let unread = sets.iter().any(|set| set.unread) || exhausted;
        if unread || changed {
            let reason = if changed { CHANGED } else { "a part of the set could not be read" };
            return Members::Bounded { over: Condition::True, under: Condition::False, reason };
        }
        let mut names = Vec::new();
        let mut all = Vec::new();
        let mut lasting = Vec::new();
        let (mut lasts, mut followed) = (true, true);
        for set in sets.iter().filter(|set| sources.len() >= set.dimensions.len()) {
            lasts &= set.entries.iter().all(|entry| !entry.temporary);
            let (over, under, known) = bounds(set, sources, &mut names);
            followed &= known;
            all.push(over);
            lasting.push(under);
        }
        let (mut over, mut under) = (Condition::or(all), Condition::or(lasting));
        let symbols: Vec<u32> =
            names.iter().map(|name| self.document.symbol(&Interface::Name(name.into()).symbol())).collect();
        if !symbols.is_empty() {
            for (name, symbol) in names.iter().zip(&symbols) {
                self.symbols.insert(name.clone(), *symbol);
            }
            resolve(&mut over, &symbols);
            resolve(&mut under, &symbols);
        }
        let reason = match (lasts, followed) {
            (true, true) => return Members::Known(over),
            (true, false) => "exceptions (`nomatch`) from entries of several parts are not followed",
            (false, _) => "stateful: entries of the set may be gone",
        };
        Members::Bounded { over, under, reason }
    }
}

enum Members {
    Known(Condition),
    Bounded {
        over: Condition,
        under: Condition,
        reason: &'static str,
    },
    /// The set of this name is not in the file.
    Missing(String),
    TooFew,
}
