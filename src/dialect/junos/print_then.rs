//! Outcome and actions to the statements of a `then`.

use super::definitions::POLICER_RATES;
use super::names;
use super::print::word;
use super::support::{self, Families, INET6};
use crate::dialect::Loss;
use crate::dialect::flowspec::actions::describe;
use crate::ir::{Action, Mark, Outcome, Rate, RateUnit, RejectKind, Rule, Verdict};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The statements of a `then`, and what is not among them.
#[derive(Debug, Default)]
pub(super) struct Then {
    pub(super) leaves: Vec<String>,
    pub(super) lost: Vec<(Loss, String)>,
    /// Policers the statements name, with bits a second and octets of burst.
    pub(super) policers: BTreeMap<String, (u64, u64)>,
}

/// `reject` with its message; none for a message Junos does not send.
pub(super) fn reject(kind: RejectKind, family: Families) -> Option<String> {
    let (table, default) = if family == INET6 { (names::REJECTS6, 1) } else { (names::REJECTS, 13) };
    Some(match kind {
        RejectKind::TcpReset => "reject tcp-reset".to_owned(),
        RejectKind::Unreachable(code) if code == default => "reject".to_owned(),
        RejectKind::Unreachable(code) => format!("reject {}", names::name(table, code.into())?),
    })
}

/// The statements; an error says in words why the outcome cannot be written.
pub(super) fn statements(rule: &Rule, family: Families) -> Result<Then, String> {
    let mut then = Then::default();
    let mut sends = false;
    for action in rule.actions {
        sends |= action_leaf(action, family, &mut then);
    }
    let outcome = match rule.outcome {
        // What sends the packet elsewhere ends evaluation itself.
        Outcome::Verdict(Verdict::Accept) if sends => None,
        Outcome::Verdict(Verdict::Accept) => Some("accept".to_owned()),
        Outcome::Verdict(Verdict::Discard) => Some("discard".to_owned()),
        Outcome::Verdict(Verdict::Reject(kind)) => {
            Some(reject(kind, family).ok_or("a message to the sender that Junos does not send")?)
        }
        Outcome::Next { held: None } => Some("next term".to_owned()),
        Outcome::Next { held: Some(_) } => return Err("a verdict that later rules may change".to_owned()),
        Outcome::Verdict(Verdict::NoDecision) => return Err("a rule that decides nothing".to_owned()),
        Outcome::Return => return Err("a return from a called rule set".to_owned()),
        Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) => {
            return Err("a jump to another rule set".to_owned());
        }
    };
    // `discard accounting X` says the outcome with it.
    let said = outcome.as_ref().is_some_and(|o| then.leaves.iter().any(|l| l.starts_with(&format!("{o} "))));
    if !said {
        then.leaves.extend(outcome);
    }
    Ok(then)
}

/// Adds the statement of an action; whether it sends the packet elsewhere.
fn action_leaf(action: &Action, family: Families, then: &mut Then) -> bool {
    let six = family == INET6;
    let leaf = match action {
        Action::Count(name) => format!("count {}", word(name)),
        Action::Log => "log".to_owned(),
        Action::Sample => "sample".to_owned(),
        Action::Class(name) => format!("forwarding-class {}", word(name)),
        Action::Mark(Mark::Dscp(dscp)) if *dscp < 64 => {
            let name = names::name(names::DSCPS, (*dscp).into()).map_or(dscp.to_string(), str::to_owned);
            format!("{} {name}", if six { "traffic-class" } else { "dscp" })
        }
        Action::Policer(name) => {
            let what = format!("the definition of policer `{}`: add it", name.escape_debug());
            then.lost.push((Loss::Meaning, what));
            format!("policer {}", word(name))
        }
        Action::RateLimit(rate) => match policer(rate) {
            Some((name, limits)) => {
                if rate.burst.is_none() {
                    let what = format!("that the rate has no burst: it is {} octets", limits.1);
                    then.lost.push((Loss::Detail, what));
                }
                let leaf = format!("policer {name}");
                then.policers.insert(name, limits);
                leaf
            }
            None => return lose(action, then),
        },
        Action::RedirectInstance(name) => {
            then.leaves.push(format!("routing-instance {}", word(name)));
            return true;
        }
        Action::RedirectIp { addr: Some(addr), copy: false } if addr.is_ipv6() == six => {
            then.leaves.push(match addr {
                IpAddr::V4(addr) => format!("next-ip {addr}/32"),
                IpAddr::V6(addr) => format!("next-ip6 {addr}/128"),
            });
            return true;
        }
        Action::Other(words) if is_statement(words) => {
            then.leaves.push(words.to_string());
            let first = words.split(' ').next();
            return first.is_some_and(super::actions::sends);
        }
        _ => return lose(action, then),
    };
    then.leaves.push(leaf);
    false
}

fn lose(action: &Action, then: &mut Then) -> bool {
    then.lost.push((Loss::of_action(action), format!("the action `{}`", describe(action).escape_debug())));
    false
}

/// Whether an action kept by its words is one of ours, and harmless to write as it stands.
fn is_statement(words: &str) -> bool {
    let mut list = words.split(' ');
    let known = list.next().is_some_and(|first| {
        support::other_support("then", first).is_some() && (first != "discard" || words.contains(' '))
    });
    known && list.all(|w| word(w) == w)
}

/// A policer for a rate: its name, bits a second, octets of burst.
fn policer(rate: &Rate) -> Option<(String, (u64, u64))> {
    let bits = rate.amount * 8.0;
    if rate.unit != RateUnit::OctetsPerSecond || bits.fract() != 0.0 || !(0.0..9e15).contains(&bits) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number in range")]
    let bits = bits as u64;
    if !POLICER_RATES.contains(&bits) {
        return None;
    }
    // A hundredth of a second, but ten packets of 1,500 octets at least.
    let burst = rate.burst.unwrap_or((bits / 800).max(15_000));
    Some((format!("rate-{bits}-burst-{burst}"), (bits, burst)))
}
