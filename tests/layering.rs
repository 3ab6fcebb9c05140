//! The house's rules that the compiler does not know: the order of the layers (the table in
//! `src/lib.rs`), and what may stand where.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, iter::Peekable, path::Path, str::Chars};

/// The layers by rank. A module names only modules of lower ranks.
const RANKS: [&[&str]; 8] = [
    &["model", "shell", "hardening"],
    &["wire", "crypto"],
    &["channel", "store"],
    &["hsm", "net"],
    &["client", "appliance"],
    &["command", "pkcs11"],
    &["embedded"],
    &["bin"],
];

/// The modules that may wait. The others are plain functions, which tests call without a runtime.
const ASYNC: [&str; 6] = ["net", "client", "appliance", "command", "embedded", "bin"];

const SQL: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "PRAGMA"];

const PRINTING: [&str; 5] = ["print", "println", "eprint", "eprintln", "dbg"];

#[test]
fn the_tree_keeps_the_rules() {
    let files = sources("src");
    assert!(files.iter().any(|(path, _)| path == "src/lib.rs"), "src/ is not where it should be");
    let broken = violations(&files);
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn nothing_outside_the_c_edge_is_unsafe() {
    let files: Vec<_> = ["src", "tests", "benches"].into_iter().flat_map(sources).collect();
    // SQLite takes a layer that fails, as a test needs it, through an interface of C.
    let edge = ["src/pkcs11/", "tests/pkcs11_edge/", "tests/store_faults/vfs.rs"];
    let files = files.iter().filter(|(path, _)| !edge.iter().any(|edge| path.starts_with(edge)));
    let broken: Vec<_> = files.flat_map(|(path, text)| unsafety(path, text)).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn the_map_in_the_library_shows_the_same_ranks() {
    let map = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut shown: Vec<(usize, &str)> = Vec::new();
    for line in map.lines() {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let (Some(rank), Some(name)) = (cells.next(), cells.next()) else { continue };
        let Ok(rank) = rank.parse() else { continue };
        shown.push((rank, name.trim_matches(['[', ']', '`'])));
    }
    let mut held: Vec<(usize, &str)> = RANKS
        .iter()
        .enumerate()
        .flat_map(|(rank, names)| names.iter().map(move |name| (rank, *name)))
        .filter(|(_, name)| *name != "bin")
        .collect();
    shown.sort_unstable();
    held.sort_unstable();
    assert_eq!(shown, held);
}

#[test]
fn a_wrong_tree_is_caught() {
    let wrong = [
        ("src/model/a.rs", "use crate::wire::Frame;", "src/model/a.rs:1: model names wire"),
        ("src/wire/mod.rs", "\n\nuse crate::{\n    model::{Label, Role},\n    crypto,\n};", ":5:"),
        ("src/hsm/b.rs", "fn f() { crate :: net::send() }", "hsm names net"),
        ("src/store/c.rs", "use super::super::client::Link;", "store names client"),
        ("src/command/d.rs", "use crate::embedded;", "command names embedded"),
        ("src/store.rs", "use super::hsm::Hsm;", "store names hsm"),
        ("src/hsm/e.rs", "async fn f() {}", "hsm/e.rs:1: hsm waits"),
        ("src/channel/f.rs", "fn f() { g()\n.await }", "channel/f.rs:2: channel waits"),
        ("src/hsm/g.rs", "const Q: &str = r#\"SELECT \"a\"\"#;", "SQL outside store"),
        ("src/client/h.rs", "fn f() { println!(\"{}\", '\"') }", "client prints with println!"),
        ("src/command/j.rs", "fn f() { String::from_utf8_lossy(b) }", "without shell::shown_bytes"),
        ("src/client/i.rs", "fn f() { let _ = ('\\'', \"\\\"\"); dbg!(1) }", "with dbg!"),
        ("src/utils/mod.rs", "", "src/utils/mod.rs:1: utils has no rank"),
    ];
    for (path, text, expected) in wrong {
        let found = violations(&[(path.to_owned(), text.to_owned())]);
        assert_eq!(found.len(), 1, "{path}: {found:?}");
        assert!(found[0].contains(expected), "{found:?} has no {expected:?}");
    }
    assert_eq!(unsafety("src/a.rs", "fn f() {\n unsafe { g() } }"), ["src/a.rs:2: unsafe"]);
}

#[test]
fn a_right_tree_passes() {
    let right = [
        ("src/lib.rs", "pub mod model;"),
        ("src/hsm/a.rs", "use crate::{crypto::{self, Digest}, hsm::b, model, store::Sealer};"),
        ("src/hsm/b.rs", "use super::{client, net};\n// crate::net, async, \"SELECT\"\n"),
        ("src/hsm/c.rs", "/* crate::net /* async */ println!() */ const A: &str = \"crate::net\";"),
        ("src/hsm/d.rs", "fn f<'a>(x: &'a str) -> &'a str { \"an \\\"async unsafe\\\" text\" }"),
        ("src/net/e.rs", "async fn f() { crate::channel::g().await }"),
        ("src/store/f.rs", "const Q: &str = \"SELECT 1\";"),
        ("src/model/i.rs", "const N: &str = \"CKR_NEED_TO_CREATE_THREADS\";"),
        ("src/shell/g.rs", "fn f(w: &mut W) { writeln!(w, \"select a slot\") }"),
        ("src/bin/h.rs", "fn main() { println!(\"{}\", lunacm::embedded::f()) }"),
    ];
    for (path, text) in right {
        assert_eq!(violations(&[(path.to_owned(), text.to_owned())]), [""; 0], "{path}");
        assert_eq!(unsafety(path, text), [""; 0], "{path}");
    }
}

/// What a tree of (path, text) breaks, each as `path:line: what`.
fn violations(files: &[(String, String)]) -> Vec<String> {
    let files = files.iter().filter(|(path, _)| path != "src/lib.rs");
    files.flat_map(|(path, text)| violations_of_file(path, text)).collect()
}

fn violations_of_file(path: &str, text: &str) -> Vec<String> {
    let modules: Vec<&str> = path.trim_start_matches("src/").split('/').collect();
    let module = modules[0].trim_end_matches(".rs");
    let Some(rank) = rank(module) else {
        return vec![format!("{path}:1: {module} has no rank: see tests/layering.rs")];
    };
    // How many times `super` leads from the file's module to the root of the crate.
    let depth = modules.iter().filter(|part| **part != "mod.rs").count();
    let tokens = tokens(text);
    let mut broken = Vec::new();
    for (line, name) in named_layers(&tokens, depth) {
        if name != module && RANKS[rank..].concat().contains(&name) {
            broken.push(format!("{path}:{line}: {module} names {name}"));
        }
    }
    for (at, token) in tokens.iter().enumerate() {
        let followed_by = |mark| tokens.get(at + 1).is_some_and(|next| next.is_mark(mark));
        let what = match &token.kind {
            Kind::Word(word) if ["async", "await"].contains(&word.as_str()) => {
                (!ASYNC.contains(&module)).then(|| format!("{module} waits"))
            }
            Kind::Word(word) if PRINTING.contains(&word.as_str()) && followed_by('!') => {
                (module != "bin").then(|| format!("{module} prints with {word}!"))
            }
            Kind::Word(word) if word == "from_utf8_lossy" => (module == "command")
                .then(|| "command shows others' bytes without shell::shown_bytes".to_owned()),
            Kind::Text(text) if words(text).any(is_sql) => {
                (module != "store").then(|| "SQL outside store".to_owned())
            }
            _ => None,
        };
        broken.extend(what.map(|what| format!("{path}:{}: {what}", token.line)));
    }
    broken
}

fn unsafety(path: &str, text: &str) -> Vec<String> {
    let tokens = tokens(text);
    let unsafes = tokens.iter().filter(|token| token.is_word("unsafe"));
    unsafes.map(|token| format!("{path}:{}: unsafe", token.line)).collect()
}

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|names| names.contains(&module))
}

