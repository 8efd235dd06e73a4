//! What a component type is, in one table by address family; and which table of routes an NLRI belongs to.

use super::ComponentType;
use crate::field::Family;
use crate::ir::RuleSet;
use std::fmt;

/// What the standard says of a component type.
#[derive(Debug)]
pub struct TypeInfo {
    /// The type.
    pub kind: ComponentType,
    /// Its name in a sentence.
    pub name: &'static str,
    /// The largest value an IPv4 packet can carry there; 0 for prefixes and where IPv4 has no such type.
    pub max4: u64,
    /// The largest value an IPv6 packet can carry there; 0 for prefixes.
    pub max6: u64,
    /// Operand widths that are not malformed: bit n for 2^n octets; 0 for prefixes.
    pub widths: u8,
}

/// Every component type, by number from 1 (RFC 8955 §4.2.2, RFC 8956 §3).
pub static TYPES: [TypeInfo; 13] = {
    use ComponentType as C;
    const fn row(kind: C, name: &'static str, max4: u64, max6: u64, widths: u8) -> TypeInfo {
        TypeInfo { kind, name, max4, max6, widths }
    }
    [
        row(C::DestinationPrefix, "destination prefix", 0, 0, 0),
        row(C::SourcePrefix, "source prefix", 0, 0, 0),
        row(C::Protocol, "protocol", 255, 255, 0b1111),
        row(C::Port, "port", 65_535, 65_535, 0b1111),
        row(C::DestinationPort, "destination port", 65_535, 65_535, 0b1111),
        row(C::SourcePort, "source port", 65_535, 65_535, 0b1111),
        row(C::IcmpType, "ICMP type", 255, 255, 0b1111),
        row(C::IcmpCode, "ICMP code", 255, 255, 0b1111),
        row(C::TcpFlags, "TCP flags", 0x0fff, 0x0fff, 0b0011),
        // The whole packet: in IPv6 the payload length and the 40 octets of the fixed header.
        row(C::PacketLength, "packet length", 65_535, 65_575, 0b1111),
        row(C::Dscp, "DSCP", 63, 63, 0b0001),
        row(C::Fragment, "fragment", 0x0f, 0x0e, 0b0001),
        row(C::FlowLabel, "flow label", 0, 0xf_ffff, 0b1111),
    ]
};

impl ComponentType {
    /// The type's row of the table.
    #[expect(clippy::indexing_slicing, reason = "the table has one row for each type, in their order")]
    pub fn info(self) -> &'static TypeInfo {
        &TYPES[usize::from(self.number() - 1)]
    }

    /// The largest value a packet of the family can carry; 0 for prefixes.
    pub fn max(self, family: Family) -> u64 {
        if family == Family::Inet6 { self.info().max6 } else { self.info().max4 }
    }

    /// Whether the family has such a component.
    pub fn is_defined_for(self, family: Family) -> bool {
        family == Family::Inet6 || self != Self::FlowLabel
    }

    /// The octets the canonical encoding gives a value: a flow label four (RFC 8956 §3.7), others the fewest.
    pub fn canonical_width(self, value: u64) -> u8 {
        match value {
            0x1_0000_0000.. => 8,
            _ if self == Self::FlowLabel => 4,
            0..=0xff => 1,
            0x100..=0xffff => 2,
            0x1_0000..=0xffff_ffff => 4,
        }
    }
}

impl fmt::Display for ComponentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.info().name)
    }
}

