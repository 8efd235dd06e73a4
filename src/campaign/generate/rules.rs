//! Rule sets and packets of the intermediate form: what text dialects are printed from and packets are built from.

use super::{Lattice, Pools, below, once_in, one};
use crate::dialect::flowspec::ComponentType;
use crate::field::{Family, Field, Headers};
use crate::ir::{Condition, Document, Kind, Outcome, RejectKind, RuleBuf, RuleSet, ValueSet, Verdict};
use crate::net::Prefix4;
use crate::packet::build;
use arbitrary::Unstructured;

/// Protocols that have ports, and one that has not.
const PROTOCOLS: [u32; 4] = [6, 17, 132, 1];

/// A filter of up to so many rules on IPv4 packets, from one pool: networks inside networks, ports and ranges of them.
pub fn rule_set(u: &mut Unstructured<'_>, pools: &Pools, count: u32) -> Document {
    let count = 1 + below(u, count);
    let rules: Vec<RuleBuf> = (0..count).map(|number| rule(u, pools, number)).collect();
    let default = *u.choose(&[Verdict::Accept, Verdict::Discard]).unwrap_or(&Verdict::Accept);
    let set = RuleSet {
        name: "fuzz".to_owned(),
        kind: Kind::Filter,
        family: Family::Inet,
        default,
        rules: rules.into(),
    };
    Document { rule_sets: vec![set], ..Document::default() }
}

fn rule(u: &mut Unstructured<'_>, pools: &Pools, number: u32) -> RuleBuf {
    let mut tests = Vec::new();
    for field in [Field::Src4, Field::Dst4] {
        if below(u, 4) != 0 {
            tests.push(Condition::test(field, network(u, pools)));
        }
    }
    if below(u, 3) != 0 {
        let protocol = one(u, &PROTOCOLS).unwrap_or(6);
        tests.push(Condition::test(Field::Proto, ValueSet::single(protocol)));
        if protocol != 1 {
            for field in [Field::Sport, Field::Dport] {
                if below(u, 3) == 0 {
                    tests.push(Condition::test(field, port_range(u, pools)));
                }
            }
        }
    }
    if once_in(u, 6) {
        let low = 20 + below(u, 1480);
        tests.push(Condition::test(Field::Len, ValueSet::range(low, low + below(u, 512))));
    }
    let verdict = match below(u, 6) {
        0..=2 => Verdict::Discard,
        3 | 4 => Verdict::Accept,
        _ => Verdict::Reject(RejectKind::TcpReset),
    };
    // A reset answers TCP alone.
    let tcp = tests.contains(&Condition::test(Field::Proto, ValueSet::single(6)));
    let verdict =
        if tcp || verdict != Verdict::Reject(RejectKind::TcpReset) { verdict } else { Verdict::Discard };
    RuleBuf::new(format!("r{number}"), Condition::and(tests), Outcome::Verdict(verdict))
}

fn network(u: &mut Unstructured<'_>, pools: &Pools) -> ValueSet {
    let (addr, len) = one(u, &pools.networks).unwrap_or((0, 0));
    let len = if once_in(u, 8) { 32 } else { len };
    Prefix4::new(addr, len)
        .map_or_else(|| ValueSet::single(addr), |p| ValueSet::range(p.first(), p.first() | !p.mask()))
}

fn port_range(u: &mut Unstructured<'_>, pools: &Pools) -> ValueSet {
    let lattice = Lattice::of(ComponentType::Port, Family::Inet);
    let list = if once_in(u, 3) { &lattice.inside } else { &pools.ports };
    let low = u32::try_from(one(u, list).unwrap_or(0)).unwrap_or(0).min(65_535);
    let more = if below(u, 2) == 0 { 0 } else { below(u, 65_536 - low) };
    ValueSet::range(low, low + more)
}

/// A packet with values of the same pools, octets from the IP header on; none where its values cannot stand together.
pub fn packet(u: &mut Unstructured<'_>, pools: &Pools) -> Option<Vec<u8>> {
    let mut headers = Headers::new();
    headers.set(Field::IpVersion, 4);
    for field in [Field::Src4, Field::Dst4] {
        let (addr, _) = one(u, &pools.networks).unwrap_or((0, 0));
        headers.set(field, addr | below(u, 256));
    }
    let protocol = one(u, &PROTOCOLS).unwrap_or(6);
    headers.set(Field::Proto, protocol);
    if protocol != 1 {
        for field in [Field::Sport, Field::Dport] {
            let port = one(u, &pools.ports).unwrap_or(0);
            headers.set(field, u32::try_from(port).unwrap_or(0) & 0xffff);
        }
    }
    build(&headers).ok()
}

#[cfg(test)]
mod tests {
    use super::super::octets;
    use super::*;
    use crate::diagnostic::Level;
    use crate::dialect::{DIALECTS, PrintOptions, ReadOptions, Reads};
    use crate::source::{Content, Source, SourceId};

    /// What is printed is a file that the same dialect reads without an error: only then is it legal input.
    #[test]
    fn every_text_dialect_reads_what_is_made_for_it() {
        for seed in 0..40 {
            let data = octets(seed, 4096);
            let mut u = Unstructured::new(&data);
            let pools = Pools::new(&mut u);
            let document = rule_set(&mut u, &pools, 12);
            assert!(document.rule_count() > 0);
            for dialect in DIALECTS.iter().filter(|d| d.writes() && d.reads() == Reads::Text) {
                let mut text = String::new();
                dialect.print(&document, &PrintOptions::default(), &mut text).unwrap();
                let source = Source::new("made", Content::Text(text));
                let reading = dialect.read(&source, SourceId(0), &ReadOptions::default());
                let bad =
                    reading.diagnostics.iter().find(|d| d.level == Level::Error && d.check == "syntax-error");
                assert!(bad.is_none(), "{}: {bad:?}\n{}", dialect.name(), source.text());
            }
        }
    }

    #[test]
    fn packets_are_built() {
        let data = octets(9, 4096);
        let mut u = Unstructured::new(&data);
        let pools = Pools::new(&mut u);
        let built = (0..100).filter_map(|_| packet(&mut u, &pools)).count();
        assert!(built > 90, "{built}");
    }
}
