//! What rules use that a platform does not take, decided on the NLRI as it is written.

use super::device::Device;
use super::flow;
use super::platform::Platform;
use super::price::Level;
use super::release::{Affected, Release, affected};
use crate::dialect::flowspec::component::{AND, EQ, GT, LT, NOT};
use crate::dialect::flowspec::{Body, Component, ComponentType, FlowSpec, Operand};
use crate::field::Family;
use crate::ir::{Action, RateUnit, Rule};
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
    /// It is taken from this much on, where less is not taken.
    #[serde(default)]
    pub below: Option<u64>,
    /// What becomes of a rule that uses more.
    pub effect: Effect,
    /// The same in words that follow the platform's name, as `takes at most 5 ..`.
    pub says: String,
    /// The source, an id of the platform page.
    pub source: String,
    /// Whether it was stated by the maker, read in code or measured.
    pub verified: bool,
    /// The releases from which on it is no longer so, one for each branch.
    #[serde(default)]
    pub fixed_in: Vec<Release>,
}

impl Refusal {
    /// What a rule that uses it comes to on a release: a deny where it must not be sent there.
    pub fn level(&self, release: Option<&Release>) -> Level {
        match (affected(&self.fixed_in, release), self.effect) {
            (Affected::No, _) => Level::Ok,
            (Affected::Yes, Effect::Refused | Effect::DropsSession) if self.verified => Level::Deny,
            _ => Level::Warn,
        }
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
    /// The session that carries it ends, or its address family on it: all rules of that session are gone with it.
    DropsSession,
    /// The profile does not vouch for it.
    Unvouched,
}

impl Effect {
    /// The word of profiles and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Ignored => "ignored",
            Self::DropsSession => "drops-session",
            Self::Unvouched => "unvouched",
        }
    }
}

