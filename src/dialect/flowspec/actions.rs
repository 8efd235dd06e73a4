//! What a flow rule asks for: extended communities to actions and back (RFC 8955 §7, RFC 8956 §6,
//! draft-ietf-idr-flowspec-redirect-ip, draft-ietf-idr-flowspec-interfaceset).

use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::raised;
use crate::ir::{Action, Condition, Mark, Outcome, Rate, RateUnit, RouteTarget, Verdict};
use crate::source::{SourceId, Span};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets a second below which routers are known to drop everything: a packet of 1,500 octets would have to
/// wait longer than their token buckets look ahead. The smallest rate widely used tools accept unwarned.
pub const SMALL_RATE: f64 = 9600.0;

/// An extended community: eight octets, or twenty for IPv6 (attribute 25).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Community {
    /// Attribute 16.
    Short([u8; 8]),
    /// Attribute 25.
    Long([u8; 20]),
}

impl Community {
    /// The community in `octets`; none when they are neither eight nor twenty.
    pub fn new(octets: &[u8]) -> Option<Self> {
        octets.try_into().map(Self::Short).or_else(|_| octets.try_into().map(Self::Long)).ok()
    }

    /// Its octets.
    pub fn octets(&self) -> &[u8] {
        match self {
            Self::Short(octets) => octets,
            Self::Long(octets) => octets,
        }
    }
}

/// In hex without separators.
impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.octets().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

/// A community that names an action and cannot be read as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadCommunity {
    /// A rate that is not a number.
    #[error("the rate is not a number")]
    RateNotANumber,
}

/// An action with the place where it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// The action. A rate of 0 is a discard.
    pub action: Action,
    /// Where it was written.
    pub span: Span,
}

/// What one rule asks for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Actions {
    /// The actions in the order written.
    pub list: Vec<Asked>,
    /// Later rules are evaluated too (the T bit of traffic-action; text dialects call it `terminal`).
    pub goes_on: bool,
    /// Whether the source said anything of actions. A rule of a real UPDATE has said: no community is accept.
    pub given: bool,
}

impl Actions {
    /// Nothing said.
    pub fn new() -> Self {
        Self::default()
    }

    /// Nothing to do, and said so: accept.
    pub fn accept() -> Self {
        Self { given: true, ..Self::default() }
    }

    /// Adds an action.
    pub fn push(&mut self, action: Action, span: Span) {
        self.given = true;
        self.list.push(Asked { action, span });
    }

    /// Adds a rate in octets a second; 0 discards.
    pub fn push_rate(&mut self, amount: f64, unit: RateUnit, span: Span) {
        self.push(Action::RateLimit(Rate { amount, unit, burst: None }), span);
    }

    /// Adds what a community asks for. `next_hop` is that of the update, which the older redirect to an
    /// address means. What is no flowspec action is kept as [`Action::Other`].
    pub fn push_community(
        &mut self,
        community: &Community,
        next_hop: Option<IpAddr>,
        span: Span,
    ) -> Result<(), BadCommunity> {
        self.given = true;
        let action = match community {
            Community::Short([kind, subtype, value @ ..]) => {
                if (*kind, *subtype) == (0x80, 0x07) {
                    let [.., bits] = value;
                    self.goes_on |= bits & 1 != 0;
                    if bits & 2 == 0 {
                        return Ok(());
                    }
                    Some(Action::Sample)
                } else {
                    short(*kind, *subtype, *value, next_hop)?
                }
            }
            Community::Long(octets) => long(octets),
        };
        let action = action.unwrap_or_else(|| Action::Other(format!("community {community}").into()));
        self.list.push(Asked { action, span });
        Ok(())
    }

    /// What evaluation does: a rate of 0 discards, the T bit goes on.
    pub fn outcome(&self) -> Outcome {
        let discards = self.list.iter().any(|asked| is_zero_rate(&asked.action));
        match (self.goes_on, discards) {
            (true, true) => Outcome::Next { held: Some(Verdict::Discard) },
            (true, false) => Outcome::Next { held: None },
            (false, true) => Outcome::Verdict(Verdict::Discard),
            (false, false) => Outcome::Verdict(Verdict::Accept),
        }
    }

