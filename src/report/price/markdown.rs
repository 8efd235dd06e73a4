//! Prices in Markdown as code hosts render it, fit for a comment on a change.
//!
//! Names are the user's: every character that means something there is written as a character reference, which is text
//! wherever it stands, in a table too.

use super::view::{Row, Sentence, View, too_few};
use super::{Prices, figure};
use crate::cost::Level;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Cells of a bar.
const BAR: u64 = 10;

impl Prices<'_> {
    /// Writes the prices in Markdown: a table for each platform, with bars; the rules are folded away.
    pub fn write_markdown(&self, all_rules: bool, out: &mut dyn Write) -> io::Result<()> {
        self.write_each(all_rules, out, write_one)
    }
}

fn write_one(view: &View, out: &mut dyn Write) -> io::Result<()> {
    let mark = mark(view.level);
    writeln!(out, "### {} ({}): {mark}{}\n", code(&view.name), text(&view.title), view.level.name())?;
    write_resources(view, out)?;
    for sentence in &view.above {
        writeln!(out, "\n{}", said(sentence))?;
    }
    match view.growth.as_deref() {
        None => {}
        Some([]) => writeln!(out, "\n{}", too_few())?,
        Some(list) => {
            writeln!(out, "\n| how it grows with the rules | a quarter | half | all | exponent | |")?;
            writeln!(out, "|---|--:|--:|--:|--:|---|")?;
            for grown in list {
                let [quarter, half, all] = &grown.used;
                let (name, exponent, words) = (&grown.name, &grown.exponent, grown.words);
                writeln!(out, "| {name} | {quarter} | {half} | {all} | {exponent} | {words} |")?;
            }
        }
    }
    match &view.rules {
        Err(words) => writeln!(out, "\n{}", text(words))?,
        Ok(rules) => {
            let heading = rules.heading.as_deref().unwrap_or("every rule");
            let [first, second] = rules.columns;
            writeln!(out, "\n<details><summary>{heading}</summary>\n")?;
            writeln!(out, "| rule | rule set | {first} | {second} |\n|---|---|--:|--:|")?;
            for [rule, set, first, second] in &rules.rows {
                writeln!(out, "| {} | {} | {first} | {second} |", code(rule), code(set))?;
            }
            writeln!(out, "\n</details>")?;
        }
    }
    for sentence in &view.below {
        writeln!(out, "\n{}", said(sentence))?;
    }
    Ok(())
}

fn write_resources(view: &View, out: &mut dyn Write) -> io::Result<()> {
    if view.is_change {
        writeln!(out, "| resource | before | after | limit | | share | room | level | source |")?;
        writeln!(out, "|---|--:|--:|--:|---|--:|--:|---|---|")?;
    } else {
        writeln!(out, "| resource | used | minimum | limit | | share | level | source |")?;
        writeln!(out, "|---|--:|--:|--:|---|--:|---|---|")?;
    }
    for row in &view.resources {
        let (name, limit, bar, share) = (text(&row.name), row.limit(), bar(row), row.share());
        let (used, level, source) = (figure(row.used), row.level(), text(&row.source));
        let level = format!("{}{level}", mark(row.level));
        if view.is_change {
            let before = row.before.map_or_else(String::new, figure);
            let room = &row.room;
            writeln!(
                out,
                "| {name} | {before} | {used} | {limit} | {bar} | {share} | {room} | {level} | {source} |"
            )?;
        } else {
            let minimum = figure(row.minimum);
            writeln!(
                out,
                "| {name} | {used} | {minimum} | {limit} | {bar} | {share} | {level} | {source} |"
            )?;
        }
    }
    Ok(())
}

/// What catches the eye.
fn mark(level: Level) -> &'static str {
    match level {
        Level::Ok => "",
        Level::Warn => "⚠ ",
        Level::Deny => "⛔ ",
    }
}

/// What is used of the limit, and what is left.
fn bar(row: &Row) -> String {
    let filled = |limit| super::super::bar(row.used.at_least, limit, BAR);
    row.limit.map_or_else(String::new, |limit| filled(limit).replace('#', "█").replace('.', "░"))
}

fn said(sentence: &Sentence) -> String {
    sentence.text(text, code)
}

/// A name, set apart. Only one in which nothing is a mark stands in a code span: that has to be closed by a mark which is
/// not in it, and a table splits at its bars.
fn code(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./@".contains(c);
    match name {
        "" => String::new(),
        name if name.chars().all(plain) => format!("`{name}`"),
        name => format!("<code>{}</code>", text(name)),
    }
}

/// Text in which nothing is a mark.
fn text(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words.chars().peekable();
    while let Some(c) = rest.next() {
        // A colon makes a link or a picture with what stands behind it.
        let colon = c == ':' && rest.peek().is_none_or(|next| *next == ' ');
        if c.is_ascii_punctuation() && !colon && !"-.,()/'\"=;%+".contains(c) {
            // A string takes all that is written to it.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_of_a_name_is_a_mark() {
        assert_eq!(text("web-in (v4), 50 %"), "web-in (v4), 50 %");
        assert_eq!(code("a|b`c"), "<code>a&#124;b&#96;c</code>");
        let hostile =
            "</code>| x |\\|[a](http://b)![i](j)<img src=x onerror=y>&amp;**b**__c__~~d~~ @all #1 <!--";
        let written = code(hostile);
        let inside = written.strip_prefix("<code>").unwrap().strip_suffix("</code>").unwrap();
        assert!(
            !inside.contains(['<', '>', '|', '`', '\\', '[', ']', '*', '_', '~', '!', '@', ':']),
            "{inside}"
        );
        // Of `&` and `#` only those that begin a reference.
        assert_eq!(inside.matches('&').count(), inside.matches("&#").count());
        assert_eq!(inside.matches('#').count(), inside.matches("&#").count());
        assert_eq!((code(""), code("flowspec/ipv4")), (String::new(), "`flowspec/ipv4`".to_owned()));
        assert_eq!(text("room: 5, see http://x :a: b:"), "room: 5, see http&#58;//x &#58;a: b:");
    }
}
