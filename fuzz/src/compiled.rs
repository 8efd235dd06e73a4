//! Whatever the rules and the packet, the compiled form of a rule set decides and counts as the reference does.

use arbitrary::{Result, Unstructured};
use flowgate::eval::{BATCH, Compiled, Evaluator, Hit, Totals};
use flowgate::field::{Family, Field, Headers};
use flowgate::ir::{Condition, Document, Kind, Outcome, RejectKind, RuleBuf, RuleSet, ValueSet, Verdict};
use flowgate::net::IntervalSet;
use flowgate::packet::{Decoded, LinkType, build, complete, decode, tuple};
use flowgate::source::Span;

const RULE_SETS: u32 = 3;
const PACKETS: usize = 12;

/// Values that rules and packets meet at.
const ADDRESSES: [u32; 8] =
    [0, 0x0a00_0000, 0x0a00_0001, 0x0a00_0100, 0x0a01_0000, 0xc000_0209, 0xc633_6407, u32::MAX];
const PORTS: [u32; 8] = [0, 1, 22, 53, 1023, 1024, 5060, 65_535];
const PROTOCOLS: [u32; 12] = [0, 1, 2, 6, 17, 33, 47, 50, 51, 58, 132, 255];
const OTHERS: [Field; 8] = [
    Field::Ttl,
    Field::Len,
    Field::TcpFlags,
    Field::FragOff,
    Field::CtState,
    Field::Dscp,
    Field::IcmpType,
    Field::FlowLabel,
];

/// The law.
pub fn run(data: &[u8]) {
    pairs(data);
}

/// The law; how many packets it was held for.
pub fn pairs(data: &[u8]) -> usize {
    let mut u = Unstructured::new(data);
    let Ok(document) = document(&mut u) else { return 0 };
    let compiled = Compiled::new(&document, 0).expect("there is a rule set");
    let mut reference = Totals::new(&document, 0).expect("there is a rule set");
    let mut fast = reference.clone();
    let mut count = 0;
    while count < PACKETS && !u.is_empty() {
        let Ok(mut headers) = headers(&mut u) else { break };
        same(&document, &compiled, &headers, &mut reference, &mut fast);
        if u.ratio(1, 2).unwrap_or(false) && complete(&mut headers).is_ok() {
            same(&document, &compiled, &headers, &mut reference, &mut fast);
            framed(&document, &compiled, &headers);
            count += 2;
        }
        count += 1;
    }
    assert_eq!(counted(&document, &reference), counted(&document, &fast), "{document:#?}");
    count
}

/// All that was counted, as text.
fn counted(document: &Document, totals: &Totals<'_>) -> Vec<String> {
    let reasons: Vec<_> = totals.reasons().collect();
    let mut list = vec![format!("{:?} {:?} {reasons:?}", totals.all(), totals.verdicts())];
    for (index, set) in document.rule_sets.iter().enumerate() {
        list.push(format!("{index} {:?}", totals.default_of(index)));
        let hit = |rule| Hit { rule_set: u32::try_from(index).expect("a few"), rule };
        let count = u32::try_from(set.rules.len()).expect("a few");
        list.extend((0..count).map(|rule| format!("{index} {rule} {:?}", totals.rule(hit(rule)))));
    }
    list
}

fn same<'a>(
    document: &'a Document,
    compiled: &Compiled<'a>,
    headers: &Headers,
    reference: &mut Totals<'a>,
    fast: &mut Totals<'a>,
) {
    let evaluator = Evaluator::new(document, 0).expect("there is a rule set");
    let decision = evaluator.decide(headers).expect("within the limits");
    assert_eq!(compiled.decide(headers), Ok(decision), "{document:#?}\n{headers:?}");
    assert_eq!(reference.run(headers, 60), Ok(decision));
    assert_eq!(fast.run_compiled(compiled, headers, 60), Ok(decision));
}

/// A packet in a frame: what is said of it by its tuple alone.
fn framed(document: &Document, compiled: &Compiled<'_>, headers: &Headers) {
    let Ok(packet) = build(headers) else { return };
    let version = if packet.first().is_some_and(|first| first >> 4 == 6) { [0x86, 0xdd] } else { [8, 0] };
    let frame = [&[2; 12][..], &version, &packet].concat();
    let length = u32::try_from(frame.len()).expect("a packet");
    let Some(found) = tuple(LinkType::ETHERNET, &frame, length) else { return };
    let mut decoded = Headers::new();
    assert_eq!(decode(LinkType::ETHERNET, &frame, length, &mut decoded), Decoded::Whole, "{frame:?}");
    let mut decisions = [None; BATCH];
    compiled.decide_tuples(&[found], &mut decisions);
    if let Some(Some(decision)) = decisions.first() {
        let evaluator = Evaluator::new(document, 0).expect("there is a rule set");
        assert_eq!(evaluator.decide(&decoded), Ok(*decision), "{document:#?}\n{decoded:?}");
    }
}

