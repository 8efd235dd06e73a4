//! Rule sets to configuration text: filters as access lists, flow routes as class maps with a policy. What cannot be
//! said is left out or told; nothing is approximated in silence.

use super::acl::{discovery, set_name};
use super::entry;
use super::print_entry::{self, Written};
use super::print_flow;
use super::print_groups::Groups;
use super::print_terms::Terms;
use super::words::Words;
use crate::dialect::flowspec::actions::describe;
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::{Action, Condition, Document, Kind, Outcome, Rate, RateUnit, Rule, RuleSet, Verdict};
use std::collections::HashSet;
use std::fmt::{self, Write};
use std::net::IpAddr;

/// Steps for one rule.
const STEPS: u64 = 200_000;

/// Writes a document.
pub(super) fn print(document: &Document, out: &mut dyn Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut lost: Vec<Lost> = Lost::attached(document).collect();
    let mut groups = Groups::default();
    let mut lists = String::new();
    let mut names = [Names::default(), Names::default()];
    for set in document.rule_sets.iter().filter(|set| set.kind != Kind::FlowRoutes) {
        if !Lost::unless_alone(set, &mut lost) {
            continue;
        }
        let families: &[bool] = match set.family {
            Family::Inet => &[false],
            Family::Inet6 => &[true],
            Family::Any => &[false, true],
        };
        for six in families {
            let names = if *six { &mut names[1] } else { &mut names[0] };
            let mut printer = Printer {
                set,
                six: *six,
                lost: &mut lost,
                groups: &mut groups,
                out: &mut lists,
                number: 0,
                ends: false,
                work: Meter::new(&limits::EXPANSION),
            };
            printer.list(names)?;
        }
    }
    out.write_str(&groups.text)?;
    out.write_str(&lists)?;
    print_flow::print(document, out, &mut lost)?;
    Ok(lost)
}

/// Names that are taken.
#[derive(Debug, Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// A name as one word, changed where it is taken.
    pub(super) fn take(&mut self, name: &str) -> String {
        let name = word(name);
        let mut candidate = name.clone();
        let mut number = 2;
        while !self.0.insert(candidate.clone()) {
            candidate = format!("{name}-{number}");
            number += 1;
        }
        candidate
    }
}

/// A name as one word: whatever could end a word or a line becomes `_`.
pub(super) fn word(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | '@' | '+');
    let word: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    // These begin something else where a name is expected.
    match word.as_str() {
        "" => "unnamed".to_owned(),
        "common" | "ingress" | "egress" | "class-default" | "match-any" | "match-all" | "type" => {
            format!("{word}_")
        }
        _ => word,
    }
}

/// The name of a filter without what its dialect puts in front.
fn bare(set: &RuleSet) -> &str {
    let head = set.name.split_once('/');
    match head {
        Some(("ipv4" | "ipv6" | "inet" | "inet6" | "any" | "pbr" | "filter", name)) if !name.is_empty() => {
            name
        }
        _ => &set.name,
    }
}

struct Printer<'a, 'o> {
    set: &'a RuleSet,
    six: bool,
    lost: &'o mut Vec<Lost>,
    groups: &'o mut Groups,
    out: &'o mut String,
    // The last number given.
    number: u32,
    // Whether an entry takes every packet.
    ends: bool,
    work: Meter,
}

impl Printer<'_, '_> {
    fn lose(&mut self, loss: Loss, rule: &str, what: impl Into<String>) {
        self.lost.push(Lost::new(loss, &self.set.name, rule, what));
    }

    fn list(&mut self, names: &mut Names) -> fmt::Result {
        let wanted = bare(self.set);
        let name = names.take(wanted);
        let family = if self.six { "ipv6" } else { "ipv4" };
        if set_name(self.six, &name) != self.set.name && name != wanted {
            self.lose(Loss::Detail, "", format!("the name of the rule set, which is `{name}` instead"));
        }
        if self.set.name.starts_with("pbr/") {
            self.lose(Loss::Detail, "", "that it is a policy of classes; it is an access list instead");
        }
        writeln!(self.out, "{family} access-list {name}")?;
        let rules: Vec<Rule<'_>> = self.set.rules.iter().collect();
        let mut rules = rules.as_slice();
        // What a reader puts behind every IPv6 list.
        let mut is_read = false;
        if self.six
            && self.set.default == Verdict::Discard
            && let [before @ .., last] = rules
            && is_discovery(last)
        {
            (rules, is_read) = (before, true);
        }
        self.rules(rules)?;
        self.rest(is_read)?;
        self.out.push_str("!\n");
        Ok(())
    }

