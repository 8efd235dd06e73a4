//! Pricing a hundred thousand rules on one platform: flow routes from their octets, terms from their conditions.

#![allow(clippy::expect_used, reason = "a panic is how a bench says that its input is wrong")]

use divan::Bencher;
use divan::counter::ItemsCount;
use flowgate::cost;
use flowgate::dialect::flowspec::component::{AND, EQ, GT, LT};
use flowgate::dialect::flowspec::{Body, ComponentType, FlowSpec, Operand, encode};
use flowgate::field::{Family, Field};
use flowgate::guard::{Meter, limits};
use flowgate::ir::{Condition, Document, Kind, Origin, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::Prefix4;
use flowgate::source::Span;

const RULES: u32 = 100_000;

fn main() {
    divan::main();
}

fn document(kind: Kind, rule_of: impl Fn(u32) -> (Option<Vec<u8>>, Condition)) -> Document {
    let rules = (0..RULES).map(|number| {
        let (nlri, condition) = rule_of(number);
        RuleBuf {
            name: number.to_string().into(),
            condition,
            actions: Box::default(),
            outcome: Outcome::Verdict(Verdict::Discard),
            action_given: true,
            nlri: nlri.map(Into::into),
            origin: Origin::default(),
        }
    });
    let (family, default) = (Family::Inet, Verdict::Accept);
    let set = RuleSet { name: "flowspec/ipv4".into(), kind, family, default, rules: rules.collect() };
    Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() }
}

// Destination host, protocol, a port; every other rule with a range of ports as well.
fn nlri(number: u32) -> Vec<u8> {
    let mut spec = FlowSpec::new(Family::Inet);
    let host = Prefix4::new(0xc000_0000 | number, 32).expect("a host");
    spec.push_prefix(ComponentType::DestinationPrefix, Body::Prefix4(host), Span::default());
    let op = |op, value| Operand::new(op, value, Span::default());
    spec.push_operands(ComponentType::Protocol, [op(EQ, 17)], Span::default());
    spec.push_operands(ComponentType::DestinationPort, [op(EQ, 53)], Span::default());
    if number.is_multiple_of(2) {
        let range = [op(GT | EQ, 1024), op(AND | LT | EQ, 65_535)];
        spec.push_operands(ComponentType::SourcePort, range, Span::default());
    }
    let mut octets = Vec::new();
    encode::canonical(&spec, &mut octets).expect("it has an encoding");
    octets
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
    let routes = document(Kind::FlowRoutes, |number| (Some(nlri(number)), Condition::True));
    run(bencher, &routes, platform);
}

#[divan::bench(args = ["junos-mx", "linux-nftables", "ncs55a2-mod-se-s"], sample_count = 10)]
fn filter_terms(bencher: Bencher<'_, '_>, platform: &str) {
    let test = |field, lo, hi| Condition::test(field, ValueSet::range(lo, hi));
    let terms = document(Kind::Filter, |number| {
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
