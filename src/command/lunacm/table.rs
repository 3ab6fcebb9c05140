//! Tables as LunaCM draws them: indented headings over a rule.

use std::fmt;

use unicode_width::UnicodeWidthStr;

/// Columns that every line of a table is indented by.
const INDENT: usize = 8;

/// Columns between two columns.
const GAP: usize = 3;

/// A table with one heading line.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(super) fn new(headings: &[&str]) -> Self {
        Self { rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()] }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.width()).max().unwrap_or(0)
        };
        (0..columns).map(width).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let full = widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1);
        for (at, row) in self.rows.iter().enumerate() {
            let mut line = " ".repeat(INDENT);
            for (cell, width) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
            }
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}", line.trim_end())?;
            if at == 0 {
                write!(f, "\n{}{}", " ".repeat(INDENT), "_".repeat(full))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_by_shown_width() {
        let mut table = Table::new(&["Name", "Key"]);
        table.row(["日本".to_owned(), "1".to_owned()]);
        table.row(["a".to_owned(), "22".to_owned()]);
        let text = table.to_string();
        assert_eq!(
            text,
            "        Name   Key\n        __________\n        日本   1\n        a      22"
        );
    }
}