    /// The actions beside the outcome: all but rates of 0. Communities are a set, so the order is one of kinds and
    /// not that of writing.
    pub fn beside(&self) -> Box<[Action]> {
        let actions = self.list.iter().map(|asked| &asked.action).filter(|action| !is_zero_rate(action));
        let mut list: Vec<Action> = actions.cloned().collect();
        list.sort_by_key(kind_rank);
        list.into_boxed_slice()
    }

    /// The condition interface-set communities add: the rule counts only on interfaces of a group, which no
    /// packet shows. Several are alternatives.
    pub fn interfaces(&self) -> Condition {
        let mut sets = self
            .list
            .iter()
            .filter_map(|asked| match &asked.action {
                Action::InterfaceSet { asn, group, inbound, outbound, .. } => {
                    let direction = match (inbound, outbound) {
                        (true, true) => "in and out",
                        (true, false) => "in",
                        (false, true) => "out",
                        (false, false) => "no direction",
                    };
                    let id = format!("{INTERFACE_SET} {asn}:{group} {direction}");
                    Some(Condition::opaque(id, "interface groups are known to the device only", asked.span))
                }
                _ => None,
            })
            .peekable();
        if sets.peek().is_none() { Condition::True } else { Condition::or(sets) }
    }

    /// Says which actions contradict each other and which rates are too small to be meant.
    pub fn diagnose(&self, source: SourceId, out: &mut Vec<Diagnostic>) {
        self.diagnose_conflicts(source, out);
        for asked in &self.list {
            if let Action::RateLimit(rate) = &asked.action {
                diagnose_rate(rate, asked.span, source, out);
            }
        }
    }

    fn diagnose_conflicts(&self, source: SourceId, out: &mut Vec<Diagnostic>) {
        for (index, later) in self.list.iter().enumerate() {
            let earlier =
                self.list.iter().take(index).find(|earlier| {
                    earlier.action != later.action && conflict(&earlier.action, &later.action)
                });
            let Some(earlier) = earlier else { continue };
            let (a, b) = (describe(&earlier.action), describe(&later.action));
            let message = format!("`{b}` contradicts `{a}`");
            let label = Label::new(source, earlier.span).with_message(format!("`{a}` is asked for here"));
            out.push(
                Diagnostic::new(
                    raised::CONFLICTING_ACTIONS,
                    Level::Warning,
                    message,
                    Label::new(source, later.span),
                )
                .with_label(label)
                .with_help("keep one of them: each device chooses for itself which it applies"),
            );
        }
    }
}

/// How the condition of an interface set begins.
pub(super) const INTERFACE_SET: &str = "interface-set";

fn is_zero_rate(action: &Action) -> bool {
    matches!(action, Action::RateLimit(rate) if rate.amount <= 0.0)
}

/// What kinds of action exclude each other (RFC 8955 §7.7).
fn conflict(a: &Action, b: &Action) -> bool {
    let redirects = |action: &Action| {
        matches!(
            action,
            Action::RedirectTarget(_) | Action::RedirectInstance(_) | Action::RedirectIp { copy: false, .. }
        )
    };
    let rate = |action: &Action| matches!(action, Action::RateLimit(_));
    let mark = |action: &Action| matches!(action, Action::Mark(_));
    rate(a) && rate(b)
        || mark(a) && mark(b)
        || redirects(a) && redirects(b)
        || is_zero_rate(a) && (redirects(b) || mark(b))
        || is_zero_rate(b) && (redirects(a) || mark(a))
}

fn diagnose_rate(rate: &Rate, span: Span, source: SourceId, out: &mut Vec<Diagnostic>) {
    let (unit, smallest) = match rate.unit {
        RateUnit::OctetsPerSecond => ("bytes per second", SMALL_RATE),
        RateUnit::PacketsPerSecond => ("packets per second", 1.0),
    };
    let message = if rate.amount < 0.0 {
        format!("a rate of `{}` {unit} is negative and discards everything", rate.amount)
    } else if rate.amount > 0.0 && rate.amount < smallest {
        format!("a rate of `{}` {unit} is so small that devices drop everything", rate.amount)
    } else {
        return;
    };
    out.push(
        Diagnostic::new(raised::RATE_TOO_SMALL, Level::Warning, message, Label::new(source, span))
            .with_help(format!("write a rate of 0 to discard, or at least {smallest} {unit}")),
    );
}

