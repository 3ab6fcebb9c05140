//! The fields of reports for scripts: one declaration for the reference, and for the test that
//! holds reports to it (`tests/report_fields.rs`).

/// A field of a command's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Where it is: `slots[].label`; `report` for a report that is one value.
    pub path: &'static str,
    /// Its type, or several with `or` between them.
    pub kind: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

/// The fields of a command's report, in the order of the declaration. `command` is the program and
/// the command's words, as `lunacm slot list`.
pub fn of(command: &str) -> Vec<Field> {
    let mut lines = DECLARED.lines().skip_while(|line| !is_heading_of(line, command)).skip(1);
    let body = std::iter::from_fn(|| lines.next());
    // Several headings in a row share what follows.
    body.skip_while(|line| is_heading(line)).map_while(field).collect()
}

/// Every command whose fields are declared.
pub fn commands() -> impl Iterator<Item = &'static str> {
    DECLARED.lines().filter(|line| is_heading(line))
}

fn is_heading(line: &str) -> bool {
    !line.is_empty() && !line.starts_with([' ', '#'])
}

fn is_heading_of(line: &str, command: &str) -> bool {
    is_heading(line) && line == command
}

fn field(line: &'static str) -> Option<Field> {
    let mut parts = line.strip_prefix("    ")?.splitn(3, " | ");
    Some(Field { path: parts.next()?, kind: parts.next()?, meaning: parts.next()? })
}

const DECLARED: &str = include_str!("report_fields.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_heading_a_field_or_a_comment() {
        for line in DECLARED.lines() {
            let blank = line.is_empty() || line.starts_with('#');
            assert!(blank || is_heading(line) || field(line).is_some(), "{line:?}");
        }
        let all: Vec<_> = commands().collect();
        for command in &all {
            assert!(!of(command).is_empty(), "{command} has no fields");
            assert_eq!(all.iter().filter(|one| one == &command).count(), 1, "{command}");
        }
    }
}
