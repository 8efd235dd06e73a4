//! How a cost grows with the rules: of a quarter, of a half and of all of them.
//!
//! A cost that is a sum over rules is, for the whole, what both halves come to. Where the whole takes more than its
//! halves together, doubling the rules again will take more than double: registers run out, and what they held is covered
//! by prefixes. Every second and every fourth rule are taken, from each start, so that the order of dear rules says
//! nothing.

use super::device::Device;
use super::platform::Resource;
use super::price::{Price, Pricing};
use crate::guard::{Meter, limits};
use crate::ir::Document;

/// How the use of one resource grows.
#[derive(Clone, Debug)]
pub struct Growth<'d> {
    /// The resource.
    pub resource: &'d Resource,
    /// Rules that fill it.
    pub rules: u64,
    /// What a quarter of the rules takes, half of them, and all: for the parts the mean over the places to start from.
    pub used: [u64; 3],
}

impl Growth<'_> {
    /// Whether the last doubling took a quarter more than double, and the one before no less than double.
    pub fn is_superlinear(&self) -> bool {
        let [quarter, half, whole] = self.used.map(u128::from);
        half > 0 && whole * 4 > half * 2 * 5 && half * 10 >= quarter * 2 * 9
    }
}

/// How the use of every resource grows that is exact for all parts.
pub fn growth<'d>(document: &Document, whole: &Price<'d>) -> Vec<Growth<'d>> {
    let device: &'d Device = whole.device;
    let part = |first, step| {
        let mut pricing = Pricing::new(device);
        pricing.add_some(document, (first, step), &mut Meter::new(&limits::COST_TOTAL_STEPS));
        pricing.finish()
    };
    let parts = [
        (4, (0..4).map(|first| part(first, 4)).collect::<Vec<_>>()),
        (2, (0..2).map(|first| part(first, 2)).collect()),
    ];
    let mut list = Vec::new();
    for (index, usage) in whole.resources.iter().enumerate() {
        let mean = |(count, prices): &(u64, Vec<Price<'_>>)| {
            let of = prices.iter().map(|price| price.resources.get(index)?.used.value());
            let sum = of.sum::<Option<u64>>()?;
            Some(sum / count)
        };
        let (Some(quarter), Some(half), Some(all)) =
            (parts.first().and_then(mean), parts.last().and_then(mean), usage.used.value())
        else {
            continue;
        };
        let rules = whole.rules.len() as u64;
        list.push(Growth { resource: usage.resource, rules, used: [quarter, half, all] });
    }
    list
}