fn short(
    kind: u8,
    subtype: u8,
    value: [u8; 6],
    next_hop: Option<IpAddr>,
) -> Result<Option<Action>, BadCommunity> {
    // Two octets and four, or four and two.
    let [asn_high, asn_low, number @ ..] = value;
    let [high @ .., low_high, low_low] = value;
    let rate = |unit| {
        let amount = f64::from(f32::from_be_bytes(number));
        if amount.is_nan() {
            return Err(BadCommunity::RateNotANumber);
        }
        Ok(Some(Action::RateLimit(Rate { amount, unit, burst: None })))
    };
    let (high, low) = (u32::from_be_bytes(high), u16::from_be_bytes([low_high, low_low]));
    let target = |target| Some(Action::RedirectTarget(target));
    Ok(match (kind, subtype) {
        (0x80, 0x06) => return rate(RateUnit::OctetsPerSecond),
        (0x80, 0x0c) => return rate(RateUnit::PacketsPerSecond),
        (0x80, 0x08) => {
            let asn = u16::from_be_bytes([asn_high, asn_low]);
            target(RouteTarget::As2(asn, u32::from_be_bytes(number)))
        }
        (0x81, 0x08) => target(RouteTarget::Ip4(high, low)),
        (0x82, 0x08) => target(RouteTarget::As4(high, low)),
        (0x80, 0x09) => Some(Action::Mark(Mark::Dscp(low_low & 0x3f))),
        (0x01, 0x0c) => {
            Some(Action::RedirectIp { addr: Some(Ipv4Addr::from(high).into()), copy: low & 1 != 0 })
        }
        (0x08, 0x00) => Some(Action::RedirectIp { addr: next_hop, copy: low & 1 != 0 }),
        (0x07 | 0x47, 0x02) => Some(Action::InterfaceSet {
            asn: high,
            group: low & 0x3fff,
            inbound: low & 0x4000 != 0,
            outbound: low & 0x8000 != 0,
            transitive: kind == 0x07,
        }),
        _ => None,
    })
}

fn long(octets: &[u8; 20]) -> Option<Action> {
    let [kind, subtype, address @ .., low_high, low_low] = octets;
    let (addr, low) = (u128::from_be_bytes(*address), u16::from_be_bytes([*low_high, *low_low]));
    match (kind, subtype) {
        (0x00, 0x0c) => {
            Some(Action::RedirectIp { addr: Some(Ipv6Addr::from(addr).into()), copy: low & 1 != 0 })
        }
        (0x00, 0x0d) => Some(Action::RedirectTarget(RouteTarget::Ip6(addr, low))),
        _ => None,
    }
}

/// The communities that say an outcome and its actions, and in words what none can say.
pub fn communities(outcome: Outcome, actions: &[Action]) -> (Vec<Community>, Vec<String>) {
    let (mut list, mut lost) = (Vec::new(), Vec::new());
    let (verdict, goes_on) = match outcome {
        Outcome::Verdict(verdict) => (Some(verdict), false),
        Outcome::Next { held } => (held, true),
        Outcome::Call(_) | Outcome::Return => {
            lost.push("a jump to another rule set; the rule accepts instead".to_owned());
            (None, false)
        }
    };
    match verdict {
        Some(Verdict::Discard) => list.push(rate_community(0x06, 0.0)),
        Some(Verdict::Reject(_)) => {
            list.push(rate_community(0x06, 0.0));
            lost.push("the answer to the sender; the rule discards instead".to_owned());
        }
        Some(Verdict::Accept | Verdict::NoDecision) | None => {}
    }
    let bits = u8::from(goes_on) | u8::from(actions.contains(&Action::Sample)) << 1;
    if bits != 0 {
        list.push(Community::Short([0x80, 0x07, 0, 0, 0, 0, 0, bits]));
    }
    for action in actions {
        match community(action) {
            Some(community) => list.push(community),
            None if *action == Action::Sample => {}
            None => lost.push(format!("the action `{}`", describe(action))),
        }
    }
    (list, lost)
}

fn rate_community(subtype: u8, rate: f32) -> Community {
    short_community(0x80, subtype, [0; 2], rate.to_be_bytes())
}

