//! `flowgate test --generate`: a suite to start with.

use super::args::{Common, Reading};
use super::error::Error;
use super::inputs::Inputs;
use super::questions::Test;
use super::select::{self, Target};
use super::{Exit, output, say};
use crate::campaign::cases::of_first_packets;
use crate::campaign::starting::{self, Start, Starting};
use crate::config::{NewCase, NewReading, NewSuite};
use crate::ir::{Condition, Document};
use crate::report::{Rules, clean, count};
use clap::ValueEnum;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Component, Path, PathBuf};

/// Writes what becomes today of a packet for every rule, and of those at the boundaries.
pub(super) fn run(rules: &Path, options: &Test, common: &Common) -> Result<Exit, Error> {
    let target = Target::new(rules);
    let (mut inputs, broken) = Inputs::read_one(&target, &options.reading, common)?;
    let [input] = inputs.all.as_slice() else { return Err(Error::SeveralFiles) };
    let document = &input.reading.document;
    let path = inputs.sources.get(input.source).name();
    let first_packet = options.view.first_packet;
    let view = if first_packet { of_first_packets(Condition::True) } else { Condition::True };
    let name = target.rule_set.as_deref();
    // Rule sets that take the same packets are told apart by name.
    let (starting, apart) = match select::entries(document, path, name) {
        Ok(entries) => (starting::cases(document, &entries, &view)?, false),
        Err(error) => (of_each(document, &view, error)?, true),
    };
    inputs.memory.look()?;
    let suite = NewSuite {
        rules: named(&target, options.writing.output.as_deref()),
        first_packet,
        reading: reading(&options.reading),
        case: cases(document, &starting, apart),
    };
    let head = head(&Rules { sources: &inputs.sources, document }, &starting);
    let failed = |error| Error::Write { path: "TOML".to_owned(), source: std::io::Error::other(error) };
    let text = suite.print().map_err(failed)?;
    output::write(options.writing.output.as_deref(), common, |out, _| {
        out.write_all(head.as_bytes())?;
        out.write_all(text.as_bytes())
    })?;
    if !common.quiet {
        let number = |length: usize| u64::try_from(length).unwrap_or(u64::MAX);
        say(&format!("{} for {}", count(number(suite.case.len()), "case"), clean(path)));
        if let Some(why) = &starting.is_cut {
            say(&format!("note: the boundaries of further rules are left out: {why}"));
        }
        if starting.undecided > 0 {
            let packets = count(starting.undecided, "packet");
            say(&format!("note: {packets} left out: nobody can say what becomes of them"));
        }
    }
    Ok(match (broken, starting.is_spent) {
        (true, _) => Exit::Found,
        (false, true) => Exit::Inconclusive,
        (false, false) => Exit::Clean,
    })
}

/// Cases for every rule set that packets enter by, where each has a name of its own.
fn of_each(document: &Document, view: &Condition, error: Error) -> Result<Starting, Error> {
    let entries = document.entries();
    let name = |index: &usize| document.rule_sets.get(*index).map(|set| set.name.as_str());
    let named =
        |index: &usize| document.rule_sets.iter().filter(|set| Some(&*set.name) == name(index)).count();
    if entries.is_empty() || entries.iter().any(|index| named(index) != 1) {
        return Err(error);
    }
    let mut all = Starting::default();
    for entry in entries {
        let Starting { cases, unreachable, open, is_spent, is_cut, undecided } =
            starting::cases(document, &[entry], view)?;
        all.cases.extend(cases);
        all.unreachable.extend(unreachable);
        all.open.extend(open);
        all.is_spent |= is_spent;
        all.is_cut = all.is_cut.or(is_cut);
        all.undecided += undecided;
    }
    Ok(all)
}