/// The words of a text; a name like `CKR_NEED_TO_CREATE_THREADS` is one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn is_sql(word: &str) -> bool {
    SQL.contains(&word)
}

/// The names that follow the root of the crate, with their lines: `crate::a`, `crate::{a, b::c}`,
/// and `super::a` with enough `super` to reach the root.
fn named_layers(tokens: &[Token], depth: usize) -> Vec<(usize, &str)> {
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let supers =
            tokens[at..].chunks(3).take_while(|part| is_step(part) && part[0].is_word("super"));
        let supers = supers.count();
        if supers == 0 && tokens[at].is_word("crate") && is_step(&tokens[at..]) {
            at += 3;
        } else if supers >= depth {
            at += 3 * supers;
        } else {
            at += 1 + 3 * supers;
            continue;
        }
        named.extend(first_names(&tokens[at..]));
    }
    named
}

/// Whether a path goes on after the first of these tokens.
fn is_step(tokens: &[Token]) -> bool {
    matches!(tokens, [_, a, b, ..] if a.is_mark(':') && b.is_mark(':'))
}

/// The name at the beginning, or the first name of each entry of the group at the beginning.
fn first_names(tokens: &[Token]) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let (mut braces, mut entry_begins) = (0_usize, true);
    for token in tokens {
        match &token.kind {
            Kind::Word(word) if entry_begins && braces <= 1 => {
                names.push((token.line, word.as_str()));
                entry_begins = false;
            }
            Kind::Mark('{') => braces += 1,
            Kind::Mark('}') => braces = braces.saturating_sub(1),
            Kind::Mark(',') if braces == 1 => entry_begins = true,
            _ => {}
        }
        if braces == 0 {
            break;
        }
    }
    names
}

