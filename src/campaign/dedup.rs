//! By what one thing seen is told from another: what a target says, without its numbers; and the least that brings a
//! fault about.

use super::expect::{Judgement, judge};
use super::mutate::{broken, walk};
use super::{Fault, Input, Observation, Update};
use crate::dialect::flowspec::encode::SHORT_MAX;
use crate::field::Family;
use crate::net::mix;
use std::fmt::Write as _;

/// A line that a program said, without what differs each time: numbers, addresses, octets in hex.
pub(super) fn template(line: &str) -> String {
    let mut out = String::new();
    for word in line.split_whitespace() {
        // A word with a digit in it is a number, an address, a time or a name made up of one.
        let word = if word.bytes().any(|c| c.is_ascii_digit()) {
            let kept: String =
                word.chars().filter(|c| !c.is_ascii_hexdigit() && *c != '.' && *c != ':').collect();
            format!("#{kept}")
        } else {
            word.to_owned()
        };
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out
}

/// Words with which programs say that they fall.
const FALLS: [&str; 9] = [
    "panic",
    "runtime error",
    "Traceback",
    "Sanitizer",
    "assert",
    "Assertion",
    "Segmentation",
    "signal",
    "core dumped",
];

/// The line with which a program says that it falls; none when it says nothing of the kind.
pub(super) fn fall(said: &[String]) -> Option<&String> {
    said.iter().find(|line| FALLS.iter().any(|word| line.contains(word)))
}

/// A number for what was seen: the same for what looks the same.
pub(super) fn signature(seen: &Observation) -> u64 {
    let mut lines: Vec<String> = seen.said.iter().map(|line| template(line)).collect();
    lines.sort();
    lines.dedup();
    let mut hash = mix(lines.len() as u64);
    let mut add = |octets: &[u8]| octets.iter().for_each(|octet| hash = mix(hash ^ u64::from(*octet)));
    for line in &lines {
        add(line.as_bytes());
    }
    add(format!("{:?} {:?} {:?}", seen.outcome, seen.reset, seen.taken).as_bytes());
    // Whether anything of it is there, not what.
    add(&[u8::from(seen.shown.as_ref().is_some_and(|list| !list.is_empty()))]);
    hash
}

/// What of a legal route brings a fault about; what is not said does not matter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Pattern {
    /// For malformed input its defect.
    defect: Option<&'static str>,
    /// The component type.
    kind: Option<u8>,
    /// The bits of an operator that matter, where the plain comparison does not do.
    operator: Option<u8>,
    /// The width of the value as a power of two, where it is more than the value needs.
    width: Option<u8>,
    /// The least value.
    least: u64,
    /// The least length of the list.
    count: usize,
    /// The least length of the NLRI in octets.
    octets: usize,
    /// Whether what it asks for matters.
    actions: bool,
    /// Whether it is about a component that is not whole.
    broken: bool,
}

impl Pattern {
    /// The pattern of a smallest input; none where there is no single route to take it from.
    pub(super) fn of(input: &Input) -> Option<Self> {
        let Input::Updates(updates) = input else { return None };
        let [update] = updates.as_slice() else { return None };
        let [_] = update.routes.as_slice() else { return None };
        let Sight { defect, actions, octets, looks: list } = Sight::of(update);
        let mut pattern = Self { defect, actions, ..Self::default() };
        if let [look] = list.as_slice() {
            pattern.kind = Some(look.kind);
            pattern.count = look.count;
            pattern.broken = look.broken;
            let Some(worst) = look.operands.iter().max_by_key(|o| (o.is_odd(), o.value)) else {
                return Some(pattern);
            };
            pattern.operator = worst.is_odd().then_some(worst.op);
            pattern.width = (worst.width > worst.fewest()).then_some(worst.width);
            pattern.least = if worst.value <= 1 { 0 } else { worst.value };
        } else {
            // Several components are needed, or none can be told.
            pattern.count = 0;
            pattern.octets = octets;
            pattern.kind = list.last().map(|look| look.kind);
        }
        Some(pattern)
    }

    /// Whatever else there is, this defect.
    pub(super) fn of_defect(defect: &'static str) -> Self {
        Self { defect: Some(defect), ..Self::default() }
    }

