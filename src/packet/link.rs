//! Link-layer header types, as capture files name them.

use std::fmt;

/// A link-layer header type by its number in the registry of tcpdump.org (LINKTYPE, not the DLT of a system).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LinkType(pub u16);

macro_rules! link_types {
    ($($(#[$doc:meta])* $const:ident = $number:literal $name:literal;)*) => {
        impl LinkType {
            $($(#[$doc])* pub const $const: Self = Self($number);)*

            /// The name of a type we decode; none for all others.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    $(Self::$const => Some($name),)*
                    _ => None,
                }
            }
        }
    };
}

link_types! {
    /// BSD loopback: an address family in the byte order of the writer.
    NULL = 0 "null";
    /// Ethernet.
    ETHERNET = 1 "ethernet";
    /// PPP, with or without address and control octets.
    PPP = 9 "ppp";
    /// Raw IP, as OpenBSD numbers it.
    RAW_OPENBSD = 14 "raw";
    /// Raw IP, as most systems number it (`DLT_RAW` written unmapped).
    RAW_DLT = 12 "raw";
    /// PPP in HDLC-like framing, RFC 1662, or Cisco HDLC.
    PPP_HDLC = 50 "ppp-hdlc";
    /// PPPoE session packets without the Ethernet header.
    PPPOE = 51 "pppoe";
    /// Raw IP: version 4 or 6 by the first nibble.
    RAW = 101 "raw";
    /// Cisco HDLC.
    CISCO_HDLC = 104 "cisco-hdlc";
    /// OpenBSD loopback: an address family in network order.
    LOOP = 108 "loop";
    /// Linux "cooked", version 1.
    LINUX_SLL = 113 "linux-cooked";
    /// PPP behind an octet of direction.
    PPP_WITH_DIRECTION = 204 "ppp-with-direction";
    /// Raw IPv4.
    IPV4 = 228 "ipv4";
    /// Raw IPv6.
    IPV6 = 229 "ipv6";
    /// Linux "cooked", version 2.
    LINUX_SLL2 = 276 "linux-cooked-2";
}

impl LinkType {
    /// The type in the link-type word of a pcap header: its upper half tells of frame check sequences.
    pub fn from_header(word: u32) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
        Self(word as u16)
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "{}", self.0),
        }
    }
}
