//! Prices for people, in a terminal.

use super::super::{Table, bar};
use super::view::{Row, Sentence, View, too_few};
use super::{Prices, figure};
use std::io::{self, Write};

/// Cells of a bar.
const BAR: u64 = 20;

impl Prices<'_> {
    /// Writes the prices for people: each resource against its limit, the dearest rules, what is not taken.
    pub fn write_terminal(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        self.write_each(all_rules, out, write_one)
    }
}

fn write_one(view: &View, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} ({}): {}", view.name, view.title, view.level.name())?;
    writeln!(out)?;
    if view.is_change {
        beside(&view.resources).write(out)?;
    } else {
        resources(&view.resources).write(out)?;
    }
    for sentence in &view.above {
        writeln!(out, "\n{}", plain(sentence))?;
    }
    match view.growth.as_deref() {
        None => {}
        Some([]) => writeln!(out, "\n{}", too_few())?,
        Some(list) => {
            writeln!(out, "\nhow it grows with the rules:")?;
            let mut table = Table::new(&["resource", ">a quarter", ">half", ">all", ">exponent", ""]);
            for grown in list {
                let [quarter, half, all] = grown.used.clone();
                let (name, exponent) = (grown.name.clone(), grown.exponent.clone());
                table.row([name, quarter, half, all, exponent, grown.words.to_owned()]);
            }
            table.write(out)?;
        }
    }
    match &view.rules {
        Err(words) => writeln!(out, "\n{words}")?,
        Ok(rules) => {
            match &rules.heading {
                Some(heading) => writeln!(out, "\n{heading}:")?,
                None => writeln!(out)?,
            }
            let [first, second] = rules.columns.map(|column| format!(">{column}"));
            let mut table = Table::new(&["rule", "rule set", first.as_str(), second.as_str()]);
            rules.rows.iter().for_each(|cells| table.row(cells.clone()));
            table.write(out)?;
        }
    }
    for sentence in &view.below {
        writeln!(out, "\n{}", plain(sentence))?;
    }
    Ok(())
}

fn plain(sentence: &Sentence) -> String {
    sentence.text(str::to_owned, |name| format!("`{name}`"))
}

/// Resources.
fn resources(rows: &[Row]) -> Table<8> {
    let mut table = Table::new(&["resource", ">used", ">minimum", ">limit", "", ">share", "level", "source"]);
    for row in rows {
        let [name, limit, bar, part, level, source] = cells(row);
        table.row([name, figure(row.used), figure(row.minimum), limit, bar, part, level, source]);
    }
    table
}

/// Resources beside what they were.
fn beside(rows: &[Row]) -> Table<9> {
    let headings = ["resource", ">before", ">after", ">limit", "", ">share", ">room", "level", "source"];
    let mut table = Table::new(&headings);
    for row in rows {
        let [name, limit, bar, part, level, source] = cells(row);
        let before = row.before.map_or_else(String::new, figure);
        table.row([name, before, figure(row.used), limit, bar, part, row.room.clone(), level, source]);
    }
    table
}

fn cells(row: &Row) -> [String; 6] {
    let filled = row.limit.map_or_else(String::new, |limit| bar(row.used.at_least, limit, BAR));
    [row.name.clone(), row.limit(), filled, row.share(), row.level().to_owned(), row.source.clone()]
}
