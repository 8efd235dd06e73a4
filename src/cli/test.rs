//! `flowgate test`: rules against cases.

use super::args::{AddressFamily, AssumedAction, Common, Reading, Variant};
use super::error::Error;
use super::inputs::Inputs;
use super::questions::{Test, TestFormat};
use super::select::{self, Target};
use super::trace::for_packet;
use super::{Exit, output, start};
use crate::campaign::cases::{Answer, Judge, deciding, of_first_packets};
use crate::campaign::starting::reached;
use crate::config::{About, ConfigError, Suite, SuiteCase, nearest};
use crate::dialect::DIALECTS;
use crate::field::{CtState, Field};
use crate::ir::Document;
use crate::packet::words;
use crate::query;
use crate::report::{Coverage, Rules, Subject, SuiteRun, Tested, Tests, clean};
use crate::source::{Content, LineColumn, Place, Source};
use clap::ValueEnum;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Octets of one suite.
const SUITE_OCTETS: u64 = 256 << 20;

/// Judges every case of every suite.
pub(super) fn run(options: &Test, common: &Common) -> Result<Exit, Error> {
    if let Some(rules) = &options.generate {
        return start::run(rules, options, common);
    }
    let mut files: Vec<SuiteFile> = Vec::new();
    let mut groups: Vec<Group> = Vec::new();
    for path in &options.suites {
        let mut file = SuiteFile::read(path)?;
        let target = file.target(options)?;
        let reading = file.reading(&options.reading)?;
        let key = format!("{reading:?}");
        let known = groups.iter().position(|group| group.target == target && group.key == key);
        file.group = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push(Group::read(target, key, &reading, common)?);
        }
        files.push(file);
    }
    let mut judges = Vec::new();
    for group in &groups {
        judges.push(Judge::new(group.document()?));
    }
    let mut suites = Vec::new();
    for file in &files {
        let (Some(group), Some(judge)) = (groups.get(file.group), judges.get_mut(file.group)) else {
            continue;
        };
        suites.push(file.judge(group, judge, options)?);
    }
    let mut coverage = Vec::new();
    for (group, judge) in groups.iter().zip(&judges) {
        let document = group.document()?;
        let path = group.path();
        let all = match group.target.rule_set.as_deref() {
            Some(name) => {
                let entry = select::single(document, path, Some(name))?;
                deciding(document, reached(document, &[entry]))
            }
            None => deciding(document, 0..document.rule_sets.len()),
        };
        let rules = Rules { sources: &group.inputs.sources, document };
        coverage.push(Coverage { path: path.to_owned(), rules, all, covered: judge.covered() });
    }
    let tests = Tests { suites, coverage };
    output::write(options.writing.output.as_deref(), common, |out, _| match options.format {
        TestFormat::Terminal => tests.write_terminal(options.coverage, common.quiet, out),
        TestFormat::Json => tests.write_json(out),
        TestFormat::Junit => tests.write_junit(out),
    })?;
    let too_few = options.min_coverage.is_some_and(|percent| tests.covers_less(percent));
    if too_few && !common.quiet {
        super::say("error: cases touch less of the rules than `--min-coverage` asks for");
    }
    let broken = groups.iter().any(|group| group.broken);
    Ok(match (tests.fails() || too_few || broken, tests.is_open()) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Inconclusive,
        (false, false) => Exit::Clean,
    })
}

/// Rules that some suites are about.
struct Group {
    target: Target,
    // How they were read.
    key: String,
    inputs: Inputs,
    broken: bool,
}

impl Group {
    fn read(target: Target, key: String, reading: &Reading, common: &Common) -> Result<Self, Error> {
        let mut inputs = Inputs::read_targets(std::slice::from_ref(&target), reading)?;
        inputs.tell(common);
        let broken = inputs.tell_errors(common);
        inputs.memory.look()?;
        Ok(Self { target, key, inputs, broken })
    }

    fn document(&self) -> Result<&Document, Error> {
        let [input] = self.inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
        Ok(&input.reading.document)
    }

