//! Replays transcripts.
//!
//! A transcript is made of lines:
//!
//! | line | meaning |
//! |---|---|
//! | `# text` before the first input | what the transcript is about |
//! | `! world NAME` | the world it begins with; see [`stage::Stage::new`] |
//! | `! client NAME` | whose home the following inputs use; `client1` at first |
//! | `! partition NAME` | makes another partition and exports its identity |
//! | `! daemon stop`, `! daemon start` | kills the daemon, starts it on the same port |
//! | `! copy FROM TO` | copies a file of the world, as `scp` would |
//! | `! file NAME` | writes the lines `\| text` that follow into this file of the world |
//! | `lunacm:>words`, `[localhost] lunash:>words` | a command; neighbours are one batch |
//! | `$ program words` | one run of a program |
//! | `< text` | a line of standard input behind a command or a run |
//! | anything else | what the program shows |
//!
//! `{dir}` is the world's directory, `{port}` the daemon's port and `{par1.serial}` the serial
//! number of partition `par1`, in inputs and outputs. Other random values are numbered in the
//! order of their appearance: `{hash 1}`, `{fingerprint 1}`, `{serial 1}`, `{ouid 1}`, `{time}`, `{bytes}`,
//! `{module}` (ours), `{user}` and `{rates}`. `= line` is
//! how a batch echoes a line that has a secret in it, or any line of a run that begins with a
//! prompt, and `[exit 1]` a status that is not 0.

#![allow(dead_code, reason = "each test uses a part")]

mod names;
mod stage;

use serde_json::Value;
use stage::Stage;

/// A piece of a transcript.
#[derive(Debug)]
pub enum Piece {
    /// Comments, directives and blank lines between them, kept as they are.
    Text(String),
    /// A directive to follow; its text is kept by [`Piece::Text`].
    Directive(String),
    /// A file to write.
    File(String, Vec<String>),
    /// A batch of one program: its prompt, and commands with their answers.
    Batch(String, Vec<Input>),
    /// One run of a program.
    Run(Input),
}

/// A command line, and the lines of standard input that belong to it.
#[derive(Debug, Default)]
pub struct Input {
    pub line: String,
    pub answers: Vec<String>,
}

/// The transcript as it comes out now.
pub fn replay(text: &str) -> Result<String, String> {
    let mut stage: Option<Stage> = None;
    let mut shown = String::new();
    for piece in parse(text) {
        match piece {
            Piece::Text(text) => shown.push_str(&text),
            Piece::Directive(text) => match text.split_once(' ') {
                Some(("world", name)) => stage = Some(Stage::new(name)?),
                _ => there(&mut stage)?.direct(&text)?,
            },
            Piece::File(name, lines) => there(&mut stage)?.write(&name, &lines),
            Piece::Batch(prompt, inputs) => {
                shown.push_str(&there(&mut stage)?.batch(&prompt, &inputs)?);
            }
            Piece::Run(input) => shown.push_str(&there(&mut stage)?.run(&input)?),
        }
    }
    Ok(shown)
}

/// The records that the programs write when they are told to, in the order of the transcript: the
/// program's name and the record.
pub fn records(text: &str) -> Result<Vec<(String, Value)>, String> {
    let mut stage: Option<Stage> = None;
    let mut records = Vec::new();
    for piece in parse(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Directive(text) => match text.split_once(' ') {
                Some(("world", name)) => stage = Some(Stage::new(name)?),
                _ => there(&mut stage)?.direct(&text)?,
            },
            Piece::File(name, lines) => there(&mut stage)?.write(&name, &lines),
            Piece::Batch(prompt, inputs) => {
                records.extend(there(&mut stage)?.records_of_batch(&prompt, &inputs)?);
            }
            Piece::Run(input) => records.extend(there(&mut stage)?.records_of_run(&input)?),
        }
    }
    Ok(records)
}