/// A piece of source text and the line it begins on.
#[derive(Debug)]
struct Token {
    line: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// An identifier, a keyword or a number.
    Word(String),
    /// What stands between the quotes of a string or a character.
    Text(String),
    Mark(char),
}

impl Token {
    fn is_word(&self, word: &str) -> bool {
        matches!(&self.kind, Kind::Word(own) if own == word)
    }

    const fn is_mark(&self, mark: char) -> bool {
        matches!(&self.kind, Kind::Mark(own) if *own == mark)
    }
}

/// The tokens of a source text, without its comments.
fn tokens(text: &str) -> Vec<Token> {
    let mut reader = Reader { characters: text.chars().peekable(), line: 1 };
    let mut tokens = Vec::new();
    loop {
        let line = reader.line;
        let Some(first) = reader.next() else { return tokens };
        let kind = match first {
            '/' if reader.skip_comment() => continue,
            '"' => Kind::Text(reader.until('"')),
            '\'' => reader.quote(),
            first if first.is_alphanumeric() || first == '_' => match reader.word(first).as_str() {
                "r" | "br" | "cr" if reader.begins_raw_string() => Kind::Text(reader.raw_string()),
                word => Kind::Word(word.to_owned()),
            },
            first if first.is_whitespace() => continue,
            mark => Kind::Mark(mark),
        };
        tokens.push(Token { line, kind });
    }
}

struct Reader<'a> {
    characters: Peekable<Chars<'a>>,
    line: usize,
}

impl Iterator for Reader<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let next = self.characters.next();
        self.line += usize::from(next == Some('\n'));
        next
    }
}

impl Reader<'_> {
    fn next_if(&mut self, wanted: impl FnOnce(char) -> bool) -> Option<char> {
        let next = self.characters.peek().copied().filter(|next| wanted(*next));
        if next.is_some() { self.next() } else { None }
    }

    fn word(&mut self, first: char) -> String {
        let mut word = first.to_string();
        while let Some(next) = self.next_if(|c| c.is_alphanumeric() || c == '_') {
            word.push(next);
        }
        word
    }

    /// Skips a comment whose first slash has been read.
    fn skip_comment(&mut self) -> bool {
        if self.next_if(|c| c == '/').is_some() {
            while self.next().is_some_and(|c| c != '\n') {}
            return true;
        }
        if self.next_if(|c| c == '*').is_none() {
            return false;
        }
        let (mut depth, mut last) = (1, ' ');
        for next in self.by_ref() {
            match (last, next) {
                ('/', '*') => (depth, last) = (depth + 1, ' '),
                ('*', '/') => (depth, last) = (depth - 1, ' '),
                _ => last = next,
            }
            if depth == 0 {
                break;
            }
        }
        true
    }

    fn begins_raw_string(&self) -> bool {
        let mut ahead = self.characters.clone();
        ahead.find(|c| *c != '#') == Some('"')
    }

    fn raw_string(&mut self) -> String {
        let mut hashes = 0;
        while self.next_if(|c| c == '#').is_some() {
            hashes += 1;
        }
        self.next();
        let end = format!("\"{}", "#".repeat(hashes));
        let mut text = String::new();
        while !text.ends_with(&end) {
            let Some(next) = self.next() else { break };
            text.push(next);
        }
        text
    }

    /// The rest of a string or a character whose opening quote has been read.
    fn until(&mut self, quote: char) -> String {
        let mut text = String::new();
        while let Some(next) = self.next() {
            match next {
                next if next == quote => break,
                '\\' => text.extend(self.next()),
                next => text.push(next),
            }
        }
        text
    }

    /// A character or a lifetime whose quote has been read.
    fn quote(&mut self) -> Kind {
        let mut ahead = self.characters.clone();
        let (first, second) = (ahead.next(), ahead.next());
        if first != Some('\\') && second != Some('\'') {
            return Kind::Mark('\'');
        }
        Kind::Text(self.until('\''))
    }
}

/// The Rust files under a folder of the package, with their paths from its root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
                found.push((name, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
