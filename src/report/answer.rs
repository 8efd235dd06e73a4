//! What becomes of the packets that were asked about, for people and programs.

use super::json::v1::{TOOL, Tool, VERSION};
use super::rule::{Rule1, Rules};
use super::{clean, count, json};
use crate::eval::Hit;
use crate::field::Headers;
use crate::ir::{Condition, RuleSet, Verdict};
use crate::packet::words;
use crate::query;
use serde::Serialize;
use std::io::{self, Write};

/// Packets with one fate.
#[derive(Debug)]
pub struct Part {
    /// The packets.
    pub packets: Condition,
    /// How many of all packets of the family are among them; none where that is not known.
    pub share: Option<f64>,
    /// Whether packets that earlier rules take are to be left out of them: there are too many regions to tell.
    pub less_earlier: bool,
    /// What becomes of them.
    pub verdict: Verdict,
    /// The rule that decides.
    pub rule: Option<Hit>,
    /// One of them. None where what is not modelled decides whether there is one.
    pub packet: Option<Box<Headers>>,
}

/// What a rule set does with the packets asked about.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The rule set.
    pub set: &'a RuleSet,
    /// The packets, the largest share first; or why nobody can say.
    pub found: Result<Vec<Part>, String>,
}

/// The answer to a query.
#[derive(Debug)]
pub struct Answered<'a> {
    /// The rules.
    pub rules: Rules<'a>,
    /// What was asked, in the words of the user.
    pub asked: String,
    /// What each rule set does.
    pub sets: Vec<Answer<'a>>,
}

/// Regions shown to people for one rule set.
const SHOWN: usize = 20;

impl Answered<'_> {
    /// Whether some packet was found.
    pub fn finds(&self) -> bool {
        self.parts().any(|part| part.packet.is_some())
    }

    /// Whether something has no answer.
    pub fn is_open(&self) -> bool {
        self.sets.iter().any(|set| set.found.is_err()) || self.parts().any(|part| part.packet.is_none())
    }

    /// All packets found.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.sets.iter().filter_map(|set| set.found.as_ref().ok()).flatten()
    }

    /// Writes it for people.
    pub fn write_terminal(&self, out: &mut dyn Write) -> io::Result<()> {
        for of in &self.sets {
            let name = clean(&of.set.name);
            let parts = match &of.found {
                Ok(parts) => parts,
                Err(why) => {
                    writeln!(out, "{name}: no answer: {}", clean(why))?;
                    continue;
                }
            };
            if parts.is_empty() {
                writeln!(out, "{name}: no packet")?;
                continue;
            }
            let regions = u64::try_from(parts.len()).unwrap_or(u64::MAX);
            writeln!(out, "{name}: {}", count(regions, "region"))?;
            for part in parts.iter().take(SHOWN) {
                self.write_part(part, out)?;
            }
            let more = parts.len().saturating_sub(SHOWN);
            if more > 0 {
                writeln!(out, "\n  and {more} more, which `--format json` shows")?;
            }
        }
        Ok(())
    }

    fn write_part(&self, part: &Part, out: &mut dyn Write) -> io::Result<()> {
        let symbols = &self.rules.document.symbols;
        writeln!(out, "\n  {}", self.rules.given(part.verdict, part.rule))?;
        let less = if part.less_earlier { ", less what earlier rules take" } else { "" };
        let packets = query::describe_condition(&part.packets, symbols);
        writeln!(out, "    packets  {}{less}", clean(&packets))?;
        if let Some(share) = part.share {
            writeln!(out, "    share    {share:.3e} of all packets")?;
        }
        match &part.packet {
            Some(packet) => writeln!(out, "    witness  {}", clean(&words::print(packet, symbols))),
            None => writeln!(out, "    witness  none: what is not modelled decides"),
        }
    }

    /// Writes it for programs.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let symbols = &self.rules.document.symbols;
        let region = |part: &Part| Region1 {
            verdict: part.verdict.name(),
            rule: part.rule.and_then(|hit| self.rules.json(hit)),
            packets: query::describe_condition(&part.packets, symbols),
            less_earlier_rules: part.less_earlier,
            share: part.share,
            witness: part.packet.as_ref().map(|packet| words::print(packet, symbols)),
        };
        let set = |of: &Answer<'_>| Set1 {
            rule_set: of.set.name.clone(),
            inconclusive: of.found.as_ref().err().cloned(),
            regions: of.found.iter().flatten().map(region).collect(),
        };
        let document = Document1 {
            version: VERSION,
            tool: TOOL,
            query: self.asked.clone(),
            found: self.finds(),
            rule_sets: self.sets.iter().map(set).collect(),
        };
        json::document(&document, out)
    }
}

#[derive(Serialize)]
struct Document1 {
    version: u32,
    tool: Tool,
    query: String,
    found: bool,
    rule_sets: Vec<Set1>,
}

#[derive(Serialize)]
struct Set1 {
    rule_set: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<String>,
    regions: Vec<Region1>,
}

#[derive(Serialize)]
struct Region1 {
    verdict: &'static str,
    rule: Option<Rule1>,
    packets: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    less_earlier_rules: bool,
    share: Option<f64>,
    witness: Option<String>,
}
