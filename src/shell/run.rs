//! The loop: read, understand, run, show.

use std::{collections::HashMap, io::Write, rc::Rc};

use clap::Command;

use super::{
    Failure, Program, Report, Settings, Source, Style,
    asker::Asker,
    foreign::{contained, shown},
    input::{Input, Manner, Next, Vocabulary},
    interrupts::{Doing, Interrupts},
    mask::{self, MASK},
    output::Output,
    pager,
    reading::Reading,
    sourced,
    spelling::{Meaning, Misuse, understand},
    tree,
    words::{self, Word},
};

/// Runs a program's commands from `source` until it ends, and returns the exit status of the
/// process: 0 after a terminal session or if every command succeeded, otherwise that of the first
/// failure. A failed command ends nothing. An output that nobody reads any more ends a batch.
pub fn run<P: Program>(program: &mut P, source: Source, output: &mut dyn Write) -> u8 {
    run_with(program, source, output, Settings::default())
}

/// As [`run()`], in the way that the user wants.
pub fn run_with<P: Program>(
    program: &mut P,
    source: Source,
    output: &mut dyn Write,
    settings: Settings,
) -> u8 {
    let style = *program.style();
    let root = tree::of::<P::Line>(&style);
    let Source(input) = source;
    let shared = Rc::new(root.clone());
    let output = Output::new(output, style, settings);
    let interrupts = program.interrupts().cloned().unwrap_or_default();
    let (status, left) = (0, false);
    let mut shell =
        Shell { program, input, output, style, settings, root, shared, interrupts, status, left };
    shell.output.begin(shell.input.width());
    if let Some(banner) = shell.program.banner() {
        pager::write(&banner, &mut *shell.input, &mut shell.output);
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
    settings: Settings,
    root: Command,
    shared: Rc<Command>,
    interrupts: Interrupts,
    status: u8,
    /// Whether Ctrl-C has ended a command.
    left: bool,
}

impl<P: Program> Shell<'_, P> {
    /// One command; whether another may follow.
    fn step(&mut self) -> bool {
        let prompt = self.program.prompt();
        if self.input.manner() == Manner::Interactive {
            // What names there are may have to be asked for, which Ctrl-C leaves.
            self.interrupts.turn_to(Doing::Running);
            let vocabulary = self.vocabulary();
            self.input.learn(vocabulary);
        }
        let person = self.input.manner() == Manner::Interactive;
        let idle = if person { Doing::Attending } else { Doing::Nothing };
        self.interrupts.turn_to(idle);
        let next = self.input.next(&prompt);
        self.output.begin(self.input.width());
        let more = match next {
            Next::End => return false,
            Next::Abandoned => return true,
            Next::Words(words) => self.command(&words, false),
            Next::Line(line) => self.line(&line, &prompt),
            Next::Broken(error) => {
                let cause = format!("the commands cannot be read: {error}");
                let failure = Failure::new(cause, self.style.results.wrong_use);
                self.failed("", &failure.code(Failure::UNUSABLE));
                false
            }
        };
        if self.output.is_closed() && self.input.manner() == Manner::Batch {
            // The rest of the batch has not been run, and its caller has to know.
            self.status = self.status.max(1);
        }
        let stops = self.settings.stop_at_failure && self.status != 0;
        let stops = stops && self.input.manner() == Manner::Batch;
        if std::mem::take(&mut self.left) && self.input.manner() != Manner::Interactive {
            self.status = Failure::INTERRUPTED;
            return false;
        }
        more && !stops && !self.output.is_closed()
    }

    fn line(&mut self, line: &str, prompt: &str) -> bool {
        let matching = self.style.matching;
        let mut hidden = false;
        if self.input.manner() == Manner::Batch {
            // One word that is no command may be a password whose question was never asked.
            hidden = mask::is_lone_word(&self.root, line, matching);
            let echo = mask::masked(&self.root, line, matching);
            let echo = if hidden { MASK } else { &echo };
            self.output.write(&format!("{}{}\n", shown(prompt), shown(echo)));
        } else {
            self.input.remember(&mask::memorable(&self.root, line, matching));
        }
        match words::split(line) {
            Ok(words) => self.command(&words, hidden),
            Err(error) => {
                let failure = Failure::new(error.to_string(), self.style.results.wrong_use);
                let remedy = "Close it, or leave it out: a value cannot hold a double quote.";
                self.failed("", &failure.remedy(remedy).code(Failure::MISUSED));
                true
            }
        }
    }

    fn command(&mut self, words: &[Word], hidden: bool) -> bool {
        let width = self.input.width();
        let (input, output) = (&mut *self.input, &mut self.output);
        let fetch = &mut |reading: &mut Reading<'_>| sourced::fetch(reading, input, output);
        match understand::<P::Line>(&mut self.root, &self.style, words, width, fetch) {
            Ok(Meaning::Nothing) => return true,
            Ok(Meaning::Exit) => return false,
            Ok(Meaning::Help(text)) => {
                pager::show(&text, &mut *self.input, &mut self.output);
                let report = serde_json::json!({ "help": text });
                self.output.success(tree::HELP, Some(&Fields(report)));
            }
            Ok(Meaning::Run(line, command)) => self.act(line, &command, words),
            Err(misuse) => self.misused(*misuse, words, hidden),
        }
        true
    }

    fn act(&mut self, line: P::Line, command: &str, words: &[Word]) {
        // A value may stand behind the sign in its option's word.
        let value = |word: &str| word.split_once('=').map_or("", |(_, value)| value).to_owned();
        let repeated = |text: String| {
            words
                .iter()
                .fold(text, |text, word| contained(&value(&word.text), contained(&word.text, text)))
        };
        let mut asker =
            Asker { input: &mut *self.input, output: &mut self.output, style: &self.style };
        self.interrupts.turn_to(Doing::Running);
        let outcome = self.program.run(line, &mut asker);
        // Whoever reads a long report leaves it with a key.
        self.left = self.interrupts.turn_to(Doing::Attending) == Doing::Leaving;
        match outcome {
            Ok(report) => {
                if let Some(report) = &report {
                    pager::show(&repeated(report.text()), &mut *self.input, &mut self.output);
                }
                self.output.success(command, report.as_deref());
            }
            Err(failure) => {
                let (cause, remedy) = (repeated(failure.cause), failure.remedy.map(repeated));
                self.failed(command, &Failure { cause, remedy, ..failure });
            }
        }
        if let Some(text) = self.program.afterword() {
            pager::write(&text, &mut *self.input, &mut self.output);
            self.output.write("\n");
        }
    }

    fn misused(&mut self, misuse: Misuse, words: &[Word], hidden: bool) {
        if let Some(usage) = misuse.usage {
            self.output.paragraph(&usage);
        }
        let mut failure = misuse.failure;
        let texts = [Some(&mut failure.cause), failure.remedy.as_mut()];
        for text in texts.into_iter().flatten() {
            *text = mask::scrubbed(&self.root, words, self.style.matching, text);
        }
        failure = Failure {
            cause: shown(&failure.cause).into_owned(),
            remedy: failure.remedy.map(|remedy| shown(&remedy).into_owned()),
            ..failure
        };
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

/// Fields without a text of their own.
struct Fields(serde_json::Value);

impl Report for Fields {
    fn text(&self) -> String {
        String::new()
    }

    fn json(&self) -> serde_json::Value {
        self.0.clone()
    }
}
