//! Pricing a hundred thousand rules on one platform: flow routes from their octets, terms from their conditions.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

#[path = "support/priced.rs"]
mod priced;

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgate::cost;
use flowgate::field::Field;
use flowgate::guard::{Meter, limits};
use flowgate::ir::{Condition, Document, Kind, ValueSet};
use priced::{document, nlri};

const RULES: u32 = 100_000;

fn main() {
    divan::main();
}

fn run(bencher: Bencher<'_, '_>, document: &Document, platform: &str) {
    let platform = cost::by_name(platform).expect("a platform");
    bencher.counter(ItemsCount::new(RULES)).bench_local(|| {
        let mut meter = Meter::new(&limits::COST_TOTAL_STEPS);
        cost::price(divan::black_box(document), platform, &mut meter)
    });
}

#[divan::bench(args = ["bird", "frr", "linux-nftables", "ncs55a2-mod-se-s"], sample_count = 10)]
fn flow_routes(bencher: Bencher<'_, '_>, platform: &str) {
    let routes =
        document(Kind::FlowRoutes, RULES, |number| (Some(nlri(number, [1024, 65_535])), Condition::True));
    run(bencher, &routes, platform);
}

#[divan::bench(args = ["junos-mx", "linux-nftables", "ncs55a2-mod-se-s"], sample_count = 10)]
fn filter_terms(bencher: Bencher<'_, '_>, platform: &str) {
    let test = |field, lo, hi| Condition::test(field, ValueSet::range(lo, hi));
    let terms = document(Kind::Filter, RULES, |number| {
        let host = 0xc000_0000 | number;
        let ports = if number.is_multiple_of(2) { (1024, 65_535) } else { (53, 53) };
        let parts = [
            test(Field::Dst4, host, host),
            test(Field::Proto, 17, 17),
            test(Field::RawPort1, ports.0, ports.1),
        ];
        (None, Condition::and(parts))
    });
    run(bencher, &terms, platform);
}
