//! The ledger: every keyword of filters and flow routes, what it is, and how far it is supported.

use super::lookup::Lookup;
use crate::dialect::{Keyword, Support};
use crate::field::Field;
use std::sync::LazyLock;

/// Families whose filters may use a keyword, as bits.
pub(super) type Families = u8;
/// `family inet`.
pub(super) const INET: Families = 1;
/// `family inet6`.
pub(super) const INET6: Families = 2;
/// `family any`.
pub(super) const ANY: Families = 4;
/// `family bridge`, `ccc`, `ethernet-switching`, `vpls`.
pub(super) const LAYER2: Families = 8;
/// `family mpls`.
pub(super) const MPLS: Families = 16;

const CONTEXTS: [(Families, &str); 5] = [
    (ANY, "from any"),
    (INET, "from inet"),
    (INET6, "from inet6"),
    (LAYER2, "from layer-2"),
    (MPLS, "from mpls"),
];

/// Which addresses a list of prefixes is compared with. Lists of one slot are one list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Slot {
    Source,
    Destination,
    Either,
    Source4,
    Destination4,
    Either4,
    Source6,
    Destination6,
    Either6,
}

impl Slot {
    /// The slot with the version a family gives it.
    pub(super) fn in_family(self, family: Families) -> Self {
        let six = family == INET6;
        match self {
            Self::Source if six => Self::Source6,
            Self::Source => Self::Source4,
            Self::Destination if six => Self::Destination6,
            Self::Destination => Self::Destination4,
            Self::Either if six => Self::Either6,
            Self::Either => Self::Either4,
            other => other,
        }
    }
}

/// A condition on numbers: what it reads is said in `numbers.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum N {
    AhSpi,
    DestinationPort,
    Dscp,
    EspSpi,
    EtherType,
    FragmentOffset,
    GreKey,
    IcmpCode,
    IcmpType,
    InnerVlanId,
    InnerVlanPcp,
    MplsExp,
    MplsLabel,
    NextHeader,
    NextHeader6,
    PacketLength,
    PayloadProtocol,
    PayloadProtocol6,
    Port,
    Precedence,
    Protocol,
    Protocol4,
    SourcePort,
    TrafficClass6,
    Ttl,
    VlanId,
    VlanPcp,
}

/// What a keyword under `from` is. A Boolean says whether it is the `-except` form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Match {
    /// Prefixes.
    Address(Slot),
    /// Names of prefix lists.
    PrefixList(Slot),
    /// Numbers, ranges, names for numbers.
    Number(N, bool),
    /// A bit-field expression over TCP flags.
    TcpFlags,
    /// `tcp-flags "(ack | rst)"`.
    TcpEstablished,
    /// `tcp-flags "(!ack & syn)"`.
    TcpInitial,
    /// A bit-field expression over the flags of the IPv4 header.
    FragmentFlags,
    /// Offset 0 and more to come.
    FirstFragment,
    /// Offset other than 0.
    IsFragment,
    /// Offset other than 0 and no more to come.
    LastFragment,
    /// IPv4 options.
    IpOptions(bool),
    /// IPv6 extension headers.
    ExtensionHeader(bool),
    /// Interface names.
    Interface,
    /// Names of interface sets.
    InterfaceSet,
    /// Interface groups.
    InterfaceGroup(bool),
    /// MAC addresses.
    Mac(Field),
    /// Values only the device knows.
    Named(bool),
    /// A keyword without a value that only the device knows.
    Mark,
    /// Statements within braces that are not modelled.
    Block,
    /// Nothing that decides which packets match.
    Hint,
}

/// A keyword under `from`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Condition {
    pub(super) word: &'static str,
    pub(super) what: Match,
    pub(super) families: Families,
    support: Support,
    remark: &'static str,
}

const fn row(
    word: &'static str,
    what: Match,
    families: Families,
    support: Support,
    remark: &'static str,
) -> Condition {
    Condition { word, what, families, support, remark }
}

