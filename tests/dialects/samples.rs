//! Every sample of every dialect: known as its own, read as its folder says, printed and read again as the same; and
//! printed by every other dialect, which decides as it did wherever nothing is lost.

use flowgate::campaign::boundary;
use flowgate::check::{Context, Input, Settings};
use flowgate::diagnostic::Level;
use flowgate::dialect::{
    self, DIALECTS, Dialect, Loss, Lost, PrintOptions, ReadOptions, Reading, Reads, Sample,
};
use flowgate::eval::{Decision, Evaluator};
use flowgate::feed;
use flowgate::field::{Family, Field, Headers};
use flowgate::guard::{Exhausted, limits};
use flowgate::ir::{Condition, Document, Kind, Rule, RuleSet, ValueSet, Verdict};
use flowgate::packet::decode_ip;
use flowgate::source::{Content, Source, SourceId, SourceMap};
use flowgate::symbolic::{Model, Reach, Spaces, Visit, Watch, reach};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Packets compared for one rule set; those of the first rules.
const PACKETS: usize = 4_000;

/// The samples of a dialect in one folder.
fn samples(dialect: &dyn Dialect, folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules").join(dialect.name()).join(folder);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut list: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    list.retain(|path| path.is_file() && path.file_name().is_some_and(|name| name != "README.md"));
    list.sort();
    list
}

fn source(dialect: &dyn Dialect, path: &Path) -> Source {
    let octets = std::fs::read(path).unwrap();
    let content = if dialect.reads() == Reads::Messages {
        feed::read(feed::recognise(&octets).unwrap(), octets.as_slice()).unwrap().content
    } else {
        Content::Text(String::from_utf8(octets).unwrap())
    };
    Source::new(path.display().to_string(), content)
}

pub(crate) fn read(dialect: &dyn Dialect, text: &str) -> Reading {
    let source = Source::new("text", Content::Text(text.to_owned()));
    dialect.read(&source, SourceId(0), &ReadOptions::default())
}

/// The forms a writer has, its usual one first.
pub(crate) fn forms(dialect: &dyn Dialect) -> Vec<Option<String>> {
    let named = dialect.forms().iter().skip(1).map(|form| Some((*form).to_owned()));
    std::iter::once(None).chain(named).collect()
}

pub(crate) fn print(dialect: &dyn Dialect, document: &Document, form: Option<&str>) -> (String, Vec<Lost>) {
    let mut text = String::new();
    let options = PrintOptions { form: form.map(str::to_owned) };
    let lost = dialect.print(document, &options, &mut text).expect("a string takes everything");
    (text, lost)
}

