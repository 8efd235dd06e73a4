//! From the first octet of a frame to its IP header.

use super::{Octets, Short};
use crate::field::{Field, Headers};
use crate::packet::LinkType;
use pnet::packet::ethernet::EthernetPacket;
use pnet::packet::vlan::VlanPacket;

/// What a frame carries.
pub(super) enum Carried<'a> {
    /// IP of the version the link layer announces; none where only the first nibble tells.
    Ip { octets: Octets<'a>, version: Option<u8> },
    /// Something else.
    Other,
    /// Nobody here knows.
    Unsupported,
}

type Walked<'a> = Result<Carried<'a>, Short>;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLAN: u16 = 0x8100;
const SERVICE_VLAN: u16 = 0x88a8;
const OLD_SERVICE_VLAN: u16 = 0x9100;
const MPLS: u16 = 0x8847;
const MPLS_MULTICAST: u16 = 0x8848;
const PPPOE_SESSION: u16 = 0x8864;
const ARP: u16 = 0x0806;
const REVERSE_ARP: u16 = 0x8035;
/// Smaller values of an ethertype are lengths (IEEE 802.3 §3.2.6).
const FIRST_ETHERTYPE: u16 = 0x0600;

const TAGS: &[Field] = &[
    Field::VlanId,
    Field::VlanPcp,
    Field::VlanDei,
    Field::InnerVlanId,
    Field::InnerVlanPcp,
    Field::MplsLabel,
    Field::MplsExp,
];

/// What follows an Ethernet header that announces IPv4 at once, as nearly all do: the short way.
#[inline]
pub(super) fn plain_inet<'a>(octets: Octets<'a>, headers: &mut Headers) -> Option<Octets<'a>> {
    let (header, captured) = octets.captured.split_first_chunk::<14>()?;
    let view = EthernetPacket::new(header).filter(|view| view.get_ethertype().0 == IPV4)?;
    headers.set_wide(Field::EthDst, mac(view.get_destination()));
    headers.set_wide(Field::EthSrc, mac(view.get_source()));
    headers.set(Field::EthType, u32::from(IPV4));
    Some(Octets { captured, sent: octets.sent - 14, at: octets.at + 14 })
}

pub(super) fn walk<'a>(link_type: LinkType, octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    if link_type == LinkType::ETHERNET {
        return ethernet(octets, headers);
    }
    match link_type {
        LinkType::RAW | LinkType::RAW_DLT | LinkType::RAW_OPENBSD | LinkType::IPV4 | LinkType::IPV6 => {
            Ok(raw(link_type, octets, headers))
        }
        LinkType::NULL | LinkType::LOOP => loopback(link_type, octets),
        LinkType::LINUX_SLL => cooked(octets, headers),
        LinkType::LINUX_SLL2 => cooked2(octets, headers),
        LinkType::PPP | LinkType::PPP_HDLC => ppp_frame(octets, headers),
        LinkType::PPP_WITH_DIRECTION => ppp_frame(octets.skip(octets.header::<1>()?.len()), headers),
        LinkType::CISCO_HDLC => cisco(octets, headers),
        LinkType::PPPOE => pppoe(octets, headers),
        _ => {
            super::cut_absent(headers);
            Ok(Carried::Unsupported)
        }
    }
}

fn ethernet<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let header = octets.header::<14>()?;
    let Some(view) = EthernetPacket::new(header) else { return Err(octets.short(14)) };
    headers.set_wide(Field::EthDst, mac(view.get_destination()));
    headers.set_wide(Field::EthSrc, mac(view.get_source()));
    ethertype(view.get_ethertype().0, octets.skip(14), headers)
}

#[inline]
fn mac(address: pnet::util::MacAddr) -> u128 {
    let mut octets = [0; 8];
    octets.iter_mut().skip(2).zip(address.octets()).for_each(|(to, from)| *to = from);
    u128::from(u64::from_be_bytes(octets))
}

/// What an ethertype announces, behind any number of VLAN tags.
fn ethertype<'a>(first: u16, behind: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let mut ethertype = first;
    let mut octets = behind;
    let mut tags = 0;
    while matches!(ethertype, VLAN | SERVICE_VLAN | OLD_SERVICE_VLAN) {
        let Some(view) = VlanPacket::new(octets.header::<4>()?) else { return Err(octets.short(4)) };
        let (id, priority) = match tags {
            0 => (Field::VlanId, Field::VlanPcp),
            _ => (Field::InnerVlanId, Field::InnerVlanPcp),
        };
        if tags < 2 {
            headers.set(id, u32::from(view.get_vlan_identifier()));
            headers.set(priority, u32::from(view.get_priority_code_point().0));
        }
        if tags == 0 {
            headers.set(Field::VlanDei, u32::from(view.get_drop_eligible_indicator()));
        }
        ethertype = view.get_ethertype().0;
        octets = octets.skip(4);
        tags += 1;
    }
    if ethertype < FIRST_ETHERTYPE {
        return Ok(Carried::Other);
    }
    headers.set(Field::EthType, u32::from(ethertype));
    match ethertype {
        IPV4 => Ok(Carried::Ip { octets, version: Some(4) }),
        IPV6 => Ok(Carried::Ip { octets, version: Some(6) }),
        MPLS | MPLS_MULTICAST => mpls(octets, headers),
        PPPOE_SESSION => pppoe(octets, headers),
        ARP | REVERSE_ARP => {
            arp(octets, headers);
            Ok(Carried::Other)
        }
        _ => Ok(Carried::Other),
    }
}