/// A table of flow routes: an address family with SAFI 133 or 134.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Table {
    /// AFI 1, SAFI 133.
    Ipv4,
    /// AFI 2, SAFI 133.
    Ipv6,
    /// AFI 1, SAFI 134: the NLRI begins with a route distinguisher.
    Vpnv4,
    /// AFI 2, SAFI 134: the same.
    Vpnv6,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 4] = [Self::Ipv4, Self::Ipv6, Self::Vpnv4, Self::Vpnv6];

    /// The table of an address family and subsequent address family; none when that is no flow specification
    /// this reads (L2VPN is AFI 25, version 2 has another SAFI).
    pub fn of(afi: u16, safi: u8) -> Option<Self> {
        match (afi, safi) {
            (1, 133) => Some(Self::Ipv4),
            (2, 133) => Some(Self::Ipv6),
            (1, 134) => Some(Self::Vpnv4),
            (2, 134) => Some(Self::Vpnv6),
            _ => None,
        }
    }

    /// Its address family and subsequent address family, as [`Table::of`] takes them.
    pub fn family_numbers(self) -> (u16, u8) {
        match self {
            Self::Ipv4 => (1, 133),
            Self::Ipv6 => (2, 133),
            Self::Vpnv4 => (1, 134),
            Self::Vpnv6 => (2, 134),
        }
    }

    /// The table a specification belongs to.
    pub fn for_spec(spec: &super::FlowSpec) -> Self {
        match (spec.family == Family::Inet6, spec.distinguisher.is_some()) {
            (false, false) => Self::Ipv4,
            (true, false) => Self::Ipv6,
            (false, true) => Self::Vpnv4,
            (true, true) => Self::Vpnv6,
        }
    }

    /// The word users write, as `vpnv4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Vpnv4 => "vpnv4",
            Self::Vpnv6 => "vpnv6",
        }
    }

    /// The table of that word.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whose packets its rules match.
    pub fn family(self) -> Family {
        match self {
            Self::Ipv4 | Self::Vpnv4 => Family::Inet,
            Self::Ipv6 | Self::Vpnv6 => Family::Inet6,
        }
    }

    /// Whether NLRIs begin with a route distinguisher.
    pub fn is_vpn(self) -> bool {
        matches!(self, Self::Vpnv4 | Self::Vpnv6)
    }

    /// The name of its rule set: `flowspec/ipv4`, and for a VPN one for each route distinguisher, as
    /// `flowspec/vpnv4/65535:65536`, because rules of different ones never meet.
    pub fn rule_set_name(self, distinguisher: Option<[u8; 8]>) -> String {
        match distinguisher {
            Some(octets) => format!("flowspec/{}/{}", self.name(), Distinguisher(octets)),
            None => self.rule_set().to_owned(),
        }
    }

    /// The name of the rule set of the routes without a route distinguisher.
    pub fn rule_set(self) -> &'static str {
        match self {
            Self::Ipv4 => "flowspec/ipv4",
            Self::Ipv6 => "flowspec/ipv6",
            Self::Vpnv4 => "flowspec/vpnv4",
            Self::Vpnv6 => "flowspec/vpnv6",
        }
    }

    /// The table whose rule set has that name; none for rule sets named otherwise.
    pub fn by_rule_set_name(name: &str) -> Option<Self> {
        let rest = name.strip_prefix("flowspec/")?;
        Self::by_name(rest.split_once('/').map_or(rest, |(table, _)| table))
    }

    /// The tables a rule set is written to: the one of its name, else those of its family's packets.
    pub fn of_rule_set(set: &RuleSet) -> Vec<Self> {
        match (Self::by_rule_set_name(&set.name), set.family) {
            (Some(table), _) => vec![table],
            (None, Family::Inet) => vec![Self::Ipv4],
            (None, Family::Inet6) => vec![Self::Ipv6],
            (None, Family::Any) => vec![Self::Ipv4, Self::Ipv6],
        }
    }
}

/// A route distinguisher as text (RFC 4364 §4.2): `65535:65536`, `192.0.2.1:7`, or its octets in hex.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Distinguisher(pub [u8; 8]);

impl fmt::Display for Distinguisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [kind_high, kind_low, value @ ..] = self.0;
        // Two octets and four, or four and two.
        let [asn_high, asn_low, number @ ..] = value;
        let [long @ .., low_high, low_low] = value;
        let low = u16::from_be_bytes([low_high, low_low]);
        match u16::from_be_bytes([kind_high, kind_low]) {
            0 => {
                let asn = u16::from_be_bytes([asn_high, asn_low]);
                write!(f, "{asn}:{}", u32::from_be_bytes(number))
            }
            1 => write!(f, "{}:{low}", std::net::Ipv4Addr::from(long)),
            // A four-octet AS below 65,536 would read as a two-octet one: the L keeps them apart.
            2 => write!(f, "{}L:{low}", u32::from_be_bytes(long)),
            _ => write!(f, "0x{:016x}", u64::from_be_bytes(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_by_number() {
        for (info, number) in TYPES.iter().zip(1_u8..) {
            assert_eq!(info.kind.number(), number);
            assert_eq!(ComponentType::from_number(number), Some(info.kind));
            assert_eq!(info.widths == 0, number <= 2);
        }
    }

    #[test]
    fn a_table_is_found_by_its_rule_set() {
        for table in Table::ALL {
            let rd = table.is_vpn().then_some([0, 0, 0xff, 0xff, 0, 1, 0, 0]);
            assert_eq!(Table::by_rule_set_name(&table.rule_set_name(rd)), Some(table));
        }
        assert_eq!(
            Table::Vpnv4.rule_set_name(Some([0, 1, 192, 0, 2, 1, 0, 7])),
            "flowspec/vpnv4/192.0.2.1:7"
        );
    }
}
