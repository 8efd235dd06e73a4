//! Extended communities to actions and back (RFC 8955 §7, RFC 8956 §6, draft-ietf-idr-flowspec-redirect-ip,
//! draft-ietf-idr-flowspec-interfaceset).

use crate::dialect::Loss;
use crate::ir::{Action, Mark, Outcome, Rate, RateUnit, RouteTarget, Verdict};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The action of an eight-octet community; none for others.
pub(super) fn read_short(
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

/// The action of a twenty-octet community; none for others.
pub(super) fn read_long(octets: &[u8; 20]) -> Option<Action> {
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
pub fn communities(outcome: Outcome, actions: &[Action]) -> (Vec<Community>, Vec<(Loss, String)>) {
    let (mut list, mut lost) = (Vec::new(), Vec::new());
    let (verdict, goes_on) = match outcome {
        Outcome::Verdict(verdict) => (Some(verdict), false),
        Outcome::Next { held } => (held, true),
        Outcome::Call(_) | Outcome::Goto(_) | Outcome::Stage(_) | Outcome::Return => {
            lost.push((Loss::Meaning, "a jump to another rule set; the rule accepts instead".to_owned()));
            (None, false)
        }
    };
    match verdict {
        Some(Verdict::Discard) => list.push(rate_community(0x06, 0.0)),
        Some(Verdict::Reject(_)) => {
            list.push(rate_community(0x06, 0.0));
            lost.push((Loss::Meaning, "the answer to the sender; the rule discards instead".to_owned()));
        }
        Some(Verdict::NoDecision) => {
            lost.push((Loss::Meaning, "that the rule does not decide; it accepts instead".to_owned()));
        }
        Some(Verdict::Accept) | None => {}
    }
    let bits = u8::from(goes_on) | u8::from(actions.contains(&Action::Sample)) << 1;
    if bits != 0 {
        list.push(Community::Short([0x80, 0x07, 0, 0, 0, 0, 0, bits]));
    }
    for action in actions {
        match community(action) {
            Some(community) => list.push(community),
            None if *action == Action::Sample => {}
            None => {
                let what = format!("the action `{}`", super::actions::describe(action));
                lost.push((Loss::of_action(action), what));
            }
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

pub(super) fn parse_community(hex: &str) -> Option<Community> {
    let digits = hex.bytes().map(|b| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok()));
    let digits = digits.collect::<Option<Vec<u8>>>()?;
    let octets: Vec<u8> = digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |x, d| x << 4 | d)).collect();
    (digits.len() % 2 == 0).then(|| Community::new(&octets)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::Actions;
    use super::*;
    use crate::source::Span;

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
            let community = parse_community(hex).unwrap();
            let mut actions = Actions::new();
            actions.push_community(&community, None, Span::default()).unwrap();
            let (back, lost) = communities(actions.outcome(), &actions.beside());
            assert_eq!((back, lost), (vec![community], vec![]), "{hex}");
        }
    }
}
