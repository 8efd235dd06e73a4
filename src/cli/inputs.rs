//! From paths to rules: walks folders, reads files within limits, finds the dialect, and has it read.

use super::args::{AddressFamily, AssumedAction, Common, Reading, Variant};
use super::encoding::{self, Encoding};
use super::error::Error;
use super::includes::{self, Assembled};
use super::passed::{self, Passed, Why};
use super::select::Target;
use super::{output, say};
use crate::check::{Findings, Input};
use crate::config::FILE_NAME;
use crate::diagnostic::{Diagnostic, Level};
use crate::dialect::{self, Dialect, ReadOptions, Reads, Sample};
use crate::feed::{self, Feed};
use crate::field::Family;
use crate::guard::limits::RULE_FILE_OCTETS;
use crate::guard::{MemoryWatch, allow_resident_octets};
use crate::report::{Report, clean, count, terminal};
use crate::source::{Assembly, Content, Source, SourceId, SourceMap};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The sources, in the order of `all`.
    pub(super) sources: SourceMap,
    /// The inputs, in the order given; those of a folder by name.
    pub(super) all: Vec<Input>,
    /// What was passed over in folders, and why.
    passed: Vec<Passed>,
    /// What the user should know.
    pub(super) notes: Vec<String>,
    /// Our own memory.
    pub(super) memory: MemoryWatch,
    // For each input the rule set asked for.
    asked: Vec<Option<String>>,
    // For each input the number of its target, and its place below that.
    places: Vec<(usize, PathBuf)>,
}

impl Inputs {
    /// Reads every path. An error of one ends it all: what was not read was not checked.
    pub(super) fn read(paths: &[PathBuf], options: &Reading) -> Result<Self, Error> {
        let targets: Vec<Target> = paths.iter().map(|path| Target::whole(path)).collect();
        Self::read_targets(&targets, options)
    }

    /// Reads every path; [`Inputs::selected`] says which rule set is asked for in each.
    pub(super) fn read_targets(targets: &[Target], options: &Reading) -> Result<Self, Error> {
        Self::read_all(targets, options, false)
    }

    /// The same, where rules that are read for their regular expressions alone are rules as well.
    pub(super) fn read_with_patterns(targets: &[Target], options: &Reading) -> Result<Self, Error> {
        Self::read_all(targets, options, true)
    }

