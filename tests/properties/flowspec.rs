//! Laws of flow specifications: octets, typed components, conditions and packets agree.

use crate::packet::Packet;
use flowgate::dialect::flowspec::{
    DeviationKind, FlowSpec, Frames, Table, decode_value, encode, lower, order, recover, rule_set,
};
use flowgate::dialect::{PrintOptions, ReadOptions, by_name};
use flowgate::eval::{Truth, evaluate};
use flowgate::source::{Content, Source, SourceId};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::cmp::Ordering;
use std::fmt::Write as _;

// Values at which something changes, small enough in number that packets and operands meet.
const VALUES: [u64; 26] = [
    0,
    1,
    2,
    4,
    6,
    8,
    16,
    17,
    18,
    46,
    53,
    58,
    63,
    64,
    80,
    128,
    255,
    256,
    0x0fff,
    1024,
    0xf002,
    0xffff,
    0x1_0000,
    0xf_ffff,
    0xffff_ffff,
    u64::MAX,
];

fn operand_value() -> impl Strategy<Value = u64> {
    (select(&VALUES[..]), -1_i64..=1).prop_map(|(value, step)| value.saturating_add_signed(step))
}

/// The octets of a list, with widths and bits chosen at will.
fn list(number: u8) -> impl Strategy<Value = Vec<u8>> {
    let widths: &[u32] = match number {
        9 => &[0, 1],
        11 | 12 => &[0],
        _ => &[0, 1, 2, 3],
    };
    let pair = (any::<u8>(), select(widths), operand_value());
    vec(pair, 1..5).prop_map(move |pairs| {
        let mut octets = vec![number];
        let last = pairs.len() - 1;
        for (index, (bits, width, value)) in pairs.into_iter().enumerate() {
            let end = if index == last { 0x80 } else { 0 };
            octets.push(bits & 0x4f | end | u8::try_from(width).unwrap() << 4);
            octets.extend(&value.to_be_bytes()[8 - (1 << width)..]);
        }
        octets
    })
}

fn address(six: bool) -> impl Strategy<Value = u128> {
    let v6 = select(vec![0, 1, 0x2001_0db8 << 96, 0x2001_0db8 << 96 | 7, u128::MAX]);
    let v4 = select(vec![0, 1, 0xc000_0200, 0xc000_0209, 0xffff_ffff]);
    if six { v6.boxed() } else { v4.boxed() }
}

fn prefix(number: u8, six: bool) -> impl Strategy<Value = Vec<u8>> {
    let lengths = if six { 0..=128_u8 } else { 0..=32 };
    (address(six), lengths, any::<prop::sample::Index>()).prop_map(move |(addr, length, offset)| {
        if !six {
            let octets = u32::try_from(addr).unwrap().to_be_bytes();
            return [&[number, length], &octets[..usize::from(length).div_ceil(8)]].concat();
        }
        let offset = if length == 0 { 0 } else { offset.index(usize::from(length)) };
        let octets = (addr << offset).to_be_bytes();
        let size = (usize::from(length) - offset).div_ceil(8);
        [&[number, length, u8::try_from(offset).unwrap()], &octets[..size]].concat()
    })
}

/// A valid value: some component types in order, each with a parameter.
fn value(six: bool) -> impl Strategy<Value = Vec<u8>> {
    let top = if six { 13 } else { 12 };
    let types: Vec<u8> = (1..=top).collect();
    subsequence(types, 1..=4).prop_flat_map(move |types| {
        let parts: Vec<BoxedStrategy<Vec<u8>>> = types
            .into_iter()
            .map(|number| if number <= 2 { prefix(number, six).boxed() } else { list(number).boxed() })
            .collect();
        parts.prop_map(|parts| parts.concat())
    })
}

fn family_and_value() -> impl Strategy<Value = (bool, Vec<u8>)> {
    any::<bool>().prop_flat_map(|six| (Just(six), value(six)))
}

