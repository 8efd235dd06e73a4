//! What rules use that a platform does not take, decided on the NLRI as it is written.

use super::flow;
use super::platform::Platform;
use crate::dialect::flowspec::component::{AND, EQ, GT, LT};
use crate::dialect::flowspec::{Body, Component, ComponentType, FlowSpec, Operand};
use crate::field::Family;
use crate::ir::{Action, Rule};
use serde::Deserialize;
use std::fmt;

/// Something a platform does not take, or takes only so much of.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Refusal {
    /// What.
    pub feature: Feature,
    /// It is taken up to this much.
    #[serde(default)]
    pub above: u64,
    /// What becomes of a rule that uses more.
    pub effect: Effect,
    /// The same in words that follow the platform's name, as `takes at most 5 ..`.
    pub says: String,
    /// The source, an id of the platform page.
    pub source: String,
    /// Whether it was stated by the maker, read in code or measured.
    pub verified: bool,
}

impl Refusal {
    /// Whether a rule that uses it must not be sent there.
    pub fn denies(&self) -> bool {
        self.verified && self.effect == Effect::Refused
    }
}

/// What becomes of a rule that uses more than a platform takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It is not taken.
    Refused,
    /// It is taken and kept, and does not filter as it says.
    Ignored,
    /// Some releases do not take it.
    OlderReleases,
    /// The profile does not vouch for it.
    Unvouched,
}

/// Something a rule can use, with how much of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Operators with values in one component.
    OperandsPerComponent,
    /// Octets of a value.
    OperandOctets,
    /// Octets of a packet length.
    LengthOperandOctets,
    /// Octets of the NLRI behind its length.
    NlriOctets,
    /// Values no packet can carry.
    ValuesBeyondField,
    /// The operator "not equal".
    NotEqual,
    /// Operators that are always true or always false.
    ConstantOperator,
    /// A list that has both AND and OR in it.
    MixedList,
    /// An IPv6 prefix that begins behind its first bit.
    PrefixOffset,
    /// No source and no destination prefix.
    NoPrefix,
    /// `port` beside source or destination port.
    PortBesideDirectedPort,
    /// Ports beside ICMP type or code.
    PortsBesideIcmp,
    /// Ranges or values of one port component.
    PortAlternatives,
    /// Ranges or values of all port components together.
    PortAlternativesInAll,
    /// Protocols listed.
    Protocols,
    /// A protocol other than TCP, UDP, ICMP and ICMPv6.
    OtherProtocol,
    /// Ranges or values of an ICMP component.
    IcmpAlternatives,
    /// TCP flags above the octet of SYN and ACK.
    HighTcpFlags,
    /// A fragment component in an IPv6 rule.
    FragmentInInet6,
    /// A flow label.
    FlowLabel,
    /// A route distinguisher: SAFI 134.
    Vpn,
    /// A rate that is not zero.
    RateLimit,
    /// A rate in packets a second.
    PacketRate,
}

/// What a rule uses that a platform does not take.
#[derive(Clone, Copy, Debug)]
pub struct Unsupported {
    /// Index into [`Platform::refuse`].
    pub refusal: u16,
    /// How much the rule uses.
    pub amount: u64,
    /// In which component, where it is one.
    pub component: Option<ComponentType>,
}

impl Unsupported {
    /// What the platform says of it; none for another platform.
    pub fn refusal(self, platform: &Platform) -> Option<&Refusal> {
        platform.refuse.get(usize::from(self.refusal))
    }

    /// In words, as `operands-per-component: 6 (destination port), at most 5`.
    pub fn describe(self, platform: &Platform) -> String {
        let Some(refusal) = self.refusal(platform) else { return String::new() };
        let component = self.component.map(|component| format!(" ({component})")).unwrap_or_default();
        match refusal.above {
            0 => format!("{}{component}", refusal.feature),
            most => format!("{}: {}{component}, at most {most}", refusal.feature, self.amount),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OperandsPerComponent => "operands-per-component",
            Self::OperandOctets => "operand-octets",
            Self::LengthOperandOctets => "length-operand-octets",
            Self::NlriOctets => "nlri-octets",
            Self::ValuesBeyondField => "values-beyond-field",
            Self::NotEqual => "not-equal",
            Self::ConstantOperator => "constant-operator",
            Self::MixedList => "mixed-list",
            Self::PrefixOffset => "prefix-offset",
            Self::NoPrefix => "no-prefix",
            Self::PortBesideDirectedPort => "port-beside-directed-port",
            Self::PortsBesideIcmp => "ports-beside-icmp",
            Self::PortAlternatives => "port-alternatives",
            Self::PortAlternativesInAll => "port-alternatives-in-all",
            Self::Protocols => "protocols",
            Self::OtherProtocol => "other-protocol",
            Self::IcmpAlternatives => "icmp-alternatives",
            Self::HighTcpFlags => "high-tcp-flags",
            Self::FragmentInInet6 => "fragment-in-inet6",
            Self::FlowLabel => "flow-label",
            Self::Vpn => "vpn",
            Self::RateLimit => "rate-limit",
            Self::PacketRate => "packet-rate",
        })
    }
}

/// What a flow rule uses that the platform does not take.
pub(crate) fn unsupported(
    platform: &Platform,
    rule: &Rule,
    flow: &FlowSpec,
    nlri_octets: u64,
) -> Vec<Unsupported> {
    let mut list = Vec::new();
    for (refusal, index) in platform.refuse.iter().zip(0_u16..) {
        let (amount, component) = used(refusal.feature, rule, flow, nlri_octets);
        if amount > refusal.above {
            list.push(Unsupported { refusal: index, amount, component });
        }
    }
    list
}

