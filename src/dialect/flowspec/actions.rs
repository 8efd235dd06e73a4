//! What a flow rule asks for, what becomes of a packet then, and what contradicts itself (RFC 8955 §7).

use super::community::{self, BadCommunity, Community};
use super::interfaces;
use crate::diagnostic::{Diagnostic, Label, Level};
use crate::dialect::raised;
use crate::ir::{Action, Condition, Mark, Outcome, Rate, RateUnit, RouteTarget, Verdict};
use crate::source::{SourceId, Span};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Octets a second below which routers are known to drop everything: a packet of 1,500 octets would have to
/// wait longer than their token buckets look ahead. The smallest rate widely used tools accept unwarned.
pub const SMALL_RATE: f64 = 9600.0;

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
                    community::read_short(*kind, *subtype, *value, next_hop)?
                }
            }
            Community::Long(octets) => community::read_long(octets),
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
        if self.list.is_empty() {
            return Box::default();
        }
        let actions = self.list.iter().map(|asked| &asked.action).filter(|action| !is_zero_rate(action));
        let mut list: Vec<Action> = actions.cloned().collect();
        list.sort_by_key(kind_rank);
        list.into_boxed_slice()
    }

    /// The condition interface-set communities add: the rule counts only on interfaces of a group. Several are
    /// alternatives. They are opaque until [`super::bind`] has numbered the groups.
    pub fn interfaces(&self) -> Condition {
        if self.list.is_empty() {
            return Condition::True;
        }
        let sets = self.list.iter().filter_map(|asked| interfaces::unbound(&asked.action, asked.span));
        let mut sets = sets.peekable();
        if sets.peek().is_none() { Condition::True } else { Condition::or(sets) }
    }

    /// Says which actions contradict each other and which rates are too small to be meant.
    pub fn diagnose(&self, source: SourceId, out: &mut Vec<Diagnostic>) {
        if self.list.is_empty() {
            return;
        }
        self.diagnose_conflicts(source, out);
        for asked in &self.list {
            if let Action::RateLimit(rate) = &asked.action {
                diagnose_rate(rate, asked.span, source, out);
            }
        }
    }

    fn diagnose_conflicts(&self, source: SourceId, out: &mut Vec<Diagnostic>) {
        // The first few different actions are enough to contradict any other.
        let mut seen: Vec<&Asked> = Vec::new();
        for later in self.list.iter().filter(|asked| can_conflict(&asked.action)) {
            if seen.iter().any(|earlier| earlier.action == later.action) {
                continue;
            }
            let earlier = seen.iter().copied().find(|earlier| conflict(&earlier.action, &later.action));
            if seen.len() < 16 {
                seen.push(later);
            }
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

fn is_zero_rate(action: &Action) -> bool {
    matches!(action, Action::RateLimit(rate) if rate.amount <= 0.0)
}

/// Whether an action is of a kind that can exclude another.
fn can_conflict(action: &Action) -> bool {
    conflict(action, action) || is_zero_rate(action)
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
        format!("a rate of `{}` {unit} is so small that some devices drop everything", rate.amount)
    } else {
        return;
    };
    out.push(
        Diagnostic::new(raised::RATE_TOO_SMALL, Level::Warning, message, Label::new(source, span))
            .with_help(format!("write a rate of 0 to discard, or at least {smallest} {unit}")),
    );
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
        Action::InterfaceSet { asn, group, .. } => format!("interface-set {asn}:{group}"),
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
        community::parse_community(hex).unwrap()
    }

    fn asked(list: &[&str]) -> Actions {
        let mut actions = Actions::new();
        for (hex, i) in list.iter().zip(0..) {
            actions.push_community(&community(hex), None, Span::new(i, i + 1)).unwrap();
        }
        actions
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
