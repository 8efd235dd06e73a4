//! `flowgate cost`: what the rules cost a device, rule by rule, against its limits.

use super::against::Against;
use super::args::{Common, OnInconclusive, PriceFormat};
use super::error::Error;
use super::inputs::Inputs;
use super::options::Policy;
use super::pricing::Cost;
use super::select::{self, Target};
use super::{Exit, output, platforms};
use crate::check::{Alignment, Versions};
use crate::cost::{GROWTH_RULES, Growth, Level, Price, RuleRef, growth, price_all};
use crate::guard::MemoryWatch;
use crate::ir::Document;
use crate::report::{Before, Prices};
use std::collections::HashMap;
use std::path::PathBuf;

/// Prices everything read, as rules of one device.
pub(super) fn run(options: &Cost, common: &Common) -> Result<Exit, Error> {
    let targets: Vec<Target> = options.paths.iter().map(|path| Target::new(path)).collect();
    let policy = Policy::find(options.policing.config.as_deref(), targets.first().map(|t| &*t.path))?;
    let mut devices = platforms::devices(&options.platforms, &policy.config)?;
    platforms::attach(&mut devices, &options.attached);
    if devices.is_empty() {
        return Err(Error::NoPlatform);
    }
    if options.worst {
        return super::worst::run(options, common, &devices);
    }
    let against = match options.against.as_deref() {
        Some(named) => {
            let paths: Vec<PathBuf> = targets.iter().map(|target| target.path.clone()).collect();
            Against::find(named, &paths, &options.reading.include_path)?
        }
        None => Against::default(),
    };
    let all: Vec<Target> =
        targets.iter().cloned().chain(against.targets.iter().map(|(_, target)| target.clone())).collect();
    let mut inputs = Inputs::read_targets(&all, &options.reading)?;
    against.rename(&mut inputs);
    inputs.tell(common);
    let broken = inputs.tell_errors(common);
    let (new, old): (Vec<_>, Vec<_>) = inputs.placed().partition(|(target, _, _)| *target < targets.len());
    let old: Vec<_> =
        old.into_iter().map(|(target, below, input)| (target - targets.len(), below, input)).collect();
    let versions = if options.against.is_some() { against.versions(&new, &old) } else { Vec::new() };
    let parts = selected(&inputs, new.len())?;
    let whole = inputs.all.iter().take(new.len()).map(|input| &input.reading.document);
    let documents: Vec<&Document> =
        whole.zip(&parts).map(|(whole, part)| part.as_ref().unwrap_or(whole)).collect();
    let of_old = old_documents(&inputs, &versions);
    let old_documents: Vec<&Document> = of_old.iter().map(|(_, document)| &**document).collect();
    let prices = price_all(&devices, &documents);
    let before = options.against.is_some().then(|| Before {
        prices: price_all(&devices, &old_documents),
        documents: &old_documents,
        pairs: pairs(&documents, &of_old),
    });
    let growth: Option<Vec<Vec<Growth<'_>>>> =
        options.growth.then(|| prices.iter().map(|price| growth(&documents, price)).collect());
    MemoryWatch::default().look()?;
    let growing = growth.as_deref().map_or(Growing::NotAsked, |lists| Growing::of(&prices, lists));
    let report = Prices { prices: &prices, documents: &documents, before, growth };
    output::write(options.writing.output.as_deref(), common, |out, _| match options.format {
        PriceFormat::Terminal => report.write_terminal(common.verbose, out),
        PriceFormat::Json => report.write_json(out),
        PriceFormat::Html => report.write_html(common.verbose, out),
        PriceFormat::Markdown => report.write_markdown(common.verbose, out),
    })?;
    Ok(verdict(&prices, broken, growing, options.inconclusive))
}

/// The rule set asked for of each of the first inputs, where one is.
fn selected(inputs: &Inputs, count: usize) -> Result<Vec<Option<Document>>, Error> {
    let mut parts = Vec::new();
    for (input, name) in inputs.selected().take(count) {
        let document = &input.reading.document;
        let path = inputs.sources.get(input.source).name();
        parts.push(match name {
            None => None,
            Some(name) => Some(select::only(document, select::single(document, path, Some(name))?)),
        });
    }
    Ok(parts)
}