    fn read_all(targets: &[Target], options: &Reading, patterns: bool) -> Result<Self, Error> {
        if let Some(octets) = options.memory {
            allow_resident_octets(octets);
        }
        let named = dialect::by_name(&options.dialect);
        let Listed { files, passed, linked, outside } = list(targets)?;
        let jobs = jobs(options);
        let opened = in_parallel(jobs, &files, |file| {
            let mut opened = open(file, named)?;
            if let Ok(opened) = opened.as_mut()
                && !file.is_stdin()
                && !options.no_includes
            {
                let text = opened.source.text();
                let (path, folder) = (&file.path, &file.folder);
                let search = &options.include_path;
                let assemble =
                    |including| includes::assemble(path, text, including, folder, search, &file.base);
                opened.assembled = opened.dialect.including().and_then(assemble);
            }
            Ok::<_, Error>(opened)
        });
        let read_elsewhere = included_by_others(&files, &opened);
        let mut inputs = Self::default();
        inputs.passed.extend(passed.into_iter().map(|name| Passed { name, why: Why::Unknown }));
        if linked > 0 {
            let folders = count(linked, "folder");
            inputs.notes.push(format!("{folders} behind links not walked: name them to have them read"));
        }
        if outside > 0 {
            let links = count(outside, "link");
            inputs
                .notes
                .push(format!("{links} out of the folder not followed: name the files to have them read"));
        }
        let mut texts = Vec::new();
        for ((file, opened), elsewhere) in files.iter().zip(opened).zip(read_elsewhere) {
            match opened? {
                Ok(_) if elsewhere => {
                    inputs.passed.push(Passed { name: file.name(), why: Why::Included });
                }
                Ok(opened) => {
                    if let Some(encoding) = opened.encoding.note() {
                        let name = opened.source.name();
                        inputs.notes.push(format!("`{name}` is not UTF-8: read as {encoding}"));
                    }
                    inputs.asked.push(file.rule_set.clone());
                    let below = file.path.strip_prefix(&file.folder).ok().filter(|_| !file.given);
                    inputs.places.push((file.target, below.unwrap_or(Path::new("")).to_owned()));
                    let id = inputs.sources.add(opened.source);
                    let mut missing = opened.feed.map_or_else(Vec::new, |feed| feed.diagnostics(id));
                    let text =
                        opened.assembled.map(|assembled| inputs.add_included(id, assembled, &mut missing));
                    texts.push((id, opened.dialect, missing, text));
                }
                Err(_) if file.given => return Err(Error::Unrecognised { path: file.name() }),
                Err(why) => inputs.passed.push(Passed { name: file.name(), why }),
            }
        }
        inputs.memory.look()?;
        let read_options = options.read_options();
        let sources = &inputs.sources;
        inputs.all = in_parallel(jobs, &texts, |(id, dialect, missing, text)| {
            let source = sources.get(*id);
            let mut reading = match text {
                Some(text) => dialect::read_assembled(*dialect, source.name(), text, &read_options),
                None => dialect.read(source, *id, &read_options),
            };
            reading.diagnostics.extend(missing.iter().cloned());
            Input { source: *id, dialect: dialect.name(), reading }
        });
        inputs.memory.look()?;
        if !options.allow_empty && inputs.rule_count() == 0 && !(patterns && inputs.has_patterns()) {
            // A file of which every rule is broken is no empty file; one that only earns a warning is.
            let found = inputs.all.iter().flat_map(|input| &input.reading.diagnostics);
            match found.max_by_key(|diagnostic| diagnostic.level) {
                None => return Err(Error::NoRules),
                Some(worst) if worst.level < Level::Error => {
                    let path = clean(inputs.sources.get(worst.primary.source).name()).into_owned();
                    return Err(Error::NothingRead { path, message: clean(&worst.message).into_owned() });
                }
                Some(_) => {}
            }
        }
        Ok(inputs)
    }

    /// Gives the files that an input includes numbers of their own; the text put together, in these numbers.
    fn add_included(
        &mut self,
        id: SourceId,
        assembled: Assembled,
        findings: &mut Vec<Diagnostic>,
    ) -> Assembly {
        let Assembled { mut text, files, paths: _, findings: found } = assembled;
        let mut ids = vec![id];
        ids.extend(files.into_iter().map(|file| self.sources.add(file)));
        let number = |local: SourceId| ids.get(local.0 as usize).copied().unwrap_or(id);
        text.renumber(number);
        findings.extend(found.into_iter().map(|mut finding| {
            finding.primary.source = number(finding.primary.source);
            finding
        }));
        text
    }

    /// Reads the one file of a target and tells of the reading; whether there are errors in it.
    pub(super) fn read_one(
        target: &Target,
        options: &Reading,
        common: &Common,
    ) -> Result<(Self, bool), Error> {
        let inputs = Self::read_targets(std::slice::from_ref(target), options)?;
        inputs.tell(common);
        let broken = inputs.tell_errors(common);
        Ok((inputs, broken))
    }

    /// The inputs, each with the name of the rule set asked for, where one is.
    pub(super) fn selected(&self) -> impl Iterator<Item = (&Input, Option<&str>)> {
        self.all.iter().zip(self.asked.iter().map(Option::as_deref))
    }

    /// The inputs in order, each with the number of its target and its place below that.
    pub(super) fn placed(&self) -> impl Iterator<Item = (usize, PathBuf, &Input)> {
        self.places.iter().zip(&self.all).map(|((target, below), input)| (*target, below.clone(), input))
    }

    fn has_patterns(&self) -> bool {
        self.all.iter().any(|input| !input.reading.document.patterns.is_empty())
    }

    /// How many rules were read.
    pub(super) fn rule_count(&self) -> usize {
        self.all.iter().map(|input| input.reading.document.rule_count()).sum()
    }