fn document(u: &mut Unstructured<'_>) -> Result<Document> {
    let rule_set = |u: &mut Unstructured<'_>, index: u32| -> Result<RuleSet> {
        let count = u.int_in_range(0..=24)?;
        let mut rules = Vec::new();
        for _ in 0..count {
            let rule = rule(u, index)?;
            // Many of a kind, so that trees have something to cut.
            let copies = if u.ratio(1, 3)? { u.int_in_range(1..=24)? } else { 0 };
            let field = *u.choose(&[Field::Dst4, Field::Src4, Field::Dport, Field::Dst6])?;
            for copy in 0..copies {
                let narrow = if field == Field::Dst6 {
                    wide(field, (u128::from(copy) << 64, u128::from(copy) << 64 | 0xffff))
                } else {
                    Condition::test(field, ValueSet::range(copy * 7, copy * 7 + 3))
                };
                let condition = Condition::and([narrow, rule.condition.clone()]);
                rules.push(RuleBuf::new("c", condition, rule.outcome));
            }
            rules.push(rule);
        }
        let default = *u.choose(&[Verdict::Accept, Verdict::Discard, Verdict::NoDecision])?;
        let family = *u.choose(&[Family::Any, Family::Any, Family::Inet, Family::Inet6])?;
        let kind = *u.choose(&[Kind::Filter, Kind::Filter, Kind::Hook])?;
        Ok(RuleSet { name: "s".into(), kind, family, default, rules: rules.into() })
    };
    let rule_sets = (0..RULE_SETS).map(|index| rule_set(u, index)).collect::<Result<_>>()?;
    Ok(Document { rule_sets, symbols: vec![], ..Document::default() })
}

/// A rule that may walk the rule sets behind its own, and one that is not there.
fn rule(u: &mut Unstructured<'_>, index: u32) -> Result<RuleBuf> {
    let reject = Verdict::Reject(RejectKind::TcpReset);
    let outcome = match u.int_in_range(0..=13)? {
        0..=3 => Outcome::Verdict(Verdict::Accept),
        4..=7 => Outcome::Verdict(*u.choose(&[Verdict::Discard, reject])?),
        8 => Outcome::Next { held: None },
        9 => Outcome::Next { held: Some(*u.choose(&[Verdict::Accept, Verdict::Discard])?) },
        10 => Outcome::Return,
        way => {
            let target = u.int_in_range(index + 1..=RULE_SETS)?;
            match way {
                11 => Outcome::Call(target),
                12 => Outcome::Goto(target),
                _ => Outcome::Stage(target),
            }
        }
    };
    let parts = u.int_in_range(0..=4)?;
    let parts = (0..parts).map(|_| condition(u, 2)).collect::<Result<Vec<_>>>()?;
    Ok(RuleBuf::new("r", Condition::and(parts), outcome))
}

fn range(u: &mut Unstructured<'_>, values: &[u32], max: u32) -> Result<(u32, u32)> {
    let lo = *u.choose(values)?;
    Ok(match u.int_in_range(0..=3)? {
        0 => (lo, lo),
        1 => (lo, lo.saturating_add(u.int_in_range(0..=300)?).min(max)),
        2 => (lo, lo | max >> u.int_in_range(1..=31)?),
        _ => {
            let other = *u.choose(values)?;
            (lo.min(other), lo.max(other))
        }
    })
}

fn wide(field: Field, (lo, hi): (u128, u128)) -> Condition {
    Condition::test(field, IntervalSet::<u128>::range(lo, hi))
}

