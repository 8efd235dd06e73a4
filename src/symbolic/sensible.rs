//! What a packet looks like where nothing asks for anything else: documentation addresses, a hop limit of 64, a
//! bare header of its protocol.

use crate::field::{Field, L4Status};

/// Something that knows the fields decided so far.
pub(super) type Known<'a> = &'a dyn Fn(Field) -> Option<u128>;

const SRC4: u128 = 0xc633_6407; // 198.51.100.7
const DST4: u128 = 0xc000_0201; // 192.0.2.1
const SRC6: u128 = 0x2001_0db8_0000_0000_0000_0000_0000_0007;
const DST6: u128 = 0x2001_0db8_0001_0000_0000_0000_0000_0001;
const SRC_PORT: u16 = 40_000;

/// Octets of the header that stands for a protocol.
pub(super) fn header_room(protocol: Option<u128>) -> u128 {
    match protocol {
        Some(6) => 20,
        Some(33 | 132) => 12,
        Some(59) => 0,
        _ => 8,
    }
}

/// The value a field has in a usual packet.
pub(super) fn value(field: Field, known: Known<'_>) -> u128 {
    match field {
        Field::IpVersion => 4,
        Field::Src4 => SRC4,
        Field::Dst4 => DST4,
        Field::Src6 => SRC6,
        Field::Dst6 => DST6,
        Field::Ttl => 64,
        // What building writes where nothing is asked for.
        Field::FragId => 1,
        Field::HdrLen => 5,
        Field::Proto => 6,
        Field::ProtoField => known(Field::Proto).unwrap_or(6),
        Field::EthType => {
            if known(Field::IpVersion) == Some(6) {
                0x86dd
            } else {
                0x0800
            }
        }
        Field::IsFragHeader => u128::from(known(Field::IpVersion) == Some(4)),
        Field::L4Status => match (known(Field::FragOff), known(Field::Proto)) {
            (Some(offset), _) if offset != 0 => L4Status::NonFirstFragment as u128,
            (_, Some(50)) => L4Status::Encrypted as u128,
            (_, Some(59)) => L4Status::None as u128,
            _ => L4Status::Located as u128,
        },
        Field::L4Room => header_room(known(Field::Proto)),
        Field::Len => {
            let header = known(Field::HdrLen).map_or(40, |words| 4 * words);
            let room = known(Field::L4Room).unwrap_or(20);
            // The most that is counted stands for any more.
            header + if room == 31 { 40 } else { room }
        }
        _ => 0,
    }
}

/// Whether a field that may be absent is there in a usual packet.
pub(super) fn present(field: Field) -> bool {
    matches!(field, Field::Proto | Field::Len)
}

/// The first 16 octets behind the IP headers of a usual packet, the first octet highest.
pub(super) fn behind(known: Known<'_>) -> u128 {
    let ports = |dport: u16| u128::from(SRC_PORT) << 112 | u128::from(dport) << 96;
    match known(Field::Proto) {
        // Sequence number 1, data offset 5, SYN, a window of 65,535.
        Some(6) => ports(80) | 1 << 64 | 0x5002_ffff,
        Some(17 | 136) => {
            let header = known(Field::HdrLen).map_or(40, |words| 4 * words);
            let length = known(Field::Len).map_or(8, |len| len.saturating_sub(header));
            ports(53) | (length & 0xffff) << 80
        }
        Some(33 | 132) => ports(5000),
        // Echo requests, identifier 1, sequence number 1.
        Some(1) => 8 << 120 | 1 << 80 | 1 << 64,
        Some(58) => 128 << 120 | 1 << 80 | 1 << 64,
        _ => 0,
    }
}