    /// Tells the user what to know of the reading: text that is no UTF-8, files that were passed over.
    pub(super) fn tell(&self, common: &Common) {
        if common.quiet {
            return;
        }
        for note in &self.notes {
            say(&format!("note: {note}"));
        }
        passed::tell(&self.passed, common.verbose);
    }

    /// Shows the errors of the readers on standard error, for commands that go on without what could not be
    /// read. Whether there are any.
    pub(super) fn tell_errors(&self, common: &Common) -> bool {
        let all = self.all.iter().flat_map(|input| &input.reading.diagnostics);
        let errors: Vec<_> = all.filter(|diagnostic| diagnostic.level == Level::Error).cloned().collect();
        if errors.is_empty() {
            return false;
        }
        let findings = Findings { diagnostics: errors, inconclusive: Vec::new() };
        let report = Report::new(&self.sources, Vec::new(), findings, 0);
        output::to_stderr(common, |out, styled| {
            terminal::write(&report, terminal::Options { styled, quiet: true }, out)
        });
        true
    }
}

impl Reading {
    /// How rules are read.
    pub(super) fn read_options(&self) -> ReadOptions {
        ReadOptions {
            assume_discard: self.assume_action == Some(AssumedAction::Discard),
            junos_except_only_matches_rest: self.variant.contains(&Variant::JunosExceptOnlyMatchesRest),
            flowspec_strict_length: self.variant.contains(&Variant::FlowspecStrictLength),
            family: self.family.map(|family| match family {
                AddressFamily::Ipv4 => Family::Inet,
                AddressFamily::Ipv6 => Family::Inet6,
            }),
            iptables_nft: self.variant.contains(&Variant::IptablesNft),
            iptables_exact: self.variant.contains(&Variant::IptablesExact),
            pcap_link_type: self.link_type,
            pcap_netmask: None,
        }
    }
}

fn jobs(options: &Reading) -> usize {
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    options.jobs.map_or_else(cores, usize::from)
}

/// Runs `work` over every item, a few at a time; the answers stand in the order of the items.
fn in_parallel<T: Sync, R: Send>(jobs: usize, items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    if jobs <= 1 || items.len() <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(items.len()) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(number) else { break };
                    let answer = work(item);
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((number, answer));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, answer)| answer).collect()
}

/// A file to read.
#[derive(Debug)]
struct FileToRead {
    path: PathBuf,
    // Whether the user named it; files of a folder may be passed over.
    given: bool,
    // The folder it was found in, else its own.
    folder: PathBuf,
    // The rule set the user asked for.
    rule_set: Option<String>,
    // The number of the target it belongs to.
    target: usize,
    // Where relative paths in it begin.
    base: PathBuf,
}

impl FileToRead {
    fn name(&self) -> String {
        clean(&self.path.to_string_lossy()).into_owned()
    }

    fn is_stdin(&self) -> bool {
        self.given && self.path == Path::new("-")
    }
}

/// The files the paths mean.
#[derive(Debug, Default)]
struct Listed {
    files: Vec<FileToRead>,
    // What is in a folder and no file: pipes, links that lead nowhere.
    passed: Vec<String>,
    // Folders that only links lead to.
    linked: u64,
    // Links to files outside of the folder.
    outside: u64,
}