fn short_community<const A: usize, const B: usize>(
    kind: u8,
    subtype: u8,
    head: [u8; A],
    tail: [u8; B],
) -> Community {
    const { assert!(A + B == 6) };
    let mut octets = [0; 8];
    let parts = [kind, subtype].into_iter().chain(head).chain(tail);
    octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    Community::Short(octets)
}

fn community(action: &Action) -> Option<Community> {
    let short = |kind, subtype, high: u32, low: u16| {
        short_community(kind, subtype, high.to_be_bytes(), low.to_be_bytes())
    };
    let long = |subtype, addr: u128, low: u16| {
        let mut octets = [0; 20];
        let parts = [0, subtype].into_iter().chain(addr.to_be_bytes()).chain(low.to_be_bytes());
        octets.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Community::Long(octets)
    };
    Some(match action {
        #[expect(clippy::cast_possible_truncation, reason = "the wire has single precision only")]
        Action::RateLimit(Rate { amount, unit, .. }) => match unit {
            RateUnit::OctetsPerSecond => rate_community(0x06, *amount as f32),
            RateUnit::PacketsPerSecond => rate_community(0x0c, *amount as f32),
        },
        Action::RedirectTarget(RouteTarget::As2(asn, number)) => {
            short_community(0x80, 0x08, asn.to_be_bytes(), number.to_be_bytes())
        }
        Action::RedirectTarget(RouteTarget::Ip4(addr, number)) => short(0x81, 0x08, *addr, *number),
        Action::RedirectTarget(RouteTarget::As4(asn, number)) => short(0x82, 0x08, *asn, *number),
        Action::RedirectTarget(RouteTarget::Ip6(addr, number)) => long(0x0d, *addr, *number),
        Action::Mark(Mark::Dscp(dscp)) if *dscp < 64 => short(0x80, 0x09, 0, u16::from(*dscp)),
        Action::RedirectIp { addr: Some(IpAddr::V4(addr)), copy } => {
            short(0x01, 0x0c, (*addr).into(), u16::from(*copy))
        }
        Action::RedirectIp { addr: Some(IpAddr::V6(addr)), copy } => {
            long(0x0c, (*addr).into(), u16::from(*copy))
        }
        Action::RedirectIp { addr: None, copy } => short(0x08, 0x00, 0, u16::from(*copy)),
        Action::InterfaceSet { asn, group, inbound, outbound, transitive } => {
            let bits = group & 0x3fff | u16::from(*inbound) << 14 | u16::from(*outbound) << 15;
            short(if *transitive { 0x07 } else { 0x47 }, 0x02, *asn, bits)
        }
        Action::Other(words) => return words.strip_prefix("community ").and_then(parse_community),
        _ => return None,
    })
}

fn parse_community(hex: &str) -> Option<Community> {
    let digits = hex.bytes().map(|b| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()));
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |x, d| x << 4 | d)).collect();
    (digits.len() % 2 == 0).then(|| Community::new(&octets)).flatten()
}

/// An action in words, as messages name it.
pub fn describe(action: &Action) -> String {
    let copy = |copy: bool| if copy { "copy" } else { "redirect" };
    match action {
        action if is_zero_rate(action) => "discard".to_owned(),
        Action::Count(name) => format!("count {name}"),
        Action::Log => "log".to_owned(),
        Action::Sample => "sample".to_owned(),
        Action::Mark(Mark::Dscp(dscp)) => format!("mark DSCP {dscp}"),
        Action::Mark(Mark::TrafficClass(class)) => format!("mark traffic class {class}"),
        Action::RateLimit(rate) => match rate.unit {
            RateUnit::OctetsPerSecond => format!("rate {} bytes per second", rate.amount),
            RateUnit::PacketsPerSecond => format!("rate {} packets per second", rate.amount),
        },
        Action::Policer(name) => format!("policer {name}"),
        Action::RedirectTarget(target) => match target {
            RouteTarget::As2(asn, number) => format!("redirect {asn}:{number}"),
            RouteTarget::Ip4(addr, number) => format!("redirect {}:{number}", Ipv4Addr::from(*addr)),
            RouteTarget::As4(asn, number) => format!("redirect {asn}L:{number}"),
            RouteTarget::Ip6(addr, number) => format!("redirect [{}]:{number}", Ipv6Addr::from(*addr)),
        },
        Action::RedirectInstance(name) => format!("routing instance {name}"),
        Action::RedirectIp { addr: Some(addr), copy: c } => format!("{} to {addr}", copy(*c)),
        Action::RedirectIp { addr: None, copy: c } => format!("{} to the next hop", copy(*c)),
        Action::InterfaceSet { asn, group, .. } => format!("{INTERFACE_SET} {asn}:{group}"),
        Action::Class(name) => format!("class {name}"),
        Action::Other(words) => words.to_string(),
    }
}