fn packet(six: bool) -> impl Strategy<Value = Packet> {
    let small = || select(&VALUES[..]).prop_map(|v| u16::try_from(v & 0xffff).unwrap());
    let octet = || select(vec![0, 1, 2, 6, 8, 16, 17, 58, 128, 255_u8]);
    let proto = select(vec![1, 6, 6, 17, 17, 33, 58, 132, 255_u8]);
    let network = (address(six), address(six), of(proto), 0..0x1_0028_u32, 0..64_u8, 0..0x10_0000_u32);
    let fragment = (any::<bool>(), any::<bool>(), select(vec![0, 0, 0, 1, 185, 8191_u16]), any::<bool>());
    let transport = (any::<bool>(), select(vec![0, 1, 2, 3, 4, 13, 14, 31, 31, 31_u8]), small(), small());
    let inner = (octet(), octet(), 0..0x1000_u16);
    (network, fragment, transport, inner).prop_map(move |(n, f, t, i)| Packet {
        six,
        src: n.0,
        dst: n.1,
        proto: n.2.or((!six).then_some(6)),
        len: if six { n.3.max(40) } else { n.3.min(65_535) },
        dscp: n.4,
        label: n.5,
        df: f.0,
        header: f.1,
        offset: f.2,
        more: f.3,
        found: t.0 || t.2 & 1 == 0,
        room: t.1,
        sport: t.2,
        dport: t.3,
        icmp_type: i.0,
        icmp_code: i.1,
        flags: i.2,
    })
}

/// RFC 8955 and RFC 8956 read out loud: whether a packet matches a value, straight from the octets.
fn matches(mut octets: &[u8], packet: &Packet) -> bool {
    let mut all = true;
    while let [number, rest @ ..] = octets {
        let (holds, rest) = match number {
            1 | 2 => prefix_holds(*number == 1, rest, packet),
            _ => list_holds(*number, rest, packet),
        };
        all &= holds;
        octets = rest;
    }
    all
}

fn prefix_holds<'a>(destination: bool, octets: &'a [u8], packet: &Packet) -> (bool, &'a [u8]) {
    let (length, offset, pattern) = match (packet.six, octets) {
        (true, [length, offset, pattern @ ..]) => (*length, *offset, pattern),
        (false, [length, pattern @ ..]) => (*length, 0, pattern),
        _ => unreachable!("a valid value"),
    };
    let addr = if destination { packet.dst } else { packet.src };
    let width = if packet.six { 128 } else { 32 };
    let bits = usize::from(length - offset);
    // Bit n of the pattern is bit offset + n of the address, counted from the top.
    let holds = (0..bits).all(|n| {
        let want = pattern[n / 8] >> (7 - n % 8) & 1;
        let have = addr >> (width - 1 - usize::from(offset) - n) & 1;
        u128::from(want) == have
    });
    (holds, &pattern[bits.div_ceil(8)..])
}