/// The files the paths mean, folders walked in the order of names.
fn list(targets: &[Target]) -> Result<Listed, Error> {
    let mut listed = Listed::default();
    if targets.iter().filter(|target| target.path == Path::new("-")).count() > 1 {
        return Err(Error::StdinTwice);
    }
    for (target, Target { path, rule_set, base }) in targets.iter().enumerate() {
        let base = base.clone();
        if !path.is_dir() {
            let (path, rule_set) = (path.clone(), rule_set.clone());
            // The folder of a plain name is the empty path, which no system knows.
            let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
            listed.files.push(FileToRead {
                folder: folder.to_owned(),
                path,
                given: true,
                rule_set,
                target,
                base,
            });
            continue;
        }
        let within: Vec<PathBuf> = path.canonicalize().into_iter().collect();
        let mut walk = ignore::WalkBuilder::new(path);
        walk.sort_by_file_path(Path::cmp).require_git(false);
        for entry in walk.build() {
            let entry = entry.map_err(|error| Error::Read {
                path: clean(&path.to_string_lossy()).into_owned(),
                source: io::Error::other(error),
            })?;
            let Some(kind) = entry.file_type() else { continue };
            if kind.is_dir() || entry.file_name() == FILE_NAME {
                continue;
            }
            // A link is as good as the file it leads to; folders behind links may be this one again. Whoever writes
            // rules must not have other files of the machine shown.
            let behind = entry.path().metadata();
            match behind {
                Ok(behind)
                    if behind.is_file()
                        && entry.path_is_symlink()
                        && !includes::lies_in(entry.path(), &within) =>
                {
                    listed.outside += 1;
                }
                Ok(behind) if behind.is_file() => {
                    let (path, folder) = (entry.into_path(), path.clone());
                    listed.files.push(FileToRead {
                        path,
                        folder,
                        given: false,
                        rule_set: None,
                        target,
                        base: base.clone(),
                    });
                }
                Ok(behind) if behind.is_dir() => listed.linked += 1,
                _ => listed.passed.push(clean(&entry.path().to_string_lossy()).into_owned()),
            }
        }
    }
    Ok(listed)
}

struct Opened {
    source: Source,
    dialect: &'static dyn Dialect,
    encoding: Encoding,
    // What the feed of a binary file noted; its content is in the source.
    feed: Option<Feed>,
    // The text with what it includes, where it does.
    assembled: Option<Assembled>,
}

/// Of each file whether another that is opened includes it: it is read there, with what stands around it. Files that
/// include one another are read for themselves.
fn included_by_others(files: &[FileToRead], opened: &[Result<Result<Opened, Why>, Error>]) -> Vec<bool> {
    let known: Vec<&[PathBuf]> = opened
        .iter()
        .map(|opened| match opened {
            Ok(Ok(Opened { assembled: Some(assembled), .. })) => &*assembled.paths,
            _ => &[],
        })
        .collect();
    if known.iter().all(|paths| paths.is_empty()) {
        return vec![false; files.len()];
    }
    let number: HashMap<PathBuf, usize> = files
        .iter()
        .enumerate()
        .filter_map(|(at, file)| Some((file.path.canonicalize().ok()?, at)))
        .collect();
    // Of each file those among the others that it includes.
    let includes: Vec<BTreeSet<usize>> = known
        .iter()
        .enumerate()
        .map(|(at, paths)| {
            let others = paths.iter().filter_map(|path| number.get(path).copied());
            others.filter(|other| *other != at).collect()
        })
        .collect();
    let mut answers = vec![false; files.len()];
    for (at, included) in includes.iter().enumerate() {
        for other in included {
            let back = includes.get(*other).is_some_and(|theirs| theirs.contains(&at));
            let given = files.get(*other).is_none_or(|file| file.given);
            if let Some(answer) = answers.get_mut(*other).filter(|_| !back && !given) {
                *answer = true;
            }
        }
    }
    answers
}

/// Opens one file, finds its dialect and reads it, or says why it is passed over.
fn open(file: &FileToRead, named: Option<&'static dyn Dialect>) -> Result<Result<Opened, Why>, Error> {
    let failed = |source| Error::Read { path: file.name(), source };
    if file.is_stdin() {
        let stdin = io::stdin().lock();
        if stdin.is_terminal() {
            say("note: reading from the terminal, to the end of input");
        }
        return read_from(stdin, None, file, named);
    }
    if file.given && is_pipe(&file.path) {
        // Opening a pipe waits for whoever writes to it: silence would look like a fault.
        say(&format!("note: `{}` is a pipe: waiting for what is written to it", file.name()));
    }
    let handle = File::open(&file.path).map_err(failed)?;
    let size = handle.metadata().map_err(failed)?.len();
    read_from(handle, Some(size), file, named)
}

#[cfg(unix)]
fn is_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    // One that the shell opened (`<(...)`) has its writer already.
    !path.starts_with("/dev")
        && !path.starts_with("/proc")
        && path.metadata().is_ok_and(|m| m.file_type().is_fifo())
}

