//! Tests to the words of lines.
//!
//! A test of a set becomes alternatives of words, of which any may hold: the lines of a rule are their product.

use super::print_cube::{Cube, Reason};
use super::print_values::{
    addresses4, addresses6, flags, fragment, header_word, headers, interfaces, mac, mark, numbers, range,
    states, ttl,
};
use super::values::protocol_word;
use crate::field::{Family, Field};
use crate::guard::{Meter, limits};
use crate::ir::{Condition, ValueSetRef};
use crate::net::{IntervalSet, Intervals};

/// The words of one line behind the chain; basic options and matches apart, for their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    basic: [String; 6],
    matches: String,
}

// Places of basic options.
pub(super) const SOURCE: usize = 0;
pub(super) const DESTINATION: usize = 1;
pub(super) const INPUT: usize = 2;
pub(super) const OUTPUT: usize = 3;
const PROTOCOL: usize = 4;
pub(super) const FRAGMENT: usize = 5;

/// Matches whose options differ from each other: one match says them all.
const JOINED: [&str; 6] = ["tcp", "udp", "dccp", "sctp", "ecn", "addrtype"];

/// One way to say a test.
#[derive(Clone, Debug)]
pub(super) enum Say {
    Basic(usize, String),
    Match(String),
}

impl Line {
    /// Its words.
    pub(super) fn words(&self) -> String {
        let basic = self.basic.iter().map(String::as_str);
        let all = basic.chain([self.matches.as_str()]).filter(|words| !words.is_empty());
        all.collect::<Vec<_>>().join(" ")
    }

    /// Whether it asks for TCP.
    pub(super) fn is_tcp(&self) -> bool {
        self.basic.get(PROTOCOL).is_some_and(|words| words == "-p tcp")
    }

    fn with(&self, say: &Say) -> Option<Self> {
        let mut line = self.clone();
        match say {
            Say::Basic(place, words) => {
                let slot = line.basic.get_mut(*place)?;
                if slot.is_empty() {
                    slot.clone_from(words);
                } else if slot != words {
                    return None;
                }
            }
            Say::Match(words) => {
                let mut words = words.as_str();
                // Options of one match stand together.
                for module in JOINED {
                    let head = format!("-m {module} ");
                    let last = line.matches.rfind("-m ").and_then(|at| line.matches.get(at..));
                    let Some(last) = last.filter(|last| last.starts_with(&head)) else { continue };
                    // One match takes an option once.
                    let mut options = words.split(' ').filter(|word| word.starts_with("--"));
                    let is_new = options.all(|option| last.split(' ').all(|word| word != option));
                    if let Some(rest) = words.strip_prefix(&head).filter(|_| is_new) {
                        words = rest;
                    }
                }
                if !line.matches.is_empty() && !words.is_empty() {
                    line.matches.push(' ');
                }
                line.matches.push_str(words);
            }
        }
        Some(line)
    }
}

/// What lines are written for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) family: Family,
    pub(super) symbols: &'a [Box<str>],
    /// Whether ports are read wherever they stand, as the nft back end does.
    pub(super) raw: bool,
}

/// The lines that say a cube together.
pub(super) fn lines(cube: &Cube<'_>, setting: Setting<'_>) -> Result<Vec<Line>, Reason> {
    let mut meter = Meter::new(&limits::PRINTED_ALTERNATIVES);
    let mut list = vec![Line::default()];
    let protocols = protocols(cube, setting)?;
    let mut writer = Writer { setting, cube, protocol: None, done: Vec::new() };
    if let Some(choices) = &protocols {
        let mut out = Vec::new();
        for (say, protocol) in choices {
            writer.protocol = *protocol;
            writer.done.clear();
            let Some(line) = Line::default().with(say) else { continue };
            out.extend(writer.all(vec![line], &mut meter)?);
        }
        list = out;
    } else {
        list = writer.all(list, &mut meter)?;
    }
    Ok(list)
}

/// How to say a protocol, and which it is where it is one.
type Choice = (Say, Option<u8>);

/// Protocols that have ports.
const PORTS: [u32; 5] = [6, 17, 33, 132, 136];

