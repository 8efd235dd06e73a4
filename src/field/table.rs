//! The one table of fields: name, width, layer, family, when it is there, and where its meaning is defined.

/// The layer a field belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Layer {
    /// Frame headers, and what the device knows of a packet beside its octets.
    Link,
    /// The IP header and its extensions.
    Network,
    /// What follows the IP headers.
    Transport,
}

/// The address family whose packets can have a field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Family {
    /// Any packet.
    Any,
    /// IPv4 only.
    Inet,
    /// IPv6 only.
    Inet6,
}

impl Family {
    /// The word users see.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "IP",
            Self::Inet => "IPv4",
            Self::Inet6 => "IPv6",
        }
    }

    /// Whether all packets of another family are of this one.
    pub fn takes(self, other: Self) -> bool {
        self == Self::Any || self == other
    }
}

/// One condition for a field to be there: another field holds a value in the closed range.
///
/// A field is absent when any of its needs fails, and always there when all hold, unless it is `optional`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Need {
    /// The other field.
    pub field: Field,
    /// Closed ranges, one of which must hold its value.
    pub values: &'static [(u32, u32)],
}

/// What the table says of a field.
#[derive(Debug)]
pub struct FieldInfo {
    /// The field.
    pub field: Field,
    /// Its name in expressions and reports.
    pub name: &'static str,
    /// Its name in a sentence.
    pub title: &'static str,
    /// Its width in bits.
    pub width: u8,
    /// Its layer.
    pub layer: Layer,
    /// Whose packets can have it.
    pub family: Family,
    /// The largest value a packet can carry; less than the width allows for some.
    pub max: u128,
    /// All must hold for the field to be there.
    pub needs: &'static [Need],
    /// Whether the field may be absent though all needs hold (unwalkable headers, interfaces not captured).
    pub optional: bool,
    /// Where it stands behind the IP headers: first bit, for fields that are octets there. Fields that share
    /// bits are related.
    pub l4_bit: Option<u8>,
    /// Where its meaning is defined.
    pub defined: &'static str,
}

impl FieldInfo {
    /// Whether every well-formed packet of a family has the field.
    pub fn is_always_there(&self, family: Family) -> bool {
        let version = match family {
            Family::Any => None,
            Family::Inet => Some(4),
            Family::Inet6 => Some(6),
        };
        let met = |need: &Need| {
            let known = match need.field {
                Field::IpVersion => version,
                // Any IPv4 packet can carry fragment flags.
                Field::IsFragHeader if family == Family::Inet => Some(1),
                _ => None,
            };
            known.is_some_and(|value| need.values.iter().any(|(lo, hi)| *lo <= value && value <= *hi))
        };
        // In IPv4 these are octets of the header.
        let optional =
            self.optional && !(family == Family::Inet && matches!(self.field, Field::Proto | Field::Len));
        !optional && self.needs.iter().all(met)
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $name:literal $title:literal $width:literal $layer:ident $family:ident
        [$($need:expr),*] $(optional $optional:literal)? $(at $bit:literal)? $(max $max:literal)? $defined:literal;)*) => {
        /// A field of a packet that a condition can test.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Field {
            $($(#[$doc])* $field,)*
        }

        /// Every field, in the order of [`Field`].
        pub static FIELDS: &[FieldInfo] = &[
            $(FieldInfo {
                field: Field::$field,
                name: $name,
                title: $title,
                width: $width,
                layer: Layer::$layer,
                family: Family::$family,
                max: { #[allow(unused, reason = "a row without a maximum has that of its width")]
                    let max = if $width == 128 { u128::MAX } else { (1 << ($width % 128)) - 1 };
                    $(let max = $max;)? max },
                needs: &[$($need),*],
                optional: false $(|| $optional)?,
                l4_bit: { #[allow(unused, reason = "most rows have no place behind the IP headers")]
                    let bit: Option<u8> = None; $(let bit = Some($bit);)? bit },
                defined: $defined,
            },)*
        ];
    };
}