/// How much of a feature a rule uses, and in which component.
fn used(feature: Feature, rule: &Rule, flow: &FlowSpec, nlri_octets: u64) -> (u64, Option<ComponentType>) {
    use ComponentType as C;
    let has = |kind| flow.component(kind).is_some();
    let ports = || flow.components().iter().filter(|c| is_port(c.kind));
    let numeric = || flow.components().iter().filter(|c| !c.kind.is_bitmask());
    let flag = |holds: bool| (u64::from(holds), None);
    match feature {
        Feature::OperandsPerComponent => {
            most(flow.components().iter().map(|c| (flow.operands(c).len() as u64, c)))
        }
        Feature::OperandOctets => most(flow.components().iter().map(|c| (widest(flow.operands(c)), c))),
        Feature::LengthOperandOctets => {
            let lengths = flow.components().iter().filter(|c| c.kind == C::PacketLength);
            most(lengths.map(|c| (widest(flow.operands(c)), c)))
        }
        Feature::NlriOctets => (nlri_octets, None),
        Feature::ValuesBeyondField => {
            most(numeric().map(|c| (count(flow.operands(c), |o| o.value > c.kind.max(flow.family)), c)))
        }
        Feature::NotEqual => {
            most(numeric().map(|c| (count(flow.operands(c), |o| o.op & (LT | GT | EQ) == LT | GT), c)))
        }
        Feature::ConstantOperator => {
            let constant = |o: &Operand| matches!(o.op & (LT | GT | EQ), 0 | 7);
            most(numeric().map(|c| (count(flow.operands(c), constant), c)))
        }
        Feature::MixedList => {
            let mixed = |operands: &[Operand]| {
                let joined = count(operands.get(1..).unwrap_or(&[]), |o| o.op & AND != 0);
                u64::from(joined > 0 && flow::alternatives(operands) > 1)
            };
            most(flow.components().iter().map(|c| (mixed(flow.operands(c)), c)))
        }
        Feature::PrefixOffset => {
            let offset = |c: &Component| match c.body {
                Body::Prefix6 { offset, .. } => u64::from(offset),
                Body::Prefix4(_) | Body::Operands { .. } => 0,
            };
            most(flow.components().iter().map(|c| (offset(c), c)))
        }
        Feature::NoPrefix => flag(!has(C::DestinationPrefix) && !has(C::SourcePrefix)),
        Feature::PortBesideDirectedPort => {
            flag(has(C::Port) && (has(C::DestinationPort) || has(C::SourcePort)))
        }
        Feature::PortsBesideIcmp => flag(ports().next().is_some() && (has(C::IcmpType) || has(C::IcmpCode))),
        Feature::PortAlternatives => most(ports().map(|c| (flow::alternatives(flow.operands(c)), c))),
        Feature::PortAlternativesInAll => (ports().map(|c| flow::alternatives(flow.operands(c))).sum(), None),
        Feature::Protocols => {
            let protocols = flow.component(C::Protocol);
            (protocols.map_or(0, |c| flow::alternatives(flow.operands(c))), protocols.map(|c| c.kind))
        }
        Feature::OtherProtocol => {
            let known = |o: &Operand| matches!(o.value, 1 | 6 | 17 | 58) && o.op & (LT | GT | EQ) == EQ;
            let protocols = flow.component(C::Protocol);
            (protocols.map_or(0, |c| count(flow.operands(c), |o| !known(o))), protocols.map(|c| c.kind))
        }
        Feature::IcmpAlternatives => {
            let icmp = flow.components().iter().filter(|c| matches!(c.kind, C::IcmpType | C::IcmpCode));
            most(icmp.map(|c| (flow::alternatives(flow.operands(c)), c)))
        }
        Feature::HighTcpFlags => {
            let flags = flow.components().iter().filter(|c| c.kind == C::TcpFlags);
            most(flags.map(|c| (count(flow.operands(c), |o| o.value > 0xff), c)))
        }
        Feature::FragmentInInet6 => flag(flow.family == Family::Inet6 && has(C::Fragment)),
        Feature::FlowLabel => flag(has(C::FlowLabel)),
        Feature::Vpn => flag(flow.distinguisher.is_some()),
        Feature::RateLimit => flag(rates(rule).any(|_| true)),
        Feature::PacketRate => flag(rates(rule).any(|unit| unit == crate::ir::RateUnit::PacketsPerSecond)),
    }
}

fn rates<'a>(rule: &Rule<'a>) -> impl Iterator<Item = crate::ir::RateUnit> + use<'a> {
    rule.actions.iter().filter_map(|action| match action {
        Action::RateLimit(rate) if rate.amount > 0.0 => Some(rate.unit),
        _ => None,
    })
}

fn is_port(kind: ComponentType) -> bool {
    matches!(kind, ComponentType::Port | ComponentType::DestinationPort | ComponentType::SourcePort)
}

fn most<'a>(amounts: impl Iterator<Item = (u64, &'a Component)>) -> (u64, Option<ComponentType>) {
    amounts.fold(
        (0, None),
        |best: (u64, Option<ComponentType>), (amount, component)| {
            if amount > best.0 { (amount, Some(component.kind)) } else { best }
        },
    )
}

fn widest(operands: &[Operand]) -> u64 {
    operands.iter().map(|operand| u64::from(operand.width)).max().unwrap_or(0)
}

fn count(operands: &[Operand], what: impl Fn(&Operand) -> bool) -> u64 {
    operands.iter().filter(|operand| what(operand)).count() as u64
}