    fn path(&self) -> &str {
        self.inputs.all.first().map_or("", |input| self.inputs.sources.get(input.source).name())
    }
}

struct SuiteFile {
    path: PathBuf,
    source: Source,
    suite: Suite,
    group: usize,
}

impl SuiteFile {
    fn read(path: &Path) -> Result<Self, Error> {
        let name = clean(&path.to_string_lossy()).into_owned();
        let failed = |source| Error::Read { path: name.clone(), source };
        let mut text = String::new();
        let limit = SUITE_OCTETS + 1;
        if path == Path::new("-") {
            std::io::stdin().lock().take(limit).read_to_string(&mut text).map_err(failed)?;
        } else {
            let file = std::fs::File::open(path).map_err(failed)?;
            file.take(limit).read_to_string(&mut text).map_err(failed)?;
        }
        if text.len() as u64 > SUITE_OCTETS {
            return Err(Error::TooLarge { path: name, limit: SUITE_OCTETS });
        }
        let source = Source::new(name, Content::Text(text));
        let suite = Suite::parse(source.text()).map_err(|error| at(&source, &error))?;
        Ok(Self { path: path.to_owned(), source, suite, group: 0 })
    }

    fn wrong(&self, error: &ConfigError) -> Error {
        at(&self.source, error)
    }