fn list_holds<'a>(number: u8, mut octets: &'a [u8], packet: &Packet) -> (bool, &'a [u8]) {
    let mut pairs: Vec<(u8, usize, u64)> = Vec::new();
    loop {
        let op = octets[0];
        let width = 1 << (op >> 4 & 3);
        let value = octets[1..=width].iter().fold(0, |x, o| x << 8 | u64::from(*o));
        pairs.push((op, width, value));
        octets = &octets[1 + width..];
        if op & 0x80 != 0 {
            break;
        }
    }
    // AND binds tighter than OR; the AND bit of the first pair counts for nothing.
    let list = |test: &dyn Fn(&(u8, usize, u64)) -> bool| {
        let mut groups = vec![true];
        for (index, pair) in pairs.iter().enumerate() {
            if index > 0 && pair.0 & 0x40 == 0 {
                groups.push(true);
            }
            *groups.last_mut().unwrap() &= test(pair);
        }
        groups.contains(&true)
    };
    let numeric = |data: u64| {
        list(&|(op, _, value)| {
            let value = if number == 11 { value & 63 } else { *value };
            op & 4 != 0 && data < value || op & 2 != 0 && data > value || op & 1 != 0 && data == value
        })
    };
    let bitmask = |data: &dyn Fn(usize) -> u64, keep: u64| {
        list(&|(op, width, value)| {
            let (data, value) = (data(*width), value & keep);
            let plain = if op & 1 != 0 { data & value == value } else { data & value != 0 };
            plain != (op & 2 != 0)
        })
    };
    let icmp = if packet.six { 58 } else { 1 };
    let holds = match number {
        3 => packet.proto.is_some_and(|proto| numeric(proto.into())),
        4 => {
            packet.has(&[6, 17], 2) && numeric(packet.sport.into())
                || packet.has(&[6, 17], 4) && numeric(packet.dport.into())
        }
        5 => packet.has(&[6, 17], 4) && numeric(packet.dport.into()),
        6 => packet.has(&[6, 17], 2) && numeric(packet.sport.into()),
        7 => packet.has(&[icmp], 1) && numeric(packet.icmp_type.into()),
        8 => packet.has(&[icmp], 2) && numeric(packet.icmp_code.into()),
        9 => {
            let data = |width| u64::from(packet.flags) & if width == 1 { 0xff } else { 0xfff };
            packet.has(&[6], 14) && bitmask(&data, u64::MAX)
        }
        10 => numeric(packet.len.into()),
        11 => numeric(packet.dscp.into()),
        12 => {
            let (later, more) = (packet.is_later(), packet.has_more());
            let bits = [!packet.six && packet.df, later, !later && more, later && !more];
            let data: u64 = bits.iter().enumerate().map(|(n, bit)| u64::from(*bit) << n).sum();
            bitmask(&|_| data, if packet.six { 0x0e } else { 0x0f })
        }
        13 => numeric(packet.label.into()),
        _ => unreachable!("a valid value"),
    };
    (holds, octets)
}

fn table(six: bool) -> Table {
    if six { Table::Ipv6 } else { Table::Ipv4 }
}

fn decoded(six: bool, value: &[u8]) -> FlowSpec {
    let mut spec = FlowSpec::new(table(six).family());
    decode_value(table(six), value, 0, &mut spec).unwrap_or_else(|error| panic!("{value:02x?}: {error}"));
    spec
}

