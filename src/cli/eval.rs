//! `flowgate eval`: runs packets through rules.

use super::args::{Common, Eval, SeriesForm};
use super::error::Error;
use super::evaluating::{Batch, Fate, Plan, Sums};
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output, say};
use crate::eval::{Compiled, Totals};
use crate::packet::{CaptureError, CaptureReader, CaptureWriter, Frame, LinkType};
use crate::report::{Evaluated, Evaluation, Series, clean, count};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs::File;
use std::io::{self, BufWriter, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
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
    let mut plans = Vec::new();
    let mut evaluated = Vec::new();
    for (input, name) in inputs.selected() {
        let document = &input.reading.document;
        let path = inputs.sources.get(input.source).name();
        for index in select::entries(document, path, name)? {
            if let (Some(totals), Some(compiled)) =
                (Totals::new(document, index), Compiled::new(document, index))
            {
                let rule_sets = select::reached(document, index);
                plans.push(Plan::new(document, &rule_sets, compiled, options.view.first_packet));
                evaluated.push(Evaluated { document, rule_sets, totals });
            }
        }
    }
    let series = options.every.and_then(Series::new);
    let empty = Sums::new(evaluated.iter().map(|one| one.totals.clone()).collect(), series);
    let mut run = Run { options, plans: &plans, files: writers(&options.write_pcap), seen: 0, untimed: 0 };
    let mut sums = empty.clone();
    let mut memory = inputs.memory.clone();
    for path in &options.capture {
        sums.merge(&run.capture(path, &empty, common)?)?;
        memory.look()?;
    }
    run.finish()?;
    if let Some(series) = &sums.series {
        write_series(series, options, common)?;
    }
    for (one, totals) in evaluated.iter_mut().zip(sums.totals) {
        one.totals = totals;
    }
    let evaluation =
        Evaluation { sources: &inputs.sources, evaluated, counts: sums.counts, verdicts: sums.verdicts };
    output::report(
        &options.reporting,
        common,
        |out| evaluation.write_terminal(common.verbose, out),
        |out| evaluation.write_json(out),
    )?;
    Ok(if broken { Exit::Found } else { Exit::Clean })
}

fn write_series(series: &Series, options: &Eval, common: &Common) -> Result<(), Error> {
    if series.untimed().packets > 0 {
        let number = count(series.untimed().packets, "packet");
        say(&format!("note: {number} in no series: the capture does not say when"));
    }
    for (form, path) in &options.series {
        output::write(Some(path), common, |out, _| match form {
            SeriesForm::Csv => series.write_csv(out),
            SeriesForm::Json => series.write_json(out),
            SeriesForm::Svg => series.write_svg(out),
        })?;
    }
    Ok(())
}

struct Run<'r, 'a> {
    options: &'r Eval,
    plans: &'r [Plan<'a>],
    files: Vec<PacketFile>,
    // Packets looked at or passed over, of all captures.
    seen: u64,
    // Packets passed over because the capture does not say when they were seen.
    untimed: u64,
}

