//! Laws of ExaBGP over generated input: printed and read again is the same; no text stops the reader.

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "tests are free: a panic is how they say no")]

use crate::routes;
use flowgate::dialect::exabgp::ExaBgp;
use flowgate::dialect::flowspec::{self, Actions, Body, ComponentType, FlowSpec, Operand, Table};
use flowgate::dialect::{Dialect, PrintOptions, ReadOptions};
use flowgate::field::Family;
use flowgate::ir::{Action, Document, Mark, RateUnit, RouteTarget, RuleBuf};
use flowgate::net::Prefix4;
use flowgate::source::{Content, Source, SourceId, Span};
use proptest::prelude::*;

fn numeric(kind: ComponentType, family: Family) -> impl Strategy<Value = Vec<Operand>> {
    let max = kind.max(family);
    // `true` and `false` have no text that ExaBGP takes.
    let operand = (1..7_u8, any::<bool>(), 0..=max.min(70_000));
    prop::collection::vec(operand, 1..5).prop_map(|list| {
        let all = list.into_iter().enumerate();
        all.map(|(i, (op, and, value))| {
            Operand::new(op | if and && i > 0 { 0x40 } else { 0 }, value, Span::default())
        })
        .collect()
    })
}

fn bits(kind: ComponentType, family: Family) -> impl Strategy<Value = Vec<Operand>> {
    let max = if kind == ComponentType::Fragment { kind.max(family) } else { 0x1ff };
    let operand = (0..4_u8, any::<bool>(), 0..=max);
    prop::collection::vec(operand, 1..4).prop_map(move |list| {
        let all = list.into_iter().enumerate();
        all.map(|(i, (op, and, value))| {
            let value = value & if kind == ComponentType::Fragment { max } else { u64::MAX };
            Operand::new(op | if and && i > 0 { 0x40 } else { 0 }, value, Span::default())
        })
        .collect()
    })
}

fn prefix(family: Family) -> BoxedStrategy<Body> {
    if family == Family::Inet6 {
        (any::<u128>(), 1..=128_u8, any::<prop::sample::Index>())
            .prop_map(|(addr, len, offset)| {
                let offset = u8::try_from(offset.index(len.into())).unwrap();
                let kept = u128::MAX << (128 - u32::from(len)) & u128::MAX >> u32::from(offset);
                Body::Prefix6 { addr: addr & kept, len, offset }
            })
            .boxed()
    } else {
        let network = |(addr, len)| Body::Prefix4(Prefix4::new(addr, len).unwrap().network());
        (any::<u32>(), 0..=32_u8).prop_map(network).boxed()
    }
}

pub(crate) fn spec(family: Family) -> impl Strategy<Value = FlowSpec> {
    let kinds = (3..=if family == Family::Inet6 { 13 } else { 12_u8 }).collect::<Vec<_>>();
    // An IPv6 rule is told by its prefix.
    let destination = if family == Family::Inet6 {
        prefix(family).prop_map(Some).boxed()
    } else {
        prop::option::of(prefix(family)).boxed()
    };
    (destination, prop::option::of(prefix(family)), prop::sample::subsequence(kinds, 1..4)).prop_flat_map(
        move |(destination, source, kinds)| {
            let lists: Vec<_> = kinds
                .into_iter()
                .map(|number| {
                    let kind = ComponentType::from_number(number).unwrap();
                    if kind.is_bitmask() { bits(kind, family).boxed() } else { numeric(kind, family).boxed() }
                        .prop_map(move |list| (kind, list))
                })
                .collect();
            lists.prop_map(move |lists| {
                let mut spec = FlowSpec::new(family);
                for (kind, body) in
                    [(ComponentType::DestinationPrefix, destination), (ComponentType::SourcePrefix, source)]
                {
                    if let Some(body) = body {
                        spec.push_prefix(kind, body, Span::default());
                    }
                }
                for (kind, list) in lists {
                    spec.push_operands(kind, list, Span::default());
                }
                spec
            })
        },
    )
}