/// The cases as they are written; `apart` with the rule set of each.
fn cases(document: &Document, starting: &Starting, apart: bool) -> Vec<NewCase> {
    let mut numbers: HashMap<&(usize, String), u64> = HashMap::new();
    let several = apart || starting.cases.iter().any(|case| case.aim.0 != case.rule_set);
    let case = |case: &'_ Start, number: u64| {
        let set = document.rule_sets.get(case.aim.0).map_or("", |set| set.name.as_str());
        let of = if several { format!(" of `{set}`") } else { String::new() };
        let name = if case.is_boundary {
            format!("boundary {number} of rule `{}`{of}", case.aim.1)
        } else {
            format!("rule `{}`{of}", case.aim.1)
        };
        let rule = case.rule.and_then(|hit| {
            let set = document.rule_sets.get(hit.rule_set as usize)?;
            let name = set.rules.get(hit.rule as usize)?.name;
            let own = hit.rule_set as usize == case.rule_set;
            Some(if own { name.to_owned() } else { format!("{}:{name}", set.name) })
        });
        let entry = document.rule_sets.get(case.rule_set).filter(|_| apart);
        let rule_set = entry.map(|set| set.name.clone());
        NewCase { name, packet: case.packet.clone(), expect: case.verdict.name(), rule, rule_set }
    };
    let list = starting.cases.iter().map(|start| {
        let number = numbers.entry(&start.aim).or_default();
        *number += u64::from(start.is_boundary);
        case(start, *number)
    });
    list.collect()
}

/// What the suite says in front: what it is, and for what it has no case.
fn head(rules: &Rules<'_>, starting: &Starting) -> String {
    let mut text = "# Written by `flowgate test --generate`: what becomes of these packets today.\n\
                    # Keep what is meant, and correct what is not.\n"
        .to_owned();
    let named = |(set, name): (usize, &str)| {
        let set = rules.document.rule_sets.get(set);
        let rule = set.and_then(|set| set.rules.iter().find(|rule| rule.name == name));
        let place = rule.map_or(String::new(), |rule| format!(" ({})", rules.place(&rule)));
        format!("`{}`{place}", clean(name))
    };
    // Writing to a string cannot fail.
    for (set, name) in &starting.unreachable {
        let _ = writeln!(text, "# No packet comes to rule {}.", named((*set, name)));
    }
    for (set, name, why) in &starting.open {
        let _ =
            writeln!(text, "# Nobody can say whether a packet comes to rule {}: {why}.", named((*set, name)));
    }
    if let Some(why) = &starting.is_cut {
        let _ = writeln!(text, "# The boundaries of further rules are left out: {why}.");
    }
    text.push('\n');
    text
}

/// The rules as the suite names them: from the folder it is written to.
fn named(target: &Target, output: Option<&Path>) -> Option<String> {
    if target.path == Path::new("-") {
        return None;
    }
    let folder = output.and_then(Path::parent).unwrap_or(Path::new(""));
    let path = from(folder, &target.path).unwrap_or_else(|| target.path.clone());
    let path = path.to_string_lossy().into_owned();
    Some(match &target.rule_set {
        Some(rule_set) => format!("{path}:{rule_set}"),
        None => path,
    })
}

/// A path as it is said from a folder; none where it can stay as it is.
fn from(folder: &Path, path: &Path) -> Option<PathBuf> {
    if folder == Path::new("") || path.is_absolute() {
        return None;
    }
    let (folder, path) = (folder.canonicalize().ok()?, path.canonicalize().ok()?);
    let shared = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    Some(up.chain(path.components().skip(shared)).collect())
}

/// What the command line said of reading, for the suite to say it.
fn reading(given: &Reading) -> NewReading {
    fn word<T: ValueEnum>(value: &T) -> Option<String> {
        value.to_possible_value().map(|value| value.get_name().to_owned())
    }
    NewReading {
        dialect: Some(given.dialect.clone()).filter(|dialect| dialect != "auto"),
        assume_action: given.assume_action.as_ref().and_then(word),
        family: given.family.as_ref().and_then(word),
        link_type: given.link_type.map(|number| number.to_string()),
        variant: given.variant.iter().filter_map(word).collect(),
    }
}