const fn need(field: Field, values: &'static [(u32, u32)]) -> Need {
    Need { field, values }
}
const V4: Need = need(Field::IpVersion, &[(4, 4)]);
const V6: Need = need(Field::IpVersion, &[(6, 6)]);
const ARP: Need = need(Field::EthType, &[(0x0806, 0x0806), (0x8035, 0x8035)]);
const LOCATED: Need = need(Field::L4Status, &[(0, 0)]);
const TCP: Need = need(Field::Proto, &[(6, 6)]);
const UDP: Need = need(Field::Proto, &[(17, 17), (136, 136)]);
const PORTS: Need = need(Field::Proto, &[(6, 6), (17, 17), (33, 33), (132, 132), (136, 136)]);
const ICMP: Need = need(Field::Proto, &[(1, 1)]);
const ICMP6: Need = need(Field::Proto, &[(58, 58)]);
const IGMP: Need = need(Field::Proto, &[(2, 2)]);
const ROOM1: Need = need(Field::L4Room, &[(1, 31)]);
const ROOM2: Need = need(Field::L4Room, &[(2, 31)]);
const ROOM4: Need = need(Field::L4Room, &[(4, 31)]);
const ROOM6: Need = need(Field::L4Room, &[(6, 31)]);
const ROOM8: Need = need(Field::L4Room, &[(8, 31)]);
const ROOM12: Need = need(Field::L4Room, &[(12, 31)]);
const ROOM13: Need = need(Field::L4Room, &[(13, 31)]);
const ROOM14: Need = need(Field::L4Room, &[(14, 31)]);
const ROOM16: Need = need(Field::L4Room, &[(16, 31)]);