/// What stood before, each document with the number of the input that takes its place.
fn old_documents<'a>(
    inputs: &Inputs,
    versions: &[Versions<'a>],
) -> Vec<(Option<usize>, std::borrow::Cow<'a, Document>)> {
    use std::borrow::Cow;
    let asked: HashMap<_, _> =
        inputs.selected().filter_map(|(input, name)| Some((input.source, name?))).collect();
    let mut number = 0;
    let mut list = Vec::new();
    for pair in versions {
        let place = pair.new.map(|_| number);
        number += usize::from(pair.new.is_some());
        let Some(old) = pair.old else { continue };
        let document = &old.reading.document;
        let name = pair.new.and_then(|new| asked.get(&new.source).copied());
        list.push(match name {
            None => (place, Cow::Borrowed(document)),
            // A rule set that was not there cost nothing.
            Some(name) => match select::single(document, "", Some(name)) {
                Ok(index) => (place, Cow::Owned(select::only(document, index))),
                Err(_) => continue,
            },
        });
    }
    list
}

/// For each rule that was there before in one form or another, which; and whether it is the same.
fn pairs(
    new: &[&Document],
    old: &[(Option<usize>, std::borrow::Cow<'_, Document>)],
) -> HashMap<RuleRef, (RuleRef, bool)> {
    let mut pairs = HashMap::new();
    for ((place, old), number) in old.iter().zip(0_u32..) {
        let Some((new, place)) = place.and_then(|place| Some((new.get(place)?, u32::try_from(place).ok()?)))
        else {
            continue;
        };
        let mut named: HashMap<&str, (u32, &crate::ir::RuleSet)> = HashMap::new();
        for (set, index) in new.rule_sets.iter().zip(0_u32..) {
            named.entry(&set.name).or_insert((index, set));
        }
        for (set, old_index) in old.rule_sets.iter().zip(0_u32..) {
            let Some((new_index, next)) = named.get(&*set.name) else { continue };
            let alignment = Alignment::of(set, next);
            for (list, same) in [(&alignment.same, true), (&alignment.edited, false)] {
                pairs.extend(list.iter().filter_map(|(before, after)| {
                    let rule = |rule: usize| u32::try_from(rule).ok();
                    let after = RuleRef { document: place, rule_set: *new_index, rule: rule(*after)? };
                    let before = RuleRef { document: number, rule_set: old_index, rule: rule(*before)? };
                    Some((after, (before, same)))
                }));
            }
        }
    }
    pairs
}

/// What came of asking how costs grow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Growing {
    NotAsked,
    AsRules,
    Faster,
    NotKnown,
}

impl Growing {
    fn of(prices: &[Price<'_>], lists: &[Vec<Growth<'_>>]) -> Self {
        let few = |price: &Price<'_>| (price.rules.len() as u64) < GROWTH_RULES;
        let all = || prices.iter().zip(lists).filter(|(price, _)| !few(price)).flat_map(|(_, list)| list);
        if all().any(Growth::is_superlinear) {
            Self::Faster
        } else if prices.iter().any(few) || all().any(|growth| growth.values().is_none()) {
            Self::NotKnown
        } else {
            Self::AsRules
        }
    }
}

fn verdict(prices: &[Price<'_>], broken: bool, growing: Growing, inconclusive: OnInconclusive) -> Exit {
    if broken || growing == Growing::Faster || prices.iter().any(|price| price.level == Level::Deny) {
        return Exit::Found;
    }
    // A figure known from below only, held against a limit: it may be beyond.
    let open = |price: &Price<'_>| price.resources.iter().any(|r| r.limit.is_some() && !r.used.exact);
    match (growing == Growing::NotKnown || prices.iter().any(open), inconclusive) {
        (false, _) | (true, OnInconclusive::Ignore) => Exit::Clean,
        (true, OnInconclusive::Report) => Exit::Inconclusive,
        (true, OnInconclusive::Fail) => Exit::Found,
    }
}
