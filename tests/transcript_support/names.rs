//! Random values by their names, and back.

use std::collections::HashMap;

/// The values that are known before a transcript runs, and those that it showed.
#[derive(Default)]
pub struct Names {
    known: Vec<(String, String)>,
    seen: HashMap<(&'static str, String), usize>,
}

impl Names {
    /// Names a value in inputs and outputs.
    pub fn name(&mut self, name: &str, value: &impl ToString) {
        self.known.push((format!("{{{name}}}"), value.to_string()));
    }

    /// An input with the values.
    pub fn filled(&self, text: &str) -> String {
        self.known.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
    }

    /// An output with the names.
    pub fn named(&mut self, text: &str) -> String {
        let ends = if text.ends_with('\n') { "\n" } else { "" };
        let lines: Vec<_> = text.lines().map(|line| self.line(line)).collect();
        lines.join("\n") + ends
    }

    fn line(&mut self, line: &str) -> String {
        let (paths, words): (Vec<_>, Vec<_>) =
            self.known.iter().cloned().partition(|(_, value)| value.contains('/'));
        let line = paths.iter().fold(line.to_owned(), |line, (name, at)| line.replace(at, name));
        let line = self.hashes(&line);
        let line = users(&rates(&times(&self.fingerprints(&line))));
        let mut named = String::new();
        for word in runs(&line) {
            let known = words.iter().find(|(_, value)| value == word).map(|(name, _)| name.clone());
            named.push_str(&known.unwrap_or_else(|| self.random(word)));
        }
        named
    }

    /// Sixteen groups of four hexadecimal digits.
    fn hashes(&mut self, line: &str) -> String {
        const WIDTH: usize = 16 * 5 - 1;
        let is_hash = |text: &str| {
            text.split(' ').count() == 16
                && text.split(' ').all(|group| group.len() == 4 && is_hexadecimal(group))
        };
        let mut text = line.to_owned();
        let mut at = 0;
        while let Some(part) = text.get(at..at + WIDTH).map(str::to_owned) {
            if is_hash(&part) {
                text.replace_range(at..at + WIDTH, &self.numbered("hash", &part));
            }
            at += 1;
            while !text.is_char_boundary(at) {
                at += 1;
            }
        }
        text
    }

    /// Thirty-two pairs of hexadecimal digits with colons between them.
    fn fingerprints(&mut self, line: &str) -> String {
        let is_hash = |word: &str| {
            let pair = |pair: &str| pair.len() == 2 && is_hexadecimal(&pair.to_lowercase());
            word.split(':').count() == 32 && word.split(':').all(pair)
        };
        let words = line.split(' ').map(|word| match word {
            hash if is_hash(hash) => self.numbered("fingerprint", hash),
            word => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn random(&mut self, word: &str) -> String {
        let decimal = word.bytes().all(|byte| byte.is_ascii_digit());
        match word.len() {
            12..=16 if decimal => self.numbered("serial", word),
            24 if is_hexadecimal(word) => self.numbered("ouid", word),
            38..=42 if is_hexadecimal(word) => self.numbered("certificate serial", word),
            64 if is_hexadecimal(word) => self.numbered("digest", word),
            _ => word.to_owned(),
        }
    }

    fn numbered(&mut self, kind: &'static str, value: &str) -> String {
        let next = self.seen.keys().filter(|(known, _)| *known == kind).count() + 1;
        let number = *self.seen.entry((kind, value.to_owned())).or_insert(next);
        format!("{{{kind} {number}}}")
    }
}

/// Dates with times of day, and the size of the file that is listed before one.
fn times(line: &str) -> String {
    const SHAPE: &str = "0000-00-00 00:00:00";
    let shape: String = line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let Some(at) = shape.find(SHAPE) else { return line.to_owned() };
    let (before, after) = (&line[..at], &line[at + SHAPE.len()..]);
    let size = before.trim();
    let before = if !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit()) {
        before.replace(size, "{bytes}").trim_start().to_owned()
    } else {
        before.to_owned()
    };
    format!("{before}{{time}}{after}")
}

/// The number of the user who runs the tests, as records of the audit log have it.
fn users(line: &str) -> String {
    let Some((before, after)) = line.split_once(", user ") else { return line.to_owned() };
    let rest = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
    if rest.len() == after.len() {
        line.to_owned()
    } else {
        format!("{before}, user {{user}}{rest}")
    }
}

/// What a machine does in a second, before the module that did it.
fn rates(line: &str) -> String {
    let is_number = |word: &str| word.parse::<f64>().is_ok() && word.contains('.');
    match line.split_once("{module}") {
        Some((numbers, "")) if numbers.split_whitespace().all(is_number) => {
            "  {rates}  {module}".to_owned()
        }
        _ => line.to_owned(),
    }
}

fn is_hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// The line cut before and behind every run of letters and digits.
fn runs(line: &str) -> Vec<&str> {
    let mut runs = Vec::new();
    let mut start = 0;
    let mut letters: Vec<_> = line.char_indices().collect();
    letters.push((line.len(), ' '));
    for pair in letters.windows(2) {
        if pair[0].1.is_ascii_alphanumeric() != pair[1].1.is_ascii_alphanumeric() {
            runs.push(&line[start..pair[1].0]);
            start = pair[1].0;
        }
    }
    runs.push(&line[start..]);
    runs
}