use Match::{
    Address, Block, ExtensionHeader, FirstFragment, FragmentFlags, Hint, Interface, InterfaceGroup,
    InterfaceSet, IpOptions, IsFragment, LastFragment, Mac, Mark, Named, Number, PrefixList, TcpEstablished,
    TcpFlags, TcpInitial,
};
use Support::{Full, Ignored, Opaque, Partial};

/// Every keyword under `from`, sorted.
#[rustfmt::skip]
static CONDITIONS: &[Condition] = &[
    row("address", Address(Slot::Either), INET | INET6, Full, ""),
    row("ah-spi", Number(N::AhSpi, false), INET | INET6, Full, "looks into the header of that protocol only"),
    row("ah-spi-except", Number(N::AhSpi, true), INET | INET6, Full, "looks into the header of that protocol only"),
    row("apply-groups", Hint, INET | INET6 | ANY | LAYER2 | MPLS, Full, "resolved before conditions are read"),
    row("apply-groups-except", Hint, INET | INET6 | ANY | LAYER2 | MPLS, Full, "resolved before conditions are read"),
    row("cfm-opcode", Named(false), LAYER2, Opaque, "known to the device only"),
    row("cfm-opcode-except", Named(true), LAYER2, Opaque, "known to the device only"),
    row("destination-address", Address(Slot::Destination), INET | INET6, Full, ""),
    row("destination-class", Named(false), INET | INET6, Opaque, "known to the device only"),
    row("destination-class-except", Named(true), INET | INET6, Opaque, "known to the device only"),
    row("destination-mac-address", Mac(Field::EthDst), LAYER2, Full, ""),
    row("destination-port", Number(N::DestinationPort, false), INET | INET6 | LAYER2, Full, ""),
    row("destination-port-except", Number(N::DestinationPort, true), INET | INET6 | LAYER2, Full, ""),
    row("destination-port-range-optimize", Hint, INET | INET6, Ignored, "how the device stores the range"),
    row("destination-prefix-list", PrefixList(Slot::Destination), INET | INET6 | LAYER2, Full, ""),
    row("dot1q-tag", Named(false), LAYER2, Opaque, "the octets of the tag are no field"),
    row("dot1q-user-priority", Named(false), LAYER2, Opaque, "known to the device only"),
    row("dscp", Number(N::Dscp, false), INET | LAYER2, Full, ""),
    row("dscp-except", Number(N::Dscp, true), INET | LAYER2, Full, ""),
    row("esp-spi", Number(N::EspSpi, false), INET | INET6, Full, "looks into the header of that protocol only"),
    row("esp-spi-except", Number(N::EspSpi, true), INET | INET6, Full, "looks into the header of that protocol only"),
    row("ether-type", Number(N::EtherType, false), LAYER2, Full, ""),
    row("ether-type-except", Number(N::EtherType, true), LAYER2, Full, ""),
    row("exp", Number(N::MplsExp, false), MPLS, Full, ""),
    row("exp-except", Number(N::MplsExp, true), MPLS, Full, ""),
    row("extension-header", ExtensionHeader(false), INET6, Partial, "a type outside the table of headers is opaque"),
    row("extension-header-except", ExtensionHeader(true), INET6, Partial, "a type outside the table of headers is opaque"),
    row("extension-headers", ExtensionHeader(false), INET6, Partial, "a type outside the table of headers is opaque"),
    row("extension-headers-except", ExtensionHeader(true), INET6, Partial, "a type outside the table of headers is opaque"),
    row("first-fragment", FirstFragment, INET | INET6, Full, ""),
    row("flexible-match-mask", Block, INET | INET6 | LAYER2, Opaque, "octets at any place"),
    row("flexible-match-range", Block, INET | INET6 | LAYER2, Opaque, "octets at any place"),
    row("forwarding-class", Named(false), INET | INET6 | ANY | LAYER2 | MPLS, Opaque, "known to the device only"),
    row("forwarding-class-except", Named(true), INET | INET6 | ANY | LAYER2 | MPLS, Opaque, "known to the device only"),
    row("fragment-flags", FragmentFlags, INET, Full, ""),
    row("fragment-offset", Number(N::FragmentOffset, false), INET, Full, ""),
    row("fragment-offset-except", Number(N::FragmentOffset, true), INET, Full, ""),
    row("gre-key", Number(N::GreKey, false), INET, Full, "looks into the header of that protocol only"),
    row("hop-limit", Number(N::Ttl, false), INET6, Full, ""),
    row("hop-limit-except", Number(N::Ttl, true), INET6, Full, ""),
    row("icmp-code", Number(N::IcmpCode, false), INET | INET6 | LAYER2, Full, ""),
    row("icmp-code-except", Number(N::IcmpCode, true), INET | INET6 | LAYER2, Full, ""),
    row("icmp-type", Number(N::IcmpType, false), INET | INET6 | LAYER2, Full, ""),
    row("icmp-type-except", Number(N::IcmpType, true), INET | INET6 | LAYER2, Full, ""),
    row("interface", Interface, INET | INET6 | ANY | LAYER2 | MPLS, Partial, "a name with a wildcard is opaque"),
    row("interface-group", InterfaceGroup(false), INET | INET6 | LAYER2, Full, ""),
    row("interface-group-except", InterfaceGroup(true), INET | INET6 | LAYER2, Full, ""),
    row("interface-set", InterfaceSet, INET | INET6 | ANY | MPLS, Partial, "a name with a wildcard is opaque"),
    row("ip-address", Address(Slot::Either4), LAYER2, Full, ""),
    row("ip-destination-address", Address(Slot::Destination4), LAYER2, Full, ""),
    row("ip-options", IpOptions(false), INET, Partial, "a type outside the table of options is opaque"),
    row("ip-options-except", IpOptions(true), INET, Partial, "a type outside the table of options is opaque"),
    row("ip-precedence", Number(N::Precedence, false), LAYER2, Full, ""),
    row("ip-precedence-except", Number(N::Precedence, true), LAYER2, Full, ""),
    row("ip-protocol", Number(N::Protocol4, false), LAYER2, Full, ""),
    row("ip-protocol-except", Number(N::Protocol4, true), LAYER2, Full, ""),
    row("ip-source-address", Address(Slot::Source4), LAYER2, Full, ""),
    row("ip-version", Block, MPLS, Opaque, "the header behind the labels is no field"),
    row("ip6-destination-address", Address(Slot::Destination6), LAYER2, Full, ""),
    row("ip6-source-address", Address(Slot::Source6), LAYER2, Full, ""),
    row("ipv6-address", Address(Slot::Either6), LAYER2, Full, ""),
    row("ipv6-destination-address", Address(Slot::Destination6), LAYER2, Full, ""),
    row("ipv6-destination-prefix-list", PrefixList(Slot::Destination6), LAYER2, Full, ""),
    row("ipv6-next-header", Number(N::NextHeader6, false), LAYER2, Full, ""),
    row("ipv6-next-header-except", Number(N::NextHeader6, true), LAYER2, Full, ""),
    row("ipv6-payload-protocol", Number(N::PayloadProtocol6, false), LAYER2, Full, ""),
    row("ipv6-payload-protocol-except", Number(N::PayloadProtocol6, true), LAYER2, Full, ""),
    row("ipv6-source-address", Address(Slot::Source6), LAYER2, Full, ""),
    row("ipv6-source-prefix-list", PrefixList(Slot::Source6), LAYER2, Full, ""),
    row("ipv6-traffic-class", Number(N::TrafficClass6, false), LAYER2, Full, ""),
    row("ipv6-traffic-class-except", Number(N::TrafficClass6, true), LAYER2, Full, ""),
    row("is-fragment", IsFragment, INET | INET6 | LAYER2, Full, ""),
    row("isid", Named(false), LAYER2, Opaque, "known to the device only"),
    row("isid-dei", Named(false), LAYER2, Opaque, "known to the device only"),
    row("isid-priority-code-point", Named(false), LAYER2, Opaque, "known to the device only"),
    row("l2-interface-set", Named(false), LAYER2, Opaque, "known to the device only"),
    row("label", Number(N::MplsLabel, false), MPLS, Full, ""),
    row("last-fragment", LastFragment, INET6, Full, ""),
    row("learn-vlan-1p-priority", Number(N::VlanPcp, false), LAYER2, Full, ""),
    row("learn-vlan-1p-priority-except", Number(N::VlanPcp, true), LAYER2, Full, ""),
    row("learn-vlan-dei", Named(false), LAYER2, Opaque, "known to the device only"),
    row("learn-vlan-dei-except", Named(true), LAYER2, Opaque, "known to the device only"),
    row("learn-vlan-id", Number(N::VlanId, false), LAYER2, Full, ""),
    row("learn-vlan-id-except", Number(N::VlanId, true), LAYER2, Full, ""),
    row("loss-priority", Named(false), INET | INET6 | ANY | LAYER2 | MPLS, Opaque, "known to the device only"),
    row("loss-priority-except", Named(true), INET | INET6 | ANY | LAYER2 | MPLS, Opaque, "known to the device only"),
    row("next-header", Number(N::NextHeader, false), INET6, Full, ""),
    row("next-header-except", Number(N::NextHeader, true), INET6, Full, ""),
    row("outer-vlan-id", Number(N::VlanId, false), LAYER2, Full, ""),
    row("outer-vlan-id-except", Number(N::VlanId, true), LAYER2, Full, ""),
    row("packet-length", Number(N::PacketLength, false), INET | INET6 | ANY, Full, ""),
    row("packet-length-except", Number(N::PacketLength, true), INET | INET6 | ANY, Full, ""),
    row("payload-protocol", Number(N::PayloadProtocol, false), INET6, Full, ""),
    row("payload-protocol-except", Number(N::PayloadProtocol, true), INET6, Full, ""),
    row("policy-map", Named(false), INET | INET6, Opaque, "known to the device only"),
    row("policy-map-except", Named(true), INET | INET6, Opaque, "known to the device only"),
    row("port", Number(N::Port, false), INET | INET6 | LAYER2, Full, ""),
    row("port-except", Number(N::Port, true), INET | INET6 | LAYER2, Full, ""),
    row("precedence", Number(N::Precedence, false), INET, Full, ""),
    row("precedence-except", Number(N::Precedence, true), INET, Full, ""),
    row("prefix-list", PrefixList(Slot::Either), INET | INET6, Full, ""),
    row("protocol", Number(N::Protocol, false), INET, Full, ""),
    row("protocol-except", Number(N::Protocol, true), INET, Full, ""),
    row("rat-type", Named(false), INET, Opaque, "known to the device only"),
    row("redirect-reason", Named(false), INET, Opaque, "known to the device only"),
    row("service-filter-hit", Mark, INET | INET6, Opaque, "known to the device only"),
    row("source-address", Address(Slot::Source), INET | INET6, Full, ""),
    row("source-class", Named(false), INET | INET6, Opaque, "known to the device only"),
    row("source-class-except", Named(true), INET | INET6, Opaque, "known to the device only"),
    row("source-mac-address", Mac(Field::EthSrc), LAYER2, Full, ""),
    row("source-mac-list", Named(false), LAYER2, Opaque, "known to the device only"),
    row("source-port", Number(N::SourcePort, false), INET | INET6 | LAYER2, Full, ""),
    row("source-port-except", Number(N::SourcePort, true), INET | INET6 | LAYER2, Full, ""),
    row("source-port-range-optimize", Hint, INET | INET6, Ignored, "how the device stores the range"),
    row("source-prefix-list", PrefixList(Slot::Source), INET | INET6 | LAYER2, Full, ""),
    row("tcp-established", TcpEstablished, INET | INET6, Full, ""),
    row("tcp-flags", TcpFlags, INET | INET6 | LAYER2, Full, ""),
    row("tcp-initial", TcpInitial, INET | INET6, Full, ""),
    row("traffic-class", Number(N::Dscp, false), INET6, Full, ""),
    row("traffic-class-except", Number(N::Dscp, true), INET6, Full, ""),
    row("traffic-type", Named(false), LAYER2, Opaque, "known to the device only"),
    row("traffic-type-except", Named(true), LAYER2, Opaque, "known to the device only"),
    row("ttl", Number(N::Ttl, false), INET, Full, ""),
    row("ttl-except", Number(N::Ttl, true), INET, Full, ""),
    row("tunnel-id", Named(false), INET, Opaque, "known to the device only"),
    row("user-vlan-1p-priority", Number(N::InnerVlanPcp, false), LAYER2, Full, ""),
    row("user-vlan-1p-priority-except", Number(N::InnerVlanPcp, true), LAYER2, Full, ""),
    row("user-vlan-id", Number(N::InnerVlanId, false), LAYER2, Full, ""),
    row("user-vlan-id-except", Number(N::InnerVlanId, true), LAYER2, Full, ""),
    row("vlan", Number(N::VlanId, false), LAYER2, Partial, "a VLAN by its name is known to the device only"),
    row("vlan-ether-type", Named(false), LAYER2, Opaque, "the octets of the tag are no field"),
    row("vlan-ether-type-except", Named(true), LAYER2, Opaque, "the octets of the tag are no field"),
    row("vlan-id", Number(N::VlanId, false), LAYER2, Full, ""),
    row("vlan-id-except", Number(N::VlanId, true), LAYER2, Full, ""),
    row("vxlan", Block, INET, Opaque, "the inner header is no field"),
];

