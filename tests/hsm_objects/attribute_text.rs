//! The specification's tables of attributes as a text has them.

use lunacm::model::cryptoki::{AttributeType as A, KeyType, ObjectClass, Template};

const TABLES: &str = include_str!("attributes.txt");

/// A line of the tables.
pub struct Row {
    pub notes: Vec<&'static str>,
    pub preset: &'static str,
}

impl Row {
    pub fn has(&self, note: &str) -> bool {
        self.notes.contains(&note)
    }
}

/// A class and a type of objects with its rows.
pub struct Kind {
    pub class: ObjectClass,
    pub number: u64,
    pub name: &'static str,
    pub rows: Vec<(A, Row)>,
}

impl Kind {
    pub fn row(&self, attribute: A) -> Option<&Row> {
        self.rows.iter().find(|(kind, _)| *kind == attribute).map(|(_, row)| row)
    }

    pub fn is_key(&self) -> bool {
        !matches!(self.class, ObjectClass::DATA | ObjectClass::CERTIFICATE)
    }

    /// What makes a template one of this kind.
    pub fn minimal(&self) -> Template {
        let template = Template::default().with(A::CLASS, self.class.0);
        match self.class {
            ObjectClass::DATA => template,
            ObjectClass::CERTIFICATE => template.with(A::CERTIFICATE_TYPE, self.number),
            _ => template.with(A::KEY_TYPE, self.number),
        }
    }

    pub fn is_natural(&self, usage: A) -> bool {
        let uses = line(section("[natural]"), self.name);
        uses.iter().any(|name| attribute(name) == usage)
    }
}

fn section(head: &str) -> impl Iterator<Item = &'static str> + use<> {
    let head = head.to_owned();
    let lines = TABLES.lines().skip_while(move |line| *line != head).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    lines.filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn line(mut lines: impl Iterator<Item = &'static str>, name: &str) -> Vec<&'static str> {
    let line = lines.find(|line| line.split(' ').next() == Some(name)).unwrap();
    line.split_whitespace().skip(1).collect()
}

fn attribute(name: &str) -> A {
    let symbol = format!("CKA_{name}");
    *A::ALL.iter().find(|one| one.symbol() == Some(&symbol)).unwrap_or_else(|| panic!("{symbol}"))
}

fn rows(head: &str) -> Vec<(A, Row)> {
    let row = |line: &'static str| {
        let (name, rest) = line.split_once(' ').unwrap();
        let (notes, preset) = rest.trim().rsplit_once("  ").unwrap_or(("", rest.trim()));
        let notes = notes.split_whitespace().collect();
        (attribute(name), Row { notes, preset: preset.trim() })
    };
    section(head).map(row).collect()
}

/// Every kind that the tables have.
pub fn kinds() -> Vec<Kind> {
    let classes = [
        (ObjectClass::DATA, "DATA"),
        (ObjectClass::CERTIFICATE, "CERTIFICATE"),
        (ObjectClass::PUBLIC_KEY, "PUBLIC_KEY"),
        (ObjectClass::PRIVATE_KEY, "PRIVATE_KEY"),
        (ObjectClass::SECRET_KEY, "SECRET_KEY"),
    ];
    let mut kinds = Vec::new();
    for (class, of) in classes {
        let common = || rows("[any]").into_iter().chain(rows(&format!("[{of}]")));
        let own = TABLES.lines().filter_map(|line| Some((line, line.strip_prefix('[')?)));
        let own: Vec<_> = own
            .filter_map(|(line, head)| Some((line, head.strip_prefix(of)?.strip_prefix(": ")?)))
            .collect();
        if own.is_empty() {
            kinds.push(Kind { class, number: 0, name: of, rows: common().collect() });
        }
        for (head, types) in own {
            for name in types.trim_end_matches(']').split(' ') {
                let symbol = format!("CKK_{name}");
                let number = KeyType::ALL.iter().find(|one| one.symbol() == Some(&symbol));
                let number = number.unwrap_or_else(|| panic!("{symbol}")).0;
                let keys = rows("[PUBLIC_KEY PRIVATE_KEY SECRET_KEY]");
                let rows = common().chain(keys).chain(rows(head)).collect();
                kinds.push(Kind { class, number, name, rows });
            }
        }
    }
    kinds
}