#[test]
fn every_sample_is_known_as_its_own_and_read_as_its_folder_says() {
    let mut wrong = Vec::new();
    for dialect in DIALECTS.iter().copied() {
        for (folder, is_sound) in [("sound", true), ("flawed", false)] {
            for path in samples(dialect, folder) {
                let octets = std::fs::read(&path).unwrap();
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let known = dialect::recognise(&Sample::new(&name, &octets));
                let names =
                    |several: Vec<&'static dyn Dialect>| several.iter().map(|d| d.name()).collect::<Vec<_>>();
                if !known.as_ref().is_ok_and(|known| known.is_some_and(|d| d.name() == dialect.name())) {
                    let known = known.map(|d| d.map(Dialect::name)).map_err(names);
                    wrong.push(format!("{}: recognised as {known:?}", path.display()));
                }
                let problem = findings(dialect, source(dialect, &path), is_sound);
                wrong.extend(problem.map(|problem| format!("{}: {problem}", path.display())));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A sound sample has rules and no error of the reader; in a flawed one something is found.
fn findings(dialect: &dyn Dialect, source: Source, is_sound: bool) -> Option<String> {
    let mut sources = SourceMap::new();
    let id = sources.add(source);
    let reading = dialect.read(sources.get(id), id, &ReadOptions::default());
    if is_sound {
        let error = reading.diagnostics.iter().find(|d| d.level == Level::Error);
        let rules = reading.document.rule_count() + reading.document.patterns.len();
        let none = || (rules == 0).then(|| "no rule".to_owned());
        return error.map(|error| format!("{error:?}")).or_else(none);
    }
    let settings = Settings::default();
    let inputs = [Input { source: id, dialect: dialect.name(), reading }];
    let found = flowgate::check::run(&Context::new(&sources, &inputs, &settings));
    found.diagnostics.is_empty().then(|| "nothing is found".to_owned())
}

/// A document that reads without an error and is printed without a loss reads as the same document.
#[test]
fn what_a_dialect_prints_of_its_samples_reads_the_same() {
    let mut wrong = Vec::new();
    for dialect in DIALECTS.iter().copied().filter(|d| d.writes() && d.reads() == Reads::Text) {
        for path in samples(dialect, "sound").into_iter().chain(samples(dialect, "flawed")) {
            let reading = dialect.read(&source(dialect, &path), SourceId(0), &ReadOptions::default());
            for form in forms(dialect) {
                let (text, lost) = print(dialect, &reading.document, form.as_deref());
                let again = read(dialect, &text);
                if lost.is_empty() && again.document != reading.document {
                    let difference = difference(&reading.document, &again.document);
                    wrong.push(format!("{}: {form:?}: {difference}\n{text}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// The first difference of two documents, for a person.
pub(crate) fn difference(one: &Document, other: &Document) -> String {
    for (a, b) in one.rule_sets.iter().zip(&other.rule_sets) {
        if let Some((x, y)) = a.rules.iter().zip(&b.rules).find(|(x, y)| x != y) {
            return format!("\n  {x:?}\n  {y:?}");
        }
        let head = |s: &RuleSet| (s.name.clone(), s.kind, s.family, s.default, s.rules.len());
        if head(a) != head(b) {
            return format!("\n  {:?}\n  {:?}", head(a), head(b));
        }
    }
    format!("{} and {} rule sets", one.rule_sets.len(), other.rule_sets.len())
}

/// What every dialect says, printed by every writer: it reads without a syntax error, printing it once more changes
/// nothing, and where nothing is lost, or only whole rules, it decides every packet as before.
#[test]
fn what_one_dialect_says_another_prints_with_the_same_verdicts() {
    let mut wrong = Vec::new();
    let (mut conversions, mut compared, mut packets) = (0, 0, 0);
    for reader in DIALECTS.iter().copied().filter(|d| d.reads() != Reads::Nothing) {
        for path in samples(reader, "sound").into_iter().chain(samples(reader, "flawed")) {
            let source = source(reader, &path);
            let document = reader.read(&source, SourceId(0), &ReadOptions::default()).document;
            for writer in DIALECTS.iter().copied().filter(|d| d.writes()) {
                for form in forms(writer) {
                    conversions += 1;
                    let what = || format!("{} as {} {form:?}", path.display(), writer.name());
                    match conversion(writer, form.as_deref(), &document) {
                        Ok(count) => {
                            compared += usize::from(count > 0);
                            packets += count;
                        }
                        Err(problem) => wrong.push(format!("{}: {problem}", what())),
                    }
                }
            }
        }
    }
    println!("{conversions} conversions, {compared} compared by their verdicts, {packets} packets");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared * 4 > conversions, "only {compared} of {conversions} are compared");
}

/// The laws of one conversion; how many packets were compared.
pub(crate) fn conversion(
    writer: &dyn Dialect,
    form: Option<&str>,
    document: &Document,
) -> Result<usize, String> {
    // Rules are lost by the names they are written with.
    let document = &*writer.flat(document);
    let (text, lost) = print(writer, document, form);
    if writer.reads() != Reads::Text {
        return Ok(0);
    }
    let again = read(writer, &text);
    let broken = again.diagnostics.iter().find(|d| d.check == "syntax-error" && d.level == Level::Error);
    if let Some(broken) = broken {
        return Err(format!("{broken:?}\n{text}"));
    }
    let (twice, lost_again) = print(writer, &again.document, form);
    let third = read(writer, &twice);
    if lost_again.is_empty() && third.document != again.document {
        return Err(format!("once more: {}\n{text}\n{twice}", difference(&again.document, &third.document)));
    }
    let Some(kept) = without_left_out(document, &lost) else { return Ok(0) };
    // Without the rule that calls it, what was called may stand as an entry of its own.
    if kept != *document && kept.entries().len() != again.document.entries().len() {
        return Ok(0);
    }
    same_verdicts(&kept, &again.document).map_err(|problem| format!("{problem}\n{text}"))
}

/// The document without the rules a printer left out; none where it lost more that decides over packets.
fn without_left_out(document: &Document, lost: &[Lost]) -> Option<Document> {
    let left_out = |l: &&Lost| l.loss == Loss::LeftOut;
    if lost.iter().any(|l| l.loss == Loss::Meaning || left_out(&l) && l.rule.is_empty()) {
        return None;
    }
    let gone = lost.iter().filter(left_out).map(|l| (l.rule_set.as_str(), l.rule.as_str()));
    let gone: BTreeSet<(&str, &str)> = gone.collect();
    let mut kept = document.clone();
    for set in &mut kept.rule_sets {
        let name = set.name.clone();
        set.rules.retain(|_, rule| !gone.contains(&(name.as_str(), rule.name)));
    }
    Some(kept)
}

/// Compares two documents, rule set by rule set, over boundary packets of both and as sets of packets.
fn same_verdicts(one: &Document, other: &Document) -> Result<usize, String> {
    // What has no rule left says nothing that a dialect must keep.
    let has_rules = |document: &Document| {
        let mut list = document.entries();
        list.retain(|index| !document.rule_sets[*index].rules.is_empty());
        list
    };
    let (ours, theirs) = (has_rules(one), has_rules(other));
    let theirs = by_hook(one, &ours, other, &theirs).unwrap_or(theirs);
    if theirs.is_empty() && other.rule_sets.iter().all(|set| set.default.is_drop()) {
        // Rules that only drop may be nothing but a default there.
        return Ok(0);
    }
    let families = |list: &[usize], document: &Document| {
        list.iter().map(|index| document.rule_sets[*index].family).collect::<Vec<_>>()
    };
    let mut count = 0;
    let mut rest = theirs.as_slice();
    for (a, done) in ours.iter().copied().zip(0..) {
        // A dialect without filters for both families writes two.
        if let [four, six, ..] = *rest
            && one.rule_sets[a].family == Family::Any
            && families(&[four, six], other) == [Family::Inet, Family::Inet6]
        {
            count += same_verdicts_by_family(one, a, other, [four, six])?;
            rest = &rest[2..];
            continue;
        }
        let Some((&b, behind)) = rest.split_first() else {
            return Err(format!("{} rule sets became {done}", ours.len()));
        };
        rest = behind;
        let (before, after) = (&one.rule_sets[a], &other.rule_sets[b]);
        let (first, second) = (Evaluator::new(one, a).unwrap(), Evaluator::new(other, b).unwrap());
        for packet in packets(before).into_iter().chain(packets(after)) {
            let mut headers = Headers::new();
            decode_ip(&packet, &mut headers);
            let (was, is) = (verdict(&first, &headers), verdict(&second, &headers));
            if was != is {
                return Err(format!("`{}`: {was:?} became {is:?} for {headers:?}", before.name));
            }
            count += 1;
        }
        same_sets(one, a, other, b).map_err(|problem| format!("`{}`: {problem}", before.name))?;
    }
    if !rest.is_empty() {
        return Err(format!("{} rule sets became {}", ours.len(), theirs.len()));
    }
    Ok(count)
}

/// Hooks of another document in the order of ours, where all of ours are hooks and each has its like there.
fn by_hook(one: &Document, ours: &[usize], other: &Document, theirs: &[usize]) -> Option<Vec<usize>> {
    let key = |document: &Document, index: usize| {
        let set = &document.rule_sets[index];
        let word = set.name.rsplit('/').next().unwrap_or("").to_ascii_lowercase();
        (set.kind == Kind::Hook).then_some((word, set.family))
    };
    let like = |index: &usize| {
        let wanted = key(one, *index)?;
        theirs.iter().copied().find(|other_index| key(other, *other_index).as_ref() == Some(&wanted))
    };
    let list: Vec<usize> = ours.iter().map(like).collect::<Option<_>>()?;
    (list.len() == theirs.len()).then_some(list)
}

/// Compares a filter of both families with two of one each, over boundary packets of all.
fn same_verdicts_by_family(
    one: &Document,
    a: usize,
    other: &Document,
    pair: [usize; 2],
) -> Result<usize, String> {
    let whole = Evaluator::new(one, a).unwrap();
    let parts = pair.map(|index| Evaluator::new(other, index).unwrap());
    let sets = [&one.rule_sets[a], &other.rule_sets[pair[0]], &other.rule_sets[pair[1]]];
    let mut count = 0;
    for packet in sets.into_iter().flat_map(packets) {
        let mut headers = Headers::new();
        decode_ip(&packet, &mut headers);
        let part = &parts[usize::from(headers.small(Field::IpVersion) == Some(6))];
        let (p, q) = (verdict(&whole, &headers), verdict(part, &headers));
        if p != q {
            return Err(format!("`{}`: {p:?} became {q:?} for {headers:?}", sets[0].name));
        }
        count += 1;
    }
    Ok(count)
}

fn verdict(evaluator: &Evaluator<'_>, headers: &Headers) -> Option<Verdict> {
    match evaluator.decide(headers).unwrap() {
        Decision::Verdict(verdict, _) => Some(verdict),
        Decision::Unknown(_) => None,
    }
}

fn packets(set: &RuleSet) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let mut take = |octets: &[u8]| {
        if list.len() < PACKETS {
            list.push(octets.to_vec());
        }
        Ok::<(), Exhausted>(())
    };
    boundary::packets(set, 7, &mut take).unwrap();
    list
}

struct Nobody;

impl Watch for Nobody {
    fn skips(&self, _: &Rule) -> bool {
        false
    }

    fn visit(&mut self, _: &mut Spaces<'_>, _: Visit) -> Result<(), Exhausted> {
        Ok(())
    }
}

/// The same as sets of packets; a question that is too large is left to the packets.
fn same_sets(one: &Document, a: usize, other: &Document, b: usize) -> Result<(), String> {
    // Names under other numbers are other values: without a rule that named one first, the next has its number.
    if one.symbols != other.symbols {
        return Ok(());
    }
    let mut spaces = Spaces::new(Model::real(), &limits::RULE_NODES);
    let Ok(world) = spaces.world() else { return Ok(()) };
    // Rules about packets say nothing of the frames that carry them.
    let asks = |field: Field| {
        one.rule_sets
            .iter()
            .flat_map(|set| &set.rules)
            .any(|rule| rule.condition.tests().iter().any(|test| test.field() == field))
    };
    let frame = [Field::EthType, Field::VlanId];
    let bare = Condition::and(frame.map(|field| Condition::not(Condition::present(field))));
    let family = match one.rule_sets[a].family {
        Family::Any => Condition::True,
        Family::Inet => Condition::present(Field::Src4),
        Family::Inet6 => Condition::present(Field::Src6),
    };
    let Ok(family) = spaces.of(&family) else { return Ok(()) };
    let Ok(world) = spaces.intersection(world, family) else { return Ok(()) };
    let world = if frame.into_iter().any(asks) {
        // What announces a packet of a version, or headers before it: no other frame holds one.
        let typed = |version: u32, own: u32| {
            let other = Condition::not(Condition::test(Field::IpVersion, ValueSet::single(version)));
            let types = Condition::test(Field::EthType, ValueSet::of([own, 0x8847, 0x8848, 0x8864]));
            Condition::or([other, types, Condition::not(Condition::present(Field::EthType))])
        };
        // A second tag stands behind a first.
        let inner = Condition::not(Condition::present(Field::InnerVlanId));
        let tags = Condition::or([inner, Condition::present(Field::VlanId)]);
        let typed = Condition::and([typed(4, 0x0800), typed(6, 0x86dd), tags]);
        let Ok(typed) = spaces.of(&typed) else { return Ok(()) };
        let Ok(world) = spaces.intersection(world, typed) else { return Ok(()) };
        world
    } else {
        let Ok(bare) = spaces.of(&bare) else { return Ok(()) };
        let Ok(world) = spaces.intersection(world, bare) else { return Ok(()) };
        world
    };
    let mut of = |document: &Document, set: usize| {
        reach(&mut spaces, document, u32::try_from(set).unwrap(), world, &mut Nobody)
    };
    let (Ok(p), Ok(q)) = (of(one, a), of(other, b)) else { return Ok(()) };
    let parts = |r: Reach| [("accepted", r.accepted), ("dropped", r.dropped), ("undecided", r.undecided)];
    for ((what, x), (_, y)) in parts(p).into_iter().zip(parts(q)) {
        if x != y {
            let more = spaces.difference(x, y).and_then(|space| spaces.witness(space));
            let less = spaces.difference(y, x).and_then(|space| spaces.witness(space));
            return Err(format!("{what} differs: only before {more:?}, only after {less:?}"));
        }
    }
    Ok(())
}
