//! `flowgate measure --calibrate`: an engine measured at several sizes, its model fitted, and how far that is off on
//! rules that it was not fitted to.

use super::args::Common;
use super::error::Error;
use super::measure::{Bench, Prepared};
use super::measuring::Measure;
use super::{Exit, output};
use crate::campaign::shapes::{self, FITTED, HELD_OUT, Shape};
use crate::cost::fit::Fitted;
use crate::cost::measured::{Load, median};
use crate::report::{Calibration, Case, clean};
use indicatif::{ProgressBar, ProgressStyle};
use std::fmt::Write as _;
use std::time::Duration;

/// The seed of the rules that models are fitted to, and that of those they are judged on.
const SEEDS: [u64; 2] = [1, 7];

/// Measures shapes and the user's own rules, fits, and says how far it is off.
pub(super) fn run(
    bench: &Bench<'_>,
    own: Prepared,
    name: &str,
    options: &Measure,
    common: &Common,
) -> Result<Exit, Error> {
    let seen = FITTED.iter().flat_map(|shape| options.sizes.iter().map(move |size| (*shape, *size, true)));
    // Sizes in between and beyond, which the model was not fitted to either.
    let unseen =
        HELD_OUT.iter().flat_map(|shape| options.sizes.iter().map(move |size| (*shape, size * 3, false)));
    let plan: Vec<(Shape, u32, bool)> = seen.chain(unseen).collect();
    let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(plan.len() as u64 + 1) };
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} case {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut measured = Vec::new();
    for (shape, size, fitted) in plan {
        bar.set_message(format!("{} {size}", shape.name()));
        let seed = if fitted { SEEDS[0] } else { SEEDS[1] };
        let document = shapes::document(shape, size, seed);
        let prepared = Prepared::new(bench.about, &document, None, &mut Vec::new())?;
        measured.push((shape.name().to_owned(), fitted, one(bench, &prepared, options.repeat)?, prepared));
        bar.inc(1);
    }
    let label = clean(name).into_owned();
    measured.push((label, false, one(bench, &own, options.repeat)?, own));
    bar.finish_and_clear();

    let known = measured.iter().filter(|(_, fitted, ..)| *fitted);
    let known: Vec<_> = known.filter_map(|(_, _, octets, of)| Some((of.quantities?, (*octets)?))).collect();
    let model = Fitted::to(&known);
    let cases: Vec<Case> = measured
        .iter()
        .map(|(shape, fitted, octets, of)| Case {
            shape: shape.clone(),
            rules: of.given,
            fitted: *fitted && model.is_some(),
            measured: *octets,
            predicted: match (&model, of.quantities) {
                (Some(model), Some(quantities)) => Some(whole(model.octets(quantities))),
                _ => of.predicted,
            },
        })
        .collect();
    let mut report =
        Calibration { engine: bench.about.name, cases: &cases, profile: "", is_fitted: model.is_some() };
    let profile = fragment(bench, model, report.worst());
    report.profile = &profile;
    if let Some(path) = &options.write_profile {
        let written = std::fs::write(path, &profile);
        let path = clean(&path.to_string_lossy()).into_owned();
        written.map_err(|source| Error::Write { path, source })?;
    }
    output::report(
        &options.reporting,
        common,
        |out| report.write_terminal(out),
        |out| report.write_json(out),
    )?;
    // An engine that did not take what it was to be measured with was not calibrated.
    Ok(if cases.iter().any(|case| case.measured.is_none()) { Exit::Found } else { Exit::Clean })
}

/// The median memory of some loads; none when one is not accepted.
fn one(bench: &Bench<'_>, prepared: &Prepared, repeat: u16) -> Result<Option<u64>, Error> {
    let mut loads = Vec::new();
    for _ in 0..repeat {
        loads.push(bench.once(prepared)?.load);
    }
    let memory: Option<Vec<u64>> = loads.iter().map(Load::memory).collect();
    Ok(memory.and_then(median))
}

/// The resource of a profile with the model, in the words of `src/cost/platforms/*.toml`.
fn fragment(bench: &Bench<'_>, model: Option<Fitted>, worst: Option<f64>) -> String {
    let resource = bench.about.model.map_or("memory-octets", |(_, resource)| resource);
    let counts = match model {
        Some(Fitted { base, per_rule, per_nlri_octet, per_component, per_operand }) => format!(
            "counts = \"octets\", base = {base:.0}, per-rule = {per_rule:.1}, per-nlri-octet = {per_nlri_octet:.2}, \
             per-component = {per_component:.1}, per-operand = {per_operand:.1}"
        ),
        None => format!("counts = \"kernel\", words = \"{}\"", bench.about.words.unwrap_or_default()),
    };
    let mut text = format!(
        "# What {} takes on this machine, measured with `flowgate measure --calibrate`.\n",
        bench.about.name
    );
    if let Some(worst) = worst {
        let percent = worst * 100.0;
        // Writing to a string does not fail.
        _ = writeln!(text, "# The largest error on rules it was not fitted to: {percent:.1} %.");
    }
    _ = writeln!(
        text,
        "[[resource]]\nname = \"{resource}\"\nunit = \"octets\"\nmodel = {{ {counts} }}\nsource = \"M5\"\nverified = true\n\
         note = \"measured on one machine, one table, one peer\""
    );
    text
}

/// A figure of a model as a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures are not negative, and the conversion saturates"
)]
fn whole(octets: f64) -> u64 {
    octets.round().max(0.0) as u64
}
