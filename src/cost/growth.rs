//! How a cost grows with the rules: of a quarter, of a half and of all of them.
//!
//! A cost that is a sum over rules is, for the whole, what both halves come to. Where the whole takes more than its
//! halves together, doubling the rules again will take more than double: registers run out, and what they held is covered
//! by prefixes; vectors are longer, and there are more of them. Every second and every fourth rule are taken, from each
//! start, so that the order of dear rules says nothing. No rule is made up.

use super::device::Device;
use super::platform::Resource;
use super::price::{Price, Pricing};
use super::tally::Count;
use crate::guard::{Meter, limits};
use crate::ir::Document;

/// How the use of one resource grows.
#[derive(Clone, Debug)]
pub struct Growth<'d> {
    /// The resource.
    pub resource: &'d Resource,
    /// Rules that were priced.
    pub rules: u64,
    /// What a quarter of the rules takes, half of them, and all: for the parts the mean over the places to start from.
    pub used: [Count; 3],
}

/// Fewer rules say nothing about growth.
pub const GROWTH_RULES: u64 = 16;

impl Growth<'_> {
    /// The three figures, where all are known.
    pub fn values(&self) -> Option<[u64; 3]> {
        let [quarter, half, whole] = self.used;
        Some([quarter.value()?, half.value()?, whole.value()?])
    }

    /// Whether the last doubling took a quarter more than double, and the one before no less than double.
    pub fn is_superlinear(&self) -> bool {
        let Some(values) = self.values() else { return false };
        let [quarter, half, whole] = values.map(u128::from);
        half > 0 && whole * 4 > half * 2 * 5 && half * 10 >= quarter * 2 * 9
    }

    /// The power of the number of rules with which the last doubling went: 1 where it took double. None where a figure is
    /// not known, or half of the rules take nothing.
    #[expect(clippy::cast_precision_loss, reason = "an exponent has no 16 digits")]
    pub fn exponent(&self) -> Option<f64> {
        let [_, half, whole] = self.values()?;
        (half > 0 && whole > 0).then(|| (whole as f64 / half as f64).log2())
    }
}

/// How the use of every resource grows that all rules together fill.
pub fn growth<'d>(documents: &[&Document], whole: &Price<'d>) -> Vec<Growth<'d>> {
    let device: &'d Device = whole.device;
    let part = |first, step| {
        let mut pricing = Pricing::new(device);
        for document in documents {
            pricing.add_some(document, (first, step), &mut Meter::new(&limits::COST_TOTAL_STEPS));
        }
        pricing.finish()
    };
    let (quarters, halves) = ([0, 1, 2, 3].map(|first| part(first, 4)), [0, 1].map(|first| part(first, 2)));
    let used = whole.resources.iter().enumerate().filter(|(_, usage)| usage.used.at_least > 0);
    let grown = used.map(|(index, usage)| Growth {
        resource: usage.resource,
        rules: whole.rules.len() as u64,
        used: [mean(&quarters, index), mean(&halves, index), usage.used],
    });
    grown.collect()
}

/// What parts of the rules take of one resource, in the mean.
fn mean(parts: &[Price<'_>], resource: usize) -> Count {
    let used = parts.iter().filter_map(|price| price.resources.get(resource)).map(|usage| usage.used);
    let sum = used.fold(Count::exact(0), Count::plus);
    Count { at_least: sum.at_least / (parts.len() as u64).max(1), ..sum }
}