    // What becomes of packets that no rule takes.
    fn rest(&mut self, is_read: bool) -> fmt::Result {
        let every = if self.six { "ipv6" } else { "ipv4" };
        if self.ends {
            return Ok(());
        }
        match self.set.default {
            Verdict::Accept => {
                if self.set.rules.is_empty() {
                    self.lose(Loss::Detail, "", "that there are no rules; an entry permits everything");
                }
                let number = self.next();
                return writeln!(self.out, " {number} permit {every} any any");
            }
            Verdict::Discard => {}
            Verdict::Reject(_) => {
                self.lose(Loss::Meaning, "", "the answer of the default; it is a deny");
            }
            Verdict::NoDecision => {
                let what = "the default `no-decision`; a packet no rule matches is denied";
                self.lose(Loss::Meaning, "", what);
            }
        }
        // Without entries a list filters nothing; in IPv6 neighbour discovery is permitted unless it is denied.
        if self.six && !is_read || self.number == 0 {
            let number = self.next();
            writeln!(self.out, " {number} deny {every} any any")?;
        }
        Ok(())
    }

    fn next(&mut self) -> u32 {
        self.number = (self.number / 10 + 1).saturating_mul(10);
        self.number
    }

    fn rules(&mut self, rules: &[Rule<'_>]) -> fmt::Result {
        for rule in rules {
            match rule.outcome {
                Outcome::Verdict(verdict) => self.rule(rule, verdict)?,
                Outcome::Next { held: None } => {
                    self.lose(
                        gravest(rule.actions),
                        rule.name,
                        "the rule, which decides nothing: every entry decides",
                    );
                }
                Outcome::Next { held: Some(_) } => {
                    self.leave_out(rule, "it goes on with later rules and holds a verdict");
                }
                Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
                    self.leave_out(rule, "it walks rules that are no list of their own");
                }
                Outcome::Return => self.leave_out(rule, "lists are not left"),
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, rule: &Rule, why: &str) {
        self.lose(Loss::LeftOut, rule.name, format!("the rule, which is left out: {why}"));
    }

    fn rule(&mut self, rule: &Rule, verdict: Verdict) -> fmt::Result {
        let permit = match verdict {
            Verdict::Accept => true,
            Verdict::Discard => false,
            Verdict::Reject(_) => {
                self.lose(Loss::Meaning, rule.name, "the answer to the sender; the entry denies");
                false
            }
            Verdict::NoDecision => {
                self.leave_out(rule, "it does not decide");
                return Ok(());
            }
        };
        let written = match self.lines(rule.condition, permit) {
            Ok(written) => written,
            Err(why) => {
                self.leave_out(rule, &why);
                return Ok(());
            }
        };
        for what in &written.lost {
            self.lose(Loss::Meaning, rule.name, *what);
        }
        if written.lines.is_empty() {
            self.lose(Loss::Detail, rule.name, "the rule, which no packet of this family matches");
            return Ok(());
        }
        if self.work.charge(written.lines.len() as u64).is_err() {
            self.leave_out(rule, "the rules of this set need too many lines");
            return Ok(());
        }
        let tail = self.actions(rule, permit);
        let first = self.first_number(rule.name)?;
        for (line, index) in written.lines.iter().zip(0_u32..) {
            let number = if index == 0 { first } else { self.number.saturating_add(1) };
            self.number = number;
            let verb = if permit { "permit" } else { "deny" };
            writeln!(self.out, " {number} {verb} {line}{tail}")?;
            let every = if self.six { "ipv6 any any" } else { "ipv4 any any" };
            self.ends |= line == every;
        }
        Ok(())
    }

    // The number a rule's name says, or the next one and a remark with the name.
    fn first_number(&mut self, name: &str) -> Result<u32, fmt::Error> {
        let digits = !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_digit());
        let named = name.parse::<u32>().ok().filter(|number| {
            digits && *number > self.number && number.to_string() == name && *number < 1 << 30
        });
        if let Some(number) = named {
            return Ok(number);
        }
        let number = self.next();
        if digits {
            self.lose(Loss::Detail, name, format!("the number of the rule, which is {number} instead"));
            return Ok(number);
        }
        let text: String = name.chars().map(|c| if c.is_control() { '_' } else { c }).collect();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() || !text.is_ascii() {
            self.lose(Loss::Detail, name, format!("the name of the rule, which is {number} instead"));
            return Ok(number);
        }
        writeln!(self.out, " {number} remark {text}")?;
        let number = self.next();
        self.lose(Loss::Detail, name, format!("the name of the rule, which is {number} behind a remark"));
        Ok(number)
    }

    fn lines(&mut self, condition: &Condition, permit: bool) -> Result<Written, String> {
        let mut terms = None;
        for permissive in [permit, false] {
            let mut meter = Meter::with_allowance(&limits::EXPANSION, STEPS);
            let mut reader = Terms { six: self.six, permissive, meter: &mut meter, clash: false };
            let found = reader.of(condition, false)?;
            let fits = !reader.clash && found.iter().all(|term| !term.permissive || says(term, self.six));
            terms = Some(found);
            if fits {
                break;
            }
        }
        let mut written = Written::default();
        for term in terms.into_iter().flatten() {
            print_entry::write(term, permit, self.six, self.groups, &mut written)?;
        }
        Ok(written)
    }

    fn actions(&mut self, rule: &Rule, permit: bool) -> String {
        let mut tail = String::new();
        let mut hops = 0;
        let mut actions = rule.actions.iter().peekable();
        while let Some(action) = actions.next() {
            let words = match action {
                Action::Count(name) if word(name) == **name => Some(format!("counter {name}")),
                Action::Log => Some("log".to_owned()),
                Action::RateLimit(rate) if permit => police(rate),
                Action::RedirectIp { addr: Some(addr), copy: false } if permit && hops < 3 => {
                    hops += 1;
                    Some(format!("nexthop{hops} {}", address(*addr)))
                }
                Action::RedirectInstance(name) if permit && hops < 3 && word(name) == **name => {
                    hops += 1;
                    match actions.peek() {
                        Some(Action::RedirectIp { addr: Some(addr), copy: false }) => {
                            actions.next();
                            Some(format!("nexthop{hops} vrf {name} {}", address(*addr)))
                        }
                        _ => Some(format!("nexthop{hops} vrf {name}")),
                    }
                }
                Action::Other(words) => other(words, permit),
                _ => None,
            };
            if let Some(words) = words {
                tail.push(' ');
                tail.push_str(&words);
            } else {
                let what = format!("the action `{}`", describe(action).escape_debug());
                self.lose(Loss::of_action(action), rule.name, what);
            }
        }
        tail
    }
}

/// How grave it is to lose all of these.
fn gravest(actions: &[Action]) -> Loss {
    actions.iter().map(Loss::of_action).max().unwrap_or(Loss::Detail)
}

/// Whether the protocol of a term is one that later fragments tell too, so that the term may stay one entry.
fn says(term: &super::print_terms::Term, six: bool) -> bool {
    use crate::field::Field;
    let ports = term.source_ports.is_some() || term.destination_ports.is_some();
    let kinds = term.four.iter().map(|(field, _)| match field {
        Field::TcpFlags => &[6][..],
        Field::IcmpType | Field::IcmpCode | Field::Icmp6Type | Field::Icmp6Code => {
            if six {
                &[58]
            } else {
                &[1]
            }
        }
        _ => &[2],
    });
    let ports = ports.then_some(&[6, 17, 132][..]);
    kinds.chain(ports).all(|allowed| {
        let set = term.protocol.as_ref();
        set.is_some_and(|set| set.ranges().all(|(lo, hi)| (lo..=hi.min(255)).all(|p| allowed.contains(&p))))
    })
}

fn is_discovery(rule: &Rule) -> bool {
    rule.outcome == Outcome::Verdict(Verdict::Accept)
        && rule.actions.is_empty()
        && rule.name == super::acl::DISCOVERY
        && *rule.condition == discovery()
}

fn address(addr: IpAddr) -> String {
    format!("{} {addr}", if addr.is_ipv6() { "ipv6" } else { "ipv4" })
}

/// A rate as `police` says it; none where no whole number of bits or packets does.
pub(super) fn police(rate: &Rate) -> Option<String> {
    let amount = match rate.unit {
        RateUnit::OctetsPerSecond => rate.amount * 8.0,
        RateUnit::PacketsPerSecond => rate.amount,
    };
    let whole = (1.0..=1e15).contains(&amount) && amount.fract() == 0.0;
    if !whole {
        return None;
    }
    let text = format!("{amount:.0}");
    let zeros = |count: usize| text.len() > count && text.ends_with(&"0".repeat(count));
    let (cut, unit) = match rate.unit {
        RateUnit::PacketsPerSecond => (0, "pps"),
        RateUnit::OctetsPerSecond if zeros(9) => (9, "gbps"),
        RateUnit::OctetsPerSecond if zeros(6) => (6, "mbps"),
        RateUnit::OctetsPerSecond if zeros(3) => (3, "kbps"),
        RateUnit::OctetsPerSecond => (0, "bps"),
    };
    let digits = text.get(..text.len() - cut).unwrap_or(&text);
    let burst = match rate.burst {
        Some(burst) if u32::try_from(burst).is_ok() => format!(" burst {burst}"),
        Some(_) => return None,
        None => String::new(),
    };
    Some(format!("police {digits} {unit}{burst}"))
}

/// Words of an action that were read from an entry and read the same again.
fn other(words: &str, permit: bool) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':' | '/' | ' ');
    let first = words.split(' ').next();
    let known = matches!(first, Some("capture" | "icmp-off" | "set")) || permit && first == Some("default");
    if !known || !words.chars().all(plain) {
        return None;
    }
    entry::is_one_part(Words::new(words)).then(|| words.to_owned())
}
