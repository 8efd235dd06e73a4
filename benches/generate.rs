//! How fast input is made: NLRIs from octets, and changed messages.
//!
//! `cargo bench --bench generate`.

use arbitrary::Unstructured;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flowgate::campaign::generate::{self, Pools, Style, octets};
use flowgate::campaign::mutate;
use flowgate::dialect::flowspec::Table;

fn main() {
    divan::main();
}

const COUNT: u32 = 100_000;

fn nlris(bencher: Bencher<'_, '_>, style: Style) {
    let data = octets(1, 1 << 20);
    let pools = Pools::new(&mut Unstructured::new(&data));
    bencher.counter(ItemsCount::new(COUNT)).bench(|| {
        let mut u = Unstructured::new(black_box(&data));
        let mut out = Vec::with_capacity(64);
        let mut sum = 0;
        for _ in 0..COUNT {
            // As random as octets are, they are used again.
            if u.len() < 4096 {
                u = Unstructured::new(black_box(&data));
            }
            out.clear();
            generate::nlri(&mut u, Table::Ipv4, &pools, style, &mut out);
            sum += black_box(&out).len();
        }
        sum
    });
}

/// Rules as people write them.
#[divan::bench]
fn nlris_plain(bencher: Bencher<'_, '_>) {
    nlris(bencher, Style::PLAIN);
}

/// With every habit but length.
#[divan::bench]
fn nlris_odd(bencher: Bencher<'_, '_>) {
    let style = Style { kinds: 0, wide: true, operators: true, lists: true, beyond: true, long: false };
    nlris(bencher, style);
}

/// Messages of a few routes, changed.
#[divan::bench]
fn updates_changed(bencher: Bencher<'_, '_>) {
    const UPDATES: u32 = 10_000;
    let data = octets(2, 1 << 20);
    let pools = Pools::new(&mut Unstructured::new(&data));
    bencher.counter(ItemsCount::new(UPDATES)).bench(|| {
        let mut u = Unstructured::new(black_box(&data));
        let mut sum = 0;
        for _ in 0..UPDATES {
            if u.len() < 16_384 {
                u = Unstructured::new(black_box(&data));
            }
            let mut update = generate::update(&mut u, Table::Ipv4, &pools, Style::PLAIN);
            mutate::update(&mut u, &mut update, &pools);
            sum += black_box(&update).routes.len();
        }
        sum
    });
}
