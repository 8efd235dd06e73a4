//! Entries one field takes: prefixes that cover a set of values, and the fewest any prefix encoding needs.

use crate::guard::{Exhausted, Meter};
use crate::net::{BitMatch, Intervals, Unsigned};

/// The prefixes in the fewest that cover the closed range; 0 when `lo > hi`.
///
/// Counts what the greedy cover emits without walking it. Below the highest bit in which the ends differ, the
/// left part is "at least a" of `k` bits (`k - popcount(a - 1)` prefixes) and the right one "at most b"
/// (`popcount(b + 1)`).
#[inline]
pub fn prefixes(lo: u128, hi: u128) -> u64 {
    if lo > hi {
        return 0;
    }
    let Some(k) = (lo ^ hi).checked_ilog2() else { return 1 };
    let below = (1_u128 << k) - 1;
    let (a, b) = (lo & below, hi & below);
    if a == 0 && b == below {
        return 1;
    }
    let left = if a == 0 { 1 } else { k - (a - 1).count_ones() };
    let right = if b == below { 1 } else { (b + 1).count_ones() };
    u64::from(left + right)
}

/// The prefixes that cover a set: the sum over its ranges, which are disjoint and not adjacent. A step a range.
pub fn set_prefixes<T: Unsigned>(set: Intervals<'_, T>, meter: &mut Meter) -> Result<u64, Exhausted> {
    let ranges = set.ranges();
    meter.charge(ranges.len() as u64)?;
    Ok(ranges.map(|(lo, hi)| prefixes(lo.into(), hi.into())).fold(0, u64::saturating_add))
}

/// The prefixes of a range as ternary patterns of a field of `width` bits, appended to `out`. A step a pattern.
pub fn patterns(
    lo: u128,
    hi: u128,
    width: u32,
    out: &mut Vec<BitMatch>,
    meter: &mut Meter,
) -> Result<(), Exhausted> {
    let field = low_bits(width);
    let mut from = lo;
    while from <= hi {
        meter.charge(1)?;
        let room = (hi - from).checked_add(1).map_or(128, u128::ilog2);
        let bits = from.trailing_zeros().min(room);
        let size_less_one = low_bits(bits);
        out.push(BitMatch::new(from, field & !size_less_one));
        match from.checked_add(size_less_one).and_then(|last| last.checked_add(1)) {
            Some(next) => from = next,
            None => break,
        }
    }
    Ok(())
}

/// The lowest `width` bits set.
pub fn low_bits(width: u32) -> u128 {
    1_u128.checked_shl(width).map_or(u128::MAX, |x| x - 1)
}

/// The fewest prefix entries that say "in the set" over a field of `width` bits, when entries may also say
/// "not in it" and the longest prefix wins. Exact for prefix encodings: any priority order of nested prefixes
/// can be had with the longest one first. A step a node of the prefix tree.
pub fn fewest(ranges: &[(u128, u128)], width: u32, meter: &mut Meter) -> Result<u64, Exhausted> {
    if ranges.is_empty() {
        return Ok(0);
    }
    Ok(node(ranges, 0, width, meter)?.0)
}

