//! Texts on a screen that is narrower than they are.
//!
//! A line is broken at spaces, and goes on below its value: the column behind its last wide gap. A
//! table that is too wide becomes one paragraph a row, with the headings in front of the cells.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The narrowest screen that texts are folded for, in columns; below it nothing is readable.
const NARROWEST: usize = 20;

/// The text with no line wider than `width` columns, single long words excepted.
pub fn fitted(text: &str, width: usize) -> String {
    let fits = |line: &str| line.width() <= width && !line.contains('\t');
    if width < NARROWEST || text.lines().all(fits) {
        return text.to_owned();
    }
    let lines: Vec<_> = text.lines().collect();
    let blocks = lines.split_inclusive(|line| line.trim().is_empty());
    let shown: Vec<_> = blocks.flat_map(|block| block_fitted(block, width)).collect();
    shown.join("\n")
}

/// Lines without a blank one between them.
fn block_fitted(block: &[&str], width: usize) -> Vec<String> {
    let too_wide = block.iter().any(|line| line.width() > width);
    let rule = block.iter().rposition(|line| is_rule(line)).filter(|at| *at > 0 && too_wide);
    let Some(rule) = rule else {
        return block.iter().flat_map(|line| folded(line, width)).collect();
    };
    let (heading, rows) = (block[rule - 1], &block[rule + 1..]);
    let above = block[..rule - 1].iter().filter(|line| !is_rule(line));
    let mut lines: Vec<_> = above.flat_map(|line| folded(line, width)).collect();
    for (number, record) in records(heading, rows).iter().enumerate() {
        if number > 0 {
            lines.push(String::new());
        }
        lines.extend(record.iter().flat_map(|line| folded(line, width)));
    }
    if rows.last().is_some_and(|line| line.trim().is_empty()) {
        lines.push(String::new());
    }
    lines
}

/// Whether a line is drawn under a heading.
fn is_rule(line: &str) -> bool {
    let drawn = line.trim();
    drawn.len() >= 8 && ['_', '-', '='].iter().any(|sign| drawn.chars().all(|one| one == *sign))
}

/// One record a row: a line `heading: cell` for each cell that is not empty.
fn records(heading: &str, rows: &[&str]) -> Vec<Vec<String>> {
    let rows: Vec<_> = rows.iter().copied().filter(|row| !row.trim().is_empty()).collect();
    let columns = columns(heading, &rows);
    let names = cells(heading, &columns);
    let indent = heading.len() - heading.trim_start().len();
    let longest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut records: Vec<Vec<(usize, String)>> = Vec::new();
    for row in rows {
        let mut found = cells(row, &columns).into_iter().enumerate().collect::<Vec<_>>();
        found.retain(|(_, cell)| !cell.is_empty());
        match (found.as_slice(), records.last_mut()) {
            // Only the last column goes on below itself.
            ([(column, more)], Some(record)) if column + 1 == names.len() => {
                match record.last_mut() {
                    Some((last, cell)) if last == column => *cell = format!("{cell} {more}"),
                    _ => record.push((*column, more.clone())),
                }
            }
            _ => records.push(found),
        }
    }
    let line = |(column, cell): &(usize, String)| {
        let name = names.get(*column).map_or("", String::as_str);
        let gap = " ".repeat(longest.saturating_sub(name.width()));
        format!("{:indent$}{name}:{gap}  {cell}", "")
    };
    records.iter().map(|record| record.iter().map(line).collect()).collect()
}

/// Where columns begin and end: at gaps of two screen columns that every line has.
fn columns(heading: &str, rows: &[&str]) -> Vec<(usize, usize)> {
    let lines = || std::iter::once(heading).chain(rows.iter().copied());
    let mut taken = vec![false; lines().map(UnicodeWidthStr::width).max().unwrap_or(0)];
    for line in lines() {
        let mut at = 0;
        for letter in line.chars() {
            let width = letter.width().unwrap_or(0);
            if letter != ' ' {
                taken.iter_mut().skip(at).take(width).for_each(|place| *place = true);
            }
            at += width;
        }
    }
    let mut columns: Vec<(usize, usize)> = Vec::new();
    for (at, _) in taken.iter().enumerate().filter(|(_, taken)| **taken) {
        match columns.last_mut() {
            Some((_, end)) if at < *end + 2 => *end = at + 1,
            _ => columns.push((at, at + 1)),
        }
    }
    columns
}

fn cells(line: &str, columns: &[(usize, usize)]) -> Vec<String> {
    let mut cells = vec![String::new(); columns.len()];
    let mut at = 0;
    for letter in line.chars() {
        let column = columns.iter().position(|(start, end)| (*start..*end).contains(&at));
        if let Some(cell) = column.and_then(|column| cells.get_mut(column)) {
            cell.push(letter);
        }
        at += letter.width().unwrap_or(0);
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// One line as several.
fn folded(line: &str, width: usize) -> Vec<String> {
    if line.width() <= width {
        return vec![line.to_owned()];
    }
    if is_rule(line) {
        return vec![line.chars().take(width).collect()];
    }
    let hanging = value_column(line).filter(|column| *column <= width * 2 / 3);
    let indent = line.len() - line.trim_start().len();
    let hanging = hanging.unwrap_or((indent + 2).min(width / 2));
    let start = indent.min(width / 2);
    let mut lines = vec![" ".repeat(start)];
    let mut empty = true;
    let body = line.trim_start();
    for piece in body.split_inclusive(' ') {
        let current = lines.last().map_or(0, |line| line.width());
        if !empty && current + piece.trim_end().width() > width {
            lines.push(" ".repeat(hanging));
            empty = true;
        }
        if let Some(current) = lines.last_mut() {
            current.push_str(if empty { piece.trim_start() } else { piece });
            empty &= piece.trim().is_empty();
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The screen column behind the last gap of two spaces or more.
fn value_column(line: &str) -> Option<usize> {
    let body = line.trim_end();
    let gap = body.rfind("  ")?;
    let before = &body[..gap];
    (!before.trim().is_empty()).then(|| body[..gap + 2].width())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_fit_stay() {
        let text = "a\n\n        b  c";
        assert_eq!(fitted(text, 60), text);
        assert_eq!(fitted(&"x ".repeat(50), 10), "x ".repeat(50));
    }

    #[test]
    fn long_lines_go_on_below_their_value() {
        let line = "        Configuration ->        Luna User Partition With SO";
        let expected = "        Configuration ->        Luna User\n                                Partition With SO";
        assert_eq!(fitted(line, 50), expected);
        assert_eq!(
            fitted("    a warning that is too long", 20),
            "    a warning that\n      is too long"
        );
        assert_eq!(
            fitted(&format!("  {} b", "x".repeat(30)), 20),
            format!("  {}\n    b", "x".repeat(30))
        );
    }

    #[test]
    fn wide_tables_become_records() {
        let table = "        Name     Key\n        _________________\n        日本語   aa bb cc\n        b        dd\n\nend";
        let expected = "        Name:  日本語\n        Key:   aa bb cc\n\n        Name:  b\n        Key:   dd\n\nend";
        assert_eq!(fitted(table, 24), expected);
    }

    #[test]
    fn cells_that_go_on_are_joined_and_empty_ones_left_out() {
        let table = "Option      Short  Description\n------------------------------\n-a <value>  -b     One two\n                   three\n-c                 Four";
        let expected = "Option:       -a <value>\nShort:        -b\nDescription:  One two three\n\nOption:       -c\nDescription:  Four";
        assert_eq!(fitted(table, 29), expected);
    }
}