fields! {
    /// Source MAC address.
    EthSrc "eth.src" "source MAC address" 48 Link Any [] optional true "IEEE 802.3";
    /// Destination MAC address.
    EthDst "eth.dst" "destination MAC address" 48 Link Any [] optional true "IEEE 802.3";
    /// Ethertype, the innermost one behind VLAN tags.
    EthType "eth.type" "ethertype" 16 Link Any [] optional true "IEEE 802.3";
    /// Identifier of the outermost VLAN tag.
    VlanId "vlan" "VLAN identifier" 12 Link Any [] optional true "IEEE 802.1Q";
    /// Priority of the outermost VLAN tag.
    VlanPcp "vlan.pcp" "VLAN priority" 3 Link Any [] optional true "IEEE 802.1Q";
    /// Drop-eligible bit of the outermost VLAN tag, once the bit of the canonical format.
    VlanDei "vlan.dei" "VLAN drop-eligible bit" 1 Link Any [] optional true "IEEE 802.1Q";
    /// Identifier of the second VLAN tag.
    InnerVlanId "inner-vlan" "inner VLAN identifier" 12 Link Any [] optional true "IEEE 802.1ad";
    /// Priority of the second VLAN tag.
    InnerVlanPcp "inner-vlan.pcp" "inner VLAN priority" 3 Link Any [] optional true "IEEE 802.1ad";
    /// Label of the outermost MPLS entry.
    MplsLabel "mpls.label" "MPLS label" 20 Link Any [] optional true "RFC 3032 §2.1";
    /// Traffic class of the outermost MPLS entry.
    MplsExp "mpls.exp" "MPLS traffic class" 3 Link Any [] optional true "RFC 5462";
    /// Incoming interface, a symbol of the document.
    InIface "iface" "incoming interface" 32 Link Any [] optional true "by the device";
    /// Outgoing interface, a symbol of the document.
    OutIface "out-iface" "outgoing interface" 32 Link Any [] optional true "by the device";
    /// Groups of the incoming interface: bit k is set when it is in the group that is symbol k of the document.
    InGroup "iface-group" "interface group" 128 Link Any [] "by the device";
    /// Groups of the outgoing interface, in the same way.
    OutGroup "out-iface-group" "outgoing interface group" 128 Link Any [] "by the device";
    /// State of the packet's connection, a [`crate::field::CtState`]. Of a packet without one, and where
    /// connections are not tracked, it is `untracked`.
    CtState "ct.state" "connection state" 3 Link Any [] max 4 "by the device";
    /// Mark the device keeps with the packet; 0 before anything sets it.
    Mark "meta.mark" "packet mark" 32 Link Any [] "by the device";
    /// Length of the whole frame as sent, in octets.
    FrameLen "frame.len" "frame length" 32 Link Any [] optional true "by the capture";
    /// Operation of an ARP or RARP packet.
    ArpOp "arp.op" "ARP operation" 16 Link Any [ARP] optional true "RFC 826";
    /// Sender's protocol address of an ARP or RARP packet, where addresses have the lengths of Ethernet and IPv4.
    ArpSender "arp.sender" "ARP sender address" 32 Link Any [ARP] optional true "RFC 826";
    /// Target's protocol address of the same.
    ArpTarget "arp.target" "ARP target address" 32 Link Any [ARP] optional true "RFC 826";

    /// IP version.
    IpVersion "ip" "IP version" 4 Network Any [] max 15 "RFC 791 §3.1, RFC 8200 §3";
    /// IPv4 source address.
    Src4 "src" "source address" 32 Network Inet [V4] "RFC 791 §3.1";
    /// IPv4 destination address.
    Dst4 "dst" "destination address" 32 Network Inet [V4] "RFC 791 §3.1";
    /// IPv6 source address; routing headers are not followed.
    Src6 "src6" "source address" 128 Network Inet6 [V6] "RFC 8200 §3";
    /// IPv6 destination address; routing headers are not followed.
    Dst6 "dst6" "destination address" 128 Network Inet6 [V6] "RFC 8200 §3";
    /// Length of the whole packet in octets: IPv4 total length, IPv6 payload length plus 40.
    Len "len" "packet length" 17 Network Any [] optional true max 65575 "RFC 791 §3.1, RFC 8200 §3";
    /// IPv4 header length in words of 4 octets.
    HdrLen "hdrlen" "header length" 4 Network Inet [V4] "RFC 791 §3.1";
    /// Differentiated services code point.
    Dscp "dscp" "DSCP" 6 Network Any [] "RFC 2474 §3";
    /// Explicit congestion notification.
    Ecn "ecn" "ECN" 2 Network Any [] "RFC 3168 §5";
    /// Time to live, hop limit.
    Ttl "ttl" "time to live" 8 Network Any [] "RFC 791 §3.1, RFC 8200 §3";
    /// IPv6 flow label.
    FlowLabel "flowlabel" "flow label" 20 Network Inet6 [V6] "RFC 6437";
    /// IPv4 identification.
    IpId "id" "identification" 16 Network Inet [V4] "RFC 791 §3.1";
    /// Reserved bit of the IPv4 flags.
    ReservedFlag "rf" "reserved flag" 1 Network Inet [V4] "RFC 791 §3.1";
    /// Don't-fragment bit.
    Df "df" "don't-fragment flag" 1 Network Inet [V4] "RFC 791 §3.1";
    /// More-fragments bit; in IPv6 that of the fragment header, absent without one.
    Mf "mf" "more-fragments flag" 1 Network Any [need(Field::IsFragHeader, &[(1, 1)])] "RFC 791 §3.1, RFC 8200 §4.5";
    /// Whether the packet can carry fragment flags: any IPv4 packet, an IPv6 packet with a fragment header.
    IsFragHeader "frag.header" "fragment header" 1 Network Any [] "RFC 8200 §4.5";
    /// Fragment offset in units of 8 octets; 0 without a fragment header.
    FragOff "frag.offset" "fragment offset" 13 Network Any [] "RFC 791 §3.1, RFC 8200 §4.5";
    /// Identification in the fragment header of IPv6.
    FragId "frag.id" "fragment identification" 32 Network Inet6 [V6, need(Field::IsFragHeader, &[(1, 1)])] "RFC 8200 §4.5";
    /// Protocol octet, or next header of the fixed IPv6 header.
    ProtoField "proto.field" "protocol field" 8 Network Any [] "RFC 791 §3.1, RFC 8200 §3";
    /// Upper-layer protocol: the first next-header value that is no extension header.
    Proto "proto" "protocol" 8 Network Any [] optional true "RFC 8955 §4.2.2.3, RFC 8956 §3.3";
    /// IPv4 options present, a bit for each of [`crate::field::IP_OPTION_TYPES`].
    IpOptions "ip.options" "IP options" 29 Network Inet [V4] "RFC 791 §3.1";
    /// IPv6 extension headers present, bits of [`crate::field::ext`].
    ExtHdrs "ip.exthdrs" "extension headers" 9 Network Inet6 [V6] "RFC 8200 §4.1";

    /// Where the transport header is, a [`crate::field::L4Status`].
    L4Status "l4.status" "transport header" 3 Transport Any [] max 4 "RFC 8956 §3.3";
    /// Octets behind the IP headers in the packet as sent, at most 31 counted.
    L4Room "l4.room" "octets behind the IP headers" 5 Transport Any [] "RFC 791 §3.1";
    /// Source port of TCP, UDP, DCCP, SCTP, UDP-Lite.
    Sport "sport" "source port" 16 Transport Any [LOCATED, PORTS, ROOM2] at 0 "RFC 9293 §3.1, RFC 768";
    /// Destination port of the same.
    Dport "dport" "destination port" 16 Transport Any [LOCATED, PORTS, ROOM4] at 16 "RFC 9293 §3.1, RFC 768";
    /// TCP flags with the reserved bits above them: octets 12 and 13 without the data offset.
    TcpFlags "flags" "TCP flags" 12 Transport Any [LOCATED, TCP, ROOM14] at 100 "RFC 9293 §3.1";
    /// TCP data offset in words of 4 octets.
    TcpDataOff "tcp.dataoff" "TCP data offset" 4 Transport Any [LOCATED, TCP, ROOM13] at 96 "RFC 9293 §3.1";
    /// TCP window.
    TcpWindow "tcp.window" "TCP window" 16 Transport Any [LOCATED, TCP, ROOM16] at 112 "RFC 9293 §3.1";
    /// TCP sequence number.
    TcpSeq "tcp.seq" "TCP sequence number" 32 Transport Any [LOCATED, TCP, ROOM8] at 32 "RFC 9293 §3.1";
    /// TCP acknowledgement number.
    TcpAck "tcp.ack" "TCP acknowledgement number" 32 Transport Any [LOCATED, TCP, ROOM12] at 64 "RFC 9293 §3.1";
    /// UDP length.
    UdpLen "udp.len" "UDP length" 16 Transport Any [LOCATED, UDP, ROOM6] at 32 "RFC 768";
    /// ICMP type.
    IcmpType "icmp.type" "ICMP type" 8 Transport Any [LOCATED, ICMP, ROOM1] at 0 "RFC 792";
    /// ICMP code.
    IcmpCode "icmp.code" "ICMP code" 8 Transport Any [LOCATED, ICMP, ROOM2] at 8 "RFC 792";
    /// ICMPv6 type.
    Icmp6Type "icmp6.type" "ICMPv6 type" 8 Transport Any [LOCATED, ICMP6, ROOM1] at 0 "RFC 4443 §2.1";
    /// ICMPv6 code.
    Icmp6Code "icmp6.code" "ICMPv6 code" 8 Transport Any [LOCATED, ICMP6, ROOM2] at 8 "RFC 4443 §2.1";
    /// Identifier of an ICMP query.
    IcmpId "icmp.id" "ICMP identifier" 16 Transport Any [LOCATED, ICMP, ROOM6] at 32 "RFC 792";
    /// Next-hop MTU of an ICMP packet-too-big.
    IcmpMtu "icmp.mtu" "ICMP next-hop MTU" 16 Transport Any [LOCATED, ICMP, ROOM8] at 48 "RFC 1191 §4";
    /// IGMP type.
    IgmpType "igmp.type" "IGMP type" 8 Transport Any [LOCATED, IGMP, ROOM1] at 0 "RFC 2236 §2.1";
    /// Security parameters index of the authentication header.
    AhSpi "ah.spi" "AH SPI" 32 Transport Any [] optional true "RFC 4302 §2.4";
    /// Security parameters index of ESP.
    EspSpi "esp.spi" "ESP SPI" 32 Transport Any
        [need(Field::L4Status, &[(2, 2)]), ROOM4] at 0 "RFC 4303 §2.1";
    /// GRE key, where the header carries one.
    GreKey "gre.key" "GRE key" 32 Transport Any
        [LOCATED, need(Field::Proto, &[(47, 47)]), ROOM8] optional true "RFC 2890 §2.1";

    /// Octets 0 and 1 behind the IP headers, whatever they are.
    RawPort0 "raw.l4[0:2]" "octets 0-1 behind the IP header" 16 Transport Any [ROOM2] at 0 "by the dialect";
    /// Octets 2 and 3 behind the IP headers, whatever they are.
    RawPort1 "raw.l4[2:2]" "octets 2-3 behind the IP header" 16 Transport Any [ROOM4] at 16 "by the dialect";
    /// Octet 0 behind the IP headers, whatever it is.
    RawOctet0 "raw.l4[0]" "octet 0 behind the IP header" 8 Transport Any [ROOM1] at 0 "by the dialect";
    /// Octet 1 behind the IP headers, whatever it is.
    RawOctet1 "raw.l4[1]" "octet 1 behind the IP header" 8 Transport Any [ROOM2] at 8 "by the dialect";
    /// Octet 13 behind the IP headers, where TCP has its flags.
    RawOctet13 "raw.l4[13]" "octet 13 behind the IP header" 8 Transport Any [ROOM14] at 104 "by the dialect";
    /// Octets 0 to 3 behind the IP headers, whatever they are.
    RawWord0 "raw.l4[0:4]" "octets 0-3 behind the IP header" 32 Transport Any [ROOM4] at 0 "by the dialect";
    /// Octets 4 to 7 behind the IP headers, whatever they are.
    RawWord1 "raw.l4[4:4]" "octets 4-7 behind the IP header" 32 Transport Any [ROOM8] at 32 "by the dialect";
}