    /// The same, whatever the type is.
    pub(super) fn of_any_kind(self) -> Self {
        Self { kind: None, ..self }
    }

    /// Whether an UPDATE would bring the same about.
    #[cfg(test)]
    pub(super) fn covers(&self, update: &Update) -> bool {
        self.covers_all(&Sight::of(update))
    }

    /// Whether the UPDATE looked at would bring the same about.
    pub(super) fn covers_all(&self, sight: &Sight) -> bool {
        // What a legal route brings about, one does too that has a defect besides.
        if self.defect.is_some() && sight.defect != self.defect || self.actions && !sight.actions {
            return false;
        }
        if self.count == 0 {
            return sight.octets >= self.octets
                && self.kind.is_none_or(|kind| sight.looks.iter().any(|look| look.kind == kind));
        }
        sight.looks.iter().any(|look| {
            let kind = self.kind.is_none_or(|kind| kind == look.kind);
            let operand = |operand: &Operand| {
                self.operator.is_none_or(|op| operand.has(op))
                    && self.width.is_none_or(|width| width == operand.width)
                    && operand.value >= self.least
            };
            // A prefix has no operands.
            let any = look.operands.is_empty() && self.operator.is_none() && self.width.is_none();
            kind && look.broken >= self.broken
                && look.count >= self.count
                && (any || look.operands.iter().any(operand))
        })
    }

    /// In words and numbers.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        if let Some(defect) = self.defect {
            _ = write!(out, " {defect}");
        }
        match self.kind {
            Some(kind) => _ = write!(out, " type {kind}"),
            None => out.push_str(" any type"),
        }
        if let Some(op) = self.operator {
            _ = write!(out, " operator {op:#04x}");
        }
        if let Some(width) = self.width {
            _ = write!(out, " width {}", 1_u32 << width);
        }
        if self.least > 0 {
            _ = write!(out, " value {}", self.least);
        }
        if self.count > 1 {
            _ = write!(out, " list of {}", self.count);
        }
        if self.octets > 0 {
            _ = write!(out, " octets {}", self.octets);
        }
        if self.actions {
            out.push_str(" with actions");
        }
        out.trim_start().to_owned()
    }
}

/// What of an UPDATE patterns ask about: looked at once, however many there are.
pub(super) struct Sight {
    defect: Option<&'static str>,
    actions: bool,
    octets: usize,
    looks: Vec<Look>,
}

impl Sight {
    /// Looks at one.
    pub(super) fn of(update: &Update) -> Self {
        let defect = match judge(update).judgement {
            Judgement::Illegal(name) => Some(name),
            Judgement::Legal | Judgement::Unusual(_) => None,
        };
        let actions = !update.communities.is_empty();
        let octets = update.routes.iter().map(Vec::len).sum();
        Self { defect, actions, octets, looks: Look::all(update) }
    }
}

/// A component as it stands.
struct Look {
    kind: u8,
    count: usize,
    // Whether it is not whole: no more can be read of it.
    broken: bool,
    operands: Vec<Operand>,
}

struct Operand {
    op: u8,
    width: u8,
    value: u64,
    bitmask: bool,
}

impl Operand {
    /// Whether it is more than a plain comparison: for a bitmask all bits, else equality.
    fn is_odd(&self) -> bool {
        let plain = self.op == 1 || self.bitmask && self.op == 0;
        !plain
    }

    /// Whether it has all that is odd about another: a bit that should not be there, a comparison that is not plain.
    fn has(&self, op: u8) -> bool {
        let odd = op & 0x48;
        let compares = op & 0x07;
        self.op & odd == odd && (compares == 1 || compares == self.op & 0x07)
    }

    fn fewest(&self) -> u8 {
        match self.value {
            0..=0xff => 0,
            0x100..=0xffff => 1,
            0x1_0000..=0xffff_ffff => 2,
            _ => 3,
        }
    }
}

