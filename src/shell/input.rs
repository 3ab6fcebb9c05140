//! Where commands and answers come from.

use std::{collections::HashMap, io, rc::Rc};

use clap::Command;

use super::{Matching, Secret, output::Output, words::Word};

/// A source of commands, and of the answers to their questions.
pub trait Input {
    /// The next command. `prompt` is shown by a terminal only.
    fn next(&mut self, prompt: &str) -> Next;

    /// The answer to a secret question, whose last line is `prompt`.
    fn secret(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret>;

    /// The next line of standard input, as a secret that an option names. A person is asked.
    fn sourced(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret>;

    /// The answer to a question, whose last line is `prompt`. A batch holds an answer only if its
    /// next line is one of `choices`, in any case.
    fn choice(&mut self, prompt: &str, choices: &[&str], output: &mut Output) -> Answer<String>;

    /// What distinguishes this source.
    fn manner(&self) -> Manner;

    /// Takes what completion and hints need for the next command.
    fn learn(&mut self, vocabulary: Vocabulary) {
        let _ = vocabulary;
    }

    /// Adds a line to the history.
    fn remember(&mut self, line: &str) {
        let _ = line;
    }

    /// The width of the screen in columns.
    fn width(&mut self) -> usize {
        100
    }

    /// The height of the screen in rows, if there is one that a person reads page by page.
    fn height(&mut self) -> Option<usize> {
        None
    }

    /// Waits for the person who reads to go on or to leave; whether to go on. What it showed is
    /// gone then.
    fn more(&mut self, prompt: &str, output: &mut Output) -> bool {
        let _ = (prompt, output);
        true
    }
}

/// One step of a source of commands.
pub enum Next {
    /// A line, not split yet.
    Line(String),
    /// A command that was split by whoever started the process.
    Words(Vec<Word>),
    /// The user left the line; the next one is due.
    Abandoned,
    /// There are no more commands.
    End,
    /// The source cannot be read any further.
    Broken(io::Error),
}

/// The answer to a question.
pub enum Answer<T> {
    /// This one.
    Given(T),
    /// The user left the question.
    Left,
    /// The source holds no answer.
    Missing,
}

/// How a source is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// A person at a terminal: failures do not count, questions may be repeated.
    Interactive,
    /// A batch whose commands are echoed.
    Batch,
    /// One command, not echoed.
    Single,
}

/// The words that completion and hints know.
#[derive(Clone)]
pub struct Vocabulary {
    /// The tree of commands.
    pub root: Rc<Command>,
    /// How command words are compared.
    pub matching: Matching,
    /// Values by the kind of argument that takes them.
    pub values: HashMap<String, Vec<String>>,
}