/// Where an action stands among those of other kinds; the order RFC 8955 §7 describes them in.
fn kind_rank(action: &Action) -> u8 {
    match action {
        Action::RateLimit(_) | Action::Policer(_) => 0,
        Action::Sample | Action::Log | Action::Count(_) => 1,
        Action::RedirectTarget(_) | Action::RedirectInstance(_) => 2,
        Action::Mark(_) | Action::Class(_) => 3,
        Action::RedirectIp { .. } => 4,
        Action::InterfaceSet { .. } => 5,
        Action::Other(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn community(hex: &str) -> Community {
        parse_community(hex).unwrap()
    }

    fn asked(list: &[&str]) -> Actions {
        let mut actions = Actions::new();
        for (hex, i) in list.iter().zip(0..) {
            actions.push_community(&community(hex), None, Span::new(i, i + 1)).unwrap();
        }
        actions
    }

    #[test]
    fn every_community_comes_back_as_it_was() {
        for hex in [
            "8006000046160000",
            "800c0000447a0000",
            "8007000000000001",
            "8007000000000003",
            "8008fde800000064",
            "8108010101010064",
            "820800030d400064",
            "800900000000000a",
            "010c010203040000",
            "010c010203040001",
            "0800000000000001",
            "0702000004d24001",
            "4702000000fe80fe",
            "4006000000000000",
            "0002fde800000064",
            "000d20010db80000000000000000000000010064",
            "000c20010db80000000000000000000000010001",
            "800b20010db80000000000000000000000010064",
        ] {
            let actions = asked(&[hex]);
            let (back, lost) = communities(actions.outcome(), &actions.beside());
            assert_eq!((back, lost), (vec![community(hex)], vec![]), "{hex}");
        }
    }

    #[test]
    fn rates_decide_and_the_t_bit_goes_on() {
        let outcome = |list: &[&str]| asked(list).outcome();
        assert_eq!(outcome(&["8006000000000000"]), Outcome::Verdict(Verdict::Discard));
        assert_eq!(outcome(&["8006fde880000000"]), Outcome::Verdict(Verdict::Discard));
        assert_eq!(outcome(&["80060000c0a00000"]), Outcome::Verdict(Verdict::Discard));
        assert_eq!(outcome(&["8006000046160000"]), Outcome::Verdict(Verdict::Accept));
        assert_eq!(outcome(&["800600007f800000"]), Outcome::Verdict(Verdict::Accept));
        let both = ["8006000000000000", "8007000000000001"];
        assert_eq!(outcome(&both), Outcome::Next { held: Some(Verdict::Discard) });
        let nan = Actions::new().push_community(&community("800600007fc00000"), None, Span::default());
        assert_eq!(nan, Err(BadCommunity::RateNotANumber));
    }

    #[test]
    fn contradictions_name_both() {
        let found = |list: &[&str]| {
            let mut out = Vec::new();
            asked(list).diagnose(SourceId(0), &mut out);
            out.into_iter().map(|d| (d.check, d.message)).collect::<Vec<_>>()
        };
        let conflict = |message: &str| (raised::CONFLICTING_ACTIONS, message.to_owned());
        assert_eq!(
            found(&["8006000000000000", "8008fde800000064"]),
            [conflict("`redirect 65000:100` contradicts `discard`")]
        );
        assert_eq!(
            found(&["800900000000000a", "800900000000000b"]),
            [conflict("`mark DSCP 11` contradicts `mark DSCP 10`")]
        );
        assert!(found(&["8006000000000000", "8006000000000000", "4006000000000000"]).is_empty());
        assert!(found(&["8006000046160000", "010c010203040001", "8007000000000002"]).is_empty());
        let small = found(&["80060000447a0000"]);
        assert_eq!(small.len(), 1);
        assert_eq!(small[0].0, raised::RATE_TOO_SMALL);
    }
}