/// The keyword under `from` of that name.
pub(super) fn condition(word: &str) -> Option<&'static Condition> {
    static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::new(CONDITIONS.iter().map(|row| row.word)));
    LOOKUP.rows(word).filter_map(|row| CONDITIONS.get(row)).find(|row| row.word == word)
}

/// The keyword of a condition in a family, for the writer: the first that means it.
pub(super) fn keyword(what: Match, family: Families) -> Option<&'static str> {
    CONDITIONS.iter().find(|row| row.what == what && row.families & family != 0).map(|row| row.word)
}

const fn other(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

const TO_DEVICE: &str = "kept by its words: where the device sends the packet is not modelled";
const BESIDE: &str = "kept by its words: it does not change the verdict";

/// Every keyword elsewhere.
#[rustfmt::skip]
static OTHERS: &[Keyword] = &[
    other("any level", "apply-groups", Full, ""),
    other("any level", "apply-groups-except", Full, ""),
    other("any level", "delete", Full, ""),
    other("any level", "groups", Full, ""),
    other("any level", "inactive", Full, ""),
    other("any level", "protect", Ignored, "about editing only"),
    other("any level", "replace", Full, ""),
    other("command", "activate", Full, ""),
    other("command", "annotate", Ignored, "about editing only"),
    other("command", "copy", Full, ""),
    other("command", "deactivate", Full, ""),
    other("command", "delete", Full, ""),
    other("command", "edit", Full, ""),
    other("command", "exit", Partial, "reported where `edit` went before"),
    other("command", "insert", Full, ""),
    other("command", "protect", Ignored, "about editing only"),
    other("command", "quit", Partial, "reported where `edit` went before"),
    other("command", "rename", Full, ""),
    other("command", "replace", Opaque, "reported: what it changes is read as before"),
    other("command", "set", Full, ""),
    other("command", "top", Full, ""),
    other("command", "unprotect", Ignored, "about editing only"),
    other("command", "up", Partial, "reported where `edit` went before"),
    other("filter", "accounting-profile", Ignored, "does not change what a term matches"),
    other("filter", "apply-groups", Ignored, "does not change what a term matches"),
    other("filter", "apply-groups-except", Ignored, "does not change what a term matches"),
    other("filter", "enhanced-mode", Ignored, "does not change what a term matches"),
    other("filter", "fast-filter-lookup", Ignored, "does not change what a term matches"),
    other("filter", "fast-lookup-filter", Ignored, "does not change what a term matches"),
    other("filter", "input-chain", Ignored, "where the filter stands in a chain is the interface's say"),
    other("filter", "instance-shared", Ignored, "does not change what a term matches"),
    other("filter", "interface-shared", Ignored, "does not change what a term matches"),
    other("filter", "interface-specific", Ignored, "does not change what a term matches"),
    other("filter", "no-programming-wait", Ignored, "does not change what a term matches"),
    other("filter", "output-chain", Ignored, "where the filter stands in a chain is the interface's say"),
    other("filter", "physical-interface-filter", Ignored, "does not change what a term matches"),
    other("filter", "scale-optimized", Ignored, "does not change what a term matches"),
    other("filter", "term", Full, ""),
    other("firewall", "atm-policer", Ignored, "holds no filter of packets"),
    other("firewall", "family", Full, ""),
    other("firewall", "filter", Full, ""),
    other("firewall", "flexible-match", Ignored, "holds no filter of packets"),
    other("firewall", "hierarchical-policer", Ignored, "holds no filter of packets"),
    other("firewall", "interface-set", Full, ""),
    other("firewall", "load-balance-group", Ignored, "holds no filter of packets"),
    other("firewall", "policer", Partial, "one that marks or is shared is known by its name"),
    other("firewall", "three-color-policer", Partial, "the action names it, its rates are not applied"),
    other("firewall", "tunnel-end-point", Ignored, "holds no filter of packets"),
    other("firewall family", "dialer-filter", Opaque, "not read"),
    other("firewall family", "fast-update-filter", Opaque, "not read"),
    other("firewall family", "filter", Full, ""),
    other("firewall family", "prefix-action", Ignored, "a policer for each address"),
    other("firewall family", "service-filter", Opaque, "not read"),
    other("firewall family", "simple-filter", Opaque, "not read"),
    other("flow", "firewall-install-disable", Ignored, "does not change what a route matches"),
    other("flow", "interface-group", Ignored, "does not change what a route matches"),
    other("flow", "per-route-accounting", Ignored, "does not change what a route matches"),
    other("flow", "route", Full, ""),
    other("flow", "term-order", Partial, "both orders are read as RFC 8955 §5.1"),
    other("flow", "traceoptions", Ignored, "does not change what a route matches"),
    other("flow", "validation", Ignored, "does not change what a route matches"),
    other("flow match", "destination", Full, ""),
    other("flow match", "destination-port", Full, ""),
    other("flow match", "destination-prefix-offset", Full, ""),
    other("flow match", "dscp", Full, ""),
    other("flow match", "flow-label", Full, ""),
    other("flow match", "fragment", Full, ""),
    other("flow match", "icmp-code", Full, ""),
    other("flow match", "icmp-type", Full, ""),
    other("flow match", "icmp6-code", Full, ""),
    other("flow match", "icmp6-type", Full, ""),
    other("flow match", "next-header", Full, ""),
    other("flow match", "packet-length", Full, ""),
    other("flow match", "port", Full, ""),
    other("flow match", "protocol", Full, ""),
    other("flow match", "source", Full, ""),
    other("flow match", "source-port", Full, ""),
    other("flow match", "source-prefix-offset", Full, ""),
    other("flow match", "tcp-flags", Full, ""),
    other("flow match", "traffic-class", Full, ""),
    other("flow then", "accept", Full, ""),
    other("flow then", "community", Partial, BESIDE),
    other("flow then", "discard", Full, ""),
    other("flow then", "mark", Full, ""),
    other("flow then", "next-term", Full, ""),
    other("flow then", "rate-limit", Full, ""),
    other("flow then", "redirect", Full, ""),
    other("flow then", "routing-instance", Partial, "a name that is no route target is kept by its name"),
    other("flow then", "sample", Full, ""),
    other("policer", "bandwidth-limit", Partial, "a share of an interface is not followed"),
    other("policer", "burst-size-limit", Full, ""),
    other("prefix-list", "apply-path", Partial, "opaque where the path leads out of the file"),
    other("term", "filter", Full, ""),
    other("term", "from", Full, ""),
    other("term", "then", Full, ""),
    other("then", "accept", Full, ""),
    other("then", "analyzer", Partial, BESIDE),
    other("then", "clear-policy-map", Partial, BESIDE),
    other("then", "cos-next-hop-map", Partial, BESIDE),
    other("then", "count", Full, ""),
    other("then", "decapsulate", Partial, TO_DEVICE),
    other("then", "discard", Full, ""),
    other("then", "dont-fragment", Partial, BESIDE),
    other("then", "dscp", Full, ""),
    other("then", "encapsulate", Partial, TO_DEVICE),
    other("then", "exclude-accounting", Partial, BESIDE),
    other("then", "force-premium", Partial, BESIDE),
    other("then", "forwarding-class", Full, ""),
    other("then", "hierarchical-policer", Partial, BESIDE),
    other("then", "ipsec-sa", Partial, TO_DEVICE),
    other("then", "load-balance", Partial, TO_DEVICE),
    other("then", "log", Full, ""),
    other("then", "logical-system", Partial, TO_DEVICE),
    other("then", "loss-priority", Partial, BESIDE),
    other("then", "next", Full, ""),
    other("then", "next-interface", Partial, TO_DEVICE),
    other("then", "next-ip", Full, ""),
    other("then", "next-ip6", Full, ""),
    other("then", "no-decrement-ttl", Partial, BESIDE),
    other("then", "packet-mode", Partial, BESIDE),
    other("then", "policer", Full, ""),
    other("then", "policy-map", Partial, BESIDE),
    other("then", "port-mirror", Partial, BESIDE),
    other("then", "port-mirror-instance", Partial, BESIDE),
    other("then", "prefix-action", Partial, BESIDE),
    other("then", "reject", Full, ""),
    other("then", "routing-instance", Full, ""),
    other("then", "sample", Full, ""),
    other("then", "service-accounting", Partial, BESIDE),
    other("then", "service-accounting-deferred", Partial, BESIDE),
    other("then", "service-filter-hit", Partial, BESIDE),
    other("then", "skip-services", Partial, BESIDE),
    other("then", "syslog", Partial, BESIDE),
    other("then", "three-color-policer", Partial, BESIDE),
    other("then", "topology", Partial, TO_DEVICE),
    other("then", "traffic-class", Full, ""),
    other("then", "traffic-class-count", Partial, BESIDE),
    other("then", "vlan", Partial, BESIDE),
];

/// How far a keyword that is not under `from` is supported; none when it is not in the ledger.
pub(super) fn other_support(context: &str, word: &str) -> Option<Support> {
    static LOOKUP: LazyLock<Lookup> = LazyLock::new(|| Lookup::new(OTHERS.iter().map(|row| row.word)));
    let mut rows = LOOKUP.rows(word).filter_map(|row| OTHERS.get(row));
    rows.find(|row| row.word == word && row.context == context).map(|row| row.support)
}

static LEDGER: LazyLock<Vec<Keyword>> = LazyLock::new(|| {
    let mut list: Vec<Keyword> = OTHERS.to_vec();
    for row in CONDITIONS {
        for (_, context) in CONTEXTS.iter().filter(|(family, _)| row.families & family != 0) {
            list.push(Keyword { context, word: row.word, support: row.support, remark: row.remark });
        }
    }
    list.sort_unstable_by_key(|row| (row.context, row.word));
    list
});

/// The whole ledger, sorted by context and word.
pub(super) fn ledger() -> &'static [Keyword] {
    &LEDGER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ledger_is_sorted_without_repetition_and_every_gap_says_why() {
        assert!(CONDITIONS.windows(2).all(|w| w[0].word < w[1].word));
        assert!(OTHERS.windows(2).all(|w| (w[0].context, w[0].word) < (w[1].context, w[1].word)));
        let list = ledger();
        assert!(list.windows(2).all(|w| (w[0].context, w[0].word) < (w[1].context, w[1].word)));
        for row in list {
            let silent = matches!(row.support, Support::Full);
            assert!(silent || !row.remark.is_empty(), "{} {}", row.context, row.word);
        }
        assert!(condition("protocol").is_some() && condition("nothing").is_none());
    }
}