/// The protocols a cube asks for, and how to say each; none where it asks for none.
fn protocols(cube: &Cube<'_>, setting: Setting<'_>) -> Result<Option<Vec<Choice>>, Reason> {
    let mut wanted: Option<IntervalSet<u32>> = None;
    let mut narrow = |set: IntervalSet<u32>| {
        wanted = Some(match wanted.take() {
            Some(old) => old.intersection(&set),
            None => set,
        });
    };
    let mut needed = false;
    for (field, values) in &cube.tests {
        let list: &[u32] = match field {
            Field::Proto => {
                let Some(set) = values.as_ranges() else { return Err("a pattern of protocols".into()) };
                narrow(set.to_set());
                continue;
            }
            // In IPv4 the octet is the protocol; in IPv6 other headers may stand between.
            Field::ProtoField if setting.family == Family::Inet => {
                let Some(set) = values.as_ranges() else { return Err("a pattern of protocols".into()) };
                narrow(set.to_set());
                continue;
            }
            Field::Sport | Field::Dport => &PORTS,
            Field::TcpFlags => &[6],
            Field::IcmpType | Field::IcmpCode => &[1],
            Field::Icmp6Type | Field::Icmp6Code => &[58],
            Field::EspSpi => &[50],
            Field::AhSpi if setting.family == Family::Inet => &[51],
            _ => continue,
        };
        needed = true;
        narrow(IntervalSet::from_ranges(list.iter().map(|v| (*v, *v))));
    }
    if !cube.either.is_empty() {
        needed = true;
        narrow(IntervalSet::from_ranges(PORTS.iter().map(|v| (*v, *v))));
    }
    let Some(wanted) = wanted else { return Ok(None) };
    let six = setting.family != Family::Inet;
    let extension = |number: u32| matches!(number, 0 | 43 | 44 | 51 | 60);
    // `! -p X`: of IPv6, a later fragment never has the number of an extension header.
    let mut rest = wanted.complement(255);
    if six {
        rest = rest.difference(&IntervalSet::from_ranges([(0, 0), (43, 44), (51, 51), (60, 60)]));
    }
    if let Some(single) = rest.as_single().filter(|_| !needed && (!six || !wanted.contains(0))) {
        let number = u8::try_from(single).unwrap_or(0);
        if number == 0 {
            return Err("all protocols but 0, which is all of them in iptables".into());
        }
        return Ok(Some(vec![(Say::Basic(PROTOCOL, format!("! -p {}", protocol_word(number))), None)]));
    }
    if wanted.size() > 64 {
        return Err("a wide range of protocols".into());
    }
    let values = wanted.ranges().flat_map(|(low, high)| low..=high);
    let mut out = Vec::new();
    for value in values.filter(|value| !(six && extension(*value))) {
        let number = u8::try_from(value).unwrap_or(0);
        if number == 0 || (six && number == 135) {
            return Err(format!("protocol {number}, which has another meaning in iptables"));
        }
        out.push((Say::Basic(PROTOCOL, format!("-p {}", protocol_word(number))), Some(number)));
    }
    Ok(Some(out))
}

struct Writer<'a, 'c> {
    setting: Setting<'a>,
    cube: &'c Cube<'c>,
    protocol: Option<u8>,
    /// Fields said together with others.
    done: Vec<Field>,
}

impl Writer<'_, '_> {
    fn all(&mut self, start: Vec<Line>, meter: &mut Meter) -> Result<Vec<Line>, Reason> {
        let mut list = start;
        for (field, values) in &self.cube.tests {
            if matches!(field, Field::Proto) || self.done.contains(field) {
                continue;
            }
            let choices = self.test(*field, values.view())?;
            list = extend(&list, &choices, meter)?;
        }
        for set in &self.cube.either {
            let choices = Self::multiport("--ports", set.view())?;
            list = extend(&list, &choices, meter)?;
        }
        Ok(list)
    }

