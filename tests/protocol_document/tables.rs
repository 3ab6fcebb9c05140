//! The tables of a document in Markdown.

use std::{collections::BTreeMap, fs, path::Path};

use crate::schema::{Field, Shape};

/// A table and the last heading before it.
#[derive(Debug)]
pub struct Table {
    pub heading: String,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The cells of one column.
    pub fn column(&self, name: &str) -> Vec<&str> {
        let at = self.columns.iter().position(|column| column == name).unwrap();
        self.rows.iter().map(|row| row[at].as_str()).collect()
    }

    /// The cells of two columns.
    pub fn pairs(&self, first: &str, second: &str) -> Vec<(&str, &str)> {
        self.column(first).into_iter().zip(self.column(second)).collect()
    }
}

/// The tables of a document, by its name in `docs`.
pub fn tables(document: &str) -> Vec<Table> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(document);
    let text = fs::read_to_string(path).unwrap();
    let mut tables: Vec<Table> = Vec::new();
    let (mut heading, mut goes_on) = ("", false);
    for line in text.lines() {
        if let Some(title) = line.strip_prefix('#') {
            heading = title.trim_start_matches('#').trim();
        }
        let cells = line.strip_prefix('|').and_then(|rest| rest.strip_suffix('|'));
        let cells =
            cells.map(|cells| cells.split('|').map(|cell| cell.trim().to_owned()).collect());
        match cells {
            Some(row) if goes_on => tables.last_mut().unwrap().rows.push(row),
            Some(columns) => {
                tables.push(Table { heading: heading.to_owned(), columns, rows: Vec::new() });
            }
            None => {}
        }
        goes_on = line.starts_with('|');
    }
    for table in &mut tables {
        // The line of dashes.
        table.rows.remove(0);
        assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{table:?}");
    }
    tables
}

/// The only table with these first columns.
pub fn table<'t>(tables: &'t [Table], columns: &[&str]) -> &'t Table {
    let mut found = tables.iter().filter(|table| table.columns.starts_with(&owned(columns)));
    let table = found.next().unwrap_or_else(|| panic!("no table {columns:?}"));
    assert!(found.next().is_none(), "two tables {columns:?}");
    table
}

/// The types that have a table of their own, under a heading `` `Name` ``, with the names for
/// simple types replaced by what they are.
pub fn shapes(tables: &[Table]) -> BTreeMap<&str, Shape> {
    let names = table(tables, &["name", "is", "rule"]);
    let names: Vec<_> =
        names.pairs("name", "is").into_iter().map(|(name, is)| (code(name), code(is))).collect();
    let resolve = |kind: &str| {
        let words = kind.split_inclusive(['<', '>', '(']);
        let known = |word: &str| {
            let end = word.trim_end_matches(['<', '>', '(']);
            let is = names.iter().find(|(name, _)| *name == end);
            is.map_or(word.to_owned(), |(_, is)| word.replacen(end, is, 1))
        };
        words.map(known).collect::<String>()
    };
    let titled = |table: &&Table| table.heading.starts_with('`');
    let mut shapes = BTreeMap::new();
    for table in tables.iter().filter(titled) {
        let shape = match [table.columns[0].as_str(), table.columns[1].as_str()] {
            ["field", "type"] => {
                let field = |(name, kind)| (code(name).to_owned(), resolve(code(kind)));
                Shape::Fields(table.pairs("field", "type").into_iter().map(field).collect())
            }
            ["number", "variant"] => {
                let numbers = table.column("number");
                let expected: Vec<_> =
                    (0..numbers.len()).map(|number| number.to_string()).collect();
                assert_eq!(numbers, expected, "{}", table.heading);
                let variant = |(name, list): (&str, &str)| {
                    (code(name).to_owned(), fields(code(list), resolve))
                };
                Shape::Variants(table.pairs("variant", "fields").into_iter().map(variant).collect())
            }
            _ => continue,
        };
        assert!(shapes.insert(code(&table.heading), shape).is_none(), "{}", table.heading);
    }
    shapes
}

/// What stands between backticks.
pub fn code(cell: &str) -> &str {
    cell.trim_matches('`')
}

fn fields(list: &str, resolve: impl Fn(&str) -> String) -> Vec<Field> {
    let each = list.split(", ").filter(|field| !field.is_empty());
    let split = each.map(|field| field.split_once(": ").unwrap_or(("", field)));
    split.map(|(name, kind)| (name.to_owned(), resolve(kind))).collect()
}

fn owned(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|column| (*column).to_owned()).collect()
}