impl Field {
    /// How many fields there are.
    pub const COUNT: usize = 69;

    /// The field's row of the table.
    #[expect(clippy::indexing_slicing, reason = "the table has one row for each field, made by one macro")]
    pub fn info(self) -> &'static FieldInfo {
        &FIELDS[self as usize]
    }

    /// The field's name in expressions and reports.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Whether values need more than 32 bits.
    pub fn is_wide(self) -> bool {
        self.info().width > 32
    }

    /// Whether only the device knows it: neither the octets of a packet nor a capture say it.
    pub fn is_of_device(self) -> bool {
        use Field as F;
        matches!(self, F::InIface | F::OutIface | F::InGroup | F::OutGroup | F::CtState | F::Mark)
    }

    /// Whether the value is a set of interface groups, a bit for each.
    pub fn is_group(self) -> bool {
        matches!(self, Self::InGroup | Self::OutGroup)
    }

    /// The field of a name in expressions.
    pub fn by_name(name: &str) -> Option<Self> {
        FIELDS.iter().find(|info| info.name == name).map(|info| info.field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_enum_and_names_are_distinct() {
        assert_eq!(FIELDS.len(), Field::COUNT);
        for (i, info) in FIELDS.iter().enumerate() {
            assert_eq!(info.field as usize, i);
            assert_eq!(Field::by_name(info.name), Some(info.field));
            assert_eq!(info.field.is_wide(), info.width > 32, "{}", info.name);
        }
    }

    #[test]
    fn a_need_names_an_earlier_idea_never_the_field_itself() {
        for info in FIELDS {
            assert!(info.needs.iter().all(|n| n.field != info.field), "{}", info.name);
        }
    }
}
