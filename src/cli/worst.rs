//! `flowgate cost --worst`: the rule, or the edit of given rules, with the largest cost on a platform.

use super::args::{AddressFamily, Common, OnInconclusive, PriceFormat};
use super::error::Error;
use super::inputs::Inputs;
use super::pricing::Cost;
use super::{Exit, output};
use crate::cost::{Device, Question, default_resource, edits, worst};
use crate::field::Family;
use crate::guard::{Meter, limits};
use crate::ir::Document;
use crate::report::{Searched, Searches, clean};

/// Searches on every device: from nothing where no rules are given, else for the edit that makes them dearest.
pub(super) fn run(options: &Cost, common: &Common, devices: &[Device]) -> Result<Exit, Error> {
    if matches!(options.format, PriceFormat::Html | PriceFormat::Markdown) {
        return Err(Error::NoSearchForm);
    }
    let inputs = match options.paths.as_slice() {
        [] => Inputs::default(),
        paths => Inputs::read(paths, &options.reading)?,
    };
    inputs.tell(common);
    let broken = inputs.tell_errors(common);
    let documents: Vec<&Document> = inputs.all.iter().map(|input| &input.reading.document).collect();
    let family = match options.reading.family {
        Some(AddressFamily::Ipv6) => Family::Inet6,
        Some(AddressFamily::Ipv4) | None => Family::Inet,
    };
    let mut list = Vec::new();
    for device in devices {
        let platform = &device.platform;
        let resource = match &options.resource {
            Some(name) => platform.resource(name).ok_or_else(|| Error::NoSuchResource {
                platform: platform.name.clone(),
                name: clean(name).into_owned(),
                known: platform.resource.iter().map(|resource| resource.name.clone()).collect(),
            })?,
            None => default_resource(device, family)
                .ok_or_else(|| Error::NothingToSearch { platform: platform.name.clone() })?,
        };
        let question = Question { device, resource, family, ranges: options.ranges };
        let mut meter = Meter::new(&limits::WORST_TRIES);
        let limit = device.budgets.get(&resource.name).copied().or(resource.holds());
        list.push(if documents.is_empty() {
            Searched { device, resource, limit, worst: worst(question, &mut meter), edits: None }
        } else {
            let edits = Some(edits(question, &documents, &mut meter));
            Searched { device, resource, limit, worst: None, edits }
        });
    }
    let report = Searches { list: &list, documents: &documents };
    output::write(options.writing.output.as_deref(), common, |out, _| match options.format {
        PriceFormat::Json => report.write_json(out),
        PriceFormat::Terminal | PriceFormat::Html | PriceFormat::Markdown => {
            report.write_terminal(common.verbose, out)
        }
    })?;
    Ok(match (broken, list.iter().any(Searched::is_stopped), options.inconclusive) {
        (true, _, _) | (false, true, OnInconclusive::Fail) => Exit::Found,
        (false, true, OnInconclusive::Report) => Exit::Inconclusive,
        (false, ..) => Exit::Clean,
    })
}
