//! `flowgate diff`: which packets two files decide differently.

use super::args::{Common, Diff};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output};
use crate::check::Comparison;
use crate::field::Headers;
use crate::ir::Document;
use crate::packet::{CaptureWriter, LinkType, build};
use crate::report::{Difference, clean};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

/// Compares every rule set of one file with that of the same name of another, or the only ones of both.
pub(super) fn run(options: &Diff, common: &Common) -> Result<Exit, Error> {
    if [&options.old, &options.new].iter().all(|path| **path == Path::new("-")) {
        return Err(Error::StdinTwice);
    }
    let mut old = File1::read(&options.old, options, common)?;
    let mut new = File1::read(&options.new, options, common)?;
    let mut comparison = Comparison::of(old.document, new.document);
    if old.dialect != new.dialect {
        comparison.forget_words();
    }
    old.inputs.memory.look()?;
    new.inputs.memory.look()?;
    let difference =
        Difference { old: &old.inputs.sources, new: &new.inputs.sources, comparison: &comparison };
    if let Some(path) = &options.write_pcap {
        write_packets(path, difference.packets())?;
    }
    output::report(
        &options.reporting,
        common,
        |out| difference.write_terminal(out),
        |out| difference.write_json(out),
    )?;
    Ok(match (difference.differs() || old.broken || new.broken, difference.is_open()) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Inconclusive,
        (false, false) => Exit::Clean,
    })
}

/// One side as it was read.
struct File1 {
    inputs: Inputs,
    document: Document,
    dialect: &'static str,
    broken: bool,
}

impl File1 {
    fn read(path: &Path, options: &Diff, common: &Common) -> Result<Self, Error> {
        let target = Target::new(path);
        let (inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
        let [input] = inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
        let name = inputs.sources.get(input.source).name();
        let whole = &input.reading.document;
        let document = match target.rule_set.as_deref() {
            Some(_) => select::only(whole, select::single(whole, name, target.rule_set.as_deref())?),
            None => whole.clone(),
        };
        let dialect = input.dialect;
        Ok(Self { inputs, document, dialect, broken })
    }
}

/// Writes packets to a capture.
pub(super) fn write_packets<'p>(
    path: &Path,
    packets: impl Iterator<Item = &'p Headers>,
) -> Result<(), Error> {
    let failed = |source| Error::Write { path: clean(&path.to_string_lossy()).into_owned(), source };
    let file = File::create(path).map_err(failed)?;
    let mut writer = CaptureWriter::new(BufWriter::new(file), LinkType::RAW).map_err(failed)?;
    for (packet, number) in packets.zip(0_u64..) {
        let Ok(octets) = build(packet) else { continue };
        let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
        writer.write(Duration::from_micros(number), &octets, length).map_err(failed)?;
    }
    writer.finish().map_err(failed)?;
    Ok(())
}
