//! What a speaker has to make of an UPDATE: what of it is legal, by our own reader, and which routes are then there.

use super::Update;
use crate::dialect::flowspec::{Defect, DeviationKind, FlowSpec, Frames, Table, decode, encode, lower};
use std::collections::BTreeSet;

/// What the standards say of an UPDATE.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Judgement {
    /// To be taken.
    Legal,
    /// To be taken too: it says something in another way than the canonical one, which one is named.
    Unusual(&'static str),
    /// Not to be taken; what is wrong with it is named.
    Illegal(&'static str),
}

/// What is to come of an UPDATE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expected {
    /// Whether it is legal.
    pub judgement: Judgement,
    /// The canonical octets, without lengths, of those of its routes that are legal by themselves.
    pub routes: BTreeSet<(Table, Vec<u8>)>,
}

/// Judges one UPDATE.
pub fn judge(update: &Update) -> Expected {
    let mut judgement = attributes(update);
    let mut routes = BTreeSet::new();
    let mut spec = FlowSpec::new(update.table.family());
    let field = update.field();
    let mut frames = 0;
    for frame in Frames::new(&field, 0) {
        frames += 1;
        let read = frame.and_then(|frame| decode(update.table, &frame, &mut spec));
        let one = if let Err(malformed) = read {
            Judgement::Illegal(defect(malformed.defect))
        } else {
            let mut octets = Vec::new();
            if encode::canonical(&spec, &mut octets).is_ok() {
                routes.insert((update.table, octets));
            }
            let first = spec.deviations().first();
            first.map_or(Judgement::Legal, |first| Judgement::Unusual(deviation(first.kind)))
        };
        judgement = judgement.max(one);
    }
    if frames == 0 {
        judgement = judgement.max(Judgement::Unusual("no-routes"));
    }
    Expected { judgement, routes }
}

fn attributes(update: &Update) -> Judgement {
    let total = |long: bool| -> usize {
        let is = |octets: &&Vec<u8>| (octets.len() > 8 && octets.len() <= 20) == long;
        update.communities.iter().filter(is).map(Vec::len).sum()
    };
    if !update.fits() {
        return Judgement::Illegal("message-size");
    }
    if update.withdraws {
        return Judgement::Legal;
    }
    if update.no_origin {
        Judgement::Illegal("no-origin")
    } else if update.no_path {
        Judgement::Illegal("no-path")
    } else if !total(false).is_multiple_of(8) || !total(true).is_multiple_of(20) {
        Judgement::Illegal("community-length")
    } else {
        Judgement::Legal
    }
}

/// The canonical octets of a route that something showed; none when it is no flow route at all.
pub fn canonical(table: Table, value: &[u8]) -> Option<Vec<u8>> {
    let mut spec = FlowSpec::new(table.family());
    crate::dialect::flowspec::decode_value(table, value, 0, &mut spec).ok()?;
    let mut octets = Vec::new();
    encode::canonical(&spec, &mut octets).ok()?;
    Some(octets)
}

/// Whether two canonical routes match the same packets, as far as their conditions say so by themselves.
pub fn means_the_same(table: Table, a: &[u8], b: &[u8]) -> bool {
    let condition = |octets: &[u8]| {
        let mut spec = FlowSpec::new(table.family());
        crate::dialect::flowspec::decode_value(table, octets, 0, &mut spec).ok().map(|()| lower(&spec))
    };
    match (condition(a), condition(b)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

fn defect(defect: Defect) -> &'static str {
    match defect {
        Defect::Overrun { .. } => "overrun",
        Defect::LengthCut => "length-cut",
        Defect::LongLength { .. } => "long-length",
        Defect::Empty => "empty",
        Defect::Distinguisher { .. } => "distinguisher",
        Defect::UnknownType { .. } => "unknown-type",
        Defect::OutOfOrder { .. } => "out-of-order",
        Defect::Repeated { .. } => "repeated-type",
        Defect::NoOperator { .. } => "no-operator",
        Defect::Cut { .. } => "cut",
        Defect::PrefixLength { .. } => "prefix-length",
        Defect::Offset { .. } => "offset",
        Defect::Width { .. } => "width",
        Defect::NoEnd { .. } => "no-end",
    }
}

fn deviation(kind: DeviationKind) -> &'static str {
    match kind {
        DeviationKind::LongLength => "long-length",
        DeviationKind::Width => "width-not-fewest",
        DeviationKind::AndOnFirst => "and-on-first",
        DeviationKind::ReservedOperatorBits => "reserved-operator-bits",
        DeviationKind::ReservedValueBits => "reserved-value-bits",
        DeviationKind::JunkPrefixBits => "junk-prefix-bits",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(routes: &[&[u8]]) -> Expected {
        judge(&Update::new(Table::Ipv4, routes.iter().map(|octets| octets.to_vec()).collect()))
    }

    #[test]
    fn the_worst_counts_and_what_is_legal_is_kept() {
        let good: &[u8] = &[3, 3, 0x81, 6];
        assert_eq!(of(&[good]).judgement, Judgement::Legal);
        let mixed = of(&[good, &[3, 3, 0xc1, 17], &[1, 3]]);
        assert_eq!(mixed.judgement, Judgement::Illegal("no-operator"));
        assert_eq!(mixed.routes.len(), 2);
        assert_eq!(of(&[&[3, 3, 0xc1, 6]]).judgement, Judgement::Unusual("and-on-first"));
        assert_eq!(of(&[]).judgement, Judgement::Unusual("no-routes"));
        let mut update = Update::new(Table::Ipv4, vec![good.to_vec()]);
        update.no_path = true;
        assert_eq!(judge(&update).judgement, Judgement::Illegal("no-path"));
        assert_eq!(judge(&update.withdrawal()).judgement, Judgement::Legal);
        update.communities = vec![vec![0; 7]];
        update.no_path = false;
        assert_eq!(judge(&update).judgement, Judgement::Illegal("community-length"));
    }

    #[test]
    fn what_is_shown_is_compared_by_its_meaning() {
        // 65536 in four octets and in eight are one rule; ports in another order match the same.
        let a = canonical(Table::Ipv4, &[5, 0xa1, 0, 1, 0, 0]).unwrap();
        assert_eq!(canonical(Table::Ipv4, &[5, 0xb1, 0, 0, 0, 0, 0, 1, 0, 0]), Some(a));
        assert!(means_the_same(Table::Ipv4, &[5, 1, 80, 0x81, 22], &[5, 1, 22, 0x81, 80]));
        assert!(!means_the_same(Table::Ipv4, &[5, 0x81, 22], &[5, 0x81, 80]));
        assert_eq!(canonical(Table::Ipv4, &[0]), None);
    }
}