/// ARP and RARP (RFC 826), at the offsets that hardware addresses of six octets give.
#[cold]
fn arp(octets: Octets<'_>, headers: &mut Headers) {
    for (field, at, size) in [(Field::ArpOp, 6, 2), (Field::ArpSender, 14, 4), (Field::ArpTarget, 24, 4)] {
        match octets.captured.get(at..at + size) {
            Some(octets) => {
                headers.set(field, octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet)));
            }
            None if octets.sent >= at + size => headers.set_cut(field),
            None => {}
        }
    }
}

/// The label stack (RFC 3032 §2.1). What it carries is nowhere said: a first nibble of 4 or 6 is taken for IP, as
/// routers do that hash on it (RFC 4928 §3).
fn mpls<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let mut octets = octets;
    let mut outermost = true;
    loop {
        let entry = u32::from_be_bytes(*octets.header::<4>()?);
        octets = octets.skip(4);
        if outermost {
            headers.set(Field::MplsLabel, entry >> 12);
            headers.set(Field::MplsExp, entry >> 9 & 7);
            outermost = false;
        }
        if entry >> 8 & 1 == 1 {
            break;
        }
    }
    by_nibble(octets)
}

fn by_nibble(octets: Octets<'_>) -> Walked<'_> {
    let [first] = octets.header::<1>()?;
    Ok(if matches!(first >> 4, 4 | 6) { Carried::Ip { octets, version: None } } else { Carried::Other })
}

/// A PPPoE session (RFC 2516 §4): its length is not believed, the IP header has one.
fn pppoe<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let header = octets.header::<6>()?;
    if header.starts_with(&[0x11, 0x00]) { ppp(octets.skip(6), headers) } else { Ok(Carried::Other) }
}

/// PPP, with address and control octets or without (RFC 1661 §6.6), or Cisco HDLC in their place.
fn ppp_frame<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    match octets.header::<2>()? {
        [0xff, 0x03] => ppp(octets.skip(2), headers),
        [0x0f | 0x8f, 0x00] => cisco(octets, headers),
        _ => ppp(octets, headers),
    }
}

/// The PPP protocol field, of two octets or compressed to one (RFC 1661 §6.5).
fn ppp<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let [first] = *octets.header::<1>()?;
    let (protocol, octets) = if first & 1 == 1 {
        (u16::from(first), octets.skip(1))
    } else {
        (u16::from_be_bytes(*octets.header::<2>()?), octets.skip(2))
    };
    match protocol {
        0x0021 => Ok(Carried::Ip { octets, version: Some(4) }),
        0x0057 => Ok(Carried::Ip { octets, version: Some(6) }),
        0x0281 | 0x0283 => mpls(octets, headers),
        _ => Ok(Carried::Other),
    }
}

fn cisco<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let [_, _, high, low] = *octets.header::<4>()?;
    ethertype(u16::from_be_bytes([high, low]), octets.skip(4), headers)
}

/// No link header: nobody can say what it was.
fn raw<'a>(link_type: LinkType, octets: Octets<'a>, headers: &mut Headers) -> Carried<'a> {
    for field in [Field::EthSrc, Field::EthDst, Field::EthType].iter().chain(TAGS) {
        headers.set_cut(*field);
    }
    let version = match link_type {
        LinkType::IPV4 => Some(4),
        LinkType::IPV6 => Some(6),
        _ => None,
    };
    Carried::Ip { octets, version }
}

/// The address family in front of loopback packets, numbered by the system that wrote the capture.
fn loopback(link_type: LinkType, octets: Octets<'_>) -> Walked<'_> {
    let word = *octets.header::<4>()?;
    let mut family = u32::from_be_bytes(word);
    if link_type == LinkType::NULL && family > 0xffff {
        family = u32::from_le_bytes(word);
    }
    let octets = octets.skip(4);
    Ok(match family {
        2 => Carried::Ip { octets, version: Some(4) },
        // Linux and Windows; NetBSD and OpenBSD; FreeBSD; Darwin.
        10 | 23 | 24 | 28 | 30 => Carried::Ip { octets, version: Some(6) },
        _ => Carried::Other,
    })
}

const ARPHRD_ETHER: u16 = 1;
const ARPHRD_NETLINK: u16 = 824;

fn cooked<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let [_, _, t0, t1, l0, l1, address @ .., p0, p1] = octets.header::<16>()?;
    let hardware = u16::from_be_bytes([*t0, *t1]);
    let address_length = u16::from_be_bytes([*l0, *l1]);
    cooked_fields(hardware, usize::from(address_length), *address, headers);
    let protocol = u16::from_be_bytes([*p0, *p1]);
    if hardware == ARPHRD_NETLINK {
        Ok(Carried::Other)
    } else {
        ethertype(protocol, octets.skip(16), headers)
    }
}

fn cooked2<'a>(octets: Octets<'a>, headers: &mut Headers) -> Walked<'a> {
    let [p0, p1, _, _, _, _, _, _, t0, t1, _, length, address @ ..] = octets.header::<20>()?;
    let hardware = u16::from_be_bytes([*t0, *t1]);
    cooked_fields(hardware, usize::from(*length), *address, headers);
    let protocol = u16::from_be_bytes([*p0, *p1]);
    if hardware == ARPHRD_NETLINK {
        Ok(Carried::Other)
    } else {
        ethertype(protocol, octets.skip(20), headers)
    }
}

/// Cooked captures keep the sender's address, not the receiver's; the system may have taken VLAN tags away.
fn cooked_fields(hardware: u16, length: usize, address: [u8; 8], headers: &mut Headers) {
    headers.set_cut(Field::EthDst);
    if hardware == ARPHRD_ETHER && length == 6 {
        let sender = address.iter().take(6).fold(0, |value, octet| value << 8 | u128::from(*octet));
        headers.set_wide(Field::EthSrc, sender);
    }
    for field in TAGS {
        headers.set_cut(*field);
    }
}
