//! `flowgate eval`: runs packets through rules.

use super::args::{Common, Eval};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output, say};
use crate::eval::{Decision, Totals};
use crate::field::{CtState, Family, Field, Headers, Layer, Reading};
use crate::ir::{Kind, Rule, Verdict};
use crate::packet::{CaptureError, CaptureReader, CaptureWriter, Counts, Decoded, Frame, LinkType, decode};
use crate::report::{Evaluated, Evaluation, VERDICTS, clean, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Evaluates every packet of the captures and sums up.
pub(super) fn run(options: &Eval, common: &Common) -> Result<Exit, Error> {
    let targets: Vec<Target> = options.rules.iter().map(|path| Target::new(path)).collect();
    let mut reading = options.reading.clone();
    if reading.link_type.is_none() {
        reading.link_type = options.capture.first().and_then(|path| link_type(path));
    }
    let inputs = Inputs::read_targets(&targets, &reading)?;
    inputs.tell(common);
    let broken = inputs.tell_errors(common);
    let mut evaluated = Vec::new();
    for (input, name) in inputs.selected() {
        let document = &input.reading.document;
        let path = inputs.sources.get(input.source).name();
        for index in select::entries(document, path, name)? {
            if let Some(totals) = Totals::new(document, index) {
                evaluated.push(Evaluated { document, rule_sets: select::reached(document, index), totals });
            }
        }
    }
    let mut run = Run {
        frames: evaluated.iter().map(asks_of_frames).collect(),
        evaluation: Evaluation {
            sources: &inputs.sources,
            evaluated,
            counts: Counts::default(),
            verdicts: Default::default(),
        },
        files: writers(&options.write_pcap),
        first_packet: options.view.first_packet,
    };
    let mut memory = inputs.memory.clone();
    for path in &options.capture {
        run.capture(path, common)?;
        memory.look()?;
    }
    for file in &mut run.files {
        file.finish()?;
        if file.left_out > 0 {
            let number = count(file.left_out, "packet");
            say(&format!("note: {number} of another link type not written to `{}`", file.name));
        }
    }
    let evaluation = run.evaluation;
    output::report(
        &options.reporting,
        common,
        |out| evaluation.write_terminal(common.verbose, out),
        |out| evaluation.write_json(out),
    )?;
    Ok(if broken { Exit::Found } else { Exit::Clean })
}

struct Run<'a> {
    evaluation: Evaluation<'a>,
    // For each rule set whether it is asked about frames that carry no IP packet.
    frames: Vec<bool>,
    files: Vec<PacketFile>,
    first_packet: bool,
}

impl Run<'_> {
    fn capture(&mut self, path: &Path, common: &Common) -> Result<(), Error> {
        let name = clean(&path.to_string_lossy()).into_owned();
        if path == Path::new("-") {
            return self.packets(io::stdin().lock(), &name);
        }
        let failed = |source| Error::Read { path: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(size) };
        let style = "{wide_bar} {bytes}/{total_bytes} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let done = self.packets(bar.wrap_read(file), &name);
        bar.finish_and_clear();
        done
    }

    fn packets(&mut self, from: impl Read, name: &str) -> Result<(), Error> {
        let failed = |source| Error::Capture { path: name.to_owned(), source };
        let mut reader = CaptureReader::new(from).map_err(failed)?;
        let mut headers = Headers::new();
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => self.packet(&frame, &mut headers)?,
                Ok(None) => return Ok(()),
                // A capture that was stopped: what it holds is evaluated, and the user is told.
                Err(error @ CaptureError::Ended { .. }) => {
                    say(&format!("note: `{name}`: {error}; the packets before it are counted"));
                    return Ok(());
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }

    fn packet(&mut self, frame: &Frame<'_>, headers: &mut Headers) -> Result<(), Error> {
        let decoded = decode(frame.link_type, frame.octets, frame.length, headers);
        let evaluation = &mut self.evaluation;
        evaluation.counts.add(decoded, frame.length);
        let is_packet = match decoded {
            Decoded::NotDecoded => return Ok(()),
            Decoded::NotIp if !self.frames.contains(&true) => return Ok(()),
            other => other != Decoded::NotIp,
        };
        if self.first_packet {
            headers.assume(Field::CtState, CtState::New as u32);
        }
        let mut fate = Fate::NoDecision;
        for (one, of_frames) in evaluation.evaluated.iter_mut().zip(&self.frames) {
            if if is_packet { takes(one, headers) } else { *of_frames } {
                fate = fate.max(Fate::of(one.totals.run(headers, frame.length)?));
            }
        }
        if let Some(tally) = evaluation.verdicts.get_mut(fate.index()) {
            tally.add(frame.length);
        }
        for file in &mut self.files {
            if file.wants(fate) {
                file.write(frame)?;
            }
        }
        Ok(())
    }
}