    fn test(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
        let six = self.setting.family == Family::Inet6;
        match field {
            Field::Src4 => addresses4(values, SOURCE, "-s", "--src-range"),
            Field::Dst4 => addresses4(values, DESTINATION, "-d", "--dst-range"),
            Field::Src6 => addresses6(values, SOURCE, "-s", "--src-range"),
            Field::Dst6 => addresses6(values, DESTINATION, "-d", "--dst-range"),
            Field::InIface => interfaces(values, INPUT, "-i", self.setting.symbols),
            Field::OutIface => interfaces(values, OUTPUT, "-o", self.setting.symbols),
            Field::ProtoField if !six => Ok(vec![Say::Match(String::new())]),
            Field::FragOff => fragment(values, six),
            Field::Mf if six => match values.as_single() {
                Some(0) => one("-m frag --fraglast"),
                Some(_) => one("-m frag --fragmore"),
                None => one("-m frag"),
            },
            Field::IsFragHeader if six => match values.as_single() {
                Some(1) => one("-m frag"),
                _ => one("-m ipv6header ! --header ipv6-frag --soft"),
            },
            Field::Sport => self.port("--sport", values),
            Field::Dport => self.port("--dport", values),
            Field::RawPort0 | Field::RawPort1 if !matches!(self.protocol, Some(6 | 17)) => {
                Err(no_words(field))
            }
            Field::RawPort0 | Field::RawPort1
                if values.as_ranges().is_some_and(|set| set.complement(65_535).is_empty()) =>
            {
                self.octets_of(field)
            }
            Field::RawPort0 if self.setting.raw && !six => self.port("--sport", values),
            Field::RawPort1 if self.setting.raw && !six => self.port("--dport", values),
            Field::TcpFlags => flags(values, 0xfff),
            Field::RawOctet13 if self.setting.raw && !six && self.protocol == Some(6) => flags(values, 0xff),
            Field::IcmpType if !six => self.icmp(field, values),
            Field::Icmp6Type if six => self.icmp(field, values),
            Field::Len => numbers(values, 65_535, 65_575, "-m length", "--length"),
            Field::Ttl => ttl(values, six),
            Field::Dscp | Field::Ecn => self.tos(field, values),
            Field::Mark => mark(values),
            Field::CtState => states(values),
            Field::EthSrc => mac(values),
            Field::ExtHdrs => headers(values),
            Field::EspSpi => numbers(values, u32::MAX, u32::MAX, "-m esp", "--espspi"),
            Field::AhSpi => numbers(values, u32::MAX, u32::MAX, "-m ah", "--ahspi"),
            _ if !six => header_word(field, values),
            _ => Err(no_words(field)),
        }
    }

