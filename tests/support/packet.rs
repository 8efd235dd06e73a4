//! A packet in plain words for tests, and the headers it has. No part of the library is asked for anything
//! but to hold the values.

use flowgate::field::{Field, Headers, L4Status};

/// One packet.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a bit of the packet")]
pub(crate) struct Packet {
    pub(crate) six: bool,
    pub(crate) src: u128,
    pub(crate) dst: u128,
    /// The upper-layer protocol; none when the extension headers cannot be walked (IPv6).
    pub(crate) proto: Option<u8>,
    pub(crate) len: u32,
    pub(crate) dscp: u8,
    pub(crate) label: u32,
    pub(crate) df: bool,
    /// Whether an IPv6 packet has a fragment header.
    pub(crate) header: bool,
    pub(crate) offset: u16,
    pub(crate) more: bool,
    /// Whether the transport header can be found in an unfragmented packet or first fragment.
    pub(crate) found: bool,
    /// Octets behind the IP headers.
    pub(crate) room: u8,
    pub(crate) sport: u16,
    pub(crate) dport: u16,
    pub(crate) icmp_type: u8,
    pub(crate) icmp_code: u8,
    /// TCP octets 12 and 13 without the data offset.
    pub(crate) flags: u16,
}

impl Packet {
    pub(crate) fn new(six: bool) -> Self {
        Self {
            six,
            src: if six { 0x2001_0db8 << 96 | 7 } else { 0xc633_6407 },
            dst: if six { 0x2001_0db8 << 96 | 9 } else { 0xc000_0209 },
            proto: Some(6),
            len: 60,
            dscp: 0,
            label: 0,
            df: false,
            header: false,
            offset: 0,
            more: false,
            found: true,
            room: 31,
            sport: 40_000,
            dport: 80,
            icmp_type: 8,
            icmp_code: 0,
            flags: 2,
        }
    }

    /// Whether it is a fragment other than the first.
    pub(crate) fn is_later(&self) -> bool {
        (!self.six || self.header) && self.offset != 0
    }

    /// Whether more fragments follow.
    pub(crate) fn has_more(&self) -> bool {
        (!self.six || self.header) && self.more
    }

    /// Whether transport fields of a protocol are there, `octets` of them.
    pub(crate) fn has(&self, protocols: &[u8], octets: u8) -> bool {
        let known = self.proto.is_some_and(|proto| protocols.contains(&proto));
        known && self.found && !self.is_later() && self.room >= octets
    }

    pub(crate) fn headers(&self) -> Headers {
        let mut headers = Headers::new();
        let fragmented = !self.six || self.header;
        headers.set(Field::IpVersion, if self.six { 6 } else { 4 });
        headers.set_wide(if self.six { Field::Src6 } else { Field::Src4 }, self.src);
        headers.set_wide(if self.six { Field::Dst6 } else { Field::Dst4 }, self.dst);
        headers.set(Field::Len, self.len);
        headers.set(Field::Dscp, self.dscp.into());
        headers.set(Field::IsFragHeader, fragmented.into());
        headers.set(Field::FragOff, if fragmented { self.offset.into() } else { 0 });
        if fragmented {
            headers.set(Field::Mf, self.more.into());
        }
        if self.six {
            headers.set(Field::FlowLabel, self.label);
        } else {
            headers.set(Field::Df, self.df.into());
        }
        if let Some(proto) = self.proto {
            headers.set(Field::Proto, proto.into());
        }
        let status = match (self.is_later(), self.found && self.proto.is_some()) {
            (true, _) => L4Status::NonFirstFragment,
            (false, true) => L4Status::Located,
            (false, false) => L4Status::Unlocatable,
        };
        headers.set(Field::L4Status, status as u32);
        headers.set(Field::L4Room, self.room.into());
        let mut set = |field, protocols: &[u8], octets, value: u32| {
            if self.has(protocols, octets) {
                headers.set(field, value);
            }
        };
        let ports = [6, 17, 33, 132, 136];
        set(Field::Sport, &ports, 2, self.sport.into());
        set(Field::Dport, &ports, 4, self.dport.into());
        set(Field::TcpFlags, &[6], 14, self.flags.into());
        set(Field::IcmpType, &[1], 1, self.icmp_type.into());
        set(Field::IcmpCode, &[1], 2, self.icmp_code.into());
        set(Field::Icmp6Type, &[58], 1, self.icmp_type.into());
        set(Field::Icmp6Code, &[58], 2, self.icmp_code.into());
        headers
    }
}
