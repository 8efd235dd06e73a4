//! What a rule does: its outcome, and the actions beside it.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// The fate evaluation gives a packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// Goes on as if no rule were there.
    Accept,
    /// Vanishes.
    Discard,
    /// Vanishes, and the sender is told.
    Reject(RejectKind),
    /// The rule set does not say.
    NoDecision,
}

impl Verdict {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Discard => "discard",
            Self::Reject(_) => "reject",
            Self::NoDecision => "no-decision",
        }
    }

    /// Whether the packet does not go on.
    pub fn is_drop(self) -> bool {
        matches!(self, Self::Discard | Self::Reject(_))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a rejecting device sends back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RejectKind {
    /// ICMP or ICMPv6 unreachable with this code.
    Unreachable(u8),
    /// A TCP reset.
    TcpReset,
}

/// What evaluation does with a packet that matches.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// Evaluation ends with this verdict.
    Verdict(Verdict),
    /// Evaluation goes on. A held verdict stands at the end: a held drop beats any later accept, and a held
    /// accept stands when no later rule decides (RFC 8955 §7.3, T bit).
    Next {
        /// What the rule itself would have done, where it said.
        held: Option<Verdict>,
    },
    /// The rules of another rule set of the document are walked as if they stood here; when none of them
    /// decides, evaluation goes on with the next rule.
    Call(u32),
    /// As a call, but when none of the called rules decides, the rule set with this rule is left as by
    /// [`Outcome::Return`] (`goto` of nftables, `-g` of iptables).
    Goto(u32),
    /// The rules of another rule set are walked as a stage of their own: where none of them decides, its own
    /// default does. A drop is final; after an accept, or where nothing is decided, evaluation goes on with the
    /// next rule here (base chains of one hook; access lists on port, VLAN and interface). Packets of another
    /// family pass by, and what the stage holds ends with it.
    Stage(u32),
    /// Leaves a called rule set; of the rule set packets entered by, or of a stage, the default decides.
    Return,
}

/// What a rate counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RateUnit {
    /// Octets a second.
    OctetsPerSecond,
    /// Packets a second.
    PacketsPerSecond,
}

/// A rate limit: what exceeds it is dropped.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rate {
    /// How much; may be infinite, never NaN.
    pub amount: f64,
    /// Of what.
    pub unit: RateUnit,
    /// Burst in octets, where one was given.
    pub burst: Option<u64>,
}

/// A route target, as it stands in an extended community.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum RouteTarget {
    /// Two-octet AS and a number.
    As2(u16, u32),
    /// IPv4 address and a number.
    Ip4(u32, u16),
    /// Four-octet AS and a number.
    As4(u32, u16),
    /// IPv6 address and a number.
    Ip6(u128, u16),
}

/// What a mark writes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Mark {
    /// The DSCP of the packet.
    Dscp(u8),
    /// The whole traffic class octet.
    TrafficClass(u8),
}

/// What a rule asks for besides its verdict.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// Counts into the counter of that name.
    Count(Box<str>),
    /// Logs the packet.
    Log,
    /// Samples the packet.
    Sample,
    /// Writes a field of the packet.
    Mark(Mark),
    /// Drops what exceeds a rate.
    RateLimit(Rate),
    /// Sends what exceeds a named policer to that policer's action.
    Policer(Box<str>),
    /// Looks the packet up in the routing instance that imports this target.
    RedirectTarget(RouteTarget),
    /// Looks the packet up in the routing instance of that name.
    RedirectInstance(Box<str>),
    /// Sends the packet, or a copy of it, to an address.
    RedirectIp {
        /// Where to; none when the next hop of the update says.
        addr: Option<IpAddr>,
        /// A copy goes there, the packet goes on.
        copy: bool,
    },
    /// Applies on interfaces of a group only (interface-set draft).
    InterfaceSet {
        /// AS of the group.
        asn: u32,
        /// Group number, 14 bits.
        group: u16,
        /// For incoming packets.
        inbound: bool,
        /// For outgoing packets.
        outbound: bool,
        /// Carried between autonomous systems.
        transitive: bool,
    },
    /// Puts the packet into a class.
    Class(Box<str>),
    /// A community the rule carries, or another action kept by its words.
    Other(Box<str>),
}

impl Action {
    /// Feeds what tells most actions apart to a hasher: equal actions feed the same.
    pub(crate) fn digest(&self, state: &mut impl Hasher) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Count(name)
            | Self::Policer(name)
            | Self::RedirectInstance(name)
            | Self::Class(name)
            | Self::Other(name) => name.hash(state),
            Self::Mark(mark) => mark.hash(state),
            // 0 and -0 are equal and have other bits.
            Self::RateLimit(rate) => (rate.unit, rate.burst, (rate.amount + 0.0).to_bits()).hash(state),
            Self::RedirectTarget(target) => target.hash(state),
            Self::RedirectIp { addr, copy } => (addr, copy).hash(state),
            Self::InterfaceSet { asn, group, .. } => (asn, group).hash(state),
            Self::Log | Self::Sample => {}
        }
    }
}
