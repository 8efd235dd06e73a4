//! Rules that benches price: flow routes from their octets, terms from their conditions.

use flowgate::dialect::flowspec::component::{AND, EQ, GT, LT};
use flowgate::dialect::flowspec::{Body, ComponentType, FlowSpec, Operand, encode};
use flowgate::field::Family;
use flowgate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, Verdict};
use flowgate::net::Prefix4;
use flowgate::source::Span;

/// A rule set of so many rules that discard, each from its number.
pub(crate) fn document(
    kind: Kind,
    rules: u32,
    rule_of: impl Fn(u32) -> (Option<Vec<u8>>, Condition),
) -> Document {
    let rules = (0..rules).map(|number| {
        let (nlri, condition) = rule_of(number);
        let discard = Outcome::Verdict(Verdict::Discard);
        RuleBuf { nlri: nlri.map(Into::into), ..RuleBuf::new(number.to_string(), condition, discard) }
    });
    let (family, default) = (Family::Inet, Verdict::Accept);
    let set = RuleSet { name: "flowspec/ipv4".into(), kind, family, default, rules: rules.collect() };
    Document { rule_sets: vec![set], symbols: Vec::new(), ..Document::default() }
}

/// A destination host, a protocol, a port; every other rule with a range of source ports as well.
pub(crate) fn nlri(number: u32, [lo, hi]: [u32; 2]) -> Vec<u8> {
    let mut spec = FlowSpec::new(Family::Inet);
    let host = Prefix4::new(0xc000_0000 | number, 32).expect("a host");
    spec.push_prefix(ComponentType::DestinationPrefix, Body::Prefix4(host), Span::default());
    let op = |op, value: u32| Operand::new(op, value.into(), Span::default());
    spec.push_operands(ComponentType::Protocol, [op(EQ, 17)], Span::default());
    spec.push_operands(ComponentType::DestinationPort, [op(EQ, 53)], Span::default());
    if number.is_multiple_of(2) {
        spec.push_operands(
            ComponentType::SourcePort,
            [op(GT | EQ, lo), op(AND | LT | EQ, hi)],
            Span::default(),
        );
    }
    let mut octets = Vec::new();
    encode::canonical(&spec, &mut octets).expect("it has an encoding");
    octets
}