impl<'a> Run<'_, 'a> {
    fn capture(&mut self, path: &Path, empty: &Sums<'a>, common: &Common) -> Result<Sums<'a>, Error> {
        let name = clean(&path.to_string_lossy()).into_owned();
        if path == Path::new("-") {
            return self.packets(io::stdin().lock(), &name, empty);
        }
        let failed = |source| Error::Read { path: name.clone(), source };
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let bar = if common.quiet { ProgressBar::hidden() } else { ProgressBar::new(size) };
        let style = "{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        let done = self.packets(bar.wrap_read(file), &name, empty);
        bar.finish_and_clear();
        done
    }

    /// Evaluates the packets of one capture. What each thread counts is added up: the order in which they come to it
    /// changes nothing.
    fn packets(&mut self, from: impl Read, name: &str, empty: &Sums<'a>) -> Result<Sums<'a>, Error> {
        let failed = |source| Error::Capture { path: name.to_owned(), source };
        let mut reader = CaptureReader::new(from).map_err(failed)?;
        let plans = self.plans;
        let threads = if self.files.is_empty() { self.options.threads() } else { 1 };
        let mut sums = empty.clone();
        let mut batch = Batch::default();
        let mut more = self.fill(&mut reader, &mut batch, name)?;
        if threads == 1 || !more {
            loop {
                let fates = sums.run(&batch, plans)?;
                self.write(&batch, &fates)?;
                if !more {
                    return Ok(sums);
                }
                more = self.fill(&mut reader, &mut batch, name)?;
            }
        }
        let (full, work) = sync_channel::<Batch>(2 * threads);
        let (empties, used) = sync_channel::<Batch>(3 * threads);
        let work = Mutex::new(work);
        std::thread::scope(|scope| {
            let worker = || worker(&work, &empties, empty.clone(), plans);
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            let read = self.feed(&mut reader, batch, name, &full, &used);
            drop(full);
            let (mut failed, mut counts) = (None, Vec::new());
            for worker in workers {
                match worker.join() {
                    Ok(Ok(counted)) => counts.push(counted),
                    Ok(Err((at, error))) => {
                        // Of several the one that comes first in the capture.
                        if failed.as_ref().is_none_or(|(first, _)| at < *first) {
                            failed = Some((at, error));
                        }
                    }
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            if let Some((_, error)) = failed {
                return Err(error);
            }
            read?;
            for counted in &counts {
                sums.merge(counted)?;
            }
            Ok(sums)
        })
    }

    /// Gives one batch after the other to the workers, until there is none left or none of them takes any.
    fn feed(
        &mut self,
        reader: &mut CaptureReader<'_>,
        first: Batch,
        name: &str,
        full: &SyncSender<Batch>,
        used: &Receiver<Batch>,
    ) -> Result<(), Error> {
        let mut batch = first;
        let mut number = 0;
        loop {
            batch.number = number;
            number += 1;
            if full.send(batch).is_err() {
                return Ok(());
            }
            batch = used.try_recv().unwrap_or_default();
            if !self.fill(reader, &mut batch, name)? {
                batch.number = number;
                _ = full.send(batch);
                return Ok(());
            }
        }
    }

    /// Fills a batch with the next packets that are asked about; whether there may be more.
    fn fill(&mut self, reader: &mut CaptureReader<'_>, batch: &mut Batch, name: &str) -> Result<bool, Error> {
        batch.clear();
        while !batch.is_full() {
            if self.options.count.is_some_and(|count| self.seen >= count) {
                return Ok(false);
            }
            match reader.next_frame() {
                Ok(Some(frame)) => {
                    if self.is_asked(&frame) {
                        batch.push(&frame);
                    }
                }
                Ok(None) => return Ok(false),
                // A capture that was stopped: what it holds is evaluated, and the user is told.
                Err(error @ CaptureError::Ended { .. }) => {
                    say(&format!("note: `{name}`: {error}; the packets before it are counted"));
                    return Ok(false);
                }
                Err(source) => return Err(Error::Capture { path: name.to_owned(), source }),
            }
        }
        Ok(true)
    }

    /// Whether a packet is among those that the options ask about.
    fn is_asked(&mut self, frame: &Frame<'_>) -> bool {
        let options = self.options;
        if options.from.is_some() || options.to.is_some() {
            let Some(time) = frame.time else {
                self.untimed += 1;
                return false;
            };
            let is_within =
                options.from.is_none_or(|from| time >= from) && options.to.is_none_or(|to| time < to);
            if !is_within {
                return false;
            }
        }
        self.seen += 1;
        (self.seen - 1).is_multiple_of(options.sample.unwrap_or(1))
    }

    fn write(&mut self, batch: &Batch, fates: &[Fate]) -> Result<(), Error> {
        if self.files.is_empty() {
            return Ok(());
        }
        for (frame, fate) in batch.frames().zip(fates).filter(|(_, fate)| **fate != Fate::NotAsked) {
            for file in self.files.iter_mut().filter(|file| file.wants(*fate)) {
                file.write(&frame)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Error> {
        for file in &mut self.files {
            file.finish()?;
            if file.left_out > 0 {
                let number = count(file.left_out, "packet");
                say(&format!("note: {number} of another link type not written to `{}`", file.name));
            }
        }
        if self.untimed > 0 {
            let number = count(self.untimed, "packet");
            say(&format!("note: {number} left out: the capture does not say when"));
        }
        Ok(())
    }
}

/// Evaluates batches until there are no more; an error with the number of the batch it came of.
fn worker<'a>(
    work: &Mutex<Receiver<Batch>>,
    used: &SyncSender<Batch>,
    mut sums: Sums<'a>,
    plans: &[Plan<'a>],
) -> Result<Sums<'a>, (u64, Error)> {
    loop {
        // One that failed while it waited has taken nothing away.
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return Ok(sums) };
        sums.run(&batch, plans).map_err(|error| (batch.number, error.into()))?;
        _ = used.try_send(batch);
    }
}

/// The link type of the first packet of a capture that is a file.
fn link_type(path: &Path) -> Option<u16> {
    let mut reader = CaptureReader::new(File::open(path).ok()?).ok()?;
    // What is wrong with it is said when it is read.
    reader.next_frame().ok()?.map(|frame| frame.link_type.0)
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