    /// That the octets of a port are there, whatever they are: nothing to say where a test behind them asks for more.
    fn octets_of(&self, field: Field) -> Result<Vec<Say>, Reason> {
        let is_behind = |other: Field, values: ValueSetRef<'_>| match other {
            Field::RawOctet13 => true,
            Field::RawPort1 => values.as_ranges().is_none_or(|set| !set.complement(65_535).is_empty()),
            _ => false,
        };
        if self.cube.tests.iter().any(|(other, values)| *other != field && is_behind(*other, values.view())) {
            return one("");
        }
        Err(format!("{} with any value", no_words(field)))
    }

    fn port(&self, option: &str, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
        let Some(set) = values.as_ranges() else { return Err("a pattern of ports".into()) };
        let module = match self.protocol {
            Some(6) => "tcp",
            Some(17) => "udp",
            Some(33) => "dccp",
            Some(132) => "sctp",
            Some(136) => return Self::multiport(&format!("{option}s"), values),
            _ => return Err("ports of any protocol".into()),
        };
        // Where ports are read wherever they stand, only multiport asks for a header.
        let located = option_is_located(self.cube, option);
        if self.setting.raw && located && matches!(module, "tcp" | "udp") {
            return Self::multiport(&format!("{option}s"), values);
        }
        let out = set.complement(65_535);
        let said = |not: &str, (low, high): (u32, u32)| {
            // The module is named once a line: `Line` puts the words of one after the other.
            vec![Say::Match(format!("-m {module} {not}{option} {}", range(low, high)))]
        };
        let mut ranges = set.ranges();
        let but_one = out.as_single().is_some() && set.as_single().is_none();
        if let (Some(only), None, false) = (ranges.next(), ranges.next(), but_one) {
            return Ok(said("", only));
        }
        let mut ranges = out.ranges();
        if let (Some(only), None) = (ranges.next(), ranges.next()) {
            return Ok(said("! ", only));
        }
        Self::multiport(&format!("{option}s"), values)
    }

    fn multiport(option: &str, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
        let Some(set) = values.as_ranges() else { return Err("a pattern of ports".into()) };
        let rest = set.complement(65_535);
        let shorter =
            option != "--ports" && rest.ranges().len() < set.ranges().len() && weight(rest.view()) <= 15;
        let (not, set) = if shorter { ("! ", rest.view()) } else { ("", set) };
        let (mut out, mut items, mut list) = (Vec::new(), 0, Vec::new());
        for (low, high) in set.ranges() {
            let weight = if low == high { 1 } else { 2 };
            if items + weight > 15 {
                out.push(Say::Match(format!("-m multiport {not}{option} {}", list.join(","))));
                (items, list) = (0, Vec::new());
            }
            items += weight;
            list.push(range(low, high));
        }
        if !list.is_empty() {
            out.push(Say::Match(format!("-m multiport {not}{option} {}", list.join(","))));
        }
        Ok(out)
    }

    fn icmp(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
        let Some(set) = values.as_ranges() else { return Err("a pattern of ICMP types".into()) };
        let six = field == Field::Icmp6Type;
        let (module, option) = if six { ("icmp6", "--icmpv6-type") } else { ("icmp", "--icmp-type") };
        let code_field = if six { Field::Icmp6Code } else { Field::IcmpCode };
        let codes = self.cube.tests.iter().find(|(field, _)| *field == code_field);
        let said = |not: &str, what: &str| Say::Match(format!("-m {module} {not}{option} {what}"));
        if let Some((_, codes)) = codes {
            self.done.push(code_field);
            let Some(codes) = codes.as_ranges() else { return Err("a pattern of ICMP codes".into()) };
            if set.size() * codes.size() > 256 {
                return Err("ranges of ICMP types and codes".into());
            }
            let types = set.ranges().flat_map(|(low, high)| low..=high);
            let codes: Vec<u32> = codes.ranges().flat_map(|(low, high)| low..=high).collect();
            return Ok(types
                .flat_map(|kind| codes.iter().map(move |code| format!("{kind}/{code}")))
                .map(|what| said("", &what))
                .collect());
        }
        let rest = set.complement(255);
        if rest.is_empty() {
            return if six {
                Err("any type of ICMPv6 with its header".into())
            } else {
                Ok(vec![said("", "any")])
            };
        }
        if let Some(single) = rest.as_single() {
            return Ok(vec![said("! ", &single.to_string())]);
        }
        // Type 255 of ICMP is the word for any.
        if !six && set.contains(255) {
            return Err("ICMP type 255".into());
        }
        let types = set.ranges().flat_map(|(low, high)| low..=high);
        Ok(types.map(|kind| said("", &kind.to_string())).collect())
    }

    /// DSCP and ECN, alone or as one octet.
    fn tos(&mut self, field: Field, values: ValueSetRef<'_>) -> Result<Vec<Say>, Reason> {
        let other = if field == Field::Dscp { Field::Ecn } else { Field::Dscp };
        let beside = self.cube.tests.iter().find(|(field, _)| *field == other);
        let pattern = |values: ValueSetRef<'_>, full: u32| -> Option<(u32, u32)> {
            match values {
                ValueSetRef::Bits(set) => match set.patterns() {
                    [one] => Some((u32::try_from(one.value).ok()?, u32::try_from(one.mask).ok()?)),
                    _ => None,
                },
                _ => values.as_single().and_then(|v| u32::try_from(v).ok()).map(|v| (v, full)),
            }
        };
        if let Some((_, beside)) = beside {
            let (dscp, ecn) =
                if field == Field::Dscp { (values, beside.view()) } else { (beside.view(), values) };
            if let (Some(dscp), Some(ecn)) = (pattern(dscp, 0x3f), pattern(ecn, 3)) {
                self.done.push(other);
                return one(&tos_words(dscp.0 << 2 | ecn.0, dscp.1 << 2 | ecn.1));
            }
        }
        if let ValueSetRef::Bits(_) = values {
            let shift = if field == Field::Dscp { 2 } else { 0 };
            return match pattern(values, 0) {
                Some((value, mask)) => one(&tos_words(value << shift, mask << shift)),
                None => Err("patterns of the traffic class".into()),
            };
        }
        let Some(set) = values.as_ranges() else { return Err("patterns of the traffic class".into()) };
        let max = if field == Field::Dscp { 63 } else { 3 };
        let said = |not: &str, value: u32| {
            Say::Match(if field == Field::Dscp {
                format!("-m dscp {not}--dscp {value:#04x}")
            } else {
                format!("-m ecn {not}--ecn-ip-ect {value}")
            })
        };
        if let Some(single) = set.complement(max).as_single() {
            return Ok(vec![said("! ", single)]);
        }
        Ok(set.ranges().flat_map(|(low, high)| low..=high).map(|value| said("", value)).collect())
    }
}