fn there(stage: &mut Option<Stage>) -> Result<&mut Stage, String> {
    stage.as_mut().ok_or_else(|| "a transcript begins with a line '! world NAME'".to_owned())
}

fn parse(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut fresh = true;
    for line in text.lines() {
        if let Some(directive) = line.strip_prefix("! ") {
            fresh = true;
            pieces.push(Piece::Text(format!("{line}\n")));
            pieces.push(match directive.split_once(' ') {
                Some(("file", name)) => Piece::File(name.to_owned(), Vec::new()),
                _ => Piece::Directive(directive.to_owned()),
            });
        } else if let Some(words) = line.strip_prefix("$ ") {
            fresh = false;
            pieces.push(Piece::Run(Input { line: words.to_owned(), ..Input::default() }));
        } else if let Some((prompt, words)) = prompted(line) {
            let input = Input { line: words.to_owned(), ..Input::default() };
            match pieces.last_mut() {
                Some(Piece::Batch(same, inputs)) if same == prompt => inputs.push(input),
                _ => pieces.push(Piece::Batch(prompt.to_owned(), vec![input])),
            }
            fresh = false;
        } else if fresh {
            if let (Some(Piece::File(_, lines)), Some(line)) =
                (pieces.last_mut(), line.strip_prefix('|'))
            {
                lines.push(line.strip_prefix(' ').unwrap_or(line).to_owned());
                let at = pieces.len() - 1;
                pieces.insert(at, Piece::Text(format!("|{line}\n")));
            } else {
                pieces.push(Piece::Text(format!("{line}\n")));
            }
        } else if let Some(answer) = line.strip_prefix("< ") {
            last_input(&mut pieces).answers.push(answer.to_owned());
        }
    }
    pieces
}

/// The prompt of a line and what is behind it.
fn prompted(line: &str) -> Option<(&str, &str)> {
    ["lunacm:>", "[localhost] lunash:>"]
        .into_iter()
        .find_map(|prompt| line.strip_prefix(prompt).map(|words| (prompt, words)))
}

fn last_input(pieces: &mut [Piece]) -> &mut Input {
    match pieces.last_mut() {
        Some(Piece::Run(input)) => input,
        Some(Piece::Batch(_, inputs)) => inputs.last_mut().unwrap(),
        piece => panic!("an answer behind {piece:?}"),
    }
}

/// The lines that differ, with the unchanged ones around them.
pub fn difference(written: &str, shown: &str) -> String {
    const AROUND: usize = 3;
    let (old, new): (Vec<_>, Vec<_>) = (written.lines().collect(), shown.lines().collect());
    // The longest common subsequence from each pair of places on.
    let mut common = vec![vec![0_usize; new.len() + 1]; old.len() + 1];
    for (a, left) in old.iter().enumerate().rev() {
        for (b, right) in new.iter().enumerate().rev() {
            common[a][b] = if left == right {
                common[a + 1][b + 1] + 1
            } else {
                common[a + 1][b].max(common[a][b + 1])
            };
        }
    }
    let (mut a, mut b) = (0, 0);
    let mut lines = Vec::new();
    while a < old.len() || b < new.len() {
        if a < old.len() && b < new.len() && old[a] == new[b] {
            lines.push((' ', old[a]));
            (a, b) = (a + 1, b + 1);
        } else if b == new.len() || (a < old.len() && common[a + 1][b] >= common[a][b + 1]) {
            lines.push(('-', old[a]));
            a += 1;
        } else {
            lines.push(('+', new[b]));
            b += 1;
        }
    }
    let near = |at: usize| {
        let around = at.saturating_sub(AROUND)..(at + AROUND + 1).min(lines.len());
        lines[around].iter().any(|(sign, _)| *sign != ' ')
    };
    let kept = lines.iter().enumerate().filter(|(at, _)| near(*at));
    let kept: Vec<_> = kept.map(|(_, (sign, line))| format!("  {sign} {line}")).collect();
    kept.join("\n")
}
