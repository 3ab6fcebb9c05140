//! The sources a program can hand to its shell.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, IsTerminal, stdin},
    path::{Path, PathBuf},
};

use super::{
    input::Input,
    script::{Script, Single},
    terminal::Terminal,
    words,
};

/// Where a shell's commands come from.
pub struct Source(pub(super) Box<dyn Input>);

impl Source {
    /// Standard input: a terminal with an editor and this history file, or a batch on a pipe.
    ///
    /// # Errors
    /// The terminal cannot be used.
    pub fn standard_input(history: Option<PathBuf>) -> io::Result<Self> {
        if stdin().is_terminal() {
            return Ok(Self(Box::new(Terminal::new(history)?)));
        }
        Ok(Self::batch(BufReader::new(stdin())))
    }

    /// A batch from any reader. Answers to questions stand on the lines behind their command.
    pub fn batch(reader: impl BufRead + 'static) -> Self {
        Self(Box::new(Script::new(Box::new(reader), None)))
    }

    /// A batch from a file. Secrets are asked for on the terminal if standard input is one, and
    /// otherwise stand on the lines behind their command.
    ///
    /// # Errors
    /// The file cannot be opened, or the terminal cannot be used.
    pub fn file(path: &Path) -> io::Result<Self> {
        let file = BufReader::new(File::open(path)?);
        let person: Option<Box<dyn Input>> =
            if stdin().is_terminal() { Some(Box::new(Terminal::new(None)?)) } else { None };
        let beside = Box::new(BufReader::new(stdin()));
        Ok(Self(Box::new(Script::beside(Box::new(file), beside, person))))
    }

    /// One command from the arguments of the process: its words, or the whole line as one
    /// argument. The answers to its questions are read from standard input.
    ///
    /// # Errors
    /// A quote is not closed, or the terminal cannot be used.
    pub fn command(arguments: &[String]) -> io::Result<Self> {
        let words = words::from_arguments(arguments).map_err(io::Error::other)?;
        let answers = Self::standard_input(None)?;
        Ok(Self(Box::new(Single::new(words, answers.0))))
    }
}
