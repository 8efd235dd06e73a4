//! The IP headers: IPv4 with options, IPv6 with its chain.

use super::Ask;
use crate::field::{Field, IP_OPTION_TYPES, ext};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv4::{MutableIpv4Packet, checksum};
use pnet::packet::ipv6::MutableIpv6Packet;

/// The IP headers, lengths not yet written.
pub(super) struct Network {
    pub(super) octets: Vec<u8>,
    // Octets behind them, where the headers themselves settle that.
    pub(super) room: Option<usize>,
}

const ADDRESS4: (u32, u32) = (0xc633_6401, 0xc000_0201);
const ADDRESS6: (u128, u128) = (0x2001_0db8 << 96 | 1, 0x2001_0db8 << 96 | 2);

pub(super) fn header4(ask: &Ask<'_>, protocol: Option<u8>) -> Network {
    let options = options(ask);
    let given = ask.small(Field::HdrLen).map(|w| w as usize);
    // A header length below five is the plainest way to be unlocatable, where nothing else was asked for.
    let broken = ask.unlocatable() && options.is_empty() && given.is_none() && !ask.has(Field::Len);
    // With a length that holds the header, an option that overruns it is what is left.
    let spoiler = if ask.unlocatable() && ask.small(Field::Len).is_some_and(|l| l >= 20) { 2 } else { 0 };
    let words = given.unwrap_or(if broken { 4 } else { 5 + (options.len() + spoiler).div_ceil(4) });
    let mut octets = vec![0; 20];
    octets.extend(pad(options, (words * 4).saturating_sub(20), ask.unlocatable()));
    let byte = |field| ask.small(field).and_then(|v| u8::try_from(v).ok());
    let bit = |field| byte(field).unwrap_or(0) & 1;
    if let Some(mut header) = MutableIpv4Packet::new(&mut octets) {
        header.set_version(4);
        header.set_header_length(u8::try_from(words).unwrap_or(15));
        header.set_dscp(byte(Field::Dscp).unwrap_or(0));
        header.set_ecn(byte(Field::Ecn).unwrap_or(0));
        header.set_identification(ask.small(Field::IpId).and_then(|v| u16::try_from(v).ok()).unwrap_or(0));
        header.set_flags(bit(Field::ReservedFlag) << 2 | bit(Field::Df) << 1 | bit(Field::Mf));
        header
            .set_fragment_offset(ask.small(Field::FragOff).and_then(|v| u16::try_from(v).ok()).unwrap_or(0));
        header.set_ttl(byte(Field::Ttl).unwrap_or(64));
        header.set_next_level_protocol(IpNextHeaderProtocol(protocol.unwrap_or(17)));
        header.set_source(ask.small(Field::Src4).unwrap_or(ADDRESS4.0).into());
        header.set_destination(ask.small(Field::Dst4).unwrap_or(ADDRESS4.1).into());
    }
    Network { octets, room: (words < 5 && !ask.has(Field::Len)).then_some(0) }
}

/// One option of each kind asked for: two octets, or the one octet of end and no-operation. The end comes last.
fn options(ask: &Ask<'_>) -> Vec<u8> {
    const OTHER: u8 = 30;
    let bits = ask.small(Field::IpOptions).unwrap_or(0);
    let has = |index: usize| bits >> index & 1 == 1;
    let mut list = Vec::new();
    for (index, kind) in IP_OPTION_TYPES.iter().enumerate().filter(|(index, _)| has(*index)) {
        match (index, kind) {
            (_, 0) => {}
            (_, 1) => list.push(1),
            (_, kind) => list.extend([*kind, 2]),
        }
    }
    if has(IP_OPTION_TYPES.len()) {
        list.extend([OTHER, 2]);
    }
    if has(0) {
        list.push(0);
    }
    list
}

/// Options stretched to the room the header has: behind the end by nothing, else the last one grows, or
/// no-operations repeat. An unlocatable packet gets an option that is too long where there is room.
fn pad(mut options: Vec<u8>, room: usize, unlocatable: bool) -> Vec<u8> {
    if unlocatable && options.len() + 2 <= room && options.last() != Some(&0) {
        options.extend([7, 255]);
    }
    let missing = room.saturating_sub(options.len());
    match options.as_mut_slice() {
        [.., kind, length] if missing > 0 && *kind > 1 && *length == 2 => {
            *length += u8::try_from(missing).unwrap_or(0);
            options.resize(room, 0);
        }
        [.., 1] => options.resize(room, 1),
        _ => options.resize(room.max(options.len()), 0),
    }
    options.truncate(room);
    options
}

