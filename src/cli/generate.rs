//! `flowgate generate packets`: a capture aimed at rules.

use super::args::{Common, GeneratePackets};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, say};
use crate::campaign::boundary;
use crate::guard::Exhausted;
use crate::packet::{CaptureWriter, LinkType};
use crate::report::{clean, count};
use std::fs::File;
use std::io::{self, BufWriter};
use std::time::Duration;

/// Writes the boundary packets of every rule as pcap.
pub(super) fn packets(options: &GeneratePackets, common: &Common) -> Result<Exit, Error> {
    let target = Target::new(&options.rules);
    let (inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
    let name = clean(&options.output.to_string_lossy()).into_owned();
    let failed = |source| Error::Write { path: name.clone(), source };
    let file = File::create(&options.output).map_err(failed)?;
    let mut writer = CaptureWriter::new(BufWriter::new(file), LinkType::RAW).map_err(failed)?;
    let mut packets = 0;
    let mut missed = Vec::new();
    for (input, wanted) in inputs.selected() {
        let document = &input.reading.document;
        let path = inputs.sources.get(input.source).name();
        for index in select::rule_sets(document, path, wanted)? {
            let set = document.rule_sets.get(index).filter(|set| set.kind.is_written());
            let Some(set) = set else { continue };
            let mut write = |octets: &[u8]| {
                let length = u32::try_from(octets.len()).unwrap_or(u32::MAX);
                // One microsecond apart from the beginning of time: no clock, so that a seed repeats exactly.
                let time = Duration::from_micros(packets);
                packets += 1;
                writer.write(time, octets, length).map_err(Stop::Write)
            };
            let generated = boundary::packets(set, options.seed, &mut write).map_err(|stop| match stop {
                Stop::Write(source) => Error::Write { path: name.clone(), source },
                Stop::Exhausted(exhausted) => Error::Exhausted(exhausted),
            })?;
            let names = generated.missed.iter().filter_map(|number| set.rules.get(*number));
            missed.extend(names.map(|rule| (rule.name, set.name.clone())));
        }
    }
    writer.finish().map_err(failed)?;
    if !common.quiet {
        for (rule, set) in &missed {
            say(&format!("note: no packet for rule `{}` of `{}`", clean(rule), clean(set)));
        }
        let rules = u64::try_from(inputs.rule_count()).unwrap_or(u64::MAX);
        say(&format!("{} aimed at {}", count(packets, "packet"), count(rules, "rule")));
    }
    Ok(if broken { Exit::Found } else { Exit::Clean })
}

/// Why generating stopped.
enum Stop {
    Write(io::Error),
    Exhausted(Exhausted),
}

impl From<Exhausted> for Stop {
    fn from(exhausted: Exhausted) -> Self {
        Self::Exhausted(exhausted)
    }
}
