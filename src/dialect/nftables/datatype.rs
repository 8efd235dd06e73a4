//! nft's own names of types, which sets are declared with.

use super::fields::{Load, Meta, Type};

/// How values of a type are read, and how many bits they have; none where nft has no such type.
pub(super) fn by_name(name: &str) -> Option<(Type, u32)> {
    Some(match name {
        "ipv4_addr" => (Type::Ipv4, 32),
        "ipv6_addr" => (Type::Ipv6, 128),
        "ether_addr" => (Type::Ethernet, 48),
        "ether_type" => (Type::EtherType, 16),
        "inet_proto" => (Type::Protocol, 8),
        "inet_service" => (Type::Service, 16),
        "icmp_type" => (Type::IcmpType, 8),
        "icmp_code" => (Type::IcmpCode, 8),
        "icmpv6_type" => (Type::Icmpv6Type, 8),
        "icmpv6_code" => (Type::Icmpv6Code, 8),
        "icmpx_code" => (Type::Integer, 8),
        "tcp_flag" => (Type::TcpFlags, 8),
        "dscp" => (Type::Dscp, 6),
        "ecn" => (Type::Ecn, 2),
        "ct_state" => (Type::CtState, 32),
        "ct_status" => (Type::CtStatus, 32),
        "ct_dir" => (Type::CtDirection, 8),
        "ct_event" => (Type::CtEvent, 32),
        "ct_label" => (Type::CtLabel, 128),
        "mark" => (Type::Mark, 32),
        "pkt_type" => (Type::PacketType, 8),
        "nf_proto" => (Type::NfProto, 8),
        "boolean" => (Type::Boolean, 1),
        "dccp_pkttype" => (Type::DccpType, 4),
        "mh_type" => (Type::MhType, 8),
        "igmp_type" => (Type::IgmpType, 8),
        "arp_op" => (Type::ArpOperation, 16),
        "ifname" => (Type::Name, 128),
        "iface_type" => (Type::Device, 16),
        "fib_addrtype" => (Type::FibType, 32),
        "day" => (Type::Weekday, 8),
        "hour" => (Type::Hour, 32),
        // A date as much as how long something is kept.
        "time" | "devgroup" | "iface_index" | "realm" | "classid" | "uid" | "gid" | "string" | "ll_addr"
        | "cgroupsv2" | "integer" | "bitmask" | "xinteger" => (Type::Host, 32),
        _ => return None,
    })
}

/// nft's name of the type of a load; none where it has several, or none that a set is declared with.
pub(super) fn name(load: &Load) -> Option<&'static str> {
    if let Load::Meta(Meta::InIface | Meta::OutIface) = load {
        return None;
    }
    Some(match load.ty() {
        Type::Ipv4 => "ipv4_addr",
        Type::Ipv6 => "ipv6_addr",
        Type::Ethernet => "ether_addr",
        Type::EtherType => "ether_type",
        Type::Protocol => "inet_proto",
        Type::Service => "inet_service",
        Type::IcmpType => "icmp_type",
        Type::IcmpCode => "icmp_code",
        Type::Icmpv6Type => "icmpv6_type",
        Type::Icmpv6Code => "icmpv6_code",
        Type::TcpFlags => "tcp_flag",
        Type::Dscp => "dscp",
        Type::Ecn => "ecn",
        Type::CtState => "ct_state",
        Type::CtStatus => "ct_status",
        Type::CtDirection => "ct_dir",
        Type::CtEvent => "ct_event",
        Type::CtLabel => "ct_label",
        Type::Mark => "mark",
        Type::Group => "devgroup",
        Type::PacketType => "pkt_type",
        Type::NfProto => "nf_proto",
        Type::DccpType => "dccp_pkttype",
        Type::MhType => "mh_type",
        Type::IgmpType => "igmp_type",
        Type::ArpOperation => "arp_op",
        Type::Device => "iface_type",
        Type::FibType => "fib_addrtype",
        Type::Weekday => "day",
        Type::Hour => "hour",
        Type::Integer | Type::Interface | Type::Boolean | Type::Date | Type::Name | Type::Host => {
            return None;
        }
    })
}

/// The type that a load has, where a set of `declared` holds no such values.
pub(super) fn mismatch(load: &Load, declared: &str) -> Option<&'static str> {
    let is_interface = matches!(load, Load::Meta(Meta::InIface | Meta::OutIface));
    if is_interface && !matches!(declared, "ifname" | "iface_index" | "string" | "") {
        return Some("ifname");
    }
    // What has no name of its own may be declared by an expression.
    let name = name(load)?;
    (name != declared && !matches!(declared, "integer" | "")).then_some(name)
}