pub(super) fn header6(ask: &Ask<'_>, protocol: Option<u8>) -> Network {
    let chain = chain(ask, protocol);
    let mut octets = vec![0; 40];
    let class = ask.small(Field::Dscp).unwrap_or(0) << 2 | ask.small(Field::Ecn).unwrap_or(0);
    if let Some(mut header) = MutableIpv6Packet::new(&mut octets) {
        header.set_version(6);
        header.set_traffic_class(u8::try_from(class).unwrap_or(0));
        header.set_flow_label(ask.small(Field::FlowLabel).unwrap_or(0));
        let first = chain.first().copied().or(protocol).unwrap_or(59);
        header.set_next_header(IpNextHeaderProtocol(first));
        header.set_hop_limit(ask.small(Field::Ttl).and_then(|v| u8::try_from(v).ok()).unwrap_or(64));
        header.set_source(ask.wide(Field::Src6).unwrap_or(ADDRESS6.0).into());
        header.set_destination(ask.wide(Field::Dst6).unwrap_or(ADDRESS6.1).into());
    }
    let later = ask.small(Field::FragOff).unwrap_or(0) != 0;
    let mut room = None;
    for (index, kind) in chain.iter().enumerate() {
        let following = chain.get(index + 1).copied();
        // Behind a later fragment's header any extension header will do to hide the protocol.
        let hidden = if later { 60 } else { 59 };
        let next = following.or(protocol).unwrap_or(hidden);
        if protocol.is_none() && !later && following.is_none() {
            // The walk is to end here: the header claims more than there is, or is not there at all.
            let here = octets.len();
            let rest = ask
                .small(Field::Len)
                .map_or(if *kind == 44 { 4 } else { 8 }, |length| (length as usize).saturating_sub(here));
            let mut header = vec![0; rest];
            header.iter_mut().zip([next, 255]).for_each(|(to, from)| *to = from);
            octets.extend(header);
            room = Some(0);
        } else {
            extension(*kind, next, ask, &mut octets);
        }
    }
    Network { octets, room }
}

fn extension(kind: u8, next: u8, ask: &Ask<'_>, octets: &mut Vec<u8>) {
    match kind {
        44 => {
            let word =
                ask.small(Field::FragOff).unwrap_or(0) << 3 | u32::from(ask.small(Field::Mf) == Some(1));
            let [.., high, low] = word.to_be_bytes();
            octets.extend([next, 0, high, low]);
            octets.extend(ask.small(Field::FragId).unwrap_or(1).to_be_bytes());
        }
        51 => {
            octets.extend([next, 2, 0, 0]);
            octets.extend(ask.small(Field::AhSpi).unwrap_or(256).to_be_bytes());
            octets.extend([0; 8]);
        }
        // A padding option fills what is behind next header and length; routing headers read it as type 1, none left.
        43 => octets.extend([next, 0, 253, 0, 0, 0, 0, 0]),
        _ => octets.extend([next, 0, 1, 4, 0, 0, 0, 0]),
    }
}

/// The extension headers asked for, in the order of RFC 8200 §4.1 as far as the rest allows.
fn chain(ask: &Ask<'_>, protocol: Option<u8>) -> Vec<u8> {
    const ORDER: [u8; 8] = [0, 60, 43, 44, 51, 135, 139, 140];
    let first = ask.small(Field::ProtoField).and_then(|p| u8::try_from(p).ok());
    let first = first.filter(|p| ext::walked(*p).is_some());
    let fragmented = ask.small(Field::IsFragHeader) == Some(1)
        || ask.has(Field::Mf)
        || ask.has(Field::FragId)
        || ask.small(Field::FragOff).unwrap_or(0) != 0;
    let mut bits = ask.small(Field::ExtHdrs).unwrap_or_else(|| {
        let mut bits = first.and_then(ext::walked).unwrap_or(0);
        if ask.has(Field::AhSpi) {
            bits |= ext::AUTHENTICATION;
        }
        if protocol.is_none() && bits == 0 {
            bits |= ext::HOP_BY_HOP;
        }
        bits
    });
    if fragmented {
        bits |= ext::FRAGMENT;
    }
    let mut list: Vec<u8> =
        ORDER.into_iter().filter(|kind| ext::walked(*kind).is_some_and(|bit| bits & bit != 0)).collect();
    // The first is as asked; a later fragment hides what follows its header, so that comes last; and a chain that
    // is to break must have read its fragment header before.
    let later = ask.small(Field::FragOff).unwrap_or(0) != 0;
    list.sort_by_key(|kind| match *kind {
        kind if Some(kind) == first => 0,
        44 if later => 3,
        44 if protocol.is_none() => 1,
        _ => 2,
    });
    list
}

/// Writes the length of the whole packet; one that does not fit is found when the packet is read again.
pub(super) fn write_length(octets: &mut [u8], v6: bool, total: usize) {
    let low = |length: usize| u16::try_from(length & 0xffff).unwrap_or(0);
    if v6 {
        if let Some(mut header) = MutableIpv6Packet::new(octets) {
            header.set_payload_length(low(total.saturating_sub(40)));
        }
    } else if let Some(mut header) = MutableIpv4Packet::new(octets) {
        header.set_total_length(low(total));
    }
}

/// The header checksum. The view sums as many words as the header length says, which must be there.
pub(super) fn write_checksum4(octets: &mut [u8]) {
    let words = octets.first().map_or(0, |first| usize::from(first & 15));
    if words < 5 || octets.len() < words * 4 {
        return;
    }
    if let Some(mut header) = MutableIpv4Packet::new(octets) {
        let sum = checksum(&header.to_immutable());
        header.set_checksum(sum);
    }
}
