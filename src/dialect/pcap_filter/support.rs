//! The support ledger.

use crate::dialect::{Keyword, Support};

const fn row(context: &'static str, word: &'static str, support: Support, remark: &'static str) -> Keyword {
    Keyword { context, word, support, remark }
}

use Support::{Full, Opaque, Partial};

/// A state for every keyword, sorted.
#[rustfmt::skip]
pub(super) static LEDGER: &[Keyword] = &[
    row("arithmetic", "ah[], esp[], iso[], stp[]", Full, "refused, as libpcap does"),
    row("arithmetic", "arp[], rarp[]", Partial, "operation and addresses; other octets are opaque"),
    row("arithmetic", "computed offset", Opaque, "except behind the IPv4 header: ip[((ip[0] & 0xf) << 2) + n]"),
    row("arithmetic", "decnet[], lat[], sca[], atalk[]", Opaque, ""),
    row("arithmetic", "ether[], link[]", Partial, "addresses and type; without a link header the octets of IP"),
    row("arithmetic", "icmp6[]", Partial, "octets 0 to 7, right behind the fixed header as libpcap looks"),
    row("arithmetic", "icmp[], igmp[]", Partial, "octets 0 to 7"),
    row("arithmetic", "ip6[]", Partial, "the fixed header, a fragment header right behind it, 8 octets behind"),
    row("arithmetic", "ip[]", Partial, "all but the checksum and options; octets behind a header without options"),
    row("arithmetic", "len", Full, ""),
    row("arithmetic", "pim[], igrp[], vrrp[], sctp[]", Partial, "octets 0 to 7"),
    row("arithmetic", "radio[]", Opaque, "refused on other link layers"),
    row("arithmetic", "tcp[]", Partial, "octets 0 to 15; checksum, urgent pointer, options and data are opaque"),
    row("arithmetic", "two loads", Opaque, "except lengths of the packet and its header"),
    row("arithmetic", "udp[]", Partial, "octets 0 to 7"),
    row("primitive", "arcnet address", Opaque, ""),
    row("primitive", "broadcast, multicast", Full, "`ip broadcast` is of a netmask of 0, as tcpdump compiles it, unless the option says another"),
    row("primitive", "byte", Partial, "as link[]"),
    row("primitive", "decnet host", Opaque, ""),
    row("primitive", "ether host", Full, "on Ethernet; on other link layers opaque or refused"),
    row("primitive", "ether proto", Partial, "ethertypes; LLC and SNAP are opaque"),
    row("primitive", "gateway", Opaque, "names are not resolved; libpcap 1.10 refuses it, later ones do not"),
    row("primitive", "geneve, vxlan", Opaque, "and all behind them"),
    row("primitive", "host, net", Partial, "addresses, ARP's among them; names are opaque: known to the host alone"),
    row("primitive", "ifindex, ifname, on, reason, rset, rulenum, action", Opaque, "PFLOG; refused elsewhere, but for ifindex"),
    row("primitive", "inbound, outbound", Opaque, "no packet shows them"),
    row("primitive", "iso, clnp, esis, isis, l1, l2, iih, lsp, snp, csnp, psnp", Opaque, ""),
    row("primitive", "less, greater", Full, ""),
    row("primitive", "llc, stp, ipx, netbeui, atalk, aarp", Opaque, ""),
    row("primitive", "mpls", Partial, "the outermost label; what stands behind labels is opaque"),
    row("primitive", "port, portrange", Full, "names by the services file"),
    row("primitive", "pppoed, pppoes", Partial, "session numbers are opaque"),
    row("primitive", "proto", Partial, "behind an IPv6 fragment header, extension headers are opaque"),
    row("primitive", "protochain", Partial, "behind an authentication header of IPv4 opaque"),
    row("primitive", "sio, opc, dpc, sls, fisu, lssu, msu", Opaque, "SS7; refused on other link layers"),
    row("primitive", "tcp, udp, sctp, icmp, icmp6, igmp, igrp, pim, vrrp, carp, ah, esp", Full, "ah in IPv6 as proto"),
    row("primitive", "vlan", Partial, "two tags; a third is opaque, and a test behind a tag that may not be there"),
    row("primitive", "vpi, vci, lane, oam, metac", Opaque, "ATM; refused on other link layers"),
    row("primitive", "wlan type, subtype, dir, addr1, ra, ta", Opaque, "802.11; refused on other link layers"),
];
