//! Whole UPDATEs: routes that ask for the same, with what they ask for.

use super::{Pools, Style, below, nlri, once_in};
use crate::campaign::Update;
use crate::dialect::flowspec::{Table, encode};
use arbitrary::Unstructured;

/// Octets of NLRIs drawn for one message at most; what is longer is packed on purpose, not by chance.
const MESSAGE: usize = 3_500;

/// So many legal routes, each behind its length; fewer where a message would not take them.
pub fn routes(
    u: &mut Unstructured<'_>,
    table: Table,
    pools: &Pools,
    style: Style,
    count: u32,
) -> Vec<Vec<u8>> {
    let mut list: Vec<Vec<u8>> = Vec::new();
    let mut size = 0;
    for _ in 0..count {
        let mut value = Vec::with_capacity(32);
        nlri(u, table, pools, style, &mut value);
        let mut framed = Vec::with_capacity(value.len() + 2);
        if encode::framed(&value, &mut framed).is_err() {
            continue;
        }
        size += framed.len();
        if size > MESSAGE && !list.is_empty() {
            break;
        }
        list.push(framed);
    }
    list
}

/// An UPDATE with a few routes and what they ask for.
pub fn update(u: &mut Unstructured<'_>, table: Table, pools: &Pools, style: Style) -> Update {
    let count = 1 + below(u, 4);
    let mut update = Update::new(table, routes(u, table, pools, style, count));
    let actions = if below(u, 2) == 0 { 0 } else { 1 + below(u, 3) };
    update.communities = (0..actions).map(|_| community(u)).collect();
    update
}

/// An extended community of any type: what flow routes ask for (RFC 8955 §7) more often, a rate that may be no number.
pub fn community(u: &mut Unstructured<'_>) -> Vec<u8> {
    // Transitive or not, experimental or not; the low bits say how the value is parted.
    let kind = u.arbitrary::<u8>().unwrap_or(0) & 0xc7;
    let kind = if below(u, 2) == 0 { kind | 0x80 } else { kind };
    let subtype =
        if once_in(u, 4) { u.arbitrary().unwrap_or(0) } else { u8::try_from(below(u, 16)).unwrap_or(0) };
    let mut octets = vec![kind, subtype];
    if kind & 0x80 != 0 && below(u, 2) == 0 {
        octets.extend_from_slice(&[0, 0]);
        octets.extend_from_slice(&rate(u).to_be_bytes());
    } else {
        octets.extend((0..6).map(|_| u.arbitrary::<u8>().unwrap_or(0)));
    }
    octets
}

/// A rate: an ordinary one, or one at a border of what floating point says.
fn rate(u: &mut Unstructured<'_>) -> f32 {
    const BORDERS: [f32; 10] = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        f32::MIN_POSITIVE,
        f32::MAX,
        f32::MIN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        f32::NAN,
    ];
    super::one(u, &BORDERS).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::octets;
    use super::*;

    #[test]
    fn messages_are_of_the_usual_size_and_rates_of_every_kind() {
        let (mut odd, mut zero) = (0, 0);
        for seed in 0..2_000 {
            let data = octets(seed, 8192);
            let mut u = Unstructured::new(&data);
            let pools = Pools::new(&mut u);
            let style = Style { long: false, ..Style::new(&mut u) };
            let update = update(&mut u, Table::Ipv4, &pools, style);
            assert!(!update.routes.is_empty());
            assert!(update.fits() || update.routes.len() == 1, "{}", update.field().len());
            for octets in &update.communities {
                assert_eq!(octets.len(), 8);
                let rate = f32::from_be_bytes(octets[4..].try_into().unwrap());
                odd += usize::from(!rate.is_finite() || rate < 0.0);
                zero += usize::from(rate == 0.0);
            }
        }
        assert!(odd > 50 && zero > 50, "{odd} {zero}");
    }
}
