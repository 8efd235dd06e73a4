//! Whatever the octets, decoding ends without a panic; the canonical form of what decodes is stable and means the same,
//! and rules of equal order are the same rule.

use flowgate::dialect::flowspec::{self, FlowSpec, Frames, Table, encode, order};
use std::cmp::Ordering;

const TABLES: [(u16, u8); 4] = [(1, 133), (1, 134), (2, 133), (2, 134)];

/// The law: the first octet chooses the address family, the rest is a field of NLRIs.
pub fn run(data: &[u8]) {
    let Some((first, octets)) = data.split_first() else { return };
    let (afi, safi) = TABLES[usize::from(*first) % TABLES.len()];
    let table = Table::of(afi, safi).expect("a family we know");
    let mut spec = FlowSpec::new(table.family());
    let mut earlier: Option<Vec<u8>> = None;
    for frame in Frames::new(octets, 0) {
        let Ok(frame) = frame else { return };
        if let Err(malformed) = flowspec::decode(table, &frame, &mut spec) {
            let _ = malformed.to_string();
            continue;
        }
        canonical_is_stable(table, frame.value, &spec);
        if let Some(other) = earlier.replace(frame.value.to_vec()) {
            let there = order::compare(table, &other, frame.value);
            let back = order::compare(table, frame.value, &other);
            assert_eq!(there, back.reverse(), "{other:02x?} {:02x?}", frame.value);
            assert!(there != Ordering::Equal || flowspec_equal(table, &other, frame.value));
        }
    }
}

fn canonical_is_stable(table: Table, received: &[u8], spec: &FlowSpec) {
    let mut canonical = Vec::new();
    if encode::canonical(spec, &mut canonical).is_err() {
        return;
    }
    let mut again = FlowSpec::new(table.family());
    flowspec::decode_value(table, &canonical, 0, &mut again)
        .unwrap_or_else(|e| panic!("{e}: {received:02x?} became {canonical:02x?}"));
    assert_eq!(flowspec::lower(spec), flowspec::lower(&again), "{received:02x?} became {canonical:02x?}");
    let mut twice = Vec::new();
    encode::canonical(&again, &mut twice).expect("what was canonical once can be written again");
    assert_eq!(canonical, twice, "{received:02x?}");
}

/// Rules of equal order are the same rule: the same canonical octets.
fn flowspec_equal(table: Table, a: &[u8], b: &[u8]) -> bool {
    let canonical = |octets: &[u8]| {
        let mut spec = FlowSpec::new(table.family());
        flowspec::decode_value(table, octets, 0, &mut spec).ok()?;
        let mut out = Vec::new();
        encode::canonical(&spec, &mut out).ok()?;
        Some(out)
    };
    canonical(a) == canonical(b)
}
