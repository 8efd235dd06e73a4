//! How fast rules of five values are found by the compiled form: `cargo bench --bench classify -- RULES TRACE`, both in the
//! formats of `dpdk-test-acl`. Prints one JSON object. `evaluate_peers.py` runs it beside the peers.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a bench that cannot run should say so, and shows its figures"
)]

use flowgate::eval::{BATCH, Compiled, Decision, Evaluator};
use flowgate::field::{Family, Field, Headers};
use flowgate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::packet::{Tuple, complete};
use std::hint::black_box;
use std::time::Instant;

/// Rounds over the trace; the best is the figure, as that of the peer is.
const ROUNDS: u32 = 5;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(rules), Some(trace)) = (arguments.next(), arguments.next()) else {
        println!("skipped: say RULES and TRACE");
        return;
    };
    let document = document(&std::fs::read_to_string(rules).expect("rules"));
    let trace = trace_of(&std::fs::read_to_string(trace).expect("a trace"));
    let begun = Instant::now();
    let compiled = Compiled::new(&document, 0).expect("there is a rule set");
    let build = begun.elapsed().as_secs_f64();
    let mut best = f64::INFINITY;
    let mut decisions = [None; BATCH];
    for _ in 0..ROUNDS {
        // By the clock, as the peer measures: on a busy machine both lose.
        let begun = Instant::now();
        for tuples in trace.chunks(BATCH) {
            compiled.decide_tuples(tuples, &mut decisions);
            black_box(&decisions);
        }
        best = best.min(begun.elapsed().as_secs_f64());
    }
    let checked = check(&document, &compiled, &trace);
    let rules = document.rule_count();
    println!(
        "{{\"rules\": {rules}, \"rate\": {:.0}, \"build\": {build:.4}, \"octets\": {}, \"checked\": {checked}}}",
        trace.len() as f64 / best,
        compiled.octets()
    );
}

/// Holds a part of the answers against the reference.
fn check(document: &Document, compiled: &Compiled<'_>, trace: &[Tuple]) -> u32 {
    let evaluator = Evaluator::new(document, 0).expect("there is a rule set");
    let mut checked = 0;
    for tuple in trace.iter().step_by(trace.len() / 1_000 + 1) {
        let mut headers = Headers::new();
        headers.set(Field::Src4, tuple.src);
        headers.set(Field::Dst4, tuple.dst);
        headers.set(Field::Proto, tuple.protocol.into());
        if let Some(ports) = tuple.ports() {
            headers.set(Field::Sport, ports >> 16);
            headers.set(Field::Dport, ports & 0xffff);
        }
        complete(&mut headers).expect("a packet");
        let mut decisions: [Option<Decision>; 1] = [None];
        compiled.decide_tuples(std::slice::from_ref(tuple), &mut decisions);
        assert_eq!(decisions, [Some(evaluator.decide(&headers).expect("within the limits"))], "{tuple:?}");
        checked += 1;
    }
    checked
}

fn number(word: &str) -> u32 {
    word.strip_prefix("0x")
        .map_or_else(|| word.parse(), |hex| u32::from_str_radix(hex, 16))
        .expect("a number")
}

fn prefix(field: Field, word: &str) -> Option<Condition> {
    let (address, length) = word.split_once('/').expect("a prefix");
    let address = u32::from(address.parse::<std::net::Ipv4Addr>().expect("an address"));
    let more = u32::MAX.checked_shr(number(length)).unwrap_or(0);
    (more != u32::MAX).then(|| Condition::test(field, ValueSet::range(address & !more, address | more)))
}

/// Rules as `@SRC DST SLO : SHI DLO : DHI PROTOCOL/MASK`, which all discard.
fn document(text: &str) -> Document {
    let rule = |(line, name): (&str, usize)| {
        let words: Vec<&str> =
            line.trim_start_matches('@').split_whitespace().filter(|w| *w != ":").collect();
        let [src, dst, slo, shi, dlo, dhi, protocol, ..] = *words else { unreachable!("{line}") };
        let mut parts: Vec<Condition> =
            [prefix(Field::Src4, src), prefix(Field::Dst4, dst)].into_iter().flatten().collect();
        for (field, lo, hi) in [(Field::Sport, slo, shi), (Field::Dport, dlo, dhi)] {
            if (number(lo), number(hi)) != (0, 65_535) {
                parts.push(Condition::test(field, ValueSet::range(number(lo), number(hi))));
            }
        }
        let (protocol, mask) = protocol.split_once('/').expect("a mask");
        if number(mask) != 0 {
            parts.push(Condition::test(Field::Proto, ValueSet::single(number(protocol))));
        }
        RuleBuf::new(name.to_string(), Condition::and(parts), Outcome::Verdict(Verdict::Discard))
    };
    let lines = text.lines().filter(|line| line.starts_with('@'));
    let (family, default) = (Family::Inet, Verdict::Accept);
    let rules = lines.zip(0..).map(rule).collect();
    let set = RuleSet { name: "rules".into(), kind: Kind::Filter, family, default, rules };
    Document { rule_sets: vec![set], ..Document::default() }
}

/// Packets as source, destination, both ports and protocol, in one line each.
fn trace_of(text: &str) -> Vec<Tuple> {
    let tuple = |line: &str| {
        let words: Vec<u32> = line.split_whitespace().map(number).collect();
        let [src, dst, sport, dport, protocol, ..] = *words else { unreachable!("{line}") };
        let protocol = u8::try_from(protocol).expect("a protocol");
        Tuple { src, dst, word: sport << 16 | dport, protocol }
    };
    text.lines().map(tuple).collect()
}
