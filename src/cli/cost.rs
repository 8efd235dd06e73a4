//! `flowgate cost`: what the rules cost a device, rule by rule, against its limits.

use super::args::{Common, Cost, OnInconclusive, TableFormat};
use super::error::Error;
use super::inputs::Inputs;
use super::options::Policy;
use super::select::{self, Target};
use super::{Exit, output};
use crate::cost::{self, Level, Price, Pricing};
use crate::guard::{Meter, limits};
use crate::ir::Document;
use crate::report::Prices;
use std::collections::BTreeMap;

/// Prices everything read, as rules of one device.
pub(super) fn run(options: &Cost, common: &Common) -> Result<Exit, Error> {
    let targets: Vec<Target> = options.paths.iter().map(|path| Target::new(path)).collect();
    let policy = Policy::find(options.policing.config.as_deref(), targets.first().map(|t| &*t.path))?;
    let mut inputs = Inputs::read_targets(&targets, &options.reading)?;
    inputs.tell(common);
    let broken = inputs.tell_errors(common);
    let mut parts = Vec::new();
    for (input, name) in inputs.selected() {
        let document = &input.reading.document;
        let path = inputs.sources.get(input.source).name();
        parts.push(match name {
            None => None,
            Some(name) => Some(select::only(document, select::single(document, path, Some(name))?)),
        });
    }
    let whole = inputs.all.iter().map(|input| &input.reading.document);
    let documents: Vec<&Document> =
        whole.zip(&parts).map(|(whole, part)| part.as_ref().unwrap_or(whole)).collect();
    let budgets = &policy.config.settings.platforms;
    let named: Vec<&str> = if options.platform.is_empty() {
        budgets.iter().map(|(name, _)| name.as_str()).collect()
    } else {
        options.platform.iter().map(String::as_str).collect()
    };
    if named.is_empty() {
        return Err(Error::NoPlatform);
    }
    let none = BTreeMap::new();
    let mut prices = Vec::new();
    for name in named {
        let platform = cost::by_name(name).ok_or(Error::NoPlatform)?;
        let budget = budgets.iter().find(|(of, _)| of == name).map_or(&none, |(_, budget)| budget);
        let mut pricing = Pricing::new(platform);
        for document in &documents {
            pricing.add(document, &mut Meter::new(&limits::COST_TOTAL_STEPS));
        }
        prices.push(pricing.finish(budget));
    }
    inputs.memory.look()?;
    let report = Prices { prices: &prices, documents: &documents };
    output::write(options.writing.output.as_deref(), common, |out, _| match options.format {
        TableFormat::Terminal => report.write_terminal(common.verbose, out),
        TableFormat::Json => report.write_json(out),
    })?;
    Ok(verdict(&prices, broken, options.inconclusive))
}

fn verdict(prices: &[Price], broken: bool, inconclusive: OnInconclusive) -> Exit {
    if broken || prices.iter().any(|price| price.level == Level::Deny) {
        return Exit::Found;
    }
    // A figure known from below only, held against a limit: it may be beyond.
    let open = |price: &Price| price.resources.iter().any(|r| r.limit.is_some() && !r.used.exact);
    match (prices.iter().any(open), inconclusive) {
        (false, _) | (true, OnInconclusive::Ignore) => Exit::Clean,
        (true, OnInconclusive::Report) => Exit::Inconclusive,
        (true, OnInconclusive::Fail) => Exit::Found,
    }
}