fn condition(u: &mut Unstructured<'_>, depth: u8) -> Result<Condition> {
    Ok(match u.int_in_range(0..=if depth == 0 { 10 } else { 15 })? {
        0 | 1 => {
            let field = *u.choose(&[Field::Src4, Field::Dst4])?;
            let (lo, hi) = range(u, &ADDRESSES, u32::MAX)?;
            Condition::test(field, ValueSet::range(lo, hi))
        }
        2 => {
            let field = *u.choose(&[Field::Src6, Field::Dst6])?;
            let (lo, hi) = range(u, &ADDRESSES, u32::MAX)?;
            wide(field, (u128::from(lo) << 40, u128::from(hi) << 40 | 0xff))
        }
        3 | 4 => {
            let ports =
                [Field::Sport, Field::Dport, Field::Sport, Field::Dport, Field::RawPort0, Field::RawPort1];
            let (lo, hi) = range(u, &PORTS, 65_535)?;
            Condition::test(*u.choose(&ports)?, ValueSet::range(lo, hi))
        }
        5 => {
            let ports = [Field::RawPort0, Field::RawPort1, Field::Dport];
            let ranges = [range(u, &PORTS, 65_535)?, range(u, &PORTS, 65_535)?, range(u, &PORTS, 65_535)?];
            Condition::test(*u.choose(&ports)?, IntervalSet::<u32>::from_ranges(ranges))
        }
        6 | 7 => {
            let field = *u.choose(&[Field::Proto, Field::Proto, Field::ProtoField])?;
            let values = [*u.choose(&PROTOCOLS)?, *u.choose(&PROTOCOLS)?];
            Condition::test(field, ValueSet::of(values))
        }
        8 => Condition::test(Field::IpVersion, ValueSet::single(*u.choose(&[4, 6])?)),
        9 => {
            let lo = u.int_in_range(0..=8)?;
            Condition::test(*u.choose(&OTHERS)?, ValueSet::range(lo, u.int_in_range(0..=300)?))
        }
        10 => match u.int_in_range(0..=4)? {
            0 => Condition::False,
            1 => Condition::test(Field::TcpFlags, ValueSet::bits(2, 0x12)),
            2 => Condition::test(Field::Dst4, ValueSet::bits(1, 0xff)),
            _ => Condition::True,
        },
        11 => Condition::And(
            (0..u.int_in_range(0..=3)?).map(|_| condition(u, depth - 1)).collect::<Result<_>>()?,
        ),
        12 => Condition::Or(
            (0..u.int_in_range(0..=3)?).map(|_| condition(u, depth - 1)).collect::<Result<_>>()?,
        ),
        13 | 14 => Condition::Not(Box::new(condition(u, depth - 1)?)),
        _ => {
            let over = condition(u, 0)?;
            // The bounds are what they are called: the lower one holds nowhere else.
            let under = Condition::and([over.clone(), condition(u, 0)?]);
            Condition::opaque_within("a", "not modelled", over, under, Span::default())
        }
    })
}

/// Values of a packet that are known, absent or cut; some packets are none that could be sent.
fn headers(u: &mut Unstructured<'_>) -> Result<Headers> {
    let mut headers = Headers::new();
    let six = u.ratio(1, 4)?;
    headers.set(Field::IpVersion, if six { 6 } else { 4 });
    let [src, dst] = if six { [Field::Src6, Field::Dst6] } else { [Field::Src4, Field::Dst4] };
    for field in [src, dst] {
        let address = u.choose(&ADDRESSES)?.wrapping_add(u.int_in_range(0..=40)?);
        headers.set_wide(field, if six { u128::from(address) << 40 } else { address.into() });
    }
    let protocol = *u.choose(&PROTOCOLS)?;
    headers.set(Field::Proto, protocol);
    headers.set(Field::ProtoField, protocol);
    for (plain, raw) in [(Field::Sport, Field::RawPort0), (Field::Dport, Field::RawPort1)] {
        let port = u.choose(&PORTS)?.saturating_add(u.int_in_range(0..=40)?).min(65_535);
        match u.int_in_range(0..=7)? {
            0 => headers.set(raw, port),
            1 => {}
            _ => {
                headers.set(plain, port);
                headers.set(raw, port);
            }
        }
    }
    for field in OTHERS {
        if u.ratio(1, 3)? {
            headers.set(field, u.int_in_range(0..=4)?);
        }
    }
    for _ in 0..u.int_in_range(0..=2)? {
        let odd = [
            Field::Src4,
            Field::Dst6,
            Field::Dport,
            Field::Proto,
            Field::ProtoField,
            Field::IpVersion,
            Field::Ttl,
        ];
        let field = *u.choose(&odd)?;
        match u.int_in_range(0..=3)? {
            0 => headers.set_cut(field),
            1 => headers.set_absent(field),
            _ => headers.set_wide(field, u.int_in_range(0..=4)?),
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    /// Input from a number: a linear congruence, so that the run repeats exactly.
    fn input(state: &mut u64) -> Vec<u8> {
        let next = |state: &mut u64| {
            *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*state >> 56) as u8
        };
        (0..2_000).map(|_| next(state)).collect()
    }

    /// As many pairs of a rule set and a packet as `FLOWGATE_PAIRS` says.
    #[test]
    fn the_law_holds_over_counted_input() {
        let wanted = std::env::var("FLOWGATE_PAIRS").ok().and_then(|pairs| pairs.parse().ok());
        let seed = std::env::var("FLOWGATE_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut state: u64 = seed.unwrap_or(1);
        let mut pairs = 0_u64;
        while pairs < wanted.unwrap_or(2_000) {
            pairs += super::pairs(&input(&mut state)) as u64;
        }
        println!("{pairs} pairs");
    }
}
