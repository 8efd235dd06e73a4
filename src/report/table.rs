//! Columns of text, and bars.

use std::io::{self, Write};

/// Rows in columns as wide as their widest cell. A heading that begins with `>` has its column set to the right.
#[derive(Debug)]
pub struct Table<const N: usize> {
    right: [bool; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// A table with headings; without a line of them when all are empty.
    pub fn new(headings: &[&str; N]) -> Self {
        let rows = if headings.iter().all(|h| h.trim_start_matches('>').is_empty()) {
            Vec::new()
        } else {
            vec![headings.map(|h| h.trim_start_matches('>').to_owned())]
        };
        Self { right: headings.map(|h| h.starts_with('>')), rows }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Writes the rows, two spaces between the columns and none at the end of a line.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut widths = [0; N];
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        for row in &self.rows {
            let mut line = String::new();
            for ((cell, width), right) in row.iter().zip(widths).zip(self.right) {
                let missing = " ".repeat(width - cell.chars().count());
                let (before, after) = if right { (missing.as_str(), "") } else { ("", missing.as_str()) };
                line.push_str(before);
                line.push_str(cell);
                line.push_str(after);
                line.push_str("  ");
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

/// A bar of `cells` characters for a part of a whole; what is not nothing shows at least one mark.
pub fn bar(part: u64, whole: u64, cells: u64) -> String {
    let filled = (u128::from(part) * u128::from(cells)).div_ceil(u128::from(whole.max(1)));
    let filled = usize::try_from(filled.min(u128::from(cells))).unwrap_or(0);
    let empty = usize::try_from(cells).unwrap_or(0).saturating_sub(filled);
    format!("{}{}", "#".repeat(filled), ".".repeat(empty))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_cells() {
        let mut table = Table::new(&["name", ">n"]);
        table.row(["a".into(), "5".into()]);
        table.row(["größer".into(), "1,000".into()]);
        let mut out = Vec::new();
        table.write(&mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "name        n\na           5\ngrößer  1,000\n");
    }

    #[test]
    fn a_bar_shows_what_is_there_and_never_more_than_all() {
        assert_eq!(bar(0, 10, 4), "....");
        assert_eq!(bar(1, 1000, 4), "#...");
        assert_eq!(bar(10, 10, 4), "####");
        assert_eq!(bar(99, 10, 4), "####");
        assert_eq!(bar(1, 0, 4), "####");
    }
}
