//! Commands and answers from a pipe, a file or the arguments of the process.

use std::io::{self, BufRead, ErrorKind, Read};

use zeroize::Zeroizing;

use super::{
    Secret,
    input::{Answer, Input, Manner, Next},
    mask::MASK,
    output::Output,
    words::Word,
};

/// The greatest length in bytes of a line in a batch.
const MAXIMUM_LINE: u64 = 64 * 1024;

/// The columns that help is wrapped to where no terminal says otherwise.
const BATCH_WIDTH: usize = 100;

/// A batch: lines from a pipe or a file. Answers stand on the lines behind their command.
pub struct Script {
    lines: Lines,
    /// Asked for secrets, and for confirmations that the batch does not answer.
    person: Option<Box<dyn Input>>,
    /// Standard input, where the batch is something else.
    beside: Option<Lines>,
}

impl Script {
    /// A batch from this reader; `person` is the terminal beside it, if there is one.
    pub fn new(reader: Box<dyn BufRead>, person: Option<Box<dyn Input>>) -> Self {
        Self { lines: Lines::of(reader), person, beside: None }
    }

    /// As [`Self::new`], for a batch that is not standard input, which is `beside` it.
    pub fn beside(
        reader: Box<dyn BufRead>,
        beside: Box<dyn BufRead>,
        person: Option<Box<dyn Input>>,
    ) -> Self {
        Self { beside: Some(Lines::of(beside)), ..Self::new(reader, person) }
    }
}

impl Input for Script {
    fn next(&mut self, _prompt: &str) -> Next {
        loop {
            match self.lines.next() {
                Ok(None) => return Next::End,
                Err(error) => return Next::Broken(error),
                Ok(Some(line)) if is_skipped(&line) => {}
                Ok(Some(line)) => return Next::Line(line.to_string()),
            }
        }
    }

    fn secret(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        if let Some(person) = &mut self.person {
            return person.secret(prompt, output);
        }
        output.write(prompt);
        let answer = self.lines.next().ok().flatten();
        output.write(if answer.is_some() { MASK } else { "" });
        output.write("\n");
        answer.map_or(Answer::Missing, |line| Answer::Given(Secret::new(line.to_string())))
    }

    fn sourced(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        if let Some(person) = &mut self.person {
            return person.secret(prompt, output);
        }
        let line = self.beside.as_mut().unwrap_or(&mut self.lines).next().ok().flatten();
        line.map_or(Answer::Missing, |line| Answer::Given(Secret::new(line.to_string())))
    }

    fn choice(&mut self, prompt: &str, choices: &[&str], output: &mut Output) -> Answer<String> {
        let answers =
            |line: &str| choices.iter().any(|choice| choice.eq_ignore_ascii_case(line.trim()));
        // A reader at the other end of the pipe may wait for the question before it answers.
        let asked = self.person.is_none();
        if asked {
            output.write(prompt);
        }
        let answer = self.lines.next_if(answers);
        if let (None, Some(person)) = (&answer, &mut self.person) {
            return person.choice(prompt, choices, output);
        }
        let text = answer.as_ref().map_or("", |line| line.trim());
        output.write(&format!("{}{text}\n", if asked { "" } else { prompt }));
        answer.map_or(Answer::Missing, |line| Answer::Given(line.trim().to_owned()))
    }

    fn manner(&self) -> Manner {
        Manner::Batch
    }

    fn width(&mut self) -> usize {
        self.person.as_mut().map_or(BATCH_WIDTH, |person| person.width())
    }
}

/// Blank lines and comments are no commands.
fn is_skipped(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#') || line.starts_with("//")
}

/// One command; its answers come from elsewhere.
pub struct Single {
    command: Option<Vec<Word>>,
    answers: Box<dyn Input>,
}

impl Single {
    /// This command, with the answers to its questions from this source.
    pub fn new(command: Vec<Word>, answers: Box<dyn Input>) -> Self {
        Self { command: Some(command), answers }
    }
}

impl Input for Single {
    fn next(&mut self, _prompt: &str) -> Next {
        self.command.take().map_or(Next::End, Next::Words)
    }

    fn secret(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        self.answers.secret(prompt, output)
    }

    fn sourced(&mut self, prompt: &str, output: &mut Output) -> Answer<Secret> {
        self.answers.sourced(prompt, output)
    }

    fn choice(&mut self, prompt: &str, choices: &[&str], output: &mut Output) -> Answer<String> {
        self.answers.choice(prompt, choices, output)
    }

    fn manner(&self) -> Manner {
        Manner::Single
    }

    fn width(&mut self) -> usize {
        self.answers.width()
    }
}

/// Lines with one line of sight.
struct Lines {
    reader: Box<dyn BufRead>,
    number: u64,
    ahead: Option<Zeroizing<String>>,
}

impl Lines {
    fn of(reader: Box<dyn BufRead>) -> Self {
        Self { reader, number: 0, ahead: None }
    }

    fn next(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        match self.ahead.take() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    /// The next line if it fits; otherwise it stays the next line.
    fn next_if(&mut self, fits: impl Fn(&str) -> bool) -> Option<Zeroizing<String>> {
        let line = self.next().ok().flatten()?;
        if fits(&line) {
            return Some(line);
        }
        self.ahead = Some(line);
        None
    }

    fn read(&mut self) -> io::Result<Option<Zeroizing<String>>> {
        let mut bytes = Zeroizing::new(Vec::new());
        let mut limited = (&mut self.reader).take(MAXIMUM_LINE + 1);
        if limited.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        if limited.limit() == 0 {
            return Err(self.invalid("is longer than 64 KiB"));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| self.invalid("is not UTF-8 text"))?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        // Editors on Windows put a byte order mark first.
        let text = text.strip_prefix('\u{feff}').filter(|_| self.number == 1).unwrap_or(text);
        Ok(Some(Zeroizing::new(text.to_owned())))
    }

    fn invalid(&self, what: &str) -> io::Error {
        io::Error::new(ErrorKind::InvalidData, format!("line {} {what}", self.number))
    }
}
