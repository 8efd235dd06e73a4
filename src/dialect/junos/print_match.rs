//! Conditions to the statements of a `from`.
//!
//! A condition is written part by part, in order, so that what Junos said once is said again the same way. What
//! no statement says exactly is an error with its reason: nothing is approximated.

use super::bitfield::Accepted;
use super::conditions::{FRAGMENT_FIELDS, LAST_OFFSET, TCP_BITS, is_pattern};
use super::names;
use super::numbers::reads;
use super::print::{Writer, word};
use super::print_values::{
    MANY, address_lines, expression, flags_of, groups, kinds_of, number_list, number_of,
};
use super::support::{self, Families, INET, INET6, LAYER2, Match, N, Slot};
use crate::field::{Field, GROUPS};
use crate::ir::{Condition, Test, ValueSet, ValueSetRef};
use crate::net::{IntervalSet, Prefix6};
use std::fmt;

/// One statement of a `from`.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Statement {
    keyword: &'static str,
    values: Values,
}

#[derive(Clone, PartialEq, Debug)]
enum Values {
    None,
    List(Vec<String>),
    Block(Vec<String>),
}

impl Statement {
    pub(super) fn print(&self, writer: &mut Writer<'_>) -> fmt::Result {
        match &self.values {
            Values::None => writer.leaf(self.keyword),
            Values::List(values) => writer.values(self.keyword, values),
            Values::Block(lines) => {
                writer.open(self.keyword)?;
                lines.iter().try_for_each(|line| writer.leaf(line))?;
                writer.close()
            }
        }
    }
}

type Result<T> = std::result::Result<T, String>;

/// The statements of a condition; an error says in words what Junos cannot say.
pub(super) fn statements(
    condition: &Condition,
    family: Families,
    symbols: &[Box<str>],
) -> Result<Vec<Statement>> {
    let parts: &[Condition] = match condition {
        Condition::True => &[],
        Condition::And(parts) => parts,
        one => std::slice::from_ref(one),
    };
    let mut from = From { family, symbols, list: Vec::new(), guards: Guards::default() };
    let mut rest = parts;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let used = from.part(first, after)?;
        rest = rest.get(used..).unwrap_or(&[]);
    }
    from.guard()?;
    Ok(from.list)
}

/// What conditions on located transport headers ask for beside themselves.
#[derive(Default)]
struct Guards {
    protocols: Option<IntervalSet<u32>>,
}

struct From<'s> {
    family: Families,
    symbols: &'s [Box<str>],
    list: Vec<Statement>,
    guards: Guards,
}

