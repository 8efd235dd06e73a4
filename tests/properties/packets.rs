//! Decoding never panics and keeps the laws of the field table, cutting a capture hides and never lies, what is
//! built reads as asked, and words read back.

use flowgate::field::{FIELDS, Field, Headers, Layer, Reading};
use flowgate::packet::{
    CaptureReader, CaptureWriter, Decoded, LinkType, Malformed, build, complete, decode, decode_ip, words,
};
use proptest::prelude::*;
use std::time::Duration;

const LINK_TYPES: &[u16] = &[0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 204, 228, 229, 276, 147];

/// A value of a field: small ones, its ends, and any.
fn value(field: Field) -> BoxedStrategy<u128> {
    let max = field.info().max;
    let small = 0..=max.min(64);
    match field {
        Field::Proto | Field::ProtoField => {
            let known =
                prop::sample::select(vec![0, 1, 2, 6, 17, 33, 43, 44, 47, 50, 51, 58, 59, 60, 132, 135, 136]);
            prop_oneof![4 => known, 1 => 0..=max].boxed()
        }
        Field::IpVersion => prop_oneof![Just(4), Just(6)].boxed(),
        Field::Len => prop_oneof![4 => 0..200_u128, 1 => 0..=max].boxed(),
        _ => prop_oneof![2 => small, 1 => Just(max), 2 => 0..=max].boxed(),
    }
}

/// Headers of which a few fields are asked for.
fn partial() -> impl Strategy<Value = Headers> {
    let network: Vec<Field> =
        FIELDS.iter().filter(|info| info.layer != Layer::Link).map(|info| info.field).collect();
    let one = prop::sample::select(network).prop_flat_map(|field| (Just(field), value(field)));
    prop::collection::vec(one, 0..8).prop_map(|list| {
        let mut headers = Headers::new();
        for (field, value) in list {
            headers.set_wide(field, value);
        }
        headers
    })
}

/// Octets of a packet: one that was built, with a few octets changed, behind a link header of a few octets.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let link = prop_oneof![
        3 => Just(vec![]),
        2 => Just([&[2; 12][..], &[8, 0]].concat()),
        2 => Just([&[2; 12][..], &[0x86, 0xdd]].concat()),
        1 => Just([&[2; 12][..], &[0x88, 0xa8, 0x20, 5, 0x81, 0, 0xe0, 7, 8, 0]].concat()),
        1 => Just([&[2; 12][..], &[0x88, 0x47, 0, 1, 2, 0, 0, 1, 3, 64]].concat()),
        1 => Just([&[2; 12][..], &[0x88, 0x64, 0x11, 0, 0, 1, 0, 44, 0, 0x21]].concat()),
        1 => prop::collection::vec(any::<u8>(), 0..24),
    ];
    let any_packet = partial().prop_map(|headers| build(&headers).unwrap_or_default());
    let packet = prop_oneof![6 => any_packet, 1 => prop::collection::vec(any::<u8>(), 0..120)];
    (link, packet, changes).prop_map(|(mut octets, packet, changes)| {
        octets.extend(packet.into_iter().take(400));
        for (index, octet) in changes {
            if !octets.is_empty() {
                let at = index.index(octets.len());
                octets[at] = octet;
            }
        }
        octets
    })
}

fn length(octets: &[u8]) -> u32 {
    u32::try_from(octets.len()).unwrap()
}

fn link_type() -> impl Strategy<Value = LinkType> {
    prop_oneof![3 => Just(LinkType::ETHERNET), 3 => Just(LinkType::RAW), 2 => prop::sample::select(LINK_TYPES).prop_map(LinkType)]
}

/// What the field table says of presence, and the ranges of values.
#[track_caller]
fn keeps_the_table(headers: &Headers, decoded: Decoded) {
    for info in FIELDS {
        let reading = headers.get(info.field);
        if let Reading::Value(value) = reading {
            assert!(value <= info.max, "{} {value}", info.name);
        }
        if !matches!(headers.get(Field::IpVersion), Reading::Value(4 | 6)) {
            continue;
        }
        let holds = |need: &flowgate::field::Need| match headers.get(need.field) {
            Reading::Value(v) => {
                Some(need.values.iter().any(|(lo, hi)| (u128::from(*lo)..=u128::from(*hi)).contains(&v)))
            }
            Reading::Absent => Some(false),
            Reading::Cut => None,
        };
        let needs: Vec<Option<bool>> = info.needs.iter().map(holds).collect();
        if needs.contains(&Some(false)) {
            assert_eq!(reading, Reading::Absent, "{} of {headers:?}", info.name);
        }
        let whole = !matches!(decoded, Decoded::Malformed { kind: Malformed::FrameTooShort, .. });
        if needs.iter().all(|need| *need == Some(true)) && !info.optional && whole {
            assert_ne!(reading, Reading::Absent, "{} of {headers:?}", info.name);
        }
    }
}

