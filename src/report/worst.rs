//! The dearest rules and edits that a search found, for people and programs.

use super::json::v1::{VERSION, hex};
use super::{Table, clean, count, json};
use crate::cost::{Device, Edit, Resource, RuleRef, Worst};
use crate::guard::Exhausted;
use crate::ir::Document;
use serde::Serialize;
use std::io::{self, Write};

/// Edits shown to people.
const SHOWN: usize = 10;

/// What was found on one device.
#[derive(Debug)]
pub struct Searched<'a> {
    /// The device.
    pub device: &'a Device,
    /// The resource that was to be filled.
    pub resource: &'a Resource,
    /// The budget for it, or what the platform holds.
    pub limit: Option<u64>,
    /// The rule that was found from nothing; none where rules were given, or where there is no such rule.
    pub worst: Option<Worst>,
    /// The edits of given rules, the dearest first, and why the search ended early, where it did.
    pub edits: Option<(Vec<Edit>, Option<Exhausted>)>,
}

impl Searched<'_> {
    /// Whether the search ended early.
    pub fn is_stopped(&self) -> bool {
        self.stopped().is_some()
    }

    fn stopped(&self) -> Option<Exhausted> {
        match (&self.worst, &self.edits) {
            (Some(worst), _) => worst.stopped,
            (None, Some((_, stopped))) => *stopped,
            (None, None) => None,
        }
    }

    fn most(&self) -> u64 {
        let of_worst = self.worst.as_ref().and_then(|worst| worst.steps.last()).map(|step| step.used);
        let of_edits = self.edits.as_ref().and_then(|(edits, _)| edits.first()).map(|edit| edit.used);
        of_worst.or(of_edits).unwrap_or(0)
    }
}

/// What was found on all devices.
#[derive(Debug)]
pub struct Searches<'a> {
    /// One for each device.
    pub list: &'a [Searched<'a>],
    /// The rules that were given, in order.
    pub documents: &'a [&'a Document],
}