/// Something a rule can use, with how much of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// A flow rule of any kind.
    FlowRule,
    /// A flow rule for IPv6.
    Inet6,
    /// Octets that say something in another way than the shortest: values in more octets than they need, reserved bits,
    /// a length in two octets.
    NoncanonicalOctets,
    /// Operators with values in one component.
    OperandsPerComponent,
    /// Octets of a value.
    OperandOctets,
    /// Octets of a packet length.
    LengthOperandOctets,
    /// Octets of the NLRI behind its length.
    NlriOctets,
    /// The largest packet length asked for.
    LargestLength,
    /// Components whose list no value satisfies.
    EmptyComponent,
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
    /// Ports without a protocol that is TCP or UDP.
    PortsWithoutProtocol,
    /// ICMP type or code with a protocol that is not ICMP.
    IcmpBesideProtocol,
    /// Packet length beside components other than prefixes.
    LengthBesideOthers,
    /// TCP flags.
    TcpFlags,
    /// TCP flags above the octet of SYN and ACK.
    HighTcpFlags,
    /// The TCP flags ECE and CWR.
    CongestionFlags,
    /// A negated test of no TCP flag.
    NegatedNoFlags,
    /// Octets of TCP flags.
    TcpFlagOctets,
    /// DSCP.
    Dscp,
    /// The don't-fragment bit.
    DontFragment,
    /// Fragment bits other than "is a fragment".
    OtherFragmentBits,
    /// The bit of a last fragment.
    LastFragment,
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
    /// The smallest rate above zero, in octets a second.
    OctetRate,
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
    /// Whether the rule must not be sent there.
    pub denies: bool,
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
        match (refusal.above, refusal.below) {
            (_, Some(least)) => format!("{}: {}{component}, at least {least}", refusal.feature, self.amount),
            (0, None) => format!("{}{component}", refusal.feature),
            (most, None) => format!("{}: {}{component}, at most {most}", refusal.feature, self.amount),
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FlowRule => "flow-rule",
            Self::Inet6 => "inet6",
            Self::NoncanonicalOctets => "noncanonical-octets",
            Self::LargestLength => "largest-length",
            Self::EmptyComponent => "empty-component",
            Self::PortsWithoutProtocol => "ports-without-protocol",
            Self::IcmpBesideProtocol => "icmp-beside-protocol",
            Self::LengthBesideOthers => "length-beside-others",
            Self::TcpFlags => "tcp-flags",
            Self::CongestionFlags => "congestion-flags",
            Self::NegatedNoFlags => "negated-no-flags",
            Self::TcpFlagOctets => "tcp-flag-octets",
            Self::Dscp => "dscp",
            Self::DontFragment => "dont-fragment",
            Self::OtherFragmentBits => "other-fragment-bits",
            Self::LastFragment => "last-fragment",
            Self::OctetRate => "octet-rate",
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
    device: &Device,
    rule: &Rule,
    flow: &FlowSpec,
    nlri_octets: u64,
) -> Vec<Unsupported> {
    let mut list = Vec::new();
    for (refusal, index) in device.platform.refuse.iter().zip(0_u16..) {
        let (amount, component) = used(refusal.feature, rule, flow, nlri_octets);
        let beyond = match refusal.below {
            Some(least) => amount > 0 && amount < least,
            None => amount > refusal.above,
        };
        if beyond {
            let denies = match refusal.level(device.release.as_ref()) {
                Level::Ok => continue,
                level => level == Level::Deny,
            };
            list.push(Unsupported { refusal: index, amount, component, denies });
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
        Feature::TcpFlags
        | Feature::CongestionFlags
        | Feature::NegatedNoFlags
        | Feature::TcpFlagOctets
        | Feature::DontFragment
        | Feature::OtherFragmentBits
        | Feature::LastFragment
        | Feature::HighTcpFlags => of_bits(feature, flow),
        Feature::FlowRule => flag(true),
        Feature::Inet6 => flag(flow.family == Family::Inet6),
        Feature::NoncanonicalOctets => (flow.deviations().len() as u64, None),
        Feature::LargestLength => {
            let lengths = flow.components().iter().filter(|c| c.kind == C::PacketLength);
            let largest = |operands: &[Operand]| operands.iter().map(|o| o.value).max().unwrap_or(0);
            most(lengths.map(|c| (largest(flow.operands(c)), c)))
        }
        Feature::EmptyComponent => most(numeric().map(|c| (u64::from(flow::is_empty(flow, c)), c))),
        Feature::PortsWithoutProtocol => {
            let with = flow.component(C::Protocol).is_some_and(|c| only(flow.operands(c), &[6, 17]));
            flag(ports().next().is_some() && !with)
        }
        Feature::IcmpBesideProtocol => {
            let other = flow.component(C::Protocol).is_some_and(|c| !only(flow.operands(c), &[1, 58]));
            flag(other && (has(C::IcmpType) || has(C::IcmpCode)))
        }
        Feature::LengthBesideOthers => {
            let plain = |kind| matches!(kind, C::DestinationPrefix | C::SourcePrefix | C::PacketLength);
            flag(has(C::PacketLength) && flow.components().iter().any(|c| !plain(c.kind)))
        }
        Feature::Dscp => flag(has(C::Dscp)),
        Feature::OctetRate => (smallest_rate(rule), None),
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
        Feature::FragmentInInet6 => flag(flow.family == Family::Inet6 && has(C::Fragment)),
        Feature::FlowLabel => flag(has(C::FlowLabel)),
        Feature::Vpn => flag(flow.distinguisher.is_some()),
        Feature::RateLimit => flag(rates(rule).any(|_| true)),
        Feature::PacketRate => flag(rates(rule).any(|unit| unit == RateUnit::PacketsPerSecond)),
    }
}

/// How much of a feature of TCP flags and fragments a rule uses.
fn of_bits(feature: Feature, flow: &FlowSpec) -> (u64, Option<ComponentType>) {
    use ComponentType as C;
    let of = |kind| flow.components().iter().filter(move |c| c.kind == kind);
    let masked = |operands: &[Operand], bits: u64| count(operands, |o| o.value & bits != 0);
    match feature {
        Feature::TcpFlags => most(of(C::TcpFlags).map(|c| (1, c))),
        Feature::CongestionFlags => most(of(C::TcpFlags).map(|c| (masked(flow.operands(c), 0xc0), c))),
        Feature::NegatedNoFlags => {
            let none = |o: &Operand| o.value == 0 && o.op & NOT != 0;
            most(of(C::TcpFlags).map(|c| (count(flow.operands(c), none), c)))
        }
        Feature::TcpFlagOctets => most(of(C::TcpFlags).map(|c| (widest(flow.operands(c)), c))),
        Feature::DontFragment => most(of(C::Fragment).map(|c| (masked(flow.operands(c), 1), c))),
        Feature::OtherFragmentBits => most(of(C::Fragment).map(|c| (masked(flow.operands(c), 0x0d), c))),
        Feature::LastFragment => most(of(C::Fragment).map(|c| (masked(flow.operands(c), 8), c))),
        Feature::HighTcpFlags => {
            let flags = flow.components().iter().filter(|c| c.kind == C::TcpFlags);
            most(flags.map(|c| (count(flow.operands(c), |o| o.value > 0xff), c)))
        }
        _ => (0, None),
    }
}

fn rates<'a>(rule: &Rule<'a>) -> impl Iterator<Item = RateUnit> + use<'a> {
    rule.actions.iter().filter_map(|action| match action {
        Action::RateLimit(rate) if rate.amount > 0.0 => Some(rate.unit),
        _ => None,
    })
}

/// Whether a list is made of these values alone.
fn only(operands: &[Operand], values: &[u64]) -> bool {
    operands.iter().all(|o| o.op & (LT | GT | EQ) == EQ && values.contains(&o.value))
}

/// The smallest rate above zero, in whole octets; none is zero.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are not negative, and the conversion saturates"
)]
fn smallest_rate(rule: &Rule) -> u64 {
    let octets = rule.actions.iter().filter_map(|action| match action {
        Action::RateLimit(rate) if rate.amount > 0.0 && rate.unit == RateUnit::OctetsPerSecond => {
            Some(rate.amount.ceil() as u64)
        }
        _ => None,
    });
    octets.min().unwrap_or(0)
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
