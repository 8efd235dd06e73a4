//! `flowgate trace`: why one packet gets its verdict.

use super::args::{Common, Trace};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output};
use crate::campaign::cases::takes;
use crate::campaign::starting::family_of;
use crate::eval::{self, Decision};
use crate::field::{CtState, Field, Headers};
use crate::ir::Document;
use crate::packet::{CaptureReader, decode, words};
use crate::report::{self, clean};
use std::path::Path;

/// Walks one rule set over one packet and tells of every rule tried.
pub(super) fn run(options: &Trace, common: &Common) -> Result<Exit, Error> {
    let target = Target::new(&options.rules);
    let (mut inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
    let [input] = inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
    let document = &input.reading.document;
    let mut headers = packet(options, document)?;
    if options.view.first_packet {
        headers.assume(Field::CtState, CtState::New as u32);
    }
    let path = inputs.sources.get(input.source).name();
    let rule_set = for_packet(document, path, target.rule_set.as_deref(), &headers)?;
    let mut steps = Vec::new();
    let index = u32::try_from(rule_set).unwrap_or(u32::MAX);
    let decision = eval::walk(document, index, &headers, &mut |step| steps.push(step))?;
    inputs.memory.look()?;
    let trace = report::Trace {
        sources: &inputs.sources,
        document,
        rule_set,
        packet: words::print(&headers, &document.symbols),
        headers: &headers,
        steps,
        decision,
    };
    output::report(&options.reporting, common, |out| trace.write_terminal(out), |out| trace.write_json(out))?;
    Ok(match decision {
        _ if broken => Exit::Found,
        Decision::Unknown(_) => Exit::Inconclusive,
        Decision::Verdict(..) => Exit::Clean,
    })
}

/// The packet: from its words, or out of a capture.
fn packet(options: &Trace, document: &Document) -> Result<Headers, Error> {
    let Some(file) = &options.capture else {
        let text = options.packet.as_deref().unwrap_or("");
        return words::parse(text, &document.symbols)
            .map_err(|error| Error::Packet { text: clean(text).into_owned(), message: error.to_string() });
    };
    let name = || clean(&file.to_string_lossy()).into_owned();
    let failed = |source| Error::Capture { path: name(), source };
    let mut reader = if file == Path::new("-") {
        CaptureReader::new(std::io::stdin().lock()).map_err(failed)?
    } else {
        let handle = std::fs::File::open(file).map_err(|source| Error::Read { path: name(), source })?;
        CaptureReader::new(handle).map_err(failed)?
    };
    let wanted = options.index.unwrap_or(1);
    let mut headers = Headers::new();
    while let Some(frame) = reader.next_frame().map_err(failed)? {
        if frame.number == wanted {
            decode(frame.link_type, frame.octets, frame.length, &mut headers);
            return Ok(headers);
        }
    }
    Err(Error::NoSuchPacket { path: name(), index: wanted, packets: reader.frames() })
}

/// The rule set asked for; where none is, the only one, or the only one for packets of this family.
pub(super) fn for_packet(
    document: &Document,
    path: &str,
    name: Option<&str>,
    headers: &Headers,
) -> Result<usize, Error> {
    let family = family_of(headers);
    let entries = document.entries().into_iter();
    let mut fitting =
        entries.filter(|index| document.rule_sets.get(*index).is_some_and(|set| takes(set, family)));
    match (name, fitting.next(), fitting.next()) {
        (None, Some(only), None) => Ok(only),
        _ => select::single(document, path, name),
    }
}
