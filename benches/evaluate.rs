//! Packets through rule sets of 10, 1,000 and 10,000 rules.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot run should say so")]

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use flowgate::eval::Evaluator;
use flowgate::field::{Family, Field, Headers};
use flowgate::ir::{Condition, Document, Kind, Outcome, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::packet::complete;

fn main() {
    divan::main();
}

const PACKETS: u32 = 64;

/// Rules as an access list has them: destination prefixes of 16 to 32 bits, half with protocol and port.
fn document(rules: u32) -> Document {
    let rule = |number: u32| {
        let mixed = number.wrapping_mul(0x9e37_79b9);
        let bits = 16 + mixed % 17;
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let mut parts =
            vec![Condition::test(Field::Dst4, ValueSet::range(mixed & mask, mixed & mask | !mask))];
        if mixed & 1 == 1 {
            parts.push(Condition::test(Field::Proto, ValueSet::single(6)));
            parts.push(Condition::test(Field::Dport, ValueSet::range(mixed >> 20, (mixed >> 20) + 100)));
        }
        RuleBuf::new(
            number.to_string(),
            Condition::and(parts),
            Outcome::Verdict(if mixed & 2 == 2 { Verdict::Accept } else { Verdict::Discard }),
        )
    };
    let set = RuleSet {
        name: "inet/BENCH".into(),
        kind: Kind::Filter,
        family: Family::Inet,
        default: Verdict::Discard,
        rules: (0..rules).map(rule).collect(),
    };
    Document { rule_sets: vec![set], symbols: vec![], ..Document::default() }
}

fn packets() -> Vec<Headers> {
    let packet = |number: u32| {
        let mixed = number.wrapping_mul(0x85eb_ca6b);
        let mut headers = Headers::new();
        headers.set(Field::Src4, mixed);
        headers.set(Field::Dst4, mixed.rotate_left(7));
        headers.set(Field::Proto, if mixed & 1 == 1 { 6 } else { 17 });
        headers.set(Field::Dport, mixed >> 16);
        complete(&mut headers).unwrap();
        headers
    };
    (0..PACKETS).map(packet).collect()
}

#[divan::bench(args = [10, 1_000, 10_000])]
fn rules(bencher: Bencher<'_, '_>, rules: u32) {
    let document = document(rules);
    let evaluator = Evaluator::new(&document, 0).unwrap();
    let packets = packets();
    bencher.counter(ItemsCount::new(PACKETS)).bench(|| {
        for headers in &packets {
            black_box(evaluator.decide(black_box(headers)).unwrap());
        }
    });
}
