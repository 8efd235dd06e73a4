//! `flowgate diff`: which packets two files decide differently.

use super::args::{Common, Diff, TableFormat};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output};
use crate::eval::{Decision, Evaluator, holds};
use crate::field::{Field, Headers};
use crate::ir::{Document, RuleSet};
use crate::packet::{CaptureWriter, LinkType, build};
use crate::report::{Difference, Pair, Side, clean};
use crate::symbolic::{Delta, delta};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

/// Compares every rule set of one file with that of the same name of another, or the only ones of both.
pub(super) fn run(options: &Diff, common: &Common) -> Result<Exit, Error> {
    let mut old = File1::read(&options.old, options, common)?;
    let mut new = File1::read(&options.new, options, common)?;
    old.document.join_symbols(&mut new.document);
    let (mut pairs, mut removed) = (Vec::new(), Vec::new());
    let mut left: Vec<usize> = new.entries.clone();
    for entry in &old.entries {
        let Some(set) = old.document.rule_sets.get(*entry) else { continue };
        let named =
            |index: &usize| new.document.rule_sets.get(*index).is_some_and(|new| new.name == set.name);
        let only = old.entries.len() == 1 && new.entries.len() == 1;
        match left.iter().position(|index| only || named(index)) {
            Some(at) => pairs.push((*entry, left.remove(at))),
            None => removed.push(set),
        }
    }
    let compared = pairs.iter().filter_map(|(old_entry, new_entry)| {
        let (old_set, new_set) =
            (old.document.rule_sets.get(*old_entry)?, new.document.rule_sets.get(*new_entry)?);
        let found = compare((&old.document, *old_entry, old_set), (&new.document, *new_entry, new_set));
        Some(Pair { old: old_set, new: new_set, found })
    });
    let difference = Difference {
        old: Side { sources: &old.inputs.sources, symbols: &old.document.symbols },
        new: Side { sources: &new.inputs.sources, symbols: &new.document.symbols },
        pairs: compared.collect(),
        removed,
        added: left.iter().filter_map(|index| new.document.rule_sets.get(*index)).collect(),
    };
    if let Some(path) = &options.write_pcap {
        let changes = difference.pairs.iter().filter_map(|pair| pair.found.as_ref().ok());
        let packets = changes.flat_map(|found| &found.changes).filter_map(|change| change.packet.as_deref());
        write_packets(path, packets)?;
    }
    output::write(options.writing.output.as_deref(), common, |out, _| match options.format {
        TableFormat::Terminal => difference.write_terminal(out),
        TableFormat::Json => difference.write_json(out),
    })?;
    Ok(match (difference.differs() || old.broken || new.broken, difference.is_open()) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Inconclusive,
        (false, false) => Exit::Clean,
    })
}

/// One side as it was read, its rule sets without calls as far as they can be.
struct File1 {
    inputs: Inputs,
    document: Document,
    entries: Vec<usize>,
    broken: bool,
}

impl File1 {
    fn read(path: &Path, options: &Diff, common: &Common) -> Result<Self, Error> {
        let target = Target::new(path);
        let mut inputs = Inputs::read_targets(std::slice::from_ref(&target), &options.reading)?;
        inputs.tell(common);
        let broken = inputs.tell_errors(common);
        let [input] = inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
        let name = inputs.sources.get(input.source).name();
        let whole = &input.reading.document;
        let document = match target.rule_set.as_deref() {
            Some(_) => select::only(whole, select::single(whole, name, target.rule_set.as_deref())?),
            None => whole.clone(),
        };
        let document = document.flattened(|_, _| false).into_owned();
        inputs.memory.look()?;
        let entries = document.entries();
        Ok(Self { inputs, document, entries, broken })
    }
}

/// What tells two rule sets apart, each witness put through both.
fn compare(old: (&Document, usize, &RuleSet), new: (&Document, usize, &RuleSet)) -> Result<Delta, String> {
    let mut found = delta(old.2, new.2, holds).map_err(|error| error.to_string())?;
    for change in &mut found.changes {
        let Some(packet) = &mut change.packet else { continue };
        let is_so = |packet: &Headers| {
            [(old, change.before), (new, change.after)].into_iter().all(|((document, entry, _), verdict)| {
                let decision = Evaluator::new(document, entry).map(|walk| walk.decide(packet));
                matches!(decision, Some(Ok(Decision::Verdict(is, _))) if is == verdict)
            })
        };
        if !is_so(packet) {
            return Err(
                "evaluation does not confirm a packet found: this is a fault of flowgate, please report it"
                    .to_owned(),
            );
        }
        // What only the device knows is left out where nothing rests on it.
        for field in [Field::InGroup, Field::OutGroup, Field::CtState, Field::Mark] {
            let mut less = packet.clone();
            less.set_cut(field);
            if is_so(&less) {
                *packet = less;
            }
        }
    }
    Ok(found)
}

/// Writes packets to a capture, one microsecond apart.
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