impl From<'_> {
    fn add(&mut self, keyword: &'static str, values: Values) -> Result<()> {
        if self.list.iter().any(|s| s.keyword == keyword) {
            return Err(format!("two conditions that are both `{keyword}`"));
        }
        // The device takes either port, or one of them, in one term.
        let either = |word: &str| matches!(word, "port" | "port-except");
        let one = |word: &str| {
            let word = word.strip_suffix("-except").unwrap_or(word);
            matches!(word, "source-port" | "destination-port")
        };
        let other =
            |said: &&Statement| either(keyword) && one(said.keyword) || one(keyword) && either(said.keyword);
        if let Some(said) = self.list.iter().find(other) {
            return Err(format!("`{keyword}` together with `{}`", said.keyword));
        }
        self.list.push(Statement { keyword, values });
        Ok(())
    }

    fn keyword(&self, what: Match) -> Result<&'static str> {
        support::keyword(what, self.family).ok_or_else(|| "a condition this family does not have".to_owned())
    }

    /// Writes one part; how many of the parts behind it went with it.
    fn part(&mut self, part: &Condition, after: &[Condition]) -> Result<usize> {
        match part {
            Condition::Test(test) => self.test(test, after),
            Condition::Or(parts) => self.either(parts, part).map(|()| 0),
            Condition::Opaque(opaque) => {
                self.opaque(std::slice::from_ref(part), false)?;
                // What bounds it says more than its words do.
                match &opaque.over {
                    Condition::True => Ok(()),
                    Condition::And(bounds) => {
                        bounds.iter().try_for_each(|bound| self.part(bound, &[]).map(|_| ()))
                    }
                    bound => self.part(bound, &[]).map(|_| ()),
                }
                .map(|()| 0)
            }
            Condition::Not(inner) => match &**inner {
                Condition::Opaque(opaque) => {
                    let base = opaque.id.split(' ').next().unwrap_or("").to_owned();
                    let same = |part: &&Condition| match part {
                        Condition::Not(inner) => {
                            matches!(&**inner, Condition::Opaque(o) if o.id.split(' ').next() == Some(&*base))
                        }
                        _ => false,
                    };
                    let more: Vec<Condition> = after.iter().take_while(same).map(negated).collect();
                    let all: Vec<Condition> =
                        std::iter::once((**inner).clone()).chain(more.iter().cloned()).collect();
                    self.opaque(&all, true).map(|()| more.len())
                }
                _ => Err("a negated condition".to_owned()),
            },
            Condition::False => Err("a condition no packet has".to_owned()),
            Condition::True => Ok(0),
            Condition::And(_) => Err("conditions inside each other".to_owned()),
        }
    }

    fn test(&mut self, test: &Test, after: &[Condition]) -> Result<usize> {
        let next = match after.first() {
            Some(Condition::Test(next)) => Some(next),
            _ => None,
        };
        let only = |test: &Test, value: u32| test.values().as_single() == Some(value.into());
        match test.field() {
            Field::Src4 | Field::Dst4 | Field::Src6 | Field::Dst6 => {
                let slot = match test.field() {
                    Field::Src4 if self.family == LAYER2 => Slot::Source4,
                    Field::Dst4 if self.family == LAYER2 => Slot::Destination4,
                    Field::Src6 if self.family == LAYER2 => Slot::Source6,
                    Field::Dst6 if self.family == LAYER2 => Slot::Destination6,
                    Field::Src4 | Field::Src6 => Slot::Source,
                    _ => Slot::Destination,
                };
                self.addresses(slot, test)?;
            }
            Field::IpVersion => {
                let bound = next.and_then(|next| {
                    Some(match (test.values().as_single()?, next.field()) {
                        (4, Field::Proto) => N::Protocol4,
                        (6, Field::Proto) => N::PayloadProtocol6,
                        (6, Field::ProtoField) => N::NextHeader6,
                        (6, Field::Dscp) => N::TrafficClass6,
                        _ => return None,
                    })
                });
                let (Some(number), Some(next)) = (bound, next) else {
                    return Err("a condition on the IP version alone".to_owned());
                };
                self.number(number, next.values())?;
                return Ok(1);
            }
            Field::FragOff => {
                let first = next.filter(|next| next.field() == Field::Mf);
                if let Some(more) = first.filter(|more| only(test, 0) && only(more, 1)) {
                    let _ = more;
                    self.add("first-fragment", Values::None)?;
                    return Ok(1);
                }
                let later = test.values() == ValueSet::range(1, LAST_OFFSET);
                if self.family == INET6 && later && first.is_some_and(|more| only(more, 0)) {
                    self.add("last-fragment", Values::None)?;
                    return Ok(1);
                }
                if later {
                    self.add("is-fragment", Values::None)?;
                } else {
                    self.number(N::FragmentOffset, test.values())?;
                }
            }
            Field::Df | Field::Mf | Field::ReservedFlag => {
                // All tests of flags that follow are one expression.
                let flag = |part: &&Condition| matches!(part, Condition::Test(t) if FRAGMENT_FIELDS.iter().any(|f| f.1 == t.field()));
                let more = after.iter().take_while(flag).count();
                let this = Condition::Test(test.clone());
                let all = std::iter::once(this).chain(after.iter().take(more).cloned());
                self.fragment_flags(&Condition::and(all))?;
                return Ok(more);
            }
            Field::RawOctet13 => self.tcp_flags(test.values())?,
            Field::IpOptions => self.options(test, Match::IpOptions(false), Match::IpOptions(true))?,
            Field::ExtHdrs => {
                self.options(test, Match::ExtensionHeader(false), Match::ExtensionHeader(true))?;
            }
            Field::InIface => {
                let names = self.names(test.values())?;
                let keyword = self.keyword(Match::Interface)?;
                self.add(keyword, Values::List(names))?;
            }
            Field::InGroup => {
                let (bits, except) = groups(test.values()).ok_or("a condition on interface groups")?;
                let symbols = (0..GROUPS).filter(|index| bits >> index & 1 == 1);
                let names = self.names(ValueSet::of(symbols).view())?;
                let number = |name: &String| name.parse::<u8>().is_ok();
                if !names.iter().all(number) {
                    return Err("a condition on interface groups that are no numbers".to_owned());
                }
                let keyword = self.keyword(Match::InterfaceGroup(except))?;
                self.add(keyword, Values::List(names))?;
            }
            Field::EthSrc | Field::EthDst => self.macs(test)?,
            Field::Sport | Field::Dport | Field::TcpFlags | Field::IcmpType | Field::IcmpCode => {
                self.located(test)?;
            }
            field => {
                let number = number_of(field, self.family)
                    .ok_or_else(|| format!("a condition on `{}`", field.info().title))?;
                self.number(number, test.values())?;
            }
        }
        Ok(0)
    }

    fn number(&mut self, number: N, values: ValueSetRef<'_>) -> Result<()> {
        let reads = reads(number, self.family);
        let set = values.as_ranges().ok_or("a bit pattern of a number")?;
        // In IPv4 no packet is longer than the statement can say.
        let clipped;
        let set = if reads.field == Field::Len && self.family == INET {
            clipped = set.intersection(IntervalSet::range(0, reads.max).view());
            clipped.view()
        } else {
            set
        };
        if let Ok(keyword) = self.keyword(Match::Number(number, false))
            && let Some(list) = number_list(set, &reads)
        {
            return self.add(keyword, Values::List(list));
        }
        // Nothing at all is everything but everything.
        if set.is_empty() {
            let keyword = self.keyword(Match::Number(number, true))?;
            return self.add(keyword, Values::List(vec![format!("0-{}", reads.max)]));
        }
        Err(format!("these values of `{}`", reads.field.info().title))
    }

    fn names(&self, values: ValueSetRef<'_>) -> Result<Vec<String>> {
        let set = values.as_ranges().ok_or("a bit pattern of interfaces")?;
        if set.is_empty() || set.size() > MANY as u128 {
            return Err("a condition on interfaces by other than their names".to_owned());
        }
        let symbols = set.ranges().flat_map(|(lo, hi)| lo..=hi);
        let name = |symbol: u32| {
            let name = self.symbols.get(symbol as usize).ok_or("an interface without a name")?;
            if name.is_empty() || name.chars().any(char::is_control) || is_pattern(name) {
                return Err(format!("an interface of the name `{}`", name.escape_debug()));
            }
            Ok(word(name))
        };
        symbols.map(name).collect()
    }

    fn addresses(&mut self, slot: Slot, test: &Test) -> Result<()> {
        let keyword = self.keyword(Match::Address(slot))?;
        let lines = address_lines(test)?;
        self.add(keyword, Values::Block(lines))
    }

    fn macs(&mut self, test: &Test) -> Result<()> {
        let keyword = self.keyword(Match::Mac(test.field()))?;
        let ValueSetRef::Wide(set) = test.values() else {
            return Err("a bit pattern of MAC addresses".to_owned());
        };
        // Prefixes of 48 bits are prefixes of 128 with zeros in front.
        let prefixes: Vec<Prefix6> = set.ranges().flat_map(|(lo, hi)| Prefix6::cover(lo, hi)).collect();
        if prefixes.is_empty() || prefixes.iter().any(|p| p.len() < 80) || prefixes.len() > MANY {
            return Err("these MAC addresses".to_owned());
        }
        let line = |prefix: &Prefix6| {
            let octets = prefix.first().to_be_bytes();
            let text: Vec<String> = octets.iter().skip(10).map(|o| format!("{o:02x}")).collect();
            format!("{}/{}", text.join(":"), prefix.len() - 80)
        };
        self.add(keyword, Values::Block(prefixes.iter().map(line).collect()))
    }

    fn tcp_flags(&mut self, values: ValueSetRef<'_>) -> Result<()> {
        let ValueSetRef::Bits(set) = values else { return Err("TCP flags as numbers".to_owned()) };
        let inside = (1_u128 << TCP_BITS) - 1;
        if set.patterns().iter().any(|p| p.mask & !inside != 0) {
            return Err("TCP flags beyond the six that Junos reads".to_owned());
        }
        let set = Accepted::of_patterns(set, TCP_BITS);
        let is = |text| Accepted::parse(text, names::TCP_FLAGS, TCP_BITS).is_ok_and(|other| other == set);
        let short = [("tcp-established", "(ack | rst)"), ("tcp-initial", "(!ack & syn)")];
        for (keyword, text) in short {
            if is(text) && matches!(self.family, INET | INET6) && self.add(keyword, Values::None).is_ok() {
                return Ok(());
            }
        }
        let text = expression(set, names::TCP_FLAGS);
        self.add("tcp-flags", Values::List(vec![text]))
    }

    fn fragment_flags(&mut self, condition: &Condition) -> Result<()> {
        if self.family != INET {
            return Err("flags of the IPv4 header in this family".to_owned());
        }
        let set = flags_of(condition).ok_or("a condition on the flags of the IPv4 header")?;
        self.add("fragment-flags", Values::List(vec![expression(set, names::FRAGMENT_FLAGS)]))
    }

    fn options(&mut self, test: &Test, plain: Match, except: Match) -> Result<()> {
        let top = u32::try_from(test.field().info().max).unwrap_or(u32::MAX);
        let any = || Values::List(vec!["any".to_owned()]);
        let names = match test.field() {
            Field::IpOptions => names::IP_OPTIONS,
            _ => names::EXTENSION_HEADERS,
        };
        if test.values() == ValueSet::range(1, top) {
            let keyword = self.keyword(plain)?;
            return self.add(keyword, any());
        }
        if test.values() == ValueSet::single(0) {
            let keyword = self.keyword(except)?;
            return self.add(keyword, any());
        }
        let ValueSetRef::Bits(set) = test.values() else { return Err("these options".to_owned()) };
        let kinds = |bits: u128| kinds_of(test.field(), bits, names);
        let (keyword, bits) = match set.patterns() {
            [one] if one.value == 0 && one.mask != 0 => (self.keyword(except)?, one.mask),
            list if !list.is_empty()
                && list.iter().all(|p| p.mask == p.value && p.mask.is_power_of_two()) =>
            {
                (self.keyword(plain)?, list.iter().fold(0, |sum, p| sum | p.mask))
            }
            _ => return Err("these options".to_owned()),
        };
        let list = kinds(bits).ok_or("an option without a number")?;
        self.add(keyword, Values::List(list))
    }

    /// Alternatives: either port, either address, flags of the header, values only the device knows.
    fn either(&mut self, parts: &[Condition], whole: &Condition) -> Result<()> {
        if let [Condition::Test(a), Condition::Test(b)] = parts
            && a.values() == b.values()
        {
            match (a.field(), b.field()) {
                (Field::RawPort0, Field::RawPort1) => return self.number(N::Port, a.values()),
                (Field::Sport, Field::Dport) => {
                    self.guards.require(IntervalSet::from_ranges(PORT_PROTOCOLS));
                    return self.number(N::Port, a.values());
                }
                (Field::Src4, Field::Dst4) | (Field::Src6, Field::Dst6) => {
                    let slot = match (self.family, a.field()) {
                        (LAYER2, Field::Src4) => Slot::Either4,
                        (LAYER2, _) => Slot::Either6,
                        _ => Slot::Either,
                    };
                    return self.addresses(slot, a);
                }
                _ => {}
            }
        }
        if parts.iter().all(|part| matches!(part, Condition::Opaque(_))) {
            return self.opaque(parts, false);
        }
        if flags_of(whole).is_some() {
            return self.fragment_flags(whole);
        }
        Err("alternatives between different conditions".to_owned())
    }

    /// Values only the device knows, as they were written: `forwarding-class gold`.
    fn opaque(&mut self, parts: &[Condition], except: bool) -> Result<()> {
        let mut keyword = None;
        let mut values = Vec::new();
        for part in parts {
            let Condition::Opaque(opaque) = part else { return Err("a negated condition".to_owned()) };
            let several = parts.len() > 1 || except;
            if opaque.under != Condition::False || several && opaque.over != Condition::True {
                return Err("a condition between bounds".to_owned());
            }
            let unknown = || format!("`{}`, which is not modelled", opaque.id.escape_debug());
            let (base, value) = opaque.id.split_once(' ').ok_or_else(unknown)?;
            let entry =
                if except { support::condition(&format!("{base}-except")) } else { support::condition(base) };
            let entry = entry.filter(|e| e.what == Match::Named(except) && e.families & self.family != 0);
            let entry = entry.ok_or_else(unknown)?;
            if *keyword.get_or_insert(entry.word) != entry.word {
                return Err(unknown());
            }
            values.push(word(value));
        }
        let keyword = keyword.ok_or("a condition without words")?;
        self.add(keyword, Values::List(values))
    }

    /// A test of a transport header that is there: the octets behind the IP header of an unfragmented packet or
    /// first fragment, of the protocols that have the field.
    fn located(&mut self, test: &Test) -> Result<()> {
        if self.family != INET {
            return Err(format!("`{}` in a family that cannot ask for fragments", test.field().info().title));
        }
        let one = |protocol| IntervalSet::single(protocol);
        match test.field() {
            Field::Sport | Field::Dport => {
                self.guards.require(IntervalSet::from_ranges(PORT_PROTOCOLS));
                let number = if test.field() == Field::Sport { N::SourcePort } else { N::DestinationPort };
                self.number(number, test.values())
            }
            Field::TcpFlags => {
                self.guards.require(one(6));
                self.tcp_flags(test.values())
            }
            field => {
                self.guards.require(one(1));
                let number = if field == Field::IcmpType { N::IcmpType } else { N::IcmpCode };
                self.number(number, test.values())
            }
        }
    }

    /// Adds what located headers ask for: `protocol` and `fragment-offset 0`.
    fn guard(&mut self) -> Result<()> {
        let Some(wanted) = self.guards.protocols.take() else { return Ok(()) };
        let reads = reads(N::Protocol, INET);
        let said = self.list.iter().position(|s| s.keyword == "protocol");
        let set = match said.and_then(|at| self.list.get(at)) {
            Some(Statement { values: Values::List(values), .. }) => {
                let ranges = values.iter().filter_map(|v| super::numbers::range(v, reads.names));
                let narrow = |v: u64| u32::try_from(v).unwrap_or(u32::MAX);
                let said = IntervalSet::from_ranges(ranges.map(|(lo, hi)| (narrow(lo), narrow(hi))));
                said.intersection(&wanted)
            }
            _ => wanted,
        };
        let list = number_list(set.view(), &reads).ok_or("a protocol that does not have this field")?;
        let protocol = Statement { keyword: "protocol", values: Values::List(list) };
        match said.and_then(|at| self.list.get_mut(at)) {
            Some(place) => *place = protocol,
            None => self.list.push(protocol),
        }
        let first = Statement { keyword: "fragment-offset", values: Values::List(vec!["0".to_owned()]) };
        let fragment = self
            .list
            .iter()
            .find(|s| matches!(s.keyword, "fragment-offset" | "first-fragment" | "is-fragment"));
        match fragment {
            Some(said) if *said == first || said.keyword == "first-fragment" => Ok(()),
            Some(_) => Err("a transport header in a later fragment".to_owned()),
            None => {
                self.list.push(first);
                Ok(())
            }
        }
    }
}

const PORT_PROTOCOLS: [(u32, u32); 5] = [(6, 6), (17, 17), (33, 33), (132, 132), (136, 136)];

impl Guards {
    fn require(&mut self, protocols: IntervalSet<u32>) {
        self.protocols = Some(match self.protocols.take() {
            Some(earlier) => earlier.intersection(&protocols),
            None => protocols,
        });
    }
}

fn negated(part: &Condition) -> Condition {
    match part {
        Condition::Not(inner) => (**inner).clone(),
        other => Condition::not(other.clone()),
    }
}