proptest! {
    #[test]
    fn any_octets_are_read_or_refused_inside_themselves(octets in vec(any::<u8>(), 0..80), at in 0..1000_u32) {
        for table in Table::ALL {
            let mut spec = FlowSpec::new(table.family());
            let end = at + u32::try_from(octets.len()).unwrap();
            for frame in Frames::new(&octets, at) {
                match frame.and_then(|frame| decode_value(table, frame.value, frame.at, &mut spec)) {
                    Ok(()) => {
                        let inside = |s: flowgate::source::Span| at <= s.start && s.start <= s.end && s.end <= end;
                        prop_assert!(spec.components().iter().all(|c| inside(c.span)));
                        prop_assert!(spec.deviations().iter().all(|d| inside(d.span)));
                    }
                    Err(error) => prop_assert!(at <= error.offset && error.offset <= end),
                }
            }
        }
    }

    #[test]
    fn what_is_written_is_read_again((six, value) in family_and_value()) {
        let spec = decoded(six, &value);
        let (mut same, mut canonical, mut twice) = (Vec::new(), Vec::new(), Vec::new());
        encode::preserving(&spec, &mut same).unwrap();
        prop_assert_eq!(&decoded(six, &same), &spec);
        encode::canonical(&spec, &mut canonical).unwrap();
        let again = decoded(six, &canonical);
        // Bits above the TCP flags make a mask that never matches: they stay.
        let flags_only = again.deviations().iter().all(|d| d.kind == DeviationKind::ReservedValueBits);
        prop_assert!(flags_only, "{:?}", again);
        prop_assert_eq!(lower(&again), lower(&spec));
        encode::canonical(&again, &mut twice).unwrap();
        prop_assert_eq!(&twice, &canonical);
        if spec.deviations().is_empty() {
            prop_assert_eq!(&canonical, &value);
        }
    }

    #[test]
    fn a_condition_comes_back_from_itself((six, value) in family_and_value()) {
        let spec = decoded(six, &value);
        let condition = lower(&spec);
        let back = recover(&condition, spec.family).unwrap();
        prop_assert_eq!(lower(&back), condition, "{:?} {:?}", spec, back);
    }

    #[test]
    fn the_condition_matches_what_the_standard_says(
        (value, packets) in any::<bool>().prop_flat_map(|six| (value(six), vec(packet(six), 40)))
    ) {
        let six = packets[0].six;
        let condition = lower(&decoded(six, &value));
        for packet in &packets {
            let want = if matches(&value, packet) { Truth::Yes } else { Truth::No };
            prop_assert_eq!(evaluate(&condition, &packet.headers()), want, "{:02x?} {:?}", value, packet);
        }
    }

    #[test]
    fn the_order_is_total_and_agrees_with_itself(
        (six, list) in any::<bool>().prop_flat_map(|six| (Just(six), vec(value(six), 3)))
    ) {
        let compare = |a: &[u8], b: &[u8]| order::compare(table(six), a, b);
        let [a, b, c] = &list[..] else { unreachable!() };
        prop_assert_eq!(compare(a, a), Ordering::Equal);
        prop_assert_eq!(compare(a, b), compare(b, a).reverse());
        if compare(a, b).is_le() && compare(b, c).is_le() {
            prop_assert!(compare(a, c).is_le());
        }
    }

    #[test]
    fn hex_is_printed_as_it_is_read(rules in vec((family_and_value(), select(vec![
        "", "8006000000000000", "8007000000000000", "8008fde800000064 8007000000000001",
        "80060000447a0000 8009000000000001 4006000000000000", "000c20010db80000000000000000000000010001",
    ]), of("[a-z][a-z -]{0,8}[a-z]")), 0..12)) {
        let mut text = String::from("# generated\n\n");
        for (((six, value), communities, name), _) in rules.iter().zip(0..) {
            let mut nlri = Vec::new();
            encode::framed(value, &mut nlri).unwrap();
            let hex = nlri.iter().fold(String::new(), |hex, octet| format!("{hex}{octet:02x}"));
            let name = name.as_ref().map_or(String::new(), |name| format!(" # name: {name}"));
            writeln!(text, "{} {hex} {communities}{name}", table(*six).name()).unwrap();
        }
        let dialect = by_name("flowspec-hex").unwrap();
        let read = |text: String| {
            dialect.read(&Source::new("t", Content::Text(text)), SourceId(0), &ReadOptions::default())
        };
        let document = read(text).document;
        prop_assert_eq!(document.rule_count(), rules.len());
        for set in &document.rule_sets {
            let sorted = rule_set(set.name.clone(), Table::by_rule_set_name(&set.name).unwrap(), set.rules.clone());
            prop_assert_eq!(&sorted, set);
        }
        let mut out = String::new();
        let lost = dialect.print(&document, &PrintOptions::default(), &mut out).unwrap();
        prop_assert!(lost.is_empty(), "{:?}", lost);
        prop_assert_eq!(read(out).document, document);
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in "([0-9a-f :#\n]|ipv4|vpnv6|0x|\\PC){0,60}") {
        let dialect = by_name("flowspec-hex").unwrap();
        let source = Source::new("t", Content::Text(text));
        let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
        for finding in &reading.diagnostics {
            prop_assert!(source.text().get(finding.primary.span.range()).is_some(), "{:?}", finding);
        }
    }
}
