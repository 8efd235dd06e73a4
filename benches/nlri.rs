//! How fast flow specifications are read: octets to typed components, to conditions, and back.
//!
//! `cargo bench --bench nlri`. The NLRIs are made here, of the shape and mean length (17 to 18 octets) of a
//! large access list; `FLOWGATE_NLRI=FILE` takes others, one behind the other with their lengths.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a bench stops where its own input is wrong"
)]

mod support;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use flowgate::dialect::flowspec::{FlowSpec, Frames, Table, decode, encode, lower, order};
use flowgate::dialect::{ReadOptions, by_name};
use flowgate::source::{Content, Source, SourceId};
use std::fmt::Write as _;
use std::sync::LazyLock;
use support::Numbers;
use zettabgp::afi::{BgpAddrV4, BgpFlowSpec};
use zettabgp::prelude::{BgpAddrItem, BgpTransportMode};

#[global_allocator]
static ALLOCATOR: divan::AllocProfiler = divan::AllocProfiler::system();

const COUNT: u32 = 100_000;

static NLRIS: LazyLock<Vec<u8>> = LazyLock::new(|| match std::env::var_os("FLOWGATE_NLRI") {
    Some(file) => std::fs::read(file).expect("FLOWGATE_NLRI names a file"),
    None => generate(COUNT),
});

fn main() {
    divan::main();
}

fn list(kind: u8, pairs: &[(u8, u32)], out: &mut Vec<u8>) {
    out.push(kind);
    for (index, (op, value)) in pairs.iter().enumerate() {
        let end = if index + 1 == pairs.len() { 0x80 } else { 0 };
        if let Ok(short) = u8::try_from(*value) {
            out.extend([end | op, short]);
        } else {
            out.push(end | op | 0x10);
            out.extend(&value.to_be_bytes()[2..]);
        }
    }
}

fn generate(count: u32) -> Vec<u8> {
    let mut numbers = Numbers(1);
    let mut all = Vec::new();
    for _ in 0..count {
        let mut value = Vec::new();
        for kind in [1, 2] {
            let length = 12 + numbers.below(21);
            let addr = numbers.below(u32::MAX) & u32::MAX << (32 - length);
            value.extend([kind, u8::try_from(length).unwrap_or(32)]);
            value.extend(addr.to_be_bytes().iter().take(length.div_ceil(8) as usize));
        }
        let proto = [6, 6, 6, 17, 17, 1][numbers.below(6) as usize];
        list(3, &[(1, proto)], &mut value);
        if proto != 1 && numbers.below(10) < 7 {
            let lo = numbers.below(60_000);
            match numbers.below(4) {
                0 => list(5, &[(3, lo), (0x45, lo + 1 + numbers.below(5000))], &mut value),
                _ => list(5, &[(1, lo % 9000)], &mut value),
            }
        }
        if proto == 6 && numbers.below(20) == 0 {
            list(9, &[(1, 2)], &mut value);
        }
        encode::framed(&value, &mut all).expect("short");
    }
    all
}

/// Into validated typed components, storage reused: the figure to compare with other decoders.
#[divan::bench]
fn decode_into_components(bencher: Bencher<'_, '_>) {
    let count = Frames::new(&NLRIS, 0).count();
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut spec = FlowSpec::new(Table::Ipv4.family());
        let mut operands = 0;
        for frame in Frames::new(black_box(&NLRIS), 0) {
            decode(Table::Ipv4, &frame.expect("whole"), &mut spec).expect("valid");
            operands += black_box(&spec).components().len();
        }
        operands
    });
}

/// The peer beside it: zettabgp, which makes a value of every component and operand too.
#[divan::bench]
fn peer_zettabgp(bencher: Bencher<'_, '_>) {
    let count = Frames::new(&NLRIS, 0).count();
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut rest = black_box(NLRIS.as_slice());
        let mut items = 0;
        while !rest.is_empty() {
            let (spec, length) =
                BgpFlowSpec::<BgpAddrV4>::decode_from(BgpTransportMode::IPv4, rest).expect("valid");
            items += black_box(&spec).items.len();
            rest = &rest[length..];
        }
        items
    });
}

/// The same as the first, and a condition made of each.
#[divan::bench]
fn decode_and_lower(bencher: Bencher<'_, '_>) {
    let count = Frames::new(&NLRIS, 0).count();
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut spec = FlowSpec::new(Table::Ipv4.family());
        for frame in Frames::new(black_box(&NLRIS), 0) {
            decode(Table::Ipv4, &frame.expect("whole"), &mut spec).expect("valid");
            black_box(lower(&spec));
        }
    });
}

/// The same, and its canonical octets.
#[divan::bench]
fn decode_and_encode(bencher: Bencher<'_, '_>) {
    let count = Frames::new(&NLRIS, 0).count();
    bencher.counter(ItemsCount::new(count)).bench(|| {
        let mut spec = FlowSpec::new(Table::Ipv4.family());
        let mut out = Vec::new();
        for frame in Frames::new(black_box(&NLRIS), 0) {
            decode(Table::Ipv4, &frame.expect("whole"), &mut spec).expect("valid");
            out.clear();
            encode::canonical(&spec, &mut out).expect("fits");
            black_box(&out);
        }
    });
}

/// RFC 8955 §5.1 order over all of them.
#[divan::bench]
fn sort(bencher: Bencher<'_, '_>) {
    let values: Vec<&[u8]> = Frames::new(&NLRIS, 0).map(|frame| frame.expect("whole").value).collect();
    bencher.counter(ItemsCount::new(values.len())).with_inputs(|| values.clone()).bench_local_values(
        |mut values| {
            values.sort_by(|a, b| order::compare(Table::Ipv4, a, b));
            values
        },
    );
}

/// Lines of hex to sorted rule sets, with everything a reader checks.
#[divan::bench(sample_count = 10)]
fn read_hex_lines(bencher: Bencher<'_, '_>) {
    let mut text = String::new();
    for frame in Frames::new(&NLRIS, 0) {
        let mut nlri = Vec::new();
        encode::framed(frame.expect("whole").value, &mut nlri).expect("short");
        text += "ipv4 ";
        for octet in nlri {
            write!(text, "{octet:02x}").expect("a string takes it");
        }
        text += " 8006000000000000\n";
    }
    let count = text.lines().count();
    let source = Source::new("bench", Content::Text(text));
    let dialect = by_name("flowspec-hex").expect("registered");
    bencher
        .counter(ItemsCount::new(count))
        .counter(BytesCount::new(source.text().len()))
        .bench_local(|| dialect.read(&source, SourceId(0), &ReadOptions::default()).document.rule_count());
}