/// Entries needed inside a block of `bits` bits from `first` on: when the block inherits "not in the set", and
/// when it inherits "in the set".
fn node(ranges: &[(u128, u128)], first: u128, bits: u32, meter: &mut Meter) -> Result<(u64, u64), Exhausted> {
    meter.charge(1)?;
    let last = first | low_bits(bits);
    match ranges {
        [] => return Ok((0, 1)),
        [(lo, hi)] if *lo <= first && last <= *hi => return Ok((1, 0)),
        _ => {}
    }
    let Some(half) = bits.checked_sub(1) else {
        // One value, and no range holds it whole: there is none that touches it.
        return Ok((0, 1));
    };
    let middle = first | (1_u128 << half);
    let right_from = ranges.partition_point(|(_, hi)| *hi < middle);
    let left_to = ranges.partition_point(|(lo, _)| *lo < middle);
    let left = node(ranges.get(..left_to).unwrap_or(&[]), first, half, meter)?;
    let right = node(ranges.get(right_from..).unwrap_or(&[]), middle, half, meter)?;
    let (out, within) = (left.0 + right.0, left.1 + right.1);
    Ok((out.min(within + 1), within.min(out + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::limits;
    use crate::net::{IntervalSet, Prefix4};

    fn meter() -> Meter {
        Meter::new(&limits::COST_STEPS)
    }

    #[test]
    fn the_count_is_that_of_the_greedy_cover_and_the_patterns_exhaustively() {
        for lo in 0..128_u32 {
            for hi in lo..128 {
                let want = Prefix4::cover(lo, hi).len();
                assert_eq!(prefixes(lo.into(), hi.into()), want as u64, "{lo}-{hi}");
                let mut list = Vec::new();
                patterns(lo.into(), hi.into(), 7, &mut list, &mut meter()).unwrap();
                assert_eq!(list.len(), want);
                for x in 0..128_u128 {
                    let inside = (u128::from(lo)..=u128::from(hi)).contains(&x);
                    assert_eq!(list.iter().filter(|p| p.contains(x)).count(), usize::from(inside));
                }
            }
        }
        assert_eq!(prefixes(5, 4), 0);
    }

    #[test]
    fn closed_forms_hold_for_every_value_of_16_bits() {
        for x in 1..=65_535_u32 {
            let at_least = prefixes(x.into(), 65_535);
            assert_eq!(at_least, u64::from(16 - (x - 1).count_ones()), ">= {x}");
            let at_most = prefixes(0, (x - 1).into());
            assert_eq!(at_most, u64::from(x.count_ones()), "<= {}", x - 1);
        }
        for v in 0..=65_535_u128 {
            let below = v.checked_sub(1).map_or(0, |hi| prefixes(0, hi));
            assert_eq!(below + prefixes(v + 1, 65_535), 16, "!= {v}");
        }
        for k in 1..=16_u32 {
            let size = 1_u128 << (16 - k);
            let from = size * (0x5a5a & ((1 << k) - 1));
            let below = from.checked_sub(1).map_or(0, |hi| prefixes(0, hi));
            assert_eq!(below + prefixes(from + size, 65_535), u64::from(k), "not in a /{k}");
        }
    }

    #[test]
    fn the_ends_and_the_worst_ranges_are_as_published() {
        for width in 2..=16_u32 {
            let worst = (0..1_u128 << width.min(8))
                .map(|lo| prefixes(lo, low_bits(width) - lo.max(1)))
                .max()
                .unwrap();
            assert_eq!(worst, u64::from(2 * width - 2), "{width} bits");
        }
        assert_eq!(prefixes(1, u128::MAX - 1), 254);
        assert_eq!(prefixes(0, u128::MAX), 1);
        assert_eq!(prefixes(1024, 65_535), 6);
        assert_eq!(prefixes(0, 1023), 1);
        assert_eq!(prefixes(1, 65_534), 30);
        assert_eq!(prefixes(99_971, 99_985), 4);
    }

    // For every set over `width` bits, the fewest entries among all choices of them: every block of the tree is
    // absent, says yes or says no, and the smallest block that holds a value decides.
    fn by_brute_force(width: u32) -> Vec<u64> {
        let values = 1_usize << width;
        let mut best = vec![u64::MAX; 1 << values];
        best[0] = 0;
        for bits in (0..=width).rev() {
            for block in 0..values >> bits {
                let members = ((1_usize << (1 << bits)) - 1) << (block << bits);
                let before = best.clone();
                for (set, used) in before.into_iter().enumerate().filter(|(_, used)| *used < u64::MAX) {
                    for reached in [set | members, set & !members] {
                        best[reached] = best[reached].min(used + 1);
                    }
                }
            }
        }
        best
    }

    #[test]
    fn the_fewest_entries_are_those_of_brute_force_for_every_set() {
        for width in 1..=4_u32 {
            for (set, want) in by_brute_force(width).into_iter().enumerate() {
                let members = (0..1_u32 << width).filter(|i| set >> i & 1 == 1);
                let ranges = IntervalSet::<u32>::from_ranges(members.map(|i| (i, i)));
                let ranges: Vec<(u128, u128)> = ranges.ranges().map(|(a, b)| (a.into(), b.into())).collect();
                assert_eq!(fewest(&ranges, width, &mut meter()).unwrap(), want, "{set:016b} of {width}");
            }
        }
    }

    #[test]
    fn the_fewest_are_at_most_the_cover_and_at_most_the_width() {
        for lo in 0..256_u128 {
            for hi in lo..256 {
                let few = fewest(&[(lo, hi)], 8, &mut meter()).unwrap();
                assert!(few <= prefixes(lo, hi) && (1..=8).contains(&few), "{lo}-{hi}: {few}");
            }
        }
    }

    #[test]
    fn a_spent_meter_stops_every_count() {
        let mut spent = Meter::with_allowance(&limits::COST_STEPS, 3);
        assert!(fewest(&[(1, 65_534)], 16, &mut spent).is_err());
        let mut spent = Meter::with_allowance(&limits::COST_STEPS, 3);
        assert!(patterns(1, 65_534, 16, &mut Vec::new(), &mut spent).is_err());
        let mut spent = Meter::with_allowance(&limits::COST_STEPS, 3);
        let set = IntervalSet::<u32>::from_ranges((0..5).map(|i| (2 * i, 2 * i)));
        assert!(set_prefixes(set.view(), &mut spent).is_err());
    }
}