#[cfg(not(unix))]
fn is_pipe(_: &Path) -> bool {
    false
}

fn read_from(
    mut from: impl Read,
    size: Option<u64>,
    file: &FileToRead,
    named: Option<&'static dyn Dialect>,
) -> Result<Result<Opened, Why>, Error> {
    let failed = |source| Error::Read { path: file.name(), source };
    let mut octets = Vec::new();
    from.by_ref().take(Sample::OCTETS as u64).read_to_end(&mut octets).map_err(failed)?;
    // A dialect is known by its text, in whatever units that is written.
    let sample = encoding::wide(&octets).map(|_| encoding::text(octets.clone()).0.into_bytes());
    let sample = sample.as_deref().unwrap_or(&octets);
    let sample = sample.get(..Sample::OCTETS).unwrap_or(sample);
    let dialect = match find_dialect(file, sample, named)? {
        Ok(dialect) => dialect,
        Err(why) => return Ok(Err(why)),
    };
    match dialect.reads() {
        Reads::Text => {}
        Reads::Messages => {
            // The file is streamed; only what carries flow routes is kept, within the limits of the feed.
            let format = if dialect.name() == "mrt" { feed::Format::Mrt } else { feed::Format::Capture };
            let whole = octets.chain(from);
            let feed = feed::read(format, whole)
                .map_err(|source| Error::Feed { path: file.name(), source: Box::new(source) })?;
            let Feed { content, notes, counts } = feed;
            let source = Source::new(file.name(), content);
            let kept = Feed { content: Content::Text(String::new()), notes, counts };
            return Ok(Ok(Opened {
                source,
                dialect,
                encoding: Encoding::Utf8,
                feed: Some(kept),
                assembled: None,
            }));
        }
        Reads::Nothing => return Err(Error::WriteOnly { dialect: dialect.name() }),
    }
    let limit = RULE_FILE_OCTETS.value;
    if size.is_some_and(|size| size > limit) {
        return Err(Error::TooLarge { path: file.name(), limit });
    }
    // What the system says of a file's size need not hold: one octet more than allowed is read to see.
    let left = (limit + 1).saturating_sub(octets.len() as u64);
    from.take(left).read_to_end(&mut octets).map_err(failed)?;
    if octets.len() as u64 > limit {
        return Err(Error::TooLarge { path: file.name(), limit });
    }
    let (text, encoding) = encoding::text(octets);
    let source = Source::new(file.name(), Content::Text(text));
    Ok(Ok(Opened { source, dialect, encoding, feed: None, assembled: None }))
}

/// The dialect of a file: the one named, else the one that knows it best; or why it is passed over.
fn find_dialect(
    file: &FileToRead,
    octets: &[u8],
    named: Option<&'static dyn Dialect>,
) -> Result<Result<&'static dyn Dialect, Why>, Error> {
    let base = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = if file.is_stdin() { "" } else { base.as_str() };
    let sample = Sample::new(name, octets);
    if let Some(dialect) = named {
        let read = if file.given { Ok(()) } else { passed::read_as(dialect, &sample) };
        return Ok(read.map(|()| dialect));
    }
    match dialect::recognise(&sample) {
        Ok(Some(found)) => Ok(Ok(found)),
        Ok(None) => match dialect::shared(&sample) {
            Some((dialect, what)) if file.given => {
                Err(Error::Shared { path: file.name(), dialect: dialect.name(), what })
            }
            _ => Ok(Err(Why::Unknown)),
        },
        Err(several) => {
            let candidates = several.iter().map(|dialect| dialect.name()).collect();
            Err(Error::Ambiguous { path: file.name(), candidates })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_in_parallel_keeps_its_order() {
        let items: Vec<u32> = (0..1000).collect();
        assert_eq!(in_parallel(4, &items, |n| n * 2), items.iter().map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_sample_ends_with_a_character() {
        assert_eq!(Sample::new("", b"a\xc3").text, Some("a"));
        assert_eq!(Sample::new("", b"a\xc3b").text, None);
    }
}
