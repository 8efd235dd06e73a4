//! Rule sets to lines.

use super::parse::NAME;
use crate::dialect::flowspec::{Table, communities, encode, matched, order, recover};
use crate::dialect::{Loss, Lost};
use crate::field::Family;
use crate::ir::{Document, Kind, Rule, RuleSet};
use std::fmt;

/// Writes every rule of `document`, a line each, and says what a line cannot.
pub(super) fn print(document: &Document, out: &mut dyn fmt::Write) -> Result<Vec<Lost>, fmt::Error> {
    let mut printer = Printer { out, line: 1, lost: Vec::new() };
    for set in &document.rule_sets {
        if Lost::unless_alone(set, &mut printer.lost) {
            printer.rule_set(set)?;
        }
    }
    Ok(printer.lost)
}

struct Printer<'a> {
    out: &'a mut dyn fmt::Write,
    // The number of the line written next: a rule named after it needs no name.
    line: u32,
    lost: Vec<Lost>,
}

impl Printer<'_> {
    fn rule_set(&mut self, set: &RuleSet) -> fmt::Result {
        if set.default.is_drop() && !order::decides_all(&set.rules) {
            let what = "the default discard; flow routes accept what no rule matches";
            self.lost.push(Lost::meaning(&set.name, "", what));
        }
        let named = Table::by_rule_set_name(&set.name);
        let tables: &[Table] = match (named, set.family) {
            (Some(table), _) => &[table],
            (None, Family::Inet) => &[Table::Ipv4],
            (None, Family::Inet6) => &[Table::Ipv6],
            (None, Family::Any) => &[Table::Ipv4, Table::Ipv6],
        };
        for table in tables {
            self.rules(set, *table)?;
        }
        Ok(())
    }

    fn rules(&mut self, set: &RuleSet, table: Table) -> fmt::Result {
        let mut values: Vec<Vec<u8>> = Vec::new();
        for rule in &set.rules {
            match octets(&rule, table) {
                Ok(value) => {
                    self.line(set, &rule, table, &value)?;
                    values.push(value);
                }
                Err(whats) => {
                    writeln!(self.out, "# not expressed: {}", one_line(rule.name))?;
                    self.line += 1;
                    self.lost
                        .extend(whats.into_iter().map(|what| Lost::left_out(&set.name, rule.name, what)));
                }
            }
        }
        // Flow routes stand in their order whatever the lines say; a filter may not.
        if set.kind == Kind::Filter && !order::is_kept(table, &set.rules, &values) {
            let what = "the order of the rules; flow routes are evaluated in that of RFC 8955 §5.1";
            self.lost.push(Lost::meaning(&set.name, "", what));
        }
        Ok(())
    }

    fn line(&mut self, set: &RuleSet, rule: &Rule, table: Table, value: &[u8]) -> fmt::Result {
        let mut nlri = Vec::with_capacity(value.len() + 2);
        if let Err(error) = encode::framed(value, &mut nlri) {
            self.lost.push(Lost::left_out(&set.name, rule.name, error.to_string()));
            return Ok(());
        }
        write!(self.out, "{} ", table.name())?;
        nlri.iter().try_for_each(|octet| write!(self.out, "{octet:02x}"))?;
        let (list, whats) = communities(rule.outcome, rule.actions);
        for community in &list {
            write!(self.out, " {community}")?;
        }
        if list.is_empty() && rule.action_given {
            // A traffic-action without bits: asks for nothing, and says so.
            self.out.write_str(" 8007000000000000")?;
        }
        if *rule.name != *format!("line-{}", self.line) {
            write!(self.out, " # {NAME} {}", one_line(rule.name))?;
        }
        self.out.write_char('\n')?;
        self.line += 1;
        let lost = |(loss, what): (Loss, String)| Lost::new(loss, &set.name, rule.name, what);
        self.lost.extend(whats.into_iter().map(lost));
        Ok(())
    }
}

/// The octets of a rule behind their length: those it came with, else those its condition makes.
fn octets(rule: &Rule, table: Table) -> Result<Vec<u8>, Vec<String>> {
    if let Some(octets) = &rule.nlri {
        return Ok(octets.to_vec());
    }
    let mut spec = recover(&matched(rule), table.family())?;
    if table.is_vpn() {
        return Err(vec!["a rule of a VPN without its route distinguisher".to_owned()]);
    }
    if spec.components().is_empty() {
        // A rule for every packet has no NLRI of its own.
        spec.push_every_packet();
    }
    let mut value = Vec::new();
    encode::canonical(&spec, &mut value).map_err(|error| vec![error.to_string()])?;
    Ok(value)
}

/// A name that cannot end its line.
fn one_line(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}
