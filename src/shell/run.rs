//! The loop: read, understand, run, show.

use std::{collections::HashMap, io::Write, rc::Rc};

use clap::Command;

use super::{
    Console, Failure, Program, Secret, Source, Style,
    input::{Answer, Input, Manner, Next, Vocabulary},
    mask::{self, MASK},
    output::Output,
    spelling::{Meaning, Misuse, understand},
    tree,
    words::{self, Word},
};

/// Runs a program's commands from `source` until it ends, and returns the exit status of the
/// process: 0 after a terminal session or if every command succeeded, otherwise that of the first
/// failure. A failed command ends nothing. An output that nobody reads any more ends a batch.
pub fn run<P: Program>(program: &mut P, source: Source, output: &mut dyn Write) -> u8 {
    let style = *program.style();
    let root = tree::of::<P::Line>(&style);
    let Source(input) = source;
    let shared = Rc::new(root.clone());
    let output = Output::new(output, style);
    let mut shell = Shell { program, input, output, style, root, shared, status: 0 };
    if let Some(banner) = shell.program.banner() {
        shell.output.write(&format!("{}\n", banner.trim_end_matches('\n')));
        if style.success.is_some() {
            shell.output.write("\n");
        }
    }
    while shell.step() {}
    match shell.input.manner() {
        Manner::Interactive => 0,
        Manner::Batch | Manner::Single => shell.status,
    }
}

struct Shell<'a, P> {
    program: &'a mut P,
    input: Box<dyn Input>,
    output: Output<'a>,
    style: Style,
    root: Command,
    shared: Rc<Command>,
    status: u8,
}

impl<P: Program> Shell<'_, P> {
    /// One command; whether another may follow.
    fn step(&mut self) -> bool {
        let prompt = self.program.prompt();
        if self.input.manner() == Manner::Interactive {
            let vocabulary = self.vocabulary();
            self.input.learn(vocabulary);
        }
        let next = self.input.next(&prompt);
        self.output.begin();
        let more = match next {
            Next::End => return false,
            Next::Abandoned => return true,
            Next::Words(words) => self.command(&words, false),
            Next::Line(line) => self.line(&line, &prompt),
            Next::Broken(error) => {
                let cause = format!("the commands cannot be read: {error}");
                self.failed("", &Failure::new(cause, self.style.results.wrong_use));
                false
            }
        };
        if self.output.is_closed() && self.input.manner() == Manner::Batch {
            // The rest of the batch has not been run, and its caller has to know.
            self.status = self.status.max(1);
        }
        more && !self.output.is_closed()
    }

    fn line(&mut self, line: &str, prompt: &str) -> bool {
        let matching = self.style.matching;
        let mut hidden = false;
        if self.input.manner() == Manner::Batch {
            // One word that is no command may be a password whose question was never asked.
            hidden = mask::is_lone_word(&self.root, line, matching);
            let echo = mask::masked(&self.root, line, matching);
            self.output.write(&format!("{prompt}{}\n", if hidden { MASK } else { &echo }));
        } else {
            self.input.remember(&mask::memorable(&self.root, line, matching));
        }
        match words::split(line) {
            Ok(words) => self.command(&words, hidden),
            Err(error) => {
                let failure = Failure::new(error.to_string(), self.style.results.wrong_use);
                let remedy = "Close it, or leave it out: a value cannot hold a double quote.";
                self.failed("", &failure.remedy(remedy));
                true
            }
        }
    }

    fn command(&mut self, words: &[Word], hidden: bool) -> bool {
        let width = self.input.width();
        match understand::<P::Line>(&mut self.root, &self.style, words, width) {
            Ok(Meaning::Nothing) => return true,
            Ok(Meaning::Exit) => return false,
            Ok(Meaning::Help(text)) => {
                self.output.paragraph(&text);
                self.output.success();
            }
            Ok(Meaning::Run(line, command)) => self.act(line, &command),
            Err(misuse) => self.misused(*misuse, hidden),
        }
        true
    }

    fn act(&mut self, line: P::Line, command: &str) {
        let mut asker =
            Asker { input: &mut *self.input, output: &mut self.output, style: &self.style };
        match self.program.run(line, &mut asker) {
            Ok(report) => {
                if let Some(report) = report {
                    self.output.paragraph(&report.text());
                }
                self.output.success();
            }
            Err(failure) => self.failed(command, &failure),
        }
        if let Some(text) = self.program.afterword() {
            self.output.write(&format!("{}\n\n", text.trim_end_matches('\n')));
        }
    }

    fn misused(&mut self, misuse: Misuse, hidden: bool) {
        if let Some(usage) = misuse.usage {
            self.output.paragraph(&usage);
        }
        let mut failure = misuse.failure;
        if hidden {
            "there is no command of this name".clone_into(&mut failure.cause);
        }
        self.failed(&misuse.command, &failure);
    }

    fn failed(&mut self, command: &str, failure: &Failure) {
        self.output.failure(command, failure);
        if self.status == 0 {
            self.status = failure.code.max(1);
        }
    }

    fn vocabulary(&self) -> Vocabulary {
        let mut values = HashMap::new();
        for (_, leaf) in tree::leaves(&self.root) {
            for arg in leaf.get_arguments().filter(|arg| tree::takes_value(arg)) {
                if !tree::is_secret(arg) {
                    values
                        .entry(tree::kind(arg))
                        .or_insert_with_key(|kind| self.program.candidates(kind));
                }
            }
        }
        Vocabulary { root: Rc::clone(&self.shared), matching: self.style.matching, values }
    }
}

/// The console of a running command.
struct Asker<'a, 'o> {
    input: &'a mut dyn Input,
    output: &'a mut Output<'o>,
    style: &'a Style,
}

impl Asker<'_, '_> {
    fn failure(&self, cause: &str) -> Failure {
        Failure::new(cause, self.style.results.cancelled)
    }
}

impl Console for Asker<'_, '_> {
    fn say(&mut self, text: &str) {
        self.output.line(text);
    }

    fn confirm(&mut self, warning: &str, forced: bool) -> Result<(), Failure> {
        if forced {
            return Ok(());
        }
        let prompt = self.output.question(&format!("{warning}\n{}", self.style.proceed));
        match self.input.confirmation(&prompt, self.output) {
            Answer::Given(answer) if answer.trim().eq_ignore_ascii_case("proceed") => Ok(()),
            Answer::Given(_) | Answer::Left => Err(self.failure("command cancelled")),
            Answer::Missing => Err(self
                .failure("the command needs a confirmation")
                .remedy("Use -force, or put proceed on the next line.")),
        }
    }

    fn secret(&mut self, prompt: &str) -> Result<Secret, Failure> {
        let prompt = self.output.question(prompt);
        match self.input.secret(&prompt, self.output) {
            Answer::Given(secret) => Ok(secret),
            Answer::Left => Err(self.failure("command cancelled")),
            Answer::Missing => Err(self
                .failure("the command needs a password and the input has ended")
                .remedy("Give it with its option, or put it on the next line.")),
        }
    }

    fn new_secret(&mut self, prompt: &str, again: &str) -> Result<Secret, Failure> {
        let interactive = self.input.manner() == Manner::Interactive;
        for attempt in 1.. {
            let first = self.secret(prompt)?;
            if first == self.secret(again)? {
                return Ok(first);
            }
            if !interactive || attempt == 3 {
                break;
            }
            self.output
                .line(&super::indented("The two entries differ. Try again.", self.style.indent));
        }
        Err(self.failure("the two entries differ").remedy("Type the same text both times."))
    }
}
