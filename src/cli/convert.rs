//! `flowgate convert`: the same meaning in another dialect, with what is lost said.

use super::args::{Common, Convert};
use super::error::Error;
use super::inputs::Inputs;
use super::select::{self, Target};
use super::{Exit, output, say};
use crate::check::{Minimized, Written, minimize, written};
use crate::dialect::{self, Loss, Lost, PrintOptions};
use crate::ir::Document;
use crate::packet::LinkType;
use crate::report::{clean, count};
use std::collections::BTreeSet;

/// Reads one file and prints it in another dialect.
pub(super) fn run(options: &Convert, common: &Common) -> Result<Exit, Error> {
    let Some(dialect) = dialect::by_name(&options.to) else { return Err(Error::NoRules) };
    if let Some(form) = options.form.as_deref().filter(|form| !dialect.forms().contains(form)) {
        let (dialect, forms) = (dialect.name(), dialect.forms());
        return Err(Error::NoSuchForm { dialect, form: clean(form).into_owned(), forms });
    }
    let target = Target::new(&options.rules);
    // Rules of other dialects are about packets, not frames.
    let mut reading = options.reading.clone();
    reading.link_type.get_or_insert(LinkType::RAW.0);
    let mut inputs = Inputs::read(&[target.path], &reading)?;
    inputs.tell(common);
    let broken = inputs.tell_errors(common);
    let mut text = String::new();
    let (mut lost, mut proofs) = (Vec::new(), Vec::new());
    let print_options = PrintOptions { form: options.form.clone() };
    for input in &inputs.all {
        let path = inputs.sources.get(input.source).name();
        let whole = &input.reading.document;
        let part: Document;
        let document = match target.rule_set.as_deref() {
            None => whole,
            Some(name) => {
                part = select::only(whole, select::single(whole, path, Some(name))?);
                &part
            }
        };
        let smaller;
        let document = if options.minimize {
            smaller = minimize(document);
            tell(&smaller, document.rule_count(), common);
            &smaller.document
        } else {
            document
        };
        let start = text.len();
        let printed = dialect.print(document, &print_options, &mut text);
        let printed = printed.map_err(|_| Error::Print { dialect: dialect.name() })?;
        inputs.memory.look()?;
        let own = text.get(start..).unwrap_or_default();
        proofs.push(written(dialect, document, &printed, own.to_owned(), &reading.read_options()));
        lost.extend(printed);
    }
    inputs.memory.look()?;
    let changed = subjects(&lost, Loss::Meaning);
    // What was said to be lost explains another verdict; without it the text is wrong, and nobody gets it unasked.
    let refuted = |proof: &Written| match proof {
        Written::Refused(_) => true,
        Written::Differs(..) | Written::Fewer(_) => changed == 0 && !options.allow_other_verdicts,
        Written::Same | Written::Open(_) => false,
    };
    let withheld = proofs.iter().any(refuted);
    if !withheld {
        output::write(options.writing.output.as_deref(), common, |out, _| out.write_all(text.as_bytes()))?;
    }
    tell_lost(&lost, dialect.name(), common);
    let left_out = subjects(&lost, Loss::LeftOut);
    let (mut otherwise, mut refused, mut open) = (false, false, false);
    for proof in proofs {
        match proof {
            Written::Same => {}
            Written::Differs(packet, before, after) => {
                otherwise = true;
                let (before, after) = (before.name(), after.name());
                say(&format!("written otherwise: {before} is {after} for `{}`", clean(&packet)));
            }
            Written::Fewer(family) => {
                otherwise = true;
                say(&format!("written otherwise: no {} packet comes to what was written", family.name()));
            }
            Written::Refused(why) => {
                refused = true;
                say(&format!("{} does not take what was written: {why}", dialect.name()));
            }
            Written::Open(why) => {
                open = true;
                if !common.quiet {
                    say(&format!("not proved to decide as what was read does: {why}"));
                }
            }
        }
    }
    otherwise |= changed > 0;
    if withheld {
        say("nothing is written: what would be is not what was read");
    }
    if !options.strict && !common.quiet {
        if left_out > 0 && !options.allow_loss {
            say(&format!("{} left out, which `--allow-loss` accepts", count(left_out, "rule")));
        }
        if otherwise && !options.allow_other_verdicts {
            say("the output decides otherwise than the input, which `--allow-other-verdicts` accepts");
        }
    }
    // An output that decides otherwise is never a success unasked.
    let failed = if options.strict {
        !lost.is_empty() || otherwise || open
    } else {
        (left_out > 0 && !options.allow_loss) || (otherwise && !options.allow_other_verdicts)
    };
    Ok(if broken || refused || failed { Exit::Found } else { Exit::Clean })
}

/// Says what is lost.
fn tell_lost(lost: &[Lost], dialect: &str, common: &Common) {
    for loss in lost {
        let set = clean(&loss.rule_set);
        let subject = match &*loss.rule {
            "" => format!("`{set}`"),
            rule => format!("rule `{}` of `{set}`", clean(rule)),
        };
        say(&format!("lost: {subject}: {}", clean(&loss.what)));
    }
    if !lost.is_empty() && !common.quiet {
        let number = u64::try_from(lost.len()).unwrap_or(u64::MAX);
        say(&format!("{} not expressed in {}", count(number, "thing"), dialect));
    }
}

/// Says by how much a document is smaller.
fn tell(smaller: &Minimized, before: usize, common: &Common) {
    if common.quiet {
        return;
    }
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let Minimized { document, removed, merged, unproven } = smaller;
    match unproven {
        Some(why) => say(&format!("not minimized: {why}")),
        None => say(&format!(
            "{} instead of {}: {} removed, {merged} merged into others",
            count(number(document.rule_count()), "rule"),
            before,
            removed
        )),
    }
}

/// Of how many rules and rule sets something of that gravity is lost.
fn subjects(lost: &[Lost], loss: Loss) -> u64 {
    let of_kind = lost.iter().filter(|lost| lost.loss == loss);
    let subjects = of_kind.map(|lost| (&lost.rule_set, &lost.rule)).collect::<BTreeSet<_>>();
    u64::try_from(subjects.len()).unwrap_or(u64::MAX)
}