impl Searches<'_> {
    /// Writes what was found for people.
    pub fn write_terminal(&self, all: bool, out: &mut dyn Write) -> io::Result<()> {
        for (number, searched) in self.list.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            let (name, resource) = (searched.device.name(), &searched.resource.name);
            match (&searched.worst, &searched.edits) {
                (Some(worst), _) => {
                    writeln!(out, "{name}: the most {resource} one rule was found to take\n")?;
                    write_steps(worst, &searched.resource.unit, out)?;
                }
                (None, Some((edits, _))) => {
                    writeln!(out, "{name}: the edits after which a rule takes the most {resource}\n")?;
                    self.write_edits(edits, &searched.resource.unit, all, out)?;
                }
                (None, None) => writeln!(out, "{name}: no rule can be tried")?,
            }
            if let Some(limit) = searched.limit.filter(|limit| searched.most() > *limit) {
                let most = count(searched.most(), "");
                writeln!(out, "\none such rule is beyond the limit: {most} of {}", count(limit, ""))?;
            }
            let ended = match searched.stopped() {
                Some(exhausted) => format!("the search ended early: {exhausted}"),
                None => "the largest that was found; it is not proven that there is no larger".to_owned(),
            };
            writeln!(out, "\n{ended}")?;
        }
        Ok(())
    }

    fn write_edits(&self, edits: &[Edit], unit: &str, all: bool, out: &mut dyn Write) -> io::Result<()> {
        if edits.is_empty() {
            return writeln!(out, "no edit that was tried makes a rule take more");
        }
        let right = format!(">{unit}");
        let mut table = Table::new(&["edit", "rule", "component", "becomes", ">before", &right]);
        let shown = if all { edits.len() } else { SHOWN };
        for edit in edits.iter().take(shown) {
            let [_, rule] = self.names(edit.at);
            let before = count(edit.before, "");
            let (kind, component) = (edit.kind.name().to_owned(), edit.component.to_string());
            table.row([
                kind,
                clean(rule).into_owned(),
                component,
                edit.words.clone(),
                before,
                count(edit.used, ""),
            ]);
        }
        table.write(out)?;
        // The smallest slips are the likeliest.
        if let Some(slip) = edits.iter().find(|edit| edit.kind == crate::cost::EditKind::Bound) {
            let [_, rule] = self.names(slip.at);
            let used = count(slip.used, "");
            writeln!(
                out,
                "\nthe dearest slip by one: the {} of rule `{}`, {}: {} to {used}",
                slip.component,
                clean(rule),
                slip.words,
                count(slip.before, "")
            )?;
        }
        Ok(())
    }

    fn names(&self, at: RuleRef) -> [&str; 2] {
        let set =
            self.documents.get(at.document as usize).and_then(|d| d.rule_sets.get(at.rule_set as usize));
        let rule = set.and_then(|set| set.rules.get(at.rule as usize));
        [set.map_or("", |set| &set.name), rule.map_or("", |rule| rule.name)]
    }

    /// Writes what was found as one JSON document.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let platforms = self.list.iter().map(|searched| {
            let steps = searched.worst.as_ref().map(|worst| {
                let step = |step: &crate::cost::Step| Step1 {
                    component: step.component.to_string(),
                    asks: step.words.clone(),
                    used: step.used,
                    ranges_alone: step.ranges_alone,
                };
                worst.steps.iter().map(step).collect()
            });
            let edits = searched.edits.as_ref().map(|(edits, _)| {
                let edit = |edit: &Edit| {
                    let [rule_set, rule] = self.names(edit.at);
                    Edit1 {
                        kind: edit.kind.name(),
                        rule_set: rule_set.to_owned(),
                        rule: rule.to_owned(),
                        component: edit.component.to_string(),
                        becomes: edit.words.clone(),
                        before: edit.before,
                        used: edit.used,
                    }
                };
                edits.iter().map(edit).collect()
            });
            Platform1 {
                name: searched.device.name(),
                resource: &searched.resource.name,
                unit: &searched.resource.unit,
                limit: searched.limit,
                used: searched.most(),
                proven: false,
                stopped: searched.stopped().map(|exhausted| exhausted.to_string()),
                tried: searched.worst.as_ref().map(|worst| worst.tried),
                nlri: searched.worst.as_ref().and_then(|worst| worst.nlri.as_deref()).map(hex),
                steps,
                edits,
            }
        });
        json::document(&Document1 { version: VERSION, platforms: platforms.collect() }, out)
    }
}

fn write_steps(worst: &Worst, unit: &str, out: &mut dyn Write) -> io::Result<()> {
    let right = format!(">{unit}");
    let mut table = Table::new(&["component", "asks for", &right, ""]);
    let last_alone = worst.steps.iter().filter(|step| step.ranges_alone).count();
    for (index, step) in worst.steps.iter().enumerate() {
        let alone = index + 1 == last_alone && last_alone < worst.steps.len();
        let remark = if alone { "ranges alone" } else { "" };
        table.row([step.component.to_string(), step.words.clone(), count(step.used, ""), remark.to_owned()]);
    }
    table.write(out)?;
    writeln!(out)?;
    if let Some(nlri) = &worst.nlri {
        writeln!(out, "as an NLRI of {}: {}", count(nlri.len() as u64, "octet"), hex(nlri))?;
    }
    writeln!(out, "{} tried", count(worst.tried, "rule"))
}

#[derive(Serialize)]
struct Document1<'a> {
    version: u32,
    platforms: Vec<Platform1<'a>>,
}

#[derive(Serialize)]
struct Platform1<'a> {
    name: String,
    resource: &'a str,
    unit: &'a str,
    limit: Option<u64>,
    used: u64,
    proven: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nlri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<Vec<Step1>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edits: Option<Vec<Edit1>>,
}

#[derive(Serialize)]
struct Step1 {
    component: String,
    asks: String,
    used: u64,
    ranges_alone: bool,
}

#[derive(Serialize)]
struct Edit1 {
    kind: &'static str,
    rule_set: String,
    rule: String,
    component: String,
    becomes: String,
    before: u64,
    used: u64,
}