proptest! {
    #[test]
    fn decoding_keeps_the_field_table(octets in octets(), link in link_type(), more in 0_u32..3) {
        let mut headers = Headers::new();
        let decoded = decode(link, &octets, length(&octets) + more * more * 40, &mut headers);
        keeps_the_table(&headers, decoded);
    }

    /// A field of a packet cut short is as in the whole packet, or nobody can say.
    #[test]
    fn cutting_a_capture_hides_and_never_lies(octets in octets(), link in link_type()) {
        let (mut whole, mut part) = (Headers::new(), Headers::new());
        let length = length(&octets);
        let decoded = decode(link, &octets, length, &mut whole);
        for end in 0..octets.len() {
            let cut = decode(link, &octets[..end], length, &mut part);
            for info in FIELDS {
                let (whole, part) = (whole.get(info.field), part.get(info.field));
                prop_assert!(
                    part == whole || part == Reading::Cut,
                    "{} at {end}: {part:?}, {cut:?}, whole {whole:?}, {decoded:?}", info.name
                );
            }
        }
    }

    #[test]
    fn what_is_built_reads_as_asked(asked in partial()) {
        if let Ok(octets) = build(&asked) {
            let mut got = Headers::new();
            decode_ip(&octets, &mut got);
            for (field, value) in asked.values() {
                prop_assert_eq!(got.get(field), Reading::Value(value), "{}", field.name());
            }
            // A complete packet is built as itself.
            let mut whole = asked.clone();
            complete(&mut whole).unwrap();
            prop_assert_eq!(&got, &whole);
            let again = build(&whole);
            prop_assert!(again.is_ok(), "{:?} of {whole:?}", again.unwrap_err());
            decode_ip(&again.unwrap(), &mut got);
            prop_assert_eq!(got, whole);
        }
    }

    #[test]
    fn checksums_and_lengths_are_right(mut asked in partial(), protocol in prop::sample::select(vec![1_u32, 6, 17, 58])) {
        for field in [Field::RawPort1, Field::RawWord0, Field::RawWord1, Field::FragOff, Field::Mf, Field::UdpLen] {
            asked.set_absent(field);
        }
        asked.set(Field::Proto, protocol);
        if let Ok(octets) = build(&asked) {
            let mut got = Headers::new();
            decode_ip(&octets, &mut got);
            check_sums(&octets, &got);
        }
    }

    #[test]
    fn words_read_back(asked in partial(), interface in prop::option::of(0_u32..3)) {
        let mut headers = asked;
        if complete(&mut headers).is_ok() {
            if let Some(interface) = interface {
                headers.set(Field::InIface, interface);
            }
            let symbols: [Box<str>; 2] = ["xe-0/0/0".into(), "#2".into()];
            let text = words::print(&headers, &symbols);
            let read = words::parse(&text, &symbols);
            prop_assert!(read.is_ok(), "`{text}`: {}", read.unwrap_err());
            prop_assert_eq!(read.unwrap(), headers, "`{}`", text);
        }
    }

    #[test]
    fn words_never_panic(text in "(tcp|udp|[a-z0-9]{1,4}) [0-9a-f.:\\[\\]]{1,20} > [0-9a-f.:]{1,9}( (len|frag|flags|type|df|iface|seq|\\PC{1,4}) [0-9a-zA-Z#+x\\PC]{0,6}){0,4}") {
        let _ = words::parse(&text, &[]);
    }

    #[test]
    fn a_capture_reads_as_it_was_written(
        frames in prop::collection::vec((0_u64..1 << 32, 0_u32..1_000_000_000, prop::collection::vec(any::<u8>(), 0..80), 0_u32..99), 0..20),
        link in prop::sample::select(LINK_TYPES),
    ) {
        let mut writer = CaptureWriter::new(Vec::new(), LinkType(link)).unwrap();
        for (seconds, nanos, octets, more) in &frames {
            writer.write(Duration::new(*seconds, *nanos), octets, length(octets) + more).unwrap();
        }
        let file = writer.finish().unwrap();
        let mut reader = CaptureReader::new(&file[..]).unwrap();
        for (seconds, nanos, octets, more) in &frames {
            let frame = reader.next_frame().unwrap().unwrap();
            prop_assert_eq!(frame.octets, &octets[..]);
            prop_assert_eq!(frame.length, length(octets) + more);
            prop_assert_eq!(frame.time, Some(Duration::new(*seconds, *nanos)));
            prop_assert_eq!(frame.link_type, LinkType(link));
        }
        prop_assert!(reader.next_frame().unwrap().is_none());
    }

    #[test]
    fn reading_a_capture_never_panics(mut octets in prop::collection::vec(any::<u8>(), 0..300), magic in 0_usize..4) {
        let start: &[u8] = match magic {
            0 => &[0xd4, 0xc3, 0xb2, 0xa1],
            1 => &[0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a],
            2 => &[0x28, 0xb5, 0x2f, 0xfd],
            _ => &[0x1f, 0x8b, 8, 0],
        };
        octets.iter_mut().zip(start).for_each(|(to, from)| *to = *from);
        if let Ok(mut reader) = CaptureReader::new(&octets[..]) {
            while let Ok(Some(_)) = reader.next_frame() {}
        }
    }
}