    /// The rules: those of the command line, else those the suite names, from its own folder.
    fn target(&self, options: &Test) -> Result<Target, Error> {
        match (&options.rules, &self.suite.rules) {
            (Some(rules), _) => Ok(Target::new(rules)),
            (None, Some(rules)) => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                Ok(Target::new(&folder.join(rules.get_ref())))
            }
            (None, None) => {
                let message = "the suite names no `rules`, and `--rules` is not given".to_owned();
                Err(self.wrong(&ConfigError { span: crate::source::Span::default(), message }))
            }
        }
    }

    /// How the rules are read: as the command line says, else as the suite says.
    fn reading(&self, given: &Reading) -> Result<Reading, Error> {
        let own = &self.suite.reading;
        let mut reading = given.clone();
        if let Some(name) = own.dialect.as_ref().filter(|_| given.dialect == "auto") {
            if !DIALECTS.iter().any(|dialect| dialect.name() == name.get_ref()) {
                let known = DIALECTS.iter().map(|dialect| dialect.name());
                let hint = nearest(name.get_ref(), known);
                let hint = hint.map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
                let message = format!("there is no dialect `{}`{hint}", name.get_ref());
                return Err(self.wrong(&ConfigError::at(name, message)));
            }
            reading.dialect.clone_from(name.get_ref());
        }
        if let Some(text) = own.assume_action.as_ref().filter(|_| given.assume_action.is_none()) {
            reading.assume_action = Some(self.word::<AssumedAction>(text)?);
        }
        if let Some(text) = own.family.as_ref().filter(|_| given.family.is_none()) {
            reading.family = Some(self.word::<AddressFamily>(text)?);
        }
        if let Some(text) = own.link_type.as_ref().filter(|_| given.link_type.is_none()) {
            let known = super::args::link_type(text.get_ref());
            reading.link_type = Some(known.map_err(|message| self.wrong(&ConfigError::at(text, message)))?);
        }
        for text in &own.variant {
            let variant = self.word::<Variant>(text)?;
            if !reading.variant.contains(&variant) {
                reading.variant.push(variant);
            }
        }
        Ok(reading)
    }

    /// A word of the command line.
    fn word<T: ValueEnum>(&self, text: &Spanned<String>) -> Result<T, Error> {
        T::from_str(text.get_ref(), false).map_err(|_| {
            let known = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
            let message = format!("`{}` is none of {}", text.get_ref(), names.join(", "));
            self.wrong(&ConfigError::at(text, message))
        })
    }

    fn judge<'a>(
        &'a self,
        group: &'a Group,
        judge: &mut Judge<'a>,
        options: &Test,
    ) -> Result<SuiteRun<'a>, Error> {
        let document = group.document()?;
        let first = options.view.first_packet || self.suite.first_packet;
        let mut cases = Vec::with_capacity(self.suite.cases.len());
        for case in &self.suite.cases {
            let answer = self.answer(case, group, document, judge, first)?;
            let start = u32::try_from(case.name.span().start).unwrap_or(u32::MAX);
            let about = match &case.about {
                About::Packet(text) => Subject::Packet(text.get_ref()),
                About::Region(text) => Subject::Region(text.get_ref()),
            };
            let (name, at) = (case.name.get_ref(), line_column(&self.source, start));
            cases.push(Tested { name, about, expected: &case.expected, at, answer });
        }
        let rules = Rules { sources: &group.inputs.sources, document };
        Ok(SuiteRun { path: self.source.name().to_owned(), rules, cases })
    }

    fn answer(
        &self,
        case: &SuiteCase,
        group: &Group,
        document: &Document,
        judge: &mut Judge<'_>,
        first: bool,
    ) -> Result<Answer, Error> {
        let wrong = |error: &ConfigError| self.wrong(error);
        if let Some(rule) = &case.rule {
            known(document, rule).map_err(|error| wrong(&error))?;
        }
        let named = case.rule_set.as_ref().map(|name| name.get_ref().as_str());
        let place = case.rule_set.as_ref().unwrap_or(&case.name);
        let of_set = |error: Error| wrong(&ConfigError::at(place, error.to_string()));
        let rule_set = named.or(group.target.rule_set.as_deref());
        match &case.about {
            About::Packet(text) => {
                let mut headers = words::parse(text.get_ref(), &document.symbols).map_err(|error| {
                    let offset = text.get_ref().char_indices().nth(error.at);
                    let offset = offset.map_or(text.get_ref().len(), |(offset, _)| offset);
                    wrong(&ConfigError::inside(text, offset, error.what))
                })?;
                if first {
                    headers.assume(Field::CtState, CtState::New as u32);
                }
                let entry = for_packet(document, group.path(), rule_set, &headers).map_err(of_set)?;
                Ok(judge.packet(entry, &headers, &case.expected))
            }
            About::Region(text) => {
                let expression = query::parse(text.get_ref(), &document.symbols)
                    .map_err(|error| wrong(&ConfigError::inside(text, error.offset, error.message)))?;
                let Some(within) = expression.condition() else {
                    let message =
                        "a region is said by packets alone: `expect` and `rule` say what becomes of them";
                    return Err(wrong(&ConfigError::at(text, message)));
                };
                let within = if first { of_first_packets(within) } else { within };
                let entries = select::entries(document, group.path(), rule_set).map_err(of_set)?;
                match judge.every(&entries, &within, &case.expected) {
                    Answer::Empty => {
                        let message = "no packet of the region comes to the rules: it tests nothing";
                        Err(wrong(&ConfigError::at(text, message)))
                    }
                    answer => Ok(answer),
                }
            }
        }
    }
}

/// Whether a case names a rule that is there.
fn known(document: &Document, rule: &Spanned<String>) -> Result<(), ConfigError> {
    let name = rule.get_ref().as_str();
    if document.rule_sets.iter().any(|set| set.rules.iter().any(|rule| set.means(name, &rule))) {
        return Ok(());
    }
    let names = document.rule_sets.iter().flat_map(|set| set.rules.iter().map(|rule| rule.name));
    let hint = nearest(name, names).map(|near| format!("; is `{near}` meant?")).unwrap_or_default();
    Err(ConfigError::at(rule, format!("no rule is named `{name}`{hint}")))
}

fn at(source: &Source, error: &ConfigError) -> Error {
    let LineColumn { line, column } = line_column(source, error.span.start);
    let path = source.name().to_owned();
    Error::Suite { path, line, column, message: clean(&error.message).into_owned() }
}

fn line_column(source: &Source, offset: u32) -> LineColumn {
    match source.place(offset) {
        Place::Text(at) => at,
        Place::Binary(_) => LineColumn { line: 1, column: 1 },
    }
}