/// The link type of the first packet of a capture that is a file.
fn link_type(path: &Path) -> Option<u16> {
    let mut reader = CaptureReader::new(File::open(path).ok()?).ok()?;
    // What is wrong with it is said when it is read.
    reader.next_frame().ok()?.map(|frame| frame.link_type.0)
}

/// Whether a filter is asked about frames that carry no IP packet: it looks at what only frames have.
fn asks_of_frames(one: &Evaluated<'_>) -> bool {
    let set = one.rule_sets.first().and_then(|index| one.document.rule_sets.get(*index));
    let of_frame = |field: Field| {
        field.info().layer == Layer::Link
            && !matches!(
                field,
                Field::InIface
                    | Field::OutIface
                    | Field::InGroup
                    | Field::OutGroup
                    | Field::CtState
                    | Field::Mark
            )
    };
    set.is_some_and(|set| {
        let looks = |rule: Rule<'_>| rule.condition.tests().iter().any(|test| of_frame(test.field()));
        set.kind == Kind::Filter && set.family == Family::Any && set.rules.iter().any(looks)
    })
}

/// Whether packets of this family are put to the rule set at all; of others it says nothing, not even its default.
fn takes(one: &Evaluated<'_>, headers: &Headers) -> bool {
    let set = one.rule_sets.first().and_then(|index| one.document.rule_sets.get(*index));
    let version = match set.map_or(Family::Any, |set| set.family) {
        Family::Any => return true,
        Family::Inet => 4,
        Family::Inet6 => 6,
    };
    matches!(headers.get(Field::IpVersion), Reading::Value(v) if v == version)
        || headers.get(Field::IpVersion) == Reading::Cut
}

/// What becomes of a packet that several rule sets look at: a drop of one is final, and so is a doubt about one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fate {
    NoDecision,
    Accept,
    Unknown,
    Reject,
    Discard,
}

impl Fate {
    fn of(decision: Decision) -> Self {
        match decision {
            Decision::Unknown(_) => Self::Unknown,
            Decision::Verdict(Verdict::Accept, _) => Self::Accept,
            Decision::Verdict(Verdict::Discard, _) => Self::Discard,
            Decision::Verdict(Verdict::Reject(_), _) => Self::Reject,
            Decision::Verdict(Verdict::NoDecision, _) => Self::NoDecision,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::NoDecision => "no-decision",
            Self::Accept => "accept",
            Self::Unknown => "unknown",
            Self::Reject => "reject",
            Self::Discard => "discard",
        }
    }

    fn index(self) -> usize {
        VERDICTS.iter().position(|name| *name == self.name()).unwrap_or(VERDICTS.len())
    }
}

/// A capture that takes the packets of one verdict.
struct PacketFile {
    verdict: String,
    name: String,
    path: PathBuf,
    // Opened with the first packet, whose link type is that of the file.
    writer: Option<(CaptureWriter<BufWriter<File>>, LinkType)>,
    left_out: u64,
}

fn writers(wanted: &[(String, PathBuf)]) -> Vec<PacketFile> {
    let file = |(verdict, path): &(String, PathBuf)| PacketFile {
        verdict: verdict.clone(),
        name: clean(&path.to_string_lossy()).into_owned(),
        path: path.clone(),
        writer: None,
        left_out: 0,
    };
    wanted.iter().map(file).collect()
}

impl PacketFile {
    fn wants(&self, fate: Fate) -> bool {
        let is_drop = matches!(fate, Fate::Discard | Fate::Reject);
        self.verdict == fate.name() || (is_drop && self.verdict == "drop")
    }

    fn open(
        &mut self,
        link_type: LinkType,
    ) -> Result<&mut (CaptureWriter<BufWriter<File>>, LinkType), Error> {
        let writer = if let Some(writer) = self.writer.take() {
            writer
        } else {
            let opened =
                File::create(&self.path).and_then(|file| CaptureWriter::new(BufWriter::new(file), link_type));
            (opened.map_err(|source| self.failed(source))?, link_type)
        };
        Ok(self.writer.insert(writer))
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::Write { path: self.name.clone(), source }
    }

    fn write(&mut self, frame: &Frame<'_>) -> Result<(), Error> {
        let (writer, link_type) = self.open(frame.link_type)?;
        if *link_type != frame.link_type {
            self.left_out += 1;
            return Ok(());
        }
        let written = writer.write(frame.time.unwrap_or(Duration::ZERO), frame.octets, frame.length);
        written.map_err(|source| self.failed(source))
    }

    fn finish(&mut self) -> Result<(), Error> {
        // A file the user asked for is there, even without a packet.
        self.open(LinkType::RAW)?;
        match self.writer.take() {
            Some((writer, _)) => writer.finish().map(|_| ()).map_err(|source| self.failed(source)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_has_its_place_among_the_verdicts() {
        for fate in [Fate::NoDecision, Fate::Accept, Fate::Unknown, Fate::Reject, Fate::Discard] {
            assert_eq!(VERDICTS.get(fate.index()), Some(&fate.name()));
        }
    }
}