/// Sums with the checksum in place come to all ones.
#[track_caller]
fn check_sums(octets: &[u8], headers: &Headers) {
    let header = match headers.small(Field::HdrLen) {
        Some(words) if words < 5 => return,
        Some(words) => {
            assert_eq!(sum(&octets[..words as usize * 4]), 0xffff);
            words as usize * 4
        }
        None if headers.small(Field::ExtHdrs) == Some(0) => 40,
        None => return,
    };
    let body = &octets[header..];
    let protocol = headers.small(Field::Proto).unwrap();
    let minimum = match protocol {
        6 => 20,
        17 => 8,
        _ => 4,
    };
    if headers.small(Field::L4Status) != Some(0) || body.len() < minimum {
        return;
    }
    let mut summed = if protocol == 1 {
        vec![]
    } else if header == 40 && octets[0] >> 4 == 6 {
        octets[8..40].to_vec()
    } else {
        octets[12..20].to_vec()
    };
    if protocol != 1 {
        summed.extend(length(body).to_be_bytes());
        summed.extend([0, u8::try_from(protocol).unwrap()]);
    }
    summed.extend(body);
    assert_eq!(sum(&summed), 0xffff, "{headers:?}");
}

fn sum(octets: &[u8]) -> u32 {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |o| u32::from(*o));
    let mut sum: u32 = octets.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum
}

/// Every input of up to two octets, and every prefix of sound packets with every octet set to every value that
/// matters, on every link type.
#[test]
fn short_and_damaged_packets_decode() {
    let mut headers = Headers::new();
    let mut run = |link: u16, octets: &[u8], length: u32| {
        let decoded = decode(LinkType(link), octets, length, &mut headers);
        keeps_the_table(&headers, decoded);
    };
    for link in LINK_TYPES {
        for length in [0, 1, 2, 40] {
            run(*link, &[], length);
            for a in 0..=255 {
                run(*link, &[a], length);
                for b in 0..=255 {
                    run(*link, &[a, b], length);
                }
            }
        }
    }
    let mut v4 = Headers::new();
    v4.set(Field::IpOptions, 0b1011);
    v4.set(Field::Proto, 6);
    let mut v6 = Headers::new();
    v6.set(Field::IpVersion, 6);
    v6.set(Field::ExtHdrs, 0b1_1111);
    v6.set(Field::Proto, 47);
    v6.set(Field::GreKey, 9);
    for packet in [build(&v4).unwrap(), build(&v6).unwrap()] {
        for at in 0..packet.len() {
            let mut damaged = packet.clone();
            for octet in [0, 1, 2, 4, 8, 43, 44, 51, 59, 60, 64, 69, 96, 127, 128, 254, 255] {
                damaged[at] = octet;
                for end in 0..=damaged.len() {
                    run(101, &damaged[..end], length(&damaged));
                    run(101, &damaged[..end], length(&damaged[..end]));
                }
            }
        }
    }
}