fn tos_words(value: u32, mask: u32) -> String {
    format!("-m tos --tos {value:#04x}/{mask:#04x}")
}

/// Whether the cube asks for the port by its field, and not for the octets there.
fn option_is_located(cube: &Cube<'_>, option: &str) -> bool {
    let field = if option == "--sport" { Field::Sport } else { Field::Dport };
    cube.tests.iter().any(|(other, _)| *other == field)
}

fn weight(set: Intervals<'_, u32>) -> usize {
    set.ranges().map(|(low, high)| if low == high { 1 } else { 2 }).sum()
}

pub(super) fn no_words(field: Field) -> Reason {
    format!("a test of the {}", field.info().title)
}

#[expect(clippy::unnecessary_wraps, reason = "what every way to say a test answers")]
pub(super) fn one(words: &str) -> Result<Vec<Say>, Reason> {
    Ok(vec![Say::Match(words.to_owned())])
}

fn extend(list: &[Line], choices: &[Say], meter: &mut Meter) -> Result<Vec<Line>, Reason> {
    let mut out = Vec::with_capacity(list.len());
    for line in list {
        for say in choices {
            meter.charge(1).map_err(|_| "too many alternatives for rules of iptables".to_owned())?;
            match say {
                Say::Match(words) if words.is_empty() => out.push(line.clone()),
                _ => match line.with(say) {
                    Some(line) => out.push(line),
                    None => return Err("two tests of one field".into()),
                },
            }
        }
    }
    Ok(out)
}

/// A test under `unless` that has words of its own with a `!` in front; none where only a chain can say it.
pub(super) fn negated(condition: &Condition, setting: Setting<'_>, line: &Line) -> Option<Line> {
    let Condition::Test(test) = condition else { return None };
    let choices = match test.field() {
        Field::InIface => interfaces(test.values(), INPUT, "! -i", setting.symbols),
        Field::OutIface => interfaces(test.values(), OUTPUT, "! -o", setting.symbols),
        Field::Src4 => addresses4(test.values(), SOURCE, "! -s", ""),
        Field::Dst4 => addresses4(test.values(), DESTINATION, "! -d", ""),
        Field::Src6 => addresses6(test.values(), SOURCE, "! -s", ""),
        Field::Dst6 => addresses6(test.values(), DESTINATION, "! -d", ""),
        Field::Mark => mark(test.values()).map(|list| {
            let not = |say: Say| match say {
                Say::Match(words) => Say::Match(words.replace("-m mark --mark", "-m mark ! --mark")),
                other @ Say::Basic(..) => other,
            };
            list.into_iter().map(not).collect()
        }),
        _ => return None,
    };
    match choices.ok()?.as_slice() {
        [only @ Say::Basic(_, words)] if words.starts_with("! ") && !words.contains("! ! ") => {
            line.with(only)
        }
        [only @ Say::Match(words)] if words.contains(" ! ") && test.field() == Field::Mark => line.with(only),
        _ => None,
    }
}

/// Words of a condition that is not modelled, put behind a line.
pub(super) fn with_words(line: &Line, words: &str) -> Line {
    line.with(&Say::Match(words.to_owned())).unwrap_or_else(|| line.clone())
}