impl Look {
    fn all(update: &Update) -> Vec<Self> {
        let v6 = update.table.family() == Family::Inet6;
        let skip = if update.table.is_vpn() { 8 } else { 0 };
        let mut list = Vec::new();
        for framed in &update.routes {
            let head =
                if framed.first().is_some_and(|first| usize::from(*first) > SHORT_MAX) { 2 } else { 1 };
            let value = framed.get(head + skip..).unwrap_or(&[]);
            let pieces = walk(value, v6);
            let last = broken(value, &pieces).map(|piece| (piece, true));
            for (piece, broken) in pieces.into_iter().map(|piece| (piece, false)).chain(last) {
                let operands: Vec<Operand> = piece
                    .operands
                    .iter()
                    .enumerate()
                    .map(|(number, (at, width))| {
                        // Joined with the one before is odd where there is none.
                        let bits = if number == 0 { 0x4f } else { 0x0f };
                        let op = value.get(*at).copied().unwrap_or(0) & bits;
                        let octets = value.get(at + 1..at + 1 + (1 << width)).unwrap_or(&[]);
                        let number = octets.iter().fold(0_u64, |n, octet| n << 8 | u64::from(*octet));
                        Operand { op, width: *width, value: number, bitmask: matches!(piece.kind, 9 | 12) }
                    })
                    .collect();
                list.push(Self { kind: piece.kind, count: operands.len().max(1), broken, operands });
            }
        }
        list
    }
}

/// By what a finding is told from others.
pub(super) fn name(fault: &Fault, pattern: Option<&Pattern>, said: &[String], input: &Input) -> String {
    let mut out = fault.name().to_owned();
    match fault {
        Fault::Reset { code, subcode, unusual } => {
            _ = write!(out, " {code}/{subcode}");
            if let Some(name) = unusual {
                _ = write!(out, " {name}");
            }
        }
        Fault::Refused { unusual: Some(name) } => _ = write!(out, " {name}"),
        Fault::Accepted { defect } => {
            _ = write!(out, " {defect}");
            return out;
        }
        Fault::Died => {
            if let Some(line) = fall(said) {
                _ = write!(out, " {}", template(line));
                return out;
            }
        }
        _ => {}
    }
    match pattern {
        Some(pattern) => _ = write!(out, ": {}", pattern.text()),
        None if said.is_empty() => _ = write!(out, ": {} octets", input.octets()),
        None => said.iter().take(1).for_each(|line| _ = write!(out, ": {}", template(line))),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::flowspec::Table;

    fn update(value: &[u8]) -> Update {
        let mut framed = vec![u8::try_from(value.len()).unwrap()];
        framed.extend_from_slice(value);
        Update::new(Table::Ipv4, vec![framed])
    }

    fn pattern(value: &[u8]) -> Pattern {
        Pattern::of(&Input::Updates(vec![update(value)])).unwrap()
    }

    #[test]
    fn templates_leave_out_what_differs() {
        let at =
            |time: &str, place: &str| template(&format!("2026-01-02 {time} speaker: bad NLRI at {place}"));
        assert_eq!(at("10:00:01.2", "0x80f"), at("10:00:09.7", "0x11"));
        assert_ne!(template("bad operand"), template("bad length"));
    }

    #[test]
    fn a_pattern_covers_what_has_more_of_the_same() {
        let wide = pattern(&[5, 0xa1, 0, 0, 0, 0]);
        assert_eq!(wide.text(), "type 5 width 4");
        assert!(wide.covers(&update(&[3, 0x81, 6, 5, 0x01, 80, 0xa3, 0, 0, 0, 9])));
        assert!(wide.covers(&update(&[3, 0x81, 6, 5, 0x01, 80, 0xa1, 0, 0, 0, 9])));
        assert!(!wide.covers(&update(&[5, 0x81, 80])));
        assert!(!wide.covers(&update(&[4, 0xa1, 0, 0, 0, 80])));
        assert!(wide.of_any_kind().covers(&update(&[4, 0xa1, 0, 0, 0, 80])));
        let list = pattern(&[4, 1, 0, 1, 0, 0x81, 0]);
        assert_eq!(list.text(), "type 4 list of 3");
        assert!(list.covers(&update(&[4, 1, 1, 1, 2, 1, 3, 0x81, 4])));
        assert!(!list.covers(&update(&[4, 1, 1, 0x81, 4])));
        let unequal = pattern(&[5, 0x86, 0]);
        assert!(unequal.covers(&update(&[5, 1, 7, 0x86, 9])));
        assert!(!unequal.covers(&update(&[5, 0x83, 9])));
        let cut = pattern(&[5, 0x91, 0]);
        assert!(cut.text().starts_with("cut"));
    }
}