fn action() -> impl Strategy<Value = Action> {
    let rate = |unit| {
        move |amount: u32| {
            let mut actions = Actions::new();
            #[allow(clippy::cast_precision_loss, reason = "rates have single precision")]
            actions.push_rate(f64::from(amount as f32), unit, Span::default());
            actions.list.remove(0).action
        }
    };
    prop_oneof![
        (1..u32::MAX).prop_map(rate(RateUnit::OctetsPerSecond)),
        (1..u32::MAX).prop_map(rate(RateUnit::PacketsPerSecond)),
        (any::<u16>(), any::<u32>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::As2(a, n))),
        (any::<u32>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::As4(a, n))),
        (any::<u32>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::Ip4(a, n))),
        (any::<u128>(), any::<u16>()).prop_map(|(a, n)| Action::RedirectTarget(RouteTarget::Ip6(a, n))),
        (any::<std::net::Ipv4Addr>(), any::<bool>())
            .prop_map(|(a, copy)| Action::RedirectIp { addr: Some(a.into()), copy }),
        (any::<std::net::Ipv6Addr>(), any::<bool>())
            .prop_map(|(a, copy)| Action::RedirectIp { addr: Some(a.into()), copy }),
        any::<bool>().prop_map(|copy| Action::RedirectIp { addr: None, copy }),
        (0..64_u8).prop_map(|dscp| Action::Mark(Mark::Dscp(dscp))),
        (any::<u32>(), 0..0x4000_u16, 1..4_u8, any::<bool>()).prop_map(|(asn, group, way, transitive)| {
            Action::InterfaceSet { asn, group, inbound: way & 1 != 0, outbound: way & 2 != 0, transitive }
        }),
        any::<u32>().prop_map(|n| Action::Other(format!("community 0003fde8{n:08x}").into())),
    ]
}

pub(crate) fn actions() -> impl Strategy<Value = Actions> {
    (prop::collection::vec(action(), 0..4), any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(mut list, discard, sample, goes_on)| {
            // Interface sets stand in a block of their own, in front of `then`; sampling comes first in it.
            list.sort_by_key(|action| !matches!(action, Action::InterfaceSet { .. }));
            let mut actions = Actions::accept();
            let sets = list.iter().take_while(|action| matches!(action, Action::InterfaceSet { .. })).count();
            let rest = list.split_off(sets);
            for set in list {
                actions.push(set, Span::default());
            }
            if discard {
                actions.push_rate(0.0, RateUnit::OctetsPerSecond, Span::default());
            }
            if sample {
                actions.push(Action::Sample, Span::default());
            }
            for action in rest {
                actions.push(action, Span::default());
            }
            actions.goes_on = goes_on;
            actions
        },
    )
}

fn rule(family: Family) -> impl Strategy<Value = RuleBuf> {
    ("[a-z][a-z0-9.-]{0,8}", spec(family), actions())
        .prop_map(|(name, spec, actions)| routes::rule(&name, &spec, &actions))
}

fn read(text: &str) -> flowgate::dialect::Reading {
    let source = Source::new("law", Content::Text(text.to_owned()));
    ExaBgp.read(&source, SourceId(0), &ReadOptions::default())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_reads_as_it_was(
        four in prop::collection::vec(rule(Family::Inet), 1..4),
        six in prop::collection::vec(rule(Family::Inet6), 1..3),
    ) {
        let sets = vec![
            flowspec::rule_set("flowspec/ipv4/192.0.2.1".into(), Table::Ipv4, four.into()),
            flowspec::rule_set("flowspec/ipv6".into(), Table::Ipv6, six.into()),
        ];
        let mut document = Document { rule_sets: sets, symbols: Vec::new(), ..Document::default() };
        flowspec::bind(&mut document, &mut Vec::new());
        let mut text = String::new();
        let lost = ExaBgp.print(&document, &PrintOptions::default(), &mut text).unwrap();
        prop_assert_eq!(lost, vec![]);
        let again = read(&text);
        prop_assert_eq!(&again.document, &document, "{}", text);
    }

    #[test]
    fn no_text_stops_the_reader_and_every_place_is_in_it(
        words in prop::collection::vec(prop_oneof![
            Just("neighbor "), Just("192.0.2.1 "), Just("{"), Just("}"), Just(";"), Just("["), Just("]"),
            Just("flow "), Just("route "), Just("match "), Just("then "), Just("scope "), Just("announce "),
            Just("withdraw "), Just("ipv6 "), Just("source "), Just("10.0.0.0/8 "), Just("2001:db8::/32/8 "),
            Just("port "), Just("=80&<=90 "), Just("tcp-flags "), Just("=syn&!ack "), Just("rd "), Just("1:2 "),
            Just("discard "), Just("rate-limit "), Just("9600 "), Just("extended-community "), Just("\n"),
            Just("# x"), Just("\"é"), Just("\\n"), Just("&"), Just("interface-set "), Just("attribute "),
            Just("transitive:input:1:2 "), Just("0x19 "), Just("action "), Just("sample "), Just(":7"),
        ], 0..60),
    ) {
        let text = words.concat();
        let reading = read(&text);
        for finding in &reading.diagnostics {
            prop_assert!(text.get(finding.primary.span.range()).is_some(), "{:?}", finding);
        }
        for rule in reading.document.rule_sets.iter().flat_map(|set| &set.rules) {
            prop_assert!(text.get(rule.origin.span.range()).is_some());
        }
    }
}
