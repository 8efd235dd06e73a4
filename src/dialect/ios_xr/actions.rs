//! What an entry asks for besides its verdict, and rates as they are written.

use super::condition::Parts;
use super::entry::is_next_hop;
use super::lower::Reader;
use super::names;
use super::syntax::{Part, Read, fault};
use super::words::Words;
use crate::diagnostic::Level;
use crate::dialect::raised;
use crate::ir::{Action, Rate, RateUnit};
use std::net::IpAddr;

/// Whether a part asks for something, and is no condition.
pub(super) fn is_action(word: &str) -> bool {
    matches!(word, "icmp-off" | "capture" | "set" | "default" | "log" | "log-input" | "counter" | "police")
        || is_next_hop(word)
}

impl<'a> Reader<'a> {
    /// Adds one action.
    pub(super) fn action(
        &mut self,
        part: Part<'a>,
        mut words: Words<'a>,
        permit: bool,
        parts: &mut Parts,
    ) -> Read<'a, ()> {
        let action = match part.word {
            "log" | "log-input" => Action::Log,
            "counter" => Action::Count(words.next().into()),
            "police" => Action::RateLimit(rate(words)?),
            "icmp-off" | "capture" | "set" => Action::Other(joined(part.text)),
            word if permit => {
                if word == "default" {
                    parts.actions.push(Action::Other(joined(part.text)));
                    return Ok(());
                }
                return next_hop(words, &mut parts.actions);
            }
            _ => {
                let span = self.span(part.text);
                self.findings.add_with_help(
                    raised::CONFLICTING_ACTIONS,
                    Level::Warning,
                    span,
                    "a next hop on a `deny` is ignored",
                    "write `permit` to forward these packets to the next hop",
                );
                return Ok(());
            }
        };
        parts.actions.push(action);
        Ok(())
    }
}

/// Words with one blank between them.
pub(super) fn joined(text: &str) -> Box<str> {
    text.split_whitespace().collect::<Vec<_>>().join(" ").into()
}

/// `500 mbps`, `100 pps`, `8000` (bits a second).
pub(super) fn rate(mut words: Words<'_>) -> Read<'_, Rate> {
    let word = words.next();
    let number: f64 = if let Some(number) = names::number(word) {
        number.into()
    } else {
        let plain = word.bytes().all(|octet| octet.is_ascii_digit()) && !word.is_empty();
        plain.then(|| word.parse().ok()).flatten().ok_or(fault(word, "a rate"))?
    };
    let mut bits = 1.0;
    let mut unit = RateUnit::OctetsPerSecond;
    match words.peek() {
        "bps" => {}
        "kbps" => bits = 1e3,
        "mbps" => bits = 1e6,
        "gbps" => bits = 1e9,
        "pps" => unit = RateUnit::PacketsPerSecond,
        "" | "burst" | "peak-rate" | "peer" => {
            return Ok(Rate { amount: number / 8.0, unit, burst: burst(words)? });
        }
        other => return Err(fault(other, "a unit, as `mbps`")),
    }
    words.next();
    let amount = if unit == RateUnit::PacketsPerSecond { number } else { number * bits / 8.0 };
    Ok(Rate { amount, unit, burst: burst(words)? })
}

// `burst N bytes`; without a unit it counts octets.
fn burst(mut words: Words<'_>) -> Read<'_, Option<u64>> {
    if !words.take("burst") {
        return Ok(None);
    }
    let word = words.next();
    let number = names::number(word).map(u64::from).ok_or(fault(word, "a burst"))?;
    Ok(Some(match words.peek() {
        "kbytes" => number.saturating_mul(1000),
        "mbytes" => number.saturating_mul(1_000_000),
        _ => number,
    }))
}

/// `[track T] [vrf V] [ipv4 A | ipv6 A]`.
fn next_hop<'a>(mut words: Words<'a>, out: &mut Vec<Action>) -> Read<'a, ()> {
    let from = words.rest();
    let (mut instance, mut addr) = (None, None);
    while !words.is_empty() {
        let word = words.next();
        let value = words.next();
        match word {
            "vrf" => instance = Some(value),
            "ipv4" | "ipv6" => {
                let parsed: IpAddr = value.parse().map_err(|_| fault(value, "an address"))?;
                addr = Some(parsed);
            }
            // Whether an object is up is only known to the device; the packet goes on in any case.
            "track" => {}
            _ => return Err(fault(word, "an address or a VRF")),
        }
    }
    if instance.is_none() && addr.is_none() {
        return Err(fault(from, "an address or a VRF"));
    }
    out.extend(instance.map(|name| Action::RedirectInstance(name.into())));
    out.extend(addr.map(|addr| Action::RedirectIp { addr: Some(addr), copy: false }));
    Ok(())
}
